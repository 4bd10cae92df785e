"""What the picture of a pickle says of estimators: versions, features, hyper-parameters."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from audit_lib.subject.artifacts.artifact import Json, resolve, walk
from audit_lib.subject.artifacts.draft import Draft, Undecodable
from audit_lib.subject.artifacts.formats import lightgbm, xgboost
from audit_lib.subject.artifacts.formats.metadata import FEATURE_KEYS
from audit_lib.subject.artifacts.judge import numpy_values
from audit_lib.subject.artifacts.judge.values import Blob, Value
from audit_lib.subject.artifacts.judge.view import ValueView
from audit_lib.subject.pointers import pointer_to

_LIBRARIES = frozenset(("sklearn", "lightgbm", "xgboost", "catboost"))
#: Attributes that fitted estimators keep the names of their input columns in.
_FITTED_NAMES = frozenset(("feature_names_in_", "_feature_name", "feature_name_", "_feature_names"))


def take(draft: Draft, value: Value) -> None:
    """Take over the picture of what a pickle holds, and what it says of estimators."""
    describe(draft, ValueView(draft, partial(_native, draft)).draw(value))


def _native(draft: Draft, name: str, state: dict[str, Value]) -> dict[str, Json]:
    """The native model within a pickled ``Booster``, given its class and its attributes."""
    module, _, kind = name.rpartition(".")
    library = module.partition(".")[0]
    if kind != "Booster" or library not in ("lightgbm", "xgboost"):
        return {}
    for key in ("_handle", "handle"):
        model = state.get(key)
        if isinstance(model, Blob):
            draft.note(f"the model within {name} is too large to show")
        elif model is not None:
            return {key: _native_model(library, model, draft)}
    return {}


def _native_model(library: str, model: Value, draft: Draft) -> Json:
    draft.note(f"{library} parses the model within in native code; load it in a child")
    try:
        if library == "lightgbm" and isinstance(model, str):
            parsed, problems = lightgbm.parse_model(model)
            for problem in problems:
                draft.problem(f"LightGBM model: {problem}")
                draft.refuse(f"loading it may crash the process: {problem}")
            draft.wrote("lightgbm", f"model format {parsed['header'].get('version', '?')}")
            return parsed
        raw = numpy_values.as_bytes(model)
        if library == "xgboost" and raw is not None and raw[:1] == b"{":
            document = xgboost.parse_ubj(raw, draft)
            if xgboost.is_model(document):
                xgboost.judge_trees(document, draft)
                version, names, parameters = xgboost.facts(document)
                if version:
                    draft.wrote("xgboost", version)
                return {
                    "version": version,
                    "feature_names": names,
                    "parameters": parameters,
                    "model": xgboost.outline(document, draft),
                }
    except Undecodable as error:
        draft.problem(f"{library} model: {error}")
    return {"__opaque__": f"a {library} model in a form that is not read here"}


def describe(draft: Draft, document: Json) -> None:
    """Take over a picture, and what it says of estimators."""
    draft.document = document
    for pointer, value in walk(document):
        if not isinstance(value, Mapping):
            continue
        version = value.get("_sklearn_version")
        if isinstance(version, str) and "__class__" in value:
            draft.wrote("sklearn", version)
        for key, inner in value.items():
            if key in FEATURE_KEYS or key in _FITTED_NAMES:
                names = _names(document, inner)
                if names:
                    draft.features(pointer + pointer_to(str(key)), names)
    modules = [name.rpartition(".")[0] for name in draft.globals]
    if any(module.startswith("numpy._core") for module in modules):
        draft.wrote("numpy", ">=2")
    elif any(module.startswith("numpy.core") for module in modules):
        draft.wrote("numpy", "<2")
    # The features of the outermost object, where it names them itself.
    outermost = {names for pointer, names in draft.feature_sets.items() if pointer.count("/") == 1}
    if len(outermost) == 1:
        draft.feature_names = outermost.pop()
    draft.parameters.update(_parameters(document, "", 0))


def _names(document: Json, value: Json) -> list[str]:
    if isinstance(value, Mapping) and "__same_as__" in value:
        value = resolve(document, value["__same_as__"])
    if isinstance(value, Mapping):
        value = value.get("values", value.get("items"))
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return value
    return []


def _parameters(value: Json, prefix: str, depth: int) -> dict[str, Json]:
    """Hyper-parameters of the estimators within, as ``outer__inner``; not of fitted parts."""
    if depth > 12:
        return {}
    parameters: dict[str, Json] = {}
    if isinstance(value, Mapping):
        kind: Any = value.get("__class__")
        estimator = isinstance(kind, str) and kind.partition(".")[0] in _LIBRARIES
        for key, inner in value.items():
            if key.startswith("_") or key.endswith("_"):
                continue
            items = inner if isinstance(inner, list) else [inner]
            if estimator and not any(isinstance(item, (list, Mapping)) for item in items):
                parameters[prefix + key] = inner
            else:
                parameters.update(_parameters(inner, f"{prefix}{key}__", depth + 1))
    elif isinstance(value, list):
        for name, inner in _members(value):
            parameters.update(_parameters(inner, f"{prefix}{name}__", depth + 1))
    return parameters


def _members(items: list[Json]) -> list[tuple[str, Json]]:
    """Members by name where they are (name, estimator) pairs, else by position."""
    named = [
        (item[0], item[1])
        for item in items
        if isinstance(item, list) and len(item) >= 2 and isinstance(item[0], str)
    ]
    if items and len(named) == len(items):
        return named
    return [(str(i), item) for i, item in enumerate(items) if isinstance(item, (Mapping, list))]
