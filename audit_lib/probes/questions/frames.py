"""Compare two frames that should be one: rows by label, columns by name and order, values."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats
from audit_lib.model import Margin

_ROUNDING = 32
"""steps of a float within which two ways of the same arithmetic may end"""


@dataclass(frozen=True)
class Difference:
    """One way in which two frames differ.

    Attributes:
        kind: ``columns``, ``order``, ``rows``, ``dtype``, ``values``, or ``missing`` where one of
            them has nothing and the other something.
        column: the column, or '' where the whole frame is meant.
        text: what differs, in a sentence without a subject.
        count: rows that differ; ``total``: rows compared.
        largest: largest absolute difference of values.
        cause: of what is missing, what columns may share: ``is 0 where the other has nothing``.
    """

    kind: str
    column: str
    text: str
    count: int = 0
    total: int = 0
    largest: float = 0.0
    cause: str = ""


def unequal(left: pd.Series, right: pd.Series, tolerance: float) -> Flags:
    """Where two aligned columns differ; NaN equals NaN, ``tolerance`` is relative to the column.

    Numbers are compared within ``tolerance`` times the larger of their own size and the median
    size of the column, so that a cell near zero is not held to an absolute bound.  Of the coarser
    of two kinds of float, the last few bits are rounding, however small the tolerance.
    """
    far, allowed = _far(left, right, tolerance)
    return np.asarray(far > allowed)


def furthest(
    what: str, pairs: Iterable[tuple[pd.Series, pd.Series]], tolerance: float
) -> Iterator[Margin]:
    """Where aligned columns use most of what :func:`unequal` allows; none where one has nothing."""
    held = [_far(*pair, tolerance) for pair in pairs]
    margins = [Margin(what, float(far.max(initial=0)), most, "of its size") for far, most in held]
    yield from (m for m in sorted(margins, key=lambda m: m.room)[:1] if m.measured < np.inf)


def _far(left: pd.Series, right: pd.Series, tolerance: float) -> tuple[Floats, float]:
    """How far cells are apart, relative to the size of cell and column, and what is rounding."""
    allowed = max(tolerance, _ROUNDING * max(_step(left), _step(right)))
    if not (_numeric(left) and _numeric(right)):
        differ = left.astype(str).to_numpy() != right.astype(str).to_numpy()
        return np.where(differ, np.inf, 0.0), allowed
    a, b = left.to_numpy(np.float64, na_value=np.nan), right.to_numpy(np.float64, na_value=np.nan)
    sizes = np.abs(a[np.isfinite(a)])
    scale = float(np.median(sizes)) if sizes.size else 0.0
    return relative(a, b, scale), allowed


def relative(a: Floats, b: Floats, scale: float) -> Floats:
    """How far numbers lie apart, relative to the size of the second and ``scale``; NaN is NaN."""
    with np.errstate(all="ignore"):
        far = np.nan_to_num(np.abs(a - b) / (np.abs(b) + scale), nan=np.inf, posinf=np.inf)
    return np.where((a == b) | (np.isnan(a) & np.isnan(b)), 0.0, far)


def margins_of(
    what: str, left: pd.DataFrame, right: pd.DataFrame, tolerances: Mapping[str, float]
) -> Iterator[Margin]:
    """How far aligned columns are apart, a margin each, as :func:`unequal` measures it."""
    for column, tolerance in tolerances.items():
        if column in left and column in right and 0 < len(left) == len(right):
            far, allowed = _far(left[column], right[column], tolerance)
            yield Margin(f"{what}, {column}", float(far.max()), allowed, "of its size")


def one_sided(
    left: pd.DataFrame, right: pd.DataFrame, columns: Iterable[str]
) -> Iterator[Difference]:
    """Columns in which one frame has nothing in rows in which the other has something.

    A gap that is filled is another mistake than a number that is wrong, and columns share it.
    """
    shared = left.index.intersection(right.index)
    if not left.index.is_unique or not right.index.is_unique:
        return
    for column in (c for c in columns if c in left and c in right):
        a, b = left.loc[shared, column], right.loc[shared, column]
        here, there = a.isna().to_numpy(), b.isna().to_numpy()
        for rows, filled in ((here & ~there, True), (there & ~here, False)):
            if rows.any():
                values = b[rows].unique()
                same = f"is {cell(values[0])}" if len(values) == 1 else "has a value"
                what = (same, "nothing") if filled else ("has nothing", "a value")
                first = label(shared[int(np.flatnonzero(rows)[0])])
                text = (
                    f"{what[0]} in {int(rows.sum())} of {len(shared)} rows in which the other has "
                    f"{what[1]}, first at {first}"
                )
                cause = f"{what[0]} where the other has {what[1]}"
                yield Difference(
                    "missing", str(column), text, int(rows.sum()), len(shared), cause=cause
                )


def without(frame: pd.DataFrame, other: pd.DataFrame, gaps: Iterable[Difference]) -> pd.DataFrame:
    """The frame with the other's cells where just one of them has something in those columns."""
    names = {gap.column for gap in gaps}
    if not names:
        return frame
    shared = other.index.intersection(frame.index)
    copy = frame.copy()
    for column in (c for c in frame.columns if str(c) in names):
        a, b = other.loc[shared, column], frame.loc[shared, column]
        copy[column] = b.where(a.isna() == b.isna(), a).reindex(frame.index)
    return copy


def differences(
    left: pd.DataFrame,
    right: pd.DataFrame,
    *,
    tolerance: float,
    columns: list[str] | None = None,
    tolerances: Mapping[str, float] | None = None,
) -> list[Difference]:
    """All differences over the rows both have, and rows that only one has.

    Args:
        tolerances: of columns that have one of their own.
        columns: compare these only; columns beyond them may differ.  None compares all.

    ``right`` may answer a later part of the rows only (a live builder that returns the newest
    bars): rows before its first date, per index level named ``date``, are not missed.
    """
    departures = [*_column_differences(left, right, columns), *_row_differences(left, right)]
    shared = left.index.intersection(right.index)
    if not left.index.is_unique or not right.index.is_unique:
        departures.append(Difference("rows", "", "hold the same label more than once"))
        return departures
    a, b = left.loc[shared], right.loc[shared]
    for column in [c for c in (columns or list(left.columns)) if c in a and c in b]:
        if a[column].dtype != b[column].dtype:
            text = f"is {a[column].dtype} in one and {b[column].dtype} in the other"
            departures.append(Difference("dtype", str(column), text, len(shared), len(shared)))
        own = (tolerances or {}).get(str(column), tolerance)
        differs = unequal(a[column], b[column], own)
        if differs.any():
            departures.append(_value_difference(str(column), a[column], b[column], differs))
    return departures


def _column_differences(
    left: pd.DataFrame, right: pd.DataFrame, columns: list[str] | None
) -> list[Difference]:
    wanted = list(left.columns) if columns is None else columns
    missing = [Difference("columns", str(c), "is missing") for c in wanted if c not in right]
    extra = [Difference("columns", str(c), "is added") for c in right if c not in left]
    departures = missing if columns is not None else [*missing, *extra]
    if not departures:
        a = [c for c in left.columns if c in wanted]
        b = [c for c in right.columns if c in wanted]
        if a != b:
            first = next(i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y)
            text = f"stand in another order: column {first} is {a[first]!r} and {b[first]!r}"
            departures.append(Difference("order", "", text))
    return departures


def _row_differences(left: pd.DataFrame, right: pd.DataFrame) -> list[Difference]:
    departures = []
    added = right.index.difference(left.index)
    if len(added):
        text = f"{len(added)} rows are added, the first {label(added[0])}"
        departures.append(Difference("rows", "", text, len(added), len(right)))
    due = left.index[_from_first_date(left.index, right.index)]
    missing = due.difference(right.index)
    missing = missing[~left.loc[missing].isna().all(axis=1).to_numpy()] if len(missing) else missing
    if len(missing):
        text = f"{len(missing)} of {len(due)} rows are missing, the first {label(missing[0])}"
        departures.append(Difference("rows", "", text, len(missing), len(due)))
    return departures


def _from_first_date(index: pd.Index, answered: pd.Index) -> Flags:
    if "date" not in (index.names or []) or "date" not in (answered.names or []) or answered.empty:
        return np.ones(len(index), dtype=np.bool_)
    first = answered.get_level_values("date").min()
    return np.asarray(index.get_level_values("date") >= first)


def _value_difference(column: str, left: pd.Series, right: pd.Series, differs: Flags) -> Difference:
    at = int(np.flatnonzero(differs)[0])
    count = int(differs.sum())
    largest = float("nan")
    if _numeric(left) and _numeric(right):
        gaps = np.abs(left.to_numpy(np.float64)[differs] - right.to_numpy(np.float64)[differs])
        largest = float(np.nanmax(gaps)) if np.isfinite(gaps).any() else float("nan")
    text = (
        f"differs in {count} of {len(left)} rows, first at {label(left.index[at])}: "
        f"{' and '.join(cells(left.iloc[at], right.iloc[at]))}"
    )
    return Difference("values", column, text, count, len(left), largest)


def _step(column: pd.Series) -> float:
    """Relative distance of neighbouring numbers of the column's kind; 0 for integers."""
    kind = getattr(column.dtype, "numpy_dtype", column.dtype)
    return float(np.finfo(kind).eps) if getattr(kind, "kind", "") == "f" else 0.0


def _numeric(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column)


def label(value: Any) -> str:
    """A row label as people read it."""
    parts = value if isinstance(value, tuple) else (value,)
    return " ".join(
        p.date().isoformat() if isinstance(p, pd.Timestamp) and p == p.normalize() else str(p)
        for p in parts
    )


def cell(value: Any) -> str:
    """A cell as people read it; floats with six significant digits."""
    return f"{value:.6g}" if isinstance(value, (float, np.floating)) else str(value)


def cells(one: Any, other: Any) -> tuple[str, str]:
    """Two cells that differ, with as many digits as show it, six at least."""
    shown = cell(one), cell(other)
    if shown[0] != shown[1] or not all(isinstance(v, (float, np.floating)) for v in (one, other)):
        return shown
    pairs = ((f"{one:.{n}g}", f"{other:.{n}g}") for n in range(7, 18))
    return next((pair for pair in pairs if pair[0] != pair[1]), shown)
