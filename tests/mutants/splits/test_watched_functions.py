"""Scalers, fills and selections that are functions of the subject's own."""

import re
import sys
import textwrap
from pathlib import Path

import pytest

from audit_lib.hooks import watch
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.splits.test_trainer_habits import trainer
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/training.md").read_text()
STEPS = """
import numpy as np

def scale_fit(table):
    return np.stack([table.mean(axis=0), table.std(axis=0)])

def scale(numbers, table):
    return (table - numbers[0]) / numbers[1]

def fill(table, middle=None):
    return table - np.median(table, axis=0)

def choose(table, labels):
    return np.argsort(-np.abs(np.corrcoef(table.T, labels)[-1, :-1]))[:2]
"""
BODY = """
import importlib.util, sys
from sklearn.linear_model import Ridge
from audit_lib.hooks import watch

spec = importlib.util.spec_from_file_location("own_steps", at.root / "own_steps.py")
own = importlib.util.module_from_spec(spec)
sys.modules["own_steps"] = own
spec.loader.exec_module(own)
{watched}
{steps}
m = Ridge().fit({x}[fitted], y[fitted])
m.predict({x}[later])
"""
SCALED = 'watch(own, fit="scale_fit", transform="scale")'
FILLED = 'watch(own, fit="fill", transform="fill")'
CHOSEN = 'watch(own, fit="choose")'
CASES = {
    "scale_fit": (SCALED, "Z = own.scale(own.scale_fit(X{rows}), X)", "Z"),
    "fill": (FILLED, "Z = X.copy(); Z{rows} = own.fill(X{rows})", "Z"),
    "choose": (CHOSEN, "best = own.choose(X{rows}, y{rows})", "X[:, best]"),
}


def text(name, rows, *, watched=True):
    watches, steps, x = CASES[name]
    body = BODY.format(watched=watches if watched else "", steps=steps.format(rows=rows), x=x)
    return trainer(body)


@pytest.mark.fails("FEA121")
@pytest.mark.parametrize("name", CASES)
def test_a_function_that_saw_the_judged_rows(tmp_path, name):
    with tiny(tmp_path, text(name, ""), source={"own_steps.py": STEPS}) as subject:
        found = assert_fails(run_check("FEA121", subject), key=f"{name} before Ridge")
    assert "rows that the model is judged on" in found.message


@pytest.mark.passes("FEA121")
@pytest.mark.parametrize("name", CASES)
def test_a_function_that_saw_train_rows_only(tmp_path, name):
    with tiny(tmp_path, text(name, "[fitted]"), source={"own_steps.py": STEPS}) as subject:
        result = run_check("FEA121", subject)
    assert_passes(result)
    table = next(e for e in result.evidence if e.name == "preprocessing")
    assert name in {row[0] for row in table.rows} or name == "fill"


def test_a_name_that_the_module_lacks_is_a_mistake():
    import statistics

    with pytest.raises(ValueError, match="statistics has no function 'scale' to watch"):
        watch(statistics, fit="scale")


ROWS_AS_MAPPINGS = """
import statistics

class Scale:
    def fit(self, rows):
        self.mean = {n: statistics.fmean(r[n] for r in rows) for n in rows[0]}
        return self

    def transform(self, rows):
        return [{n: v - self.mean[n] for n, v in row.items()} for row in rows]

class Mean:
    def fit(self, rows, target):
        self.weight = statistics.fmean(target)
        return self

    def predict(self, rows):
        return [self.weight * next(iter(row.values())) for row in rows]

from audit_lib.hooks import watch

watch(Scale, fit="fit", transform="transform")
watch(Mean, fit="fit", predict="predict")
rows = table[features.columns].to_dict("records")
some = lambda flags, them: [v for v, f in zip(them, flags) if f]
scale = Scale().fit({given})
Z = scale.transform(rows)
Mean().fit(some(fitted, Z), list(y[fitted])).predict(some(later, Z))
"""


@pytest.mark.fails("FEA121")
def test_rows_that_are_mappings_are_told_apart(tmp_path):
    with tiny(tmp_path, trainer(ROWS_AS_MAPPINGS.replace("{given}", "rows"))) as subject:
        assert_fails(run_check("FEA121", subject), key="Scale before Mean")


@pytest.mark.passes("FEA121")
def test_rows_that_are_mappings_of_train_rows(tmp_path):
    given = ROWS_AS_MAPPINGS.replace("{given}", "some(fitted, rows)")
    with tiny(tmp_path, trainer(given)) as subject:
        assert_passes(run_check("FEA121", subject))


HOOK, CLASSES, FUNCTIONS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
ENGINE = {
    "my_engine/__init__.py": "",
    "my_engine/scaling.py": """
import numpy as np

def center_and_scale(table):
    return table.mean(axis=0), table.std(axis=0)

def apply(numbers, table):
    return (table - numbers[0]) / numbers[1]

def fill(table):
    return np.where(np.isnan(table), np.nanmedian(table, axis=0), table)
""",
    "my_engine/selection.py": """
import numpy as np

def choose_columns(table, labels):
    return np.argsort(-np.abs(np.corrcoef(table.T, labels)[-1, :-1]))[:2]
""",
    "my_engine/parts.py": """
import numpy as np

class Scaler:
    def fit(self, table):
        self.mean = table.mean(axis=0)
        return self

    def apply(self, table):
        return table - self.mean

class Network:
    def train(self, table, labels):
        self.weights = np.linalg.lstsq(table, labels, rcond=None)[0]

    def forward(self, table):
        return table @ self.weights
""",
    "my_engine/training.py": """
from .parts import Network, Scaler
from .scaling import apply, center_and_scale

class Trainer:
    def __init__(self, folder):
        self.folder = folder

    def fit(self, features, labels):
        table, known = features.to_numpy(), labels.to_numpy()
        dates = features.index.get_level_values("date")
        train, later = dates < dates.unique()[300], dates >= dates.unique()[320]
        scaled = apply(center_and_scale(table[ROWS]), table)
        scaled = Scaler().fit(scaled[train]).apply(scaled)
        network = Network()
        network.train(scaled[train], known[train])
        return str(network.forward(scaled[later]).mean())[:0]
""",
}


def guided(folder, rows):
    """The hook of the guide, with what it says to watch, on an engine of these names."""
    begin = "    from my_engine.training import Trainer\n"
    assert begin in HOOK
    named = "from my_engine.parts import Network, Scaler\n" + CLASSES + FUNCTIONS
    before = "import sys\nsys.path.insert(0, str(at.root))\n" + named
    text = HOOK.replace(begin, textwrap.indent(before, "    ") + begin)
    declared = """
@surface("targets.declared")
def declared(at):
    return {"return_5": {"horizon": 5}}
"""
    source = {
        **ENGINE,
        "my_engine/training.py": ENGINE["my_engine/training.py"].replace("ROWS", rows),
    }
    return tiny(folder, text + declared, source=source)


@pytest.fixture(autouse=True)
def _forget():
    yield
    for name in [n for n in sys.modules if n.partition(".")[0] == "my_engine"]:
        del sys.modules[name]
    sys.path[:] = [p for p in sys.path if not p.endswith("/engine")]


@pytest.mark.passes("FEA121", "SPL021")
def test_the_example_of_the_guide(tmp_path):
    with guided(tmp_path, "train") as subject:
        assert_passes(run_check("FEA121", subject))
        assert_passes(run_check("SPL021", subject))


@pytest.mark.fails("FEA121")
def test_the_example_of_the_guide_with_a_scaler_that_saw_everything(tmp_path):
    with guided(tmp_path, ":") as subject:
        found = assert_fails(run_check("FEA121", subject))
    assert "before Network was fitted on" in found.message
