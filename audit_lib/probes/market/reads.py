"""What each column reads besides its own asset's prices: other fields, other assets."""

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.errors import NotAssessed
from audit_lib.probes.market.influence import manageable
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask_many, frame
from audit_lib.subject.subject import Subject

PRICES = frozenset({"open", "high", "low", "close", "adj_close", "price", "mid"})
OTHERS = "other assets"
ROWS = 8_000
"""of the sample that is built again"""


def beyond_prices(subject: Subject, hook: str, seed: int) -> dict[str, frozenset[str]]:
    """Field of the panel, or ``other assets``, to the columns that move with it.

    Args:
        hook: the builder.
        seed: of the noise: each value times a number drawn about 1.

    Raises:
        NotAssessed: the builder does not answer the sample.
    """
    panel = manageable(samples.panel(subject), ROWS)
    draw = np.random.default_rng(seed)
    assets = panel.index.get_level_values(0)
    told, panels, changed = [""], [panel], list[object]()
    for name in panel.columns:
        if str(name).lower() not in PRICES and pd.api.types.is_numeric_dtype(panel[name]):
            told.append(str(name))
            changed.append(None)
            panels.append(panel.assign(**{str(name): panel[name] * _noise(draw, len(panel))}))
    for asset in {assets[0], assets[-1]} if assets.nunique() > 1 else ():
        told.append(OTHERS)
        changed.append(asset)
        panels.append(panel.mul(np.where(assets == asset, _noise(draw, len(panel)), 1.0), axis=0))
    plain, *moved = ask_many(subject.hook(hook), [(p,) for p in panels], into=frame)
    before = plain.needed(f"{hook}:")
    found: dict[str, frozenset[str]] = {}
    for name, asset, reply in zip(told[1:], changed, moved, strict=True):
        if reply.answered and reply.got.index.equals(before.index):
            rows = before.index.get_level_values(0) != asset
            found[name] = found.get(name, frozenset()) | _differ(before[rows], reply.got[rows])
    if not found:
        raise NotAssessed(f"{hook}: the sample has neither other fields nor other assets")
    return found


def _noise(draw: np.random.Generator, rows: int) -> Floats:
    return np.asarray(np.exp(draw.normal(0.0, 0.2, rows)), np.float64)


def _differ(before: pd.DataFrame, after: pd.DataFrame) -> frozenset[str]:
    names = [c for c in before.select_dtypes("number") if c in after]
    return frozenset(
        str(c)
        for c in names
        if not np.allclose(before[c], after[c], rtol=1e-6, atol=1e-12, equal_nan=True)
    )
