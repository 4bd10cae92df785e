"""FEA009: predictions that rest on windows, and FEA004 for them."""

import re
from pathlib import Path

import pytest

from audit_lib.errors import ParameterError
from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/windows.md").read_text()
(YAML,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
(HOOKS,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
META = {"window": 20}
SHORT = HOOKS.replace("LENGTH = 20", "LENGTH = 15")
STACKED = """
@surface("predictor.predict")
def predict(at, features):
    moves = features["move"].to_numpy()
    score = np.full(len(moves), np.nan)
    for last in range(LENGTH - 1, len(moves)):
        score[last] = network(moves[last - LENGTH + 1 : last + 1])
    return pd.DataFrame({"score": score}, index=features.index)
"""
ACROSS = HOOKS[: HOOKS.index('@surface("predictor.predict")')] + STACKED
CENTRED = HOOKS.replace("moves = rows", "moves = rows - rows.mean()\n        moves = moves")
AS_THEY_COME = HOOKS.replace("features.sort_index().groupby", "features.groupby").replace(
    'level="asset")\n', 'level="asset", sort=False)\n'
)


@pytest.mark.passes("FEA009", "FEA004")
def test_the_example_of_the_guide(tmp_path):
    with tiny(tmp_path, HOOKS, meta=META, parameters=YAML) as subject:
        result = run_check("FEA009", subject)
        assert held(result, "change with rows beyond the window", 1e-9).measured == 0
        assert_passes(run_check("FEA004", subject))
        assert {r.state for r in try_hooks(subject)} == {"good"}
    table = next(e for e in result.evidence if e.name == "windows")
    assert {row[1:] for row in table.rows} == {(20, 20, False, False)}


@pytest.mark.fails("FEA009")
@pytest.mark.parametrize(
    ("text", "cause", "said"),
    [
        (SHORT, "length", "rest on 15 rows, and 20 are declared"),
        (ACROSS, "crosses assets", "hold rows of another asset"),
        (CENTRED, "length", "rest on 80 rows, and 20 are declared"),
    ],
)
def test_windows_of_another_kind(tmp_path, text, cause, said):
    with tiny(tmp_path, text, meta=META, parameters=YAML) as subject:
        found = assert_fails(run_check("FEA009", subject), cause=cause)
    assert said in found.message


@pytest.mark.fails("FEA009")
def test_a_window_that_is_predicted_otherwise_alone(tmp_path):
    alone = HOOKS.replace(
        "score[last] = network(", "score[last] = min(2, len(rows) / 20) * network("
    )
    with tiny(tmp_path, alone, meta=META, parameters=YAML) as subject:
        found = assert_fails(run_check("FEA009", subject), cause="alone")
    assert "the 20 rows of a window of S0 alone give another prediction" in found.message


@pytest.mark.fails("FEA009")
def test_the_version_stores_another_length(tmp_path):
    with tiny(tmp_path, HOOKS, meta={"window": 60}, parameters=YAML) as subject:
        found = assert_fails(run_check("FEA009", subject), key="stored")
    assert found.anchor.pointer == "/window"
    only = YAML.replace(
        "  length: 20            # rows of a window, the predicted one included\n", ""
    )
    with tiny(tmp_path / "b", HOOKS, meta=META, parameters=only) as subject:
        assert_passes(run_check("FEA009", subject))


@pytest.mark.fails("FEA004")
def test_windows_of_rows_as_they_come(tmp_path):
    with tiny(tmp_path, AS_THEY_COME, meta=META, parameters=YAML) as subject:
        assert_fails(run_check("FEA004", subject), key="rows shuffled")


def test_without_windows_there_is_nothing_to_judge(tmp_path):
    with tiny(tmp_path / "a", HOOKS) as subject:
        assert run_check("FEA009", subject).outcome is Outcome.NOT_APPLICABLE
    wrong = pytest.raises(ParameterError, match="say how many rows a window has")
    with wrong, tiny(tmp_path / "b", HOOKS, parameters="windows: {}"):
        pass


EVERY = HOOKS.replace(
    "for last in range(LENGTH - 1, len(rows)):", "for last in range(LENGTH - 1, len(rows), 5):"
)
CAREFUL = HOOKS.replace(
    "score[last] = network",
    "dates = rows.index.get_level_values('date')\n"
    "            if dates[last] - dates[last - LENGTH + 1] <= pd.Timedelta('40D'):\n"
    "                score[last] = network",
)


@pytest.mark.fails("FEA009")
def test_windows_cut_at_another_stride(tmp_path):
    with tiny(tmp_path / "a", EVERY, meta=META, parameters=YAML) as subject:
        found = assert_fails(run_check("FEA009", subject), cause="stride")
    assert "are 5 rows apart, and 1 are declared" in found.message
    with tiny(tmp_path / "b", EVERY, meta=META, parameters=YAML + "  stride: 5\n") as subject:
        assert_passes(run_check("FEA009", subject))


@pytest.mark.fails("FEA009")
def test_windows_across_a_gap_in_time(tmp_path):
    spans = YAML + "  span: 40D\n"
    with tiny(tmp_path / "a", HOOKS, meta=META, parameters=spans) as subject:
        found = assert_fails(run_check("FEA009", subject), cause="span")
    assert "19 of 19 windows that hold a gap of more than 40D are predicted" in found.message
    with tiny(tmp_path / "b", CAREFUL, meta=META, parameters=spans) as subject:
        assert_passes(run_check("FEA009", subject))
