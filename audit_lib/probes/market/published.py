"""Tables whose rows say when they were known, with the numbers of one row moved far off."""

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.probes.questions.frames import label

_WHEN = re.compile(
    r"(.+)_(?:known|published|publication|released?|announced|available|filed|reported|as_of)"
    r"(?:_(?:at|on|date|bars|lag))?$"
)


def known_fields(given: pd.DataFrame, declared: dict[str, str]) -> dict[str, str]:
    """Fields of market data whose values were known later, to the column that says when.

    Declared ones, and those whose names say so: ``eps`` and ``eps_published``.
    """
    named = {str(c): match[1] for c in given.columns if (match := _WHEN.match(str(c)))}
    fields = {field: column for column, field in named.items() if field in given}
    return fields | {f: c for f, c in declared.items() if f in given and c in given}


@dataclass(frozen=True)
class Republished:
    """One row with other numbers.

    Attributes:
        row: its label, in words.
        known: the date on which it was known.
        table: the table with that row moved.
    """

    row: str
    known: pd.Timestamp
    table: pd.DataFrame


def why_unknown(tables: dict[str, pd.DataFrame], table: str, column: str) -> str:
    """Why nothing can be told of a table; '' where something can."""
    if table not in tables:
        return f"features.sides answers no table {table!r}"
    if column not in tables[table]:
        return f"it has no column {column!r} (known_at in subject.yaml)"
    if not pd.api.types.is_datetime64_any_dtype(tables[table][column]):
        return f"column {column!r} holds no dates"
    return ""


def republished(
    table: pd.DataFrame, column: str, dates: pd.Index, *, draws: int, seed: int
) -> list[Republished]:
    """Drawn rows known within the dates, and later than their own date where they have one.

    Args:
        dates: sorted dates of the market data.
    """
    dates_known = pd.DatetimeIndex(table[column]).tz_localize(None).normalize()
    inside = (dates_known > dates[0]) & (dates_known <= dates[-1])
    levels = [n for n in table.index.names if n == "date"]
    periods = table.index.get_level_values("date") if levels else table.index
    if isinstance(periods, pd.DatetimeIndex):
        inside &= dates_known > periods.tz_localize(None)
    places: list[int] = np.flatnonzero(inside).tolist()
    if len(places) > draws:  # one of each part of the sample
        rng = np.random.default_rng(seed)
        places = [int(rng.choice(part)) for part in np.array_split(places, draws)]
    when: list[pd.Timestamp] = list(dates_known)
    return [Republished(label(table.index[p]), when[p], _moved(table, p, column)) for p in places]


def republished_fields(
    given: pd.DataFrame, field: str, column: str, *, draws: int, seed: int
) -> list[Republished]:
    """Drawn values of a field of market data that are known later than their bar.

    The column holds dates, or how many bars of the asset go by until then.
    """
    dates, published = given.index.get_level_values("date"), given[column]
    if pd.api.types.is_numeric_dtype(published):
        when = pd.Series(pd.NaT, index=range(len(given)), dtype=dates.dtype)
        for places in given.groupby(level="asset", sort=False).indices.values():
            lags = published.to_numpy(np.float64)[places]
            due = np.arange(len(places)) + np.where(np.isfinite(lags), np.ceil(lags), len(places))
            inside = (due >= 0) & (due < len(places))
            when.iloc[places[inside]] = dates[places[due[inside].astype(int)]]
    else:
        when = pd.Series(pd.to_datetime(published, errors="coerce")).reset_index(drop=True)
    late = (when > pd.Series(dates)) & (when <= dates.max())
    places = np.flatnonzero(late & given[field].notna().to_numpy())
    if len(places) > draws:
        rng = np.random.default_rng(seed)
        places = np.array([rng.choice(part) for part in np.array_split(places, draws)])
    return [
        Republished(label(given.index[p]), when[p], _moved(given[[field]], int(p), None))
        for p in places
    ]


def _moved(table: pd.DataFrame, place: int, column: str | None) -> pd.DataFrame:
    """The table with the numbers of one row three deviations off."""
    changed = table.copy()
    for name in table.columns.drop([column] if column else []):
        if pd.api.types.is_numeric_dtype(table[name]):
            values = table[name].to_numpy(np.float64, copy=True)
            spread = float(np.nanstd(values)) or 1.0
            values[place] += 3 * spread
            changed[name] = values
    return changed
