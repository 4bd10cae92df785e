from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.exemptions import apply, load_exemptions
from audit_lib.model import (
    CheckResult,
    Evidence,
    Examined,
    Finding,
    Gap,
    Location,
    Severity,
    Task,
    ranked,
)
from audit_lib.model.reviews import merged, numbers
from audit_lib.subject.code import code_of


class HighRiskFilesAreClear(Check):
    """No serious finding stays open in a file that the subject calls high-risk.

    What it checks
        The findings of the same run, those of T1 to T5 and those of T6 before it: none of high or
        critical severity may stand, unwaived, in a file named under `source.high_risk`.
    Why it matters
        A release may carry known weaknesses, but not in the files on which every signal depends.
        Listing them apart keeps a long packet from hiding the few that must stop it.
    How
        Gathers the results of the earlier tasks and checks, leaves out what a waiver in force
        covers, and compares the file of each, or the files that its hook was measured to execute,
        with the globs of `source.high_risk`. It says once how many there are and where; a table
        lists them, and each stands in the closing list by itself.
    Limitations
        A finding about behaviour that stands in no high-risk file counts in every one of which its
        hook executes lines that at most half of the hooks execute, though only one may be the
        cause. Where the hook executes none but shared lines of such files, or nobody measured it,
        it leaves a gap. A finding about an artifact counts in no file. A task that has not run
        leaves a gap.
    Remediation
        Mend the finding, or waive it with owner, reason and expiry.
    Sources
        The audit specification's must-nots; Board of Governors of the Federal Reserve System,
        SR 11-7 (2011), section V, on the resolution of validation findings.
    """

    code = "LED901"
    severity = Severity.CRITICAL
    reads = Reads.CODE

    at_least: str = Field("high", description="lowest severity that must not stay open")

    def run(self, subject: Subject) -> Answers:
        """Compare open findings with the high-risk globs."""
        if not subject.parameters.source.high_risk:
            raise NotAssessed("the parameters name no high-risk files (source.high_risk)")
        if not subject.earlier:
            raise NotAssessed("no earlier task of this run has results to close over")
        floor = Severity.parse(self.at_least)
        ran = {result.task for result in subject.earlier}
        for task in Task:
            if task not in ran and task is not self.task:
                yield Gap(task.value, "has no results in this run")
        results = [*(r for task in subject.earlier for r in task.results), *_waived(subject)]
        findings = [f for r in results for f in r.open_findings if f.severity >= floor]
        executed = _Executed(subject)
        order = ranked(findings, code_of(subject.source).imports.dependent_counts)
        serious = [(f, places) for f in order if (places := executed.high_risk(f))]
        yield Examined(len(results), "check results")
        yield from executed.gaps(findings)
        if not serious:
            return
        yield Evidence(
            "open",
            "Serious findings open in high-risk files",
            ("code", "severity", "place", "file", "finding", "fingerprint"),
            tuple(
                (f.code, f.severity.label, str(f.location), ", ".join(p), f.message, f.fingerprint)
                for f, p in serious
            ),
        )
        files = Counter(places[0] for _, places in serious)
        named = ", ".join(f"{path} ({n})" for path, n in files.most_common(3))
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        yield self.finding(
            Location(files.most_common(1)[0][0]),
            f"{len(serious)} finding{'s' * (len(serious) != 1)} at or above {self.at_least} "
            f"stand{'s' * (len(serious) == 1)} open in high-risk files: {named}{more}",
            measured=len(serious),
            expected=f"nothing at or above {self.at_least}",
            key="open",
            evidence=("open",),
            related=Location("subject.yaml", base="parameters", pointer="/source/high_risk"),
        )


class _Executed:
    """Which high-risk files a finding is in: where it stands, or what its hook executes.

    Lines that most hooks execute (loading a version, say) tell nothing of a cause.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.review = merged(t.review for t in subject.earlier if t.review)
        parts = self.review.exercised if self.review else ()
        lines = {(e.hook, e.path): numbers(e.called) for e in parts}
        ran = Counter((path, n) for (_, path), own in lines.items() for n in own)
        most = max(2, len({e.hook for e in parts}) / 2)
        self.own: dict[str, Counter[str]] = {}
        self.shared: set[str] = set()
        for (hook, path), executed in lines.items():
            if executed and subject.source.is_high_risk(path):
                own = sum(ran[path, n] <= most for n in executed)
                self.own.setdefault(hook, Counter())[path] += own
                self.shared.add(hook)

    def high_risk(self, finding: Finding) -> list[str]:
        """Files that count, the likeliest first."""
        place, hook = finding.location, _hook(finding)
        here = place.base == "source" and self.subject.source.is_high_risk(place.path)
        paths = [place.path] if here else []
        return paths or [path for path, n in self.own.get(hook, Counter()).most_common() if n]

    def gaps(self, findings: list[Finding]) -> Iterator[Gap]:
        """Findings of behaviour of which nobody can tell whether they count."""
        hooks = {_hook(f) for f in findings if f.location.base == "parameters"} - {""}
        if not hooks:
            return
        sentence = "what the hooks execute was not measured"
        if self.review is None or self.review.unmeasured:
            why = self.review.unmeasured if self.review else ""
            yield _gap(hooks, f"{sentence}: {why}" if why else sentence)
            return
        words = " ".join(self.review.missing).split()
        lost = {h for h in hooks - self.own.keys() if h in words}
        if lost:
            yield _gap(lost, f"{sentence}: {'; '.join(self.review.missing)}")
        shared = {h for h in hooks & self.shared if not any(self.own[h].values())}
        if shared:
            yield _gap(shared, "of high-risk files they execute only lines that most hooks execute")


def _hook(finding: Finding) -> str:
    """The hook of a finding about behaviour; '' for any other."""
    return finding.anchor.symbol if finding.anchor.base == "parameters" else ""


def _gap(hooks: set[str], why: str) -> Gap:
    return Gap(f"serious findings shown by {', '.join(sorted(hooks))}", why)


def _waived(subject: Subject) -> tuple[CheckResult, ...]:
    """Results of this task so far, with what waivers in force cover; those of others have it."""
    waivers, today = load_exemptions(subject.folder), datetime.now(UTC).date()
    return apply(subject.so_far, waivers, version=subject.version, today=today).results
