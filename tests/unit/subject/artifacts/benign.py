"""Honest files of every kind that a quant project keeps."""

from __future__ import annotations

import array
import collections
import datetime as dt
import decimal
import fractions
import gzip
import http
import io
import ipaddress
import operator
import pathlib
import pickle
import random
import re
import statistics
import time
import types
import uuid
import warnings
import zoneinfo
from collections.abc import Callable
from functools import cache
from typing import Any

import joblib
import lightgbm
import numpy as np
import pandas as pd
from assembler import dtype, pickle_of, wrapper
from pandas.tseries.holiday import USFederalHolidayCalendar
from scipy import interpolate, optimize, signal, sparse, spatial, stats
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_iterative_imputer  # noqa: F401 - opens the next
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import IterativeImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import ElasticNet, LogisticRegression, SGDClassifier
from sklearn.metrics import make_scorer, r2_score
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, TimeSeriesSplit
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC

NAMES = ["momentum_20", "volatility_60", "value", "carry"]
_generator = np.random.default_rng(7)
FRAME = pd.DataFrame(_generator.normal(size=(80, 4)), columns=NAMES)
TARGET = FRAME["value"] * 2 + _generator.normal(size=80)
UP = (TARGET > 0).astype(int)


@cache
def plain() -> dict[str, Any]:
    """Data without a library."""
    return {
        "scalars": [None, True, 1, -(2**70), 1.5, float("nan"), "ü", b"\x80\x04", 1j],
        "containers": {"a": (1, (2,)), "b": {3}, "c": frozenset({4}), 5: [[]], (1, 2): "pair"},
        "collections": [
            collections.OrderedDict(a=1),
            collections.defaultdict(list, a=[1]),
            collections.Counter("aab"),
            collections.deque([1, 2], 5),
        ],
        "dates": [
            dt.datetime(2024, 2, 29, 12, 30, 1, 5),
            dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
            dt.date(2024, 1, 1),
            dt.timedelta(1, 2),
            dt.timezone(dt.timedelta(hours=2)),
            dt.time(1, 2),
        ],
        "numbers": [decimal.Decimal("1.5"), fractions.Fraction(1, 3), range(3), slice(1, 2)],
        "others": [
            uuid.UUID(int=5),
            pathlib.PurePosixPath("a/b"),
            types.SimpleNamespace(a=1),
            bytearray(b"x"),
        ],
        "zones": [
            zoneinfo.ZoneInfo("Europe/Zurich"),
            dt.datetime(2024, 1, 1, tzinfo=zoneinfo.ZoneInfo("Asia/Tokyo")),
        ],
        "states of the web": [http.HTTPStatus.OK, http.HTTPMethod.GET],
        "exceptions": [ValueError("x"), KeyError("a"), RuntimeWarning("w"), TimeoutError(1, "x")],
        "an exception with a note": _with_attribute(ValueError("x")),
        "singletons": [..., NotImplemented, type(None), type(...)],
        "patterns": [re.compile("a+b", re.I), re.I | re.M],
        "other collections": [collections.ChainMap({"a": 1}), collections.UserDict(a=1)],
        "packed": [array.array("d", [1.0, 2.0]), array.array("b")],
        "moments": time.gmtime(0),
        "addresses": [ipaddress.ip_address("10.0.0.1"), ipaddress.ip_network("::/8")],
        "a key": operator.itemgetter("a", 1),
        "chance": [random.Random(3), random.getstate()],
        "a normal law": statistics.NormalDist(0, 2),
        "several errors": ExceptionGroup("several", [ValueError("x"), KeyError("y")]),
        "shared": [shared := [1, 2], shared, {"again": shared}],
    }


@cache
def numerical() -> dict[str, Any]:
    """NumPy and pandas."""
    structured = np.array([(1.0, "a")], dtype=[("x", "<f8"), ("name", "U3")])
    return {
        "floats": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "big-endian": np.arange(3, dtype=">i4"),
        "texts": np.array(NAMES),
        "references": np.array(NAMES, dtype=object),
        "dates": np.array(["2024-01-01"], dtype="M8[ns]"),
        "structured": structured,
        "empty": np.zeros((0, 4)),
        "zero axes": np.array(1.0),
        "masked": np.ma.MaskedArray([1.0, 2.0], [True, False]),
        "matrix": np.asmatrix([[1.0]]),
        "scalars": [np.float64(1.5), np.int32(2), np.bool_(True), np.str_("x"), np.str_("")],
        "date scalar": np.datetime64("2024-01-01", "D"),
        "types": [np.dtype("f4"), np.float64, np.log1p, np.dtype("M8[us]")],
        "generators": [np.random.RandomState(0), np.random.default_rng(0)],
        "frame": FRAME,
        "series": TARGET,
        "mixed frame": pd.DataFrame(
            {
                "day": pd.date_range("2024-01-01", periods=2, tz="UTC"),
                "kind": pd.Categorical(["a", "b"]),
                "count": pd.array([1, None], dtype="Int64"),
            },
            index=pd.MultiIndex.from_product([["x"], [1, 2]]),
        ),
        "frame of a zone": FRAME[:2].set_axis(pd.date_range("2024", periods=2, tz="Europe/Zurich")),
        "column of a zone": pd.Series(pd.date_range("2024", periods=2, tz="America/New_York")),
        "stamp of a zone": pd.Timestamp("2024-01-01", tz="Europe/Zurich"),
        "intervals": FRAME[:2].set_axis(pd.interval_range(0, 2)),
        "interval": pd.Interval(0, 1, closed="left"),
        "binned": pd.cut(FRAME["value"], 3),
        "sparse frame": pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1.0])}),
        "business days": FRAME[:3].set_axis(pd.bdate_range("2024", periods=3)),
        "periods": FRAME[:3].set_axis(pd.period_range("2024-01", periods=3, freq="M")),
        "durations": pd.Series(pd.to_timedelta([1, 2], unit="D")),
        "levels": FRAME[:3].set_index(["value", "carry"]),
        "nullable": pd.DataFrame({"f": pd.array([1.5, None], dtype="Float64")}),
        "truths": pd.array([True, None], dtype="boolean"),
        "polynomials": [np.polynomial.Polynomial([1.0, 2.0]), np.poly1d([1.0, 2.0])],
        "series of functions": [np.polynomial.Chebyshev([1.0]), np.polynomial.Legendre([1.0])],
        "records": np.rec.array([(1, 2.0)], names="a,b"),
        "lengths": pd.timedelta_range("1D", periods=3),
        "offsets": [
            pd.DateOffset(months=1),
            pd.offsets.BusinessHour(),
            pd.offsets.BYearEnd(),
            pd.offsets.SemiMonthEnd(),
            pd.offsets.CustomBusinessDay(holidays=["2024-01-01"]),
        ],
        "holidays": USFederalHolidayCalendar(),
        "decomposition": np.linalg.eigh(np.eye(2)),
        "timestamps": [pd.Timestamp("2024-01-01"), pd.Timedelta("1D"), pd.NaT],
    }


@cache
def scientific() -> dict[str, Any]:
    """SciPy."""
    return {
        "frozen normal": stats.norm(0, 1),
        "frozen t": stats.t(3, loc=1),
        "distributions": [stats.lognorm, stats.gamma(2), stats.beta(1, 2), stats.uniform(0, 1)],
        "frozen counts": [stats.poisson(2), stats.randint(1, 9)],
        "several variables": stats.multivariate_normal([0, 0], np.eye(2)),
        "several t": stats.multivariate_t([0, 0], np.eye(2), df=4),
        "measured law": stats.rv_histogram(np.histogram([1.0, 2, 3], 3)),
        "empirical": stats.ecdf([1.0, 2, 3]),
        "density": stats.gaussian_kde([1.0, 2, 3]),
        "sparse": [sparse.csr_matrix(np.eye(3)), sparse.lil_matrix(np.eye(2))],
        "optimum": optimize.minimize(lambda x: (x**2).sum(), [1.0, 2.0]),
        "root": optimize.root_scalar(lambda x: x - 1, bracket=[0, 3]),
        "spline": interpolate.make_interp_spline([0, 1, 2, 3.0], [0, 1, 4, 9.0]),
        "lines": interpolate.interp1d([0, 1, 2.0], [0, 1, 4.0]),
        "radial": interpolate.RBFInterpolator(np.arange(6.0).reshape(6, 1), np.arange(6.0)),
        "barycentric": interpolate.BarycentricInterpolator([0, 1, 2.0], [0, 1, 4.0]),
        "bounds": [optimize.Bounds([0], [1]), optimize.LinearConstraint([[1]], 0, 1)],
        "filter": signal.dlti([1], [1, 0.5]),
        "rotation": spatial.transform.Rotation.identity(),
        "cubic spline": interpolate.CubicSpline([0, 1, 2.0], [0, 1, 4.0]),
    }


@cache
def estimators() -> dict[str, Any]:
    """Fitted models of scikit-learn and LightGBM."""
    pair = [("a", ElasticNet()), ("b", GradientBoostingRegressor(n_estimators=2))]
    splits = TimeSeriesSplit(2)
    drawn = {"alpha": stats.uniform(0.1, 2)}
    search = GridSearchCV(ElasticNet(), {"alpha": [1.0]}, cv=splits, scoring=make_scorer(r2_score))
    columns = ColumnTransformer([("all", StandardScaler(), NAMES)])
    classifier = RandomForestClassifier(n_estimators=3, random_state=0)
    regressors = {
        "scaler": RobustScaler(),
        "pipeline": make_pipeline(StandardScaler(), ElasticNet()),
        "columns": make_pipeline(columns, ElasticNet()),
        "boosting": GradientBoostingRegressor(n_estimators=3),
        "voting": VotingRegressor(pair),
        "isolation": IsolationForest(n_estimators=2),
        "gaussian process": GaussianProcessRegressor(),
        "neighbours": KNeighborsRegressor(algorithm="kd_tree"),
        "network": MLPRegressor(hidden_layer_sizes=(3,), max_iter=2),
        "search": search,
        "random search": RandomizedSearchCV(ElasticNet(), drawn, n_iter=2, cv=splits),
        "splines": make_pipeline(SplineTransformer(), ElasticNet()),
        "selection": SelectKBest(f_regression, k=2),
        "imputed": make_pipeline(IterativeImputer(), ElasticNet()),
        "function": FunctionTransformer(np.log1p),
        "lightgbm": lightgbm.LGBMRegressor(n_estimators=3, verbose=-1),
    }
    classifiers = {
        "logistic": LogisticRegression(),
        "sgd": SGDClassifier(),
        "svm": SVC(),
        "forest": classifier,
        "histogram boosting": HistGradientBoostingClassifier(max_iter=2),
        "calibrated": CalibratedClassifierCV(LogisticRegression(), cv=2),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two iterations are too few to converge
        fitted = {name: model.fit(FRAME, TARGET) for name, model in regressors.items()}
        fitted |= {name: model.fit(FRAME, UP) for name, model in classifiers.items()}
    fitted["isotonic"] = IsotonicRegression().fit(FRAME["value"], TARGET)
    fitted["bundle"] = {"model": fitted["forest"], "features": NAMES, "trained": dt.date.today()}
    return fitted


def _with_attribute(error: Exception) -> Exception:
    error.extra = 1  # type: ignore[attr-defined]
    return error


def _joblib(content: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(content, buffer, **options)
    return buffer.getvalue()


def _protocols(content: Any, dump: Callable[..., bytes] = pickle.dumps) -> dict[str, bytes]:
    return {str(version): dump(content, protocol=version) for version in range(6)}


def _unaligned() -> bytes:
    """As joblib wrote arrays before 1.2: right behind their wrapper."""
    values = np.array([1.5, -2.5])
    return pickle_of(b"](" + wrapper(2, dtype()) + values.tobytes() + b"K\x05e")


@cache
def cases() -> dict[str, bytes]:
    """Every benign file: name to bytes."""
    files: dict[str, bytes] = {}
    for name, content in {**plain(), **numerical()}.items():
        files |= {f"pickle {p} of {name}": data for p, data in _protocols(content).items()}
    for name, content in {**scientific(), **estimators()}.items():
        files |= {f"pickle {p} of {name}": pickle.dumps(content, p) for p in (2, 5)}
        files[f"joblib of {name}"] = _joblib(content)
    mixed = [FRAME.to_numpy(), np.array(NAMES, dtype=object), {"x": np.arange(3)}]
    files |= {f"joblib {p}": data for p, data in _protocols(mixed, _joblib).items()}
    for kind in ("zlib", "gzip", "bz2", "xz", "lzma", "lz4"):
        files[f"joblib in {kind}"] = _joblib(mixed, compress=(kind, 3))
    files["joblib before 1.2"] = _unaligned()
    files["pickle in gzip"] = gzip.compress(pickle.dumps(mixed))
    return files
