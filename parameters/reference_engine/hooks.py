"""Hooks for the reference engine: a few lines a surface, no logic of their own.

Every answer comes from the version's own artifacts: its columns, its recorded splits and targets,
its calibrator, its decision numbers.
"""

# mypy: disable-error-code="no-any-return"
# The engine is imported from a checkout at run time, so mypy knows its answers as Any only.
from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.hooks import (
    Admission,
    CalibrationMeasures,
    CalibrationSample,
    Context,
    CusumAlarm,
    ExplainInputs,
    Fold,
    Refusal,
    Resolved,
    RetrainDecision,
    RetrainState,
    SplitSpec,
    Stages,
    TargetSpec,
    Terms,
    surface,
    watch,
)

Array = np.ndarray[Any, Any]


class Engine:
    """The engine's modules as attributes, imported from the checkout when first asked for."""

    def __init__(self, at: Context) -> None:
        self.package, parent = at.root.name, str(at.root.parent)
        if parent not in sys.path:
            sys.path.insert(0, parent)
        found = importlib.import_module(self.package).__file__ or ""
        if Path(found).resolve().parent != at.root.resolve():
            raise ImportError(f"{self.package} is {found}, not the checkout at {at.root}")

    def __getattr__(self, module: str) -> Any:
        return importlib.import_module(f"{self.package}.{module}")


@contextmanager
def engine_at(at: Context) -> Iterator[Engine]:
    """The engine of a context; what it declines on purpose leaves as a Refusal."""
    engine = Engine(at)
    try:
        yield engine
    except engine.errors.Refused as error:
        raise Refusal(str(error)) from error


@contextmanager
def version_at(at: Context) -> Iterator[tuple[Engine, Any]]:
    """The engine and the checkpoint of the version under audit."""
    with engine_at(at) as engine:
        yield engine, engine.registry.Registry(at.store).load(at.version)


@contextmanager
def predictor_at(at: Context) -> Iterator[tuple[Engine, Any]]:
    """The engine and a predictor of the version under audit."""
    with engine_at(at) as engine:
        yield engine, engine.predictor.Predictor.load(at.store, at.version)


# --- features ---------------------------------------------------------------------------------
@surface("features.panel")
def panel(at: Context) -> pd.DataFrame:
    """The closes the version was trained and judged on."""
    with version_at(at) as (engine, checkpoint):
        data = checkpoint.run["data"]
        return engine.panel.load_panel(data["universe"], data["start"], data["end"])


@surface("features.build")
def build(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """The version's columns, as its training built them."""
    with version_at(at) as (engine, checkpoint):
        return engine.feature_builders.build_training(panel, checkpoint.feature_cols)


@surface("features.build_backtest")
def build_backtest(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """The version's columns, as its backtest builds them."""
    with version_at(at) as (engine, checkpoint):
        return engine.feature_builders.build_backtest(panel, checkpoint.feature_cols)


@surface("features.build_live")
def build_live(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """The version's columns, bar by bar as live trading builds them."""
    with version_at(at) as (engine, checkpoint):
        return engine.feature_builders.build_live(panel, checkpoint.feature_cols)


@surface("features.scale")
def scale(at: Context, features: pd.DataFrame) -> pd.DataFrame:
    """The version's own scaler, over its columns."""
    with version_at(at) as (_, checkpoint):
        columns = list(checkpoint.feature_cols)
        scaled = checkpoint.scaler.transform(features[columns].to_numpy(dtype="float64"))
        return pd.DataFrame(scaled, index=features.index, columns=columns)


@surface("features.policy")
def policy(at: Context) -> dict[str, str]:
    """The policy of every feature the engine knows."""
    with engine_at(at) as engine:
        return engine.features.policy(list(engine.features.CATALOGUE))


# --- targets, splits --------------------------------------------------------------------------
@surface("targets.build")
def build_targets(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """All labels."""
    with engine_at(at) as engine:
        return engine.targets.build_targets(panel)


@surface("targets.ends")
def label_ends(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """The bar at which a position leaves: as many bars of its own asset ahead for each label."""
    with engine_at(at) as engine:
        dates = panel.index.get_level_values("date").to_series(index=panel.index)
        last = dates.groupby(level="asset").shift(-engine.targets.HORIZON)
        return pd.DataFrame(dict.fromkeys(engine.targets.TARGETS, last))


@surface("targets.declared")
def declared_targets(at: Context) -> dict[str, TargetSpec]:
    """What the version's checkpoint records about its labels."""
    with version_at(at) as (_, checkpoint):
        return {
            name: TargetSpec(
                horizon=record["horizon"], kind=record["kind"], thresholds=record["thresholds"]
            )
            for name, record in checkpoint.targets.items()
        }


@surface("targets.preconditions")
def preconditions(at: Context) -> Terms:
    """The constants that labels, folds and backtest share."""
    with engine_at(at) as engine:
        entry, holding = engine.targets.ENTRY, engine.targets.HOLDING
        return Terms(holding=holding, entry=entry, price="close", kind="simple_return")


@surface("splits.folds")
def folds(at: Context, panel: pd.DataFrame) -> list[Fold]:
    """The folds that the version's recorded plan makes of a panel."""
    with version_at(at) as (engine, checkpoint):
        plan = engine.splits.WalkForward.of(checkpoint.splits)
        return [Fold(train=train, test=test) for train, test in plan.rows(panel)]


@surface("splits.declared")
def declared_splits(at: Context) -> SplitSpec:
    """The version's recorded plan, in bars."""
    with version_at(at) as (_, checkpoint):
        record = checkpoint.splits
        return SplitSpec(
            horizon=record["horizon"], purge=record["purge"], embargo=record["embargo"]
        )


@surface("splits.independent")
def independent(at: Context, panel: pd.DataFrame) -> Sequence[Any]:
    """The dates that its calibration is judged on: a horizon apart."""
    with engine_at(at) as engine:
        positions = engine.splits.date_positions(panel)
        kept = engine.trainer.every_horizon(positions, np.arange(len(panel)))
        return panel.index.get_level_values("date")[kept].unique()


# --- predictor, decisions ---------------------------------------------------------------------
@surface("predictor.required")
def required(at: Context) -> list[str]:
    """The version's feature columns, in model order."""
    with version_at(at) as (_, checkpoint):
        return list(checkpoint.feature_cols)


@surface("predictor.predict")
def predict(at: Context, features: pd.DataFrame) -> pd.DataFrame:
    """All heads."""
    with predictor_at(at) as (_, predictor):
        return predictor.predict(features)


@surface("decisions.account")
def account(at: Context) -> dict[str, float]:
    """All that the engine's gates look at beside predictions."""
    return {"drawdown": 0.0}


@surface("decisions.backtest")
def backtest(at: Context, features: pd.DataFrame, account: dict[str, float]) -> pd.DataFrame:
    """Orders of the backtest path."""
    with predictor_at(at) as (engine, predictor):
        return engine.backtest.decide(predictor, features, account["drawdown"])


@surface("decisions.live")
def live(at: Context, features: pd.DataFrame, account: dict[str, float]) -> pd.DataFrame:
    """Orders of the live path."""
    with predictor_at(at) as (engine, predictor):
        return engine.live.decide(predictor, features, account["drawdown"])


@surface("decisions.rules_backtest")
def rules_backtest(
    at: Context, predictions: pd.DataFrame, account: dict[str, float]
) -> pd.DataFrame:
    """The backtest's rules and gates alone."""
    with predictor_at(at) as (engine, predictor):
        return engine.backtest.interpret(predictor, predictions, account["drawdown"])


@surface("decisions.rules_live")
def rules_live(at: Context, predictions: pd.DataFrame, account: dict[str, float]) -> pd.DataFrame:
    """The live path's rules and gates alone."""
    with predictor_at(at) as (engine, predictor):
        return engine.live.interpret(predictor, predictions, account["drawdown"])


# --- registry, governance, retrain, drift -----------------------------------------------------
@surface("registry.resolve")
def resolve(at: Context, request: str | None) -> Resolved:
    """What the registry gives for a request."""
    with engine_at(at) as engine:
        found = engine.registry.Registry(at.store).resolve(request)
        return Resolved(
            version=found.version, files=[f"{found.version}/{name}" for name in found.files]
        )


@surface("registry.register")
def register(at: Context, version: str, metrics: dict[str, float]) -> None:
    """Publish a copy of the version under audit (of the newest, once that is retired)."""
    with engine_at(at) as engine:
        registry = engine.registry.Registry(at.store)
        known = registry.versions()
        source = at.version if at.version in known else known[-1]
        checkpoint = registry.load(source).renamed(version)
        registry.publish(checkpoint, metrics, registry.resolve(source).stage)


@surface("registry.versions")
def versions(at: Context) -> list[str]:
    """Registered ids, oldest first."""
    with engine_at(at) as engine:
        return engine.registry.Registry(at.store).versions()


@surface("registry.promote")
def seat(at: Context, version: str) -> bool:
    """Promote a version; whether it was seated by this."""
    with engine_at(at) as engine:
        return engine.registry.Registry(at.store).promote(version)


@surface("governance.metrics")
def governed(at: Context) -> dict[str, str]:
    """The governed metrics and which way is better."""
    with engine_at(at) as engine:
        return dict(engine.governance.METRICS)


@surface("governance.promote")
def promote(at: Context, champion: dict[str, float] | None, challenger: dict[str, float]) -> bool:
    """Whether governance would promote."""
    with engine_at(at) as engine:
        return engine.governance.should_promote(champion, challenger)


@surface("governance.admits")
def admits(at: Context, metrics: dict[str, float]) -> Admission:
    """Governance with an empty chair: what it declines there, it would never serve."""
    with engine_at(at) as engine:
        admitted = engine.governance.should_promote(None, metrics)
    reasons = [] if admitted else ["governance does not promote it even into an empty chair"]
    return Admission(admitted=admitted, reasons=reasons)


@surface("governance.enter")
def enter(at: Context, version: str, metrics: dict[str, float]) -> bool:
    """Publish a copy of the version under audit with these metrics, and promote it."""
    with engine_at(at) as engine:
        registry = engine.registry.Registry(at.store)
        known = registry.versions()
        source = at.version if at.version in known else known[-1]
        stage = registry.resolve(source).stage
        registry.publish(registry.load(source).renamed(version), metrics, stage)
        return registry.promote(version)


@surface("retrain.decide")
def decide_retrain(at: Context, state: RetrainState) -> RetrainDecision:
    """Whether a trigger fires."""
    with engine_at(at) as engine:
        reasons = engine.retrain.reasons_to_retrain(engine.retrain.LiveState.of(state))
        return RetrainDecision(retrain=bool(reasons), reasons=reasons)


@surface("retrain.train")
def train(at: Context, features: pd.DataFrame, labels: pd.DataFrame) -> str:
    """By the version's recipe; the volatility surface, which no row enters, is the version's."""
    with engine_at(at) as engine:
        watch(engine.trainer.Fitted, fit="fit", predict="values")
        watch(engine.scaling.RobustScaler, fit="fit", transform="transform")
        watch(engine.calibration.Calibrator, fit="fit", predict="apply")
        recipe = engine.recipes.recipe(at.version)
        columns = list(recipe.features)
        data = engine.trainer.Design(
            names=recipe.features,
            features=features[columns].to_numpy(),
            labels={name: labels[name].to_numpy(dtype=float) for name in labels},
            dates=pd.DatetimeIndex(features.index.get_level_values("date")),
            positions=engine.splits.date_positions(features),
            assets=features.index.get_level_values("asset"),
        )
        registry = engine.registry.Registry(at.store)
        shipped = registry.load(at.version).surface
        dates = data.dates.unique().sort_values()
        made = engine.train_version.learn(data, recipe, dates, shipped).renamed("made-up")
        registry.publish(made, stage=recipe.stage)
        return made.version


@surface("drift.psi")
def psi(at: Context, reference: Array, current: Array) -> float:
    """Population stability index."""
    with engine_at(at) as engine:
        return engine.drift.psi(reference, current)


@surface("drift.cusum")
def cusum(at: Context, series: Array, target: float, sigma: float) -> CusumAlarm:
    """CUSUM alarm."""
    with engine_at(at) as engine:
        answer = engine.drift.cusum(series, target, sigma)
        return CusumAlarm(alarm=answer.alarm, at=answer.at)


# --- calibration, conformal -------------------------------------------------------------------
@surface("calibration.fit_apply")
def fit_apply(at: Context, scores: Array, outcomes: Array, served: Array) -> Array:
    """Fit a new calibrator and apply it."""
    with engine_at(at) as engine:
        return engine.calibration.Calibrator.fit(scores, outcomes).apply(served)


@surface("calibration.served")
def served(at: Context, scores: Array) -> Array:
    """The version's own calibrator."""
    with version_at(at) as (_, checkpoint):
        return checkpoint.calibrator.apply(scores)


@surface("calibration.sample")
def sample(at: Context) -> CalibrationSample:
    """The version's recorded out-of-fold scores of the direction head."""
    with version_at(at) as (_, checkpoint):
        record = checkpoint.calibration
        return CalibrationSample(
            scores=record["scores"],
            outcomes=record["outcomes"],
            fitted=record["fitted"],
            dates=[str(day) for day in record["dates"]],
        )


@surface("calibration.measures")
def measures(at: Context, scores: Array, outcomes: Array) -> CalibrationMeasures:
    """The two that a version's scores record."""
    with engine_at(at) as engine:
        error = engine.metrics.expected_calibration_error(scores, outcomes)
        return CalibrationMeasures(ece=error, brier=engine.metrics.brier(scores, outcomes))


@surface("conformal.interval")
def interval(at: Context, residuals: Array, predictions: Array, alpha: float) -> Array:
    """Split conformal intervals."""
    with engine_at(at) as engine:
        return engine.conformal.interval(residuals, predictions, alpha)


# --- pricing, neural, online, checkpoint_io ---------------------------------------------------
@surface("pricing.price")
def price(at: Context, terms: pd.DataFrame) -> Array:
    """Black-Scholes-Merton prices."""
    with engine_at(at) as engine:
        return engine.pricing.price(terms)


@surface("pricing.implied_volatility")
def implied_volatility(at: Context, terms: pd.DataFrame) -> Array:
    """Implied volatilities; NaN where there is none."""
    with engine_at(at) as engine:
        return engine.pricing.implied_volatility(terms)


@surface("pricing.total_variance")
def total_variance(at: Context, points: pd.DataFrame) -> Array:
    """The version's own SVI surface."""
    with version_at(at) as (_, checkpoint):
        return checkpoint.surface.total_variance(
            points["log_moneyness"].to_numpy(), points["maturity"].to_numpy()
        )


@surface("neural.forward")
def forward(at: Context, inputs: Array) -> Array:
    """Raw output of the neural head: log volatility."""
    with version_at(at) as (_, checkpoint):
        return checkpoint.network.forward(inputs)


@surface("neural.state")
def network_state(at: Context) -> dict[str, Array]:
    """The arrays of the version's network."""
    with version_at(at) as (_, checkpoint):
        return checkpoint.network.arrays()


@surface("neural.load")
def load_network(at: Context, state: dict[str, Array], inputs: Array) -> Array:
    """As a checkpoint makes its network of what is stored."""
    with engine_at(at) as engine:
        return engine.neural.Network.from_arrays(state).forward(inputs)


@surface("online.run")
def run_online(
    at: Context, batches: Sequence[pd.DataFrame], probe: pd.DataFrame, restart_after: int | None
) -> Array:
    """Learn the batches, with a restart through the scratch folder where asked for."""
    with engine_at(at) as engine:
        learner = engine.online.OnlineLearner.over(batches[0])
        for number, batch in enumerate(batches):
            learner.learn(batch)
            if number == restart_after:
                learner.save(at.scratch)
                learner = engine.online.OnlineLearner.load(at.scratch)
        return learner.predict(probe)


@surface("checkpoint_io.round_trip")
def round_trip(at: Context, features: pd.DataFrame) -> pd.DataFrame:
    """Save the loaded version elsewhere, load that, predict."""
    with version_at(at) as (engine, checkpoint):
        checkpoint.save(at.scratch / at.version)
        candidate = engine.registry.Registry(at.store).resolve(at.version).stage == "candidate"
        again = engine.checkpoint.Checkpoint.load(at.scratch / at.version, candidate=candidate)
        return engine.predictor.Predictor.of(again).predict(features)


# --- explain ------------------------------------------------------------------------------------
@surface("explain.inputs")
def explained(at: Context) -> ExplainInputs:
    """Complete rows of the sample; stormy where the middle asset swings more than on most dates."""
    features = build(at, panel(at))[required(at)].dropna()
    swing = features["volatility_21"].groupby(level="date").median()
    stormy = features.index.get_level_values("date").isin(
        swing[swing > swing.quantile(2 / 3)].index
    )
    return ExplainInputs(features=features, regimes=np.where(stormy, "stormy", "calm").tolist())


@surface("explain.stages")
def stages(at: Context, features: pd.DataFrame) -> Stages:
    """What the back-test path passes through: scaled columns, raw scores, gates in their order."""
    with predictor_at(at) as (engine, predictor):
        checkpoint, config = predictor.checkpoint, predictor.checkpoint.decisions["backtest"]
        columns = list(checkpoint.feature_cols)
        scaled = checkpoint.scaler.transform(features[columns].to_numpy(dtype="float64"))
        outputs = {n: forest.raw(scaled) for n, forest in predictor.forests.items()}
        outputs[engine.heads.NEURAL] = checkpoint.network.forward(scaled)[:, 0]
        predicted = predictor.predict(features)
        side, size = engine.rules.wishes(predicted, config)
        limits = {
            "volatility": (predicted["volatility"].to_numpy(), config.max_volatility),
            "position_cap": (size, config.max_position),
        }
        wanted = np.flatnonzero(side != 0)
        gates = [
            {"row": i, "gate": name, "value": value[i], "threshold": limit}
            for name, (value, limit) in limits.items()
            for i in wanted
        ]
        found = pd.DataFrame(gates, columns=["row", "gate", "value", "threshold"])
        return Stages(
            scaled=pd.DataFrame(scaled, index=features.index, columns=columns),
            raw=pd.DataFrame(
                {n: outputs[checkpoint.outputs[h.output]] for n, h in checkpoint.heads.items()},
                index=features.index,
            ),
            gates=found.assign(passed=found["value"] <= found["threshold"]),
        )
