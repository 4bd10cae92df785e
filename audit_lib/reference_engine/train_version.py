"""One version, start to end: read the data a recipe names, train, judge, write it all down."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from . import backtest
from .checkpoint import Checkpoint
from .features import schema_hash
from .heads import LABELS, head_map
from .option_quotes import fit_surface
from .panel import load_panel
from .predictor import Predictor
from .provenance import dates_of, fold_row, run_record, splits_record, targets_record
from .recipes import Recipe
from .rules import DecisionConfig
from .splits import Fold, Integers
from .svi import Surface
from .trainer import (
    Design,
    Fitted,
    Judged,
    design,
    every_horizon,
    fit,
    fit_calibrator,
    scores,
    spread,
)

REFERENCE_ROWS = 600  # training rows kept for drift detection and attribution


@dataclass(frozen=True)
class Walk:
    """A finished walk-forward.

    Attributes:
        folds: the fold table.
        judged: out-of-fold predictions, one entry a fold; the last is the holdout.
        served: models of the last fold.
    """

    folds: list[dict[str, Any]]
    judged: list[Judged]
    served: Fitted


def train(recipe: Recipe) -> Checkpoint:
    """Train a version from the shipped data, reading nothing after the recipe's last date.

    Raises:
        Refused: the data do not cover the recipe.
    """
    panel = load_panel(start=recipe.start, end=recipe.end)
    dates = pd.DatetimeIndex(panel.index.get_level_values("date").unique().sort_values())
    plan = recipe.splits.over(len(dates))
    checkpoint = learn(design(panel, recipe), recipe, dates, fit_surface(panel))
    report = backtest.run(Predictor.of(checkpoint), panel, dates[plan[-1].test[0]])
    return replace(checkpoint, metrics={**checkpoint.metrics, **report.metrics()})


def learn(data: Design, recipe: Recipe, dates: pd.DatetimeIndex, surface: Surface) -> Checkpoint:
    """Walk forward over a design, and all that is served, with the holdout's scores.

    Args:
        data: rows to learn from; positions count ``dates``.
        recipe: how.
        dates: the calendar, sorted.
        surface: the volatility surface to ship.

    Raises:
        Refused: too few dates for the recipe's folds.
    """
    plan = recipe.splits.over(len(dates))
    walk = walk_forward(data, recipe, plan, dates)
    rows = rows_behind(data, recipe, walk, plan[-1])
    checkpoint = _checkpoint(data, recipe, walk, rows, surface, len(dates))
    return replace(checkpoint, metrics=scores(data, walk.judged[-1], checkpoint.calibrator))


def walk_forward(data: Design, recipe: Recipe, plan: list[Fold], dates: pd.DatetimeIndex) -> Walk:
    """Fit and judge every fold."""
    folds, judged = [], []
    for number, fold in enumerate(plan, start=1):
        train_rows, test_rows = data.between(fold.train), data.between(fold.test)
        last = number == len(plan)
        fitted = fit(
            data, train_rows, scaler_rows(data, recipe, train_rows), recipe.seed, neural=last
        )
        inside = Judged(train_rows, fitted.values(data.features[train_rows]))
        outside = Judged(test_rows, fitted.values(data.features[test_rows]))
        row = fold_row(number, fold, dates, (len(train_rows), len(test_rows)), recipe)
        row["in_sample"], row["out_of_sample"] = scores(data, inside), scores(data, outside)
        folds.append(row)
        judged.append(outside)
    return Walk(folds, judged, fitted)


def scaler_rows(data: Design, recipe: Recipe, train_rows: Integers) -> Integers:
    """Rows the scaler is fitted on: the train rows, unless the recipe gets it wrong."""
    return train_rows if recipe.scaler_rows == "train" else np.arange(len(data.positions))


def rows_behind(data: Design, recipe: Recipe, walk: Walk, last: Fold) -> dict[str, Integers]:
    """Rows behind every fit of the served version.

    Calibration, conformal and judged rows are thinned to dates one horizon apart, so that no two
    rows of an asset share a bar of their labels.
    """
    train_rows = data.between(last.train)
    earlier = np.concatenate(
        [every_horizon(data.positions, part.rows) for part in walk.judged[:-1]]
    )
    holdout = every_horizon(data.positions, walk.judged[-1].rows)
    own = recipe.calibrator_rows == "before_holdout"
    return {
        "train": train_rows,
        "scaler": scaler_rows(data, recipe, train_rows),
        "calibrator": earlier if own else np.append(earlier, holdout),
        "conformal": earlier,
        "judged": holdout,
    }


def _checkpoint(
    data: Design,
    recipe: Recipe,
    walk: Walk,
    rows: dict[str, Integers],
    surface: Surface,
    n_dates: int,
) -> Checkpoint:
    """Everything but the holdout's metrics."""
    sample = np.append(rows["conformal"], rows["judged"])
    residual = data.labels["return"] - spread(data, walk.judged, "return")
    kept = rows["train"][:: max(1, len(rows["train"]) // REFERENCE_ROWS)]
    sorted_columns = recipe.column_order == "sorted"
    columns = tuple(sorted(recipe.features)) if sorted_columns else recipe.features
    shared = DecisionConfig()
    assert walk.served.network is not None
    return Checkpoint(
        version=recipe.version,
        created=f"{recipe.end}T21:00:00+00:00",
        feature_cols=columns,
        schema_hash=schema_hash(recipe.features),
        scaler=walk.served.scaler,
        outputs=tuple(LABELS),
        heads=head_map(tuple(LABELS), dict(recipe.heads)),
        models=walk.served.texts,
        network=walk.served.network,
        calibrator=fit_calibrator(data, walk.judged, rows["calibrator"]),
        calibration={
            "scores": spread(data, walk.judged, "direction")[sample],
            "outcomes": data.labels["direction"][sample].astype("int64"),
            "fitted": np.isin(sample, rows["calibrator"]),
            "dates": dates_of(data, sample),
        },
        conformal={
            "residuals": residual[rows["conformal"]],
            "dates": dates_of(data, rows["conformal"]),
        },
        reference={"columns": np.array(data.names), "features": data.features[kept]},
        surface=surface,
        decisions={"backtest": shared, "live": replace(shared, **dict(recipe.live_overrides))},
        targets=targets_record(data),
        splits=splits_record(recipe),
        folds=walk.folds,
        metrics={},
        run=run_record(data, recipe, n_dates, rows),
        unlisted=recipe.unlisted,
    )
