"""What calls of the subject's hooks entered and read, as the child reports it.

The child is the subject's, and may report what it likes: this places findings, and proves nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

#: calls that are followed in vain before a hook is taken to enter no function of the subject
TRIES = 4
_LAST = 1 << 22
_PATH, _FILES = 1000, 200


@dataclass(frozen=True)
class Entered:
    """A function that a call entered.

    Attributes:
        path: relative to the root of the source.
        line: first line of its definition, decorators included.
        preparing: a module was being imported, or an object constructed.
        given: it was handed something that the hook was given.
    """

    path: str
    line: int
    preparing: bool = False
    given: bool = False


@dataclass
class Entries:
    """What is known of each hook; it is asked until a call was answered, and a few times at most.

    Attributes:
        known: hook to the functions that it enters, in the order in which it first did.
        opened: hook to the data files that it reads, relative to the root where they lie below it.
    """

    known: dict[str, tuple[Entered, ...]] = field(default_factory=dict)
    opened: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _tried: Counter[str] = field(default_factory=Counter)

    def wanted(self, hook: str) -> bool:
        """True where the next call of the hook is to be followed."""
        return self._tried[hook] < TRIES

    def take(self, hook: str, header: dict[str, Any]) -> None:
        """Take note of what a worker told with an answer; it may be garbage."""
        try:
            told = [Entered(str(p), _line(n), bool(q), bool(g)) for p, n, q, g in header["entered"]]
        except (KeyError, TypeError, ValueError):
            told = []
        read = header.get("opened")
        paths = [str(path)[:_PATH] for path in read[:_FILES]] if isinstance(read, list) else []
        self.opened[hook] = tuple(dict.fromkeys((*self.opened.get(hook, ()), *paths)))
        self._tried[hook] += 1
        if "ok" in header:  # a whole call was followed
            self._tried[hook] = TRIES
        self.known[hook] = tuple(dict.fromkeys((*self.known.get(hook, ()), *told)))


def _line(number: Any) -> int:
    if type(number) is not int or not 0 < number < _LAST:
        raise ValueError("no line")
    return number
