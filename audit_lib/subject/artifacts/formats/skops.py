"""Skops files: a zip with a ``schema.json`` that names classes and functions to rebuild.

Source: the persistence format described in the documentation of skops.
"""

import json
from collections.abc import Mapping

from audit_lib.subject.artifacts.artifact import Format, Json, Safety, walk
from audit_lib.subject.artifacts.draft import Draft, Undecodable
from audit_lib.subject.artifacts.formats import estimators, numpy_files
from audit_lib.subject.artifacts.formats.members import Members
from audit_lib.subject.artifacts.formats.metadata import parse_json
from audit_lib.subject.artifacts.judge.trust import judge

_PLAIN = frozenset(
    ("NoneType", "bool", "int", "float", "complex", "str", "bytes", "bytearray", "type")
)
#: Nodes that call, or build a callable, whatever they name.
_CALLING = {
    "PartialNode": "builds functools.partial",
    "MethodNode": "looks up a method",
    "OperatorFuncNode": "builds a callable of operator",
    "ReduceNode": "calls what it names",
}


def read_skops(members: Members, draft: Draft) -> None:
    """Judge every name of the schema and show the objects as attributes.

    Raises:
        Undecodable: the schema is no JSON object.
    """
    draft.format, draft.executable = Format.SKOPS, True
    schema = parse_json(members.read("schema.json"), draft)
    if not isinstance(schema, Mapping):
        raise Undecodable("a skops schema that is no JSON object")
    for pointer, node in walk(schema):
        if isinstance(node, Mapping) and "__class__" in node:
            _judge(pointer, node, draft)
    if "_skops_version" in schema:
        draft.wrote("skops", schema["_skops_version"])
    draft.wrote("protocol", schema.get("protocol", "?"))
    for name in members.names():
        if name.endswith(".npy"):
            numpy_files.read_member(members, name, draft, name)
    estimators.describe(draft, _shown(schema, draft))


def _judge(pointer: str, node: Mapping[str, Json], draft: Draft) -> None:
    module, name = str(node.get("__module__", "")), str(node["__class__"])
    loader = str(node.get("__loader__", ""))
    pairs = [(module, name)]
    content = node.get("content")
    if isinstance(content, Mapping) and "module_path" in content:
        pairs.append((str(content["module_path"]), str(content.get("function", ""))))
    if module == "builtins" and name in _PLAIN:
        pairs = pairs[1:]
    for found in pairs:
        full = ".".join(found)
        draft.globals.add(full)
        verdict = judge(*found)
        if verdict.safety is not Safety.SAFE:
            draft.refuse(verdict.why, global_name=full, where=pointer, safety=verdict.safety)
    if loader in _CALLING:
        draft.refuse(_CALLING[loader], global_name=f"{module}.{name}", where=pointer)


def _shown(node: Json, draft: Draft, depth: int = 0) -> Json:
    """Objects as ``{"__class__", **attributes}``, as they are shown of a pickle."""
    if depth > draft.budget.depth or not isinstance(node, Mapping):
        return None if isinstance(node, Mapping) else node
    name = f"{node.get('__module__', '')}.{node.get('__class__', '')}"
    content = node.get("content")
    if node.get("__loader__") == "JsonNode" and isinstance(content, str):
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            return content
    if isinstance(content, list):
        return [_shown(item, draft, depth + 1) for item in content]
    if node.get("__loader__") == "DictNode" and isinstance(content, Mapping):
        return {str(k): _shown(v, draft, depth + 1) for k, v in content.items()}
    shown: dict[str, Json] = {"__class__": name}
    attributes = content.get("content") if isinstance(content, Mapping) else None
    if isinstance(attributes, Mapping):
        shown.update({str(k): _shown(v, draft, depth + 1) for k, v in attributes.items()})
    if isinstance(node.get("file"), str):
        shown["file"] = node["file"]
    return shown
