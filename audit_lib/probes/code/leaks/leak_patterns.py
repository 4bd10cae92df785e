"""Patterns in syntax trees that leak the future into features, or mix the rows of a split.

Each takes a node and answers, in words that fit after "uses", what it matches, or None.
"""

import ast
import re

from audit_lib.probes.code.calls import argument, called, given, owner, text
from audit_lib.probes.code.leaks.later_rows import labelled_early, turned


def backward_fill(node: ast.AST) -> str | None:
    """Filling from later bars: ``bfill``, two-sided interpolation, as-of joins to later rows."""
    name = called(node)
    if not isinstance(node, ast.Call) or name is None:
        return None
    if name in ("bfill", "backfill", "backward_fill"):
        return f"`{name}`"
    method = text(argument(node, None, "method"))
    holds = ("fillna", "reindex", "reindex_like", "asfreq", "get_indexer", "align")
    if name in holds and method in ("bfill", "backfill", "nearest"):
        return f'`{name}(method="{method}")`'
    strategy = text(argument(node, None, "strategy"))
    if name in ("fill_null", "fill_nan") and strategy in ("backward", "max", "min", "mean"):
        return f'`{name}(strategy="{strategy}")`'
    if name in ("join_asof",) and strategy in ("forward", "nearest"):
        return f'`{name}(strategy="{strategy}")`'
    if name in ("ffill", "reindex") and (resampled := labelled_early(node)):
        return resampled
    if name in ("ffill", "pad", "forward_fill") and (around := turned(owner(node))):
        return f"`{name}` on rows that {around} turns around"
    if name == "interp" and _GAPS.search(" ".join(map(ast.unparse, given(node)))):
        return "`interp`, which draws a line to the next known bar"
    if name == "interpolate" and text(argument(node, 0, "method")) not in _STEPS:
        return "`interpolate`, which draws a line to the next known bar"
    direction = text(argument(node, None, "direction"))
    if name == "merge_asof" and direction in ("forward", "nearest"):
        return f'`merge_asof(direction="{direction}")`'
    return None


_STEPS = ("pad", "ffill", "zero", "previous")
_GAPS = re.compile(r"is_?nan|notna|isna|notnull|isnull|is_null|isfinite|nonzero")
TWO_SIDED = frozenset({
    "argrelextrema", "bk_filter", "cffilter", "detrend", "filtfilt", "find_peaks",
    "FixedForwardWindowIndexer", "gaussian_filter", "gaussian_filter1d", "hilbert",
    "hpfilter", "irfft", "lowess", "medfilt", "median_filter", "MSTL", "rts_smoother",
    "savgol_filter", "seasonal_decompose", "sosfiltfilt", "STL", "uniform_filter1d",
    "UnivariateSpline", "waverec", "wiener", "convolve1d", "correlate1d"
})  # fmt: skip


_RUNNING = ("rolling", "ewm", "expanding", "cummax", "cummin", "cumsum", "cumprod", "accumulate")


def centred_window(node: ast.AST) -> str | None:
    """Windows and filters that reach to both sides of a bar."""
    name = called(node)
    if not isinstance(node, ast.Call) or name is None:
        return None
    centre = argument(node, None, "center")
    windowed = name == "rolling" or name.startswith("rolling_")
    if windowed and isinstance(centre, ast.Constant) and centre.value is True:
        return f"`{name}(center=True)`"
    running = name in ("accumulate", "cumsum", "cumprod") and node.args
    if name in _RUNNING and (around := turned(node.args[0] if running else owner(node))):
        return f"`{name}` on rows that {around} turns around"
    if name == "polyval" and node.args and called(node.args[0]) == "polyfit":
        return "`polyfit` through all bars"
    if name == "gradient" and ast.unparse(owner(node) or node) in ("np", "numpy"):
        return "`gradient`, which reads both sides of a bar"
    if name in TWO_SIDED:
        return f"`{name}`, which reads both sides of a bar"
    sliding = ("convolve", "fftconvolve", "correlate")
    if name in sliding and text(argument(node, 2, "mode")) == "same":
        return f'`{name}(mode="same")`'
    return None


def random_split(node: ast.AST) -> str | None:
    """Splits that mix rows of all dates."""
    name = called(node)
    if not isinstance(node, ast.Call) or name is None:
        return None
    shuffle = argument(node, None, "shuffle")
    on = isinstance(shuffle, ast.Constant) and shuffle.value is True
    off = isinstance(shuffle, ast.Constant) and shuffle.value is False
    if name == "train_test_split" and not off and not open_split(node) and not _is_own(node):
        return "`train_test_split`, which shuffles rows"
    if name in ("KFold", "StratifiedKFold", "GroupKFold", "cross_val_score") and on:
        return f"`{name}(shuffle=True)`"
    if name in (
        "ShuffleSplit",
        "StratifiedShuffleSplit",
        "RepeatedKFold",
        "RepeatedStratifiedKFold",
    ):
        return f"`{name}`"
    return None


def _is_own(node: ast.Call) -> bool:
    """True for a method of that name of some object, such as a set of data that splits by time."""
    of = ast.unparse(owner(node) or ast.Constant(0)) if isinstance(node.func, ast.Attribute) else ""
    return bool(of) and not re.search(
        r"(^|[._])(ms|sk\w*|\w*selection|cross_validation|\w+ml)$", of
    )


def open_split(node: ast.AST) -> str | None:
    """Splits of which the text does not tell whether they shuffle."""
    name = called(node)
    if not isinstance(node, ast.Call) or name not in ("train_test_split", "KFold"):
        return None
    shuffle = argument(node, None, "shuffle")
    if shuffle is not None:
        is_literal = isinstance(shuffle, ast.Constant)
        return None if is_literal else f"`{name}` shuffles where {ast.unparse(shuffle)} says so"
    options = [k.value for k in node.keywords if k.arg is None]
    return f"`{name}` shuffles as **{ast.unparse(options[0])} says" if options else None


FITTING = re.compile(
    r"scal|normali|standardi|impute|pca|whiten|select|winsor|encod|quantiletr", re.I
)


_APART = re.compile(r"(^|[_.])(chunk|batch|text|name|path|line)", re.I)


def is_other_split(node: ast.Call) -> bool:
    """True for ``split`` of a text, or of all rows into parts of which none is held out."""
    on = owner(node)
    if on is None:
        return False
    if _APART.search(ast.unparse(on)):
        return True
    return not node.args or text(node.args[0]) is not None or isinstance(on, ast.Constant)
