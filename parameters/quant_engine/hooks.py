"""Hooks for quant_engine: a few lines a surface, on the engine's own cached market data.

The engine works on one ticker at a time (`Date` index, capitalised OHLCV columns); hooks split
the panel by asset and join what comes back.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.hooks import Context, Refusal, surface

BARS = 400
HORIZON = 10
FIELDS = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}


def engine(at: Context, module: str) -> Any:
    """A module of the checkout under audit."""
    parent = str(at.root.parent)
    if parent not in sys.path:
        sys.path.insert(0, parent)
    __import__(f"{at.root.name}.{module}")
    return sys.modules[f"{at.root.name}.{module}"]


def by_asset(panel: pd.DataFrame, build: Any) -> pd.DataFrame:
    """Call `build` with each asset's bars in the engine's form; join on the panel's index."""
    parts = {}
    for asset, bars in panel.groupby(level="asset", sort=False):
        frame = bars.droplevel("asset").rename(columns=FIELDS).astype(float)
        parts[asset] = build(frame)
    joined: pd.DataFrame = pd.concat(parts, names=["asset", "date"])
    return joined


def scored(at: Context, features: pd.DataFrame) -> pd.DataFrame:
    """The version's predictions in regime 0 with full confidence in the regime."""
    predictor = engine(at, "models.predictor").EnsemblePredictor(
        horizon=HORIZON, model_dir=at.store, version=at.version
    )
    regime = pd.Series(0, index=features.index)
    certain = pd.Series(1.0, index=features.index)
    answer: pd.DataFrame = predictor.predict(features, regime, certain)
    return answer


# --- features, targets, splits ----------------------------------------------------------------
@surface("features.panel")
def panel(at: Context) -> pd.DataFrame:
    """The repository's own cached bars: a daily series and an hourly one as daily bars."""
    cache = at.root / "data" / "cache"
    daily, hourly = sorted(cache.glob("*_1d.parquet")), sorted(cache.glob("*_1hour_*.parquet"))
    bars = {}
    for file in daily[:1] + hourly[:1]:
        frame = pd.read_parquet(file)[list(FIELDS.values())].astype(float)
        frame.index = pd.DatetimeIndex(frame.index).tz_localize(None)
        days = frame.resample("D").agg(
            {"Open": "first", "High": "max", "Low": "min", "Close": "last", "Volume": "sum"}
        )
        bars[file.name.split("_")[0]] = days.dropna().tail(BARS)
    joined = pd.concat(bars, names=["asset", "date"])
    return joined.rename(columns={v: k for k, v in FIELDS.items()}).sort_index()


@surface("features.build")
def build_features(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """What training and prediction both compute, research-only features left out."""
    pipeline = engine(at, "features.pipeline").FeaturePipeline(production_mode=True)
    return by_asset(panel, lambda bars: pipeline.compute(bars, compute_targets_flag=False)[0])


@surface("features.policy")
def policy(at: Context) -> dict[str, str]:
    """The engine's metadata table; it calls every feature that is not in it CAUSAL."""
    table = engine(at, "features.pipeline").FEATURE_METADATA
    return {name: entry["type"] for name, entry in table.items()}


@surface("targets.build")
def build_targets(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """Forward returns at the served horizon, without a benchmark."""
    compute = engine(at, "features.pipeline").compute_targets
    return by_asset(panel, lambda bars: compute(bars, horizons=[HORIZON]))


@surface("targets.declared")
def declared_targets(at: Context) -> dict[str, Any]:
    """The horizon that the version's metadata states."""
    file = next((at.store / at.version).glob("*_meta.json"))
    horizon = json.loads(file.read_text())["horizon"]
    return {f"target_{horizon}d": {"horizon": horizon, "kind": "simple_return"}}


@surface("splits.folds")
def folds(at: Context, panel: pd.DataFrame) -> list[Any]:
    """The trainer's cross-validation folds, with the gaps it derives from the horizon."""
    trainer = engine(at, "models.trainer").ModelTrainer
    made = trainer._date_purged_folds(
        dates=trainer._extract_dates(panel.index),
        n_folds=engine(at, "config").CV_FOLDS,
        purge_gap=HORIZON,
        embargo=max(1, HORIZON // 2),
    )
    return [{"train": np.asarray(train), "test": np.asarray(test)} for train, test in made]


@surface("splits.declared")
def declared_splits(at: Context) -> dict[str, int]:
    """As the trainer sets them: purge is the horizon, embargo half of it."""
    return {"horizon": HORIZON, "purge": HORIZON, "embargo": max(1, HORIZON // 2)}


# --- predictor --------------------------------------------------------------------------------
@surface("predictor.required")
def required(at: Context) -> list[str]:
    """Features of the global model, in its order."""
    file = next((at.store / at.version).glob("*_meta.json"))
    return list(json.loads(file.read_text())["global_features"])


@surface("predictor.predict")
def predict(at: Context, features: pd.DataFrame) -> pd.DataFrame:
    """Predicted return and confidence; a ValueError is how the engine refuses."""
    try:
        answer = scored(at, features)
    except ValueError as error:
        raise Refusal(str(error)) from error
    return answer[["predicted_return", "confidence"]].astype(float)


# --- registry, governance, retrain, drift -----------------------------------------------------
@surface("registry.resolve")
def resolve(at: Context, request: str | None) -> Any:
    """The folder that the predictor would load from; FileNotFoundError is a refusal."""
    predictor = engine(at, "models.predictor").EnsemblePredictor
    unloaded = predictor.__new__(predictor)
    unloaded.horizon, unloaded.model_dir = HORIZON, at.store
    unloaded.version = "latest" if request is None else request
    try:
        folder = unloaded._resolve_model_dir()
    except FileNotFoundError as error:
        raise Refusal(str(error)) from error
    files = [f.relative_to(at.store).as_posix() for f in sorted(folder.iterdir()) if f.is_file()]
    return {"version": folder.relative_to(at.store).as_posix(), "files": files}


@surface("registry.register")
def register(at: Context, version: str, metrics: dict[str, float]) -> None:
    """Copy the audited version's files, register, prune: what `_save` does after training."""
    versioning = engine(at, "models.versioning")
    registry = versioning.ModelRegistry(model_dir=at.store)
    _, folder = registry.create_version_dir(version)
    for file in (at.store / at.version).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    row = {"version_id": version, "training_date": "2026-01-01T00:00:00", "horizon": HORIZON}
    registry.register_version(
        versioning.ModelVersion.from_dict({**row, "universe_size": 0, **metrics})
    )
    registry.prune_old()


@surface("registry.versions")
def versions(at: Context) -> list[str]:
    """Oldest first."""
    registry = engine(at, "models.versioning").ModelRegistry(model_dir=at.store)
    return [row.version_id for row in reversed(registry.list_versions())]


@surface("governance.metrics")
def metrics(at: Context) -> dict[str, str]:
    """The performance metrics that the score weighs."""
    return {"oos_spearman": "higher", "holdout_spearman": "higher", "cv_gap": "lower"}


@surface("governance.promote")
def promote(at: Context, champion: dict[str, float] | None, challenger: dict[str, float]) -> bool:
    """Seat the champion in an empty registry, then let the challenger try."""
    file = at.scratch / "champions.json"
    file.unlink(missing_ok=True)
    governance = engine(at, "models.governance").ModelGovernance(registry_path=file)
    if champion is not None:
        governance.evaluate_and_update(HORIZON, "champion", champion)
    return bool(governance.evaluate_and_update(HORIZON, "challenger", challenger)["promoted"])


@surface("retrain.decide")
def decide(at: Context, state: dict[str, Any]) -> Any:
    """Schedule and CUSUM triggers; the engine does not compare live with training scores."""
    trigger = engine(at, "models.retrain_trigger").RetrainTrigger(
        metadata_file=str(at.scratch / "retrain.json")
    )
    trained = datetime.now() - timedelta(days=int(state.get("days_since_training", 0)))
    trigger.metadata["last_trained"] = trained.isoformat()
    trigger.metadata["oos_spearman"] = float(state.get("training_score", 0.0))
    fires, reasons = trigger.check()
    shifted, more = trigger.check_shift(prediction_errors=np.asarray(state.get("errors", [])))
    return {"retrain": bool(fires or shifted), "reasons": [*reasons, *more]}


@surface("drift.psi")
def psi(at: Context, reference: Any, current: Any) -> float:
    """PSI of one column against a reference of one column."""
    detector = engine(at, "models.shift_detection").DistributionShiftDetector()
    detector.set_reference(pd.DataFrame({"x": reference}))
    scores = detector.check_psi(pd.DataFrame({"x": current})).psi_scores or {}
    if "x" not in scores:
        raise Refusal("too few values for a histogram")
    return float(scores["x"])


@surface("drift.cusum")
def cusum(at: Context, series: Any, target: float, sigma: float) -> Any:
    """The engine estimates sigma from the series itself."""
    detector = engine(at, "models.shift_detection").DistributionShiftDetector()
    found = detector.check_cusum(pd.Series(series), target_mean=target)
    position = getattr(found, "changepoint_index", None) if found.shift_detected else None
    return {"alarm": bool(found.shift_detected), "at": position}


# --- calibration, conformal -------------------------------------------------------------------
@surface("calibration.fit_apply")
def fit_apply(at: Context, scores: Any, outcomes: Any, served: Any) -> Any:
    """The engine's isotonic calibrator."""
    calibrator = engine(at, "models.calibration").ConfidenceCalibrator(method="isotonic")
    try:
        calibrator.fit(scores, outcomes)
    except ValueError as error:
        raise Refusal(str(error)) from error
    return np.asarray(calibrator.transform(served), dtype=float)


@surface("conformal.interval")
def interval(at: Context, residuals: Any, predictions: Any, alpha: float) -> Any:
    """Calibrate on zero predictions with these residuals as outcomes."""
    conformal = engine(at, "models.conformal").ConformalPredictor(coverage=1.0 - alpha)
    try:
        conformal.calibrate(np.zeros(len(residuals)), np.asarray(residuals, dtype=float))
    except ValueError as error:
        raise Refusal(str(error)) from error
    return conformal.predict_intervals_batch(np.asarray(predictions, dtype=float))


# --- pricing, online --------------------------------------------------------------------------
def option_terms(at: Context, terms: pd.DataFrame, last: str, function: str) -> Any:
    """Call a Black-Scholes function of the engine on every row."""
    iv = engine(at, "models.iv.models")
    call = getattr(iv.BlackScholes, function)
    answers = []
    for row in terms.to_dict("records"):
        kind = iv.OptionType.CALL if row["kind"] > 0 else iv.OptionType.PUT
        given = [row["spot"], row["strike"], row["maturity"], row["rate"]]
        if function == "price":
            answers.append(call(*given, row[last], row["dividend"], kind))
        else:
            answers.append(call(row[last], *given, row["dividend"], kind))
    return np.asarray(answers, dtype=float)


@surface("pricing.price")
def price(at: Context, terms: pd.DataFrame) -> Any:
    """Black-Scholes prices."""
    return option_terms(at, terms, "volatility", "price")


@surface("pricing.implied_volatility")
def implied_volatility(at: Context, terms: pd.DataFrame) -> Any:
    """Brent's root; NaN where the engine finds none."""
    return option_terms(at, terms, "price", "implied_vol")


@surface("pricing.total_variance")
def total_variance(at: Context, points: pd.DataFrame) -> Any:
    """The arbitrage-aware surface, fitted to the engine's own synthetic market."""
    iv = engine(at, "models.iv.models")
    strikes = np.linspace(70.0, 130.0, 25)
    expiries = np.array([0.1, 0.25, 0.5, 1.0, 2.0])
    smile = 0.2 + 0.1 * np.log(strikes / 100.0) ** 2 - 0.05 * np.log(strikes / 100.0)
    builder = iv.ArbitrageFreeSVIBuilder()
    made = builder.build_surface(100.0, strikes, expiries, np.tile(smile, (5, 1)), r=0.0, q=0.0)
    wanted = []
    for row in points.to_dict("records"):
        slices = [
            np.interp(row["log_moneyness"], np.log(strikes / 100.0), variance)
            for variance in made["adj_total_variance"]
        ]
        wanted.append(np.interp(row["maturity"], expiries, slices))
    return np.asarray(wanted)


@surface("online.run")
def run(at: Context, batches: Any, probe: pd.DataFrame, restart_after: int | None) -> Any:
    """The learner scales predictions; the batch's mean feature stands for the prediction."""
    online = engine(at, "models.online_learning")
    state = at.scratch / "state.json"
    state.unlink(missing_ok=True)
    learner = online.OnlineLearner(state_path=state)
    for position, batch in enumerate(batches):
        inputs = batch.drop(columns="y")
        for features, actual in zip(inputs.to_dict("records"), batch["y"], strict=True):
            learner.add_sample(float(np.mean(list(features.values()))), float(actual), features)
        learner.update()
        if restart_after == position:
            learner = online.OnlineLearner(state_path=state)
            learner.load_state()
    raw = probe.drop(columns="y", errors="ignore").mean(axis=1)
    return np.asarray([learner.adjust_prediction(float(value)) for value in raw])
