"""Raw, pre-scaled or scaled twice?  Recorded centres and scales against raw and scaled features.

Medians, means and deviations follow an affine change of the data exactly, so what a scaler would
have recorded on features that another scaler had scaled is computed from raw statistics alone.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats
from audit_lib.probes.training.provenance import STATISTICS, RowSet
from audit_lib.probes.training.recorded_metrics import number

#: usual scalers: name of the pair, centre, scale
SCALERS = (
    ("median and MAD", "median", "MAD"),
    ("median and MAD x 1.4826", "median", "MAD x 1.4826"),
    ("mean and standard deviation", "mean", "standard deviation"),
    ("median and interquartile range", "median", "interquartile range"),
    ("minimum and range", "minimum", "range"),
)


@dataclass(frozen=True)
class Origin:
    """What reproduces recorded centres and scales.

    Attributes:
        scaler: the statistics that were recorded, such as ``median and MAD``.
        rows: on which rows.
        before: scaler that had scaled the features already; None where they were raw.
        before_rows: rows which that one was fitted on.
        share: share of the recorded numbers reproduced.
        columns: features compared.
    """

    scaler: str
    rows: str
    before: str | None
    before_rows: str
    share: float
    columns: int

    @property
    def data(self) -> str:
        """The data in words."""
        if self.before is None:
            return "raw features"
        same = "the same rows" if self.rows == self.before_rows else self.before_rows
        return f"features scaled already by {self.before} of {same}"


def origins(
    features: pd.DataFrame, centre: Floats, scale: Floats, sets: list[RowSet], enough: float
) -> list[Origin]:
    """How well every scaler, on raw and on scaled features, reproduces the numbers, best first.

    A number is reproduced within 1e-5 of itself or of the scale it belongs to.  Scaled features are
    tried where no scaler on raw ones reproduces a share of ``enough``.
    """
    values = features.to_numpy(np.float64)
    values = np.where(np.isfinite(values), values, np.nan)
    usable = np.isfinite(centre) & np.isfinite(scale)
    count = int(usable.sum())
    by_rows = [(rows.name, _statistics(values[rows.rows])) for rows in sets]
    fits = [
        Origin(name, rows, None, "", _share(own[c], own[s], centre, scale, usable), count)
        for rows, own in by_rows
        for name, c, s in SCALERS
    ]
    if max((o.share for o in fits), default=0.0) < enough:
        for rows, own in by_rows:
            for name, c, s in SCALERS:
                for before_rows, before in by_rows:
                    for first, c1, s1 in SCALERS:
                        with np.errstate(all="ignore"):
                            again = (own[c] - before[c1]) / before[s1], own[s] / before[s1]
                        share = _share(*again, centre, scale, usable)
                        fits.append(Origin(name, rows, first, before_rows, share, count))
    return sorted(fits, key=lambda o: (-o.share, o.before is not None, o.rows != o.before_rows))


def reproduced(values: Floats, centre: Floats, scale: Floats, sets: list[RowSet]) -> Flags:
    """Columns whose centre and scale some usual scaler gives on some set of rows, shape (d,)."""
    usable = np.isfinite(centre) & np.isfinite(scale)
    hit = np.zeros(len(centre), dtype=bool)
    for rows in sets:
        own = _statistics(values[rows.rows])
        for _, c, s in SCALERS:
            hit |= usable & _hits(own[c], own[s], centre, scale)
    return hit


def recorded_factor(siblings: object) -> tuple[str, float] | None:
    """A number near 1.4826 that is recorded beside the scale."""
    for name, value in siblings.items() if isinstance(siblings, dict) else ():
        factor = number(value)
        if factor is not None and abs(factor - 1.4826) < 0.001:
            return str(name), factor
    return None


def _statistics(part: Floats) -> dict[str, Floats]:
    empty = ~np.isfinite(part).any(axis=0)
    filled = np.where(empty, 0.0, part)
    names = dict.fromkeys(n for _, c, s in SCALERS for n in (c, s))
    statistics = {n: STATISTICS[n](filled) for n in names}
    return {n: np.where(empty, np.nan, v) for n, v in statistics.items()}


def _share(c: Floats, s: Floats, centre: Floats, scale: Floats, usable: Flags) -> float:
    """Share of the columns whose centre and scale are both reproduced."""
    hit = _hits(c, s, centre, scale)
    comparable = usable & np.isfinite(s) & np.isfinite(c)
    return float(hit[comparable].sum() / max(1, int(usable.sum())))


def _hits(c: Floats, s: Floats, centre: Floats, scale: Floats) -> Flags:
    with np.errstate(all="ignore"):
        unit = np.abs(scale) + np.abs(s)
        near = np.abs(c - centre) <= 1e-5 * (np.abs(centre) + unit)
        return np.asarray(near & (np.abs(s - scale) <= 1e-5 * unit))
