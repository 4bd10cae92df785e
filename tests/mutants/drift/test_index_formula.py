"""The index against its formula, and the delay of an alarm."""

import pytest

from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

PSI = """
@surface("drift")
def psi(at, reference, current):
    edges = {edges}
    edges[0], edges[-1] = -np.inf, np.inf
    p = np.histogram(reference, edges)[0] / len(reference) {floor}
    q = np.histogram(current, edges)[0] / len(current) {floor}
    with np.errstate(all="ignore"):
        return float({formula})
"""
DECILES = "np.unique(np.quantile(reference, np.linspace(0, 1, 11)))"
WIDTHS = "np.linspace(reference.min(), reference.max(), 11)"
TWENTY = "np.unique(np.quantile(reference, np.linspace(0, 1, 21)))"
EIGHT, FIFTEEN = (TWENTY.replace("21", str(n)) for n in (9, 16))
RIGHT = "((q - p) * np.log(q / p)).sum()"


def psi(formula=RIGHT, edges=DECILES, floor="+ 1e-4"):
    return PSI.format(formula=formula, edges=edges, floor=floor)


@pytest.mark.passes("DRF001")
@pytest.mark.parametrize("edges", [DECILES, WIDTHS, TWENTY, EIGHT, FIFTEEN])
@pytest.mark.parametrize("floor", ["+ 1e-4", "+ 1e-6"])
def test_the_formula_passes_under_any_binning(tmp_path, edges, floor):
    with tiny(tmp_path, psi(edges=edges, floor=floor)) as subject:
        result = run_check("DRF001", subject)
    assert "PSI is the sum of (q - p) ln(q / p)" not in {f.key for f in result.findings}
    if edges == DECILES:
        assert_passes(result)


@pytest.mark.passes("DRF001")
@pytest.mark.parametrize("edges", [DECILES, WIDTHS])
def test_what_chance_gives_may_be_taken_off(tmp_path, edges):
    chance = "(len(p) - 1) * (1 / len(reference) + 1 / len(current))"
    with tiny(tmp_path, psi(f"max({RIGHT} - {chance}, 0)", edges=edges)) as subject:
        assert_passes(run_check("DRF001", subject))


@pytest.mark.fails("DRF001")
@pytest.mark.parametrize(
    "formula",
    [
        "(q * np.log(q / p)).sum()",
        "((q - p) * np.log10(q / p)).sum()",
        "5 * ((q - p) * np.log(q / p)).sum()",
        "4 * (1 - np.sqrt(p * q).sum())",
        "((q - p) ** 2 / p).sum()",
        "((q - p) * np.log2(q / p)).sum()",
        "0.5 * ((q - p) * np.log(q / p)).sum()",
        "2 * (p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))).sum()",
    ],
)
def test_relatives_of_the_index(tmp_path, formula):
    with tiny(tmp_path, psi(formula)) as subject:
        assert_fails(run_check("DRF001", subject), key="PSI is the sum of (q - p) ln(q / p)")


@pytest.mark.fails("DRF001")
@pytest.mark.parametrize("floor", ["", "+ np.finfo(float).tiny", "+ 1e-100"])
def test_an_empty_bin_that_counts_without_bound(tmp_path, floor):
    finite = "((q - p) * np.log(q / p))[(p > 0) | (q > 0)].sum()"
    with tiny(tmp_path, psi(finite, floor=floor)) as subject:
        assert_fails(run_check("DRF001", subject), key="PSI of few rows of one law is bounded")


@pytest.mark.passes("DRF001")
@pytest.mark.parametrize("edges", [DECILES, WIDTHS])
def test_bins_of_both_samples_count_all_rows(tmp_path, edges):
    both = edges.replace("reference", "np.concatenate([reference, current])")
    with tiny(tmp_path, psi(edges=both)) as subject:
        found = run_check("DRF001", subject).findings
    assert "rows beyond the reference count" not in {f.key for f in found}


@pytest.mark.fails("DRF001")
@pytest.mark.parametrize("edges", [DECILES, WIDTHS])
def test_rows_beyond_the_reference_are_lost(tmp_path, edges):
    text = psi(edges=edges).replace("edges[0], edges[-1] = -np.inf, np.inf", "pass")
    with tiny(tmp_path, text) as subject:
        assert_fails(run_check("DRF001", subject), key="rows beyond the reference count")


CUSUM = """
@surface("drift")
def cusum(at, series, target, sigma):
    up = down = 0.0
    for i, x in enumerate(series):
        z = (x - target) / sigma
        up, down = max(0.0, up + z - {slack}), max(0.0, down - z - {slack})
        if max(up, down) > {bound}:
            return {{"alarm": True, "at": i}}
    return {{"alarm": False, "at": None}}
"""


@pytest.mark.passes("DRF002")
@pytest.mark.parametrize(("slack", "bound"), [(0.5, 5), (0.5, 8), (0.25, 10), (0.75, 6)])
def test_ordinary_bounds_pass(tmp_path, slack, bound):
    with tiny(tmp_path, CUSUM.format(slack=slack, bound=bound)) as subject:
        assert_passes(run_check("DRF002", subject))


@pytest.mark.fails("DRF002")
@pytest.mark.parametrize(("slack", "bound"), [(0.5, 50), (0.5, 80), (1.8, 8)])
def test_an_alarm_that_comes_late(tmp_path, slack, bound):
    with tiny(tmp_path, CUSUM.format(slack=slack, bound=bound)) as subject:
        result = run_check("DRF002", subject)
    assert {f.key for f in result.findings} >= {"shifts are missed"}
    table = next(e for e in result.evidence if e.name.startswith("alike"))
    assert {row[0] for row in table.rows} == {"shift up", "shift down"}
