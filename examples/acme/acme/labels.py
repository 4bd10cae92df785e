"""The label and the folds that it is judged on."""

from itertools import pairwise

import numpy as np
import pandas as pd

HORIZON = 5
FOLDS = 6
FIRST = 300


def check_preconditions(panel: pd.DataFrame) -> None:
    """Refuse prices on which label and folds would not mean what they say."""
    if not panel.index.is_monotonic_increasing or not (panel["close"] > 0).all():
        raise ValueError("prices must be sorted and positive")


def build(panel: pd.DataFrame) -> pd.DataFrame:
    """The return over the next five bars; missing where they are not known yet."""
    close = panel["close"]
    later = close.groupby(level="asset").shift(-HORIZON)
    return (later / close - 1).to_frame("return_next_5")


def folds(panel: pd.DataFrame) -> list[tuple[pd.DatetimeIndex, pd.DatetimeIndex]]:
    """Expanding folds: the dates of train and test, one horizon purged between them."""
    dates = panel.index.get_level_values("date").unique().sort_values()
    edges = np.linspace(FIRST, len(dates), FOLDS + 1).astype(int)
    return [(dates[: start - HORIZON], dates[start:end]) for start, end in pairwise(edges)]
