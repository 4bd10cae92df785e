"""FEA010: live builders and the bar that has not closed."""

import re
from pathlib import Path

import pytest

from audit_lib.errors import ParameterError
from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/clock.md").read_text()
(YAML,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
(HOOKS,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
DROPS = HOOKS[HOOKS.index("    if now is not None") : HOOKS.rindex("    return features_of")]
ANSWER = "return features_of(panel)\n"
HASTY = HOOKS.replace(DROPS, "")
#: other ways to be right: the open alone, a blank row, a refusal, one bar behind at all times
BLANK = HASTY.removesuffix(ANSWER.strip() + "\n").rstrip() + (
    "\n    made = features_of(panel)\n    dates = panel.index.get_level_values('date')\n"
    "    return made if now is None else made[dates + CLOSES <= now].reindex(made.index)\n"
)
REFUSES = HASTY.replace(
    "def build_live(at: Context, panel, now):",
    "def build_live(at: Context, panel, now):\n    if now is not None and "
    "panel.index.get_level_values('date').max() + CLOSES > now:\n"
    "        raise Refusal('the bar has not closed')",
)
BEHIND = HASTY.replace(ANSWER, "return features_of(panel).groupby(level='asset').shift(1)\n")
OPENED = HOOKS.replace(
    DROPS, "    panel = panel.assign(close=panel['open'], volume=panel['open'])\n"
)
MARKET_WITH_OPENS = """
@surface("features")
def panel(at):
    made = _market()
    opens = made["close"] * 1.001
    return made.assign(open=opens, high=made["close"] * 1.01, low=made["close"] * 0.99)
"""
NEEDED = '@surface("predictor")\ndef required(at):\n    return ["surge"]\n'


@pytest.mark.passes("FEA010")
@pytest.mark.parametrize("text", [HOOKS, BLANK, REFUSES, BEHIND, MARKET_WITH_OPENS + OPENED])
def test_builders_that_wait(tmp_path, text):
    with tiny(tmp_path, text, parameters=YAML) as subject:
        result = run_check("FEA010", subject)
        assert_passes(result)
        if text != REFUSES:
            assert held(result, "change with the newest bar", 1e-9).measured == 0
        assert [r for r in try_hooks(subject) if r.state != "good"] == []


@pytest.mark.fails("FEA010")
def test_a_builder_that_does_not_wait(tmp_path):
    with tiny(tmp_path, HASTY + NEEDED, parameters=YAML) as subject:
        result = run_check("FEA010", subject)
        found = assert_fails(result)
    assert len(result.findings) == 1
    assert "moves at 8 of 8 moments" in found.message
    table = next(e for e in result.evidence if e.name == "unfinished")
    assert {row[0]: row[3] for row in table.rows} == {"move": "close", "surge": "volume"}


@pytest.mark.fails("FEA010")
@pytest.mark.parametrize(
    ("text", "field"),
    [
        (HOOKS.replace("<= now]", "<= now + CLOSES / 2]"), ""),  # closes hours too early
        (HOOKS.replace("CLOSES <= now", "pd.Timedelta('0h') <= now"), ""),  # by date alone
        (MARKET_WITH_OPENS + HASTY.replace('by_asset["close"]', 'by_asset["high"]'), "high"),
        (MARKET_WITH_OPENS + HASTY.replace('by_asset["close"]', 'by_asset["low"]'), "low"),
    ],
)
def test_other_ways_not_to_wait(tmp_path, text, field):
    with tiny(tmp_path, text, parameters=YAML) as subject:
        result = run_check("FEA010", subject)
        assert_fails(result)
    table = next(e for e in result.evidence if e.name == "unfinished")
    assert field in {row[0]: row[3] for row in table.rows}["move"]


def test_features_that_are_meant_to_move(tmp_path):
    moving = "options: {FEA010: {moving: {move: snapshots, surge: snapshots}}}\n"
    with tiny(tmp_path, HASTY, parameters=YAML + moving) as subject:
        assert_passes(run_check("FEA010", subject))


def test_hours_named_by_their_end(tmp_path):
    hourly = """
    @surface("features")
    def panel(at):
        made = _market()
        hours = pd.date_range("2020-01-01", periods=BARS, freq="h", tz="UTC")
        return made.set_axis(
            pd.MultiIndex.from_product([["S0", "S1", "S2"], hours], names=["asset", "date"])
        )
    """
    sound = HOOKS.replace("CLOSES = pd.Timedelta('16h')", "").replace("+ CLOSES <=", "<=")
    clock = "clock: {opens: -1h, closes: 0h}\n"
    with tiny(tmp_path / "a", sound, parameters=clock) as subject:
        assert_passes(run_check("FEA010", subject))
    with tiny(tmp_path / "b", HASTY, parameters=clock) as subject:
        assert_fails(run_check("FEA010", subject))
    with tiny(tmp_path / "c", hourly.replace("\n    ", "\n") + sound, parameters=clock) as subject:
        assert_passes(run_check("FEA010", subject))


def test_what_is_missing_is_said(tmp_path):
    with tiny(tmp_path / "a", HOOKS) as subject:
        result = run_check("FEA010", subject)
        (report,) = [r for r in try_hooks(subject) if r.hook == "features.build_live"]
    assert (result.outcome, report.state) == (Outcome.NOT_ASSESSED, "wrong")
    assert "say in subject.yaml when a bar opens" in result.reason
    plain = HOOKS.replace("panel, now)", "panel)").replace(DROPS, "")
    with tiny(tmp_path / "b", plain) as subject:
        assert run_check("FEA010", subject).outcome is Outcome.NOT_APPLICABLE
    with tiny(tmp_path / "c", plain, parameters=YAML) as subject:
        assert "no parameter `now`" in run_check("FEA010", subject).reason
    for number, wrong in enumerate(("{closes: 16:00}", "{opens: 16h, closes: 9h}")):
        told = pytest.raises(ParameterError, match=r"with its unit|closes after it opens")
        with told, tiny(tmp_path / str(number), HOOKS, parameters=f"clock: {wrong}"):
            pass
