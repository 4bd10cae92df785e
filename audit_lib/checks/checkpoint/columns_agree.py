from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Location, Severity
from audit_lib.subject.artifacts import Artifact
from audit_lib.subject.checkpoint_fields import field, names_in
from audit_lib.subject.documents import Document
from audit_lib.subject.pointers import keys_of


class ModelsReadTheDeclaredColumns(Check):
    """The columns that stored models and scalers were fitted on are the declared ones, in order.

    What it checks
        Every list of feature names inside an artifact of the version (LightGBM and XGBoost models,
        scikit-learn's `feature_names_in_`, metadata of other formats) equals a list of columns that
        the metadata declares, element by element.
    Why it matters
        Columns in another order give a prediction of the right shape and no error at all. It is the
        most expensive silent mistake there is at this boundary.
    How
        Reads feature names from the bytes of the artifacts without executing them, and compares
        them with `feature_cols` and with every other list of columns in the metadata (one model a
        regime has a list of its own). Where a key above a list, or a value beside it, is the name
        of a file, the list is due from that file and from no other.
    Limitations
        A model fitted on a bare array keeps no names; only its width can be told. Names that a
        library made up (`Column_0`) are left out. Where the metadata does not say whose a list is,
        any list of it will do for any file.
    Remediation
        Export `feature_cols` from the fitted model, never from the pipeline or sorted by name.
    Sources
        scikit-learn, SLEP007 feature names; LightGBM model text format.
    """

    code = "CHK006"
    severity = Severity.CRITICAL
    reads = Reads.ARTIFACTS
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Compare each artifact's columns with the declared lists."""
        declared = field(subject, "feature_cols")
        own = names_in(declared.value)
        if own is None:
            raise NotAssessed("the metadata declares no feature columns")
        lists = {declared.pointer: tuple(own)}
        for artifact in subject.version_artifacts:
            if artifact.path == subject.metadata.path:
                lists.update(artifact.feature_sets)
        paths = [a.path for a in subject.version_artifacts if a.path != subject.metadata.path]
        owners = {p: _owner(p, subject.metadata, paths) for p in lists}
        rows = []
        count = 0
        departing: dict[tuple[Any, ...], list[tuple[Artifact, str]]] = {}
        for artifact in subject.version_artifacts:
            if artifact.path == subject.metadata.path:
                continue
            for pointer, names in _fitted_on(artifact):
                count += 1
                due = _due(artifact.path, lists, owners)
                match = next((p for p, listed in due.items() if listed == names), "")
                rows.append((artifact.path, len(names), match or "none"))
                if not match:
                    departing.setdefault((names, *due.items()), []).append((artifact, pointer))
        for (names, *near), members in departing.items():
            yield self._departs(members, names, dict(near))
        if not count:
            raise NotAssessed("no artifact of the version names the columns it was fitted on")
        yield Evidence(
            "columns",
            "Columns of artifacts and the declared list they equal",
            ("artifact", "columns", "declared at"),
            tuple(rows),
        )
        yield Examined(count, "lists of columns in artifacts")

    def _departs(
        self,
        members: list[tuple[Artifact, str]],
        names: tuple[str, ...],
        lists: dict[str, tuple[str, ...]],
    ) -> Answer:
        """One finding for all artifacts that share their columns."""
        (first_one, pointer), *others = members
        files = ", ".join(a.path for a, _ in members[:5]) + (" and others" if others[4:] else "")
        files += " were" if others else " was"
        where, nearest = max(lists.items(), key=lambda item: len(set(item[1]) & set(names)))
        if sorted(nearest) == sorted(names):
            first = next(i for i, (a, b) in enumerate(zip(names, nearest, strict=True)) if a != b)
            text = (
                f"{files} fitted on the columns of {where} in another order: position "
                f"{first} is {names[first]!r}, declared {nearest[first]!r}"
            )
        else:
            off = sorted(set(names) ^ set(nearest))
            text = (
                f"{files} fitted on {len(names)} columns; the nearest declared list "
                f"({where}, {len(nearest)}) differs in {', '.join(off[:5])}"
                + (" and others" if len(off) > 5 else "")
            )
        return self.finding(
            Location(first_one.path, base="artifacts", pointer=pointer),
            text,
            measured=", ".join(names),
            expected=", ".join(nearest),
            key="columns",
            evidence=("columns",),
        )


def _owner(pointer: str, metadata: Document, paths: Sequence[str]) -> str:
    """The artifact whose columns a list of the metadata is said to be; '' where it does not say.

    It says so where a key above the list is the name of a file, or where the mapping that holds
    the list, or one above it, names one.
    """
    tokens = keys_of(pointer)[:-1]
    for depth in range(len(tokens), 0, -1):
        holder = metadata.get("/" + "/".join(pointer.split("/")[1 : depth + 1]))
        values = holder.values() if isinstance(holder, dict) else ()
        words = {tokens[depth - 1], *(v for v in values if isinstance(v, str))}
        named = [p for p in paths if words & {p, PurePath(p).name, PurePath(p).stem}]
        if named:
            return named[0] if len(named) == 1 else ""
    return ""


def _due(
    path: str, lists: dict[str, tuple[str, ...]], owners: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """Lists that an artifact may follow: its own, else those that are nobody else's, else all."""
    own = {p: names for p, names in lists.items() if owners[p] == path}
    free = {p: names for p, names in lists.items() if not owners[p]}
    return own or free or lists


def _fitted_on(artifact: Artifact) -> list[tuple[str, tuple[str, ...]]]:
    sets = dict(artifact.feature_sets)
    if artifact.feature_names is not None and artifact.feature_names not in sets.values():
        sets[""] = artifact.feature_names
    distinct: dict[tuple[str, ...], str] = {}
    for pointer, names in sets.items():
        if names and not all(n.startswith(("Column_", "column_", "f")) and n[-1:].isdigit()
                             and n.lstrip("Columnf_c").isdigit() for n in names):  # fmt: skip
            distinct.setdefault(tuple(names), pointer)
    return [(pointer, names) for names, pointer in distinct.items()]
