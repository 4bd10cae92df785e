"""Fields of an artifact that a version's metadata could name by a pointer."""

import re
from collections.abc import Iterator

from audit_lib.subject.artifacts.artifact import Artifact, Json
from audit_lib.subject.artifacts.formats.plain import plain_document
from audit_lib.subject.pointers import pointer_to

_TELLING = re.compile(
    r"(^|_)(feature|col(umn)?s?|inputs?|outputs?|median|mad|mean|scaler?|cent(er|re)|std|version|"
    r"schema|hash|checksum|horizon|targets?|labels?|heads?|class(es)?|run|commit|trained|created|"
    r"folds?|splits?|purge|embargo|seed|window|lookback|metrics?|signature)(_|$)",
    re.IGNORECASE,
)
#: Where formats keep what their users add.
_ADDED = ("/learner/attributes/", "/metadata/", "/__metadata__/")
_DEEPEST = 4


def telling_fields(artifact: Artifact) -> dict[str, Json]:
    """Pointer to value of fields that say what a model reads, answers and comes from.

    Told by their names, as far as the safe readers see them; nothing is executed.
    """
    return dict(_fields(plain_document(artifact), "", 0))


def _fields(value: Json, pointer: str, depth: int) -> Iterator[tuple[str, Json]]:
    if not isinstance(value, dict) or depth > _DEEPEST:
        return
    for key, inner in value.items():
        here = pointer + pointer_to(str(key))
        if key.startswith("__") and key != "__metadata__":
            continue
        telling = here.startswith(_ADDED) or _TELLING.search(key)
        # A block of other things (`scaler: {median, mad}`) is told by what it holds.
        below = list(_fields(inner, here, depth + 1)) if isinstance(inner, dict) else []
        # What the reader shows of a value without its content, such as a large array.
        picture = isinstance(inner, dict) and any(mark.startswith("__") for mark in inner)
        if below:
            yield from below
        elif telling and inner not in ("", [], {}, None) and not picture:
            yield here, inner
