"""MLflow's folders: the ``MLmodel`` beside a model, and the small files of a run."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from audit_lib.subject.artifacts.artifact import Format, Json
from audit_lib.subject.artifacts.draft import Draft
from audit_lib.subject.artifacts.source import Source

_VALUES = ("params", "metrics", "tags")
_LARGEST_VALUE = 1 << 20
_DEEPEST = 8
#: Keys under which flavours keep paths within the folder of the model.
_PATHS = frozenset([
    "model_path", "data", "path", "code", "python_model", "pickled_model", "model_file",
    "artifact_path", "model_binary", "conda", "virtualenv", "env", "saved_model_dir",
    "model_code_path", "config_path",
])  # fmt: skip
#: Keys under which flavours note the version of their library.
_VERSIONS = {
    "sklearn_version": "sklearn", "lgb_version": "lightgbm", "xgb_version": "xgboost",
    "pytorch_version": "torch", "keras_version": "keras", "onnx_version": "onnx",
    "python_version": "python", "cloudpickle_version": "cloudpickle",
}  # fmt: skip


def describe(draft: Draft) -> None:
    """Recognise an ``MLmodel`` or a run's ``meta.yaml`` among parsed YAML, and take it over."""
    document = draft.document
    if not isinstance(document, Mapping):
        return
    if "run_uuid" in document or ("run_id" in document and "experiment_id" in document):
        draft.format = Format.MLFLOW_RUN
    flavors = document.get("flavors")
    if not isinstance(flavors, Mapping):
        return
    draft.format = Format.MLFLOW_MODEL
    if isinstance(document.get("mlflow_version"), str):
        draft.wrote("mlflow", document["mlflow_version"])
    for name, flavor in flavors.items():
        if isinstance(flavor, Mapping):
            _flavor(name, flavor, draft)
    signature = document.get("signature")
    if isinstance(signature, Mapping):
        _signature(signature.get("inputs"), draft)


def _flavor(name: str, flavor: Mapping[str, Json], draft: Draft) -> None:
    for key, library in _VERSIONS.items():
        if isinstance(flavor.get(key), str):
            draft.wrote(library, flavor[key])
    loader = flavor.get("loader_module")
    if isinstance(loader, str):
        draft.globals.add(loader)
        if loader.partition(".")[0] != "mlflow":
            draft.refuse(
                "MLflow imports this module of the folder to load the model", global_name=loader
            )
    for key, value in _leaves(flavor):
        parts = value.replace("\\", "/").split("/")
        if key in _PATHS and (".." in parts or value.startswith(("/", "\\")) or ":" in parts[0]):
            draft.refuse(f"flavor {name}: {key} leads out of the folder of the model: {value!r}")
    if flavor.get("serialization_format") == "cloudpickle" or "python_model" in flavor:
        draft.note(f"flavor {name}: its model is a cloudpickle, which holds functions by value")


def _leaves(value: Json, key: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Every text of a flavor, with the key it stands under."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, list) and depth < _DEEPEST:
        for inner in value:
            yield from _leaves(inner, key, depth + 1)
    elif isinstance(value, Mapping) and depth < _DEEPEST:
        for inner_key, inner in value.items():
            yield from _leaves(inner, str(inner_key), depth + 1)


def _signature(inputs: Json, draft: Draft) -> None:
    try:
        columns = json.loads(inputs) if isinstance(inputs, str) else None
    except (ValueError, RecursionError):
        draft.problem("a signature whose inputs are no JSON")
        return
    if isinstance(columns, list):
        names = [column.get("name") for column in columns if isinstance(column, Mapping)]
        if names and all(isinstance(name, str) for name in names):
            draft.features("/signature/inputs", names)


def is_run_value(source: Source) -> bool:
    """True for a file of ``params``, ``metrics`` or ``tags`` in the folder of a run.

    One value says nothing of its format, so here the folder decides.
    """
    kind = _kind_of(source)
    within = kind is not None and (kind.parent / "meta.yaml").is_file()
    return within and source.size <= _LARGEST_VALUE


def _kind_of(source: Source) -> Path | None:
    """The folder of ``params``, ``metrics`` or ``tags`` that a file stands in, if it does."""
    return next((p for p in source.path.parents[:4] if p.name in _VALUES), None)


def read_run_value(source: Source, draft: Draft) -> None:
    """Read one parameter, metric or tag; a metric's last line counts."""
    draft.format = Format.MLFLOW_RUN
    folder = _kind_of(source)
    assert folder is not None
    kind, key = folder.name, source.path.relative_to(folder).as_posix()
    text = source.everything().decode("utf-8", "replace")
    value: Json = text
    if kind == "metrics":
        rows = [line.split() for line in text.splitlines() if line.strip()]
        try:
            value = float(rows[-1][1])
        except (IndexError, ValueError):
            draft.problem("a metric without value")
    draft.document = {kind: {key: value}}
    if kind == "params":
        draft.parameters[key] = value
