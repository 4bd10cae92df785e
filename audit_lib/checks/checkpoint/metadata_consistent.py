from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed, VersionError
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.subject.checkpoint_fields import Field, field, hash_recipe, names_in


class MetadataIsConsistent(Check):
    """The fields of a version's metadata agree with each other and with its id.

    What it checks
        `feature_cols` is a list of unique names; `input_dim` counts them; `version` is the id under
        which the version is stored; heads have unique names; and the schema hash belongs to the
        ordered columns: it is reproduced where its recipe is a common one, and it is the same for
        exactly those versions whose columns are the same.
    Why it matters
        Metadata that contradicts itself was assembled from two runs, or edited by hand. One half of
        it describes another model.
    How
        Plain comparison of fields. For the hash, five digests of eight spellings of the column list
        are tried; otherwise all versions of the store are compared with this one.
    Limitations
        A hash whose recipe is unknown, in a store where no other version has the same columns, can
        only be noted. That the models read these columns is the business of CHK006.
    Remediation
        Derive every field from the one object that is trained and saved.
    Sources
        The audit plan's feature vector and checkpoint contracts.
    """

    code = "CHK004"
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Compare fields with each other."""
        columns = field(subject, "feature_cols")
        names = names_in(columns.value)
        done = 0
        if columns.present and names is None:
            yield self.finding(
                columns.location,
                "feature_cols is not a list of names",
                measured=type(columns.value).__name__,
                expected="a list of strings",
                key="feature_cols type",
            )
        if names is not None:
            done += 1
            yield from self._unique(columns, "feature_cols", names)
            dimension = field(subject, "input_dim")
            if dimension.present:
                done += 1
                yield from self._counts(dimension, len(names))
        version = field(subject, "version")
        if version.present:
            done += 1
            yield from self._is_named(version, subject.version)
        heads = field(subject, "heads")
        if isinstance(heads.value, list):
            done += 1
            listed = [str(h.get("name", h)) if isinstance(h, dict) else str(h) for h in heads.value]
            yield from self._unique(heads, "heads", listed)
        digest = field(subject, "schema_hash")
        if isinstance(digest.value, str) and digest.value and names is not None:
            done += 1
            yield from self._hash(subject, digest.value, names)
        if not done:
            raise NotAssessed("the metadata holds none of the fields that can be compared")
        yield Examined(done, "statements")

    def _unique(self, entry: Field, what: str, names: list[str]) -> Answers:
        for name, times in Counter(names).items():
            if times > 1:
                yield self.finding(
                    entry.location,
                    f"{what} names {name!r} {times} times",
                    measured=times,
                    expected=1,
                    key=f"repeated {name}",
                )

    def _counts(self, dimension: Field, columns: int) -> Answers:
        if dimension.value != columns or isinstance(dimension.value, bool):
            yield self.finding(
                dimension.location,
                f"input_dim is {dimension.value!r}, feature_cols has {columns} names",
                measured=dimension.value,
                expected=columns,
                key="input_dim",
            )

    def _is_named(self, entry: Field, version: str) -> Answers:
        if str(entry.value) != version:
            yield self.finding(
                entry.location,
                f"the metadata calls itself {entry.value!r}, it is stored as {version!r}",
                measured=entry.value,
                expected=version,
                key="version",
            )

    def _hash(self, subject: Subject, digest: str, names: list[str]) -> Answers:
        location = field(subject, "schema_hash").location
        recipe = hash_recipe(names, digest)
        others = dict(_other_versions(subject))
        twins, reported = 0, False
        rows = [(subject.version, digest[:16], len(names), recipe or "not a common recipe")]
        for version, (other_names, other_digest) in others.items():
            other_recipe = hash_recipe(other_names, other_digest)
            rows.append((version, other_digest[:16], len(other_names), other_recipe))
            same_columns, same_hash = other_names == names, other_digest == digest
            twins += same_columns
            if same_columns != same_hash:
                what = "the same columns and another" if same_columns else "other columns and the"
                yield self.finding(
                    location,
                    f"version {version} has {what} schema hash",
                    measured=digest[:16],
                    expected="equal hashes for equal columns only",
                    key=f"schema_hash {version}",
                    evidence=("hashes",),
                )
            elif other_recipe and not recipe:
                reported = True
                yield self.finding(
                    location,
                    f"the schema hash is not the {other_recipe}, as that of version {version} is",
                    measured=digest[:16],
                    expected=other_recipe,
                    key="schema_hash",
                    evidence=("hashes",),
                )
                break
        yield Evidence(
            "hashes",
            "Schema hashes of the versions",
            ("version", "hash", "columns", "made as"),
            tuple(rows),
        )
        if not recipe and not twins and not reported:
            yield Gap(
                "schema_hash", "its recipe is not a common one and no other version has its columns"
            )


def _other_versions(subject: Subject) -> Iterator[tuple[str, tuple[list[str], str]]]:
    for version in subject.versions():
        if version == subject.version:
            continue
        with suppress(NotAssessed, VersionError):
            other = subject.at(version)
            names = names_in(field(other, "feature_cols").value)
            digest = field(other, "schema_hash").value
            if names is not None and isinstance(digest, str) and digest:
                yield version, (names, digest)
