"""What a tryout of one hook is: what is wanted, what to call it with, how to judge the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

RECORDED = "recorded metrics of the version"  # among the answers, though no hook gave it
TABLE = "made-up rows to train on"  # the same
ROWS = "rows of each asset"  # the same
Answers = Mapping[str, Any]
Complaints = list[str]


class Skip(Exception):  # noqa: N818 - says that a trial has nothing to work on
    """There is nothing to call the hook with; the message names the hook to write first."""


@dataclass(frozen=True)
class Trial:
    """How to try one hook.

    Attributes:
        wanted: what it should answer, in a phrase.
        arguments: made from the answers so far.
        judge: (answer, arguments) to what is wrong with it.
        writes: it changes the store, so that it is tried on a scratch copy.
        may_refuse: a refusal is an answer.
    """

    wanted: str
    arguments: Callable[[Answers], tuple[Any, ...]]
    judge: Callable[[Any, tuple[Any, ...]], Complaints]
    writes: bool = False
    may_refuse: bool = False


def describe(answer: Any) -> str:
    """An answer in a phrase: kind, shape, and a taste of what is in it."""
    match answer:
        case pd.DataFrame():
            names = ", ".join(map(str, answer.columns[:4])) + (", …" if answer.shape[1] > 4 else "")
            return f"frame of {answer.shape[0]} rows × {answer.shape[1]} columns ({names})"
        case np.ndarray():
            return f"array of shape {answer.shape}, {answer.dtype}"
        case list() | tuple():
            return f"list of {len(answer)}" + (f", first {_short(answer[0])}" if answer else "")
        case dict() if any(isinstance(value, pd.DataFrame) for value in answer.values()):
            return "; ".join(f"{name}: {describe(value)}" for name, value in answer.items())
        case dict():
            return f"mapping of {len(answer)}: {_short(dict(list(answer.items())[:3]))}"
    return _short(answer)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 70 else text[:67] + "..."
