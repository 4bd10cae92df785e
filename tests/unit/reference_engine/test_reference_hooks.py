"""Every hook of the reference engine, called directly on every version."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from audit_lib import hooks
from audit_lib.hooks import HOOKS, Context, Refusal
from audit_lib.host.child.derived import derived
from tests.mutants.mutate import CANDIDATE, CLEAN, PARAMETERS, SOURCE

VERSIONS = (*CLEAN, CANDIDATE)
HEADS = ["return", "direction", "volatility", "volatility_neural"]


@pytest.fixture(scope="module")
def registered() -> Iterator[dict[str, Callable[..., Any]]]:
    """The hooks, loaded as the host does; nothing of it is left behind."""
    path, modules, known = list(sys.path), set(sys.modules), dict(hooks._registered)
    hooks._registered.clear()
    spec = importlib.util.spec_from_file_location("reference_hooks", PARAMETERS / "hooks.py")
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    yield hooks.registered()
    hooks._registered.clear()
    hooks._registered.update(known)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name.split(".")[0] == "reference_engine":
            del sys.modules[name]


@pytest.fixture(params=VERSIONS)
def at(request: pytest.FixtureRequest, store: Path, tmp_path: Path) -> Context:
    return Context(root=SOURCE, store=store, version=request.param, scratch=tmp_path)


@pytest.fixture
def call(registered: dict[str, Callable[..., Any]], at: Context) -> Callable[..., Any]:
    made = derived(registered)
    return lambda name, *arguments: made[name](at, *arguments)


@pytest.fixture
def panel(call: Callable[..., Any]) -> pd.DataFrame:
    whole = call("features.panel")
    dates = whole.index.get_level_values("date")
    return whole[dates >= np.unique(dates)[-260]]


@pytest.fixture
def features(call: Callable[..., Any], panel: pd.DataFrame) -> pd.DataFrame:
    return call("features.build", panel).dropna()


#: the engine's models and builders read one table
NOT_THERE = {"features.sides", "predictor.sides"}
#: its registry is given ids, and takes nothing back; samples and outcomes are those of the checks
NOT_THERE |= {"registry.create", "registry.prune", "registry.rollback"}
NOT_THERE |= {"features.modes", "features.admitted", "drift.shifted"}
NOT_THERE |= {"explain.outcomes"}
#: it names its heads itself, and learns and is triggered in one call
NOT_THERE |= {"predictor.outputs", "predictor.decode"}
NOT_THERE |= {"online.feed", "retrain.state", "retrain.replay"}
NOT_THERE |= {"conformal.scaled_interval", "conformal.coverage"}
#: it fills nothing, and its back-test settles whole accounts
NOT_THERE |= {"features.fills", "features.schema_hash", "decisions.settle"}
#: its rules are code
NOT_THERE |= {"decisions.rule_texts", "decisions.rule_fires"}
NOT_THERE |= {"pricing.factors", "pricing.fit", "pricing.reloaded", "pricing.greeks"}
#: its network takes rows, not sequences, and is stored as arrays alone; its gradients are not asked
NOT_THERE |= {"neural.sequences", "neural.gradients", "neural.exported"}


def test_every_hook_is_written(registered):
    assert set(registered) == set(HOOKS) - NOT_THERE


def test_hooks_never_answer_for_another_checkout(call, registered, at, tmp_path):
    call("features.policy")
    other = replace(at, root=tmp_path / "elsewhere" / "reference_engine")
    with pytest.raises(ImportError, match="not the checkout"):
        registered["features.policy"](other)


def test_panels_and_builders(call, at, panel):
    whole = call("features.panel")
    assert whole.index.names == ["asset", "date"]
    assert whole.index.is_monotonic_increasing
    assert whole.shape[1] == 1
    assert str(whole.index.get_level_values("date").max().date()) < "2022-04-01"
    policy, required = call("features.policy"), call("predictor.required")
    assert set(policy.values()) == {"CAUSAL", "END_OF_DAY", "RESEARCH_ONLY"}
    built = {n: call(f"features.{n}", panel) for n in ("build", "build_backtest", "build_live")}
    for frame in built.values():
        assert list(frame) == required
        assert frame.index.equals(panel.index)
    causal = [name for name in required if policy[name] != "RESEARCH_ONLY"]
    for name in ("build_backtest", "build_live"):
        pd.testing.assert_frame_equal(built[name][causal], built["build"][causal])
    assert (len(causal) == len(required)) == (at.version != CANDIDATE)


def test_targets_and_splits(call, at, panel):
    declared, labels = call("targets.declared"), call("targets.build", panel)
    assert list(labels) == list(declared) == ["return", "direction", "volatility"]
    assert {d["horizon"] for d in declared.values()} == {6}
    assert declared["direction"]["thresholds"] == [0.01]
    assert labels.groupby(level="asset").tail(6).isna().all(axis=None)
    splits, folds = call("splits.declared"), call("splits.folds", panel)
    assert splits == {"horizon": 6, "purge": 2 if at.version == CANDIDATE else 6, "embargo": 6}
    dates = np.unique(panel.index.get_level_values("date"))
    assert len(folds) == 8
    for fold in folds:
        train, test = (panel.index[fold[side]].get_level_values("date") for side in fold)
        gap = np.searchsorted(dates, test.min()) - np.searchsorted(dates, train.max()) - 1
        assert gap == splits["purge"]


def test_predictions_and_orders(call, at, features):
    predictions = call("predictor.predict", features)
    assert list(predictions) == HEADS
    assert predictions.index.equals(features.index)
    assert np.isfinite(predictions).all(axis=None)
    assert call("checkpoint_io.round_trip", features).equals(predictions)
    orders = {path: call(f"decisions.{path}", features) for path in ("backtest", "live")}
    for path, frame in orders.items():
        assert list(frame) == ["side", "size", "gate"]
        assert frame.index.equals(features.index)
        assert call(f"decisions.rules_{path}", predictions).equals(frame)
    assert orders["backtest"].equals(orders["live"]) == (at.version != CANDIDATE)
    with pytest.raises(Refusal, match="volatility_5"):
        call("predictor.predict", features.drop(columns="volatility_5"))


def test_the_registry(call, at, registered, tmp_path):
    assert call("registry.versions") == list(VERSIONS)
    resolved = call("registry.resolve", at.version)
    assert resolved["version"] == at.version
    assert all((at.store / file).is_file() for file in resolved["files"])
    assert len(resolved["files"]) == 11
    assert call("registry.resolve", None)["version"] == "2020-12"
    with pytest.raises(Refusal, match="not registered"):
        call("registry.resolve", "1999-12")
    scratch = replace(at, store=Path(shutil.copytree(at.store, tmp_path / "copy")))
    for number in range(10):
        registered["registry.register"](scratch, f"made-up-{number}", {"auc": 0.5})
    assert registered["registry.versions"](scratch)[-1] == "made-up-9"
    assert registered["registry.resolve"](scratch, "made-up-9")["version"] == "made-up-9"
    with pytest.raises(Refusal, match="cannot be replaced"):
        registered["registry.register"](scratch, "made-up-9", {"auc": 0.9})


def test_governance_retraining_and_drift(call):
    metrics = call("governance.metrics")
    assert set(metrics.values()) == {"higher", "lower"}
    good = {"rank_correlation": 0.1, "auc": 0.6, "calibration_error": 0.02}
    assert set(good) == set(metrics)
    assert call("governance.promote", None, good) is True
    assert call("governance.promote", good, good) is False
    assert call("retrain.decide", {}) == {"retrain": False, "reasons": []}
    assert call("retrain.decide", {"psi": 1.0})["retrain"] is True
    assert call("drift.psi", np.arange(50.0), np.arange(50.0)) == 0.0
    assert call("drift.cusum", np.full(50, 3.0), 0.0, 1.0) == {"alarm": True, "at": 3}
    with pytest.raises(Refusal):
        call("drift.cusum", np.zeros(3), 0.0, 0.0)


def test_calibration_and_conformal(call, at):
    sample = call("calibration.sample")
    assert {len(a) for a in sample.values()} == {len(sample["scores"])}
    assert set(sample) == {"scores", "outcomes", "fitted", "dates"}
    assert sample["fitted"].dtype == bool
    assert set(np.unique(sample["outcomes"])) == {0, 1}
    assert sample["fitted"].all() == (at.version == CANDIDATE)
    served = call("calibration.served", np.sort(sample["scores"]))
    assert (np.diff(served) >= 0).all()
    assert len(np.unique(served)) > 50
    again = call(
        "calibration.fit_apply",
        sample["scores"][sample["fitted"]],
        sample["outcomes"][sample["fitted"]],
        np.sort(sample["scores"]),
    )
    np.testing.assert_allclose(again, served)
    interval = call("conformal.interval", np.arange(-20.0, 20.0), np.zeros(3), 0.1)
    assert interval.shape == (3, 2)
    assert (interval[:, 0] == -interval[:, 1]).all()


def test_pricing(call):
    terms = pd.DataFrame(
        {"spot": [100.0], "strike": [110.0], "maturity": [0.5], "rate": [0.02], "dividend": [0.0]}
    ).assign(volatility=0.3, kind=1.0)
    paid = call("pricing.price", terms)
    found = call("pricing.implied_volatility", terms.drop(columns="volatility").assign(price=paid))
    np.testing.assert_allclose(found, [0.3])
    points = pd.DataFrame({"log_moneyness": [0.0, 0.0, -0.2], "maturity": [0.1, 0.5, 0.5]})
    low, high, wing = call("pricing.total_variance", points)
    assert 0 < low < high < wing


def test_neural_and_online(call, at, tmp_path):
    width = len(call("predictor.required"))
    assert call("neural.forward", np.zeros((4, width))).shape == (4, 1)
    rng = np.random.default_rng(0)
    frames = [pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "y"]) for _ in range(4)]
    probe = frames[0][["b", "a"]]
    straight = call("online.run", frames, probe, None)
    assert straight.shape == (40,)
    assert (call("online.run", frames, probe, 1) == straight).all()
    assert {path.name for path in tmp_path.iterdir()} == {"online.json", "online.npz"}
