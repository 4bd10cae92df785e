"""What is wrong with the form of an answer: shape, kind, index, sign, unit; a sentence each."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.hooks import CalibrationMeasures
from audit_lib.probes.tryouts.trial import Complaints, describe

POLICIES = {"CAUSAL", "END_OF_DAY", "RESEARCH_ONLY"}


def is_panel(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """A panel: indexed, sorted, unique, of floats."""
    if not isinstance(answer, pd.DataFrame):
        return [f"wanted a DataFrame, got {type(answer).__name__}"]
    wrong = []
    if list(answer.index.names) != ["asset", "date"]:
        wrong.append(f"the index must be named asset, date; it is {list(answer.index.names)}")
    elif not answer.index.is_monotonic_increasing:
        wrong.append("rows must be sorted by asset and date: add .sort_index()")
    if answer.index.has_duplicates:
        wrong.append(f"{int(answer.index.duplicated().sum())} rows are duplicated")
    if "close" not in answer.columns:
        wrong.append("column close is missing")
    wrong += [
        f"column {c} is {t}, not numbers" for c, t in answer.dtypes.items() if t.kind not in "fiu"
    ]
    if answer.shape[0] < 200:
        wrong.append(f"{answer.shape[0]} rows are few; give at least 200, better 1,000")
    return wrong


def is_frame(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """A frame on rows that were given."""
    if not isinstance(answer, pd.DataFrame):
        return [f"wanted a DataFrame, got {type(answer).__name__}"]
    wrong = []
    given = arguments[0]
    unknown = answer.index.difference(given.index)
    if len(unknown):
        wrong.append(f"{len(unknown)} rows are not in what was given, the first is {unknown[0]}")
    if answer.empty:
        wrong.append("it is empty")
    wrong += [f"column {c} holds no number at all" for c in answer if answer[c].isna().all()]
    return wrong[:6]


def is_orders(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """Orders: a side, a size and a gate a row."""
    wrong = is_frame(answer, arguments)
    if not isinstance(answer, pd.DataFrame):
        return wrong
    missing = {"side", "size", "gate"} - set(answer.columns)
    if missing:
        return [f"columns {', '.join(sorted(missing))} are missing"]
    wrong = is_frame(answer[["side", "size"]], arguments)
    if not set(np.unique(answer["side"])) <= {-1, 0, 1}:
        wrong.append("side must be -1, 0 or 1")
    if any(not isinstance(gate, str) for gate in answer["gate"].dropna()):
        wrong.append("gate must be the name of the gate that decided, or ''; it is no text")
    if (answer["size"] < 0).any():
        wrong.append("size must not be negative; side says the direction")
    return wrong


def is_array(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """An array of numbers, one a row."""
    if not isinstance(answer, np.ndarray):
        return [f"wanted an array, got {type(answer).__name__}: use np.asarray(...)"]
    wanted = (len(arguments[_ROWS_LIKE.get(len(arguments), 0)]),)
    return [] if answer.shape == wanted else [f"shape is {answer.shape}, wanted {wanted}"]


#: which argument the rows of an answer follow, by how many arguments the hook takes
_ROWS_LIKE = {1: 0, 3: 2}


def is_matrix(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """An array of two dimensions, one line a row."""
    if not isinstance(answer, np.ndarray) or answer.ndim != 2:
        return [f"wanted an array of two dimensions, got {describe(answer)}"]
    rows = len(arguments[0])
    return [] if len(answer) == rows else [f"{len(answer)} rows answered for {rows}"]


def is_probability(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """An array within 0 and 1."""
    wrong = is_array(answer, arguments)
    if not wrong and not ((answer >= 0) & (answer <= 1)).all():
        wrong.append(f"values run from {answer.min():.3g} to {answer.max():.3g}, not in [0, 1]")
    return wrong


def is_interval(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """Lower and upper bounds, in this order."""
    if not isinstance(answer, np.ndarray) or answer.shape != (len(arguments[1]), 2):
        return [f"wanted an array of shape ({len(arguments[1])}, 2)"]
    return [] if (answer[:, 0] <= answer[:, 1]).all() else ["lower bounds stand above upper ones"]


def priced(option: pd.DataFrame) -> pd.DataFrame:
    """The option, and the same with a dividend and without a rate."""
    return pd.concat([option, option.assign(dividend=0.04), option.assign(rate=0.0)])


def is_price(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """A price, in the unit of the spot, close to the textbook one."""
    wrong = is_array(answer, arguments)
    for term in () if wrong else ("dividend", "rate"):
        other = np.flatnonzero(arguments[0][term].to_numpy() != arguments[0][term].iloc[0])
        if len(other) and np.isclose(answer[other[0]], answer[0], rtol=1e-9):
            wrong.append(
                f"the {term} moves no price: mend it, or declare absent: {{pricing.{term}: why}}"
            )
    if not wrong and not 5 < float(answer[0]) < 20:
        wrong.append(
            f"an at-the-money year at 20 per cent costs {answer[0]:.4g} on a spot of 100; about "
            "10.45 is wanted: check that volatility is a fraction and maturity in years"
        )
    return wrong


def is_volatility(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """An annualised fraction near the one that made the price."""
    wrong = is_array(answer, arguments)
    if not wrong and not 0.1 < float(answer[0]) < 0.4:
        wrong.append(f"answered {answer[0]:.4g} for 0.2: check that volatility is a fraction")
    return wrong


def is_kind(kind: type, what: str) -> Callable[[Any, tuple[Any, ...]], Complaints]:
    """An answer of one kind."""

    def judge(answer: Any, _: tuple[Any, ...]) -> Complaints:
        if isinstance(answer, kind) and not (kind is float and isinstance(answer, bool)):
            return []
        return [f"wanted {what}, got {type(answer).__name__}"]

    return judge


def is_account(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """A mapping of name to number."""
    if not isinstance(answer, dict) or not answer:
        return [f"wanted a mapping of name to number, got {describe(answer)}"]
    odd = [k for k, v in answer.items() if not isinstance(v, (int, float, np.number))]
    return [f"{name} is no number" for name in odd]


def has_keys(*keys: str) -> Callable[[Any, tuple[Any, ...]], Complaints]:
    """A mapping with these keys."""

    def judge(answer: Any, _: tuple[Any, ...]) -> Complaints:
        if not isinstance(answer, dict):
            return [f"wanted a mapping, got {type(answer).__name__}"]
        return [f"key {key!r} is missing" for key in keys if key not in answer]

    return judge


def is_policy(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """A mapping of feature to a type that is known."""
    if not isinstance(answer, dict):
        return [f"wanted a mapping, got {type(answer).__name__}"]
    odd = sorted({str(v) for v in answer.values()} - POLICIES)
    return [f"{o!r} is not one of {', '.join(sorted(POLICIES))}" for o in odd]


def is_lists(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """A mapping of text to lists."""
    if not isinstance(answer, dict) or not answer:
        return [f"wanted a mapping of mode to types, got {describe(answer)}"]
    return [f"{mode!r} has no list of types" for mode, v in answer.items() if not is_list(v)]


def is_list(value: Any) -> bool:
    """A list, or a tuple."""
    return isinstance(value, (list, tuple))


def is_among(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """Some of the names that were given."""
    if not is_list(answer):
        return [f"wanted a list of names, got {describe(answer)}"]
    strange = [name for name in answer if name not in arguments[0]]
    return [f"{strange[0]!r} was not asked about"] if strange else []


def is_ends(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """Dates, none before the row that it belongs to."""
    wrong = is_frame(answer, arguments)
    if wrong:
        return wrong
    own = pd.DatetimeIndex(answer.index.get_level_values(-1)).tz_localize(None)
    for name, column in answer.items():
        if column.dtype.kind != "M":
            wrong.append(f"column {name} is {column.dtype}, no dates")
        elif (dated := column.notna().to_numpy()).any() and (
            pd.DatetimeIndex(column).tz_localize(None)[dated] < own[dated]
        ).any():
            wrong.append(f"column {name} ends before its row begins")
    return wrong


def is_directions(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """A mapping of metric to 'higher' or 'lower'."""
    if not isinstance(answer, dict) or not answer:
        return ["wanted a mapping of metric to 'higher' or 'lower'"]
    return [
        f"{name!r} is {way!r}; write 'higher' or 'lower'"
        for name, way in answer.items()
        if way not in ("higher", "lower")
    ]


def is_admission(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """Whether it is admitted, with reasons where not."""
    wrong = has_keys("admitted", "reasons")(answer, arguments)
    if not wrong and not isinstance(answer["admitted"], bool):
        wrong.append(f"admitted must be True or False, not {type(answer['admitted']).__name__}")
    if not wrong and not answer["admitted"] and not answer["reasons"]:
        wrong.append("a version that is not admitted needs a reason")
    return wrong


def is_record(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """What the host recorded of a training, in place of the hook's own answer."""
    fits = [step for step in answer["steps"] if step["op"] == "fit"]
    traced = sum(step["rows"] is not None for step in fits)
    wrong = []
    if not traced:
        wrong.append(
            f"none of {len(fits)} fits could be traced to rows: name the subject's own estimators "
            "with audit_lib.hooks.watch, and train on the numbers as they are given"
        )
    wrong += [f"it writes {Path(path).name}, outside the store" for path in answer["writes"]]
    return wrong


def is_terms(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """Terms of a label, each of its kind."""
    types = {"holding": int, "entry": int, "price": str, "kind": str}
    if not isinstance(answer, dict) or not answer:
        return ["wanted a mapping with some of " + ", ".join(types)]
    wrong = [f"{key!r} is no term; known: {', '.join(types)}" for key in answer if key not in types]
    return wrong + [
        f"{key} must be {kind.__name__}, not {type(answer[key]).__name__}"
        for key, kind in types.items()
        if key in answer and not isinstance(answer[key], kind)
    ]


def is_folds(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """Folds: positions of rows within the table."""
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


def is_tables(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """Tables with an index that means something."""
    if not isinstance(answer, dict) or not answer:
        return [f"wanted a mapping of table to frame, got {describe(answer)}"]
    wrong = [f"{n} is no frame" for n, t in answer.items() if not isinstance(t, pd.DataFrame)]
    plain = [n for n, t in answer.items() if isinstance(getattr(t, "index", None), pd.RangeIndex)]
    return wrong + [
        f"{n} is numbered, not labelled: label it, or declare sides: {{{n}: position}}"
        for n in plain
    ]


def is_sample(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """Scores with outcomes of 0 and 1, as many of each."""
    wrong = has_keys("scores", "outcomes", "fitted")(answer, ())
    if wrong:
        return wrong
    lengths = {len(answer[key]) for key in ("scores", "outcomes", "fitted")}
    if len(lengths) > 1:
        wrong.append(f"scores, outcomes and fitted differ in length: {sorted(lengths)}")
    if not set(np.unique(np.asarray(answer["outcomes"]))) <= {0, 1}:
        wrong.append("outcomes must be 0 or 1")
    return wrong


def is_dates(answer: Any, arguments: tuple[Any, ...]) -> Complaints:
    """Dates of the panel that was given."""
    try:
        dates = pd.DatetimeIndex(pd.to_datetime(np.asarray(answer)))
    except (TypeError, ValueError):
        return [f"wanted dates of the panel, got {describe(answer)}"]
    strange = dates.difference(arguments[0].index.get_level_values("date"))
    return [f"{strange[0]} is no date of the panel"] if len(strange) else []


def is_measures(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """Measures of calibration that are known, each a number from 0 on."""
    names = list(CalibrationMeasures.__annotations__)
    if not isinstance(answer, dict) or not answer:
        return [f"wanted a mapping with some of {', '.join(names)}"]
    wrong = [
        f"{name!r} is no measure; known: {', '.join(names)}" for name in set(answer) - {*names}
    ]
    return wrong + [
        f"{name} is {value}; on 400 ordinary rows it is a number from 0 on"
        for name, value in answer.items()
        if name in names and not (isinstance(value, float | np.floating) and 0 <= value < np.inf)
    ]


def is_share(answer: Any, _: tuple[Any, ...]) -> Complaints:
    """A share from 0 to 1."""
    number = isinstance(answer, float | np.floating) and 0 <= answer <= 1
    return [] if number else [f"wanted a share from 0 to 1, got {describe(answer)}"]
