"""Which keys of a stored document the code writes, and which it reads: key paths by syntax.

A document is known by a telling part of its file name (``meta.json``).  What ``json.load`` and its
like return near that name is the document; it is followed through variables, ``self`` attributes,
parameters and returns of the repository's functions, and every subscript and ``get`` on it is a
read.  What ``json.dump`` and its like are given near that name is followed back to dictionary
displays, stores and updates: the writes.  Where a value escapes what can be followed, the path is
*open*: anything may be read, or written, below it.
"""

from __future__ import annotations

from audit_lib.probes.keyflow.paths import ANY, Flow, Path, Use, overlaps, within
from audit_lib.probes.keyflow.reads import Reads
from audit_lib.probes.keyflow.writes import Writes
from audit_lib.subject.code import Code
from audit_lib.subject.source import uncollected

__all__ = ["ANY", "Flow", "Path", "Use", "key_flow", "overlaps", "within"]


def key_flow(code: Code, name: str) -> Flow:
    """Reads and writes of the document whose file name holds ``name``."""
    with uncollected():
        reads = Reads(code, name)
        reads.settle()
        reads.record()
        Writes(reads).collect()
    return reads.flow
