"""Ask a hook and keep its answer, its refusal and its failure apart.

A probe puts hundreds of questions to a hook, some of them odd on purpose.  A :class:`Reply` holds
what came back, so that a relation can be judged on the answers there are, and what was refused or
failed can be reported as such instead of ending the check.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.errors import NotAssessed
from audit_lib.host import HookError, HookRefused
from audit_lib.model import Gap
from audit_lib.subject.hooks import Hook

T = TypeVar("T")
Into = Callable[[Any], T]
#: stands for the folder of the store in what hooks say
STORE = "<store>"


@dataclass(frozen=True)
class Reply(Generic[T]):
    """What came back from one call: exactly one of the three is set.

    Attributes:
        value: the answer, converted.
        refusal: the reason the subject gave for declining, in its words.
        failure: how the call failed, or why its answer is not what the hook promises.
    """

    value: T | None = None
    refusal: str | None = None
    failure: str | None = None

    @property
    def answered(self) -> bool:
        """True where there is a usable answer."""
        return self.refusal is None and self.failure is None

    @property
    def got(self) -> T:
        """The answer.

        Raises:
            ValueError: there is none; ask :attr:`answered` first.
        """
        if not self.answered:
            raise ValueError(self.why)
        return self.value  # type: ignore[return-value]  # None is an answer of type T here

    def needed(self, what: str) -> T:
        """The answer, without which there is nothing to tell from.

        Raises:
            NotAssessed: there is none; the message says ``what``, and why.
        """
        if not self.answered:
            raise NotAssessed(f"{what} {self.why}")
        return self.got

    @property
    def why(self) -> str:
        """Why there is no answer, in words; '' where there is one."""
        if self.refusal is not None:
            return f"refused: {self.refusal}" if self.refusal else "refused without a reason"
        return self.failure or ""


def ask(hook: Hook, *args: Any, into: Into[T]) -> Reply[T]:
    """One question.

    Args:
        into: turns the raw answer into what the probe works with, or raises ``ValueError`` saying
            what it wanted.
    """
    try:
        raw = hook(*args)
    except HookError as error:
        return _declined(error, hook)
    return _converted(raw, into)


def ask_many(hook: Hook, calls: Sequence[tuple[Any, ...]], *, into: Into[T]) -> list[Reply[T]]:
    """Many questions in one round trip; one reply each, in order."""
    return [
        _declined(raw, hook) if isinstance(raw, HookError) else _converted(raw, into)
        for raw in hook.many(calls)
    ]


def _declined(error: HookError, hook: Hook) -> Reply[Any]:
    """What declined, in words that name no folder: a scratch copy has another at each run."""
    if isinstance(error, HookRefused):
        return Reply(refusal=error.reason.replace(str(hook.store), STORE))
    return Reply(failure=error.detail.replace(str(hook.store), STORE))


def _converted(raw: Any, into: Into[T]) -> Reply[T]:
    try:
        return Reply(value=into(raw))
    except (ValueError, TypeError, KeyError) as error:
        return Reply(failure=f"answered what the hook does not promise: {error}")


# --- converters -------------------------------------------------------------------------------
def number(raw: Any) -> float:
    """A single number; NaN for None."""
    if raw is None:
        return float("nan")
    array = np.asarray(raw, dtype=np.float64)
    if array.size != 1:
        raise ValueError(f"wanted one number, got {describe(raw)}")
    return float(array.reshape(-1)[0])


def flag(raw: Any) -> bool:
    """A truth value."""
    if isinstance(raw, (bool, np.bool_)):
        return bool(raw)
    raise ValueError(f"wanted True or False, got {describe(raw)}")


def floats(*shape: int) -> Into[Floats]:
    """An array of that shape; ``-1`` stands for any length."""

    def convert(raw: Any) -> Floats:
        array = np.asarray(raw, dtype=np.float64)
        fits = array.ndim == len(shape) and all(
            want in (-1, have) for want, have in zip(shape, array.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join("any" if n == -1 else str(n) for n in shape)
            raise ValueError(f"wanted an array of shape ({wanted}), got {describe(raw)}")
        return array

    return convert


def frame(raw: Any) -> pd.DataFrame:
    """A data frame; a series is one column."""
    if isinstance(raw, pd.Series):
        return raw.to_frame()
    if not isinstance(raw, pd.DataFrame):
        raise ValueError(f"wanted a DataFrame, got {describe(raw)}")
    return raw


def tables(raw: Any) -> dict[str, pd.DataFrame]:
    """Data frames by name."""
    return {name: frame(table) for name, table in mapping(raw).items()}


def mapping(raw: Any) -> dict[str, Any]:
    """A mapping with text keys."""
    if not isinstance(raw, dict):
        raise ValueError(f"wanted a mapping, got {describe(raw)}")
    return {str(key): value for key, value in raw.items()}


def texts(raw: Any) -> list[str]:
    """A list of text."""
    if not isinstance(raw, (list, tuple)) or not all(isinstance(item, str) for item in raw):
        raise ValueError(f"wanted a list of text, got {describe(raw)}")
    return list(raw)


def describe(raw: Any) -> str:
    """What something is, in a few words: type, and shape or length."""
    kind = type(raw).__name__
    if hasattr(raw, "shape"):
        return f"{kind} of shape {tuple(raw.shape)}"
    if isinstance(raw, (str, list, tuple, dict)):
        text = repr(raw)
        return f"{kind} {text if len(text) <= 60 else text[:57] + '...'}"
    return f"{kind} {raw!r}"


def reasons(replies: Iterable[Reply[Any]], limit: int = 3) -> str:
    """Why there was no answer, each reason once, the first few."""
    distinct = list(dict.fromkeys(r.why for r in replies if not r.answered))
    more = f"; and {len(distinct) - limit} more" if len(distinct) > limit else ""
    return "; ".join(distinct[:limit]) + more


def unanswered(
    replies: Collection[Reply[Any]], what: str, *, refusals: bool = True
) -> Iterator[Gap]:
    """A gap where questions got no answer: how many of them, and why.

    Args:
        what: what the questions are, such as ``"duels"``.
        refusals: a refusal is no answer either.
    """
    none = [r for r in replies if (not r.answered if refusals else r.failure is not None)]
    if none:
        yield Gap(f"{len(none)} of {len(replies)} {what}", reasons(none))
