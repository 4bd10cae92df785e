import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.subject.checkpoint_fields import field, names_in
from audit_lib.subject.registry import Registry

#: Keys under which registries count the inputs of a model.
_FEATURE_COUNTS = ("n_features", "num_features", "feature_count", "input_dim")


class RegistryAgreesWithArtifacts(Check):
    """The registry's rows and pointers describe what the store holds.

    What it checks
        Every row has a folder and every folder a row; ids are unique; `latest` and `champion`, of
        each key where there are keys, point to rows; and what the row of this version says under
        a name that its metadata uses too is the same, the number of features included.
    Why it matters
        The registry decides which model trades. A pointer to a version that is not there makes the
        loader improvise; a row that describes another model makes governance compare the wrong one.
    How
        Compares the registry file with the folders of the store, and the row with the metadata,
        field by field, numbers within one part in a billion.
    Limitations
        Only fields with equal names are compared. Folders are told by holding a file that matches
        `artifacts.metadata`, or a model.
    Remediation
        Register a version in one atomic step after its files are complete, and remove both
        together.
    Sources
        Board of Governors of the Federal Reserve System, SR 11-7 (2011), section VI, on model
        inventories.
    """

    code = "CHK003"
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Compare rows, pointers, folders and fields."""
        registry = subject.registry
        yield Examined(len(registry.rows), "registry rows")
        yield from self._pointers(subject, registry)
        yield from self._folders(subject, registry)
        yield from self._row(subject, registry)

    def _pointers(self, subject: Subject, registry: Registry) -> Answers:
        led: dict[str, tuple[str, str]] = {}  # one pointer may serve every key
        for key, of_key in subject.registries().items():
            for name, version in (("latest", of_key.latest), ("champion", of_key.champion)):
                if version is not None and version not in of_key.rows:
                    role = f"{name} ({key})" if subject.is_keyed(name) else name
                    led[role] = (version, of_key.roles[name])
        for role, (version, pointer) in led.items():
            yield self.finding(
                registry.document.location(pointer),
                f"{role} points to {version!r}, which the registry does not list",
                measured=version,
                expected=f"one of {len(registry.rows)} versions",
                key=role,
                severity=Severity.CRITICAL,
            )
        for version in _repeated(subject, registry):
            yield self.finding(
                registry.document.location(registry.pointer(version)),
                f"the registry lists {version!r} more than once",
                measured="several rows",
                expected="one row",
                key=f"repeated {version}",
            )

    def _folders(self, subject: Subject, registry: Registry) -> Answers:
        for version in registry.rows:
            folder = subject.folder_of(version)
            if not (subject.store / folder).is_dir():
                yield self.finding(
                    registry.document.location(registry.pointer(version)),
                    f"version {version!r} has no folder in the store",
                    measured="no such folder",
                    expected=folder,
                    key=f"folder {version}",
                    severity=Severity.CRITICAL if version == registry.latest else self.severity,
                )

    def _row(self, subject: Subject, registry: Registry) -> Answers:
        row = registry.rows.get(subject.version)
        pointer = registry.pointer(subject.version)
        if not isinstance(row, Mapping):
            if row is None:
                yield Gap(subject.version, "the registry has no row for this version")
            return
        try:
            metadata = subject.metadata
        except NotAssessed as error:
            yield Gap("metadata", str(error))
            return
        table = []
        stored = metadata.data if isinstance(metadata.data, Mapping) else {}
        for key in sorted(set(row) & set(stored)):
            same = _same(row[key], stored[key])
            table.append((str(key), _shown(row[key]), _shown(stored[key]), same))
            if not same:
                yield self._differs(registry, pointer, str(key), row[key], stored[key], "metadata")
        columns = names_in(field(subject, "feature_cols").value)
        for key in _FEATURE_COUNTS:
            if columns is not None and isinstance(row.get(key), int):
                same = row[key] == len(columns)
                table.append((key, _shown(row[key]), f"{len(columns)} feature columns", same))
                if not same:
                    yield self._differs(
                        registry, pointer, key, row[key], len(columns), "list of columns"
                    )
        yield Evidence(
            "row",
            f"Registry and metadata of {subject.version}",
            ("field", "registry", "metadata", "same"),
            tuple(table),
        )
        yield Examined(len(table), "fields")

    def _differs(
        self, registry: Registry, pointer: str, key: str, row: Any, stored: Any, where: str
    ) -> Answer:
        return self.finding(
            registry.document.location(pointer, key),
            f"the registry says {key} = {_shown(row)}, the {where} {_shown(stored)}",
            measured=_shown(row),
            expected=_shown(stored),
            key=key,
            severity=Severity.MEDIUM,
            evidence=("row",),
        )


def _repeated(subject: Subject, registry: Registry) -> list[str]:
    layout = subject.parameters.registry_layout
    raw = registry.document.get(layout.versions) if layout else None
    if layout is None or not isinstance(raw, list):
        return []
    ids = Counter(str(r.get(layout.id)) if isinstance(r, Mapping) else str(r) for r in raw)
    return [version for version, times in ids.items() if times > 1]


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, (int, float)) and isinstance(second, (int, float)):
        return math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12) or first == second
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        shared = set(first) & set(second)
        return all(_same(first[k], second[k]) for k in shared)
    return bool(first == second)


def _shown(value: Any) -> str:
    text = f"{value:.9g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
