"""From a recipe to a checkpoint.

Each fold of the walk-forward plan gets its own scaler and models, fitted on its train rows and
judged on its test rows.  The models of the last fold are the ones that are served: what is
registered is what was judged.  The calibrator and the conformal residuals come from the
out-of-fold rows of the earlier folds, whose labels end before the holdout begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from . import metrics
from .calibration import Calibrator
from .feature_builders import build_training
from .heads import KINDS, LABELS, NEURAL, output_value
from .neural import Network
from .panel import Floats
from .recipes import Recipe
from .scaling import RobustScaler
from .splits import date_positions
from .targets import HORIZON, TARGETS, build_targets
from .trees import Forest

Integers = npt.NDArray[np.int64]

SMALLEST_VOLATILITY = 0.01  # per year; floor of the label before its logarithm is taken
ROUNDS = 30
PARAMETERS: dict[str, object] = {
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}
#: A week's return can hardly be predicted and its volatility well: capacity follows the signal.
SHY = {"learning_rate": 0.03, "num_leaves": 4, "min_data_in_leaf": 2000, "lambda_l2": 100.0}
BOLD = {"learning_rate": 0.1, "num_leaves": 6, "min_data_in_leaf": 500, "lambda_l2": 10.0}
CAPACITY = {"identity": SHY, "probability": SHY, "exponential": BOLD}
OBJECTIVES = {"identity": "regression", "probability": "binary", "exponential": "regression"}


@dataclass(frozen=True)
class Design:
    """A panel turned into rows to learn from; only rows with every feature and label.

    Attributes:
        names: feature columns.
        features: shape (n, d), in the recipe's column order.
        labels: label name to shape (n,).
        dates: date of each row.
        positions: position of each row's date among the panel's dates, shape (n,).
        assets: asset of each row.
    """

    names: tuple[str, ...]
    features: Floats
    labels: dict[str, Floats]
    dates: pd.DatetimeIndex
    positions: Integers
    assets: pd.Index

    def between(self, span: tuple[int, int]) -> Integers:
        """Rows whose date position lies in the span (end exclusive)."""
        return np.flatnonzero((self.positions >= span[0]) & (self.positions < span[1]))


@dataclass(frozen=True)
class Fitted:
    """Models of one fold.

    Attributes:
        scaler: fitted scaler.
        texts: output name to LightGBM text.
        network: the neural head; None where it was not asked for.
    """

    scaler: RobustScaler
    texts: dict[str, str]
    network: Network | None

    @classmethod
    def fit(
        cls,
        rows: Floats,
        labels: dict[str, Floats],
        scaler: RobustScaler,
        names: Sequence[str],
        seed: int,
    ) -> Fitted:
        """Fit every output that has a label on rows of shape (n, d)."""
        scaled = scaler.transform(rows)
        texts = {
            name: _fit_trees(scaled, label, name, names, seed)
            for name, label in labels.items()
            if name != NEURAL
        }
        network = Network.fit(scaled, labels[NEURAL], seed) if NEURAL in labels else None
        return cls(scaler, texts, network)

    def values(self, rows: Floats) -> dict[str, Floats]:
        """Output name to uncalibrated value for rows of shape (n, d)."""
        scaled = self.scaler.transform(rows)
        raw = {name: Forest.parse(text).raw(scaled) for name, text in self.texts.items()}
        if self.network is not None:
            raw[NEURAL] = self.network.forward(scaled)[:, 0]
        return {name: output_value(name, value) for name, value in raw.items()}


@dataclass(frozen=True)
class Judged:
    """Out-of-fold rows of one fold with what was predicted for them.

    Attributes:
        rows: positions in the design.
        values: output name to uncalibrated value, shape (len(rows),).
    """

    rows: Integers
    values: dict[str, Floats]


def design(panel: pd.DataFrame, recipe: Recipe) -> Design:
    """Build features and labels and keep the complete rows.

    Raises:
        Refused: the panel is not acceptable.
    """
    features = build_training(panel, recipe.features)
    labels = build_targets(panel)
    known = np.asarray(features.notna().all(axis=1) & labels.notna().all(axis=1))
    index = panel.index[known]
    return Design(
        recipe.features,
        features.to_numpy()[known],
        {name: labels[name].to_numpy()[known] for name in TARGETS},
        pd.DatetimeIndex(index.get_level_values("date")),
        date_positions(panel)[known],
        index.get_level_values("asset"),
    )


def fit(data: Design, train: Integers, scaler_rows: Integers, seed: int, neural: bool) -> Fitted:
    """Fit the scaler on its rows and every output on the train rows."""
    scaler = RobustScaler.fit(data.features[scaler_rows])
    labels = {
        name: training_label(name, data)[train] for name in LABELS if name != NEURAL or neural
    }
    return Fitted.fit(data.features[train], labels, scaler, data.names, seed)


def training_label(output: str, data: Design) -> Floats:
    """What an output is trained on: the label, or the logarithm of a volatility."""
    label = data.labels[LABELS[output]]
    if KINDS[TARGETS[LABELS[output]].kind] == "exponential":
        return np.log(np.maximum(label, SMALLEST_VOLATILITY))
    return label


def every_horizon(positions: Integers, rows: Integers) -> Integers:
    """Those rows whose date is a multiple of the horizon after the first: labels do not overlap.

    Args:
        positions: of the date of every row among all dates, shape (n,).
        rows: the rows to choose from.
    """
    if len(rows) == 0:
        return rows
    offset = positions[rows] - positions[rows].min()
    kept: Integers = rows[offset % HORIZON == 0]
    return kept


def fit_calibrator(data: Design, judged: list[Judged], rows: Integers) -> Calibrator:
    """Fit on the out-of-fold direction scores of these rows."""
    scores = spread(data, judged, "direction")
    return Calibrator.fit(scores[rows], data.labels["direction"][rows])


def spread(data: Design, judged: list[Judged], output: str) -> Floats:
    """Out-of-fold values of an output on the design's rows, NaN where none was judged."""
    values = np.full(len(data.positions), np.nan)
    for part in judged:
        values[part.rows] = part.values[output]
    return values


def scores(data: Design, part: Judged, calibrator: Calibrator | None = None) -> dict[str, float]:
    """Metrics of some rows: ranking, probability and volatility errors.

    The Brier score is of the calibrated probability if a calibrator is given.
    """
    up, raw = data.labels["direction"][part.rows], part.values["direction"]
    probability = raw if calibrator is None else calibrator.apply(raw)
    truth = np.maximum(data.labels["volatility"][part.rows], SMALLEST_VOLATILITY)
    found = {
        "auc": metrics.auc(raw, up),
        "brier": metrics.brier(probability, up),
        "calibration_error": metrics.expected_calibration_error(probability, up),
        "rank_correlation": metrics.rank_correlation(
            part.values["return"], data.labels["return"][part.rows]
        ),
        "volatility_error": metrics.root_mean_square(
            np.log(part.values["volatility"]) - np.log(truth)
        ),
    }
    return {name: round(value, 6) for name, value in found.items()}


def _fit_trees(rows: Floats, label: Floats, output: str, names: Sequence[str], seed: int) -> str:
    import lightgbm

    kind = KINDS[TARGETS[LABELS[output]].kind]
    booster = lightgbm.train(
        {**PARAMETERS, **CAPACITY[kind], "objective": OBJECTIVES[kind], "seed": seed},
        lightgbm.Dataset(rows, label, feature_name=list(names), params=PARAMETERS),
        num_boost_round=ROUNDS,
    )
    return str(booster.model_to_string())
