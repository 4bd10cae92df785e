"""What an artifact holds as plain data: the way a pointer of a subject reads it."""

import json
from collections.abc import Mapping

from audit_lib.subject.artifacts.artifact import Artifact, Json, PointerError, resolve
from audit_lib.subject.pointers import keys_of

#: values copied at most; more is a weight matrix, and no metadata
MOST = 200_000
_DEEPEST = 100
_CONTAINERS = ("builtins.tuple", "builtins.set", "builtins.frozenset", "collections.deque")


def plain_document(artifact: Artifact) -> Json:
    """The document of an artifact, its marks resolved; None where it has none.

    Arrays that the reader showed are lists of their values, shared values stand in every place,
    JSON written as text (as ONNX, XGBoost and MLflow keep it) is what it says, and columns that
    the reader recognised are lists of names.
    """
    if artifact.document is None:
        return None
    document = _Copy(artifact.document).of(artifact.document, 0)
    for pointer, names in artifact.feature_sets.items():
        _put(document, pointer, list(names))
    return document


class _Copy:
    def __init__(self, document: Json) -> None:
        self._document = document
        self._left = MOST

    def of(self, value: Json, depth: int) -> Json:
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return None
        if isinstance(value, Mapping):
            return self._mapping(value, depth + 1)
        if isinstance(value, (list, tuple)):
            return [self.of(item, depth + 1) for item in value]
        if isinstance(value, str) and value[:1] in ("[", "{"):
            return _parsed(value)
        return value

    def _mapping(self, value: Mapping[str, Json], depth: int) -> Json:
        if len(value) == 1 and isinstance(value.get("__same_as__"), str):
            try:
                return self.of(resolve(self._document, value["__same_as__"]), depth)
            except PointerError:
                return None
        if "__class__" in value and "dtype" in value and "values" in value:
            return self.of(value["values"], depth)
        if value.get("__class__") in _CONTAINERS and "items" in value:
            return self.of(value["items"], depth)
        if str(value.get("__class__")).startswith("datetime.") and "value" in value:
            return value["value"]
        if "__class__" in value and isinstance(value.get("mapping"), Mapping):
            return self.of(value["mapping"], depth)
        return {str(key): self.of(inner, depth) for key, inner in value.items()}


def _parsed(text: str) -> Json:
    """The list or mapping that a text spells in JSON; the text itself where it spells none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _put(document: Json, pointer: str, value: Json) -> None:
    *way, last = keys_of(pointer) or [""]
    for key in way:
        document = document.get(key) if isinstance(document, dict) else None
    if isinstance(document, dict) and last in document:
        document[last] = value
