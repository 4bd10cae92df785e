"""Key paths, and what the code does at each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from audit_lib.model import Location

Path = tuple[str, ...]
ANY = "*"


@dataclass(frozen=True)
class Use:
    """One place where a key is read or written.

    Attributes:
        path: keys from the top of the document; ``*`` for any key or element.
        required: a read that fails where the key is missing, and no handler goes on.
        default: source text of a read's default; '' where it has none.
    """

    path: Path
    location: Location
    required: bool = False
    default: str = ""


@dataclass
class Dump:
    """One place where the whole document is written.

    Attributes:
        location: of the call.
        paths: keys that it is made of.
        open: places below which anything may be written.
        amended: it was read first, and holds what it held.
    """

    location: Location
    paths: set[Path] = field(default_factory=set)
    open: set[Path] = field(default_factory=set)
    amended: bool = False


@dataclass
class Flow:
    """What the code does with one document."""

    dumps: list[Dump] = field(default_factory=list)
    reads: list[Use] = field(default_factory=list)
    writes: list[Use] = field(default_factory=list)
    open_reads: set[Path] = field(default_factory=set)
    open_writes: set[Path] = field(default_factory=set)
    tested: set[Path] = field(default_factory=set)
    loaded: bool = False
    dumped: bool = False


def forgotten(flow: Flow) -> Iterator[tuple[Dump, Dump, Use]]:
    """A writer of the document, another writer, and a read that fails on what the first wrote.

    Writers whose keys are mostly others write another document under the same name.
    """
    whole = [d for d in flow.dumps if d.paths and () not in d.open and not d.amended]
    needed = {u.path: u for u in flow.reads if u.required and not within(u.path, flow.tested)}
    for dump in whole:
        for other in whole:
            tops, others = ({p[0] for p in d.paths} for d in (dump, other))
            alike = 2 * len(tops & others) >= len(tops | others) and len(tops & others) > 1
            if dump is other or not alike:
                continue
            for path, use in needed.items():
                if path[-1] == ANY or not _holds(other, path) or _holds(dump, path):
                    continue
                if len(path) == 1 or _holds(dump, path[:-1]):
                    yield dump, other, use


def by_path(uses: Iterable[Use]) -> dict[Path, list[Use]]:
    """Uses by the key that they touch, both in order."""
    uses_by_path: dict[Path, list[Use]] = {}
    for use in sorted(uses, key=lambda u: (u.path, str(u.location))):
        uses_by_path.setdefault(use.path, []).append(use)
    return uses_by_path


def _holds(dump: Dump, path: Path) -> bool:
    return any(overlaps(path, w) for w in dump.paths) or within(path, dump.open)


def overlaps(one: Path, other: Path) -> bool:
    """True where two paths of one length may be the same place."""
    return len(one) == len(other) and all(
        a == b or ANY in (a, b) for a, b in zip(one, other, strict=True)
    )


def within(path: Path, prefixes: Iterable[Path]) -> bool:
    """True where a path lies at or below one of the prefixes."""
    return any(overlaps(path[: len(p)], p) for p in prefixes if len(p) <= len(path))
