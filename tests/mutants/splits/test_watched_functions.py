"""Scalers, fills and selections that are functions of the subject's own."""

import pytest

from audit_lib.hooks import watch
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.splits.test_trainer_habits import trainer
from tests.mutants.tiny import tiny

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
