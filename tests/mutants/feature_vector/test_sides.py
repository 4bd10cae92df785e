"""Tables beside the features, each joined by label or by position."""

import re
from pathlib import Path

import pytest

from audit_lib.model import Outcome
from audit_lib.probes.questions.samples import inputs
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

GUIDE = Path(__file__).parents[3] / "docs/guide/sides.md"
EXAMPLE, *_ = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
WRONG = 'sides["regimes"]["calm"].to_numpy()  # by position: wrong'
MACRO = """
@surface("features")
def sides(at, given):
    dates = given.index.get_level_values("date").unique().sort_values()
    wave = np.sin(np.arange(len(dates)))
    return {"macro": pd.DataFrame({"rate": wave}, index=dates)}

@surface("features.build")
def build(at, panel, sides):
    macro = sides["macro"]["rate"]
    return each(panel, carry=lambda b: returns(b) + JOINED)
"""


@pytest.mark.fails("FEA004")
def test_the_example_of_the_guide_joins_by_position(tmp_path):
    with tiny(tmp_path, EXAMPLE) as subject:
        result = run_check("FEA004", subject)
        found = assert_fails(result, key="table regimes alone shuffled")
        assert "by label" in found.expected
        assert {f.key for f in result.findings} == {found.key}
        assert {r.state for r in try_hooks(subject)} == {"good"}


@pytest.mark.passes("FEA004")
def test_a_join_by_label_passes(tmp_path):
    sound = EXAMPLE.replace(WRONG, 'sides["regimes"]["calm"].reindex(features.index)')
    with tiny(tmp_path, sound) as subject:
        result = run_check("FEA004", subject)
    assert_passes(result)
    (margin,) = result.margins
    assert (margin.measured, margin.allowed) == (0, 0)


def test_a_join_by_position_may_be_meant(tmp_path):
    with tiny(tmp_path, EXAMPLE, parameters="sides: {regimes: position}") as subject:
        assert_passes(run_check("FEA004", subject))


def test_a_table_that_nobody_reads_is_a_gap(tmp_path):
    deaf = EXAMPLE.replace("(1 + calm)", "(1 + 0 * calm)")
    with tiny(tmp_path, deaf) as subject:
        result = run_check("FEA004", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "table regimes" in result.reason


def test_a_hook_without_a_third_argument_is_called_as_before(tmp_path):
    plain = EXAMPLE.replace("features, sides):", "features):").replace(WRONG, "1.0")
    with tiny(tmp_path, plain) as subject:
        result = run_check("FEA004", subject)
    assert not result.findings


@pytest.mark.fails("FEA008")
def test_a_builder_that_joins_by_position(tmp_path):
    with tiny(tmp_path, MACRO.replace("JOINED", "macro.to_numpy()")) as subject:
        assert_fails(run_check("FEA008", subject), key="table macro", symbol="features.build")


@pytest.mark.passes("FEA008")
def test_a_builder_that_joins_by_label(tmp_path):
    with tiny(tmp_path, MACRO.replace("JOINED", "macro.reindex(b.index)")) as subject:
        result = run_check("FEA008", subject)
        assert_passes(result)
        assert run_check("FEA001", subject).outcome is not Outcome.ERROR
    (margin,) = result.margins
    assert (margin.measured, margin.allowed, margin.unit) == (0, 0, "% of cells")


def test_without_side_tables_there_is_nothing_to_join(tmp_path):
    text = '@surface("features.build")\ndef b(at, panel):\n    return each(panel, r=returns)\n'
    with tiny(tmp_path, text) as subject:
        assert run_check("FEA008", subject).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.parametrize(("wave", "most"), [("days / 9", 3 + 2), ('features["drift"]', None)])
def test_tables_that_follow_from_labels_are_made_once(tmp_path, wave, most):
    """Three questions tell, and two more are of rows that the first did not hold."""
    label = EXAMPLE.replace(WRONG, 'sides["regimes"]["calm"].reindex(features.index)')
    with tiny(tmp_path, label.replace("days / 9", wave)) as subject:
        hook, rows = subject.hook("predictor.predict"), inputs(subject)
        whole = hook(rows.iloc[5:])
        for given in (rows.iloc[9:20], rows.iloc[:30], rows * 2, rows.iloc[::-1] + 1):
            hook(given)
        again = hook(rows.iloc[30:20:-1])
        assert again.equals(whole.loc[again.index])
        asked = subject.heard("predictor.sides").asked
    assert asked == (most or 3 + 5)
