"""Patterns in syntax trees that leak the future into features, or mix the rows of a split.

Each takes a node and answers, in words that fit after "uses", what it matches, or None.
"""

import ast
import re

from audit_lib.probes.code.calls import across_time, argument, called, chain, given, owner, text
from audit_lib.probes.code.leaks.later_rows import labelled_early, reversed_rows


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
    if name == "interpolate" and text(argument(node, None, "limit_direction")) != "forward":
        return "`interpolate`, which draws a line to the next known bar"
    direction = text(argument(node, None, "direction"))
    if name == "merge_asof" and direction in ("forward", "nearest"):
        return f'`merge_asof(direction="{direction}")`'
    return None


TWO_SIDED = (
    "filtfilt",
    "sosfiltfilt",
    "savgol_filter",
    "gaussian_filter1d",
    "seasonal_decompose",
    "hpfilter",
    "find_peaks",
    "argrelextrema",
    "medfilt",
    "gaussian_filter",
    "uniform_filter1d",
    "median_filter",
    "lowess",
    "detrend",
    "bk_filter",
    "UnivariateSpline",
    "STL",
    "FixedForwardWindowIndexer",
)


def centred_window(node: ast.AST) -> str | None:
    """Windows and filters that reach to both sides of a bar."""
    name = called(node)
    if not isinstance(node, ast.Call) or name is None:
        return None
    centre = argument(node, None, "center")
    windowed = name == "rolling" or name.startswith("rolling_")
    if windowed and isinstance(centre, ast.Constant) and centre.value is True:
        return f"`{name}(center=True)`"
    if name in ("rolling", "ewm", "expanding") and (turned := reversed_rows(node)):
        return f"`{name}` on rows that {turned} turns around"
    if name == "gradient" and ast.unparse(owner(node) or node) in ("np", "numpy"):
        return "`gradient`, which reads both sides of a bar"
    if name in TWO_SIDED:
        return f"`{name}`, which reads both sides of a bar"
    if name in ("convolve", "fftconvolve") and text(argument(node, 2, "mode")) == "same":
        return f'`{name}(mode="same")`'
    return None


def global_statistic(node: ast.AST) -> str | None:
    """Statistics of the whole sample: standardising, ranks, quantiles, components."""
    return (
        _standardised(node) or _ranked(node) or _cut_at_quantiles(node) or _decomposed(node)
        or _of_its_group(node)
    )  # fmt: skip


def _of_its_group(node: ast.AST) -> str | None:
    """``x.groupby(asset).transform("mean")``: a statistic of all rows of an asset."""
    if not isinstance(node, ast.Call) or called(node) != "transform" or not across_time(node):
        return None
    how = text(node.args[0]) if node.args else None
    grouped = any(called(c) == "groupby" for c in chain(node))
    known = ("mean", "std", "median", "min", "max", "sum", "last", "var", "quantile", "nunique")
    return f'`groupby(...).transform("{how}")` over all rows' if grouped and how in known else None


ONE_ROW = ("row", "cross_section", "day", "date")


def _standardised(node: ast.AST) -> str | None:
    """``(x - x.mean()) / x.std()`` and kin."""
    if called(node) == "zscore":
        return "`zscore` over the whole sample"
    if not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div)):
        return None
    left = node.left
    if not (isinstance(left, ast.BinOp) and isinstance(left.op, ast.Sub)):
        return None
    source = ast.unparse(left.left)
    if source in ("row", "cross_section"):
        return None
    centre, spread = _statistic(left.right, source), _spread(node.right, source)
    return f"`({source} - {centre}) / {spread}`" if centre and spread else None


def _ranked(node: ast.AST) -> str | None:
    """``x.rank(pct=True)`` and ``qcut(x, n)`` over time; plain ranks make correlations."""
    if not isinstance(node, ast.Call):
        return None
    name, on = called(node), owner(node)
    if name == "rank" and on is not None:
        share = argument(node, None, "pct")
        plain = share is None or (isinstance(share, ast.Constant) and share.value is False)
        if plain or ast.unparse(on) in ONE_ROW or not across_time(node):
            return None
        return "`rank` over time"
    if name == "qcut" and node.args and ast.unparse(node.args[0]) not in ONE_ROW:
        return "`qcut`, whose edges are quantiles of the whole sample"
    return None


def _cut_at_quantiles(node: ast.AST) -> str | None:
    """``x.clip(x.quantile(a), ...)``, ``x > x.quantile(a)`` and ``winsorize(x)``."""
    name = called(node)
    if name == "winsorize":
        return "`winsorize` by quantiles of the whole sample"
    if isinstance(node, ast.Call) and name in ("clip", "where", "mask"):
        on = owner(node)
        if on is not None and any(_quantile_of(a, ast.unparse(on)) for a in given(node)):
            return f"`{name}` at quantiles of the whole sample"
    if isinstance(node, ast.Compare) and len(node.comparators) == 1:
        sides = (node.left, node.comparators[0])
        if any(_quantile_of(a, ast.unparse(b)) for a, b in (sides, sides[::-1])):
            return "a comparison with a quantile of the whole sample"
    return None


def _quantile_of(node: ast.expr, source: str) -> bool:
    known = ("quantile", "nanquantile", "percentile", "nanpercentile")
    if not isinstance(node, ast.Call) or called(node) not in known or source in ONE_ROW:
        return False
    return across_time(node) and _of(node, source)


COMPONENTS = re.compile(r"pca|svd|ica\b|nmf|factoranalysis|decomp|whiten|kernelpca|umap|tsne", re.I)
POWERS = re.compile(r"quantiletransformer|powertransformer", re.I)
KNOWN_EARLIER = re.compile(r"train|_tr\b|fold|past|history|window", re.I)


def _decomposed(node: ast.AST) -> str | None:
    """Components of all rows: ``PCA().fit_transform(x)``, ``svd(x)``, ``eigh(x.cov())``."""
    name = called(node)
    if not isinstance(node, ast.Call) or name is None:
        return None
    arguments = " ".join(ast.unparse(a) for a in given(node))
    if KNOWN_EARLIER.search(arguments):
        return None
    if name == "fit_transform":
        on = ast.unparse(node.func)
        found = COMPONENTS.search(on) or POWERS.search(on)
        return f"`{on}` on the whole sample" if found else None
    if name == "svd":
        return "`svd` of the whole sample"
    if name in ("eigh", "eig") and re.search(r"\bcov\b|\bcorr\b|corrcoef", arguments):
        return f"`{name}` of the covariance of the whole sample"
    return None


def random_split(node: ast.AST) -> str | None:
    """Splits that mix rows of all dates."""
    name = called(node)
    if not isinstance(node, ast.Call) or name is None:
        return None
    shuffle = argument(node, None, "shuffle")
    on = isinstance(shuffle, ast.Constant) and shuffle.value is True
    off = isinstance(shuffle, ast.Constant) and shuffle.value is False
    if name == "train_test_split" and not off and not open_split(node):
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


def open_split(node: ast.AST) -> str | None:
    """Splits of which the text does not tell whether they shuffle."""
    name = called(node)
    if not isinstance(node, ast.Call) or name not in ("train_test_split", "KFold"):
        return None
    shuffle = argument(node, None, "shuffle")
    if shuffle is not None:
        told = isinstance(shuffle, ast.Constant)
        return None if told else f"`{name}` shuffles where {ast.unparse(shuffle)} says so"
    options = [k.value for k in node.keywords if k.arg is None]
    return f"`{name}` shuffles as **{ast.unparse(options[0])} says" if options else None


FITTING = re.compile(
    r"scal|normali|standardi|impute|pca|whiten|select|winsor|encod|quantiletr", re.I
)


def fits_before_split(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.Call]:
    """Calls that fit a preprocessor before the same function splits its rows."""
    fits: list[ast.Call] = []
    splits: list[int] = []
    for node in ast.walk(function):
        if not isinstance(node, ast.Call):
            continue
        name = called(node) or ""
        if name in ("train_test_split", "split") and not is_other_split(node):
            splits.append(node.lineno)
        elif name in ("fit_transform", "fit") and isinstance(node.func, ast.Attribute):
            on = ast.unparse(node.func.value)
            given = " ".join(ast.unparse(a) for a in node.args)
            if FITTING.search(on) and not re.search(r"train|_tr\b|fold|past", given, re.I):
                fits.append(node)
    return [f for f in fits if splits and f.lineno < max(splits) and f.lineno < min(splits)]


def _statistic(node: ast.expr, source: str) -> str | None:
    """``source.mean()``, ``np.mean(source)`` and kin; None where something narrows the sample."""
    name = called(node)
    if not isinstance(node, ast.Call) or name not in (
        "mean",
        "median",
        "min",
        "nanmean",
        "nanmedian",
    ):
        return None
    return ast.unparse(node) if _of(node, source) else None


def _spread(node: ast.expr, source: str) -> str | None:
    name = called(node)
    if isinstance(node, ast.BinOp):
        return _spread(node.left, source) or _spread(node.right, source)
    known = ("std", "max", "nanstd", "ptp", "mad")
    return (
        ast.unparse(node)
        if isinstance(node, ast.Call) and name in known and _of(node, source)
        else None
    )


def _of(call: ast.Call, source: str) -> bool:
    """True where the call takes its statistic of ``source`` over time (no ``axis=1``)."""
    axis = argument(call, None, "axis")
    if isinstance(axis, ast.Constant) and axis.value in (1, "columns"):
        return False
    if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == source:
        return True
    return bool(call.args) and ast.unparse(call.args[0]) == source


_APART = re.compile(r"(^|[_.])(chunk|batch|text|name|path|line)", re.I)


def is_other_split(node: ast.Call) -> bool:
    """True for ``split`` of a text, or of all rows into parts of which none is held out."""
    on = owner(node)
    if on is None:
        return False
    if _APART.search(ast.unparse(on)):
        return True
    return not node.args or text(node.args[0]) is not None or isinstance(on, ast.Constant)
