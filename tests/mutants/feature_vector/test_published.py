"""FEA110: values that are published after their period."""

import re
from pathlib import Path

import pytest

from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_passes, run_check
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/sides.md").read_text()
PART = GUIDE[GUIDE.index("## Values that are published later") :]
YAML, HOOKS = (
    re.search(rf"```{kind}\n(.*?)```", PART, re.DOTALL).group(1) for kind in ("yaml", "python")
)
EARLY = HOOKS.replace('sides["macro"].set_index("published")', 'sides["macro"]')


@pytest.mark.passes("FEA110")
def test_the_example_of_the_guide(tmp_path):
    with tiny(tmp_path, HOOKS, parameters=YAML) as subject:
        result = run_check("FEA110", subject)
        assert_passes(result)
        assert {r.state for r in try_hooks(subject)} == {"good"}
    (margin,) = result.margins
    assert (margin.measured, margin.allowed, margin.unit) == (0, 0, "bars")


@pytest.mark.fails("FEA110")
def test_a_join_on_the_period(tmp_path):
    with tiny(tmp_path, EARLY, parameters=YAML) as subject:
        (found,) = run_check("FEA110", subject).findings
    assert found.cause == "build joins macro too early"
    assert re.search(r"known on 2015-\d\d-25.*, 1[6-9] bars before", found.message)


def test_what_cannot_be_told_is_a_gap(tmp_path):
    silent = HOOKS.replace('{"macro": values}', '{"macro": 0.0 * values}')
    for name, text, parameters in [
        ("silent", silent, YAML),
        ("column", HOOKS, YAML.replace("published }", "released }").replace("published", "told")),
        ("table", HOOKS, YAML.replace("macro", "rates")),
    ]:
        with tiny(tmp_path / name, text, parameters=parameters) as subject:
            result = run_check("FEA110", subject)
            assert result.outcome is Outcome.NOT_ASSESSED
            if name == "silent":
                said = [(gap.what, gap.why) for gap in result.gaps]
                assert ("table macro under build", "none of its drawn rows moves a feature") in said
            else:
                assert "wrong" in {r.state for r in try_hooks(subject)}
    with tiny(tmp_path / "none", HOOKS) as subject:
        assert run_check("FEA110", subject).outcome is Outcome.NOT_APPLICABLE


FIELD = """
@surface("features")
def panel(at):
    dates = pd.bdate_range("2015-01-01", periods=200, name="date")
    index = pd.MultiIndex.from_product([["A", "B"], dates], names=["asset", "date"])
    made = pd.DataFrame({{"close": np.linspace(10, 90, 400), "sales": np.nan}}, index)
    made.iloc[10::40, 1] = np.arange(10.0)
    made["{column}"] = {out}
    return made

@surface("features.build")
def build(at, panel):
    known = panel["sales"]
    {late}
    return pd.DataFrame({{"sales": known.groupby(level="asset").ffill()}})
"""
BARS = 'np.where(made["sales"].notna(), 12.0, np.nan)'
DATES = 'made.index.get_level_values("date") + pd.Timedelta("20D")'
LATE = {
    BARS: 'known = known.groupby(level="asset").shift(12)',
    DATES: 'known = known.groupby(level="asset").shift(14)',
}


@pytest.mark.fails("FEA110")
@pytest.mark.parametrize("out", [BARS, DATES], ids=["bars", "dates"])
def test_a_field_of_the_bars_before_it_was_out(tmp_path, out):
    text = FIELD.format(column="sales_released", out=out, late="pass")
    with tiny(tmp_path, text) as subject:
        (found,) = run_check("FEA110", subject).findings
    assert "field sales, row" in found.message
    assert found.cause == "build joins sales too early"


@pytest.mark.passes("FEA110")
@pytest.mark.parametrize("out", [BARS, DATES], ids=["bars", "dates"])
@pytest.mark.parametrize("named", [True, False])
def test_a_field_of_the_bars_once_it_was_out(tmp_path, out, named):
    column = "sales_published" if named else "told"
    text = FIELD.format(column=column, out=out, late=LATE[out])
    with tiny(tmp_path, text, parameters="" if named else "known_at: {sales: told}") as subject:
        assert_passes(run_check("FEA110", subject))
