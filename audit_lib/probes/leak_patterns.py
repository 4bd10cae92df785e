"""Source patterns that leak the future, found in syntax trees, and what the probe says of them.

A pattern is a suspicion.  Where the builders can be driven, the measured influence map decides;
both are shown together.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Gap, Severity
from audit_lib.probes.measured import influence_of
from audit_lib.subject.source import SourceFile
from audit_lib.subject.subject import Subject

LABELS = re.compile(
    r"(^|[_.\W])(y|ys|fwd|labels?|labell?ing|targets?|forward|future|outcomes?|ahead|realized)"
    r"($|[_.\W\d])",
    re.I,
)
RELATED = re.compile(r"feature|indicator|factor|signal|dataset|preprocess|pipeline", re.I)


@dataclass(frozen=True)
class Hit:
    """One place that matches a pattern.

    Attributes:
        what: the pattern, in words that fit after "calls" or "uses".
        symbol: qualified name of the enclosing definition.
        key: ``what``, numbered where a definition holds it more than once.
    """

    file: SourceFile
    node: ast.AST
    what: str
    symbol: str
    key: str


@dataclass(frozen=True)
class Place:
    """Where a node stands: enclosing definitions and the names its statement assigns.

    Attributes:
        one_date: it is applied to a group of rows of one date, so that it sees no other.
    """

    symbol: str
    assigned: tuple[str, ...]
    one_date: bool = False

    @property
    def makes_labels(self) -> bool:
        """True where definition or assigned name says that a label is made."""
        return any(LABELS.search(name) for name in (self.symbol, *self.assigned))


Pattern = Callable[[ast.AST], str | None]


def hits(
    subject: Subject, pattern: Pattern, *, labels_may: bool = True, one_date_may: bool = False
) -> Iterator[Hit]:
    """Places that match, in the files that build features or belong to the subsystem.

    Args:
        pattern: node to what it matches, or None.
        labels_may: leave out what makes labels, which must look ahead.
        one_date_may: leave out what is applied to the rows of one date.
    """
    for file in related_files(subject):
        if file.tree is None:
            continue
        found = [
            (node, place.symbol, what)
            for node, place in walk(file.tree)
            if (what := pattern(node))
            and not (labels_may and place.makes_labels)
            and not (one_date_may and place.one_date)
        ]
        seen: Counter[tuple[str, str]] = Counter()
        for node, symbol, what in sorted(found, key=lambda f: getattr(f[0], "lineno", 0)):
            seen[symbol, what] += 1
            count = seen[symbol, what]
            key = what if count == 1 else f"{what} no. {count}"
            yield Hit(file, node, what, symbol, key)


def related_files(subject: Subject) -> list[SourceFile]:
    """Files of the subsystem, and files whose path says that they build features; no tests."""
    own = {f.path for f in subject.source.subsystem}
    return [
        f
        for f in subject.source.files
        if (f.path in own or RELATED.search(f.path)) and not is_test(f.path)
    ]


def unread(subject: Subject) -> list[Gap]:
    """Files that do not parse."""
    return [Gap(f.path, "does not parse") for f in related_files(subject) if f.tree is None]


def is_test(path: str) -> bool:
    """True for files of a test suite."""
    parts = path.split("/")
    return bool({"tests", "test"} & set(parts)) or parts[-1].startswith(("test_", "conftest"))


def walk(tree: ast.Module) -> Iterator[tuple[ast.AST, Place]]:
    """Every node with its place."""
    by_date = set(_applied_by_date(tree))
    stack: list[tuple[ast.AST, Place]] = [(tree, Place("", ()))]
    while stack:
        node, place = stack.pop()
        yield node, place
        inner = place
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            one_date = place.one_date or node.name in by_date
            inner = Place(f"{place.symbol}.{node.name}".lstrip("."), (), one_date)
        elif isinstance(node, ast.Lambda) and node in by_date:
            inner = replace(place, one_date=True)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            inner = replace(place, assigned=tuple(n for t in targets for n in _names(t)))
        elif isinstance(node, ast.keyword) and node.arg:
            inner = replace(place, assigned=(*place.assigned, node.arg))
        stack.extend((child, inner) for child in ast.iter_child_nodes(node))


DATES = re.compile(
    r"(^|[_.\W])(date|dates|datetime|day|days|time|timestamp|session|era)s?($|[_.\W])"
)


def _applied_by_date(tree: ast.Module) -> Iterator[ast.Lambda | str]:
    """Lambdas, and names of functions, that are applied to groups of rows of one date."""
    for node in ast.walk(tree):
        if called(node) not in ("apply", "transform", "agg", "aggregate", "map_groups", "pipe"):
            continue
        assert isinstance(node, ast.Call)
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        while isinstance(owner, (ast.Attribute, ast.Subscript)):
            owner = owner.value  # groupby("date")["x"]
        if not isinstance(owner, ast.Call) or called(owner) != "groupby":
            continue
        if not any(_names_dates(a) for a in _values(owner)):
            continue
        for given in _values(node):
            if isinstance(given, ast.Lambda):
                yield given
            elif isinstance(given, (ast.Name, ast.Attribute)):
                yield given.attr if isinstance(given, ast.Attribute) else given.id


def _names_dates(key: ast.expr) -> bool:
    """True for a key that is called a date; ``index.date`` is computed, of times within a day."""
    keys = key.elts if isinstance(key, (ast.List, ast.Tuple)) else [key]
    names = [k.id if isinstance(k, ast.Name) else text(k) or "" for k in keys]
    return any(DATES.search(name.lower()) for name in names)


def _values(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(k.value for k in call.keywords)]


def suspicion(subject: Subject) -> tuple[Severity, str]:
    """Severity of a pattern in feature code, and what the probe of the features says.

    MEDIUM where nothing could be measured, HIGH where some column reads ahead, and INFO where the
    probe clears every column.
    """
    try:
        found = influence_of(subject, "features.build")
    except (NotAssessed, NotApplicable):
        return Severity.MEDIUM, "no probe of features.build could confirm or clear it"
    leaking = [c.column for c in found.leaking()]
    if not leaking:
        measured = f"none of the {len(found.columns)} columns of features.build reads ahead"
        return Severity.INFO, f"the probe does not confirm it: {measured}"
    shown = ", ".join(leaking[:4]) + (", ..." if len(leaking) > 4 else "")
    return Severity.HIGH, f"the probe finds columns that read ahead: {shown}"


# --- patterns ---------------------------------------------------------------------------------
def negative_shift(node: ast.AST) -> str | None:
    """``shift``, ``diff``, ``pct_change`` or ``roll`` by a negative number of bars."""
    name = called(node)
    if not isinstance(node, ast.Call) or name not in ("shift", "diff", "pct_change", "roll"):
        return None
    place = 1 if name == "roll" else 0
    by = argument(node, place, "shift" if name == "roll" else "periods")
    return f"`{name}` by {ast.unparse(by)}" if by is not None and _negative(by) else None


def backward_fill(node: ast.AST) -> str | None:
    """Filling from later bars: ``bfill``, two-sided interpolation, as-of joins to later rows."""
    name = called(node)
    if not isinstance(node, ast.Call) or name is None:
        return None
    if name in ("bfill", "backfill"):
        return f"`{name}`"
    method = text(argument(node, None, "method"))
    if name in ("fillna", "reindex", "asfreq") and method in ("bfill", "backfill", "nearest"):
        return f'`{name}(method="{method}")`'
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
)


def centred_window(node: ast.AST) -> str | None:
    """Windows and filters that reach to both sides of a bar."""
    name = called(node)
    if not isinstance(node, ast.Call) or name is None:
        return None
    centre = argument(node, None, "center")
    if name == "rolling" and isinstance(centre, ast.Constant) and centre.value is True:
        return "`rolling(center=True)`"
    if name in TWO_SIDED:
        return f"`{name}`, which reads both sides of a bar"
    if name in ("convolve", "fftconvolve") and text(argument(node, 2, "mode")) == "same":
        return f'`{name}(mode="same")`'
    return None


def global_statistic(node: ast.AST) -> str | None:
    """Standardising by statistics of the whole sample: ``(x - x.mean()) / x.std()`` and kin."""
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
        if name in ("train_test_split", "split") and not _is_text_split(node):
            splits.append(node.lineno)
        elif name in ("fit_transform", "fit") and isinstance(node.func, ast.Attribute):
            owner = ast.unparse(node.func.value)
            given = " ".join(ast.unparse(a) for a in node.args)
            if FITTING.search(owner) and not re.search(r"train|_tr\b|fold|past", given, re.I):
                fits.append(node)
    return [f for f in fits if splits and f.lineno < max(splits) and f.lineno < min(splits)]


# --- reading calls ----------------------------------------------------------------------------
def called(node: ast.AST) -> str | None:
    """Last name of what a call calls; None for other nodes."""
    if not isinstance(node, ast.Call):
        return None
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def argument(call: ast.Call, position: int | None, name: str) -> ast.expr | None:
    """An argument by name, or by position where one is given."""
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    if position is not None and len(call.args) > position:
        return call.args[position]
    return None


def text(node: ast.expr | None) -> str | None:
    """The text of a constant; None for anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _negative(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return not (isinstance(node.operand, ast.Constant) and node.operand.value == 0)
    return False


def _names(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


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


def _is_text_split(node: ast.Call) -> bool:
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if owner is None:
        return False
    return not node.args or text(node.args[0]) is not None or isinstance(owner, ast.Constant)
