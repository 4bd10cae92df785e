"""What a pickle would build, as symbols: nothing of it is ever constructed.

Text, bytes and numbers are Python's own.  Everything else is a node of this module.  Nodes compare
by identity and hold their parts in lists, so that no value of a pickle can run ``__eq__``,
``__hash__`` or ``__del__`` of anything, nest Python's own recursion, or be mistaken for a verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

#: A scalar of Python or a node of this module.
Value: TypeAlias = Any


@dataclass(eq=False, slots=True)
class Tuple:
    """A tuple; ``depth`` counts the tuples nested in it, which ``hash`` would recurse into."""

    items: list[Value]
    depth: int = 1


@dataclass(eq=False, slots=True)
class List:
    """A list."""

    items: list[Value] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Dict:
    """A dict as the pairs that were set, in order; a later pair wins over an earlier."""

    pairs: list[tuple[Value, Value]] = field(default_factory=list)

    def get(self, key: str) -> Value:
        """The last value set under a text key, else None."""
        for name, value in reversed(self.pairs):
            if type(name) is str and name == key:
                return value
        return None


@dataclass(eq=False, slots=True)
class Set:
    """A set or frozenset."""

    items: list[Value] = field(default_factory=list)
    frozen: bool = False


@dataclass(eq=False, slots=True)
class Blob:
    """Bytes or text too long to keep: its length."""

    length: int
    kind: str = "bytes"


@dataclass(eq=False, slots=True)
class Global:
    """A class or function that the pickle names, as the unpickler would look it up."""

    module: str
    name: str
    offset: int

    @property
    def full(self) -> str:
        """``module.name``."""
        return f"{self.module}.{self.name}"


@dataclass(eq=False, slots=True)
class Call:
    """The result of calling something: an instance, or whatever a function returns.

    Attributes:
        target: what is called; only a :class:`Global` is ever trusted.
        args: positional arguments.
        kwargs: keyword arguments (protocol 4, ``NEWOBJ_EX``).
        new: made by ``__new__`` alone, without ``__init__``.
        states: what ``BUILD`` gave it, in order.
        items: what ``APPEND`` and ``ADDITEMS`` added.
        pairs: what ``SETITEM`` set.
        array: set where it is a NumPy array.
        dtype: set where it is a NumPy dtype whose state was checked.
        age: how much had happened when it was made; see :meth:`machine.Machine.build`.
    """

    target: Value
    args: list[Value]
    offset: int
    new: bool = False
    kwargs: Dict | None = None
    states: list[Value] = field(default_factory=list)
    items: list[Value] = field(default_factory=list)
    pairs: list[tuple[Value, Value]] = field(default_factory=list)
    array: Array | None = None
    dtype: np.dtype[Any] | None = None
    age: int = 0

    @property
    def name(self) -> str:
        """Full name of what was called, or ``""``."""
        return self.target.full if isinstance(self.target, Global) else ""

    @property
    def made(self) -> Value:
        """What this is an instance of, if it is one: protocols 0 and 1 name the class second."""
        if self.name == "copyreg._reconstructor" and self.args:
            return self.args[0]
        return self.target


@dataclass(eq=False, slots=True)
class Storage:
    """Where the values of a tensor are: key of its storage, offset in elements, C order."""

    key: str
    offset: int
    contiguous: bool


def is_text(data: bytes, kind: np.dtype[Any]) -> bool:
    """False for bytes of a text dtype that are no code points: NumPy would not notice."""
    if kind.kind != "U":
        return True
    points = np.frombuffer(data, dtype=np.dtype("u4").newbyteorder(kind.byteorder))
    return not points.size or int(points.max()) <= 0x10FFFF


@dataclass(eq=False, slots=True)
class Array:
    """An array: what it is, and its bytes where they are few.

    Attributes:
        dtype: None where it could not be decided.
        data: its bytes in memory order, if kept; None otherwise.
        objects: for object arrays, the values in C order, if known.
        subclass: full name, where it is not ``numpy.ndarray``.
        pointer: where it stands in the document; None until that is drawn.
        label: name of a dtype that NumPy lacks.
        storage: for tensors, where their values are.
    """

    dtype: np.dtype[Any] | None
    shape: tuple[int, ...]
    fortran: bool
    offset: int
    data: bytes | None = None
    objects: list[Value] | None = None
    subclass: str = ""
    pointer: str | None = None
    label: str = ""
    storage: Storage | None = None

    @property
    def count(self) -> int:
        """How many elements."""
        return math.prod(self.shape)

    def values(self) -> npt.NDArray[Any] | None:
        """The array itself where its bytes were kept and hold no references."""
        if self.data is None or self.dtype is None or self.dtype.hasobject:
            return None
        if len(self.data) != self.count * self.dtype.itemsize or not self.dtype.itemsize:
            return None
        if not is_text(self.data, self.dtype):
            return None
        flat = np.frombuffer(self.data, dtype=self.dtype)
        return flat.reshape(self.shape, order="F" if self.fortran else "C")


@dataclass(eq=False, slots=True)
class Persistent:
    """What the reader's ``persistent_load`` would return for an id (torch: a storage)."""

    pid: Value


@dataclass(eq=False, slots=True)
class Opaque:
    """A value that the file does not determine."""

    why: str
