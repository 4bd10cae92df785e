"""A folder of learned conditions that the subject keeps, held against its version and rows."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from audit_lib.arrays import Floats
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.explain.attribution import Attributed
from audit_lib.explain.conditions import Condition, Event, all_hold, precision_of
from audit_lib.explain.importance import Bootstrap, ranks_agree
from audit_lib.explain.records import Factor, Inputs, RuleRecord, Rules
from audit_lib.explain.rows import Rows
from audit_lib.files import read_whole
from audit_lib.model import Examined, Gap, Location
from audit_lib.subject.subject import Subject

#: a stated precision may lie that far beyond the measured one's interval
SLACK = 0.1
#: what the rank correlation of importances may be at least, at the upper end of its interval
AGREES = 0.2
AGREED = f"{AGREES:g} or more at the upper end of its interval"
#: rows under which a rule must stand before its precision is judged
FEWEST = 100


def stands_out(importances: Iterable[float]) -> float:
    """What an importance must exceed to say that its factor matters: the middle, and rounding."""
    values = list(importances)
    return max(float(np.median(values)), 1e-6 * max(values)) if values else 0.0


def ranks_differ(recorded: Mapping[str, float], columns: list[str], head: Attributed) -> str:
    """How far recorded importances are from ranking as factors contribute; '' where they may."""
    shared = [i for i, c in enumerate(columns) if c in recorded]
    ours = np.array([head.sizes[i].value for i in shared])
    agreed = ranks_agree(ours, np.array([recorded[columns[i]] for i in shared]))
    if not np.isfinite(agreed.high) or agreed.high >= AGREES:
        return ""
    return f"rank correlation {agreed.value:.2f}, at most {agreed.high:.2f}"


@dataclass(frozen=True)
class FolderMismatch:
    """One way in which the folder is not what this version does, in the words of a finding."""

    location: Location
    message: str
    measured: str
    expected: str
    key: str


@dataclass(frozen=True)
class Folder:
    """The folder and what its paths are relative to."""

    path: Path
    base: str
    top: Path

    @classmethod
    def of(cls, subject: Subject) -> Folder:
        """The folder that the parameters name.

        Raises:
            NotApplicable: they name none.
            NotAssessed: it is not there.
        """
        name = subject.parameters.explain.learned_conditions
        if not name:
            raise NotApplicable("the subject keeps none (explain.learned_conditions)")
        located = locate(subject, name)
        if located is None or not located[0].is_dir():
            raise NotAssessed(f"{name} is no folder of the version or below the root")
        return cls(*located)

    def where(self, file: Path) -> Location:
        """Where a finding about a file of it stands."""
        return Location(file.relative_to(self.top).as_posix(), base=self.base)


def locate(subject: Subject, name: str) -> tuple[Path, str, Path] | None:
    """A path of the subject's: in the version's folder, else below the root; None where neither."""
    name = name.replace("{version}", subject.version)
    places: list[tuple[Path, str, Path]] = []
    if subject.parameters.artifacts is not None:
        places.append((subject.version_folder / name, "artifacts", subject.store))
    places.append((subject.root / name, "source", subject.root))
    for path, base, top in places:
        if path.exists() and path.resolve().is_relative_to(top.resolve()):
            return path, base, top
    return None


def departures(
    folder: Folder,
    rows: Rows,
    answers: Mapping[str, Floats],
    heads: Sequence[Attributed],
    subject: Subject,
) -> Iterator[FolderMismatch | Examined | Gap]:
    """Everything in the folder that does not hold of this version and these rows."""
    yield from _stale(folder, rows, subject)
    files = sorted(folder.path.glob("rules_*.json"))
    yield Examined(len(files), "files of rules")
    for file in files:
        try:
            learned = Rules.model_validate_json(read_whole(file))
        except (ValidationError, OSError) as error:
            first = str(error).splitlines()[0]
            yield Gap(file.name, f"not in the form of learned-rules/1: {first}")
            continue
        answered = answers.get(learned.head)
        for number, rule in enumerate(learned.rules):
            yield from _rule(folder.where(file), rule, number, rows, answered)
        if answered is None:
            yield Gap(file.name, f"no head is called {learned.head!r} here")
    yield from _unsupported(folder, rows.columns, heads)


def _stale(folder: Folder, rows: Rows, subject: Subject) -> Iterator[FolderMismatch | Gap]:
    columns, file = rows.columns, folder.path / "inputs_schema.json"
    try:
        recorded = Inputs.model_validate_json(read_whole(file))
    except FileNotFoundError:
        yield Gap(file.name, "is missing: nothing says what was explained")
        return
    except (ValidationError, OSError) as error:
        yield Gap(file.name, f"not in the form of learned-inputs/1: {str(error).splitlines()[0]}")
        return
    if recorded.version != subject.version:
        yield FolderMismatch(
            folder.where(file),
            "is stale: it was made of another version",
            recorded.version,
            subject.version,
            "version",
        )
    names = [f.name for f in recorded.factors]
    if set(names) != set(columns):
        off = sorted(set(names) ^ set(columns))
        yield FolderMismatch(
            folder.where(file),
            "was made of other factors than the model reads",
            f"{len(off)} differ, {off[0]!r} among them",
            f"{len(columns)} factors of the model",
            "factors",
        )
    for factor in recorded.factors:
        yield from _elsewhere(folder.where(file), factor, rows)


def _elsewhere(where: Location, recorded: Factor, rows: Rows) -> Iterator[FolderMismatch]:
    """A factor whose usual range there meets no value of it here: another unit, or other rows."""
    if recorded.name not in rows.numeric or recorded.low is None or recorded.high is None:
        return
    values = rows.table[recorded.name].to_numpy(dtype=np.float64, na_value=np.nan)
    values = values[np.isfinite(values)]
    if len(values) and not ((values >= recorded.low) & (values <= recorded.high)).any():
        yield FolderMismatch(
            where,
            f"is stale: {recorded.name!r} took other values than it does here",
            f"{values.min():.4g} to {values.max():.4g}",
            f"{recorded.low:.4g} to {recorded.high:.4g}, as recorded",
            f"range {recorded.name}",
        )


def _rule(
    where: Location, rule: RuleRecord, number: int, rows: Rows, answered: Floats | None
) -> Iterator[FolderMismatch]:
    key = f"rule {number} {' '.join(c.factor for c in rule.conditions)}"
    unknown = [c.factor for c in rule.conditions if c.factor not in rows.columns]
    if unknown:
        yield FolderMismatch(
            where, f"a rule names {unknown[0]!r}, which the model does not read", "", "", key
        )
        return
    conditions = [Condition(c.factor, c.above, c.up_to, c.missing) for c in rule.conditions]
    holds = all_hold(conditions, rows.table.rename(columns=str))
    share = float(holds.mean())
    if share == 0:
        yield FolderMismatch(
            where, "a rule never fires", f"0 of {len(rows)} rows", f"{rule.support:.0%}", key
        )
    elif share > 0.995:
        yield FolderMismatch(
            where, "a rule holds of every row, and says nothing", f"{share:.1%}", "a condition", key
        )
    elif rule.lift.value is not None and rule.lift.value <= 1.0:
        yield _vacuous(where, f"lift {rule.lift.value:.2f}", key)
    elif answered is not None and rule.precision.value is not None and holds.sum() >= FEWEST:
        right = Event(rule.event.kind, rule.event.value).so(answered)
        shown = precision_of(right, holds, Bootstrap(rows.blocks, 0))
        if shown.value <= (base := float(right.mean())):
            # Whatever lift it states: here its outcome is no more frequent where it holds.
            yield _vacuous(where, f"{shown.value:.0%} where it holds, {base:.0%} of all rows", key)
        elif not shown.low - SLACK <= rule.precision.value <= shown.high + SLACK:
            yield FolderMismatch(
                where,
                "a rule does not hold as often as it says",
                f"{shown.value:.0%} (95 % interval {shown.low:.0%} to {shown.high:.0%})",
                f"{rule.precision.value:.0%}",
                key,
            )


def _vacuous(where: Location, measured: str, key: str) -> FolderMismatch:
    message = "a rule is vacuous: its outcome is as frequent without it"
    return FolderMismatch(where, message, measured, "a lift above 1", key)


def _unsupported(
    folder: Folder, columns: list[str], heads: Sequence[Attributed]
) -> Iterator[FolderMismatch | Examined | Gap]:
    """Importances in their table that are not those of this version."""
    for head in heads:
        file = folder.path / f"attribution_{head.name}.csv"
        if not file.is_file():
            continue
        try:
            with file.open(encoding="utf-8-sig", newline="") as opened:
                recorded = {
                    row["factor"]: float(row["importance"])
                    for row in csv.DictReader(opened)
                    if row.get("scope") == "all"
                }
        except (KeyError, ValueError, OSError) as error:
            yield Gap(file.name, f"cannot be read: {error}")
            continue
        yield Examined(len(recorded), f"importances of {head.name}")
        middle = stands_out(recorded.values())
        idle = [c for i, c in enumerate(columns) if head.idle(i) and recorded.get(c, 0) > middle]
        if idle:
            yield FolderMismatch(
                folder.where(file),
                f"importance without support: {idle[0]!r} contributes nothing to {head.name}",
                f"{recorded[idle[0]]:g}",
                "0",
                f"{head.name} support",
            )
        if measured := ranks_differ(recorded, columns, head):
            yield FolderMismatch(
                folder.where(file),
                f"is stale: factors of {head.name} do not rank as they contribute here",
                measured,
                AGREED,
                f"{head.name} ranks",
            )
