"""How outcomes become verdicts: the one place where the rules stand."""

from __future__ import annotations

from collections.abc import Iterable

from audit_lib.model.results import CheckResult, Finding
from audit_lib.model.vocabulary import Contract, Outcome, Severity, Verdict


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


def effective_outcome(result: CheckResult) -> Outcome:
    """Outcome once exempted findings no longer count."""
    if result.outcome is not Outcome.FAIL or any(breaks(f) for f in result.open_findings):
        return result.outcome
    return Outcome.NOT_ASSESSED if result.gaps else Outcome.PASS


def breaks(finding: Finding) -> bool:
    """True where a finding breaks its contract; ``INFO`` only informs."""
    return finding.severity > Severity.INFO


def by_contract(results: Iterable[CheckResult]) -> dict[Contract, list[CheckResult]]:
    """Results grouped by contract, in the order contracts are declared."""
    listed = list(results)
    groups = {c: [r for r in listed if r.contract is c] for c in Contract}
    return {c: rs for c, rs in groups.items() if rs}


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Findings, worst first, then by code and place."""
    return sorted(findings, key=lambda f: (-f.severity, f.code, str(f.location), f.key))
