"""Labels of first touch, thresholds on log returns, and labels filled for a few bars."""

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import tiny

TOUCH = """
LIMIT = 12

def touch(bars, take={take}, stop={stop}, rest={rest}):
    close, found = bars["close"].to_numpy(), np.full(len(bars), np.nan)
    for i in range({entry}, len(close) - LIMIT):
        path = close[i + 1 : i + 1 + LIMIT] / close[i] - 1
        up = np.append(np.flatnonzero(path >= take), 99)[0]
        down = np.append(np.flatnonzero(path <= -stop), 99)[0]
        found[i - {entry}] = rest(path[-1]) if up == down else (1.0 if up < down else -1.0)
    return found

@surface("targets")
def build(at, panel):
    return each(panel, side=touch)

@surface("targets")
def declared(at):
    return {{"side": {{"kind": "barrier", "take": 0.03, "stop": 0.01, "limit": LIMIT}}}}
"""


def touch(take="0.03", stop="0.01", rest="lambda last: 0.0", entry="0"):
    return TOUCH.format(take=take, stop=stop, rest=rest, entry=entry)


@pytest.mark.passes("TGT004")
@pytest.mark.parametrize("change", [{}, {"rest": "np.sign"}, {"entry": "1"}])
def test_the_declared_barriers_are_those_of_the_label(tmp_path, change):
    with tiny(tmp_path, touch(**change)) as subject:
        assert (
            held(run_check("TGT004", subject), "rows off the first touch", 0.001).measured <= 0.001
        )


@pytest.mark.fails("TGT004")
@pytest.mark.parametrize(
    "change", [{"stop": "take"}, {"take": "0.01", "stop": "0.03"}, {"take": "0.02"}]
)
def test_a_barrier_that_is_another(tmp_path, change):
    spoilt = touch(**change).replace("stop=take", "stop=0.03")
    with tiny(tmp_path, spoilt) as subject:
        found = assert_fails(run_check("TGT004", subject), key="side touch")
    assert "is not the first touch of +0.03 and -0.01" in found.message
    assert "its own is" in found.message


@pytest.mark.fails("TGT004")
def test_two_thresholds_of_a_path_are_barriers_too(tmp_path):
    said = '{"horizon": LIMIT, "kind": "class", "thresholds": [-0.01, 0.03]}'
    plain = touch().split('{"kind": "barrier"')[0]
    with tiny(tmp_path / "good", plain + said + "}") as subject:
        assert_passes(run_check("TGT004", subject))
    with tiny(tmp_path / "bad", plain.replace("stop=0.01", "stop=0.02") + said + "}") as subject:
        assert_fails(run_check("TGT004", subject), key="side touch")


def test_barriers_that_scale_are_a_gap(tmp_path):
    scaled = touch().replace('"kind": "barrier", "take": 0.03, "stop": 0.01, ', '"kind": "class", ')
    with tiny(tmp_path, scaled) as subject:
        assert run_check("TGT004", subject).outcome is Outcome.NOT_ASSESSED


THREE = """
def _log(b):
    return np.log(b["close"].shift(-5) / b["close"])

@surface("targets")
def build(at, panel):
    return each(panel, level=lambda b: pd.Series(
        np.digitize(_log(b), [-0.05, 0.05]), index=b.index).astype(float).where(_log(b).notna()))

@surface("targets")
def declared(at):
    return {{"level": {{"horizon": 5, "kind": "class", "thresholds": [-0.05, 0.05]{more}}}}}
"""


@pytest.mark.passes("TGT004")
@pytest.mark.parametrize("more", ["", ', "returns": "log_return"'])
def test_thresholds_of_log_returns_pass(tmp_path, more):
    with tiny(tmp_path, THREE.format(more=more)) as subject:
        assert_passes(run_check("TGT004", subject))


@pytest.mark.fails("TGT004")
def test_thresholds_of_log_returns_that_are_declared_as_simple(tmp_path):
    with tiny(tmp_path, THREE.format(more=', "returns": "simple_return"')) as subject:
        assert_fails(run_check("TGT004", subject), key="level threshold 0.05")


FILLED = """
@surface("targets")
def build(at, panel):
    return each(panel, week=lambda b: (b["close"].shift(-8) / b["close"] - 1){fill})
"""


@pytest.mark.fails("TGT003")
@pytest.mark.parametrize("fill", [".ffill(limit=4)", ".ffill(limit=1)", ".interpolate()"])
def test_labels_filled_for_a_few_bars(tmp_path, fill):
    with tiny(tmp_path, FILLED.format(fill=fill)) as subject:
        assert_fails(run_check("TGT003", subject), key="week")


@pytest.mark.passes("TGT003")
def test_a_label_that_ended_early_is_known_early(tmp_path):
    early = (
        touch()
        .replace("len(close) - LIMIT)", "len(close) - 1)")
        .replace(
            "rest(path[-1]) if up == down",
            "(rest(path[-1]) if len(path) == LIMIT else np.nan) if up == down",
        )
    )
    with tiny(tmp_path, early) as subject:
        assert_passes(run_check("TGT003", subject))


AT_ONCE = """
LIMIT, WIDE = 8, 0.01

@surface("features")
def panel(at):
    bars = _market()
    return bars.assign(high=1.02 * bars["close"], low=0.98 * bars["close"])

def touch(bars):
    high, low, close = (bars[c].to_numpy() for c in ("high", "low", "close"))
    found = np.full(len(bars), np.nan)
    for i in range(len(close) - LIMIT):
        up, down = (
            np.append(np.flatnonzero(hit), 99)[0]
            for hit in (
                high[i + 1 : i + 1 + LIMIT] >= close[i] * (1 + WIDE),
                low[i + 1 : i + 1 + LIMIT] <= close[i] * (1 - WIDE),
            )
        )
        found[i] = 0.0 if min(up, down) == 99 else 1.0 if up < down or FIRST else -1.0
    return found

@surface("targets")
def build(at, panel):
    return each(panel, side=touch)

@surface("targets")
def declared(at):
    return {"side": {"kind": "barrier", "take": WIDE, "stop": WIDE, "limit": LIMIT}}
"""


@pytest.mark.passes("TGT004")
@pytest.mark.parametrize(("first", "keys"), [("up == down", ["side at once"]), ("False", [])])
def test_a_profit_that_is_taken_where_both_were_touched_is_noted(tmp_path, first, keys):
    with tiny(tmp_path, AT_ONCE.replace("FIRST", first)) as subject:
        result = run_check("TGT004", subject)
    assert_passes(result)
    assert [f.key for f in result.findings] == keys
