"""Ranks at sizes where the finite-sample correction shows."""

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

INTERVAL = """
@surface("conformal")
def interval(at, residuals, predictions, alpha):
    r = np.sort(np.abs(residuals))
    m = len(r)
    k = {rank}
    half = r[k - 1] if 1 <= k <= m else np.inf
    return np.column_stack([predictions - half, predictions + half])
"""
RIGHT = "int(np.ceil((m + 1) * (1 - alpha)))"


@pytest.mark.passes("CNF002")
@pytest.mark.parametrize("seed", range(4))
def test_the_rank_of_the_rule_passes(tmp_path, seed):
    chosen = f"options: {{CNF002: {{seed: {seed}}}}}"
    with tiny(tmp_path, INTERVAL.format(rank=RIGHT), parameters=chosen) as subject:
        result = run_check("CNF002", subject)
    assert_passes(result)
    assert not result.findings


@pytest.mark.fails("CNF002")
@pytest.mark.parametrize(
    "rank",
    [
        "int(np.ceil(m * (1 - alpha)))",
        "int(np.ceil((m - 1) * (1 - alpha))) + 1",
        "int(np.floor((m + 1) * (1 - alpha)))",
        "int(np.round((m + 1) * (1 - alpha))) - 1",
    ],
)
def test_ranks_that_fall_short(tmp_path, rank):
    with tiny(tmp_path, INTERVAL.format(rank=rank)) as subject:
        result = run_check("CNF002", subject)
    assert result.outcome is Outcome.FAIL


def test_a_rank_too_high_is_noted(tmp_path):
    with tiny(tmp_path, INTERVAL.format(rank=RIGHT + " + 1")) as subject:
        result = run_check("CNF002", subject)
    assert result.outcome is Outcome.PASS
    (found,) = result.findings
    assert (found.key, found.severity) == ("wide", Severity.INFO)


@pytest.mark.fails("CNF002")
def test_the_largest_residual_where_there_are_too_few(tmp_path):
    """Half of the rows a level needs: the largest residual covers m / (m + 1), and no more."""
    with tiny(tmp_path, INTERVAL.format(rank=f"min(m, {RIGHT})")) as subject:
        found = assert_fails(run_check("CNF002", subject), severity=Severity.MEDIUM)
    assert found.message.startswith("12 residuals are too few for alpha 0.05, and intervals are")
    assert found.expected == "infinite intervals, or a refusal"
    refuses = INTERVAL.format(rank=RIGHT) + "    # declined\n"
    declining = refuses.replace(
        "    half =", '    if k > m:\n        raise Refusal("few")\n    half ='
    )
    with tiny(tmp_path / "b", declining) as subject:
        assert_passes(run_check("CNF002", subject))
