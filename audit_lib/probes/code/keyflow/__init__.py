"""Which keys of a stored document the code writes, and which it reads: key paths by syntax.

A document is known by a telling part of its file name (``meta.json``).  What ``json.load`` and its
like return near that name is the document; it is followed through variables, ``self`` attributes,
parameters and returns of the repository's functions, and every subscript and ``get`` on it is a
read.  What ``json.dump`` and its like are given near that name is followed back to dictionary
displays, stores and updates: the writes.  Where a value escapes what can be followed, the path is
*open*: anything may be read, or written, below it.
"""

from audit_lib.probes.code.keyflow.pairs import Pair, pairs
from audit_lib.probes.code.keyflow.paths import (
    ANY,
    Flow,
    Path,
    Use,
    by_path,
    forgotten,
    overlaps,
    within,
)
from audit_lib.probes.code.keyflow.reads import Reads
from audit_lib.probes.code.keyflow.writes import Writes
from audit_lib.subject.code import Code
from audit_lib.subject.source import uncollected

__all__ = [
    "ANY", "Flow", "Path", "Use", "by_path", "forgotten", "key_flow", "overlaps", "pair_flow",
    "paired", "within",
]  # fmt: skip


def key_flow(code: Code, name: str) -> Flow:
    """Reads and writes of the document whose file name holds ``name``."""
    return _followed(Reads(code, name))


def paired(code: Code) -> list[str]:
    """Files that hold one writer and one reader of a form, whatever the file is called."""
    return pairs(code)


def pair_flow(code: Code, path: str) -> Flow:
    """Reads and writes of the document that a file's one writer and one reader share."""
    return _followed(Pair(code, path))


def _followed(reads: Reads) -> Flow:
    with uncollected():
        reads.settle()
        reads.record()
        Writes(reads).collect()
    return reads.flow
