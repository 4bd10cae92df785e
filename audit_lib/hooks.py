"""What a subject's ``hooks.py`` is written against.

A hook is a plain function of a few lines that exposes one behaviour of the subject so that
probes can drive it.  It is registered with :func:`surface`, takes a :class:`Context` first and
answers in data only (numbers, strings, lists, dicts, NumPy arrays, pandas frames)::

    from audit_lib.hooks import Context, surface

    @surface("drift.psi")
    def psi(at: Context, reference, current):
        from my_engine.monitoring import population_stability_index
        return population_stability_index(reference, current)

The hook above is called ``drift.psi``.  Where the subject has several of a kind, each is a named
variant, ``@surface("drift.psi", variant="by_decile")``, and every check of the surface runs on
each.  Hooks run in a child process (the *host*), never in the
process that judges.  This module therefore imports the standard library only: the child's
interpreter is the subject's, and only NumPy and pandas are asked of it.

Conventions shared by all hooks:

panel
    ``DataFrame`` of market data, ``MultiIndex`` named ``("asset", "date")``, sorted, one float
    column a field (``close``; ``open``, ``high``, ``low``, ``volume`` where known).  An engine of
    one instrument may answer a frame on a ``DatetimeIndex``: all its hooks are then asked in that
    form, and tables of several assets one asset after the other.
features, labels
    ``DataFrame`` on the panel's index (rows may be fewer), one column a feature or label.
returns, thresholds
    fractions (0.01 is one per cent); volatilities are annualised fractions; maturities are years.
refusal
    a hook raises :class:`Refusal` when the subject refuses the input *by design* (a documented
    error, a version that must not be substituted).  Any other exception is a failure.
"""

# Forms of hooks say what goes in and out, and have no body:
# mypy: disable-error-code="empty-body"
from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

if TYPE_CHECKING:
    from typing import NotRequired  # the child's interpreter may be older than 3.11

    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

HookFunction = TypeVar("HookFunction", bound=Callable[..., Any])


@dataclass(frozen=True)
class Context:
    """Where a hook is called.

    Attributes:
        root: the subject's source checkout (read-only).
        store: the artifact store to read.  A probe that writes passes a scratch copy here.
        version: id of the version under audit.
        scratch: an empty folder of this call; the only place where a hook may write.
        key: what the subject keeps apart beside versions, as ``keys`` in ``subject.yaml`` declares
            it: ``{"horizon": 20}``.
    """

    root: Path
    store: Path
    version: str
    scratch: Path
    key: Mapping[str, Any] = field(default_factory=dict)


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """The subject declined the input on purpose, with a reason a person can read."""


class TargetSpec(TypedDict, total=False):
    """What the subject declares about one label (``targets.declared``)."""

    horizon: int  # bars from decision to the last price the label reads
    kind: str  # "simple_return", "log_return", "direction", "volatility", "class", "barrier"
    thresholds: list[float]  # class edges, as fractions
    returns: str  # what thresholds are edges of: "simple_return" or "log_return"
    take: float  # upper barrier of a first touch, a fraction above the entry price
    stop: float  # lower barrier, a fraction below the entry price
    limit: int  # bars after which a position is closed whatever happened
    calendar: str  # whose bars count: "own" of the asset, or "all" dates of the panel


class Terms(TypedDict, total=False):
    """What the subject's preconditions fix about every label and trade (``targets.preconditions``).

    Leave out what they do not fix.
    """

    holding: int  # bars from the price that enters to the price that leaves
    entry: int  # bars from the decision to the bar whose price enters
    price: str  # field of the panel that is paid at entry, such as "open"
    kind: str  # "simple_return" or "log_return"


class SplitSpec(TypedDict, total=False):
    """What the subject declares about its splits (``splits.declared``)."""

    horizon: int  # bars that a label spans
    purge: int  # bars removed from train before each test fold
    embargo: int  # bars removed from train after each test fold


class Fold(TypedDict):
    """One fold: integer row positions into the panel given to ``splits.folds``."""

    train: Integers
    test: Integers


class Resolved(TypedDict):
    """What a registry answered to a request (``registry.resolve``)."""

    version: str
    files: list[str]  # files it would load, relative to the store


class RetrainState(TypedDict, total=False):
    """What a retrain trigger sees; what is not known is left out, so any key may be missing."""

    days_since_training: int
    psi: float  # population stability index of the worst feature
    errors: list[float]  # recent prediction errors, oldest first
    live_score: float  # the metric governance ranks by, measured live
    training_score: float  # the same metric at training time
    n_samples: int  # live samples behind live_score


class RetrainDecision(TypedDict):
    """What a retrain trigger answered."""

    retrain: bool
    reasons: list[str]


class FeedEvent(TypedDict):
    """What happens to an online learner at one moment (``online.feed``); None for nothing."""

    now: pd.Timestamp
    rows: pd.DataFrame | None  # features that are predicted now, indexed by (asset, date)
    labels: pd.DataFrame | None  # ``y`` and ``due`` of rows that were, by the same index


class Admission(TypedDict):
    """What today's gates say of recorded metrics."""

    admitted: bool
    reasons: list[str]  # why not, in the subject's words


class CusumAlarm(TypedDict):
    """What a CUSUM detector answered: whether it fired and at which position (0-based)."""

    alarm: bool
    at: int | None


class Shifted(TypedDict):
    """What a monitor of several features answered."""

    shifted: bool | None  # None where it could not tell
    features: NotRequired[list[str]]  # those that shifted


class CalibrationSample(TypedDict):
    """Scores a version is served, the binary outcomes that followed, and who saw them.

    All arrays have the same length.  ``fitted`` is True on rows the calibrator was fitted on.
    ``dates`` (ISO text) may be left out; with it, rows of one date count as dependent.
    """

    scores: Floats
    outcomes: Integers
    fitted: npt.NDArray[np.bool_]
    dates: NotRequired[list[str]]


class CalibrationMeasures(TypedDict, total=False):
    """The subject's own measures of probabilities (``calibration.measures``); those it has."""

    ece: float  # mean gap of probability and frequency over bins, each weighted by its rows
    mce: float  # the largest of these gaps
    brier: float  # mean squared error
    log_loss: float  # mean negative natural logarithm of what was given to what happened


class ExplainInputs(TypedDict):
    """Rows that are explained, all of the same length (``explain.inputs``).

    ``features`` has the columns that the model reads, on an index that the predictor accepts.
    """

    features: pd.DataFrame
    dates: NotRequired[Sequence[Any]]  # where the index has no level of dates
    assets: NotRequired[Sequence[str]]  # where the index has no level of names
    regimes: NotRequired[Sequence[str]]  # name of the regime that each row is in


class Stages(TypedDict, total=False):
    """What stands between features and orders (``explain.stages``), each a row an input row."""

    scaled: pd.DataFrame  # what the model is given
    raw: pd.DataFrame  # what it gives, a column a head, before calibration
    # columns ``row`` (position), ``gate``, ``value``, ``threshold``, ``passed``
    gates: pd.DataFrame


# Every hook has a form, a function that is never called: its name is that of the surface and of the
# hook, its signature says what goes in and out, and its docstring what that means.


# --- features ---------------------------------------------------------------------------------
def features_panel(at: Context) -> pd.DataFrame:
    """Market data, real where possible, that the builders accept."""


def features_sides(at: Context, given: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Tables beside the panel or the features.

    Regimes, confidences, macro series: name to a frame, labelled by what it is joined on
    (``(asset, date)``, or ``date`` alone).  Hooks that take a third argument get them there.
    """


def features_build(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """Panel to features.

    A hook with a third argument, ``sides``, gets the tables of ``features.sides`` in it.
    """


features_build_backtest = features_build


def features_build_live(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """Panel to features, as live trading builds them.

    A parameter named ``now`` is the clock, a ``Timestamp`` like those of the panel: the newest bar
    may not have closed by then, and holds what had happened in it.  None: every bar has closed.
    """


def features_scale(at: Context, features: pd.DataFrame) -> pd.DataFrame:
    """Features to what the model is given of them, the same rows and columns.

    Every consumer that scales (trainer, backtest, live) is a variant.
    """


def features_fills(at: Context) -> dict[str, float]:
    """Feature name to the value that stands for it where it is missing.

    Every path that fills is a variant.
    """


def features_schema_hash(at: Context, names: list[str]) -> str:
    """The subject's own hash of a schema with these columns, as the metadata keeps it."""


def features_policy(at: Context) -> dict[str, str]:
    """Feature name to ``CAUSAL``, ``END_OF_DAY`` or ``RESEARCH_ONLY``."""


def features_modes(at: Context) -> dict[str, list[str]]:
    """Mode (``live``, ``research``) to the types declared for it."""


def features_admitted(at: Context, names: list[str], mode: str) -> list[str]:
    """Of these names, those that the subject's own filter lets through.

    Raises :class:`Refusal` where the filter declines the mode, or a name.
    """


# --- targets, splits --------------------------------------------------------------------------
def targets_build(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """Panel to labels; NaN where the label is not known yet."""


def targets_ends(at: Context, panel: pd.DataFrame) -> pd.DataFrame:
    """Panel to the date of the last bar that each row's label reads.

    On the panel's index, one column of dates a label; NaT where a label is not known.  Needed only
    where labels end at different times and ``targets.build`` cannot tell when.
    """


def targets_declared(at: Context) -> dict[str, TargetSpec]:
    """Label name to its declared horizon, kind and thresholds."""


def targets_preconditions(at: Context) -> Terms:
    """The terms that training and backtests are locked to."""


def splits_folds(at: Context, panel: pd.DataFrame) -> list[Fold]:
    """The train and test rows of every fold over a panel."""


def splits_declared(at: Context) -> SplitSpec:
    """Declared horizon, purge and embargo, in bars."""


def splits_independent(at: Context, panel: pd.DataFrame) -> Sequence[Any]:
    """Dates of a panel that the subject counts as independent samples.

    The dates on which it rests an effective sample size, a significance or a calibration error.
    """


# --- predictor, decisions ---------------------------------------------------------------------
def predictor_required(at: Context) -> list[str]:
    """The feature columns the version's model reads, in its order."""


predictor_sides = features_sides


def predictor_outputs(at: Context, features: pd.DataFrame) -> Floats:
    """Features to what the model itself gives, an array (n, k).

    For models that answer one array.  With ``predictor.decode`` this is ``predictor.predict``,
    unless that is written too.  A third argument, ``sides``, is as there.
    """


def predictor_decode(at: Context, outputs: Floats) -> pd.DataFrame:
    """A model's outputs (n, k) to one column a head, in the order of rows.

    The one place in which outputs get their names, links and units.
    """


def predictor_predict(at: Context, features: pd.DataFrame) -> pd.DataFrame:
    """Features to one column a head, on the same index.

    Raises :class:`Refusal` where the subject documents that it refuses.  A hook with a third
    argument, ``sides``, gets the tables of ``predictor.sides`` in it; so do decisions.
    """


def decisions_backtest(at: Context, features: pd.DataFrame) -> pd.DataFrame:
    """Features to orders on the same index.

    Columns: ``side`` (-1, 0, 1), ``size`` (fraction of equity, >= 0), ``gate`` (the risk gate
    that decided, or ``""``).  A parameter named ``account`` gets the state of the account, that
    of ``decisions.account`` where no other is asked about; such a hook may answer ``{"orders": ...,
    "account": ...}``, the second being the state that the orders leave behind.
    """


decisions_live = decisions_backtest


def decisions_rules_backtest(at: Context, predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions straight to orders.

    ``predictions`` holds one column a head, as ``predictor.predict`` answers; orders are as for
    ``decisions.backtest``.  With these, thresholds and sizing are probed at scores that real
    features seldom reach.
    """


decisions_rules_live = decisions_rules_backtest


def decisions_account(at: Context) -> dict[str, float]:
    """The state of an account in which nothing is lost and nothing open.

    Name to number, such as ``{"drawdown": 0.0, "exposure": 0.0, "open_positions": 0}``: what the
    subject's limits look at.
    """


def decisions_settle(at: Context, positions: pd.DataFrame) -> pd.DataFrame:
    """What closed positions earned, a row each, in the order of rows.

    ``positions`` columns: ``side`` (1, -1), ``size`` (units, > 0), ``entry``, ``exit`` (prices).
    Answers ``gross``, ``fees`` (>= 0) and ``net`` in currency; NaN, or :class:`Refusal`, for what
    cannot be settled.
    """


def decisions_rule_texts(at: Context) -> dict[str, dict[str, str]]:
    """Rules kept as text, name to ``{"side": ..., "text": ...}``.

    Sides are ``"long"``, ``"short"``, or ``""`` for rules that only stop.
    """


def decisions_rule_fires(
    at: Context, texts: dict[str, str], features: pd.DataFrame
) -> pd.DataFrame:
    """Which rules (name to text) fire in each row, a column each.

    Raises :class:`Refusal` for a text that the subject does not take.
    """


# --- registry, governance, retrain, drift -----------------------------------------------------
def registry_resolve(at: Context, request: str | None) -> Resolved:
    """Which version a request gets from ``at.store``.

    ``request`` is a version id, or None for the default.  Raises :class:`Refusal` when the
    registry declines.
    """


def registry_register(at: Context, version: str, metrics: dict[str, float]) -> None:
    """Publish a copy of ``at.version`` as a new version in ``at.store``."""


def registry_versions(at: Context) -> list[str]:
    """Version ids that the registry in ``at.store`` offers, oldest first."""


def registry_create(at: Context, metrics: dict[str, float]) -> str:
    """Publish a copy of ``at.version``; the subject issues the new id."""


def registry_promote(at: Context, version: str) -> bool:
    """Make a registered version the champion; whether it is that now.

    Raises :class:`Refusal` where there is no such version.
    """


def registry_rollback(at: Context) -> str:
    """Seat the champion before this one again; its id.

    Raises :class:`Refusal` where there was none, or it is gone.
    """


def registry_prune(at: Context, keep: int) -> None:
    """Keep the newest ``keep`` versions, and those that pointers name."""


def governance_metrics(at: Context) -> dict[str, str]:
    """Metric name to ``"higher"`` or ``"lower"`` (which is better)."""


def governance_promote(
    at: Context, champion: dict[str, float] | None, challenger: dict[str, float]
) -> bool:
    """Would the challenger displace the champion (None: empty chair)?"""


def governance_admits(at: Context, metrics: dict[str, float]) -> Admission:
    """Would today's gates let a version with these metrics be served?

    ``metrics`` are those recorded for ``at.version``, under their recorded names.  Answers the
    subject's own quality or promotion gates, without a champion to compare with.  Raises
    :class:`Refusal` where a metric that a gate needs is not recorded.
    """


def governance_enter(at: Context, version: str, metrics: dict[str, float]) -> bool:
    """Let a version run for champion of ``at.store``; whether it is seated.

    With these metrics, by the subject's own rule, against whomever its stored state says reigns.
    ``version`` is a made-up id that nobody registered: register a copy of ``at.version`` under it,
    or under an id that the subject issues, where its rule wants a registered one.
    """


def retrain_decide(at: Context, state: RetrainState) -> RetrainDecision:
    """Does the trigger fire in this state, and why?"""


def retrain_replay(
    at: Context, states: Sequence[RetrainState], restart_after: int | None
) -> list[RetrainDecision]:
    """What the trigger says to one state after another, keeping what it keeps.

    For triggers that remember (a cool-down, alarms in a row).  With ``restart_after`` = i they are
    saved to ``at.scratch`` and loaded again after state i.
    """


def retrain_state(at: Context, live: pd.DataFrame, today: pd.Timestamp) -> RetrainState:
    """What the live caller tells the trigger, after live rows.

    ``live`` holds the required features, ``prediction`` and ``outcome``, indexed by (asset, date);
    ``today`` is the moment of the call.
    """


def retrain_train(at: Context, features: pd.DataFrame, labels: pd.DataFrame) -> str | None:
    """Train on made-up data, and store the version in ``at.store``.

    ``features`` and ``labels`` have the index of a panel; every number in them is a number of its
    own, so that the host can record which rows each estimator was fitted on.  Answers the new
    version's id, or None where nothing was stored.  Name estimators of the subject's own with
    :func:`watch` first; those of scikit-learn, LightGBM and XGBoost are known.
    """


def drift_psi(at: Context, reference: Floats, current: Floats) -> float:
    """Population stability index between two samples of one feature."""


def drift_shifted(at: Context, reference: pd.DataFrame | None, current: pd.DataFrame) -> Shifted:
    """Whether features have shifted since ``reference`` (None: there is none).

    Raises :class:`Refusal` where the monitor declines to tell.
    """


def drift_cusum(at: Context, series: Floats, target: float, sigma: float) -> CusumAlarm:
    """CUSUM over a series (mean ``target``, standard deviation ``sigma``)."""


# --- calibration, conformal -------------------------------------------------------------------
def calibration_fit_apply(
    at: Context, scores: Floats, outcomes: Integers, served: Floats
) -> Floats:
    """Fit on (scores, outcomes), return probabilities for ``served``."""


def calibration_served(at: Context, scores: Floats) -> Floats:
    """The version's own calibrator applied to raw scores."""


def calibration_sample(at: Context) -> CalibrationSample:
    """Real raw scores of the version with outcomes."""


def calibration_measures(at: Context, scores: Floats, outcomes: Integers) -> CalibrationMeasures:
    """The subject's own measures of probabilities against outcomes.

    Raises :class:`Refusal` where they cannot be told; NaN says the same of one of them.
    """


def conformal_interval(at: Context, residuals: Floats, predictions: Floats, alpha: float) -> Floats:
    """Intervals at miscoverage ``alpha``; answers an (n, 2) array.

    ``residuals`` are calibration residuals (outcome minus prediction), shape (m,);
    ``predictions`` has shape (n,).
    """


def conformal_scaled_interval(
    at: Context,
    residuals: Floats,
    scales: Floats,
    predictions: Floats,
    predicted_scales: Floats,
    alpha: float,
) -> Floats:
    """Intervals whose width follows a scale of each row, (n, 2).

    ``scales`` (m,) are those of the calibration rows, ``predicted_scales`` (n,) of the predictions,
    both positive.  Alone it is ``conformal.interval`` too, with scales of 1.
    """


def conformal_coverage(at: Context, intervals: Floats, outcomes: Floats) -> float:
    """The share of outcomes (n,) within intervals (n, 2), both ends in."""


# --- pricing, neural, online, checkpoint_io ---------------------------------------------------
def pricing_price(at: Context, terms: pd.DataFrame) -> Floats:
    """Prices of European options, shape (n,); ``kind`` is 1 (call) or -1 (put).

    ``terms`` columns: ``spot, strike, maturity, rate, dividend, volatility, kind``.
    """


def pricing_greeks(at: Context, terms: pd.DataFrame) -> pd.DataFrame:
    """Sensitivities of ``pricing.price``, a column each that the subject has.

    ``delta`` and ``gamma`` by spot, ``vega`` by volatility, ``rho`` by rate, each by 1.00;
    ``theta`` by time that passes, a year.
    """


def pricing_implied_volatility(at: Context, terms: pd.DataFrame) -> Floats:
    """``terms`` as for price, with ``price`` for ``volatility``."""


def pricing_fit(at: Context, quotes: pd.DataFrame) -> Floats:
    """Fit a surface to quotes, answer its total variances at them, shape (n,).

    ``quotes`` columns: ``log_moneyness``, ``maturity``, ``total_variance``.  Raises
    :class:`Refusal` where the subject takes no such quotes.
    """


def pricing_reloaded(at: Context, quotes: pd.DataFrame) -> Floats:
    """As ``pricing.fit``, from a surface that was saved and loaded in between."""


def pricing_factors(at: Context, surfaces: Floats, count: int) -> dict[str, Floats]:
    """Take a history of surfaces apart: ``factors``, ``scores`` and ``restored``.

    ``surfaces`` are total variances, shape (n, g): a row a day, a column a point of the surface.
    Answers ``factors`` (count, g), ``scores`` (n, count), and what the subject makes of its scores,
    ``restored`` (n, g).  Raises :class:`Refusal` where the history does not do.
    """


def pricing_total_variance(at: Context, points: pd.DataFrame) -> Floats:
    """Total implied variance of the version's own fitted surface.

    ``points`` columns: ``log_moneyness`` (log strike/forward), ``maturity``.
    """


def neural_forward(at: Context, inputs: Floats) -> Floats:
    """Raw outputs of the neural head; input (n, d), output (n, k)."""


def neural_state(at: Context) -> dict[str, npt.NDArray[Any]]:
    """The weights of the version's network, by name, as they are stored."""


def neural_load(at: Context, state: dict[str, npt.NDArray[Any]], inputs: Floats) -> Floats:
    """Build the version's network anew, load ``state`` as serving does, forward.

    Input (n, d), output (n, k), as for ``neural.forward``.  Raises :class:`Refusal` where the state
    does not fit.
    """


def neural_exported(at: Context, inputs: Floats) -> Floats:
    """What the exported network answers, as for ``neural.forward``.

    ONNX through its runtime, TorchScript, TFLite, weights read by another language; name each of
    several a variant.
    """


def neural_sequences(at: Context, inputs: Floats, lengths: Integers) -> Floats:
    """Outputs (n, k) for rows of steps (n, t, d), padded behind ``lengths``.

    ``lengths`` (n,) counts the steps of each row that are meant, from the first one on.
    """


def neural_gradients(at: Context, inputs: Floats, targets: Floats) -> dict[str, npt.NDArray[Any]]:
    """Gradients of the training loss on one batch, by name of the weight.

    Input (n, d), targets (n, k); one backward pass in the mode of training, no step.  A weight that
    is frozen on purpose is left out.
    """


def online_run(
    at: Context,
    batches: Sequence[pd.DataFrame],
    probe: pd.DataFrame,
    restart_after: int | None,
) -> Floats:
    """Learn the batches in order, then predict ``probe``.

    Batches hold feature columns and ``y``.  With ``restart_after`` = i the learner is saved to
    ``at.scratch`` and loaded again after batch i, as a restart of the process would.
    """


def online_feed(
    at: Context,
    events: Sequence[FeedEvent],
    probe: pd.DataFrame,
    restart_after: int | None,
) -> Floats:
    """Take what happens in turn, then predict ``probe``.

    Labels come after the rows they belong to, by key, and are due at a time of their own.  With
    ``restart_after`` = i the learner is saved to ``at.scratch`` and loaded again after event i.
    """


def checkpoint_io_round_trip(at: Context, features: pd.DataFrame) -> pd.DataFrame:
    """Load, save to ``at.scratch``, load that, predict."""


# --- explain ------------------------------------------------------------------------------------
def explain_inputs(at: Context) -> ExplainInputs:
    """Rows whose predictions are explained, with dates, assets, regimes.

    Without it, the features that ``features.build`` makes of the sample panel are explained.
    """


def explain_stages(at: Context, features: pd.DataFrame) -> Stages:
    """Features to what stands between them and the orders of a back-test."""


def explain_outcomes(at: Context, features: pd.DataFrame) -> pd.DataFrame:
    """Features to what became of the orders that they led to.

    On the features' index, columns ``return``, ``mfe``, ``mae``, ``cost`` (fractions; of the
    position, in its direction); NaN where it is not known, or nothing was ordered.
    """


SURFACES = (
    "features", "targets", "splits", "predictor", "decisions", "registry", "governance", "retrain",
    "drift", "calibration", "conformal", "pricing", "neural", "online", "checkpoint_io", "explain",
)  # fmt: skip

#: Every hook there is: full name to the form that types and documents it.
HOOKS: dict[str, Callable[..., Any]] = {
    f"{surface}.{name[len(surface) + 1 :]}": form
    for name, form in list(globals().items())
    for surface in SURFACES
    if name.startswith(f"{surface}_")
}

#: surfaces on which a function of any other name is the usual hook
USUAL = {"conformal": "conformal.interval", "online": "online.run"}

#: names of variants
VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$")
VARIANT_FORM = "begin with a letter or digit; use letters, digits, '.', '_', '+' and '-'"

#: hooks that the subject may answer one row at a time
BY_ROW = (
    "predictor.outputs",
    "predictor.predict",
    "decisions.backtest",
    "decisions.live",
    "decisions.rules_backtest",
    "decisions.rules_live",
)

_registered: dict[str, Callable[..., Any]] = {}
_watching: list[Callable[[type | ModuleType, dict[str, str]], None]] = []


def surface(
    name: str, *, variant: str = "", each: str = "table"
) -> Callable[[HookFunction], HookFunction]:
    """Register the decorated function as a hook.

    Args:
        name: the hook's full name, such as ``"drift.psi"``; or the surface alone, and the
            function's own name completes it: ``psi``.  Where the surface has one hook only, and
            for ``conformal`` and ``online``, the function may have any name.
        variant: which of several of its kind this is, such as ``"heston"``.  Hooks of one surface
            that share a name belong together; a hook without one serves all variants.

    Raises:
        ValueError: no such hook is known, and the message lists those of the surface; the
            variant's name is none; or the hook takes no rows.
    """

    def register(function: HookFunction) -> HookFunction:
        full = full_name(name, function.__name__)
        if full not in HOOKS:
            raise ValueError(f"no hook is called {full!r}; {how_to_name(full)}")
        if variant and not VARIANT.match(variant):
            raise ValueError(f"{full}: variant {variant!r} is no name; {VARIANT_FORM}")
        if each not in ("table", "row") or (each == "row" and full not in BY_ROW):
            raise ValueError(f"{full}: each={each!r}; 'row' is for {', '.join(BY_ROW)}")
        vars(function)["each"] = each
        _registered[with_variant(full, variant)] = function
        return function

    return register


def full_name(name: str, function: str) -> str:
    """The hook that ``@surface(name)`` on a function of that name registers."""
    if "." in name:
        return name
    full = f"{name}.{function}"
    of_surface = [hook for hook in HOOKS if hook.startswith(f"{name}.")]
    alone = of_surface[0] if len(of_surface) == 1 else USUAL.get(name, full)
    return full if full in HOOKS else alone


def how_to_name(full: str) -> str:
    """The mend of a hook's name that nothing knows."""
    surface_name = full.split(".", maxsplit=1)[0]
    known = [hook for hook in HOOKS if hook.startswith(f"{surface_name}.")]
    if not known:
        near = difflib.get_close_matches(surface_name, SURFACES, n=1)
        return f"did you mean {near[0]!r}?" if near else f"surfaces: {', '.join(SURFACES)}"
    names = [hook.split(".")[1] for hook in known]
    near = difflib.get_close_matches(full.split(".", maxsplit=1)[1], names, n=1)
    if near:
        return f"did you mean '{surface_name}.{near[0]}'?"
    return f'write @surface("{known[0]}"), or name the function one of: {", ".join(names)}'


def with_variant(hook: str, variant: str) -> str:
    """Name of one variant of a hook: ``pricing.price[heston]``; of a plain hook, its own."""
    return f"{hook}[{variant}]" if variant else hook


def without_variant(name: str) -> tuple[str, str]:
    """The hook, or whatever else stands before the brackets, and the variant; '' for none."""
    hook, bracket, rest = name.partition("[")
    return (hook, rest[:-1]) if bracket and rest.endswith("]") else (name, "")


def watch(
    owner: type | ModuleType, *, fit: str = "", transform: str = "", predict: str = ""
) -> None:
    """Have a class, or functions, of the subject's own recorded like an estimator.

    Call it in ``retrain.train``, before training.  Each method takes the rows, an array (n, d) or a
    frame, as its first argument; ``fit`` may be a class method that answers the fitted object.

    Functions of one module are watched in the same way: a scaler, a fill, a selection that is
    written with NumPy.  Their rows are the longest table among their arguments.  A function that
    learns and changes rows at once is named as ``fit`` and as ``transform``; one that only
    chooses (columns, rows, a threshold) is a ``fit`` alone, and counts for the next model.

    Args:
        owner: the class, or the module of the functions.
        fit: name of the method that fits on rows.
        transform: name of the method that makes other columns of rows.
        predict: name of the method that answers values, a row each; a mapping of them will do.

    Raises:
        ValueError: the class or module has nothing of that name.
    """
    methods = {"fit": fit, "transform": transform, "predict": predict}
    named = {op: name for op, name in methods.items() if name}
    for name in named.values():
        if not callable(getattr(owner, name, None)):
            what = "method" if isinstance(owner, type) else "function"
            raise ValueError(f"{owner.__name__} has no {what} {name!r} to watch")
    for told in _watching:
        told(owner, named)


def registered() -> dict[str, Callable[..., Any]]:
    """Hooks registered so far in this process, by full name."""
    return dict(_registered)


def signature(hook: str, variant: str = "") -> str:
    """The ``def`` line to write for a hook, for messages and docs."""
    form = inspect.signature(HOOKS[hook])
    shown = ", ".join(map(str, form.parameters.values())).replace("'", "")
    name = hook.split(".")[1] + (f"_{re.sub(r'[^A-Za-z0-9]', '_', variant)}" if variant else "")
    named = f', variant="{variant}"' if variant else ""
    return f'@surface("{hook}"{named})\ndef {name}({shown}) -> {form.return_annotation}: ...'


def purpose(hook: str) -> str:
    """One line that says what a hook exposes."""
    names = ", ".join(f"`{name}`" for name, form in HOOKS.items() if form is HOOKS[hook])
    first = (inspect.getdoc(HOOKS[hook]) or "").partition("\n\n")[0]
    said = " ".join(first.replace("``", "`").split())
    return f"{names}: {said if said[1:2].isupper() else said[:1].lower() + said[1:]}"
