"""Has functions of the subject report while a trainer runs: scalers, fills, selections.

What is written with NumPy has no class to watch.  Functions that a hook names together count as
one estimator; a function is replaced wherever a module refers to it.
"""

from __future__ import annotations

import sys
from functools import wraps
from typing import TYPE_CHECKING, Any

from .rows import table_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from .capture import Recorder


def functions(recorder: Recorder, undo: ExitStack, module: Any, named: dict[str, str]) -> None:
    """Have functions of a module report: operation to the name of the function."""
    if not named:
        return
    who = type(next(iter(named.values())), (), {})()  # its class bears the function's name
    operations: dict[str, set[str]] = {}
    for op, name in named.items():
        operations.setdefault(name, set()).add(op)
    chooses = set(named) == {"fit"}
    for name, ops in operations.items():
        function = getattr(module, name)
        call = _reporting(recorder, who, function, ops, chooses)
        for holder, attribute in _references(function):
            setattr(holder, attribute, call)
            undo.callback(setattr, holder, attribute, function)


def _reporting(
    recorder: Recorder, who: Any, function: Callable[..., Any], ops: set[str], chooses: bool
) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        begun = len(recorder.steps)
        out = function(*args, **kwargs)
        x, y = _tables([*args, *kwargs.values()])
        if "fit" in ops:
            recorder.fitted(who, x, y, begun)
            recorder.steps[-1]["chooses"] = chooses
        if "transform" in ops:
            return recorder.transformed(who, x, out)
        return recorder.predicted(who, x, out) if "predict" in ops else out

    return call


def _tables(given: list[Any]) -> tuple[Any, Any]:
    """Of what is given, the longest table, or else column, and another column as long as it."""
    shaped = [_shaped(v) if isinstance(v, (list, dict)) and v else v for v in given]
    wide = [v for v in shaped if getattr(v, "ndim", 0) == 2]
    long = [v for v in shaped if getattr(v, "ndim", 0) == 1]
    x = max(wide or long, key=len, default=None)
    y = next((v for v in long if v is not x and x is not None and len(v) == len(x)), None)
    return x, y


def _shaped(given: Any) -> Any:
    """A list of rows or of numbers as an array of two dimensions or one; None where it is none."""
    table = table_of(given)
    flat = table is not None and isinstance(given, list) and not hasattr(given[0], "__len__")
    return table[:, 0] if flat else table


def _references(function: Any) -> list[tuple[Any, str]]:
    """Modules that hold the function, and under which name: ``from scaling import fit`` too."""
    return [
        (module, name)
        for module in list(sys.modules.values())
        for name, value in list(getattr(module, "__dict__", {}).items())
        if value is function
    ]
