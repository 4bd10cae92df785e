"""FEA011: what consumers do to features, and what is recorded beside the model."""

import re
from pathlib import Path

import pandas as pd
import pytest

from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.feature_vector.test_scaler import COLUMNS, HOOKS, TRAIN, features, meta
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/scaling.md").read_text()
(BOTH,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
TRAINER = HOOKS + BOTH[: BOTH.index('@surface("features.scale", variant="live")')]
NEEDED = f"""
@surface("predictor")
def required(at):
    return {COLUMNS}
"""
FACTOR = '[1.4826 * mad for mad in kept["mad"]]'
ANSWER = f'return (features[columns] - kept["median"]) / {FACTOR}'


def trainer(answer):
    assert ANSWER in TRAINER
    return TRAINER.replace(ANSWER, answer) + NEEDED


def told(text, kept=None):
    return {"text": text + NEEDED, "meta": kept or meta(*TRAIN)}


@pytest.mark.passes("FEA011")
@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        ANSWER.replace(FACTOR, 'kept["mad"]'),  # a raw MAD may be left as it is
        ANSWER.replace("return ", "return (") + ").clip(-3, 3)",
    ],
)
def test_scalers_that_keep_to_what_is_recorded(tmp_path, answer):
    with tiny(tmp_path, trainer(answer), meta=meta(*TRAIN)) as subject:
        result = run_check("FEA011", subject)
        assert_passes(result)
        assert [r for r in try_hooks(subject) if r.state != "good"] == []
    beside, recorded = result.margins
    assert 0 <= beside.measured <= beside.allowed == 1e-6
    assert 0 <= recorded.measured < recorded.allowed == 1e-4


@pytest.mark.fails("FEA011")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ANSWER.replace(FACTOR, "[100 * mad for mad in kept['mad']]"), "divided by 100 times"),
        (ANSWER.replace(' - kept["median"]', ""), "is scaled around"),
        (
            "return (features[columns] - features[columns].mean()) / features[columns].std()",
            "half the rows alone are scaled otherwise, in 4 of 4 features",
        ),
        (
            ANSWER.replace("features[columns]", "features[columns].assign(range=np.log("
                           "features['range']))"),
            "range is scaled after log(x), and the feature itself was recorded",
        ),
    ],
)  # fmt: skip
def test_scalers_that_do_not(tmp_path, answer, said):
    with tiny(tmp_path, trainer(answer), meta=meta(*TRAIN)) as subject:
        result = run_check("FEA011", subject)
    found = assert_fails(result)
    assert said in found.message


@pytest.mark.fails("FEA011")
def test_the_example_of_the_guide_leaves_a_factor_out(tmp_path):
    with tiny(tmp_path, HOOKS + BOTH + NEEDED, meta=meta(*TRAIN)) as subject:
        result = run_check("FEA011", subject)
        found = assert_fails(result)
        assert [r for r in try_hooks(subject) if r.state != "good"] == []
    assert found.message.startswith("live: momentum is scaled otherwise than by trainer: 1.4826")
    assert "and 3 more of the same cause" in found.message


@pytest.mark.fails("FEA011")
def test_a_factor_twice(tmp_path):
    with tiny(tmp_path, trainer(ANSWER), meta=meta(*TRAIN, factor=1.4826022185056018)) as subject:
        found = assert_fails(run_check("FEA011", subject))
    assert "is divided by 1.483 times its recorded scale" in found.message
    with tiny(
        tmp_path / "b",
        trainer(ANSWER.replace(FACTOR, 'kept["mad"]')),
        meta=meta(*TRAIN, factor=1.4826022185056018),
    ) as subject:
        assert_passes(run_check("FEA011", subject))


@pytest.mark.fails("FEA011")
def test_a_logarithm_that_was_recorded_and_is_not_taken(tmp_path):
    import numpy as np

    kept, built = meta(*TRAIN), features()
    dates = built.index.get_level_values(1)
    logged = np.log(built[(dates >= TRAIN[0]) & (dates <= TRAIN[1])]["range"])
    at = COLUMNS.index("range")
    kept["scaler"]["median"][at] = float(logged.median())
    kept["scaler"]["mad"][at] = float((logged - logged.median()).abs().median())
    with tiny(tmp_path, trainer(ANSWER), meta=kept) as subject:
        found = assert_fails(run_check("FEA011", subject))
    assert found.message == "trainer: range is scaled as it is, and its logarithm was recorded"
    taken = trainer(
        ANSWER.replace(
            "features[columns]", "features[columns].assign(range=np.log(features['range']))"
        )
    )
    with tiny(tmp_path / "b", taken, meta=kept) as subject:
        assert_passes(run_check("FEA011", subject))


def test_constant_columns_and_floors_are_left_out(tmp_path):
    kept = meta(*TRAIN)
    kept["feature_cols"] = [*COLUMNS, "still", "tight"]
    kept["scaler"]["median"] += [1.0, 0.0]
    kept["scaler"]["mad"] += [0.0, 1e-9]
    kept["scaler"]["floor"] = 1e-4
    text = TRAINER.replace(
        'longer=lambda b: b["close"].rolling(30).std(),',
        'longer=lambda b: b["close"].rolling(30).std(), still=lambda b: 0 * b["close"] + 1,\n'
        '        tight=lambda b: 1e-9 * b["close"],',
    ).replace(FACTOR, "[max(1.4826 * mad, 1e-4) for mad in kept['mad']]")
    with tiny(tmp_path, text, meta=kept) as subject:
        result = run_check("FEA011", subject)
    assert_passes(result)
    (table,) = (e for e in result.evidence if e.name == "applied[trainer]")
    assert "still" not in {row[0] for row in table.rows}


def test_without_the_hook_there_is_nothing_to_judge(tmp_path):
    with tiny(tmp_path, HOOKS) as subject:
        assert run_check("FEA011", subject).outcome is Outcome.NOT_APPLICABLE


def test_lines_are_measured_through_cuts():
    from audit_lib.probes.prediction.applied_scale import LOG, line

    x = pd.Series(range(1, 101)).to_numpy(float)
    made = line(x, ((x - 40) / 8).clip(-2, 2))
    assert made is not None
    assert (round(made.centre, 6), round(made.scale, 6), made.change) == (40, 8, "x")
    import numpy as np

    logged = line(x, (np.log(x) - 2) / 3)
    assert logged is not None
    assert (logged.change, round(logged.scale, 6)) == (LOG, 3)
    assert line(x, np.tanh(x / 50)) is None


@pytest.mark.parametrize(("off", "told"), [(0.7e-4, False), (1.5e-4, True)])
def test_a_scale_is_told_apart_at_one_in_ten_thousand(off, told):
    """FEA011: in the scale and in the centre alike."""
    from audit_lib.probes.prediction.applied_scale import Line, apart

    assert bool(apart(Line("", 1.0, 2.0 * (1 + off), 0.0), 1.0, 2.0, (1.0,)).text) is told
    assert bool(apart(Line("", 1.0 + 2.0 * off, 2.0, 0.0), 1.0, 2.0, (1.0,)).text) is told


@pytest.mark.passes("FEA011")
def test_the_reference_engine(reference):
    assert_passes(run_check("FEA011", reference))
