"""Engines of other shapes: classes that decide, methods of detectors, runners among the scripts."""

import pytest

from audit_lib.subject.discovery import discover
from audit_lib.subject.discovery.writing import module_name
from tests.made_repo import write

BY_CLASSES = {
    "desk/__init__.py": "",
    "desk/deciders.py": """
class ThresholdDecider:
    def __init__(self, enter):
        self.enter = enter

    def __call__(self, forecasts, portfolio):
        return [{"symbol": n, "side": "buy"} for n, v in forecasts.items() if v > self.enter]
""",
    "desk/watch.py": """
class PageHinkley:
    def __init__(self, delta):
        self.total, self.low, self.delta = 0.0, 0.0, delta

    def update(self, error):
        self.total += error - self.delta
        self.low = min(self.low, self.total)
        return self.total - self.low
""",
    "desk/blocks.py": """
import pandas as pd

class Matrix:
    def transform(self, bars) -> pd.DataFrame:
        return bars.assign(vol=bars["close"].pct_change().rolling(20).std())

class WalkForward:
    def split(self, x):
        for i in range(5):
            yield range(i), range(i, i + 1)
""",
    "scripts/run_live.py": """
from desk.deciders import ThresholdDecider
from desk.blocks import Matrix, WalkForward
from desk.watch import PageHinkley

def place_orders(signals):
    return ThresholdDecider(0.1)(Matrix().transform(signals), None)
""",
    "scripts/clean_up.py": "import shutil\n\ndef train_model(x): ...\n",
}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return discover(write(tmp_path_factory.mktemp("engine"), BY_CLASSES))


@pytest.mark.parametrize(
    ("hook", "name"),
    [
        ("decisions.backtest", "ThresholdDecider.__call__"),
        ("drift.cusum", "PageHinkley.update"),
        ("features.build", "Matrix.transform"),
        ("splits.folds", "WalkForward.split"),
        ("decisions.live", "place_orders"),
    ],
)
def test_what_classes_do_is_offered(found, hook, name):
    assert name in [c.name for c in found.candidates if c.hook == hook]


def test_constructors_are_no_answers(found):
    assert not [c for c in found.candidates if c.name.endswith("__init__")]


def test_scripts_that_run_the_engine_count_and_others_do_not(found):
    assert "scripts/run_live.py" in [c.path for c in found.candidates]
    assert "scripts/clean_up.py" not in [c.path for c in found.candidates]
    assert found.files == 5


def test_imports_that_begin_with_src_and_a_stray_file_at_the_root(tmp_path):
    made = {"src/__init__.py": "", "__init__.py": ""}
    made["src/desk.py"] = "from src.rules import LIMIT\n"
    made["src/rules.py"] = "LIMIT = 1\n"
    found = discover(write(tmp_path / "engine-main", made))
    assert (found.package, found.is_package, found.from_src) == ("src", False, True)
    assert module_name(found, "src/desk.py") == "src.desk"
    made["src/desk.py"] = "from rules import LIMIT\n"
    del made["src/__init__.py"], made["__init__.py"]
    found = discover(write(tmp_path / "other", made))
    assert (found.is_package, found.from_src) == (False, False)
    assert module_name(found, "src/desk.py") == "desk"
