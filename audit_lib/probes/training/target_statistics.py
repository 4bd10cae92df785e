"""Statistics of labels that a version recorded, and the rows that reproduce them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.probes.training.provenance import STATISTICS, RowSet
from audit_lib.probes.training.recorded_metrics import number
from audit_lib.subject.pointers import pointer_to

SCALES = re.compile(
    r"(^|_)(targets?|labels?|y)_(std|stds|sigma|scales?|means?|cent(er|re)s?|medians?|mad)($|_)",
    re.I,
)
"""names of numbers that a model works with"""
DESCRIBES = re.compile(r"^(statistics|summary|describe|description|distribution)$", re.I)
"""names of mappings that describe the data"""
NAMED = {
    "std": ("standard deviation", "standard deviation (n - 1)"),
    "sigma": ("standard deviation", "standard deviation (n - 1)"),
    "scale": ("standard deviation", "standard deviation (n - 1)", "MAD", "MAD x 1.4826"),
    "mean": ("mean",),
    "cent": ("mean", "median"),
    "median": ("median",),
    "mad": ("MAD", "MAD x 1.4826"),
}


@dataclass(frozen=True)
class Recorded:
    """One recorded number.

    Attributes:
        statistics: what its name may stand for.
        used: True where its name says that the model works with it.
    """

    pointer: str
    value: float
    statistics: tuple[str, ...]
    used: bool


@dataclass(frozen=True)
class Origin:
    """Rows of a label that reproduce a recorded number."""

    label: str
    statistic: str
    rows: RowSet


def recorded_statistics(data: Any) -> list[Recorded]:
    """Numbers of a document whose names speak of a label's spread or level."""
    return list(_walk(data, "", False, 7))


def _walk(data: Any, pointer: str, described: bool, depth: int) -> Iterator[Recorded]:
    items: list[tuple[str, Any]] = []
    if isinstance(data, dict) and depth:
        items = [(str(k), v) for k, v in data.items()]
    elif isinstance(data, list) and depth and len(data) <= 50:
        items = [(str(k), v) for k, v in enumerate(data)]
    for name, value in items:
        here = pointer + pointer_to(name)
        plain = number(value)
        if plain is None:
            inside = bool(DESCRIBES.match(name)) and bool(re.search(r"target|label", here, re.I))
            yield from _walk(value, here, described or inside, depth - 1)
        elif statistics := next((s for k, s in NAMED.items() if k in name.lower()), ()):
            used = bool(SCALES.search(name))
            if (used or described) and plain != 0.0:
                yield Recorded(here, plain, statistics, used)


def sources(recorded: Recorded, labels: pd.DataFrame, sets: list[RowSet]) -> list[Origin]:
    """Every label and set of rows that reproduces the number, to the digits that are recorded."""
    tolerance = max(1e-6 * abs(recorded.value), 0.5000001 * 10.0 ** -_digits(recorded.value))
    tolerance = min(tolerance, 1e-4 * abs(recorded.value))
    values, names = labels.to_numpy(np.float64, na_value=np.nan), [str(c) for c in labels]
    candidates = []
    for rows in sets:
        part = values[rows.rows]
        has_values = np.isfinite(part).any(axis=0)
        for name in recorded.statistics:
            statistic = np.full(len(has_values), np.nan)
            statistic[has_values] = STATISTICS[name](part[:, has_values])
            close = np.flatnonzero(np.abs(statistic - recorded.value) <= tolerance)
            candidates += [Origin(names[c], name, rows) for c in close]
    return candidates


def _digits(value: float) -> int:
    """Decimal places of a number as it is written."""
    mantissa, _, exponent = repr(value).partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)
