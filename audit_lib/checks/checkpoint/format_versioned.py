import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed, VersionError
from audit_lib.model import Evidence, Examined, Location, Scalar, Severity
from audit_lib.probes.lifecycle.stored_form import Form, changes, form_id, form_of
from audit_lib.probes.prediction.heads import declared_heads
from audit_lib.subject.checkpoint_fields import field, names_in
from audit_lib.subject.code import code_of
from audit_lib.subject.pointers import MISSING

_NAMES = re.compile(
    r"^(schema|format|file|meta|metadata|layout|checkpoint|artifact|contract|model)_?"
    r"(format_?|schema_?)?(version|rev|revision)$|^(format|schema)$",
    re.IGNORECASE,
)
NONE = "none"


class FormatsChangeWithTheirVersion(Check):
    """Where the form of stored files changes, the format version that they state changes too.

    What it checks
        The form of every version: fields of its metadata and registry row with their kinds, its
        files, their arrays. Where it differs from one version to the next, and stays so, the format
        version that the metadata state differs too.
    Why it matters
        A field that is renamed between two trainings is read with its default from then on, or from
        before; a reader that knows the format version can refuse what it does not know.
    How
        Reads the files without executing them. Keys that are data (names of features, heads or
        files, dates) count as one. What comes and goes is optional, and no change. The snapshot of
        this version's form, with an id, and what changed since when and who names it, are evidence.
    Limitations
        Units are those of declared heads alone; what stands inside pickled objects is not seen.
        With two versions, an optional field cannot be told from a new one.
    Remediation
        Write a format version into the metadata, raise it with every change, and check it at load.
    Sources
        Semantic Versioning 2.0.0; Kleppmann (2017), Designing Data-Intensive Applications, ch. 4.
    """

    code = "CHK010"
    severity = Severity.MEDIUM
    reads = Reads.ARTIFACTS
    pure = True

    declared: str = Field("", description="pointer of the format version; found by name where ''")
    versions: int = Field(40, ge=2, description="newest versions that are compared")

    def run(self, subject: Subject) -> Answers:
        """Compare the forms of the versions, in the order in which they were registered."""
        own = form_of(subject)
        yield Evidence(
            "schema",
            f"Form of version {subject.version}",
            ("place", "kind"),
            tuple(sorted(own.items())),
            note=f"format id: {form_id(own)}; stated: {self._stated(subject)}",
        )
        columns = ("what", "name", "kind", "shape", "unit")
        yield Evidence("contents", "What the files hold", columns, tuple(self._contents(subject)))
        forms, stated = self._forms(subject)
        if len(forms) < 2:
            raise NotAssessed("there is one version with metadata: its form cannot have changed")
        yield Examined(len(forms), "versions")
        listed = list(forms)
        rows: list[tuple[str, str, str, str, str]] = []
        answers: list[Answer] = []
        for before, after in pairwise(listed):
            lasting = self._lasting(forms, before, after)
            for place, (one, other) in lasting.items():
                readers = ", ".join(_named(subject, place))
                rows.append((after, place, one or "absent", other or "absent", readers))
            if lasting and stated[before] == stated[after]:
                answers.append(self._unversioned(subject, before, after, lasting, stated[after]))
        columns = ("since", "place", "before", "after", "named in")
        yield Evidence("changes", "What changed from version to version", columns, tuple(rows))
        yield from answers

    @staticmethod
    def _contents(subject: Subject) -> Iterator[tuple[Scalar, ...]]:
        """Arrays, columns and heads of the version, with shape, kind and unit where known."""
        for artifact in subject.version_artifacts:
            for array in artifact.arrays:
                shape = " x ".join(map(str, array.shape)) or "one number"
                yield "array", f"{artifact.path} {array.name}", array.dtype, shape, ""
        with suppress(NotAssessed):
            for place, name in enumerate(names_in(field(subject, "feature_cols").value) or ()):
                yield "column", name, "", f"column {place}", ""
        given = subject.parameters.heads
        with suppress(NotAssessed):
            for head in declared_heads(subject):
                unit = given[head.name].unit if head.name in given else ""
                where = "" if head.position is None else f"output {head.position}"
                yield "head", head.name, head.kind.value, where, unit

    def _forms(self, subject: Subject) -> tuple[dict[str, Form], dict[str, str]]:
        forms: dict[str, Form] = {}
        stated: dict[str, str] = {}
        for version in subject.versions()[-self.versions :]:
            with suppress(NotAssessed, VersionError):
                bound = subject.at(version)
                stated[version] = self._stated(bound)
                forms[version] = form_of(bound)
        return forms, stated

    def _stated(self, subject: Subject) -> str:
        """The format version that the metadata state."""
        metadata = subject.metadata
        if self.declared:
            value = metadata.get(self.declared)
            return NONE if value is None or value is MISSING else str(value)
        whole = metadata.get("")
        for key, value in whole.items() if isinstance(whole, dict) else ():
            if _NAMES.match(str(key)) and isinstance(value, (str, int, float)):
                return f"{key} {value}"
        return NONE

    @staticmethod
    def _lasting(forms: dict[str, Form], before: str, after: str) -> dict[str, tuple[str, str]]:
        """Changes between two neighbours, without what another version has the other way round."""
        listed = list(forms)
        at = listed.index(after)
        early, late = listed[:at], listed[at:]
        return {
            place: kinds
            for place, kinds in changes(forms[before], forms[after]).items()
            if all(forms[v].get(place, "") in (kinds[0], "") for v in early)
            and all(forms[v].get(place, "") == kinds[1] for v in late)
            and (kinds[0] == "" or all(forms[v].get(place) for v in early))
        }

    def _unversioned(
        self,
        subject: Subject,
        before: str,
        after: str,
        lasting: dict[str, tuple[str, str]],
        stated: str,
    ) -> Answer:
        place, (one, other) = next(iter(lasting.items()))
        what = f"{place} ({one or 'absent'}, then {other or 'absent'})"
        how = "no format version is stated" if stated == NONE else f"{stated} is stated for both"
        metadata, count = subject.at(after).metadata, len(lasting)
        places = f"{count} place{'s' if count > 1 else ''}"
        return self.finding(
            Location(metadata.path, base="artifacts"),
            f"from {before} to {after} the form of the files changes in {places}, "
            f"first {what}, and {how}",
            measured=f"{places}, {stated}",
            expected="a format version of its own",
            key=f"{after} form",
            evidence=("changes", "schema"),
        )


def _named(subject: Subject, place: str) -> list[str]:
    """Up to three files of the source that name the last part of a place."""
    word = re.split(r"[#/]", place)[-1]
    if not word or word == "*":
        return []
    spelled = (f'"{word}"', f"'{word}'")
    code = code_of(subject.source)
    return [p for p, f in code.files.items() if any(s in f.file.text for s in spelled)][:3]
