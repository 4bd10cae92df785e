"""LED902."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.exemptions import FILE, Applied, Exemption, apply, load_exemptions
from audit_lib.model import (
    CheckResult,
    Contract,
    Evidence,
    Examined,
    Gap,
    Location,
    Outcome,
    Severity,
    Task,
)
from audit_lib.subject.subject import Subject


class WaiversAreInForce(Check):
    """Every waiver is in date and covers a finding that is still there.

    What it checks
        Each entry of `exemptions.toml` against today's date and the findings of the run.
    Why it matters
        Waivers that outlive what they excused become a standing permission that nobody decided on.
    How
        Applies the waivers to all results of the run so far (it is the last check of the last task)
        and reports those past their date and those that covered nothing.
    Limitations
        A waiver for another version is not judged here. One that covers nothing is only told when
        all earlier tasks have run, and the check that it names was asked.
    Remediation
        Remove the waiver, or renew its date with a fresh decision of its owner.
    Sources
        cargo-vet's treatment of stale exemptions; SARIF 2.1.0, section 3.35, on suppressions.
    """

    code = "LED902"
    contract = Contract.LEDGER
    task = Task.T6
    severity = Severity.MEDIUM
    reads = Reads.ARTIFACTS

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Apply the waivers, report the stale ones."""
        waivers = load_exemptions(subject.folder)
        today = datetime.now(UTC).date()
        earlier = [*(r for task in subject.earlier for r in task.results), *subject.so_far]
        applied = apply(earlier, waivers, version=subject.version, today=today)
        ran = {result.task for result in subject.earlier}
        missing = [t.value for t in Task if t not in ran and t is not self.task]
        # "No waiver at all" is an answer too: the file was looked for.
        yield Examined(len(waivers) or 1, "waivers" if waivers else "waiver file (empty or absent)")
        if waivers:
            yield Evidence(
                "waivers",
                "Waivers",
                ("state", "names", "version", "covers", "owner", "reason", "expires"),
                tuple(
                    (
                        _state(waiver, applied, missing, subject.version),
                        waiver.describe(),
                        waiver.version or "all",
                        sum(waiver.covers(f, subject.version) for r in earlier for f in r.findings),
                        waiver.owner,
                        waiver.reason,
                        waiver.expires.isoformat(),
                    )
                    for waiver in waivers
                ),
                note="covers: findings of this run that it names",
            )
        where = Location(FILE, base="parameters")
        for waiver in applied.expired:
            yield self.finding(
                where,
                f"the waiver of {waiver.describe()} by {waiver.owner} ended on {waiver.expires}",
                measured=waiver.expires.isoformat(),
                expected=f"on or after {today.isoformat()}",
                key=f"expired {waiver.describe()} {waiver.version}",
                evidence=("waivers",),
            )
        if missing and applied.unused:
            yield Gap("unused waivers", f"{', '.join(missing)} did not run")
            return
        untold = [w for w in applied.unused if _untold(w, earlier)]
        if untold:
            yield Gap("unused waivers", f"nobody asked what {untold[0].describe()} names")
        for waiver in applied.unused:
            if waiver in untold:
                continue
            yield self.finding(
                where,
                f"the waiver of {waiver.describe()} by {waiver.owner} covers nothing",
                measured="0 findings",
                expected="at least 1",
                key=f"unused {waiver.describe()} {waiver.version}",
                evidence=("waivers",),
            )


def _untold(waiver: Exemption, results: list[CheckResult]) -> bool:
    """True where the check that a waiver names gave no answer, so that its finding may stand."""
    if not waiver.code:
        return any(not r.asked for r in results)
    dumb = (Outcome.NOT_ASSESSED, Outcome.ERROR)
    return any(r.outcome in dumb for r in results if r.code == waiver.code)


def _state(waiver: Exemption, applied: Applied, missing: list[str], version: str) -> str:
    if waiver in applied.expired:
        return "expired"
    if waiver in applied.used:
        return "in force"
    if waiver.version not in ("", version):
        return "of another version"
    return "not told" if missing else "unused"
