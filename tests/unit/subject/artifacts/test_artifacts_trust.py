"""The allow-list is what it says: held against the libraries it is about."""

from __future__ import annotations

import importlib
import inspect
import pickle
import pkgutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sklearn
from benign import cases
from watched import read_bytes

from audit_lib.subject.artifacts import Safety
from audit_lib.subject.artifacts.judge import arguments
from audit_lib.subject.artifacts.judge.trust import INERT, NAMED, NAMES, RULES, judge


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(sklearn.__path__, "sklearn."):
        if not any(part in found.name for part in ("tests", "conftest", "externals")):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    yield importlib.import_module(found.name)
            except ImportError:
                continue


@pytest.fixture(scope="module")
def trusted_of_sklearn() -> dict[str, Any]:
    """Everything a name of scikit-learn that the list trusts leads to, in any of its modules."""
    found = {}
    for module in _modules():
        for name, value in vars(module).items():
            if judge(module.__name__, name).rule == INERT:
                found[f"{module.__name__}.{name}"] = value
    return found


def test_names_of_estimators_lead_to_classes_of_scikit_learn(
    trusted_of_sklearn: dict[str, Any],
) -> None:
    assert len(trusted_of_sklearn) > 400
    for full, value in trusted_of_sklearn.items():
        assert inspect.isclass(value), full
        assert value.__module__.partition(".")[0] in ("sklearn", "_loss"), full


def test_no_trusted_class_acts_when_it_is_made_or_dropped(
    trusted_of_sklearn: dict[str, Any],
) -> None:
    allocating = {"PassiveAggressiveClassifier", "PassiveAggressiveRegressor"}
    for full, value in trusted_of_sklearn.items():
        assert not hasattr(value, "__del__"), full
        written = inspect.isfunction(inspect.getattr_static(value, "__new__", None))
        assert not written or value.__name__ in allocating, full


def test_states_of_trusted_classes_are_only_stored(trusted_of_sklearn: dict[str, Any]) -> None:
    """A ``__setstate__`` in Python is one of those that were read and found harmless."""
    read = {"BaseEstimator", "IsotonicRegression", "TreePredictor", "Bunch"}
    for full, value in trusted_of_sklearn.items():
        setter = getattr(value, "__setstate__", None)
        if inspect.isfunction(setter):
            assert setter.__qualname__.partition(".")[0] in read, (full, setter.__qualname__)


def test_all_estimators_of_the_installed_version_are_trusted() -> None:
    from sklearn.utils import all_estimators

    for name, value in all_estimators():
        assert judge(value.__module__, name).safety is Safety.SAFE, name


def _built_bare() -> Iterator[tuple[str, Any]]:
    """What is installed of the names that may be built, with the object that each leads to."""
    for (module, name), rule in RULES.items():
        if rule not in arguments.INSTANCES or not find_spec(module.partition(".")[0]):
            continue
        try:
            value: Any = importlib.import_module(module)
        except ImportError:
            continue  # a module of another version
        for part in name.split("."):
            value = getattr(value, part, None)
        if inspect.isclass(value):
            yield f"{module}.{name}", value


#: ``__setstate__`` and ``__new__`` in Python that were read, and store what they get.
READ = {
    "ExtensionArray", "Categorical", "SparseArray", "NDArrayBacked", "NDFrame", "MultiIndex",
    "Booster", "UserDict", "LinearOperator", "ABCPolyBase", "BaseEstimator", "Bunch", "CVBooster",
    "CategoricalDtype", "EigResult", "EighResult", "QRResult", "SVDResult", "SlogdetResult", "Enum",
    "Hyperparameter", "SingleBlockManager", "coo_matrix", "PurePath", "Path",
    "BlockPlacement", "ArrowDtype",
    "ArrowExtensionArray", "ArrowStringArray", "BaseStringArray", "StringArray", "Fraction",
    "Decimal", "UUID", "DatetimeTZDtype", "PeriodDtype", "IntervalDtype", "IntervalArray",
    "StringDtype", "_namedtuple", "Timestamp", "Timedelta", "Period", "_CovViaPSD", "Covariance",
    "BaseOffset", "Index", "ArrowStringArrayMixin", "_lil_base", "_dok_base", "BaseMaskedArray",
    "_CovViaCholesky", "poly1d", "vectorize", "deque", "NumpyExtensionArray", "Interval",
    "Random", "NormalDist", "RBFInterpolator", "Rotation", "TransferFunction", "StateSpace",
    "ZerosPolesGain", "_ImputerTriplet", "Buffer", "Parameter", "Module", "RNNBase", "Softmax",
    "Softmin", "LogSoftmax", "MultiheadAttention", "TransformerEncoderLayer", "Upsample",
    "TransformerDecoderLayer", "_ConvNd", "Tensor", "AvgPool3d",
    "WindowsPath", "PosixPath", "BSpline", "PPoly", "BPoly",
}  # fmt: skip


def test_what_is_built_bare_reaches_nothing() -> None:
    """Its ``__new__`` and ``__setstate__`` are of C, inherited from object, or were read."""
    found = list(_built_bare())
    assert len(found) > 150
    for full, value in found:
        assert not hasattr(value, "__del__") or full.endswith(".Booster")
        for method in ("__new__", "__setstate__"):
            written = inspect.getattr_static(value, method, None)
            written = getattr(written, "__func__", written)
            if inspect.isfunction(written):
                assert written.__qualname__.partition(".")[0] in READ, (full, written.__qualname__)


def test_distributions_rebuild_themselves_from_one_template_only() -> None:
    from scipy.stats import _continuous_distns, _discrete_distns, _distn_infrastructure

    for module in (_continuous_distns, _discrete_distns):
        for name, value in vars(module).items():
            if judge(module.__name__, name).rule == "distribution":
                assert issubclass(value, _distn_infrastructure.rv_generic), name
                setter = value.__setstate__
                assert setter is _distn_infrastructure.rv_generic.__setstate__, name


def test_every_rule_of_the_table_exists() -> None:
    assert set(RULES.values()) <= set(arguments.RULES) | {NAMED}
    assert set(arguments.RULES) >= arguments.INSTANCES


def test_names_of_numpy_and_python_exist() -> None:
    for module, name in RULES:
        if module in ("builtins", "collections", "datetime", "decimal", "uuid", "numpy"):
            assert hasattr(importlib.import_module(module), name), (module, name)


def test_no_trusted_name_is_a_harmful_one() -> None:
    for module, name in RULES:
        assert judge(module, name).safety is Safety.SAFE


@pytest.mark.parametrize("module", NAMES["harmful"].split("\n")[1].split())
def test_harmful_modules_are_harmful_whatever_is_asked_of_them(module: str) -> None:
    assert judge(module, "whatever").safety is Safety.UNSAFE
    assert judge(f"{module}.inner", "whatever.deeper").safety is Safety.UNSAFE


def test_a_prefix_is_not_a_package() -> None:
    assert judge("osprey.models", "Model").safety is Safety.UNKNOWN
    assert judge("sklearn2.base", "StandardScaler").safety is Safety.UNKNOWN


def test_reading_imports_no_library_of_models(tmp_path: Path) -> None:
    for number, content in enumerate(cases().values()):
        (tmp_path / str(number)).write_bytes(content)
    code = (
        "import sys; from pathlib import Path; import audit_lib.subject.artifacts as a;"
        "a.inventory(Path(sys.argv[1]));"
        "found = {m.partition('.')[0] for m in sys.modules} & "
        "{'sklearn', 'lightgbm', 'xgboost', 'torch', 'joblib', 'pandas', 'onnx', 'scipy'};"
        "sys.exit(str(sorted(found)) if found else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


_BARE_SPLINE = b"cscipy.interpolate._bsplines\n_BSpline\n)\x81}b"
_ARRAY = pickle.dumps(np.empty(0), 2)[2:-1]


@pytest.mark.parametrize(
    ("state", "safety"),
    [
        (_BARE_SPLINE + _ARRAY + b"\x86", Safety.SAFE),
        (b"}", Safety.SAFE),  # before SciPy 1.18
        (_ARRAY + _BARE_SPLINE + b"\x86", Safety.UNKNOWN),
        (_BARE_SPLINE + b"N\x86", Safety.UNKNOWN),
        (b"}" + _ARRAY + b"\x86", Safety.UNKNOWN),
        (_BARE_SPLINE + _ARRAY + _ARRAY + b"\x87", Safety.UNKNOWN),
        (_BARE_SPLINE[:-2] + b"}U\x13__array_namespace__cbuiltins\nprint\nsb" + _ARRAY + b"\x86",
         Safety.UNSAFE),
    ],
)  # fmt: skip
def test_a_spline_is_given_what_it_stands_for(state: bytes, safety: Safety, tmp_path: Path) -> None:
    content = b"\x80\x02cscipy.interpolate._bsplines\nBSpline\n)\x81" + state + b"b."
    assert read_bytes(tmp_path, content).safety is safety
