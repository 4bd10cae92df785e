"""DOC003: codes that mean another thing elsewhere."""

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

CODES = {"regime": {0: "trending_bull", 1: "trending_bear", 2: "mean_reverting"}}
FILES = {
    "config.py": "NAMES = {0: 'trending_bull', 1: 'trending_bear', 2: 'mean_reverting'}\n",
    "kinds.py": "from enum import IntEnum\n\n\nclass Regime(IntEnum):\n"
    "    TRENDING_BULL = 0\n    TRENDING_BEAR = 1\n    MEAN_REVERTING = 2\n",
    "screen.py": "LABELS = {'0': 'Trending bull', '1': 'Trending bear', '2': 'sideways'}\n"
    "ORDER = {'low': 0, 'high': 1}\nCOLOURS = {0: 'green', 1: 'red'}\n",
}


def check(tmp_path, codes=CODES, **changed):
    return run_check("DOC003", subject(tmp_path, {**FILES, **changed}, codes=codes))


@pytest.mark.passes("DOC003")
def test_one_meaning_everywhere(tmp_path):
    result = check(tmp_path)
    assert_passes(result)
    assert result.examined[0].count == 3


@pytest.mark.fails("DOC003")
@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("screen.py", "A = 1\nL = {'0': 'Trending bear', '1': 'Trending bull'}\n", 2),
        ("kinds.py", "class R:\n    TRENDING_BEAR = 0\n    TRENDING_BULL = 1\n", 1),
        ("policy.py", "P = {'mean-reverting': 0, 'trending_bear': 1}\n", 1),
    ],
)
def test_another_map(tmp_path, file, text, line):
    found = assert_fails(check(tmp_path, **{file: text}), cause="another map of regime")
    assert (found.location.path, found.location.line) == (file, line)
    assert "regime 0 is" in found.message


def test_nothing_declared(tmp_path):
    assert check(tmp_path, codes={}).outcome is Outcome.NOT_APPLICABLE
