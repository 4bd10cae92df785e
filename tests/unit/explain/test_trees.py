"""Trees rebuilt from text give what LightGBM gives, and damaged ones are left alone."""

import lightgbm
import numpy as np
import pytest

from audit_lib.explain.trees import contributions, follows, forests_in
from audit_lib.model import Location

WHERE = Location("model.txt", base="artifacts")
NAMES = [f"f{i}" for i in range(6)]


def data(gaps, seed=3):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(600, 6))
    if gaps:
        x[rng.random(x.shape) < 0.1] = np.nan
    clean = np.nan_to_num(x)
    return x, clean[:, 0] + clean[:, 1] * clean[:, 2] + rng.normal(size=600) * 0.1


def trained(gaps=False, **parameters):
    x, y = data(gaps)
    if parameters.get("objective") == "binary":
        y = (y > 0).astype(int)
    if parameters.get("objective") == "multiclass":
        y = np.digitize(y, [-0.5, 0.5])
    told = {"verbose": -1, "num_threads": 1, "num_leaves": 15, **parameters}
    return lightgbm.train(told, lightgbm.Dataset(x, y, feature_name=NAMES), 25), x


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("objective", ["regression", "binary"])
def test_contributions_equal_those_of_lightgbm(gaps, objective):
    model, x = trained(gaps, objective=objective)
    if not gaps:
        x[::7, 0] = np.nan  # where training never saw a gap, LightGBM takes zero
    (forest,) = forests_in(model.model_to_string(), WHERE)
    assert forest.sums(x) == pytest.approx(model.predict(x, raw_score=True), abs=1e-12)
    ours = contributions(forest, x, NAMES, "head")
    theirs = model.predict(x, pred_contrib=True)
    assert ours.walks[0] == pytest.approx(theirs[:, :-1], abs=1e-10)
    assert ours.base == pytest.approx(theirs[0, -1], abs=1e-10)
    assert ours.error < 1e-10


def test_each_class_has_a_forest_of_its_own():
    model, x = trained(objective="multiclass", num_class=3)
    forests = forests_in(model.model_to_string(), WHERE)
    raw = model.predict(x, raw_score=True)
    for number, forest in enumerate(forests):
        assert forest.sums(x) == pytest.approx(raw[:, number], abs=1e-12)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("left_child", "9999"),
        ("left_child", "-9999"),
        ("right_child", "0"),
        ("split_feature", "77"),
        ("decision_type", "1"),
    ],
)
def test_a_damaged_text_is_not_walked(key, value):
    model, _ = trained()
    lines = model.model_to_string().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith(f"{key}="))
    rest = lines[at].split("=")[1].split()
    lines[at] = f"{key}={' '.join([value, *rest[1:]])}"
    with pytest.raises((ValueError, IndexError)):
        forests_in("\n".join(lines), WHERE)


def test_other_kinds_are_left_to_walks():
    averaged = trained(boosting="rf", bagging_freq=1, bagging_fraction=0.5)[0]
    with pytest.raises(ValueError, match="averaged"):
        forests_in(averaged.model_to_string(), WHERE)
    with pytest.raises(ValueError, match="linear"):
        forests_in(trained(linear_tree=True)[0].model_to_string(), WHERE)


def test_counts_that_were_altered_break_the_sum():
    model, x = trained()
    lines = model.model_to_string().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("leaf_count="))
    lines[at] = "leaf_count=" + " ".join(str(5 * int(c)) for c in lines[at].split("=")[1].split())
    (forest,) = forests_in("\n".join(lines), WHERE)
    assert contributions(forest, x, NAMES, "head").error > 1e-6


def test_a_head_follows_its_own_trees_alone():
    model, x = trained()
    (forest,) = forests_in(model.model_to_string(), WHERE)
    total = forest.sums(x)
    assert follows(1 / (1 + np.exp(-total)), total)
    assert follows(np.floor(20 * np.exp(total)), total)  # calibrated in steps
    assert not follows(-total, total)
    assert not follows(total + 0.05 * np.nan_to_num(x[:, 5]), total)
    assert not follows(np.zeros(len(total)), total)
