"""The rows that are explained: from ``explain.inputs``, else the sample that other checks use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audit_lib.arrays import Integers
from audit_lib.errors import NotAssessed
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, describe, frame
from audit_lib.subject.subject import Subject

HOOK = "explain.inputs"
#: contiguous pieces of time that are drawn anew for intervals
BLOCKS = 40
#: below that many pieces an interval would be a guess
FEWEST_BLOCKS = 8
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Rows:
    """Inputs of the predictor, with what is known about each.

    Attributes:
        table: one row an input, the columns that the model reads, on the subject's own index.
        dates: of each row, shape (n,); None where the subject's rows have none.
        assets, regimes: likewise.
        source: where they come from, in words.
        of: how many there were before some were drawn.
    """

    table: pd.DataFrame
    dates: npt.NDArray[np.datetime64] | None = None
    assets: Texts | None = None
    regimes: Texts | None = None
    source: str = ""
    of: int = 0

    def __len__(self) -> int:
        return len(self.table)

    def take(self, rows: Integers) -> Rows:
        """Some of the rows, by position."""

        def part(values: Any) -> Any:
            return None if values is None else values[rows]

        return replace(
            self,
            table=self.table.iloc[rows],
            dates=part(self.dates),
            assets=part(self.assets),
            regimes=part(self.regimes),
        )

    def drawn(self, count: int, rng: np.random.Generator, *, whole_dates: bool = False) -> Rows:
        """About that many rows, at random and in their order; all rows of a date where asked."""
        if count >= len(self):
            return self
        if not whole_dates or self.dates is None:
            return self.take(np.sort(rng.choice(len(self), count, replace=False)))
        distinct = np.unique(self.dates)
        share = max(2, round(count * len(distinct) / len(self)))
        chosen = rng.choice(distinct, min(share, len(distinct)), replace=False)
        return self.take(np.flatnonzero(np.isin(self.dates, chosen)))

    def latest(self, count: int) -> Rows:
        """About that many rows, the latest dates whole, so that bars follow each other."""
        if self.dates is None or count >= len(self):
            return self.take(np.arange(max(0, len(self) - count), len(self)))
        since = np.sort(self.dates)[-count]
        return self.take(np.flatnonzero(self.dates >= since))

    @property
    def blocks(self) -> Integers:
        """Contiguous piece of time that each row is in; no date is in two."""
        if self.dates is None:
            place = np.arange(len(self))
        else:
            place = np.unique(self.dates, return_inverse=True)[1]
        steps = int(place.max(initial=0)) + 1
        return np.asarray(place * min(BLOCKS, steps) // steps, dtype=np.int64)

    @property
    def columns(self) -> list[str]:
        """Names of the columns as text."""
        return [str(c) for c in self.table.columns]

    def time_of(self, row: int) -> str:
        """The row's date as ISO 8601; '' where it has none."""
        return "" if self.dates is None else str(pd.Timestamp(self.dates[row]).isoformat())

    def asset_of(self, row: int) -> str:
        """The row's asset; '' where it has none."""
        return "" if self.assets is None else str(self.assets[row])

    @property
    def numeric(self) -> list[str]:
        """Columns of numbers."""
        kinds = self.table.dtypes.items()
        return [str(c) for c, kind in kinds if pd.api.types.is_numeric_dtype(kind)]


def inputs_of(subject: Subject) -> Rows:
    """Every row that may be explained.

    Raises:
        NotAssessed: neither ``explain.inputs`` nor the sample of features gives any.
    """

    def make() -> Rows:
        if subject.has(HOOK):
            return _from_hook(subject)
        source = "features.build of features.panel, complete rows"
        return _indexed(samples.inputs(subject), source)

    return samples.once(subject, HOOK, make)


def _from_hook(subject: Subject) -> Rows:
    rows = ask(subject.hook(HOOK, again=False), into=_given).needed(f"{HOOK} gives no rows:")
    if subject.has("predictor.required"):
        wanted = samples.required(subject)
        missing = [c for c in wanted if c not in rows.table]
        if missing:
            raise NotAssessed(f"{HOOK} has no column {missing[0]!r}, which the model requires")
        rows = replace(rows, table=rows.table.loc[:, wanted])
    return rows


def _given(raw: Any) -> Rows:
    answer: Mapping[str, Any] = raw if isinstance(raw, Mapping) else {"features": raw}
    table = frame(answer.get("features"))
    if table.empty:
        raise ValueError("no row")
    if table.columns.duplicated().any():
        raise ValueError("a column occurs twice")
    size = len(table)

    def each(name: str) -> Any:
        values = answer.get(name)
        if values is None:
            return None
        if len(values) != size:
            raise ValueError(f"{name}: {len(values)} values for {size} rows, {describe(values)}")
        return np.asarray(values)

    rows = _indexed(table, HOOK)
    dates, assets, regimes = each("dates"), each("assets"), each("regimes")
    return replace(
        rows,
        dates=rows.dates if dates is None else pd.to_datetime(pd.Series(dates)).to_numpy(),
        assets=rows.assets if assets is None else assets.astype(str),
        regimes=None if regimes is None else regimes.astype(str),
    )


def _indexed(table: pd.DataFrame, source: str) -> Rows:
    """Rows whose dates and assets stand in the index, whatever its levels are called."""
    dates = assets = None
    for number in range(table.index.nlevels):
        level = table.index.get_level_values(number)
        if pd.api.types.is_datetime64_any_dtype(level.dtype):
            dates = dates if dates is not None else _naive(level)
        elif table.index.nlevels > 1 and assets is None:
            assets = np.asarray(level.astype(str), dtype=str)
    return Rows(table, dates, assets, source=source, of=len(table))


def _naive(level: pd.Index) -> npt.NDArray[np.datetime64]:
    dates = pd.DatetimeIndex(level)
    return (dates.tz_convert("UTC").tz_localize(None) if dates.tz is not None else dates).to_numpy()
