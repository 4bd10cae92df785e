import pytest

from audit_lib.testing import assert_passes, run_check
from tests.mutants.tiny import tiny

LAG = "def lagged(x, n):\n    return x.shift(n)\n\n\n"
BAD = {
    "def momentum(close):\n    lag = -1\n    return close.shift(lag)\n":
        (3, "`shift` by lag, which is negative"),
    "LEAD = -5\n\n\ndef momentum(close):\n    return close.pct_change(LEAD)\n":
        (5, "`pct_change` by LEAD, which is negative"),
    "def momentum(close, n=-1):\n    return close.shift(n)\n":
        (2, "`shift` by n, which is negative"),
    LAG + "def momentum(close):\n    return lagged(close, -1)\n":
        (6, "`lagged`, which shifts by n, with -1"),
    LAG + "def deep(x, by):\n    return lagged(x, n=by)\n\n\n"
    "def momentum(close):\n    return deep(close, by=-2)\n":
        (10, "`deep`, which shifts by by, with -2"),
    "class Lags:\n    def move(self, x, n):\n        return x.diff(n)\n\n"
    "    def make(self, close):\n        step = -1\n        return self.move(close, step)\n":
        (7, "`self.move`, which shifts by n, with step"),
    "def momentum(close, out):\n    out[:-1] = close[1:] / close[:-1] - 1\n    return out\n":
        (2, "close[1:] on earlier rows"),
}  # fmt: skip
GOOD = (
    "def momentum(close):\n    lag = 1\n    return close.shift(lag)\n",
    LAG + "def momentum(close):\n    return lagged(close, 1)\n",
    LAG + "def make_label(close):\n    return lagged(close, -1)\n",
    "def moved(x, n):\n    return x * n\n\n\ndef momentum(close):\n    return moved(close, -1)\n",
    "def momentum(close, lag):\n    lag = -1\n    lag = 2\n    return close.shift(lag)\n",
    "def momentum(close, out):\n    out[1:] = close[1:] / close[:-1] - 1\n    return out\n",
)


@pytest.mark.parametrize("text", BAD)
def test_shifts_by_a_negative_number_that_stands_elsewhere(tmp_path, text):
    with tiny(tmp_path, source={"features.py": text}) as subject:
        (finding,) = run_check("FEA111", subject).findings
    assert (finding.location.line, finding.measured) == BAD[text]


@pytest.mark.passes("FEA111")
@pytest.mark.parametrize("text", GOOD)
def test_shifts_that_look_back_or_make_labels(tmp_path, text):
    with tiny(tmp_path, source={"features.py": text}) as subject:
        assert_passes(run_check("FEA111", subject))


def test_a_column_that_a_list_of_features_names_is_no_label(tmp_path):
    text = (
        "def build(frame):\n    frame['fwd_5'] = frame.close.shift(-5)\n    return frame[NAMES]\n"
    )
    for listed in ("['fwd_5', 'vol']", "['vol']"):
        source = {"features.py": f"FEATURES = {listed}\n\n\n{text}"}
        with tiny(tmp_path / listed[2:5], source=source) as subject:
            found = run_check("FEA111", subject).findings
        assert len(found) == ("fwd_5" in listed)
