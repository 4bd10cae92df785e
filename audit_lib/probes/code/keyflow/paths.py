"""Key paths, and what the code does at each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from audit_lib.model import Location

Path = tuple[str, ...]
ANY = "*"


@dataclass(frozen=True)
class Use:
    """One place where a key is read or written.

    Attributes:
        path: keys from the top of the document; ``*`` for any key or element.
        required: a read that fails where the key is missing.
        default: source text of a read's default; '' where it has none.
    """

    path: Path
    location: Location
    required: bool = False
    default: str = ""


@dataclass
class Flow:
    """What the code does with one document."""

    reads: list[Use] = field(default_factory=list)
    writes: list[Use] = field(default_factory=list)
    open_reads: set[Path] = field(default_factory=set)
    open_writes: set[Path] = field(default_factory=set)
    tested: set[Path] = field(default_factory=set)
    loaded: bool = False
    dumped: bool = False


def overlaps(one: Path, other: Path) -> bool:
    """True where two paths of one length may be the same place."""
    return len(one) == len(other) and all(
        a == b or ANY in (a, b) for a, b in zip(one, other, strict=True)
    )


def within(path: Path, prefixes: Iterable[Path]) -> bool:
    """True where a path lies at or below one of the prefixes."""
    return any(overlaps(path[: len(p)], p) for p in prefixes if len(p) <= len(path))
