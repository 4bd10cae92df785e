"""The packet as one model: what HTML, PDF and every other form of it are made from."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from audit_lib.faults.sensitivity import Sensitivity
from audit_lib.model import (
    WORST_FIRST,
    BoundaryVerdict,
    CheckResult,
    Contract,
    Exempted,
    Finding,
    Outcome,
    Review,
    Task,
    TaskResult,
    Verdict,
    breaks,
    by_contract,
    not_run,
    ranked,
    run_verdict,
    verdict_of,
    verdict_words,
)
from audit_lib.model.closure import Comparison, Fate, Row, closing_list
from audit_lib.model.merging import dependents, identity
from audit_lib.model.reviews import merged
from audit_lib.model.states import baseline_states
from audit_lib.packets.run import Run
from audit_lib.reporters.report import Report, report_of, severities
from audit_lib.reporters.text import count


@dataclass(frozen=True)
class Input:
    """A file or tree that the run read.

    Attributes:
        name: path relative to what ``kind`` names; never a machine's path.
        kind: ``subject``, ``version`` (its own files), ``parameters`` or ``notebook``.
    """

    name: str
    kind: str
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """What whoever ran the tasks knows about the run and the results do not say.

    Attributes:
        subject, version, run_id: of the run; must agree with the results.
        tasks: tasks that the run was to execute.
        title: the subject in a few words.
        role: what the version is in its registry, such as ``champion`` or ``latest``.
        revision: revision of the subject's source, where it has one.
        started, ended: ISO 8601, UTC.
        isolation: level under which the subject's code ran.
        stopped: what that level was seen to stop, when it was tried.
        refused: files that are closed to hooks and that hooks asked for, with their names.
        subject_environment: interpreter and libraries that the subject's code ran with.
        kernel: kind of kernels that executed the notebooks.
        subject_before, subject_after: digest of the subject's trees before and after the run.
        inputs: every file and tree that the run read.
        parameters: what the notebooks were given.
    """

    subject: str
    version: str
    run_id: str
    tasks: tuple[Task, ...] = tuple(Task)
    title: str = ""
    role: str = ""
    revision: str = ""
    started: str = ""
    ended: str = ""
    isolation: str = ""
    stopped: str = ""
    refused: str = ""
    subject_environment: str = ""
    kernel: str = ""
    subject_before: str = ""
    subject_after: str = ""
    inputs: tuple[Input, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def subject_changed(self) -> bool:
        """True where the subject is not what it was before the run."""
        return self.subject_before != self.subject_after


@dataclass(frozen=True)
class PacketFinding:
    """A finding in its packet.

    Attributes:
        id: ``SPL001-2``, the second finding of SPL001; also its anchor.
        exemption: the waiver that covers it, or None.
        state: its fate against the first comparison, such as ``new``; '' without one, or waived.
    """

    id: str
    finding: Finding
    result: CheckResult
    exemption: Exempted | None = None
    state: str = ""


@dataclass(frozen=True)
class Packet:
    """Everything a reviewer receives, before it is typeset.

    Attributes:
        tasks: results, in task order.
        findings: every one, worst first.
        problems: why the run is not whole; empty for one that is.
        void: the subject changed under the audit, so that nothing measured can be relied on.
    """

    provenance: Provenance
    tasks: tuple[TaskResult, ...]
    findings: tuple[PacketFinding, ...]
    problems: tuple[str, ...]
    void: bool
    comparisons: tuple[Comparison, ...] = ()
    sensitivity: Sensitivity | None = None
    """what was proved of this subject, hooks and library; None where nothing was"""
    learned: tuple[str, str] = ("", "")
    """what decides, and what changed in that since the champion; '' where it was not explained"""

    @property
    def results(self) -> tuple[CheckResult, ...]:
        """Every check's answer, in order."""
        return tuple(r for t in self.tasks for r in t.results)

    @property
    def verdict(self) -> Verdict:
        """Over everything.  A run that is not whole is inconclusive at best; a void one always."""
        rested = run_verdict(self.tasks)
        if self.void or (self.problems and rested is Verdict.KEPT):
            return Verdict.INCONCLUSIVE
        return rested

    @property
    def not_run(self) -> tuple[Task, ...]:
        """Tasks without results, asked for or not; with any, the run is partial."""
        return not_run(self.tasks)

    @property
    def words(self) -> str:
        """The verdict as people read it."""
        return verdict_words(self.verdict, self.not_run)

    @property
    def partial(self) -> list[str]:
        """What a partial run leaves out, a sentence each; empty for a run of all tasks."""
        if not self.not_run:
            return []
        missing = ", ".join(f"{t.value} {t.title}" for t in self.not_run)
        sentences = [f"Not run: {missing}. Nothing is known of what they look at."]
        for c in self.comparisons:
            lost = [x.matter.finding for x in c.of(Fate.UNKNOWN) if not x.matter.waived]
            if lost:
                stood = count(len(lost), "finding") + f" ({severities(lost)})"
                sentences.append(f"Open in {c.label} and unknown now: {stood}.")
        return sentences

    @cached_property
    def open(self) -> list[PacketFinding]:
        """What breaks a contract and no waiver covers, one a matter, as the closing list ranks."""
        open_ = {row.matter.identity: row.rank for row in self.closing if row.rank is not None}
        firsts: dict[str, PacketFinding] = {}
        for f in self.findings:
            name = identity(f.finding, self.provenance.version)
            if f.exemption is None and breaks(f.finding) and name in open_:
                firsts.setdefault(name, f)
        return [firsts[name] for name in sorted(firsts, key=open_.__getitem__)]

    @property
    def notes(self) -> list[PacketFinding]:
        """Findings that only inform."""
        return [f for f in self.findings if f.exemption is None and not breaks(f.finding)]

    @property
    def exempted(self) -> list[PacketFinding]:
        """Findings that a waiver covers, worst first."""
        return [f for f in self.findings if f.exemption is not None]

    @cached_property
    def closing(self) -> tuple[Row, ...]:
        """The closing list: findings merged over tasks and ranked, with what became of them."""
        return closing_list(self.tasks, self.comparisons)

    @cached_property
    def review(self) -> Review | None:
        """How far the lines were reviewed, over the tasks that measured; None where none did."""
        return merged(t.review for t in self.tasks if t.review)

    @property
    def untold(self) -> list[CheckResult]:
        """Checks that gave no answer, or not to everything: crashed first."""
        results = [r for r in self.results if r.outcome is Outcome.ERROR]
        results += [r for r in self.results if r.outcome is Outcome.NOT_ASSESSED]
        return results + [r for r in self.results if r.outcome is Outcome.FAIL and r.gaps]

    @property
    def contracts(self) -> list[tuple[Contract, Verdict | None, list[CheckResult]]]:
        """Every contract that a check looks at, its verdict (None: nothing applies), its checks."""
        return [(c, verdict_of(rs), rs) for c, rs in by_contract(self.results).items()]

    @property
    def boundaries(self) -> list[BoundaryVerdict]:
        """Dispositions of the declared boundaries, worst first, high risk before others."""
        every = [b for t in self.tasks for b in t.boundaries]
        rank = WORST_FIRST.index
        return sorted(every, key=lambda b: (rank(b.verdict), b.risk != "high", b.boundary))

    @property
    def report(self) -> Report:
        """The same, for the reporters."""
        if not self.tasks:
            origin = self.provenance
            return Report(
                origin.subject, origin.version, "", (), origin.run_id, forced=self.verdict
            )
        states = baseline_states(self.tasks, self.comparisons[0]) if self.comparisons else {}
        return replace(report_of(self.tasks, forced=self.verdict), states=states)

    @property
    def headline(self) -> str:
        """What it comes to, in a sentence or two."""
        if self.void:
            return (
                "The subject changed while it was audited. Nothing measured here can be relied on."
            )
        verdicts = [v for _, v, _ in self.contracts if v is not None]
        broken = verdicts.count(Verdict.BROKEN)
        open_ = [f.finding for f in self.open]
        if broken:
            text = f"{broken} of {count(len(verdicts), 'contract')} broken: {severities(open_)}."
        elif not verdicts:
            text = "No check had anything to say."
        else:
            passed = verdicts.count(Verdict.KEPT)
            text = f"{passed} of {count(len(verdicts), 'contract')} kept; nothing is broken"
            text += " in what was run." if self.not_run else "."
        unclear = verdicts.count(Verdict.INCONCLUSIVE)
        if unclear:
            text += f" {count(unclear, 'contract')} could not be told."
        if self.problems:
            text += " The run is not whole."
        if self.not_run:
            text += f" PARTIAL: {', '.join(self.not_run)} were not run."
        return text


def build(run: Run, provenance: Provenance, comparisons: Sequence[Comparison] = ()) -> Packet:
    """The packet of a run."""
    problems = [
        *(f"{task.value} {why}" for task, why in run.problems.items()),
        *_disagreements(run, provenance),
    ]
    if provenance.subject_changed:
        problems.insert(0, "the subject changed between the start and the end of the run")
    placed = {
        f: (f"{r.code}-{i}", r)
        for t in run.tasks
        for r in t.results
        for i, f in reversed(list(enumerate(r.findings, start=1)))
    }
    fates = comparisons[0].fates() if comparisons else {}
    fates = {name: fate for name, fate in fates.items() if fate is not Fate.EXEMPTED}
    waivers = {(r.code, e.fingerprint): e for t in run.tasks for r in t.results for e in r.exempted}
    cited = tuple(
        PacketFinding(
            placed[f][0],
            f,
            placed[f][1],
            waivers.get((f.code, f.fingerprint)),
            str(fates.get(identity(f, provenance.version), "")),
        )
        for f in ranked(placed, dependents(run.tasks))
    )
    return Packet(
        provenance=provenance,
        tasks=run.tasks,
        findings=cited,
        problems=tuple(dict.fromkeys(problems)),
        void=provenance.subject_changed,
        comparisons=tuple(comparisons),
    )


def _disagreements(run: Run, provenance: Provenance) -> list[str]:
    sentences = []
    for task in run.tasks[:1]:
        for key in ("subject", "version", "run_id"):
            mine, theirs = getattr(provenance, key), getattr(task, key)
            if mine != theirs:
                sentences.append(f"the run is of {key} {mine!r}, its results are of {theirs!r}")
    return sentences
