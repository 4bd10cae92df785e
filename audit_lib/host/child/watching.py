"""Has estimators report to a recorder while a trainer runs.

Watched are scikit-learn, LightGBM and XGBoost where the subject can import them, and the classes
that its hook names with ``audit_lib.hooks.watch``.
"""

from __future__ import annotations

import importlib
import sys
import threading
from contextlib import ExitStack, contextmanager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from .functions import functions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .capture import Recorder

#: These only pass on to the estimators within, which report themselves.
_TRANSPARENT = ("sklearn.pipeline", "sklearn.model_selection", "sklearn.compose")
_FEW = 8
_METHODS = {
    "fit": "fit",
    "partial_fit": "partial_fit",
    "fit_transform": "fit_transform",
    "transform": "transform",
    "predict": "predict",
    "predict_proba": "predict",
    "decision_function": "predict",
}


@contextmanager
def watching(recorder: Recorder) -> Iterator[None]:
    """Libraries, and classes that the hook names, report while this lasts."""
    hooks = sys.modules["audit_lib.hooks"]
    with ExitStack() as undo:
        watch = Watch(recorder, undo)
        for owner in _estimators():
            for name, op in _METHODS.items():
                watch.method(owner, name, op)
        for library, holder in (("lightgbm", "Dataset"), ("xgboost", "DMatrix")):
            module = _module(library)
            if module is not None:
                watch.boosters(module, holder)

        def named(owner: Any, methods: dict[str, str]) -> None:
            if not isinstance(owner, type):
                functions(recorder, undo, owner, methods)
                return
            for op, name in methods.items():
                watch.method(owner, name, op, outermost=False)

        undo.enter_context(_one_process())
        hooks._watching.append(named)
        undo.callback(hooks._watching.clear)
        yield


def _one_process() -> Any:
    """Joblib without helpers: what they fit could not be seen."""
    joblib = _module("joblib")
    return nullcontext() if joblib is None else joblib.parallel_config(backend="sequential")


class Watch:
    """Puts wrappers around methods, and takes them away again through ``undo``."""

    def __init__(self, recorder: Recorder, undo: ExitStack) -> None:
        """Report to ``recorder``."""
        self._recorder = recorder
        self._undo = undo
        self._depth = threading.local()

    def method(self, owner: type, name: str, op: str, *, outermost: bool = True) -> None:
        """Have one method report; calls that estimators make within one another do not."""
        attribute = vars(owner).get(name)
        method = getattr(attribute, "__func__", attribute)
        if not callable(method) or isinstance(attribute, (property, staticmethod)):
            return
        if not hasattr(method, "__code__") or hasattr(method, "_audit_watched"):
            return

        @wraps(method)
        def call(who: Any, *args: Any, **kwargs: Any) -> Any:
            depth = getattr(self._depth, "value", 0)
            if depth and outermost:
                return method(who, *args, **kwargs)
            self._depth.value = depth + outermost
            begun = len(self._recorder.steps)
            try:
                out = method(who, *args, **kwargs)
            finally:
                self._depth.value = depth
            x, y = _given(args, kwargs)
            if op in ("fit", "partial_fit", "fit_transform"):
                estimator = out if isinstance(who, type) else who
                self._recorder.fitted(estimator, x, y, begun, more=op == "partial_fit")
                if outermost and y is None and hasattr(who, "transform"):
                    self._depth.value = depth + 1  # what is tried here is no step
                    self._recorder.steps[-1]["stateless"] = _stateless(who, x)
                    self._depth.value = depth
                for rows in _held_out(kwargs):
                    self._recorder.judged(estimator, rows)
            if op in ("transform", "fit_transform"):
                return self._recorder.transformed(who, x, out)
            return self._recorder.predicted(who, x, out) if op == "predict" else out

        call._audit_watched = True  # type: ignore[attr-defined]
        is_class_method = isinstance(attribute, classmethod)
        self._put(owner, name, attribute, classmethod(call) if is_class_method else call)

    def _put(self, owner: Any, name: str, before: Any, call: Any) -> None:
        """Have ``call`` stand in the place of what was there before, until that is undone."""
        self._undo.callback(setattr, owner, name, before)
        setattr(owner, name, call)

    def boosters(self, module: Any, holder: str) -> None:
        """LightGBM's or XGBoost's own interface, which takes datasets."""
        datasets: dict[int, Any] = {}  # id to the dataset, its rows and its labels
        self._datasets(getattr(module, holder), datasets)
        self._train(module, datasets)
        self._predict(module.Booster, datasets)
        self._cross_validate(module)

    def _datasets(self, owner: type, datasets: dict[int, Any]) -> None:
        begin = owner.__init__  # type: ignore[misc]

        @wraps(begin)
        def initialise(who: Any, *args: Any, **kwargs: Any) -> None:
            begin(who, *args, **kwargs)
            given = dict(zip(("data", "label"), args)) | kwargs  # noqa: B905 - the child may be 3.9
            datasets[id(who)] = (who, given.get("data"), given.get("label"))

        self._put(owner, "__init__", begin, initialise)

    def _train(self, module: Any, datasets: dict[int, Any]) -> None:
        train = module.train

        @wraps(train)
        def call(*args: Any, **kwargs: Any) -> Any:
            depth = getattr(self._depth, "value", 0)
            self._depth.value = depth + 1
            try:
                out = train(*args, **kwargs)
            finally:
                self._depth.value = depth
            given = [*args[1:2], kwargs.get("train_set"), kwargs.get("dtrain")]
            train_set = next((datasets[id(g)] for g in given if id(g) in datasets), None)
            if depth == 0 and train_set is not None:
                self._recorder.fitted(out, train_set[1], train_set[2], len(self._recorder.steps))
                for other in _datasets(kwargs, args):
                    if id(other) in datasets and datasets[id(other)] is not train_set:
                        self._recorder.judged(out, datasets[id(other)][1])
            return out

        self._put(module, "train", train, call)

    def _cross_validate(self, module: Any) -> None:
        """Folds that are fitted in compiled code cannot be followed."""
        run = module.cv

        @wraps(run)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._recorder.unseen(f"{module.__name__}.cv")
            return run(*args, **kwargs)

        self._put(module, "cv", run, call)

    def _predict(self, owner: type, datasets: dict[int, Any]) -> None:
        predict = owner.predict  # type: ignore[attr-defined]

        @wraps(predict)
        def call(who: Any, data: Any, *args: Any, **kwargs: Any) -> Any:
            out = predict(who, data, *args, **kwargs)
            if getattr(self._depth, "value", 0) == 0:
                rows = datasets[id(data)][1] if id(data) in datasets else data
                return self._recorder.predicted(who, rows, out)
            return out

        self._put(owner, "predict", predict, call)


def _estimators() -> list[type]:
    """Classes of scikit-learn, and the likes of them in the boosting libraries."""
    classes: dict[type, None] = {}
    if (utils := _module("sklearn.utils")) is not None:
        for _, kind in utils.all_estimators():
            classes |= dict.fromkeys(kind.__mro__)
    for library, name in (("lightgbm", "LGBMModel"), ("xgboost", "XGBModel")):
        base = getattr(_module(library), name, None)
        if isinstance(base, type):
            classes |= dict.fromkeys([base, *_below(base)])
    libraries = ("sklearn.", "lightgbm.", "xgboost.")
    return [
        kind
        for kind in classes
        if kind.__module__.startswith(libraries) and not kind.__module__.startswith(_TRANSPARENT)
    ]


def _below(kind: type[Any]) -> list[type]:
    return [c for direct in kind.__subclasses__() for c in (direct, *_below(direct))]


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception:  # noqa: BLE001 - absent, or broken: then the subject cannot use it either
        return None


def _stateless(who: Any, x: Any) -> bool:
    """True where a transformer learns nothing from rows: fitted on half, it answers the same."""
    try:
        twin = type(who)(**who.get_params(deep=False))
        few = x.iloc[:_FEW] if hasattr(x, "iloc") else x[:_FEW]
        half = x.iloc[len(x) // 2 :] if hasattr(x, "iloc") else x[len(x) // 2 :]
        return bool(np.array_equal(twin.fit(half).transform(few), who.transform(few)))
    except Exception:  # noqa: BLE001 - then it is no ordinary transformer
        return False


def _held_out(kwargs: dict[str, Any]) -> list[Any]:
    """Rows that a fit is stopped by: ``eval_set`` of boosting libraries, ``X_val`` of others."""
    given = kwargs.get("eval_set") or []
    pairs = [given] if isinstance(given, tuple) else list(given)
    tables = [pair[0] for pair in pairs if isinstance(pair, (tuple, list)) and pair]
    named = [kwargs[name] for name in ("X_val", "X_valid", "eval_X") if name in kwargs]
    return tables + [x for n in named for x in (n if isinstance(n, (list, tuple)) else [n])]


def _datasets(kwargs: dict[str, Any], args: tuple[Any, ...]) -> list[Any]:
    """Datasets besides the one trained on: ``valid_sets`` of LightGBM, ``evals`` of XGBoost."""
    datasets: list[Any] = []
    for given in (*args[3:], kwargs.get("valid_sets"), kwargs.get("evals")):
        for entry in given if isinstance(given, (list, tuple)) else [given]:
            datasets.append(entry[0] if isinstance(entry, tuple) else entry)
    return datasets


def _given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    x = args[0] if args else next(iter(kwargs.values()), None)
    y = args[1] if len(args) > 1 else kwargs.get("y")
    return x, y
