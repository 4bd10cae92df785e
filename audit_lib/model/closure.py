"""Closing an audit: what became of each finding since another run, and what weighs most.

Pure functions over results; findings are merged first (:mod:`audit_lib.model.merging`).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from audit_lib.model.merging import Merged, dependents, identity, identity_marks, merged
from audit_lib.model.results import TaskResult, digest_of
from audit_lib.model.sight import Sight, sights, unseen
from audit_lib.model.sizes import trend
from audit_lib.model.verdicts import breaks
from audit_lib.model.vocabulary import Outcome


class Fate(StrEnum):
    """What became of a finding between two runs, in the order in which people ask."""

    NEW = "new"
    """open now, and never seen before"""
    REGRESSED = "regressed"
    """open now, not in the run before, and seen before that"""
    EXPIRED = "expired"
    """open now, and waived before; the waiver covers it no longer"""
    WORSE = "worse"
    """open before and now, and larger or more severe"""
    PERSISTING = "persisting"
    """open before and now"""
    BETTER = "better"
    """open before and now, and smaller or less severe"""
    UNKNOWN = "unknown"
    """there before, and its check could not tell this time"""
    EXEMPTED = "exempted"
    """there now, and waived by an exemption in force"""
    FIXED = "fixed"
    """there before, and its check has looked again and not found it"""


#: open now, and not open in the run before
CAME = (Fate.NEW, Fate.REGRESSED, Fate.EXPIRED)
#: what nobody has seen like this: it came, or a standing finding hides that it grew
ALARMING = (*CAME, Fate.WORSE)


@dataclass(frozen=True)
class Closed:
    """What became of one matter.

    Attributes:
        fate: what became of it.
        matter: as it stands now; as it stood, where it is gone.
        was: as it stood before; None where it was not there.
        why: why its check could not tell; or, of a new one, why nobody knew of it before.
    """

    fate: Fate
    matter: Merged
    was: Merged | None = None
    why: str = ""

    @property
    def moved_from(self) -> str:
        """Where it stood before, where that is another place; else ''."""
        if self.was is None or self.was is self.matter:
            return ""
        then, now = self.was.finding.location, self.matter.finding.location
        return "" if (then.path, then.line) == (now.path, now.line) else str(then)


@dataclass(frozen=True)
class Untold:
    """A check that told before and does not now, or not of everything.

    Attributes:
        findings: how many findings of the earlier side nobody knows the fate of.
    """

    code: str
    title: str
    why: str
    findings: int


@dataclass(frozen=True)
class Comparison:
    """What became of the findings between two runs.

    Attributes:
        label: what the earlier side is called, such as ``champion 2022-06``.
        before, after: subject, version and run id of either side, as text.
        version, run_id: of the earlier side.
        closed: every matter of either side once, the weightiest first.
        untold: checks that leave something unknown.
        notes: identities of what only informed before.
    """

    label: str
    before: str
    after: str
    version: str
    run_id: str
    closed: tuple[Closed, ...]
    untold: tuple[Untold, ...]
    notes: frozenset[str] = frozenset()

    def of(self, *fates: Fate) -> list[Closed]:
        """Matters that met one of those fates, the weightiest first."""
        return [c for c in self.closed if c.fate in fates]

    def counts(self) -> dict[Fate, int]:
        """How many matters met each fate; every fate is listed."""
        met = Counter(c.fate for c in self.closed)
        return {fate: met[fate] for fate in Fate}

    def fates(self) -> dict[str, Fate]:
        """Fate by identity."""
        return {c.matter.identity: c.fate for c in self.closed}

    @property
    def exit_code(self) -> int:
        """1 where something came or got worse, 2 where something is not known, else 0."""
        return 1 if self.of(*ALARMING) else 2 if self.untold else 0


@dataclass(frozen=True)
class Row:
    """One line of the closing list.

    Attributes:
        rank: 1 for the weightiest of those that stand open; None for what does not.
        fates: against each comparison, in order; None where the earlier side lacks it as well.
        moved_from: where it stood before, where that is another place.
        why: as in :class:`Closed`.
    """

    rank: int | None
    matter: Merged
    fates: tuple[Fate | None, ...]
    moved_from: str = ""
    why: str = ""

    @property
    def here(self) -> bool:
        """True where this run found it, waived or not."""
        return self.rank is not None or self.matter.waived


# --- comparing --------------------------------------------------------------------------------
def compare(
    before: Sequence[TaskResult],
    after: Sequence[TaskResult],
    *,
    label: str = "before",
    earlier: Iterable[Sequence[TaskResult]] = (),
) -> Comparison:
    """What became of the findings of one run in another, of whichever version.

    Args:
        before: tasks of the earlier run.
        after: tasks of the run in question.
        label: what the earlier side is called.
        earlier: runs before ``before``; what they found and ``before`` did not has come back.
    """
    then = {m.identity: m for m in merged(before)}
    now = {m.identity: m for m in merged(after)}
    for old, new in _moves(before, after, then, now).items():
        then[new] = replace(then.pop(old), identity=new)
    once = {m.identity for run in earlier for m in merged(run)}
    sights_then, sights_now = sights(before), sights(after)
    closed = []
    for name, matter in now.items():
        was = then.get(name)
        fate = _fate(matter, was, seen=name in once)
        code = matter.finding.code
        why = unseen(code, sights_then, sights_now) if fate is Fate.NEW else ""
        closed.append(Closed(fate, matter, was, why))
    for name in then.keys() - now.keys():
        was = then[name]
        why = unseen(was.finding.code, sights_now, sights_then)
        closed.append(Closed(Fate.UNKNOWN if why else Fate.FIXED, was, was, why))
    first = before[0] if before else None
    return Comparison(
        label,
        _name(before),
        _name(after),
        first.version if first else "",
        first.run_id if first else "",
        tuple(sorted(closed, key=lambda c: c.matter.weight)),
        _untold(before, after, sights_then, sights_now, closed),
        _notes(before),
    )


def closing_list(tasks: Sequence[TaskResult], comparisons: Sequence[Comparison]) -> tuple[Row, ...]:
    """Everything that is or was to be closed, ranked.

    Open before unknown before waived before fixed; then severity, then blast radius; what weighs
    the same by check, and there in the order of :class:`Fate`.
    """
    fates = [c.fates() for c in comparisons]
    closed_by_identity: dict[str, Closed] = {}
    for comparison in comparisons:
        for closed in comparison.closed:
            closed_by_identity.setdefault(closed.matter.identity, closed)
    here = {m.identity: m for m in merged(tasks)}
    gone = {name: c.matter for name, c in closed_by_identity.items() if name not in here}
    rows = []
    for matter in (*here.values(), *gone.values()):
        name = matter.identity
        met = tuple(fate_of.get(name) for fate_of in fates)
        place = 0 if name in here and not matter.waived else 2 if name in here else 3
        if name in gone and Fate.UNKNOWN in met:
            place = 1
        gone_by = closed_by_identity.get(name)
        moved, why = (gone_by.moved_from, gone_by.why) if gone_by else ("", "")
        # Gone in this run: a waiver that covered it then covers nothing now.
        shown = matter if name in here else replace(matter, waived=False)
        rows.append((place, Row(None, shown, met, moved, why)))
    rows.sort(key=lambda pair: (pair[0], *_weight(pair[1])))
    return tuple(
        replace(row, rank=position) if place == 0 else row
        for position, (place, row) in enumerate(rows, start=1)
    )


# --- inside -----------------------------------------------------------------------------------
def _weight(row: Row) -> tuple[object, ...]:
    *gravest, code, place, key = row.matter.weight
    order = list(Fate)
    met = tuple(order.index(fate) if fate else len(order) for fate in row.fates)
    return (*gravest, code, met, place, key)


def _name(tasks: Sequence[TaskResult]) -> str:
    if not tasks:
        return "nothing"
    return f"{tasks[0].subject} {tasks[0].version} run {tasks[0].run_id}"


def _notes(tasks: Iterable[TaskResult]) -> frozenset[str]:
    every = ((f, t.version) for t in tasks for r in t.results for f in r.findings)
    return frozenset(identity(f, version) for f, version in every if not breaks(f))


def _fate(matter: Merged, was: Merged | None, *, seen: bool) -> Fate:
    if matter.waived:
        return Fate.EXEMPTED
    if was is not None:
        if was.waived:
            return Fate.EXPIRED
        return _TRENDS[trend(was.finding, matter.finding)]
    return Fate.REGRESSED if seen else Fate.NEW


_TRENDS = {1: Fate.WORSE, 0: Fate.PERSISTING, -1: Fate.BETTER}


def _untold(
    before: Iterable[TaskResult],
    after: Iterable[TaskResult],
    sights_then: Mapping[str, Sight],
    sights_now: Mapping[str, Sight],
    closed: Iterable[Closed],
) -> tuple[Untold, ...]:
    lost = Counter(c.matter.finding.code for c in closed if c.fate is Fate.UNKNOWN)
    # What applies no longer has nothing left to tell, unless it had something to answer for.
    moot = {r.code for t in after for r in t.results if r.outcome is Outcome.NOT_APPLICABLE}
    untold = []
    for result in (r for t in before for r in t.results):
        code, why = result.code, unseen(result.code, sights_now, sights_then)
        if lost[code] or (why and not sights_then[code].blind and code not in moot):
            untold.append(Untold(code, result.title, why, lost[code]))
    return tuple(sorted(untold, key=lambda u: (-u.findings, u.code)))


def _moves(
    before: Sequence[TaskResult],
    after: Sequence[TaskResult],
    then: Mapping[str, Merged],
    now: Mapping[str, Merged],
) -> dict[str, str]:
    """Earlier identity to later one, of findings whose file was moved or renamed.

    Only where all else is the same and fits no other finding, the file of the one is not in the
    later tree, and that of the other was not in the earlier.
    """
    files_then, files_now = dependents(before), dependents(after)
    if not files_then or not files_now:
        return {}
    gone = _by_all_but_path(before[0].version, then, now, files_now)
    came = _by_all_but_path(after[0].version, now, then, files_then)
    return {
        names[0]: came[marks][0]
        for marks, names in gone.items()
        if len(names) == 1 and len(came.get(marks, ())) == 1
    }


def _by_all_but_path(
    version: str, side: Mapping[str, Merged], other: Mapping[str, Merged], there: Mapping[str, int]
) -> dict[str, list[str]]:
    by_marks: dict[str, list[str]] = defaultdict(list)
    for name, matter in side.items():
        place = matter.finding.anchor
        if name not in other and place.base == "source" and place.path not in there:
            by_marks[digest_of(identity_marks(matter.finding, version, path=""))].append(name)
    return by_marks
