"""Hooks that the host makes of the subject's: watched, or run several at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .capture import recorded
from .sides import with_sides
from .together import together

if TYPE_CHECKING:
    from collections.abc import Callable

WATCHED = "retrain.train"
TOGETHER = "@together"
"""behind the name of a hook: takes a list of calls, and makes them at once"""


def derived(hooks: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """All hooks there are to call, by name."""
    known = {
        name: recorded(hook) if name.partition("[")[0] == WATCHED else with_sides(name, hooks)
        for name, hook in hooks.items()
    }
    return known | {name + TOGETHER: together(hook) for name, hook in hooks.items()}
