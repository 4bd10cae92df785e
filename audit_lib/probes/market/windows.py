"""Windows: predictions that rest on several rows of one asset, and which rows these are."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.probes.questions.samples import inputs
from audit_lib.subject.subject import Subject

REACH = 3
"""lengths of a window that a stretch of rows holds at least"""
_ASSETS = 3


def window_length(subject: Subject) -> int:
    """Rows of a window, the predicted one included, as the parameters or the version say.

    Raises:
        NotApplicable: a prediction rests on its own row.
        NotAssessed: the version does not say where the parameters send us.
    """
    windows = subject.parameters.windows
    if windows is None:
        raise NotApplicable("a prediction rests on its own row (no `windows` in subject.yaml)")
    if windows.length is not None:
        return windows.length
    stored = stored_length(subject)
    if stored is None:
        raise NotAssessed(f"the version keeps no length of a window at {windows.stored}")
    return stored


def stored_length(subject: Subject) -> int | None:
    """What the version's metadata say; None where they say nothing."""
    windows = subject.parameters.windows
    value = subject.metadata.get(windows.stored) if windows and windows.stored else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def stretch(subject: Subject, length: int) -> pd.DataFrame:
    """The newest rows of a few assets, unbroken, each several windows long.

    Raises:
        NotAssessed: no asset of the sample has that many complete rows.
    """
    rows = inputs(subject)
    long = (REACH + 1) * length
    counts = rows.groupby(level="asset", sort=False).size()
    assets = counts[counts >= REACH * length].index[:_ASSETS]
    if not len(assets):
        raise NotAssessed(f"no asset of the sample has {REACH * length} complete rows")
    chosen = rows[rows.index.get_level_values("asset").isin(assets)]
    return chosen.groupby(level="asset", group_keys=False, sort=False).tail(long)


@dataclass(frozen=True)
class Moved:
    """Features of which one row is another, so many rows before the one that is predicted."""

    back: int
    features: pd.DataFrame


def moved_rows(
    features: pd.DataFrame, at: int, length: int, *, draws: int, seed: int
) -> list[Moved]:
    """One row at a time far off: around the end of the window, and at drawn places up to it.

    Args:
        at: position of the row that is predicted; its asset's rows stand before it.
    """
    asset = features.index.get_level_values("asset")
    before = int((asset[: at + 1] == asset[at]).sum()) - 1
    rng = np.random.default_rng(seed)
    edges = {0, 1, length - 2, length - 1, length, length + 1, before}
    drawn = rng.integers(0, before + 1, draws).tolist()
    backs = sorted(b for b in {*edges, *drawn} if 0 <= b <= before)
    spread = features.std().fillna(0.0).replace(0.0, 1.0).to_numpy(np.float64)
    return [Moved(back, _other(features, [at - back], spread)) for back in backs]


def torn(
    features: pd.DataFrame, at: int, length: int, span: pd.Timedelta
) -> tuple[pd.DataFrame, pd.MultiIndex]:
    """The features with a gap in time amid the rows of one asset, that of ``at``.

    Its earlier rows are dated earlier still, by so much that no window across the gap keeps
    within ``span``.

    Returns:
        the features, and the labels of the rows after the gap whose windows reach across it.
    """
    index = features.index.to_frame(index=False)
    own = np.flatnonzero((index["asset"] == index["asset"].iloc[at]).to_numpy())
    first = len(own) // 2
    dates = index["date"].to_numpy().copy()
    dates[own[:first]] -= (span + pd.Timedelta("1D")).to_timedelta64()
    index["date"] = dates
    moved = features.set_axis(pd.MultiIndex.from_frame(index), axis=0)
    across = own[first : min(first + length - 1, len(own))]
    return moved, moved.index[across]  # type: ignore[return-value]  # rows of a MultiIndex


def other_asset(features: pd.DataFrame, at: int, length: int) -> pd.DataFrame | None:
    """The features with the last rows of the asset before that of ``at`` far off; None for none."""
    asset = features.index.get_level_values("asset")
    first = int(np.flatnonzero(asset == asset[at])[0])
    if first == 0:
        return None
    spread = features.std().fillna(0.0).replace(0.0, 1.0).to_numpy(np.float64)
    return _other(features, list(range(max(0, first - length), first)), spread)


def _other(features: pd.DataFrame, rows: list[int], spread: object) -> pd.DataFrame:
    changed = features.astype(np.float64)
    changed.iloc[rows] = changed.iloc[rows].to_numpy() + 3.0 * np.asarray(spread)
    return changed
