"""Tables whose rows say when they were known, with the numbers of one row moved far off."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.probes.questions.frames import label


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
    known = pd.DatetimeIndex(table[column]).tz_localize(None).normalize()
    inside = (known > dates[0]) & (known <= dates[-1])
    levels = [n for n in table.index.names if n == "date"]
    periods = table.index.get_level_values("date") if levels else table.index
    if isinstance(periods, pd.DatetimeIndex):
        inside &= known > periods.tz_localize(None)
    places: list[int] = np.flatnonzero(inside).tolist()
    if len(places) > draws:  # one of each part of the sample
        rng = np.random.default_rng(seed)
        places = [int(rng.choice(part)) for part in np.array_split(places, draws)]
    when: list[pd.Timestamp] = list(known)
    return [Republished(label(table.index[p]), when[p], _moved(table, p, column)) for p in places]


def _moved(table: pd.DataFrame, place: int, column: str) -> pd.DataFrame:
    """The table with the numbers of one row three deviations off."""
    changed = table.copy()
    for name in table.columns.drop(column):
        if pd.api.types.is_numeric_dtype(table[name]):
            values = table[name].to_numpy(np.float64, copy=True)
            spread = float(np.nanstd(values)) or 1.0
            values[place] += 3 * spread
            changed[name] = values
    return changed
