"""Findings, evidence and results: what checks answer and everything else carries."""

import hashlib
import json
import math
from dataclasses import dataclass, field

from audit_lib.model.vocabulary import Contract, Outcome, Severity, Task, Verdict, View

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Location:
    """Where a finding stands.

    Attributes:
        path: POSIX path relative to ``base``.
        base: what the path is relative to: ``source``, ``artifacts``, ``documents`` or
            ``parameters``.
        line: first line, 1-based; None where lines mean nothing.
        end_line: last line, inclusive.
        pointer: JSON pointer (RFC 6901) into an artifact or document.
        symbol: qualified name of the definition, such as ``ModelTrainer.fit``.
    """

    path: str
    base: str = "source"
    line: int | None = None
    end_line: int | None = None
    pointer: str = ""
    symbol: str = ""

    def __str__(self) -> str:
        if self.line is not None:
            return f"{self.path}:{self.line}"
        return f"{self.path} {self.pointer}".rstrip()


@dataclass(frozen=True)
class Margin:
    """How far a promise was kept: the number that decided, and the one that it may not pass.

    Attributes:
        what: what was measured, and where: ``gap between fit and test, fold 3``. Of those that
            differ behind the comma alone, a result keeps the one where the most was at stake.
        measured, allowed: in the same unit.
        unit: as it is written behind a number; ``''`` for a pure one.
        least: True where ``allowed`` is the least that is right, False where it is the most.
        low, high: the interval that decided, where one did.
    """

    what: str
    measured: int | float
    allowed: int | float
    unit: str = ""
    least: bool = False
    low: int | float | None = None
    high: int | float | None = None

    @property
    def room(self) -> float:
        """What is left before the promise breaks, as a share of what is allowed; 0 at the bound.

        Where nothing at all is allowed: 1 if nothing was measured.
        """
        left = (self.measured - self.allowed) if self.least else (self.allowed - self.measured)
        if self.allowed == 0:
            return 1.0 if left == 0 else (math.inf if left > 0 else -math.inf)
        return left / abs(self.allowed)

    @property
    def words(self) -> str:
        """``smallest gap between fit and test: 22 bars; allowed: at least 21 bars``."""
        unit = f" {self.unit}" if self.unit else ""
        has_interval = self.low is not None and self.high is not None
        between = f" ({self.low:,.4g} to {self.high:,.4g})" if has_interval else ""
        bound = "at least" if self.least else "at most"
        measured, allowed = (f"{x:,.4g}" for x in (self.measured, self.allowed))
        return f"{self.what}: {measured}{unit}{between}; allowed: {bound} {allowed}{unit}"


@dataclass(frozen=True)
class Bound:
    """What the numbers of a table may not pass: its picture draws it, its margin is held to it.

    Attributes:
        column: where the numbers stand.
        allowed: a number, or the column that says it row by row.
        unit, least: as of a :class:`Margin`.
    """

    column: str
    allowed: int | float | str
    unit: str = ""
    least: bool = False


@dataclass(frozen=True)
class Evidence:
    """A table that a finding or verdict rests on, with a hint how to draw it.

    Attributes:
        name: short id, unique within the check, such as ``folds``.
        title: what a reader sees above it.
        columns: column names, in order.
        rows: one tuple a row, JSON scalars only.
        view: how to draw the rows.
        note: how to read it, in a sentence; also x/y axis units.
        bound: what decides, where numbers of the table are held to one.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    view: View = View.TABLE
    note: str = ""
    bound: Bound | None = None

    @property
    def digest(self) -> str:
        """SHA-256 of columns and rows."""
        return digest_of([list(self.columns), [list(row) for row in self.rows]])

    @property
    def margin(self) -> Margin | None:
        """The row that leaves the least room; None where nothing bounds the rows."""
        held, margins = self.bound, []
        if held is None:
            return None
        for row in self.rows:
            cell = dict(zip(self.columns, row, strict=False))
            allowed = cell.get(held.allowed) if isinstance(held.allowed, str) else held.allowed
            values = (cell.get(held.column), allowed, cell.get("low"), cell.get("high"))
            measured, most, low, high = map(_number, values)
            if measured is not None and most is not None:
                what = f"{self.title} ({row[0]})"
                margins.append(Margin(what, measured, most, held.unit, held.least, low, high))
        return min(margins, key=lambda m: m.room, default=None)


def _number(cell: Scalar) -> int | float | None:
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    return cell if math.isfinite(cell) else None


@dataclass(frozen=True)
class Finding:
    """One departure from a contract.

    Attributes:
        code: of the check, such as ``SPL003``.
        message: one sentence that states the departure, with numbers.
        measured: what is there, as short text; ``expected``: what the contract wants.
        key: what tells this finding from others of its check at the same place (a feature, a
            fold, a field); part of the fingerprint, so it holds no line numbers or measured values.
        evidence: names of evidence tables of the same result.
        variant: of the subject's hooks, where it has several of a kind; '' otherwise.
        related: a second place: of a behaviour, the hook through which it was seen, where
            ``location`` is the function of the subject that the hook enters.
        cause: what it shares with other cases that its check found; '' where it stands for itself.
            Those of one cause are one finding, known by it however many there are.
    """

    code: str
    contract: Contract
    task: Task
    severity: Severity
    location: Location
    message: str
    measured: str = ""
    expected: str = ""
    remediation: str = ""
    key: str = ""
    evidence: tuple[str, ...] = ()
    variant: str = ""
    related: Location | None = None
    cause: str = ""

    @property
    def anchor(self) -> Location:
        """The place that its identity follows: the hook of a behaviour, else where it stands.

        Code moves, is renamed, or cannot be followed this time; the behaviour is the same one.
        """
        return self.related or self.location

    @property
    def about(self) -> str:
        """What tells it from others of its check at the same place: its cause, else its key."""
        return self.cause or self.key

    @property
    def fingerprint(self) -> str:
        """Stable identity across runs and versions: unmoved by line shifts and re-measurement."""
        place = self.anchor
        named = [self.variant] if self.variant else []
        return digest_of(
            [self.code, place.base, place.path, place.symbol or place.pointer, self.about, *named]
        )[:20]


@dataclass(frozen=True)
class Examined:
    """What a check looked at.  A check that examined nothing has not assessed anything."""

    count: int
    what: str


@dataclass(frozen=True)
class Gap:
    """A part that a check could not look at, and why.  A result with gaps is not a pass."""

    what: str
    why: str


@dataclass(frozen=True)
class Exempted:
    """Says that a finding is waived, by whom, why and until when (ISO date)."""

    fingerprint: str
    owner: str
    reason: str
    expires: str


@dataclass(frozen=True)
class CheckResult:
    """What one check answered for one version."""

    code: str
    name: str
    title: str
    contract: Contract
    task: Task
    severity: Severity
    outcome: Outcome
    reason: str = ""
    """why not assessed, not applicable or in error; empty otherwise"""
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    examined: tuple[Examined, ...] = ()
    margins: tuple[Margin, ...] = ()
    gaps: tuple[Gap, ...] = ()
    exempted: tuple[Exempted, ...] = ()
    lapsed: tuple[Exempted, ...] = ()
    """waivers past their date that name a finding; they cover it no longer"""
    seconds: float = 0.0
    asked: bool = True
    """False where a selection left the check out; ``reason`` says which"""
    declared: Severity | None = None
    """severity by the check itself, where the subject's parameters say another"""
    origin: str = ""
    """where the check came from, if it is none of the workbook's own"""
    about: dict[str, str] = field(default_factory=dict)
    """sections of its documentation, for a check that is none of the workbook's own"""

    @property
    def open_findings(self) -> tuple[Finding, ...]:
        """Findings that no exemption covers."""
        waived = {e.fingerprint for e in self.exempted}
        return tuple(f for f in self.findings if f.fingerprint not in waived)


@dataclass(frozen=True)
class BoundaryVerdict:
    """The disposition of one declared boundary."""

    boundary: str
    risk: str
    verdict: Verdict
    reason: str
    findings: tuple[str, ...] = ()
    """fingerprints"""


@dataclass(frozen=True)
class FileReview:
    """How far the lines of one file were reviewed.

    Attributes:
        path: relative to the subject's root.
        lines: as ``wc -l`` counts.
        scanned: lines that checks could read; 0 in a file that does not parse.
        executable: statements, as coverage counts them; each stands on its first line.
        loading: of them, those that run when the module is loaded, not when something is called.
        certified: criterion to lines that a person vouches for.
    """

    path: str
    lines: int
    scanned: int
    executable: int
    loading: int
    certified: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Exercised:
    """Statements of one file that calls of one hook executed.

    Attributes:
        called: first lines of those that run when something is called, as ranges: ``3-7,12``.
        loaded: of those that run when the module is loaded.
    """

    hook: str
    path: str
    called: str
    loaded: str = ""


@dataclass(frozen=True)
class Review:
    """The three kinds of review of the subsystem's lines, which are never mixed.

    Attributes:
        files: every file under audit.
        exercised: what hook calls executed.
        calls: how many calls were measured.
        unmeasured: why nothing was measured; '' where something was.
        missing: what the measure does not hold, a sentence each.
    """

    files: tuple[FileReview, ...]
    exercised: tuple[Exercised, ...] = ()
    calls: int = 0
    unmeasured: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class TaskResult:
    """All that one task of one run found out."""

    subject: str
    version: str
    run_id: str
    task: Task
    results: tuple[CheckResult, ...]
    boundaries: tuple[BoundaryVerdict, ...] = ()
    started: str = ""
    """ISO 8601, UTC"""
    seconds: float = 0.0
    provenance: dict[str, str] = field(default_factory=dict)
    dependents: dict[str, int] = field(default_factory=dict)
    """of the closing task: every source file to how many files depend on it, through others too"""
    review: Review | None = None
    """of a task that took stock of the lines, or measured which of them its probes executed"""


def digest_of(value: object) -> str:
    """SHA-256 of the canonical JSON of ``value``."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
