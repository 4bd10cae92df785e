"""XGBoost's models in JSON and UBJSON: on their own, and as bytes within a pickled ``Booster``.

Source: the UBJSON draft 12 type table, and the model schema in XGBoost's documentation.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from audit_lib.subject.artifacts.artifact import Format, Json
from audit_lib.subject.artifacts.draft import Draft, OverBudget, Undecodable
from audit_lib.subject.artifacts.formats.metadata import within_budget
from audit_lib.subject.artifacts.formats.trees import part, xgboost_wrong
from audit_lib.subject.artifacts.source import Source

_NUMBERS = {
    b"i": ">i1", b"U": ">u1", b"I": ">i2", b"l": ">i4", b"L": ">i8", b"d": ">f4", b"D": ">f8",
}  # fmt: skip
_CONSTANTS: dict[bytes, Json] = {b"Z": None, b"T": True, b"F": False}


class _Ubj:
    """Reads one UBJSON value; arrays of one number type come as NumPy arrays."""

    def __init__(self, data: bytes, depth: int) -> None:
        self._data = data
        self._at = 0
        self._depth = depth

    def value(self, kind: bytes = b"") -> Any:
        kind = kind or self._take(1)
        while kind == b"N":
            kind = self._take(1)
        if kind in _NUMBERS:
            return self._number(kind)
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if kind == b"C":
            return self._take(1).decode("latin-1")
        if kind in (b"S", b"H"):
            return self._text()
        if kind not in (b"[", b"{"):
            raise Undecodable(f"no UBJSON type {kind!r} at byte {self._at - 1}")
        self._depth -= 1
        if self._depth < 0:
            raise OverBudget("nested deeper than the budget allows")
        container = self._array() if kind == b"[" else self._object()
        self._depth += 1
        return container

    def _take(self, count: int) -> bytes:
        taken = self._data[self._at : self._at + count]
        if count < 0 or len(taken) != count:
            raise Undecodable(f"truncated: ends at byte {self._at}, within a value")
        self._at += count
        return taken

    def _passes(self, mark: bytes) -> bool:
        """True where this byte comes next, which is then behind us."""
        is_next = self._data.startswith(mark, self._at)
        self._at += is_next
        return is_next

    def _number(self, kind: bytes) -> int | float:
        layout = np.dtype(_NUMBERS[kind])
        value: int | float = np.frombuffer(self._take(layout.itemsize), layout)[0].item()
        return value

    def _length(self) -> int:
        kind = self._take(1)
        value = self._number(kind) if kind in _NUMBERS else -1
        if not isinstance(value, int) or value < 0:
            raise Undecodable(f"no length at byte {self._at}")
        return value

    def _text(self) -> str:
        return self._take(self._length()).decode("utf-8", "replace")

    def _shape(self) -> tuple[bytes, int | None]:
        """Type and count of an optimised container."""
        kind = self._take(1) if self._passes(b"$") else b""
        return kind, self._length() if self._passes(b"#") else None

    def _array(self) -> Any:
        kind, count = self._shape()
        if kind in _NUMBERS and count is not None:
            layout = np.dtype(_NUMBERS[kind])
            return np.frombuffer(self._take(count * layout.itemsize), layout)
        if count is not None:
            if kind in _CONSTANTS or count > len(self._data) - self._at:
                raise Undecodable(f"an array of {count} values has no room at byte {self._at}")
            return [self.value(kind) for _ in range(count)]
        items = []
        while not self._passes(b"]"):
            items.append(self.value())
        return items

    def _object(self) -> dict[str, Any]:
        kind, count = self._shape()
        members: dict[str, Any] = {}
        for _ in range(count) if count is not None else iter(lambda: self._passes(b"}"), True):
            name = self._text()
            members[name] = self.value(kind)
        return members


def parse_ubj(data: bytes, draft: Draft) -> Any:
    """The value that UBJSON bytes hold.

    Raises:
        Undecodable: they are no UBJSON.
        OverBudget: nested too deep.
    """
    try:
        return _Ubj(data, draft.budget.depth).value()
    except (ValueError, MemoryError) as error:
        raise Undecodable(f"no UBJSON: {error}") from None


def is_model(document: Json) -> bool:
    """True for the outline of an XGBoost model, with or without its configuration."""
    if not isinstance(document, Mapping):
        return False
    return any(isinstance(document.get(key), Mapping) for key in ("learner", "Model"))


def read_ubj(source: Source, draft: Draft) -> None:
    """Read a UBJSON model file."""
    within_budget(source, draft)
    document = parse_ubj(source.everything(), draft)
    if not is_model(document):
        raise Undecodable("UBJSON, but no XGBoost model")
    draft.format = Format.XGBOOST_UBJ
    describe(document, draft)


def describe(document: Mapping[str, Any], draft: Draft) -> None:
    """Take over what a parsed model says."""
    draft.document = outline(document, draft)
    judge_trees(document, draft)
    version, names, parameters = facts(document)
    if version:
        draft.wrote("xgboost", version)
    draft.parameters.update(parameters)
    if names:
        draft.features("/learner/feature_names", names)
    draft.note("XGBoost's parser is native code; load an untrusted model in a child")


def judge_trees(document: Mapping[str, Any], draft: Draft) -> None:
    """Refuse a model whose trees make the parser read outside of them."""
    for wrong in xgboost_wrong(document):
        draft.problem(f"XGBoost model: {wrong}")
        draft.refuse(f"loading or asking it may crash the process: {wrong}")


def facts(document: Mapping[str, Any]) -> tuple[str, list[str], dict[str, Json]]:
    """Version, feature names and parameters of a model."""
    model = part(document, "Model") if "Model" in document else document
    raw = model.get("version", [])
    version = ".".join(map(str, raw)) if isinstance(raw, (list, np.ndarray)) else ""
    names = part(model, "learner").get("feature_names", [])
    parameters: dict[str, Json] = {}
    for block in (document.get("Config", {}), model):
        _collect(block, parameters)
    return version, [str(n) for n in names] if isinstance(names, list) else [], parameters


def _collect(block: Any, into: dict[str, Json]) -> None:
    """Leaves of every ``..._param`` block, and the names of objective and booster."""
    waiting = [("", block)]
    while waiting:
        key, value = waiting.pop()
        if not isinstance(value, Mapping):
            continue
        if key.endswith(("_param", "_params")):
            into.update({k: v for k, v in value.items() if isinstance(v, (str, int, float))})
        if key in ("objective", "gradient_booster") and isinstance(value.get("name"), str):
            into.setdefault(key, value["name"])
        waiting.extend((k, v) for k, v in value.items() if k != "trees")


def outline(value: Any, draft: Draft) -> Json:
    """A model without its trees and long arrays."""
    if isinstance(value, Mapping):
        return {
            str(key): {"count": len(inner)}
            if key == "trees" and isinstance(inner, list)
            else outline(inner, draft)
            for key, inner in value.items()
        }
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list):
        if len(value) > draft.budget.array_values:
            return {"count": len(value)}
        return [outline(item, draft) for item in value]
    return value
