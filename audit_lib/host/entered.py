"""What calls of the subject's hooks entered and read, as the child reports it.

The child is the subject's, and may report what it likes: this places findings, and proves nothing.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from audit_lib.host.child.names import plain

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
        direct: no function of the subject called it.
    """

    path: str
    line: int
    preparing: bool = False
    given: bool = False
    direct: bool = False


@dataclass
class Rests:
    """What the answers of a hook rest on, beside what it was given.

    Attributes:
        files: files below the root of the source that were read, relative to it.
        version: a call asked for the version.
        beyond: what no digest of the subject holds, if anything.
        shaky: calls that ran out of time or memory, or died.
        raised: calls that raised what is no refusal.
    """

    files: set[str] = field(default_factory=set)
    version: bool = False
    beyond: str = ""
    shaky: int = 0
    raised: int = 0

    def take(self, report: Any) -> None:
        """Take note of what a worker told; garbage makes it rest on what nobody knows."""
        try:
            self.files.update(str(path)[:_PATH] for path in report["files"])
            self.version = self.version or bool(report["version"])
            self.beyond = self.beyond or str(report["beyond"])[:_PATH]
        except (KeyError, TypeError):
            self.beyond = "unknown"


@dataclass
class Entries:
    """What is known of each hook; it is asked until a call was answered, and a few times at most.

    Attributes:
        known: hook to the functions that it enters, in the order in which it first did.
        opened: hook to the data files that it reads, relative to the root where they lie below it.
        rests: hook to what its answers rest on.
    """

    known: dict[str, tuple[Entered, ...]] = field(default_factory=dict)
    opened: dict[str, tuple[str, ...]] = field(default_factory=dict)
    rests: dict[str, Rests] = field(default_factory=dict)
    _tried: Counter[str] = field(default_factory=Counter)

    def resting(self, hook: str) -> Rests:
        """What a hook's answers so far rest on; what the host makes of it counts too."""
        return self.rests.setdefault(plain(hook), Rests())

    def restore(self, hook: str, known: Iterable[Entered], opened: Iterable[str]) -> None:
        """Take up what an earlier run noted of a hook that nobody has followed here."""
        if not self._tried[hook]:
            self._tried[hook] = TRIES
            self.known[hook], self.opened[hook] = tuple(known), tuple(opened)

    def leave_out(self, other: Self) -> None:
        """Follow no hook that was followed elsewhere."""
        self._tried |= other._tried

    def wanted(self, hook: str) -> bool:
        """True where the next call of the hook is to be followed."""
        return self._tried[hook] < TRIES

    def take(self, hook: str, header: dict[str, Any]) -> None:
        """Take note of what a worker told with an answer; it may be garbage."""
        try:
            functions = [Entered(str(p), n, *map(bool, how)) for p, n, *how in header["entered"]]
            if not all(type(f.line) is int and 0 < f.line < _LAST for f in functions):
                functions = []
        except (KeyError, TypeError, ValueError):
            functions = []
        files = header.get("opened")
        paths = [str(path)[:_PATH] for path in files[:_FILES]] if isinstance(files, list) else []
        self.opened[hook] = tuple(dict.fromkeys((*self.opened.get(hook, ()), *paths)))
        self._tried[hook] += 1
        if "ok" in header:  # a whole call was followed
            self._tried[hook] = TRIES
        self.known[hook] = tuple(dict.fromkeys((*self.known.get(hook, ()), *functions)))
