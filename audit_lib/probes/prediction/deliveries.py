"""What happens to an online learner: rows to predict, and labels that come for them later."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.hooks import FeedEvent

DUE = pd.Timedelta("5D")
"""after its row, a label is due"""
ASSETS, DATES = 3, 10


@dataclass(frozen=True)
class Deliveries:
    """Batches of rows with their labels, and rows to predict at the end.

    Attributes:
        rows: features of each batch, indexed by (asset, date).
        labels: ``y`` and ``due`` of each batch, by the same index.
        probe: rows that are predicted at the end.
    """

    rows: tuple[pd.DataFrame, ...]
    labels: tuple[pd.DataFrame, ...]
    probe: pd.DataFrame

    def predicted(self, batch: int) -> FeedEvent:
        """The rows of a batch are predicted, on their last date."""
        return FeedEvent(now=_last(self.rows[batch]), rows=self.rows[batch], labels=None)

    def delivered(self, batch: int, order: object = None, *, late: int = 0) -> FeedEvent:
        """The labels of a batch arrive, all of them due, in another order where one is given."""
        labels = self.labels[batch]
        table = labels if order is None else labels.iloc[np.asarray(order)]
        return FeedEvent(now=labels["due"].max() + late * DUE, rows=None, labels=table)

    def course(self) -> list[FeedEvent]:
        """What happens where nothing goes wrong: labels come a batch after their rows."""
        events = [self.predicted(0)]
        for batch in range(1, len(self.rows)):
            events += [self.predicted(batch), self.delivered(batch - 1)]
        return [*events, self.delivered(len(self.rows) - 1)]

    def calls(self) -> tuple[list[FeedEvent], pd.DataFrame]:
        """The course and the rows to predict, as the hook takes them."""
        return self.course(), self.probe


def deliveries(columns: Sequence[str], *, seed: int) -> Deliveries:
    """Made-up batches: features are standard normal, ``y`` is linear in them, with noise."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=len(columns)) * 0.01
    rows, labels = [], []
    for batch in range(4):
        dates = pd.date_range("2020-01-06", periods=DATES, freq="D") + batch * pd.Timedelta("10D")
        names = [f"asset-{i}" for i in range(ASSETS)]
        index = pd.MultiIndex.from_product([names, dates], names=["asset", "date"])
        x = rng.normal(size=(len(index), len(columns)))
        rows.append(pd.DataFrame(x, index=index, columns=list(columns)))
        y = x @ weights + rng.normal(size=len(index)) * 0.002
        due = pd.DatetimeIndex(index.get_level_values("date")) + DUE
        labels.append(pd.DataFrame({"y": y, "due": due}, index=index))
    probe = pd.DataFrame(rng.normal(size=(20, len(columns))), columns=list(columns))
    return Deliveries(tuple(rows), tuple(labels), probe)


def _last(rows: pd.DataFrame) -> pd.Timestamp:
    last: pd.Timestamp = rows.index.get_level_values("date").max()
    return last
