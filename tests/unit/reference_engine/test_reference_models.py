from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit_lib.reference_engine.calibration import Calibrator
from audit_lib.reference_engine.conformal import half_width, interval
from audit_lib.reference_engine.errors import ArtifactRefused, Refused
from audit_lib.reference_engine.neural import Network
from audit_lib.reference_engine.online import OnlineLearner
from audit_lib.reference_engine.trees import Forest


@pytest.mark.parametrize("output", ["return", "direction", "volatility"])
def test_trees_answer_as_lightgbm_does(store: Path, output):
    import lightgbm

    text = (store / "2020-12" / f"{output}.txt").read_text()
    rows = np.random.default_rng(4).normal(size=(2500, 14)) * 2
    booster = lightgbm.Booster(model_str=text)
    expected = booster.predict(rows, raw_score=True, num_threads=1)
    forest = Forest.parse(text)
    np.testing.assert_allclose(forest.raw(rows), expected, rtol=0, atol=1e-12)
    assert list(forest.names) == booster.feature_name()
    assert forest.raw(rows[:1])[0] == forest.raw(rows)[0]
    assert forest.raw(rows[:0]).shape == (0,)


@pytest.mark.parametrize(
    "damage",
    [
        lambda t: "",
        lambda t: "not a model",
        lambda t: t.replace("num_cat=0", "num_cat=1"),
        lambda t: t.replace("threshold=", "thresholds="),
        lambda t: t.replace("left_child=1", "left_child=99"),
        lambda t: t.replace("split_feature=", "split_feature=99 "),
        lambda t: t.replace("leaf_value=", "leaf_value=x"),
        lambda t: t.split("Tree=0")[0],
    ],
)
def test_a_damaged_tree_model_is_refused(store: Path, damage):
    text = damage((store / "2020-12" / "direction.txt").read_text())
    with pytest.raises(ArtifactRefused):
        Forest.parse(text).raw(np.zeros((3, 14)))


def test_trees_that_run_in_circles_are_refused(store: Path):
    text = (store / "2020-12" / "direction.txt").read_text()
    lines = [
        "left_child=0 0 0" if line.startswith("left_child") else line for line in text.splitlines()
    ]
    lines = ["right_child=0 0 0" if n.startswith("right_child") else n for n in lines]
    with pytest.raises(ArtifactRefused, match="does not end"):
        Forest.parse("\n".join(lines)).raw(np.zeros((1, 14)))


def test_a_network_answers_row_by_row(champion):
    network = champion.checkpoint.network
    rows = np.random.default_rng(5).normal(size=(200, 14))
    whole = network.forward(rows)
    assert whole.shape == (200, 1)
    for i in (0, 17, 199):
        assert network.forward(rows[i : i + 1])[0, 0] == whole[i, 0]
    hidden = np.tanh(rows @ network.hidden_weights + network.hidden_bias)
    np.testing.assert_allclose(whole, hidden @ network.output_weights + network.output_bias)


def test_a_network_keeps_nan_to_its_row(champion):
    rows = np.zeros((3, 14))
    rows[1, 4] = np.nan
    answer = champion.checkpoint.network.forward(rows)[:, 0]
    assert np.isnan(answer).tolist() == [False, True, False]


def test_a_network_refuses_what_does_not_fit(champion):
    network = champion.checkpoint.network
    with pytest.raises(Refused, match="wants"):
        network.forward(np.zeros((2, 3)))
    arrays = network.arrays()
    with pytest.raises(ArtifactRefused, match="missing"):
        Network.from_arrays({k: v for k, v in arrays.items() if k != "output_bias"})
    with pytest.raises(ArtifactRefused, match="do not fit"):
        Network.from_arrays({**arrays, "hidden_bias": np.zeros(3)})


def drawn(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = rng.uniform(size=n)
    truth = scores**2
    return scores, (rng.uniform(size=n) < truth).astype(int), truth


def test_a_calibrator_finds_the_frequencies():
    scores, outcomes, truth = drawn(20_000)
    assert np.abs(Calibrator.fit(scores, outcomes).apply(scores) - truth).mean() < 0.02


def test_a_calibrator_never_decreases_and_stays_within_bounds():
    scores, outcomes, _ = drawn(500, seed=8)
    grid = np.linspace(-1, 2, 500)
    answer = Calibrator.fit(scores, 1 - outcomes).apply(grid)
    assert (np.diff(answer) >= 0).all()
    assert answer.min() >= 0
    assert answer.max() <= 1


def test_a_calibrator_survives_storage_and_keeps_nan():
    scores, outcomes, _ = drawn(800)
    fitted = Calibrator.fit(scores, outcomes)
    assert Calibrator.from_data(fitted.as_data()) == fitted
    assert np.isnan(fitted.apply(np.array([np.nan]))).all()


def test_a_calibrator_of_scores_that_are_all_equal_is_the_base_rate():
    fitted = Calibrator.fit(np.full(100, 0.3), np.arange(100) % 4 == 0)
    assert fitted.apply(np.array([0.0, 0.3, 1.0])) == pytest.approx([26 / 102] * 3)


@pytest.mark.parametrize(
    ("scores", "outcomes"),
    [
        (np.linspace(0, 1, 39), np.arange(39) % 2),
        (np.linspace(0, 1, 50), np.ones(50)),
        (np.full(50, np.nan), np.arange(50) % 2),
        (np.linspace(0, 1, 50), np.arange(50) % 3),
        (np.linspace(0, 1, 50), np.arange(49) % 2),
    ],
)
def test_a_calibrator_refuses_what_it_cannot_learn_from(scores, outcomes):
    with pytest.raises(Refused):
        Calibrator.fit(scores, outcomes)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"scores": [0.1, 0.2], "probabilities": [0.5, 0.4]},
        {"scores": [0.2, 0.1], "probabilities": [0.4, 0.5]},
        {"scores": [0.1], "probabilities": [1.2]},
        {"scores": [], "probabilities": []},
    ],
)
def test_a_stored_map_that_is_no_calibrator_is_refused(data):
    with pytest.raises(ArtifactRefused):
        Calibrator.from_data(data)


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25, 0.5])
@pytest.mark.parametrize("m", [19, 20, 101])
def test_conformal_intervals_cover_as_promised(alpha, m):
    rng = np.random.default_rng(m)
    covered = []
    for _ in range(2000):
        residuals, outcome = rng.standard_t(3, size=m), rng.standard_t(3)
        low, high = interval(residuals, np.zeros(1), alpha)[0]
        covered.append(low <= outcome <= high)
    expected = np.ceil((m + 1) * (1 - alpha) - 1e-9) / (m + 1)
    assert np.mean(covered) == pytest.approx(expected, abs=4 * np.sqrt(0.25 / 2000))


def test_too_few_residuals_promise_nothing_finite():
    assert half_width(np.arange(8.0), 0.1) == np.inf
    assert half_width(np.arange(9.0), 0.1) == 8.0


@pytest.mark.parametrize(
    ("residuals", "alpha"), [([1.0], 0.0), ([1.0], 1.0), ([], 0.1), ([np.nan], 0.1)]
)
def test_conformal_refusals(residuals, alpha):
    with pytest.raises(Refused):
        half_width(np.array(residuals), alpha)


def batches(n: int = 5, rows: int = 40) -> list[pd.DataFrame]:
    rng = np.random.default_rng(6)
    made = []
    for _ in range(n):
        x = rng.normal(size=(rows, 2))
        y = x @ [1.0, -2.0] + 0.5 + rng.normal(0, 0.1, rows)
        made.append(pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": y}))
    return made


def learned(parts: list[pd.DataFrame]) -> OnlineLearner:
    learner = OnlineLearner.over(parts[0])
    for part in parts:
        learner.learn(part)
    return learner


PROBE = pd.DataFrame({"b": [0.0, 1.0, np.nan], "a": [0.0, 1.0, 1.0]})


def test_the_online_learner_learns():
    answer = learned(batches(20)).predict(PROBE)
    np.testing.assert_allclose(answer[:2], [0.5, -0.5], atol=0.05)
    assert np.isnan(answer[2])


def test_a_restart_changes_nothing(tmp_path):
    parts = batches()
    first = learned(parts[:2])
    first.save(tmp_path)
    again = OnlineLearner.load(tmp_path)
    for part in parts[2:]:
        first.learn(part)
        again.learn(part)
    assert (again.predict(PROBE)[:2] == first.predict(PROBE)[:2]).all()
    assert (again.seen, again.skipped) == (first.seen, first.skipped) == (200, 0)


def test_batches_cut_elsewhere_change_nothing():
    whole = learned([pd.concat(batches())])
    assert (learned(batches()).predict(PROBE)[:2] == whole.predict(PROBE)[:2]).all()


@pytest.mark.parametrize("column", ["a", "y"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e9, -1e9])
def test_one_bad_row_is_forgiven(column, value):
    parts = batches(20)
    clean = learned(parts).predict(PROBE)[:2]
    parts[1].loc[3, column] = value
    np.testing.assert_allclose(learned(parts).predict(PROBE)[:2], clean, atol=0.05)


def test_the_online_learner_refuses_what_is_missing(tmp_path):
    with pytest.raises(Refused, match="'b'"):
        learned(batches()).predict(PROBE[["a"]])
    with pytest.raises(ArtifactRefused):
        OnlineLearner.load(tmp_path)
    learned(batches()).save(tmp_path)
    np.savez(tmp_path / "online.npz", information=np.eye(2), moment=np.ones(3), usual=np.ones(2))
    with pytest.raises(ArtifactRefused, match="shape"):
        OnlineLearner.load(tmp_path)
    with pytest.raises(Refused, match="forgetting"):
        OnlineLearner(["a"], forgetting=0.0)
