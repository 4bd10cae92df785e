"""Labels that end at different times: barriers, events, and what an embargo is measured from."""

import re
from pathlib import Path

import numpy as np
import pytest

from audit_lib.checks.splits.purged import _after, _before, _room
from audit_lib.model import Outcome
from audit_lib.probes.labels.folds import DrivenFold
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/labels.md").read_text()
(GUIDED,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
BARRIERS = """
MOST = 15

def ends(bars):
    close = bars["close"].to_numpy()
    width = {width}
    bar, later = np.arange(len(close)), np.append(close, np.full(MOST, np.nan))
    path = np.stack([later[bar + k] for k in range(1, MOST + 1)], axis=1) / close[:, None] - 1
    hit = np.abs(path) >= width[:, None]
    known = hit.any(axis=1) | (bar + MOST < len(close))
    return np.where(known, bar + np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, MOST), -1)

def label(bars):
    close, end = bars["close"].to_numpy(), ends(bars)
    return np.where(end < 0, np.nan, np.sign(close[np.maximum(end, 0)] / close - 1))

@surface("targets")
def build(at, panel):
    return each(panel, side=label)

@surface("splits")
def folds(at, panel):
    dates = panel.index.get_level_values(1)
    at_ = dates.unique().sort_values().get_indexer(dates)
    end = np.concatenate([ends(p.droplevel(0)) for _, p in panel.groupby(level=0)])
    end = np.where(end < 0, at_ + MOST, end)
    found = []
    for start in (120, 220, 320):
        test = (at_ >= start) & (at_ < start + 60)
        last = end[test].max()
        train = (end <= start + {slack}) & (at_ < start) | (at_ >= last - {early})
        found.append({{"train": np.flatnonzero(train & ~test), "test": np.flatnonzero(test)}})
    return found
"""
FIXED = "np.full(len(close), 0.03)"
SCALED = "3 * bars['close'].pct_change(fill_method=None).ewm(span=30).std().fillna(0.02).to_numpy()"


def barriers(width=FIXED, slack=0, early=0):
    return BARRIERS.format(width=width, slack=slack, early=early)


@pytest.mark.passes("SPL001", "SPL002")
@pytest.mark.parametrize("width", [FIXED, SCALED])
def test_a_purge_by_each_rows_own_end_passes(tmp_path, width):
    with tiny(tmp_path, barriers(width)) as subject:
        assert_passes(run_check("SPL001", subject))
        assert_passes(run_check("SPL002", subject))


@pytest.mark.fails("SPL001")
@pytest.mark.parametrize("width", [FIXED, SCALED])
def test_rows_that_end_a_few_bars_inside_the_test(tmp_path, width):
    with tiny(tmp_path, barriers(width, slack=3)) as subject:
        found = assert_fails(run_check("SPL001", subject), key="before")
    assert found.measured.startswith("3 bars")
    assert "labels end row by row" in found.message


@pytest.mark.fails("SPL001")
def test_rows_before_the_latest_test_label_ends(tmp_path):
    with tiny(tmp_path, barriers(early=4)) as subject:
        found = assert_fails(run_check("SPL001", subject), key="after")
    assert found.measured.startswith("4 bars")


STATES = """
@surface("targets")
def ends(at, panel):
    parts = {{}}
    for asset, part in panel.groupby(level=0):
        bars = part.droplevel(0)
        last = ends_(bars) {shift}
        stamps = bars.index[np.clip(last, 0, len(bars) - 1)].to_series(index=bars.index)
        parts[asset] = pd.DataFrame({{"side": stamps.where(last >= 0)}})
    return pd.concat(parts, names=["asset", "date"])
"""


def stated(shift="", **slack):
    return barriers(**slack).replace("def ends(", "def ends_(").replace(
        " ends(", " ends_("
    ).replace("[ends(", "[ends_(") + STATES.format(shift=shift)


@pytest.mark.passes("TGT001", "SPL001")
def test_stated_ends_are_compared_with_what_labels_read(tmp_path):
    declared = '@surface("targets")\ndef declared(at):\n    return {"side": {"horizon": 15}}\n'
    with tiny(tmp_path, stated() + declared) as subject:
        assert_passes(run_check("SPL001", subject))
        assert_passes(run_check("TGT001", subject))


@pytest.mark.fails("TGT001")
def test_ends_that_are_stated_too_early(tmp_path):
    declared = '@surface("targets")\ndef declared(at):\n    return {"side": {"horizon": 15}}\n'
    with tiny(tmp_path, stated(shift="- 2") + declared) as subject:
        result = run_check("TGT001", subject)
    assert "after the end that is stated" in assert_fails(result, key="ends").message


@pytest.mark.fails("SPL001")
def test_stated_ends_alone_tell_an_overlap(tmp_path):
    hooks = stated(slack=3).replace('@surface("targets")\ndef build', "def not_a_hook")
    hooks += '\n@surface("targets")\ndef declared(at):\n    return {"side": {"horizon": 15}}\n'
    with tiny(tmp_path, hooks) as subject:
        assert_fails(run_check("SPL001", subject), key="before")


EMBARGO = """
H, EMBARGO = 10, 6

@surface("targets")
def build(at, panel):
    return each(panel, week=lambda b: b["close"].shift(-H) / b["close"] - 1)

@surface("splits")
def declared(at):
    return {{"horizon": H, "purge": H, "embargo": EMBARGO}}

@surface("splits")
def folds(at, panel):
    dates = panel.index.get_level_values(1)
    at_ = dates.unique().sort_values().get_indexer(dates)
    found = []
    for start in (100, 200, 300):
        test = (at_ >= start) & (at_ < start + 60)
        train = (at_ < start - H) | (at_ >= start + 59 + {after})
        found.append({{"train": np.flatnonzero(train), "test": np.flatnonzero(test)}})
    return found
"""


@pytest.mark.fails("SPL003")
@pytest.mark.parametrize("after", ["max(H, EMBARGO)", "H + EMBARGO - 1", "H"])
def test_an_embargo_that_lies_inside_the_purge(tmp_path, after):
    with tiny(tmp_path, EMBARGO.format(after=after)) as subject:
        assert_passes(run_check("SPL001", subject))
        found = assert_fails(run_check("SPL003", subject), key="embargo code")
    assert found.expected == "at least 6 bars"
    assert found.message.startswith("3 of 3 folds")


@pytest.mark.passes("SPL003")
@pytest.mark.parametrize("after", ["H + EMBARGO", "H + EMBARGO + 5"])
def test_an_embargo_after_the_last_test_label_passes(tmp_path, after):
    with tiny(tmp_path, EMBARGO.format(after=after)) as subject:
        assert_passes(run_check("SPL003", subject))


def test_a_recorded_table_of_labels_that_end_early_is_a_gap(tmp_path):
    fold = {"train_start": "2015-01-01", "train_end": "2015-11-02",
            "test_start": "2015-11-05", "test_end": "2016-02-01"}  # fmt: skip
    parameters = ""
    with tiny(tmp_path, barriers(), meta={"folds": [fold]}, parameters=parameters) as subject:
        result = run_check("SPL004", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "end at different times" in result.reason


@pytest.mark.passes("TGT001", "TGT004", "SPL001")
def test_the_example_of_the_guide(tmp_path):
    with tiny(tmp_path, GUIDED) as subject:
        for code in ("TGT001", "TGT004", "SPL001"):
            assert_passes(run_check(code, subject))
        assert {r.state for r in try_hooks(subject)} == {"good"}


@pytest.mark.parametrize(
    ("code", "key", "right", "wrong"),
    [
        ("SPL001", "before", "end <= start)", "end <= start + 4)"),
        ("TGT001", "ends", "bars = touched(close.to_numpy())[1]",
         "bars = touched(close.to_numpy())[1] // 2"),
        ("TGT004", "side touch", '"stop": STOP', '"stop": 2 * STOP'),
    ],
)  # fmt: skip
def test_the_example_of_the_guide_spoilt(tmp_path, code, key, right, wrong):
    assert right in GUIDED
    with tiny(tmp_path, GUIDED.replace(right, wrong)) as subject:
        assert_fails(run_check(code, subject), key=key)


def fold(train_at, train_ends, test_at, test_ends):
    """A fold of one asset whose rows stand at their calendar positions."""
    given = [np.array(p) for p in (train_at, test_at, train_at, test_at, train_ends, test_ends)]
    return DrivenFold(1, *given)


@pytest.mark.parametrize(
    ("train_at", "train_ends", "before", "after", "room"),
    [
        ([1, 2], [5, 8], (0, 0), (0, 0), 2),
        ([1, 2], [5, 10], (0, 0), (0, 0), 0),
        ([1, 2, 3], [5, 11, 13], (3, 2), (0, 0), -3),
        ([14], [15], (0, 0), (0, 0), 5),
        ([13], [15], (0, 0), (1, 1), 5),
        ([16], [18], (0, 0), (0, 0), 2),
        ([16], [22], (2, 1), (0, 0), -2),
        # Beyond the second stretch, whose last label ends at 26.
        ([25], [29], (0, 0), (1, 1), None),
        ([26], [29], (0, 0), (0, 0), None),
    ],
)
def test_labels_between_two_stretches_of_test_dates(train_at, train_ends, before, after, room):
    """SPL001: each stretch has its own last label, and none speaks for another."""
    made = fold(train_at, train_ends, [10, 11, 12, 20, 21], [13, 14, 13, 26, 23])
    assert _before(made) == before
    assert _after(made) == after
    assert _room(made) == (room if train_at[0] < 20 else None)


def test_a_test_label_that_is_unknown_ends_with_its_stretch():
    """SPL001: a row that has no label is no reason to keep later rows out."""
    made = fold([13], [15], [10, 12], [10, 12])
    assert _after(made) == (0, 0)
