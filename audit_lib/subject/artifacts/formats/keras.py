"""Keras's zip: a JSON of layers, which may hold functions, and weights in HDF5."""

from collections.abc import Mapping

from audit_lib.subject.artifacts.artifact import Format, Json, Safety, walk
from audit_lib.subject.artifacts.draft import Draft
from audit_lib.subject.artifacts.formats.members import Members
from audit_lib.subject.artifacts.formats.metadata import parse_json

_OWN = ("keras", "tensorflow", "tf_keras", "builtins")


def read_keras(members: Members, draft: Draft) -> None:
    """Judge the layers: functions by value run when the model is loaded or called."""
    draft.format, draft.executable = Format.KERAS, True
    config = parse_json(members.read("config.json"), draft)
    about = parse_json(members.read("metadata.json"), draft)
    if isinstance(about, Mapping) and "keras_version" in about:
        draft.wrote("keras", about["keras_version"])
    draft.document = {"config": config, "metadata": about}
    for pointer, node in walk(config):
        if isinstance(node, Mapping) and isinstance(node.get("class_name"), str):
            _judge(pointer, node, draft)


def _judge(pointer: str, node: Mapping[str, Json], draft: Draft) -> None:
    name, module = node["class_name"], node.get("module")
    full = f"{module}.{name}" if isinstance(module, str) else name
    draft.globals.add(full)
    if name in ("Lambda", "__lambda__"):
        draft.refuse(
            "a function by value, which the loader runs",
            global_name=full,
            where=pointer,
            safety=Safety.UNSAFE,
        )
    elif isinstance(module, str) and module.split(".")[0] not in _OWN:
        draft.refuse("is not of Keras", global_name=full, where=pointer)
    elif name == "function" or (module is None and node.get("registered_name")):
        draft.refuse("names code that the loader looks up", global_name=full, where=pointer)
