"""Statistics of the whole sample on its own rows: the text tells, or only where the value goes.

Each takes a node and answers, in words that fit after "uses", what it matches, or None.
"""

import ast
import re

from audit_lib.probes.code.calls import (
    DATES,
    across_time,
    argument,
    called,
    chain,
    given,
    owner,
    text,
)


def global_statistic(node: ast.AST) -> str | None:
    """Statistics of the whole sample: standardising, ranks, quantiles, components."""
    return (
        _standardised(node) or _ranked(node) or _cut_at_quantiles(node) or _decomposed(node)
        or _of_its_group(node)
    )  # fmt: skip


def column_statistic(node: ast.AST) -> str | None:
    """A column against a statistic of all its rows: right in reports, a leak in features."""
    return _against_itself(node) or _fitted_on_itself(node)


_STATISTICS = re.compile(r"(nan)?(mean|median|std|var|min|max|ptp|quantile|percentile|mad|mode)$")
_METHODS = ("sub", "div", "subtract", "divide", "truediv", "gt", "lt", "ge", "le", "fillna")


def _against_itself(node: ast.AST) -> str | None:
    """``x - x.mean()``, ``x.div(x.std())``, ``x > x.median()``, ``x.fillna(x.mean())``."""
    pairs: list[tuple[ast.expr, ast.expr]] = []
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.Div)):
        pairs = [(node.left, node.right)]
    elif isinstance(node, ast.Compare) and len(node.comparators) == 1:
        pairs = [(node.left, node.comparators[0]), (node.comparators[0], node.left)]
    elif isinstance(node, ast.Call) and called(node) in _METHODS and node.args:
        on = owner(node)
        pairs = [(on, node.args[0])] if on is not None else []
    for value, other in pairs:
        if ast.unparse(value) not in ONE_ROW and _of_all(other, ast.unparse(value)):
            return f"`{ast.unparse(other)}` of the whole sample"
    return None


def _of_all(node: ast.expr, source: str) -> bool:
    """True for a statistic of all rows of the source, and for its last value."""
    if isinstance(node, ast.Subscript):
        last = isinstance(node.slice, ast.UnaryOp) and ast.unparse(node.slice) == "-1"
        return last and ast.unparse(node).startswith(f"{source}.")
    if (
        isinstance(node, ast.Call)
        and called(node) == "over"
        and isinstance(node.func, ast.Attribute)
    ):
        dated = any(DATES.search((text(a) or "").lower()) for a in node.args)
        return not dated and _of_all(node.func.value, source)
    if not isinstance(node, ast.Call) or not across_time(node):
        return False
    if called(node) == "transform":
        grouped = any(called(c) == "groupby" for c in chain(node))
        return grouped and ast.unparse(node).startswith(f"{source}.groupby")
    return bool(_STATISTICS.match(called(node) or "")) and _of(node, source)


_LEARNING = re.compile(
    r"scal|normali|standardi|discreti|cluster|k_?means|mixture|hmm|imput|power|quantile|encod", re.I
)
_AT_ONCE = ("minmax_scale", "robust_scale", "maxabs_scale", "quantile_transform", "power_transform")


def _fitted_on_itself(node: ast.AST) -> str | None:
    """``StandardScaler().fit_transform(x)``, ``KMeans(3).fit(x).predict(x)``, ``scale(x)``."""
    name = called(node)
    if not isinstance(node, ast.Call) or not node.args:
        return None
    given_first, on = ast.unparse(node.args[0]), owner(node)
    if KNOWN_EARLIER.search(given_first):
        return None
    learnt = on is not None and _LEARNING.search(ast.unparse(on))
    if name == "fit_predict" or (name == "fit_transform" and learnt):
        return f"`{ast.unparse(node.func)}` on the whole sample"
    fitted = isinstance(on, ast.Call) and called(on) == "fit" and on.args
    if name in ("transform", "predict", "predict_proba") and isinstance(on, ast.Call) and fitted:
        alike = ast.unparse(on.args[0]) == given_first
        return f"`{name}` of the rows that it was fitted on" if alike else None
    plain = name == "scale" and on is not None and ast.unparse(on).endswith("preprocessing")
    return f"`{name}` of the whole sample" if plain or name in _AT_ONCE else None


def _of_its_group(node: ast.AST) -> str | None:
    """``x.groupby(asset).transform("mean")``: a statistic of all rows of an asset."""
    if not isinstance(node, ast.Call) or called(node) != "transform" or not across_time(node):
        return None
    how = text(node.args[0]) if node.args else None
    grouped = any(called(c) == "groupby" for c in chain(node))
    pooled = ("mean", "std", "median", "min", "max", "sum", "last", "var", "quantile", "nunique")
    return f'`groupby(...).transform("{how}")` over all rows' if grouped and how in pooled else None


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
    if source in ONE_ROW[:2] or not _of_all(left.right, source):
        return None
    parts = (p for p in ast.walk(node.right) if isinstance(p, ast.Call))
    spread = next((ast.unparse(p) for p in parts if _of_all(p, source)), "")
    return f"`({source} - {ast.unparse(left.right)}) / {spread}`" if spread else None


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
    if name == "cut" and isinstance(argument(node, 1, "bins"), ast.Constant):
        return "`cut`, whose edges are those of the whole sample"
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
    quantiles = ("quantile", "nanquantile", "percentile", "nanpercentile")
    return called(node) in quantiles and source not in ONE_ROW and _of_all(node, source)


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
        match = COMPONENTS.search(on) or POWERS.search(on)
        return f"`{on}` on the whole sample" if match else None
    if name == "svd":
        return "`svd` of the whole sample"
    if name in ("eigh", "eig") and re.search(r"\bcov\b|\bcorr\b|corrcoef", arguments):
        return f"`{name}` of the covariance of the whole sample"
    return None


def _of(call: ast.Call, source: str) -> bool:
    """True where the call takes its statistic of ``source`` over time (no ``axis=1``)."""
    axis = argument(call, None, "axis")
    if isinstance(axis, ast.Constant) and axis.value in (1, "columns"):
        return False
    if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == source:
        return True
    return bool(call.args) and ast.unparse(call.args[0]) == source
