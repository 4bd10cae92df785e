"""Names of hooks: what the host makes of written ones, and what goes beside which.

Both sides read it, and it imports nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WATCHED = "retrain.train"
#: hooks that are made of others, where they are not written themselves
MADE_OF = {
    "predictor.predict": ("predictor.outputs", "predictor.decode"),
    "conformal.interval": ("conformal.scaled_interval",),
}
TOGETHER = "@together"
"""behind the name of a hook: takes a list of calls, and makes them at once"""
CRASHING = "@crashing"
"""behind the name of a hook: takes a number before the arguments, and dies at that change"""
IN_TURN = "@in_turn"
"""behind the name of a hook that is asked twice in one process, with something else between"""

#: hooks that may take tables beside their first, to the hook that makes these
BESIDE = {
    "features.build": "features.sides",
    "features.build_backtest": "features.sides",
    "features.build_live": "features.sides",
    "predictor.outputs": "predictor.sides",
    "predictor.predict": "predictor.sides",
    "decisions.backtest": "predictor.sides",
    "decisions.live": "predictor.sides",
    "checkpoint_io.round_trip": "predictor.sides",
    "explain.stages": "predictor.sides",
    "explain.outcomes": "predictor.sides",
}


def plain(name: str) -> str:
    """The hook's name, without what the host makes of it."""
    return name.partition("@")[0]


def composed(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Hooks that nobody wrote, to the written ones that they are made of.

    ``predictor.predict`` of outputs and their decoder, ``conformal.interval`` of one that takes
    scales: of each variant, with the plain one where a part has no such variant.
    """
    listed = list(names)
    written, found = set(listed), {}
    for name in listed:  # variants stay in the order of the file
        hook, bracket, variant = name.partition("[")
        for made, parts in MADE_OF.items():
            if hook not in parts or {made, made + bracket + variant} & written:
                continue
            own = [p + bracket + variant for p in parts]
            used = tuple(o if o in written else p for o, p in zip(own, parts, strict=True))
            if set(used) <= written:
                found[made + bracket + variant] = used
    return found
