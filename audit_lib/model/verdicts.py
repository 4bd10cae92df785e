"""How outcomes become verdicts: the one place where the rules stand."""

from collections.abc import Iterable, Mapping

from audit_lib.model.results import CheckResult, Finding, TaskResult
from audit_lib.model.vocabulary import Contract, Outcome, Severity, Task, Verdict

#: verdicts, each before those that it outweighs
WORST_FIRST = (Verdict.BROKEN, Verdict.INCONCLUSIVE, Verdict.KEPT)


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """The one that outweighs the others, of which there must be some."""
    return min(verdicts, key=WORST_FIRST.index)


def verdict_of(results: Iterable[CheckResult]) -> Verdict | None:
    """Verdict over results; None where every one is not applicable, or there is none.

    broken: some check fails on a finding that no exemption covers.
    inconclusive: nothing is broken, and some check is in error or could not assess.
    kept: every applicable check passes.
    """
    outcomes = {effective_outcome(r) for r in results} - {Outcome.NOT_APPLICABLE}
    if not outcomes:
        return None
    if Outcome.FAIL in outcomes:
        return Verdict.BROKEN
    return Verdict.KEPT if outcomes == {Outcome.PASS} else Verdict.INCONCLUSIVE


def not_run(tasks: Iterable[TaskResult]) -> tuple[Task, ...]:
    """Tasks of an audit of which there are no results; with any, the run is *partial*."""
    ran = {t.task for t in tasks}
    return tuple(task for task in Task if task not in ran)


def run_verdict(tasks: Iterable[TaskResult]) -> Verdict:
    """Verdict over a run; a partial one may be broken, and is never kept."""
    held = list(tasks)
    verdict = verdict_of(r for t in held for r in t.results) or Verdict.INCONCLUSIVE
    partial = verdict is Verdict.KEPT and not_run(held)
    return Verdict.INCONCLUSIVE if partial else verdict


def verdict_words(verdict: Verdict, missing: Iterable[Task]) -> str:
    """A run's verdict as people read it: ``kept``, ``PARTIAL``, ``broken, PARTIAL``."""
    if not tuple(missing):
        return verdict.value
    return f"{verdict.value}, PARTIAL" if verdict is Verdict.BROKEN else "PARTIAL"


def effective_outcome(result: CheckResult) -> Outcome:
    """Outcome once exempted findings no longer count."""
    if result.outcome is not Outcome.FAIL or any(breaks(f) for f in result.open_findings):
        return result.outcome
    return Outcome.NOT_ASSESSED if result.gaps else Outcome.PASS


def breaks(finding: Finding) -> bool:
    """True where a finding breaks its contract; ``INFO`` only informs."""
    return finding.severity > Severity.INFO


def noted(results: Iterable[CheckResult]) -> int:
    """How many checks are kept and have something to say all the same: findings that inform."""
    return sum(bool(r.open_findings) for r in results if effective_outcome(r) is Outcome.PASS)


def by_contract(results: Iterable[CheckResult]) -> dict[Contract, list[CheckResult]]:
    """Results grouped by contract, in the order contracts are declared."""
    listed = list(results)
    groups = {c: [r for r in listed if r.contract is c] for c in Contract}
    return {c: rs for c, rs in groups.items() if rs}


def ranked(
    findings: Iterable[Finding], dependents: Mapping[str, int] | None = None
) -> list[Finding]:
    """Findings by consequence: the one order in which anybody reads them.

    Args:
        findings: to be ordered.
        dependents: how many files depend on each source file, where somebody counted.
    """
    return sorted(findings, key=lambda f: weight(f, dependents or {}))


def weight(finding: Finding, dependents: Mapping[str, int]) -> tuple[int, bool, int, str, str, str]:
    """Sorts the weightiest first: severity, what depends on the file, then check and place.

    What closes a run (``LED901``) says again what others found, and so comes after its equals.
    """
    code, place = finding.code, finding.location
    reached = dependents.get(place.path, 0) if place.base == "source" else 0
    return (-finding.severity, code[3:4] == "9", -reached, code, str(place), finding.key)
