"""Tables of ``predictor.sides``, made once for each input and handed to every call that takes it.

They are made on the store as it is, also for a call on a damaged copy: the predictor is judged
there, not what is joined to its features.  A hook that makes them may take long.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from audit_lib.host.child.names import BESIDE

if TYPE_CHECKING:
    from audit_lib.subject.subject import Subject

MAKER = "predictor.sides"
Kept = dict[tuple[Any, ...], Any]


def tables_beside(subject: Subject, kept: Kept, hook: str, given: Any) -> tuple[Any, ...]:
    """The tables for one call of a hook, as its further argument; none where it takes none.

    Args:
        kept: those made so far; shared by all bindings of a subject.
        given: what the hook is given.
    """
    if BESIDE.get(hook) != MAKER or not subject.has(MAKER):
        return ()
    digest = _digest(given)
    if digest is None:
        return ()
    known = (subject.serving(MAKER), subject.version_id, digest)
    if known not in kept:
        kept[known] = subject.hook(MAKER)(given)
    return (kept[known],)


def _digest(frame: Any) -> str | None:
    """Content of a frame; None for what is no frame, or holds what cannot be hashed."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        return None
    try:
        rows = pd.util.hash_pandas_object(frame, index=True).to_numpy()
    except TypeError:
        return None
    head = repr((list(frame.columns), list(map(str, frame.dtypes)), frame.index.names))
    return hashlib.sha256(head.encode() + rows.tobytes()).hexdigest()
