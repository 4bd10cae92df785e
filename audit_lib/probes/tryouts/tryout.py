"""Call each written hook once on small data, and say what came back and what was wanted.

This is for whoever writes hooks: it judges form (shapes, kinds, index, sign, units), never the
subject.  Arguments of later hooks come from the answers of earlier ones: ``features.build`` gets
the panel that ``features.panel`` answered, cut to its last bars.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.hooks import HOOKS, CalibrationMeasures, with_variant
from audit_lib.host import HookError, HookRefused
from audit_lib.probes.lifecycle.metrics import recorded_metrics
from audit_lib.probes.lifecycle.retraining import lived
from audit_lib.probes.market.published import why_unknown
from audit_lib.probes.market.unfinished import moments, unfinished, until
from audit_lib.probes.market.windows import window_length
from audit_lib.probes.prediction.deliveries import deliveries
from audit_lib.probes.prediction.options import asked_of, sound_quotes
from audit_lib.probes.training.made_up_table import made_up
from audit_lib.subject.hooks import Hook
from audit_lib.subject.subject import Subject

POLICIES = {"CAUSAL", "END_OF_DAY", "RESEARCH_ONLY"}
BARS = 400  # of each asset; enough for year-long windows
RECORDED = "recorded metrics of the version"  # among the answers, though no hook gave it
TABLE = "made-up rows to train on"  # the same
ROWS = "rows of each asset"  # the same
DATES = 300  # of the table to train on; a check takes more
Answers = Mapping[str, Any]
Complaints = list[str]


class Skip(Exception):  # noqa: N818 - says that a trial has nothing to work on
    """There is nothing to call the hook with; the message names the hook to write first."""


@dataclass(frozen=True)
class Trial:
    """How to try one hook.

    Attributes:
        wanted: what it should answer, in a phrase.
        arguments: made from the answers so far.
        judge: (answer, arguments) to what is wrong with it.
    """

    wanted: str
    arguments: Callable[[Answers], tuple[Any, ...]]
    judge: Callable[[Any, tuple[Any, ...]], Complaints]


@dataclass(frozen=True)
class Report:
    """What became of one hook.

    Attributes:
        hook: its full name, ``pricing.price[heston]``.
        state: ``good``, ``wrong``, ``refused``, ``failed`` or ``skipped``.
        got: what it answered, in a phrase.
        wanted: what it should answer.
        complaints: what is wrong, a sentence each.
        seconds: how long the call took.
    """

    hook: str
    state: str
    got: str
    wanted: str
    complaints: tuple[str, ...]
    seconds: float


def try_hooks(subject: Subject, told: Callable[[Report], None] | None = None) -> tuple[Report, ...]:
    """Try every written hook, in the order in which they depend on each other."""
    answers: dict[str, Any] = {}
    kept = recorded_metrics(subject).get(subject.version)
    if kept:
        answers[RECORDED] = kept
    with suppress(NotAssessed, NotApplicable):
        answers[ROWS] = 20 + window_length(subject)
    reports = []
    for hook in sorted((h for h in HOOKS if h in TRIALS), key=list(TRIALS).index):
        for variant in subject.hooks.variants(hook):
            bound = subject.bound(variant, subject.every_key()[0])
            if hook == "retrain.train":
                answers[TABLE] = made_up(bound, dates=DATES)
            report = _try(bound, hook, answers)
            reports.append(report)
            if told:
                told(report)
    return tuple(reports)


def _for(subject: Subject, answers: Answers) -> dict[str, Any]:
    """Answers by hook, each of the variant that goes with this one."""
    chosen = {hook: subject.hooks.chosen(hook, subject.variant) for hook in HOOKS}
    found = {hook: answers[name] for hook, name in chosen.items() if name and name in answers}
    return found | {key: answers[key] for key in (RECORDED, TABLE, ROWS) if key in answers}


def _try(subject: Subject, hook: str, answers: dict[str, Any]) -> Report:
    trial, name = TRIALS[hook], with_variant(hook, subject.variant)
    started = time.perf_counter()

    def report(state: str, got: str, *complaints: str) -> Report:
        took = round(time.perf_counter() - started, 3)
        return Report(name, state, got, trial.wanted, complaints, took)

    try:
        arguments = trial.arguments(_for(subject, answers))
        if hook == "pricing.price":
            arguments = (asked_of(subject, arguments[0]),)
    except Skip as skip:
        return report("skipped", f"needs {skip}")
    try:
        caller = subject.hook(hook)
        if hook in ("registry.register", "retrain.train"):
            caller = caller.on(subject.scratch_store())
        answer = caller(*arguments)
    except HookRefused as refusal:
        return report("refused", str(refusal), "it refuses ordinary input")
    except NotAssessed as reason:
        return report("skipped", str(reason))
    except HookError as error:
        return report("failed", str(error))
    answers[name] = answer
    complaints = trial.judge(answer, arguments)
    if hook == "features.build_live" and not complaints:
        complaints = _within_a_bar(subject, caller, arguments[0])
    if hook == "decisions.account" and not complaints:
        unknown = [name for name in subject.parameters.account if name not in answer]
        complaints = [f"{name} is declared under `account`, and it is missing" for name in unknown]
    if hook == "features.sides" and not complaints:
        known = ((t, why_unknown(answer, t, c)) for t, c in subject.parameters.known_at.items())
        complaints = [f"table {table}: {why}" for table, why in known if why]
    return report("wrong" if complaints else "good", describe(answer), *complaints)


def _within_a_bar(subject: Subject, live: Hook, panel: pd.DataFrame) -> Complaints:
    """What is wrong with a live builder's clock; nothing where it takes none."""
    clock, takes = subject.parameters.clock, subject.takes("features.build_live", "now")
    if not takes:
        return ["clock is declared, and it has no parameter `now`"] if clock else []
    if clock is None:
        return ["it takes `now`; say in subject.yaml when a bar opens and closes (`clock`)"]
    dates = pd.DatetimeIndex(panel.index.get_level_values("date").unique().sort_values())
    rng = np.random.default_rng(0)
    (moment,) = moments(dates, clock, bars=1, each=1, rng=rng)
    try:
        live(unfinished(until(panel, moment.label), moment.share, rng), None, moment.now)
    except HookRefused:
        return []  # until the bar closes
    except HookError as error:
        return [f"{moment}: {error.detail}"]
    return []


def describe(answer: Any) -> str:
    """An answer in a phrase: kind, shape, and a taste of what is in it."""
    match answer:
        case pd.DataFrame():
            names = ", ".join(map(str, answer.columns[:4])) + (", …" if answer.shape[1] > 4 else "")
            return f"frame of {answer.shape[0]} rows × {answer.shape[1]} columns ({names})"
        case np.ndarray():
            return f"array of shape {answer.shape}, {answer.dtype}"
        case list() | tuple():
            return f"list of {len(answer)}" + (f", first {_short(answer[0])}" if answer else "")
        case dict() if any(isinstance(value, pd.DataFrame) for value in answer.values()):
            return "; ".join(f"{name}: {describe(value)}" for name, value in answer.items())
        case dict():
            return f"mapping of {len(answer)}: {_short(dict(list(answer.items())[:3]))}"
    return _short(answer)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 70 else text[:67] + "..."


# --- arguments --------------------------------------------------------------------------------
def _nothing(_: Answers) -> tuple[Any, ...]:
    return ()


def _panel(answers: Answers) -> tuple[Any, ...]:
    panel = _answered(answers, "features.panel")
    if not isinstance(panel, pd.DataFrame) or "asset" not in panel.index.names:
        raise Skip("a panel from features.panel")
    return (panel.groupby(level="asset", group_keys=False).tail(BARS),)


def _features(answers: Answers) -> tuple[Any, ...]:
    frame = _answered(answers, "features.build")
    if not isinstance(frame, pd.DataFrame):
        raise Skip("a frame from features.build")
    named = answers.get("predictor.required")
    if isinstance(named, list) and set(named) <= set(frame.columns):
        frame = frame[named]  # as checks ask: a predictor may refuse what it does not read
    return (frame.groupby(level=0, group_keys=False).tail(answers.get(ROWS, 20)),)


def _answered(answers: Answers, hook: str) -> Any:
    if hook not in answers:
        raise Skip(hook)
    return answers[hook]


def _predictions(answers: Answers) -> tuple[Any, ...]:
    return (_answered(answers, "predictor.predict"),)


def _inputs(answers: Answers) -> tuple[Any, ...]:
    width = len(_answered(answers, "predictor.required"))
    return (_draw(5 * width).reshape(5, width),)


def _promotion(answers: Answers) -> tuple[Any, ...]:
    directions = _answered(answers, "governance.metrics")
    return None, dict.fromkeys(directions, 0.5)


def _recorded(answers: Answers) -> tuple[Any, ...]:
    """Metrics as the registry records them for some version; made-up values where it does not."""
    return (answers[RECORDED],) if RECORDED in answers else _promotion(answers)[1:]


def _table(answers: Answers) -> tuple[Any, ...]:
    return _answered(answers, TABLE)  # type: ignore[no-any-return]  # a pair of frames


def _live(answers: Answers) -> tuple[Any, ...]:
    """Live rows of which the first half is known from training."""
    (features,) = _features(answers)
    names = list(features.columns)
    return lived(features[names], seed=0), pd.Timestamp("2020-01-01")


def _draw(size: int, seed: int = 7) -> Any:
    return np.random.default_rng(seed).normal(size=size)


def _terms(last: str) -> pd.DataFrame:
    # 10.4506 is the textbook price of the first contract at 20 per cent volatility.
    value = {"volatility": 0.2, "price": 10.450583572185565}[last]
    return pd.DataFrame(
        {
            "spot": [100.0],
            "strike": [100.0],
            "maturity": [1.0],
            "rate": [0.05],
            "dividend": [0.0],
            last: [value],
            "kind": [1],
        }
    )


def _batches() -> list[pd.DataFrame]:
    return [
        pd.DataFrame({"a": _draw(40, i), "b": _draw(40, i + 9), "y": _draw(40, i + 99) * 0.01})
        for i in range(3)
    ]


# --- judges -----------------------------------------------------------------------------------
def _is_panel(answer: Any, _: tuple[Any, ...]) -> Complaints:
    if not isinstance(answer, pd.DataFrame):
        return [f"wanted a DataFrame, got {type(answer).__name__}"]
    said = []
    if list(answer.index.names) != ["asset", "date"]:
        said.append(f"the index must be named asset, date; it is {list(answer.index.names)}")
    elif not answer.index.is_monotonic_increasing:
        said.append("rows must be sorted by asset and date: add .sort_index()")
    if answer.index.has_duplicates:
        said.append(f"{int(answer.index.duplicated().sum())} rows are duplicated")
    if "close" not in answer.columns:
        said.append("column close is missing")
    said += [
        f"column {c} is {t}, not numbers" for c, t in answer.dtypes.items() if t.kind not in "fiu"
    ]
    if answer.shape[0] < 200:
        said.append(f"{answer.shape[0]} rows are few; give at least 200, better 1,000")
    return said


def _is_frame(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    if not isinstance(answer, pd.DataFrame):
        return [f"wanted a DataFrame, got {type(answer).__name__}"]
    said = []
    given = arguments[0]
    unknown = answer.index.difference(given.index)
    if len(unknown):
        said.append(f"{len(unknown)} rows are not in what was given, the first is {unknown[0]}")
    if answer.empty:
        said.append("it is empty")
    said += [f"column {c} holds no number at all" for c in answer if answer[c].isna().all()]
    return said[:6]


def _is_orders(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    said = _is_frame(answer, arguments)
    if not isinstance(answer, pd.DataFrame):
        return said
    missing = {"side", "size", "gate"} - set(answer.columns)
    if missing:
        return [f"columns {', '.join(sorted(missing))} are missing"]
    said = _is_frame(answer[["side", "size"]], arguments)
    if not set(np.unique(answer["side"])) <= {-1, 0, 1}:
        said.append("side must be -1, 0 or 1")
    if any(not isinstance(gate, str) for gate in answer["gate"].dropna()):
        said.append("gate must be the name of the gate that decided, or ''; it is no text")
    if (answer["size"] < 0).any():
        said.append("size must not be negative; side says the direction")
    return said


def _is_array(width: int | None = None) -> Callable[[Any, tuple[Any, ...]], Complaints]:
    def judge(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
        if not isinstance(answer, np.ndarray):
            return [f"wanted an array, got {type(answer).__name__}: use np.asarray(...)"]
        rows = len(arguments[_ROWS_LIKE.get(len(arguments), 0)])
        wanted = (rows,) if width is None else (rows, width)
        return [] if answer.shape == wanted else [f"shape is {answer.shape}, wanted {wanted}"]

    return judge


#: which argument the rows of an answer follow, by how many arguments the hook takes
_ROWS_LIKE = {1: 0, 3: 2}


def _is_matrix(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    if not isinstance(answer, np.ndarray) or answer.ndim != 2:
        return [f"wanted an array of two dimensions, got {describe(answer)}"]
    rows = len(arguments[0])
    return [] if len(answer) == rows else [f"{len(answer)} rows answered for {rows}"]


def _is_probability(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    said = _is_array()(answer, arguments)
    if not said and not ((answer >= 0) & (answer <= 1)).all():
        said.append(f"values run from {answer.min():.3g} to {answer.max():.3g}, not in [0, 1]")
    return said


def _is_interval(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    if not isinstance(answer, np.ndarray) or answer.shape != (len(arguments[1]), 2):
        return [f"wanted an array of shape ({len(arguments[1])}, 2)"]
    return [] if (answer[:, 0] <= answer[:, 1]).all() else ["lower bounds stand above upper ones"]


def _priced(option: pd.DataFrame) -> pd.DataFrame:
    """The option, and the same with a dividend and without a rate."""
    return pd.concat([option, option.assign(dividend=0.04), option.assign(rate=0.0)])


def _is_price(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    said = _is_array()(answer, arguments)
    for term in () if said else ("dividend", "rate"):
        other = np.flatnonzero(arguments[0][term].to_numpy() != arguments[0][term].iloc[0])
        if len(other) and np.isclose(answer[other[0]], answer[0], rtol=1e-9):
            said.append(
                f"the {term} moves no price: mend it, or declare absent: {{pricing.{term}: why}}"
            )
    if not said and not 5 < float(answer[0]) < 20:
        said.append(
            f"an at-the-money year at 20 per cent costs {answer[0]:.4g} on a spot of 100; about "
            "10.45 is wanted: check that volatility is a fraction and maturity in years"
        )
    return said


def _is_volatility(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    said = _is_array()(answer, arguments)
    if not said and not 0.1 < float(answer[0]) < 0.4:
        said.append(f"answered {answer[0]:.4g} for 0.2: check that volatility is a fraction")
    return said


def _is_kind(kind: type, what: str) -> Callable[[Any, tuple[Any, ...]], Complaints]:
    def judge(answer: Any, _: tuple[Any, ...]) -> Complaints:
        if isinstance(answer, kind) and not (kind is float and isinstance(answer, bool)):
            return []
        return [f"wanted {what}, got {type(answer).__name__}"]

    return judge


def _is_account(answer: Any, _: tuple[Any, ...]) -> Complaints:
    if not isinstance(answer, dict) or not answer:
        return [f"wanted a mapping of name to number, got {describe(answer)}"]
    odd = [k for k, v in answer.items() if not isinstance(v, (int, float, np.number))]
    return [f"{name} is no number" for name in odd]


def _has_keys(*keys: str) -> Callable[[Any, tuple[Any, ...]], Complaints]:
    def judge(answer: Any, _: tuple[Any, ...]) -> Complaints:
        if not isinstance(answer, dict):
            return [f"wanted a mapping, got {type(answer).__name__}"]
        return [f"key {key!r} is missing" for key in keys if key not in answer]

    return judge


def _is_policy(answer: Any, _: tuple[Any, ...]) -> Complaints:
    if not isinstance(answer, dict):
        return [f"wanted a mapping, got {type(answer).__name__}"]
    odd = sorted({str(v) for v in answer.values()} - POLICIES)
    return [f"{o!r} is not one of {', '.join(sorted(POLICIES))}" for o in odd]


def _is_directions(answer: Any, _: tuple[Any, ...]) -> Complaints:
    if not isinstance(answer, dict) or not answer:
        return ["wanted a mapping of metric to 'higher' or 'lower'"]
    return [
        f"{name!r} is {way!r}; write 'higher' or 'lower'"
        for name, way in answer.items()
        if way not in ("higher", "lower")
    ]


def _is_admission(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    said = _has_keys("admitted", "reasons")(answer, arguments)
    if not said and not isinstance(answer["admitted"], bool):
        said.append(f"admitted must be True or False, not {type(answer['admitted']).__name__}")
    if not said and not answer["admitted"] and not answer["reasons"]:
        said.append("a version that is not admitted needs a reason")
    return said


def _is_record(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """What the host recorded of a training, in place of the hook's own answer."""
    fits = [step for step in answer["steps"] if step["op"] == "fit"]
    traced = sum(step["rows"] is not None for step in fits)
    said = []
    if not traced:
        said.append(
            f"none of {len(fits)} fits could be traced to rows: name the subject's own estimators "
            "with audit_lib.hooks.watch, and train on the numbers as they are given"
        )
    said += [f"it writes {Path(path).name}, outside the store" for path in answer["writes"]]
    return said


def _is_terms(answer: Any, _: tuple[Any, ...]) -> Complaints:
    known = {"holding": int, "entry": int, "price": str, "kind": str}
    if not isinstance(answer, dict) or not answer:
        return ["wanted a mapping with some of " + ", ".join(known)]
    said = [f"{key!r} is no term; known: {', '.join(known)}" for key in answer if key not in known]
    return said + [
        f"{key} must be {kind.__name__}, not {type(answer[key]).__name__}"
        for key, kind in known.items()
        if key in answer and not isinstance(answer[key], kind)
    ]


def _is_folds(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    if not isinstance(answer, Sequence) or not answer:
        return ["wanted a list of folds, got none"]
    rows = len(arguments[0])
    for number, fold in enumerate(answer, start=1):
        if not isinstance(fold, dict) or not {"train", "test"} <= set(fold):
            return [f"fold {number} needs keys train and test"]
        for side in ("train", "test"):
            positions = np.asarray(fold[side])
            if positions.dtype.kind not in "iu":
                return [f"fold {number}, {side}: wanted integer positions, got {positions.dtype}"]
            if positions.size and (positions.min() < 0 or positions.max() >= rows):
                return [f"fold {number}, {side}: positions leave the panel's {rows} rows"]
    return []


def _is_tables(answer: Any, _: tuple[Any, ...]) -> Complaints:
    if not isinstance(answer, dict) or not answer:
        return [f"wanted a mapping of table to frame, got {describe(answer)}"]
    said = [f"{n} is no frame" for n, t in answer.items() if not isinstance(t, pd.DataFrame)]
    plain = [n for n, t in answer.items() if isinstance(getattr(t, "index", None), pd.RangeIndex)]
    return said + [
        f"{n} is numbered, not labelled: label it, or declare sides: {{{n}: position}}"
        for n in plain
    ]


def _is_sample(answer: Any, _: tuple[Any, ...]) -> Complaints:
    said = _has_keys("scores", "outcomes", "fitted")(answer, ())
    if said:
        return said
    lengths = {len(answer[key]) for key in ("scores", "outcomes", "fitted")}
    if len(lengths) > 1:
        said.append(f"scores, outcomes and fitted differ in length: {sorted(lengths)}")
    if not set(np.unique(np.asarray(answer["outcomes"]))) <= {0, 1}:
        said.append("outcomes must be 0 or 1")
    return said


def _is_dates(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    try:
        dates = pd.DatetimeIndex(pd.to_datetime(np.asarray(answer)))
    except (TypeError, ValueError):
        return [f"wanted dates of the panel, got {describe(answer)}"]
    strange = dates.difference(arguments[0].index.get_level_values("date"))
    return [f"{strange[0]} is no date of the panel"] if len(strange) else []


def _is_measures(answer: Any, _: tuple[Any, ...]) -> Complaints:
    known = list(CalibrationMeasures.__annotations__)
    if not isinstance(answer, dict) or not answer:
        return [f"wanted a mapping with some of {', '.join(known)}"]
    said = [f"{name!r} is no measure; known: {', '.join(known)}" for name in set(answer) - {*known}]
    return said + [
        f"{name} is {value}; on 400 ordinary rows it is a number from 0 on"
        for name, value in answer.items()
        if name in known and not (isinstance(value, float | np.floating) and 0 <= value < np.inf)
    ]


def _is_share(answer: Any, _: tuple[Any, ...]) -> Complaints:
    number = isinstance(answer, float | np.floating) and 0 <= answer <= 1
    return [] if number else [f"wanted a share from 0 to 1, got {describe(answer)}"]


def _scored() -> tuple[Any, ...]:
    rng = np.random.default_rng(7)
    scores = rng.uniform(0.05, 0.95, 400)
    return scores, (rng.random(400) < scores).astype(np.int64)


_FRAME = "a frame on (some of) the rows that were given"
_ARRAY = "an array, one number a row"

#: how to try each hook, those that others need first
TRIALS: dict[str, Trial] = {
    "features.panel": Trial(
        "a frame indexed by (asset, date), sorted, float columns, close among them",
        _nothing,
        _is_panel,
    ),
    "features.sides": Trial("a mapping of table to frame", _panel, _is_tables),
    "features.build": Trial(_FRAME, _panel, _is_frame),
    "features.build_backtest": Trial(_FRAME, _panel, _is_frame),
    "features.build_live": Trial(_FRAME, _panel, _is_frame),
    "features.policy": Trial("a mapping of feature to its policy", _nothing, _is_policy),
    "targets.build": Trial(_FRAME, _panel, _is_frame),
    "targets.declared": Trial(
        "a mapping of label to horizon", _nothing, _is_kind(dict, "a mapping")
    ),
    "targets.preconditions": Trial(
        "holding, entry, price and kind, as far as they are fixed", _nothing, _is_terms
    ),
    "splits.folds": Trial("a list of folds with row positions", _panel, _is_folds),
    "splits.declared": Trial(
        "horizon, purge and embargo in bars", _nothing, _has_keys("horizon", "purge", "embargo")
    ),
    "splits.independent": Trial("dates of the panel", _panel, _is_dates),
    "predictor.required": Trial("a list of feature names", _nothing, _is_kind(list, "a list")),
    "features.scale": Trial(_FRAME, _features, _is_frame),
    "predictor.sides": Trial("a mapping of table to frame", _features, _is_tables),
    "predictor.outputs": Trial("an array of shape (n, k)", _features, _is_matrix),
    "predictor.decode": Trial(
        "a frame, a row each row of outputs",
        lambda answers: (_answered(answers, "predictor.outputs"),),
        lambda answer, given: (
            _is_kind(pd.DataFrame, "a frame")(answer, given)
            or ([] if len(answer) == len(given[0]) else [f"{len(answer)} rows for {len(given[0])}"])
        ),
    ),
    "predictor.predict": Trial(_FRAME, _features, _is_frame),
    "decisions.account": Trial("name to number", _nothing, _is_account),
    "decisions.backtest": Trial("orders: side, size, gate", _features, _is_orders),
    "decisions.live": Trial("orders: side, size, gate", _features, _is_orders),
    "decisions.rules_backtest": Trial("orders: side, size, gate", _predictions, _is_orders),
    "decisions.rules_live": Trial("orders: side, size, gate", _predictions, _is_orders),
    "registry.resolve": Trial(
        "the version and files of the default request",
        lambda _: (None,),
        _has_keys("version", "files"),
    ),
    "registry.register": Trial(
        "nothing; a new version in a scratch store",
        lambda _: ("2099-01-01", {"score": 0.5}),
        lambda *_: [],
    ),
    "registry.versions": Trial("a list of ids", _nothing, _is_kind(list, "a list")),
    "governance.metrics": Trial("metric to higher or lower", _nothing, _is_directions),
    "governance.admits": Trial("admitted and reasons", _recorded, _is_admission),
    "governance.promote": Trial("True or False", _promotion, _is_kind(bool, "True or False")),
    "retrain.decide": Trial(
        "retrain and reasons",
        lambda _: ({"days_since_training": 1, "psi": 0.01, "errors": [0.0] * 50},),
        _has_keys("retrain", "reasons"),
    ),
    "retrain.replay": Trial(
        "a list of decisions, one a state",
        lambda _: ([{"days_since_training": d, "psi": 0.01} for d in (1, 2)], 0),
        lambda answer, given: (
            _is_kind(list, "a list")(answer, given)
            or ([] if len(answer) == 2 else [f"{len(answer)} decisions for 2 states"])
        ),
    ),
    "retrain.state": Trial("a state of the trigger", _live, _is_kind(dict, "a mapping")),
    "retrain.train": Trial("fits that can be traced to rows", _table, _is_record),
    "drift.psi": Trial(
        "one number", lambda _: (_draw(500), _draw(500, 8)), _is_kind(float, "a number")
    ),
    "drift.cusum": Trial(
        "alarm and position", lambda _: (_draw(200), 0.0, 1.0), _has_keys("alarm", "at")
    ),
    "calibration.fit_apply": Trial(
        "an array of probabilities",
        lambda _: (_draw(400), (_draw(400) > 0).astype(np.int64), _draw(50, 3)),
        _is_probability,
    ),
    "calibration.served": Trial(
        "an array of probabilities", lambda _: (np.linspace(0.05, 0.95, 40),), _is_probability
    ),
    "calibration.sample": Trial("scores, outcomes, fitted", _nothing, _is_sample),
    "calibration.measures": Trial(
        "ece, mce, brier, log_loss: those there are", lambda _: _scored(), _is_measures
    ),
    "conformal.coverage": Trial(
        "a share from 0 to 1",
        lambda _: (np.column_stack([_draw(50) - 1, _draw(50) + 1]), _draw(50, 8)),
        _is_share,
    ),
    "conformal.interval": Trial(
        "an array of shape (n, 2)",
        lambda _: (_draw(300) * 0.01, _draw(20) * 0.01, 0.1),
        _is_interval,
    ),
    "conformal.scaled_interval": Trial(
        "an array of shape (n, 2)",
        lambda _: (_draw(300) * 0.01, np.ones(300), _draw(20) * 0.01, np.ones(20), 0.1),
        lambda answer, given: _is_interval(answer, (None, given[2])),
    ),
    "pricing.greeks": Trial(
        "a frame: delta, gamma, vega, theta, rho",
        lambda _: (_terms("volatility"),),
        _is_kind(pd.DataFrame, "a frame"),
    ),
    "pricing.price": Trial(_ARRAY, lambda _: (_priced(_terms("volatility")),), _is_price),
    "pricing.implied_volatility": Trial(_ARRAY, lambda _: (_terms("price"),), _is_volatility),
    "pricing.fit": Trial(_ARRAY, lambda _: (sound_quotes(0, 15),), _is_array()),
    "pricing.total_variance": Trial(
        _ARRAY,
        lambda _: (pd.DataFrame({"log_moneyness": [-0.1, 0.0, 0.1], "maturity": [0.5] * 3}),),
        _is_array(),
    ),
    "neural.forward": Trial("an array of shape (n, k)", _inputs, _is_matrix),
    "neural.state": Trial("a mapping of name to array", _nothing, _is_kind(dict, "a mapping")),
    "neural.load": Trial(
        "an array of shape (n, k)",
        lambda answers: (_answered(answers, "neural.state"), *_inputs(answers)),
        lambda answer, given: _is_matrix(answer, given[1:]),
    ),
    "online.run": Trial(
        _ARRAY,
        lambda _: (_batches(), _batches()[0].drop(columns="y"), None),
        lambda answer, arguments: _is_array()(answer, (arguments[1],)),
    ),
    "online.feed": Trial(
        _ARRAY,
        lambda _: (*deliveries(["a", "b"], seed=0).calls(), None),
        lambda answer, arguments: _is_array()(answer, (arguments[1],)),
    ),
    "checkpoint_io.round_trip": Trial(_FRAME, _features, _is_frame),
    "explain.inputs": Trial("a mapping with features", _nothing, _has_keys("features")),
    "explain.stages": Trial(
        "a mapping of scaled, raw and gates", _features, _is_kind(dict, "a mapping")
    ),
    "explain.outcomes": Trial("return, mfe, mae and cost", _features, _is_frame),
}
