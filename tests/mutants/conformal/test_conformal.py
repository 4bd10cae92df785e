import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

INTERVAL = """
@surface("conformal")
def interval(at, residuals, predictions, alpha):
    {body}
"""


@pytest.mark.passes("CNF001", "CNF002", "CNF003")
def test_the_reference_engine_covers(reference):
    for code in ("CNF001", "CNF002", "CNF003"):
        assert_passes(run_check(code, reference))


@pytest.mark.passes("CNF001", "CNF002")
def test_two_sided_quantiles_with_the_correction_pass(tmp_path):
    body = """n = len(residuals)
    r = np.sort(residuals)
    k = int(np.ceil((n + 1) * (1 - alpha / 2) - 1e-9))
    high = r[k - 1] if k <= n else np.inf
    low = r[n - k] if k <= n else -np.inf
    return np.column_stack([predictions + low, predictions + high])"""
    with tiny(tmp_path, INTERVAL.format(body=body)) as subject:
        result = run_check("CNF001", subject)
        assert_passes(result)
        assert_passes(run_check("CNF002", subject))
    leaves, changes = result.margins
    assert leaves.measured == 0 <= changes.measured <= changes.allowed < 1e-9


SCALED = """
@surface("conformal.scaled_interval")
def scaled(at, residuals, scales, predictions, new_scales, alpha):
    r = np.sort(np.abs(residuals) / scales)
    k = int(np.ceil((len(r) + 1) * (1 - alpha) - 1e-9))
    w = (r[k - 1] if k <= len(r) else np.inf) * new_scales
    return np.column_stack([predictions - w, predictions + w])
"""


@pytest.mark.passes("CNF001", "CNF002")
def test_intervals_that_take_scales_are_asked_with_equal_ones(tmp_path):
    with tiny(tmp_path, SCALED) as subject:
        assert_passes(run_check("CNF001", subject))
        assert_passes(run_check("CNF002", subject))


@pytest.mark.fails("CNF001")
def test_a_level_read_the_wrong_way_round(engine):
    edit_source(engine, "conformal.py", "(1.0 - alpha) - 1e-9", "alpha - 1e-9")
    with mutant(engine) as subject:
        result = run_check("CNF001", subject)
    found = assert_fails(result, key="nested")
    assert result.margins[0].room < 0
    assert "widens as less confidence is asked for" in found.message


@pytest.mark.fails("CNF001")
def test_a_width_from_the_spread_of_the_batch(engine):
    edit_source(
        engine,
        "conformal.py",
        "width = half_width(residuals, alpha)",
        "width = half_width(residuals, alpha) * (1.0 + np.std(centre))",
    )
    with mutant(engine) as subject:
        result = run_check("CNF001", subject)
    assert {f.key for f in result.findings} >= {"company of extreme rows", "a row alone"}
    assert_fails(result, key="company of extreme rows", severity=Severity.HIGH)


@pytest.mark.fails("CNF001")
@pytest.mark.parametrize("pair", ["[w, -w]", "[np.full_like(w, np.nan), w]"])
def test_intervals_that_are_upside_down(tmp_path, pair):
    body = f"""w = predictions * 0 + np.quantile(np.abs(residuals), 1 - alpha)
    return predictions[:, None] + np.column_stack({pair})"""
    with tiny(tmp_path, INTERVAL.format(body=body)) as subject:
        found = assert_fails(run_check("CNF001", subject), key="ordered")
    assert "have no order" in found.message


@pytest.mark.fails("CNF002")
def test_no_correction_for_the_size_of_the_sample(engine):
    edit_source(engine, "conformal.py", "(len(values) + 1) * (1.0 - alpha)", "len(values) * 0.9")
    with mutant(engine) as subject:
        result = run_check("CNF002", subject)
    assert_fails(result, key="intervals cover less than they promise")


@pytest.mark.fails("CNF002")
def test_the_plain_quantile_undercovers_a_small_sample(tmp_path):
    body = """w = np.quantile(np.abs(residuals), 1 - alpha)
    return np.column_stack([predictions - w, predictions + w])"""
    with tiny(tmp_path, INTERVAL.format(body=body)) as subject:
        result = run_check("CNF002", subject)
    found = assert_fails(result, key="intervals cover less than they promise")
    assert 0.8 < float(found.measured) < 0.89


@pytest.mark.fails("CNF003")
def test_a_default_width_where_there_are_no_residuals(engine):
    edit_source(
        engine,
        "conformal.py",
        "    if not 0.0 < alpha < 1.0:\n",
        "    if len(residuals) == 0:\n        return 0.02\n    if not 0.0 < alpha < 1.0:\n",
    )
    with mutant(engine) as subject:
        result = run_check("CNF003", subject)
    assert len(result.findings) == 1
    found = assert_fails(result, key="no residuals", severity=Severity.MEDIUM)
    assert "[-0.02, 0.02]" in found.message


@pytest.mark.parametrize("body", ['raise RuntimeError("broken hook")', "return object()"])
def test_a_hook_that_always_fails_is_not_blamed_on_the_engine(tmp_path, body):
    with tiny(tmp_path, INTERVAL.format(body=body)) as subject:
        result = run_check("CNF003", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.reason.startswith("conformal.interval fails on ordinary input too: ")
    assert not result.findings


def test_a_hook_that_always_refuses_proves_nothing(tmp_path):
    body = 'raise Refusal("closed")'
    with tiny(tmp_path, INTERVAL.format(body=body)) as subject:
        assert run_check("CNF003", subject).outcome is Outcome.NOT_ASSESSED
