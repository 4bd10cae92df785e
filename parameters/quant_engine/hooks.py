"""Hooks for quant_engine: a few lines a surface, on the engine's own cached market data.

The engine works on one ticker at a time (`Date` index, capitalised OHLCV columns); hooks split
the panel by asset and join what comes back.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
from datetime import datetime, timedelta
from inspect import getsource, signature
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.hooks import Admission, Context, Refusal, Terms, surface

BARS = 430
VALIDATION = {"pbo": "lower", "ece": "lower"}  # two flags beside them are no numbers
BACKTESTED = (
    "total_trades", "win_rate", "sharpe_ratio", "profit_factor", "max_drawdown",
    "annualized_return",
)  # fmt: skip
CROSSED = {"multiply": "X_{}_x_{}", "ratio": "X_{}_div_{}", "center_50": "X_{}_centered"}
FIELDS = {"open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"}

beside = importlib.util.spec_from_file_location(
    "quant_engine_trading", Path(__file__).with_name("trading.py")
)
assert beside is not None
assert beside.loader is not None
trading = importlib.util.module_from_spec(beside)
beside.loader.exec_module(trading)
engine, horizon_of, AFTER = trading.engine, trading.horizon_of, trading.AFTER

Tables = dict[str, pd.DataFrame]
predictors: dict[tuple[Any, ...], Any] = {}  # version, horizon and files to what was loaded
regimes: dict[Path, pd.DataFrame] = {}  # checkout to those of the sample


def by_asset(panel: pd.DataFrame, build: Any) -> pd.DataFrame:
    """Call `build` with each asset's bars in the engine's form; join on the panel's index."""
    parts = {}
    for asset, bars in panel.groupby(level="asset", sort=False):
        frame = bars.droplevel("asset").rename(columns=FIELDS).astype(float)
        parts[asset] = build(frame)
    joined: pd.DataFrame = pd.concat(parts, names=["asset", "date"])
    return joined


def loaded(at: Context, store: Path, version: str) -> Any:
    """The engine's predictor on a version, loaded once while no file of the store changes.

    A ValueError or a file that is not there is how the engine refuses.
    """
    files = sorted(f for f in store.rglob("*") if f.is_file())
    stamps = tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files)
    asked = (version, horizon_of(at), stamps)
    if asked not in predictors:
        predictor = engine(at, "models.predictor").EnsemblePredictor
        try:
            predictors[asked] = predictor(horizon=horizon_of(at), model_dir=store, version=version)
        except (ValueError, FileNotFoundError) as error:
            raise Refusal(str(error)) from error
    return predictors[asked]


def scored(predictor: Any, features: pd.DataFrame, sides: Tables) -> pd.DataFrame:
    """Predictions; the tables are arguments of `predict` beside the features, joined by it."""
    try:
        answer: pd.DataFrame = predictor.predict(
            features,
            sides["regime"]["regime"],
            sides["confidence"]["regime_confidence"],
            regime_probabilities=sides["probabilities"],
        )
    except ValueError as error:
        raise Refusal(str(error)) from error
    answer.attrs.clear()  # arrays in there keep frames of two assets from being concatenated
    return answer


def regimes_of(at: Context, features: pd.DataFrame) -> pd.DataFrame:
    """What `predict` is given of the regimes of one asset: code, confidence, probabilities."""
    told = engine(at, "regime.detector").RegimeDetector().regime_features(features)
    given = [c for c in told if str(c).startswith("regime_prob_")]
    chosen: pd.DataFrame = told[["regime", "regime_confidence", *given]].astype(float)
    return chosen


def tables_of(known: pd.DataFrame) -> Tables:
    """Regimes as the three arguments that `predict` joins; a row that lacks one is in none (-1)."""
    filled = known.fillna({"regime": -1.0}).fillna(0.0)
    probabilities = [c for c in filled if str(c).startswith("regime_prob_")]
    return {
        "regime": filled[["regime"]],
        "confidence": filled[["regime_confidence"]],
        "probabilities": filled[probabilities],
    }


def cached_bars(at: Context) -> dict[str, pd.DataFrame]:
    """The repository's own cached bars: a daily series, and an hourly one as daily bars."""
    cache = at.root / "data" / "cache"
    daily, hourly = sorted(cache.glob("*_1d.parquet")), sorted(cache.glob("*_1hour_*.parquet"))
    bars = {}
    for file in daily[:1] + hourly[:1]:
        frame = pd.read_parquet(file)[list(FIELDS.values())].astype(float)
        frame.index = pd.DatetimeIndex(frame.index).tz_localize(None)
        days = frame.resample("D").agg(
            {"Open": "first", "High": "max", "Low": "min", "Close": "last", "Volume": "sum"}
        )
        bars[file.name.split("_")[0]] = days.dropna()
    return bars


def full_features(at: Context, bars: pd.DataFrame) -> pd.DataFrame:
    """Everything `predict` takes of one ticker: features it may be served, and regimes.

    The regime detector reads all features, as in training, backtest and prediction; what the
    engine calls research-only is left out after that.
    """
    module = engine(at, "features.pipeline")
    features, _ = module.FeaturePipeline().compute(bars, compute_targets_flag=False)
    served = module._filter_causal_features(features)
    joined: pd.DataFrame = served.join(regimes_of(at, features))
    return joined


# --- features, targets, splits ----------------------------------------------------------------
@surface("features.panel")
def panel(at: Context) -> pd.DataFrame:
    """Cached bars; the newest are held back, since a backtest needs bars after its signals."""
    bars = {name: days.iloc[-BARS - AFTER : -AFTER] for name, days in cached_bars(at).items()}
    joined = pd.concat(bars, names=["asset", "date"])
    return joined.rename(columns={v: k for k, v in FIELDS.items()}).sort_index()


@surface("features.build")
def build_features(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """The full profile, which made the features that the version lists; regimes beside them."""
    return by_asset(panel, lambda bars: full_features(at, bars))


def by_universe(at: Context, panel: pd.DataFrame, pipeline: Any) -> pd.DataFrame:
    """Features of all assets in one call, as the engine's entry points build them; regimes too."""
    assets = panel.index.get_level_values("asset").unique()
    data = {str(a): panel.loc[a].rename(columns=FIELDS).astype(float) for a in assets}
    features, _ = pipeline.compute_universe(data, verbose=False, compute_targets_flag=False)
    regimes = {asset: regimes_of(at, features.loc[asset]) for asset in data}
    joined = features.join(pd.concat(regimes, names=features.index.names))
    named: pd.DataFrame = joined.rename_axis(["asset", "date"])
    return named


@surface("features.build_backtest")
def build_backtest(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """`run_backtest.py` and `run_predict.py` with their default profile."""
    mode = engine(at, "config").FEATURE_MODE_DEFAULT
    pipeline = engine(at, "features.pipeline").FeaturePipeline
    return by_universe(at, panel, pipeline(feature_mode=mode, include_interactions=True))


@surface("features.build_live")
def build_live(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """The autopilot's cycle with its default profile."""
    full = engine(at, "config").AUTOPILOT_FEATURE_MODE != "core"
    pipeline = engine(at, "features.pipeline").FeaturePipeline(
        include_interactions=full,
        include_research_factors=full,
        include_cross_asset_factors=full,
    )
    return by_universe(at, panel, pipeline)


@surface("features.policy")
def policy(at: Context) -> dict[str, str]:
    """The engine's table of types, and its rule for interactions; other features have no type."""
    module = engine(at, "features.pipeline")
    types = {name: entry["type"] for name, entry in module.FEATURE_METADATA.items()}
    pairs = engine(at, "config").INTERACTION_PAIRS
    crossed = [CROSSED[operation].format(one, other) for one, other, operation in pairs]
    return {**types, **{name: module.get_feature_type(name) for name in crossed}}


@surface("features.modes")
def modes(at: Context) -> dict[str, list[str]]:
    """The types that the docstring of its filter gives each mode."""
    every = ["CAUSAL", "END_OF_DAY", "RESEARCH_ONLY"]
    return {"CAUSAL": every[:1], "RESEARCH_ONLY": ["CAUSAL", "RESEARCH_ONLY"], "END_OF_DAY": every}


@surface("features.admitted")
def admitted(at: Context, names: list[str], mode: str) -> list[str]:
    """Names of the columns that its filter leaves of a table that has one for each."""
    table = pd.DataFrame(0.0, index=[0], columns=names)
    return list(engine(at, "features.pipeline")._filter_causal_features(table, mode).columns)


@surface("targets.build")
def build_targets(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """Forward returns at the horizon that is asked for, without a benchmark."""
    compute = engine(at, "features.pipeline").compute_targets
    return by_asset(panel, lambda bars: compute(bars, horizons=[horizon_of(at)]))


@surface("targets.declared")
def declared_targets(at: Context) -> dict[str, Any]:
    """The horizon is in the label's name."""
    horizon = horizon_of(at)
    return {f"target_{horizon}d": {"horizon": horizon, "kind": "simple_return"}}


@surface("targets.preconditions")
def preconditions(at: Context) -> Terms:
    """What `enforce_preconditions` locks: the execution contract in the configuration."""
    config = engine(at, "config")
    entered = str(config.ENTRY_PRICE_TYPE)
    return Terms(
        holding=int(config.LABEL_H),
        entry=int(entered.startswith("next_bar")),
        price="open" if entered.endswith("open") else "close",
        kind=f"{config.RET_TYPE}_return",
    )


def rows_of(made: Any) -> list[Any]:
    """Folds as pairs of row positions."""
    return [{"train": np.asarray(train), "test": np.asarray(test)} for train, test in made]


@surface("splits.folds", variant="trainer")
def folds(at: Context, panel: pd.DataFrame) -> list[Any]:
    """The trainer's cross-validation folds, with the gaps it derives from the horizon."""
    trainer, horizon = engine(at, "models.trainer").ModelTrainer, horizon_of(at)
    return rows_of(
        trainer._date_purged_folds(
            dates=trainer._extract_dates(panel.index),
            n_folds=engine(at, "config").CV_FOLDS,
            purge_gap=horizon,
            embargo=max(1, horizon // 2),
        )
    )


@surface("splits.declared", variant="trainer")
def declared_splits(at: Context) -> dict[str, int]:
    """As the trainer sets them: purge is the horizon, embargo half of it."""
    horizon = horizon_of(at)
    return {"horizon": horizon, "purge": horizon, "embargo": max(1, horizon // 2)}


@surface("splits.folds", variant="walk_forward")
def folds_walk_forward(at: Context, panel: pd.DataFrame) -> list[Any]:
    """The folds on which `walk_forward_select` chooses a model's settings."""
    module = engine(at, "models.walk_forward")
    return rows_of(
        module._expanding_walk_forward_folds(
            module._extract_dates(panel.index),
            n_folds=engine(at, "config").CV_FOLDS,
            horizon=horizon_of(at),
        )
    )


@surface("splits.declared", variant="walk_forward")
def declared_walk_forward(at: Context) -> dict[str, int]:
    """Its purge is the horizon; it knows no embargo, and its train rows never follow a test."""
    return {"horizon": horizon_of(at), "purge": horizon_of(at), "embargo": 0}


# --- predictor --------------------------------------------------------------------------------
@surface("predictor.required")
def required(at: Context) -> list[str]:
    """Features of the global model and those of the regime models; regimes are no features."""
    meta = json.loads(next((at.store / at.version).glob("*_meta.json")).read_text())
    names = list(meta["global_features"])
    for model in meta["regime_models"].values():
        names += model["features"]
    return list(dict.fromkeys(names))


@surface("predictor.sides")
def sides(at: Context, features: pd.DataFrame) -> Tables:
    """The sample's regimes on the rows asked for."""
    return tables_of(sample_regimes(at).reindex(features.index))


def sample_regimes(at: Context) -> pd.DataFrame:
    """Regimes of the sample: a build of it, once a process."""
    if at.root not in regimes:
        made = build_features(at, panel(at))
        regimes[at.root] = made[[c for c in made if str(c).startswith("regime")]]
    return regimes[at.root]


@surface("predictor.predict")
def predict(at: Context, features: pd.DataFrame, sides: Tables) -> pd.DataFrame:
    """Predicted return and confidence."""
    answer = scored(loaded(at, at.store, at.version), features, sides)
    return answer[["predicted_return", "confidence"]].astype(float)


# --- decisions --------------------------------------------------------------------------------
def decide_rows(at: Context, path: Any, features: pd.DataFrame, sides: Tables) -> pd.DataFrame:
    """Predict an asset at a time, then decide each row by itself on the repository's own bars."""
    predictor = loaded(at, at.store, at.version)
    parts = []
    for asset, rows in features.groupby(level="asset"):
        own = {n: t[t.index.get_level_values("asset") == asset] for n, t in sides.items()}
        parts.append(scored(predictor, rows, own))
    predictions = pd.concat(parts).reindex(features.index)
    bars = {name: days.iloc[-BARS - AFTER :] for name, days in cached_bars(at).items()}
    orders: pd.DataFrame = trading.decided(at, path, predictions, bars)
    return orders


@surface("decisions.backtest")
def decide_backtest(at: Context, features: pd.DataFrame, sides: Tables) -> pd.DataFrame:
    """`run_backtest.py` with its defaults."""
    return decide_rows(at, trading.backtest, features, sides)


@surface("decisions.live")
def decide_live(at: Context, features: pd.DataFrame, sides: Tables) -> pd.DataFrame:
    """The autopilot's cycle with the same strategy active."""
    return decide_rows(at, trading.live, features, sides)


def rules(at: Context, path: Any, predictions: pd.DataFrame) -> pd.DataFrame:
    """Decide made-up predictions in a calm uptrend (regime 0), all assets of a date together."""
    bars = next(iter(cached_bars(at).values()))
    orders: pd.DataFrame = trading.ruled(at, path, predictions, bars)
    return orders


@surface("decisions.rules_backtest")
def rules_backtest(at: Context, predictions: pd.DataFrame) -> pd.DataFrame:
    """The backtester's thresholds, gates and sizes."""
    return rules(at, trading.backtest, predictions)


@surface("decisions.rules_live")
def rules_live(at: Context, predictions: pd.DataFrame) -> pd.DataFrame:
    """The autopilot's and the paper trader's thresholds, gates and sizes."""
    return rules(at, trading.live, predictions)


# --- registry, governance, retrain, drift -----------------------------------------------------
@surface("registry.resolve")
def resolve(at: Context, request: str | None) -> Any:
    """The folder that the predictor loads from; FileNotFoundError is a refusal."""
    found: list[Path] = []

    class Telling(engine(at, "models.predictor").EnsemblePredictor):  # type: ignore[misc]
        """Says which folder was chosen, which the predictor does not keep."""

        def _resolve_model_dir(self) -> Path:
            found.append(super()._resolve_model_dir())
            return found[0]

    try:
        Telling(horizon_of(at), at.store, "latest" if request is None else request)
    except FileNotFoundError as error:
        raise Refusal(str(error)) from error
    (folder,) = found
    inside = folder.is_relative_to(at.store)
    files = [os.path.relpath(f, at.store) for f in sorted(folder.iterdir()) if f.is_file()]
    return {"version": str(folder.relative_to(at.store) if inside else folder), "files": files}


def publish(at: Context, wanted: str | None, metrics: dict[str, float]) -> tuple[Any, str]:
    """Copy the audited version's files into a new folder and register it; the registry and id.

    That is what `_save` does after training.  Files carry the horizon in their names.  Pruning soon
    deletes the audited version itself, as the oldest; its files then come from the checkout.
    """
    versioning, horizon = engine(at, "models.versioning"), horizon_of(at)
    registry = versioning.ModelRegistry(model_dir=at.store)
    version, folder = registry.create_version_dir(wanted)  # another one where it is taken
    kept = at.store / at.version
    for file in (kept if kept.is_dir() else at.root / "trained_models" / at.version).iterdir():
        (folder / re.sub(r"_\d+d_", f"_{horizon}d_", file.name)).write_bytes(file.read_bytes())
    row = {"version_id": version, "training_date": "2026-01-01T00:00:00", "horizon": horizon}
    registry.register_version(
        versioning.ModelVersion.from_dict({**row, "universe_size": 0, **metrics, **row})
    )
    return registry, str(version)


@surface("registry.register")
def register(at: Context, version: str, metrics: dict[str, float]) -> None:
    """Register, prune, let it run for champion, as `_save` and `run_retrain.py` do."""
    registry, version = publish(at, version, metrics)
    registry.prune_old()
    governance = engine(at, "models.governance").ModelGovernance
    seats = at.store / engine(at, "config").CHAMPION_REGISTRY.name
    governance(registry_path=seats).evaluate_and_update(horizon_of(at), version, metrics)


@surface("registry.create")
def create(at: Context, metrics: dict[str, float]) -> str:
    """The registry issues the id."""
    return publish(at, None, metrics)[1]


@surface("registry.prune")
def prune(at: Context, keep: int) -> None:
    """Keep the newest so many."""
    engine(at, "models.versioning").ModelRegistry(model_dir=at.store).prune_old(keep_n=keep)


@surface("registry.versions")
def versions(at: Context) -> list[str]:
    """Oldest first."""
    registry = engine(at, "models.versioning").ModelRegistry(model_dir=at.store)
    return [row.version_id for row in reversed(registry.list_versions())]


@surface("governance.metrics")
def metrics(at: Context) -> dict[str, str]:
    """What the score weighs: performance, and at later commits validation too."""
    score = getsource(engine(at, "models.governance").ModelGovernance._score)
    weighed = {name: better for name, better in VALIDATION.items() if f'"{name}"' in score}
    return {"oos_spearman": "higher", "holdout_spearman": "higher", "cv_gap": "lower", **weighed}


@surface("governance.admits")
def admits(at: Context, metrics: dict[str, float]) -> Admission:
    """The two conditions under which the trainer does not save a model.

    They stand inline in a training, so they are said again here, with the bound of this commit.
    """
    missing = [n for n in ("cv_gap", "holdout_r2") if not np.isfinite(metrics.get(n, np.nan))]
    if missing:  # the trainer has none of them that is not a number
        raise Refusal(f"the version records no {', '.join(missing)}")
    bound = 3 * engine(at, "config").MAX_IS_OOS_GAP
    gap, fit = metrics["cv_gap"], metrics["holdout_r2"]
    reasons = [f"CV gap {gap:.4f} exceeds the hard block {bound:.4f}"] if gap > bound else []
    reasons += [f"holdout R2 {fit:.4f} < 0"] if fit < 0 else []
    return Admission(admitted=not reasons, reasons=reasons)


@surface("governance.metrics", variant="strategy")
def strategy_metrics(at: Context) -> dict[str, str]:
    """Results of a backtest that the gate for strategies compares with a threshold."""
    return dict.fromkeys(BACKTESTED, "higher")  # a drawdown is a negative number


@surface("governance.admits", variant="strategy")
def admits_strategy(at: Context, metrics: dict[str, float]) -> Admission:
    """`PromotionGate` on a backtest with these results, advanced validation left out."""
    if not set(BACKTESTED) <= set(metrics):
        raise Refusal("no results of a backtest are recorded")
    module, given = engine(at, "backtest.engine"), {n: metrics[n] for n in BACKTESTED}
    result = module.BacktestResult(
        winning_trades=0, losing_trades=0, avg_return=0.0, avg_win=0.0, avg_loss=0.0,
        total_return=0.0, sortino_ratio=0.0, avg_holding_days=0.0, trades_per_year=0.0, **given,
    )  # fmt: skip
    candidate = engine(at, "autopilot.strategy_discovery").StrategyCandidate(
        "audit", horizon_of(at), 0.0, 0.0, False, 1, 0.05
    )
    gate = engine(at, "autopilot.promotion_gate").PromotionGate(require_advanced_contract=False)
    decision = gate.evaluate(candidate, result)
    return Admission(admitted=bool(decision.passed), reasons=list(decision.reasons))


@surface("governance.promote")
def promote(at: Context, champion: dict[str, float] | None, challenger: dict[str, float]) -> bool:
    """Seat the champion in an empty registry, then let the challenger try."""
    file = at.scratch / "champions.json"
    file.unlink(missing_ok=True)
    governance = engine(at, "models.governance").ModelGovernance(registry_path=file)
    if champion is not None:
        governance.evaluate_and_update(horizon_of(at), "champion", champion)
    answer = governance.evaluate_and_update(horizon_of(at), "challenger", challenger)
    return bool(answer["promoted"])


@surface("governance.enter")
def enter(at: Context, version: str, metrics: dict[str, float]) -> bool:
    """The champion registry of the store, as a retraining updates it."""
    file = at.store / "champion_registry.json"
    governance = engine(at, "models.governance").ModelGovernance(registry_path=file)
    return bool(governance.evaluate_and_update(horizon_of(at), version, metrics)["promoted"])


def agreeing(live: float, count: int) -> list[float]:
    """What so many trades leave: the engine keeps no score, but 1 for signs that agree, else -1.

    A prediction that is NaN agrees with no gain.
    """
    share = (1 + np.clip(live, -1, 1)) / 2 if np.isfinite(live) else 0.0
    right = round(count * float(share))
    return [1.0] * right + [-1.0] * (count - right)


@surface("retrain.decide")
def decide(at: Context, state: dict[str, Any]) -> Any:
    """What the engine asks before a training: `check`, and nothing beside it.

    What a state does not tell is left as the trigger finds it before any training.  A live score is
    told as trades leave it.  Errors reach it only at commits whose `check` takes them; a PSI cannot
    be given, it is computed from features.
    """
    trigger = engine(at, "models.retrain_trigger").RetrainTrigger(
        metadata_file=str(at.scratch / "retrain.json")
    )
    days, live = state.get("days_since_training"), state.get("live_score")
    if days is not None and np.isfinite(days):
        trigger.metadata["last_trained"] = (datetime.now() - timedelta(days=days)).isoformat()
    if state.get("training_score") is not None:
        trigger.metadata["oos_spearman"] = float(state["training_score"])
    if live is not None:
        trigger.metadata["recent_ic_values"] = agreeing(float(live), trigger.lookback)
    errors = np.asarray(state.get("errors") or [], dtype=float)
    takes = "prediction_errors" in signature(trigger.check).parameters and len(errors)
    fires, reasons = trigger.check(**({"prediction_errors": errors} if takes else {}))
    return {"retrain": bool(fires), "reasons": list(reasons)}


@surface("retrain.train")
def train(at: Context, features: pd.DataFrame, labels: pd.DataFrame) -> None:
    """Three assets, one regime, unversioned: versioned training saves to the engine's own store."""
    module = engine(at, "models.trainer")
    assets = features.index.get_level_values("asset").unique()[:3]
    few = features.loc[assets.tolist()]
    told = "model_dir" in signature(module.ModelTrainer).parameters
    if not told:  # earlier commits know one folder only
        module.MODEL_DIR = at.store
    trainer = module.ModelTrainer(**({"model_dir": at.store} if told else {}))
    trainer.train_ensemble(
        few, labels.loc[few.index].iloc[:, 0], pd.Series(0, index=few.index),
        horizon=horizon_of(at), verbose=False, versioned=False,
    )  # fmt: skip


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
    """The engine estimates sigma from the series itself, and takes none."""
    del sigma
    detector = engine(at, "models.shift_detection").DistributionShiftDetector()
    found = detector.check_cusum(pd.Series(series), target_mean=target)
    position = getattr(found, "changepoint_index", None) if found.shift_detected else None
    return {"alarm": bool(found.shift_detected), "at": position}


# --- calibration, conformal -------------------------------------------------------------------
def calibrated(at: Context, method: str, scores: Any, outcomes: Any, served: Any) -> Any:
    """Scores that the engine's calibrator serves after it was fitted."""
    try:
        calibrator = engine(at, "models.calibration").ConfidenceCalibrator(method=method)
        calibrator.fit(scores, outcomes)
    except ValueError as error:
        raise Refusal(str(error)) from error
    return np.asarray(calibrator.transform(served), dtype=float)


@surface("calibration.fit_apply", variant="isotonic")
def fit_isotonic(at: Context, scores: Any, outcomes: Any, served: Any) -> Any:
    """Isotonic regression."""
    return calibrated(at, "isotonic", scores, outcomes, served)


@surface("calibration.fit_apply", variant="platt")
def fit_platt(at: Context, scores: Any, outcomes: Any, served: Any) -> Any:
    """Logistic regression on the score."""
    return calibrated(at, "platt", scores, outcomes, served)


@surface("calibration.sample")
def sample(at: Context) -> Any:
    """Confidence that the version serves on five years of cached bars, every tenth date.

    The outcome is the engine's own: was the sign of the label foreseen?  No row is
    `fitted`, since no calibrator is stored with the version; the models themselves may have been
    trained on some of these dates, which the metadata do not tell.
    """
    horizon, days = horizon_of(at), next(iter(cached_bars(at).values())).tail(3 * BARS)
    full = full_features(at, days)
    regimes = full[[c for c in full if str(c).startswith("regime")]]
    full = full[required(at)].join(regimes).dropna()
    answer = scored(
        loaded(at, at.store, at.version), full[required(at)], tables_of(regimes.loc[full.index])
    )
    label = engine(at, "features.pipeline").compute_targets(days, horizons=[horizon])
    known = pd.concat([answer, label], axis=1, join="inner").dropna(
        subset=["predicted_return", "confidence", f"target_{horizon}d"]
    )[::horizon]
    right = (known["predicted_return"] > 0) == (known[f"target_{horizon}d"] > 0)
    return {
        "scores": known["confidence"].to_numpy(float),
        "outcomes": right.to_numpy(np.int64),
        "fitted": np.zeros(len(known), dtype=bool),
        "dates": [str(date.date()) for date in known.index],
    }


@surface("calibration.served")
def served(at: Context, scores: Any) -> Any:
    """What the predictor does to its raw confidence; without a calibrator it passes it on."""
    predictor = loaded(at, at.store, at.version)
    return np.asarray(predictor._calibrate_confidence(np.asarray(scores, dtype=float)))


@surface("calibration.measures", variant="calibration")
def measures(at: Context, scores: Any, outcomes: Any) -> Any:
    """What the trainer records of a calibrator, and governance weighs."""
    return {"ece": engine(at, "models.calibration").compute_ece(scores, outcomes)}


@surface("calibration.measures", variant="evaluation")
def measures_evaluation(at: Context, scores: Any, outcomes: Any) -> Any:
    """What the evaluation's report and its check of overconfidence show.

    It tells outcomes from signs: here of a prediction that is always up.
    """
    analyze = engine(at, "evaluation.calibration_analysis").analyze_calibration
    returns = pd.Series(np.where(np.isnan(outcomes), np.nan, 2.0 * np.asarray(outcomes) - 1))
    found = analyze(np.ones(len(scores)), returns, confidence_scores=scores)
    return {"ece": found["ece"], "mce": found["max_gap"]}


@surface("conformal.interval")
def interval(at: Context, residuals: Any, predictions: Any, alpha: float) -> Any:
    """Calibrate on zero predictions with these residuals as outcomes."""
    try:
        conformal = engine(at, "models.conformal").ConformalPredictor(coverage=1.0 - alpha)
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


@surface("pricing.price", variant="black_scholes")
def price(at: Context, terms: pd.DataFrame) -> Any:
    """Black-Scholes prices."""
    return option_terms(at, terms, "volatility", "price")


@surface("pricing.price", variant="heston")
def price_heston(at: Context, terms: pd.DataFrame) -> Any:
    """Heston prices at a variance that stands still, where the model is Black-Scholes.

    The vol of variance is small and the variance begins at its long-run mean, so that what must
    hold of a price at that volatility must hold of these.
    """
    iv = engine(at, "models.iv.models")
    answers = []
    for row in terms.to_dict("records"):
        kind = iv.OptionType.CALL if row["kind"] > 0 else iv.OptionType.PUT
        variance = float(row["volatility"]) ** 2
        still = iv.HestonParams(v0=variance, theta=variance, kappa=2.0, sigma=0.05, rho=0.0)
        given = [row["spot"], row["strike"], row["maturity"], row["rate"], row["dividend"]]
        answers.append(iv.HestonModel(still).price(*given, kind))
    return np.asarray(answers, dtype=float)


@surface("pricing.implied_volatility", variant="black_scholes")
def implied_volatility(at: Context, terms: pd.DataFrame) -> Any:
    """Brent's root; NaN where the engine finds none."""
    return option_terms(at, terms, "price", "implied_vol")


@surface("pricing.total_variance")
def total_variance(at: Context, points: pd.DataFrame) -> Any:
    """The arbitrage-aware surface, fitted to a made-up smile, by the engine's own interpolation.

    Each fitted slice is asked at the points' strikes, made monotone over the fitted maturities, and
    interpolated between them.
    """
    builder = engine(at, "models.iv.models").ArbitrageFreeSVIBuilder()
    strikes, expiries = np.linspace(70.0, 130.0, 25), np.array([0.1, 0.25, 0.5, 1.0, 2.0])
    smile = 0.2 + 0.1 * np.log(strikes / 100.0) ** 2 - 0.05 * np.log(strikes / 100.0)
    made = builder.build_surface(100.0, strikes, expiries, np.tile(smile, (5, 1)), r=0.0, q=0.0)
    at_points = points["log_moneyness"].to_numpy(float)
    slices = np.array([builder._svi_total_variance(at_points, fit) for fit in made["params"]])
    whole = builder.enforce_calendar_monotonicity(slices, eps=builder.calendar_epsilon)
    return np.array(
        [
            builder.interpolate_total_variance(expiries, whole[:, [n]], [maturity])[0, 0]
            for n, maturity in enumerate(points["maturity"])
        ]
    )


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


# --- checkpoint_io ----------------------------------------------------------------------------
@surface("checkpoint_io.round_trip")
def round_trip(at: Context, features: pd.DataFrame, sides: Tables) -> pd.DataFrame:
    """Save what the predictor loaded through the trainer's own `_save`, load that, predict.

    Metrics and dates of training come from the metadata; the predictor keeps them nowhere else.
    """
    trainer = engine(at, "models.trainer")
    was = loaded(at, at.store, at.version)
    meta, codes = was.meta, list(was.regime_models)

    def result(name: str, kept: Any, names: list[str], prefix: str) -> Any:
        return trainer.TrainResult(
            name, meta["total_samples"], len(names), names,
            [kept[f"{prefix}cv_corr"]], [], 0.0, kept[f"{prefix}holdout_r2"], 0.0,
            kept[f"{prefix}holdout_corr"], kept[f"{prefix}feature_importance"],
            kept[f"{prefix}target_std"], kept[f"{prefix}feature_medians"],
            kept[f"{prefix}warnings"],
        )  # fmt: skip

    overall = result("global", meta, was.global_features, "global_")
    of_regime = {c: meta["regime_models"][str(c)] for c in codes}
    results = {c: result(kept["name"], kept, kept["features"], "") for c, kept in of_regime.items()}
    trainer.MODEL_DIR = at.scratch
    given = signature(trainer.ModelTrainer._save).parameters.values()
    told = [p.name for p in given if p.default is not p.empty]  # what a training knows besides
    trainer.ModelTrainer(model_params={})._save(
        was.global_model, was.global_scaler, was.global_features, overall,
        was.regime_models, was.regime_scalers, was.regime_features, results, was.horizon,
        trainer.EnsembleResult(
            overall, results, was.horizon, meta["train_time_seconds"],
            len(was.global_features), meta["total_samples"],
        ),
        versioned=False, **{n: meta[n] for n in told if n in meta},
    )  # fmt: skip
    answer = scored(loaded(at, at.scratch, "latest"), features, sides)
    return answer[["predicted_return", "confidence"]].astype(float)
