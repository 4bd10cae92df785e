from collections import Counter
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
        covers, and compares the file of each with the globs of `source.high_risk`. It says once how
        many there are and where; a table lists them, and each stands in the closing list by itself.
    Limitations
        A finding about behaviour stands at the function that its hook calls, though what that
        function calls may be the cause; where nobody knows what the hook enters, it leaves a gap. A
        finding about an artifact counts in no file. A task that has not run leaves a gap.
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
        order = ranked(findings, code_of(subject.source).imports.dependent_counts)
        serious = [f for f in order if _is_high_risk(subject, f)]
        yield Examined(len(results), "check results")
        unplaced = sorted({f.anchor.symbol for f in findings if f.location.base == "parameters"})
        if unplaced:
            shown = f"serious findings shown by {', '.join(unplaced)}"
            yield Gap(shown, "what their hooks enter is not known, and so in which files they are")
        if not serious:
            return
        yield Evidence(
            "open",
            "Serious findings open in high-risk files",
            ("code", "severity", "place", "finding", "fingerprint"),
            tuple(
                (f.code, f.severity.label, str(f.location), f.message, f.fingerprint)
                for f in serious
            ),
        )
        files = Counter(f.location.path for f in serious)
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


def _waived(subject: Subject) -> tuple[CheckResult, ...]:
    """Results of this task so far, with what waivers in force cover; those of others have it."""
    waivers, today = load_exemptions(subject.folder), datetime.now(UTC).date()
    return apply(subject.so_far, waivers, version=subject.version, today=today).results


def _is_high_risk(subject: Subject, finding: Finding) -> bool:
    place = finding.location
    return place.base == "source" and subject.source.is_high_risk(place.path)
