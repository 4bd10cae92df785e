"""What a reporter is given: the results of one version, whoever ran them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TypeVar

from audit_lib.model import (
    BoundaryVerdict,
    CheckResult,
    Exempted,
    Finding,
    Location,
    Outcome,
    Task,
    TaskResult,
    Verdict,
    breaks,
    effective_outcome,
    not_run,
    ranked,
    verdict_of,
    verdict_words,
)
from audit_lib.model.merging import dependents
from audit_lib.reporters.text import one_line

T = TypeVar("T")
#: most kept promises named with the room they leave
NARROWEST = 3
#: what reporters say of a task that a partial run left out
NOT_RUN = "the task was not run, so nothing is known of what it looks at"


def nowhere(base: str, path: str) -> str:
    """Of no file is it known where it stands in a repository."""
    return ""


def unread(location: Location) -> str:
    """Of no place are the lines known."""
    return ""


@dataclass(frozen=True)
class Report:
    """Results of one version, ready to be written.

    Attributes:
        title: who ran the checks, such as ``gate train`` or ``T1 to T6``.
        results: the checks' answers, in catalogue order.
        run_id: of the run; '' for a gate.
        boundaries: dispositions of declared boundaries.
        started: ISO 8601, UTC; '' where nobody noted it.
        seconds: how long it took.
        forced: a verdict that stands whatever the results say, such as that of an incomplete run.
        not_run: tasks of the audit that this run left out; empty for a gate.
        locate: base and path of a finding to its path in the repository that reports are shown
            on; '' for what is not in it.
        snippet: the lines of a place in a text file; '' where they are not known.
        states: what became of a finding since an earlier run, by its fingerprint, in the words of
            SARIF (``new``, ``unchanged``, ``updated``); empty without such a run.
        dependents: how many files depend on each source file; empty where nobody counted.
    """

    subject: str
    version: str
    title: str
    results: tuple[CheckResult, ...]
    run_id: str = ""
    boundaries: tuple[BoundaryVerdict, ...] = ()
    started: str = ""
    seconds: float = 0.0
    forced: Verdict | None = None
    not_run: tuple[Task, ...] = ()
    locate: Callable[[str, str], str] = nowhere
    snippet: Callable[[Location], str] = unread
    states: Mapping[str, str] = field(default_factory=dict)
    dependents: Mapping[str, int] = field(default_factory=dict)

    @property
    def verdict(self) -> Verdict:
        """Over all results; where nothing applies, or a part of what is kept, inconclusive."""
        rested = self.forced or verdict_of(self.results) or Verdict.INCONCLUSIVE
        return Verdict.INCONCLUSIVE if self.not_run and rested is Verdict.KEPT else rested

    @property
    def words(self) -> str:
        """The verdict as people read it, and what was left out."""
        verdict = verdict_words(self.verdict, self.not_run)
        return f"{verdict}: {', '.join(self.not_run)} not run" if self.not_run else verdict

    @property
    def open_findings(self) -> list[Finding]:
        """Findings that no exemption covers, worst first."""
        return ranked((f for r in self.results for f in r.open_findings), self.dependents)

    @property
    def breaking(self) -> list[Finding]:
        """Open findings that break a contract, worst first."""
        return [f for f in self.open_findings if breaks(f)]

    @property
    def notes(self) -> list[tuple[Finding, int]]:
        """Open findings that only inform: the first of each check, and how many it has."""
        informing = [f for f in self.open_findings if not breaks(f)]
        counted = Counter(f.code for f in informing)
        firsts = {f.code: f for f in reversed(informing)}
        return [(firsts[code], counted[code]) for code in dict.fromkeys(f.code for f in informing)]

    @property
    def exempted(self) -> list[tuple[Finding, Exempted]]:
        """Findings that an exemption covers, worst first, with it."""
        waivers = {(r.code, e.fingerprint): e for r in self.results for e in r.exempted}
        every = ranked((f for r in self.results for f in r.findings), self.dependents)
        pairs = [(f, waivers.get((f.code, f.fingerprint))) for f in every]
        return [(f, e) for f, e in pairs if e is not None]

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many checks answered what."""
        return Counter(r.outcome for r in self.results)

    def having(self, *outcomes: Outcome) -> list[CheckResult]:
        """Results of those outcomes, in order."""
        return [r for r in self.results if r.outcome in outcomes]


def report_of(tasks: Sequence[TaskResult], *, forced: Verdict | None = None) -> Report:
    """One report over the tasks of one run, which must not be empty."""
    first = tasks[0]
    return Report(
        subject=first.subject,
        version=first.version,
        title=" ".join(t.task.value for t in tasks),
        results=tuple(r for t in tasks for r in t.results),
        run_id=first.run_id,
        boundaries=tuple(b for t in tasks for b in t.boundaries),
        started=min(t.started for t in tasks),
        seconds=sum(t.seconds for t in tasks),
        forced=forced,
        not_run=not_run(tasks),
        dependents=dependents(tasks),
    )


def severities(findings: Iterable[Finding]) -> str:
    """``2 critical · 3 high``, worst first; '' where there are none."""
    counted = Counter(f.severity for f in findings)
    return " · ".join(f"{counted[s]} {s.label}" for s in sorted(counted, reverse=True))


def by_reason(results: Iterable[CheckResult], most: int = 6) -> list[tuple[str, str]]:
    """Codes that share a reason, and the reason; the widest first.

    One missing hook keeps many checks from an answer, and is one lack.
    """
    codes_of: dict[str, dict[str, None]] = {}
    for result in results:
        codes_of.setdefault(result.reason, {})[result.code] = None
    lines = []
    for reason, codes in sorted(codes_of.items(), key=lambda item: -len(item[1])):
        more = f" and {len(codes) - most} more" if len(codes) > most else ""
        lines.append((", ".join(list(codes)[:most]) + more, reason))
    return lines


def left_out(results: Iterable[CheckResult]) -> list[str]:
    """Checks that a selection left out, a line a reason."""
    chosen = by_reason([r for r in results if not r.asked], most=8)
    return [f"{codes}: {reason}" for codes, reason in chosen]


def remarks(result: CheckResult) -> list[str]:
    """What a reader should know of a check before its answer: whose it is, and who rated it."""
    sentences = [f"foreign: from {result.origin}"] if result.origin else []
    if result.declared is not None:
        sentences.append(
            f"severity {result.severity.label} by the subject's parameters, "
            f"{result.declared.label} by the check"
        )
    return sentences


def narrowest(results: Iterable[CheckResult]) -> list[str]:
    """The kept promises that left the least room, measured against allowed; one a check."""
    margins = [
        (m.room, r.code, one_line(m.words))
        for r in results
        if effective_outcome(r) is Outcome.PASS
        for m in sorted(r.margins, key=lambda m: m.room)[:1]
        if 0 <= m.room < 1
    ]
    return [f"{code} {words}" for _, code, words in sorted(margins)[:NARROWEST]]


def and_more(message: str, number: int) -> str:
    """A message that stands for several of its kind."""
    return f"{message} (and {number - 1:,} more like it)" if number > 1 else message


def folded(items: Iterable[T], alike: Callable[[T], object]) -> list[tuple[T, int]]:
    """A list with long runs of alike items cut: each item, and how many like it follow unshown.

    A run is cut only where that spares more than one line.
    """
    shown: list[tuple[T, int]] = []
    for _, run in groupby(items, alike):
        held = list(run)
        head = held if len(held) <= 5 else held[:3]
        shown += [(item, 0) for item in head[:-1]] + [(head[-1], len(held) - len(head))]
    return shown
