"""Hooks that the host makes of the subject's: watched, or run several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .capture import recorded
from .crashing import crashing
from .sides import with_sides
from .together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WATCHED = "retrain.train"
OUTPUTS, DECODE, PREDICT = "predictor.outputs", "predictor.decode", "predictor.predict"
TOGETHER = "@together"
"""behind the name of a hook: takes a list of calls, and makes them at once"""
CRASHING = "@crashing"
"""behind the name of a hook: takes a number before the arguments, and dies at that change"""


def plain(name: str) -> str:
    """The hook's name, without what the host makes of it."""
    return name.partition("@")[0]


def derived(hooks: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """All hooks there are to call, by name."""
    known = {
        name: recorded(hook) if name.partition("[")[0] == WATCHED else with_sides(name, hooks)
        for name, hook in hooks.items()
    }
    made = {n: _decoded(known[o], known[d]) for n, (o, d) in composed(hooks).items()}
    for name, hook in hooks.items():
        made |= {name + TOGETHER: together(hook), name + CRASHING: crashing(hook)}
    return known | made


def composed(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Predictors that nobody wrote, to the two hooks that they are made of.

    Of each variant of ``predictor.outputs`` with its ``predictor.decode``, or the plain one.
    """
    written, found = set(names), {}
    for name in written:
        hook, bracket, variant = name.partition("[")
        if hook not in (OUTPUTS, DECODE):
            continue
        two = [
            of if of in written else of.partition("[")[0]
            for of in (OUTPUTS + bracket + variant, DECODE + bracket + variant)
        ]
        if set(two) <= written and not {PREDICT, PREDICT + bracket + variant} & written:
            found[PREDICT + bracket + variant] = (two[0], two[1])
    return found


def _decoded(outputs: Callable[..., Any], decode: Callable[..., Any]) -> Callable[..., Any]:
    def predict(at: Any, features: Any, *beside: Any) -> Any:
        heads = decode(at, outputs(at, features, *beside))
        return heads.set_axis(features.index, axis=0)

    return predict
