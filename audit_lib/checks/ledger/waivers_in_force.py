from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.exemptions import BASELINE, FILE, Applied, Exemption, apply, load_exemptions
from audit_lib.model import (
    CheckResult,
    Evidence,
    Examined,
    Finding,
    Gap,
    Location,
    Outcome,
    Severity,
    Task,
)


class WaiversAreInForce(Check):
    """Every waiver is in date and covers a finding that is still there.

    What it checks
        Each entry of `exemptions.toml` and of `baseline.toml` against today's date and the findings
        of the run.
    Why it matters
        Waivers that outlive what they excused become a standing permission that nobody decided on.
    How
        Applies the waivers to all results of the run so far (it is the last check of the last task)
        and reports those past their date and those that covered nothing.
    Limitations
        A waiver for another version is not judged here. One that covers nothing is only told when
        all earlier tasks have run, and the check that it names was asked.
    Remediation
        Remove the waiver, or renew its date with a fresh decision of its owner;
        `workbook baseline --prune` does so for the baseline.
    Sources
        cargo-vet's treatment of stale exemptions; SARIF 2.1.0, section 3.35, on suppressions.
    """

    code = "LED902"
    severity = Severity.MEDIUM
    reads = Reads.ARTIFACTS
    cites = ("waivers",)

    def run(self, subject: Subject) -> Answers:
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
        yield from self._expired(applied.expired, today)
        if missing and applied.unused:
            yield Gap("unused waivers", f"{', '.join(missing)} did not run")
            return
        untold = [w for w in applied.unused if _untold(w, earlier)]
        if untold:
            yield Gap("unused waivers", f"nobody asked what {untold[0].describe()} names")
        yield from self._unused([w for w in applied.unused if w not in untold])

    def _expired(self, waivers: Iterable[Exemption], today: date) -> Iterator[Finding]:
        for alike in _together(waivers, by_end=True):
            first = alike[0]
            named = _named(alike)
            yield self.finding(
                Location(first.file, base="parameters"),
                f"{named} by {first.owner} ended on {first.expires}",
                measured=first.expires.isoformat(),
                expected=f"on or after {today.isoformat()}",
                key=f"expired {_key(first)}",
            )

    def _unused(self, waivers: Iterable[Exemption]) -> Iterator[Finding]:
        for alike in _together(waivers, by_end=False):
            first = alike[0]
            whose = f" by {first.owner}" if first.file == FILE else ""
            yield self.finding(
                Location(first.file, base="parameters"),
                f"{_named(alike)}{whose} covers nothing",
                measured="0 findings",
                expected="at least 1",
                key=f"unused {_key(first) if first.file == FILE else first.file}",
            )


def _together(waivers: Iterable[Exemption], *, by_end: bool) -> list[list[Exemption]]:
    """Each waiver alone, but those of the baseline that one decision covers together."""
    groups: dict[tuple[object, ...], list[Exemption]] = {}
    for waiver in waivers:
        decision = (waiver.owner, waiver.expires) if by_end else ()
        same = decision if waiver.file == BASELINE else (waiver,)
        groups.setdefault((waiver.file, *same), []).append(waiver)
    return list(groups.values())


def _named(alike: list[Exemption]) -> str:
    if alike[0].file == FILE:
        return f"the waiver of {alike[0].describe()}"
    some = ", ".join(w.describe() for w in alike[:3])
    return f"what the baseline accepts ({len(alike)} of its entries: {some})"


def _key(first: Exemption) -> str:
    if first.file == FILE:
        return f"{first.describe()} {first.version}"
    return f"{first.file} {first.owner} {first.expires}"


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
    if not waiver.judged(version):
        return "of another version"
    return "not told" if missing else "unused"
