"""Market data: the panel every other module works on.

A panel is a ``DataFrame`` with a ``MultiIndex`` named ``("asset", "date")`` and one float column
``close`` (adjusted closing price, US dollars).  The shipped data are real; ``data/README.md``
names their source and licence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import resources
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from .errors import Refused

Floats = npt.NDArray[np.float64]

BARS_PER_YEAR = 252
INDEX_NAMES = ("asset", "date")


def load_panel(
    assets: Sequence[str] | None = None, start: str | None = None, end: str | None = None
) -> pd.DataFrame:
    """Read the shipped closes.

    Args:
        assets: tickers to keep; None for all twelve.
        start: first date kept, ISO format.
        end: last date kept, ISO format.

    Returns:
        Panel sorted by asset, then date.

    Raises:
        Refused: a ticker is not in the shipped data.
    """
    file = resources.files(__package__ or __name__).joinpath("data", "closes.csv.gz")
    with resources.as_file(file) as path:
        wide = pd.read_csv(path, index_col="date", parse_dates=["date"])
    unknown = sorted(set(assets or ()) - set(wide.columns))
    if unknown:
        raise Refused(f"no closes for {unknown}; the data hold {list(wide.columns)}")
    wide = wide.loc[start:end, list(assets or wide.columns)]
    index = pd.MultiIndex.from_product([wide.columns, wide.index], names=INDEX_NAMES)
    closes = wide.to_numpy(dtype="float64").T.ravel()
    return pd.DataFrame({"close": closes}, index=index).dropna().sort_index()


def require_preconditions(panel: pd.DataFrame) -> pd.Series:
    """Check the preconditions that every builder, trainer and backtest shares.

    Returns:
        The closes sorted by asset, then date, not-positive prices replaced by NaN.

    Raises:
        Refused: wrong index, no ``close`` column, not numeric, or the same bar twice.
    """
    if not isinstance(panel.index, pd.MultiIndex) or tuple(panel.index.names) != INDEX_NAMES:
        raise Refused(f"a panel is indexed by {INDEX_NAMES}, not by {tuple(panel.index.names)}")
    if "close" not in panel.columns:
        raise Refused(f"a panel has a column 'close'; this one has {list(panel.columns)}")
    if not pd.api.types.is_numeric_dtype(panel["close"]):
        raise Refused(f"'close' must be numeric, not {panel['close'].dtype}")
    if panel.index.has_duplicates:
        raise Refused(f"the bar {panel.index[panel.index.duplicated()][0]} occurs twice")
    closes = panel["close"].astype("float64").sort_index()
    return closes.where(np.isfinite(closes) & (closes > 0))


def by_asset(closes: pd.Series) -> Iterator[tuple[slice, Floats]]:
    """Walk over the assets of sorted closes.

    Yields:
        The asset's rows as a slice, and its closes, oldest first.
    """
    codes, _ = pd.factorize(closes.index.get_level_values("asset"))
    values = closes.to_numpy(dtype="float64")
    starts = np.flatnonzero(np.diff(codes, prepend=-1)).tolist()
    for start, stop in pairwise([*starts, len(codes)]):
        yield slice(start, stop), values[start:stop]


def windows(closes: Floats, first: int, last: int) -> Floats:
    """Closes around every bar of one asset.

    Args:
        closes: shape (n,), oldest first.
        first: offset of the window's first bar from the bar it belongs to (negative: before).
        last: offset of its last bar.

    Returns:
        Shape (n, last - first + 1); NaN where the window leaves the data.
    """
    before, after = max(-first, 0), max(last, 0)
    padded = np.concatenate([np.full(before, np.nan), closes, np.full(after, np.nan)])
    view = np.lib.stride_tricks.sliding_window_view(padded, last - first + 1)
    offset = before + first
    return view[offset : offset + len(closes)]
