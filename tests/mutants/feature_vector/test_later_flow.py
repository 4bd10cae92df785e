"""Values of later rows that are made in one place and served in another."""

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_passes, run_check
from tests.mutants.tiny import tiny

LISTED = "FEATURES = ['mom', 'vol']\n\n\n"
LABEL = "def forward_return(close):\n    return close.shift(-5) / close - 1\n\n\n"
#: text, and the line at which the column is made
BAD = {
    "a label in a ratio": (
        "def build(frame):\n    fwd = frame.close.shift(-5)\n"
        "    frame['mom'] = fwd / frame.close - 1\n", 6),
    "what a label function answers": (
        LABEL + "def build(frame):\n    frame['mom'] = forward_return(frame.close).rank()\n", 9),
    "through an argument": (
        "def put(frame, x):\n    frame['mom'] = x.abs()\n\n\n"
        "def run(frame):\n    ahead = frame.close.shift(-1)\n    put(frame, ahead)\n", 10),
    "through two functions": (
        LABEL + "def scaled(x):\n    return x * 100\n\n\ndef build(frame):\n"
        "    y = scaled(forward_return(frame.close))\n    return frame.assign(mom=y)\n", 14),
    "through a field": (
        "class Maker:\n    def look(self, close):\n        self.target = close.shift(-3)\n\n"
        "    def build(self, frame):\n        frame['mom'] = self.target - frame.close\n", 9),
    "through a column": (
        "def label(frame):\n    frame['fwd_3'] = frame.close.shift(-3)\n\n\n"
        "def build(frame):\n    frame['mom'] = frame['fwd_3'].ewm(3).mean()\n", 9),
    "a mapping of functions": (LABEL + "MAKERS = {'mom': forward_return}\n", 8),
    "a registered function": (
        "@feature('mom')\ndef target_like(close):\n    return close.shift(-5)\n", 4),
    "a loop and a branch": (
        "def build(frame, deep):\n    target = 0\n    for h in (1, 2):\n        if deep:\n"
        "            target += frame.close.shift(-h)\n    frame['mom'] = target\n", 9),
}  # fmt: skip
FED = {
    "into a column of a function of features": (
        LABEL + "def make_features(bars):\n    bars['speed'] = forward_return(bars.close)\n"),
    "selected for a model under a label's name": (
        "def put(bars):\n    bars['forward'] = bars.close.pct_change(-5)\n\n\n"
        "def learn(model, bars, y):\n    X = put(bars)[['forward', 'vol']]\n    model.fit(X, y)\n"),
    "given to a model": (
        "def forward(bars):\n    bars['speed'] = bars.close.pct_change(-5)\n    return bars\n\n\n"
        "def learn(model, bars, y):\n    model.fit(forward(bars)[['speed']], y)\n"),
}  # fmt: skip
UNFED = {
    "a label's name in a function of features": (
        LABEL + "def make_features(bars):\n    bars['target'] = forward_return(bars.close)\n"),
    "selected as what is learned": (
        "def put(bars):\n    bars['forward'] = bars.close.pct_change(-5)\n\n\n"
        "def learn(model, X, bars):\n    y = put(bars)[['forward']]\n    model.fit(X, y)\n"),
}  # fmt: skip
GOOD = {
    "labels beside features": (
        LABEL + "def build(frame):\n    y = forward_return(frame.close)\n"
        "    frame['mom'] = frame.close.pct_change(5)\n    return frame, y\n"),
    "moved forwards again": (
        "def build(frame):\n    fwd = frame.close.shift(-5)\n    frame['mom'] = fwd.shift(5)\n"),
    "rows with a label": (
        "def build(frame):\n    frame['target'] = frame.close.shift(-5)\n"
        "    known = frame[frame['target'].notna()]\n    known['mom'] = known.close.diff(3)\n"),
    "a model that learns the label": (
        LABEL + "def build(frame, model):\n    model = model.fit(frame, forward_return(frame))\n"
        "    frame['mom'] = model.predict(frame)\n"),
    "the index of a label": (
        LABEL + "def build(frame):\n    y = forward_return(frame.close)\n"
        "    frame['mom'] = frame.close.pct_change(5).reindex(y.index)\n"),
    "a name that is used anew": (
        "def build(frame):\n    target = frame.close.shift(-5)\n    save(target)\n"
        "    target = frame.close.mean\n    frame['mom'] = target\n"),
    "a column that is no feature": (
        "def build(frame):\n    y = frame.close.shift(-5)\n    frame['weight'] = y.abs()\n"),
    "an argument of another call": (
        "def doubled(x):\n    return x * 2\n\n\ndef label(close):\n"
        "    return doubled(close.shift(-5))\n\n\ndef build(frame):\n"
        "    frame['mom'] = doubled(frame.close)\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", [*FED, *UNFED])
def test_columns_that_no_list_names(tmp_path, name):
    with tiny(tmp_path, source={"features.py": (FED | UNFED)[name]}) as subject:
        result = run_check("FEA111", subject)
    assert len(result.findings) == (name in FED)


@pytest.mark.parametrize("name", BAD)
def test_a_label_that_is_served_as_a_feature(tmp_path, name):
    text, line = BAD[name]
    with tiny(tmp_path, source={"features.py": LISTED + text}) as subject:
        result = run_check("FEA111", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    (finding,) = result.findings
    assert finding.severity is Severity.INFO
    made_here = finding.location.line == line or "target_like" in text
    assert made_here or f", served as mom (features.py:{line})" in finding.message


@pytest.mark.passes("FEA111")
@pytest.mark.parametrize("name", GOOD)
def test_labels_that_stay_labels(tmp_path, name):
    with tiny(tmp_path, source={"features.py": LISTED + GOOD[name]}) as subject:
        assert_passes(run_check("FEA111", subject))


HELPED = "def smooth(x):\n    return x.rolling(3, center=True).mean()\n\n\n"
SERVED = "def columns(bars):\n    return {'%s': smooth(bars)}\n"
BUILD = """
@surface("features")
def build(at, panel):
    leaky = lambda b: b.close.rolling(3, center=True).mean()
    return each(panel, clean=returns, leaky=leaky)
"""


@pytest.mark.fails("FEA113")
def test_a_helper_is_confirmed_by_the_column_it_is_served_as(tmp_path):
    assert _helped(tmp_path, "leaky") is Severity.HIGH


@pytest.mark.passes("FEA113")
def test_a_helper_is_cleared_by_the_column_it_is_served_as(tmp_path):
    assert _helped(tmp_path, "clean") is Severity.INFO


def _helped(tmp_path, column):
    with tiny(tmp_path, BUILD, source={"features.py": HELPED + SERVED % column}) as subject:
        (finding,) = run_check("FEA113", subject).findings
    assert f"`rolling(center=True)`, served as {column} (features.py:6)" in finding.message
    return finding.severity


def test_a_column_whose_name_everybody_uses_is_not_followed_to_other_functions(tmp_path):
    readers = "".join(
        f"def read{i}(frame):\n    frame['mom'] = frame['value'].diff()\n\n\n" for i in range(45)
    )
    text = f"{LISTED}def label(frame):\n    frame['value'] = frame.close.shift(-1)\n\n\n{readers}"
    with tiny(tmp_path / "a", source={"features.py": text}) as subject:
        assert not any("served as mom" in f.message for f in run_check("FEA111", subject).findings)
    few = text.partition("def read3(")[0]
    with tiny(tmp_path / "b", source={"features.py": few}) as subject:
        assert any("served as mom" in f.message for f in run_check("FEA111", subject).findings)
