"""Where a pattern stands in the source, and what the probe of the features says of it.

A pattern is a suspicion.  Where the builders can be driven, the measured influence map decides,
and both are shown together: a pattern that a probe confirms is a finding, one that a probe clears
informs.  One that nobody could measure is neither: half of all negative shifts make labels under
another name, and a backward fill of data that are never missing leaks nothing.  It is told, and
named as not looked into, so that the check does not pass and the packet does not break on a guess.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Gap, Severity
from audit_lib.probes.code.calls import called, chain, given, groups_of_a_date, texts
from audit_lib.probes.code.leaks import later_rows, leak_patterns, whole_sample
from audit_lib.probes.code.leaks.later_flow import LaterFlow, Reached
from audit_lib.probes.code.leaks.shift_flow import ShiftFlow
from audit_lib.probes.code.surroundings import symbol_at
from audit_lib.probes.market.measured import influence_of, research_only
from audit_lib.probes.questions.samples import once
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.source import SourceFile
from audit_lib.subject.subject import Subject
from audit_lib.subject.uses import targets_of

LABELS = re.compile(
    r"(^|[_.\W])(y|ys|fwd|labels?|labell?ing|targets?|forward|future|outcomes?|ahead|realized)"
    r"($|[_.\W\d])",
    re.I,
)
_FEATURES = re.compile(r"feat(ure)?s?($|_)|predictors|^x_col|input_col", re.I)
RELATED = re.compile(r"feature|indicator|factor|signal|dataset|preprocess|pipeline", re.I)

_MARKETS = re.compile(
    r"\b(time_?series|ohlcv?|pct_change|backtest\w*|sharpe|tickers?|forecast\w*|horizons?|look_?back|"
    r"bars|candles?|tradings?|portfolios?|volatility|DatetimeIndex)\b",
    re.IGNORECASE,
)
_IN_TIME = ("features.panel", "features.build", "targets.build")
"""hooks that give rows which have an order"""
NOT_MEASURED = "not measured"
SHORTEST = 4
"""letters that tell a column's name from others"""


@dataclass(frozen=True)
class Hit:
    """One place that matches a pattern.

    Attributes:
        what: the pattern, in words that fit after "calls" or "uses".
        symbol: qualified name of the enclosing definition.
        assigned: names that the statement assigns, and served columns that the value reaches.
        key: ``what``, numbered where a definition holds it more than once.
        served: where the value is served, if not here; '' for nowhere.
    """

    file: SourceFile
    node: ast.AST
    what: str
    symbol: str
    assigned: tuple[str, ...]
    key: str
    served: str = ""


@dataclass(frozen=True)
class Spot:
    """Where a node stands: enclosing definitions and the names its statement assigns.

    Attributes:
        one_date: it is applied to rows of one date or of a window, so that it sees no other.
    """

    symbol: str
    assigned: tuple[str, ...]
    one_date: bool = False

    @property
    def makes_labels(self) -> bool:
        """True where definition or assigned name says that a label is made."""
        return any(LABELS.search(name) for name in (self.symbol, *self.assigned))


@dataclass(frozen=True)
class Suspicion:
    """What the probe says of a pattern: confirmed (True), cleared (False), or neither (None)."""

    confirmed: bool | None
    said: str

    @property
    def severity(self) -> Severity:
        """HIGH where some column reads ahead; else it only informs."""
        return Severity.HIGH if self.confirmed else Severity.INFO

    @property
    def verdict(self) -> str:
        """In a word."""
        return {True: "confirmed", False: "cleared", None: NOT_MEASURED}[self.confirmed]


WHOLE = "global statistic"
Pattern = Callable[[ast.AST], str | None]
#: What leaks, by name: node to what it matches, in words that fit after "uses", or None.
PATTERNS: dict[str, Pattern] = {
    "negative shift": later_rows.negative_shift,
    "backward fill": leak_patterns.backward_fill,
    "centred window": leak_patterns.centred_window,
    WHOLE: whole_sample.global_statistic,
    "random split": leak_patterns.random_split,
    "open split": leak_patterns.open_split,
}


@dataclass(frozen=True)
class _Match:
    """A node that matches a pattern, before it is judged whether it may."""

    kind: str
    file: SourceFile
    node: ast.AST
    place: Spot
    what: str
    slight: bool = False
    """told only where its value is put into a column"""


def hits(
    subject: Subject, kind: str, *, labels_may: bool = True, one_date_may: bool = False
) -> Iterator[Hit]:
    """Places that match a pattern, in the files that build features or belong to the subsystem.

    Args:
        kind: which of :data:`PATTERNS`.
        labels_may: leave out what makes labels, which must look ahead, unless it is served.
        one_date_may: leave out what is applied to the rows of one date.
    """
    by_file: dict[SourceFile, list[tuple[_Match, list[Reached]]]] = {}
    for match in _matches(subject):
        if match.kind != kind or (one_date_may and match.place.one_date):
            continue
        if match.slight and not _in_a_column(subject, match):
            continue
        reached = _served(subject, match) if labels_may else []
        if not (labels_may and match.place.makes_labels and not reached):
            by_file.setdefault(match.file, []).append((match, reached))
    for file, matches in by_file.items():
        yield from _numbered(file, matches)


def _matches(subject: Subject) -> list[_Match]:
    """All matches of all patterns: each file is walked once, whatever asks."""

    def look() -> list[_Match]:
        shifts, matches = ShiftFlow(code_of(subject.source)), []
        for file in related_files(subject):
            for node, place in walk(file.tree) if file.tree is not None else ():
                kinds = {k: w for k, p in PATTERNS.items() if (w := p(node))}
                if "negative shift" not in kinds and isinstance(node, ast.Call):
                    kinds |= {"negative shift": w} if (w := shifts.judged(node)) else {}
                matches += [_Match(kind, file, node, place, what) for kind, what in kinds.items()]
                slight = "" if WHOLE in kinds else whole_sample.column_statistic(node)
                matches += [_Match(WHOLE, file, node, place, slight, True)] if slight else []
        within = {
            id(n) for m in matches if m.kind == WHOLE for n in ast.walk(m.node) if n is not m.node
        }
        return [m for m in matches if not (m.slight and id(m.node) in within)]

    return once(subject, "patterns that leak", look)


def _flow(subject: Subject) -> LaterFlow:
    """Where the values of all matches go, followed once."""

    def follow() -> LaterFlow:
        code, sources = code_of(subject.source), {}
        for each in _matches(subject):
            units = code.files.get(each.file.path)
            line = getattr(each.node, "lineno", 0)
            if units is not None and not each.kind.endswith("split") and not each.place.one_date:
                sources[id(each.node)] = units.units[units.owners[line - 1]]
        return LaterFlow(code, sources)

    return once(subject, "where later rows go", follow)


def _in_a_column(subject: Subject, match: _Match) -> bool:
    """True where the value is put into a column of any table, and not only answered with."""
    return any(not r.answer for r in _flow(subject).reached(match.node))


def _served(subject: Subject, match: _Match) -> list[Reached]:
    """Served columns that the value of a match is put into, here or wherever it goes."""

    def listed() -> frozenset[str]:
        named = _listed_features(related_files(subject))
        if unmeasured(subject):
            return named
        return named | frozenset(influence_of(subject, "features.build").columns)

    here = [Reached(n, match.file.path, getattr(match.node, "lineno", 0))
            for n in match.place.assigned]  # fmt: skip
    reached = _flow(subject).reached(match.node)
    served = once(subject, "features by name", listed) if here or reached else frozenset()
    code = code_of(subject.source)
    as_features = [r for r in reached if r.column not in served and _made_as_feature(code, r)]
    return [*(r for r in (*here, *reached) if r.column in served), *as_features]


def _made_as_feature(code: Code, arrival: Reached) -> bool:
    """True for a column of no label's name that a function of features puts into a table."""
    function = symbol_at(code, arrival.path, arrival.line)
    is_label = LABELS.search(f"{function} {arrival.column}")
    return not (arrival.answer or is_label) and bool(_FEATURES.search(function))


def _listed_features(files: list[SourceFile]) -> frozenset[str]:
    """Columns that a list of features names, or a model is given: whatever they are called."""
    return frozenset(
        name
        for file in files
        for node, _ in (walk(file.tree) if file.tree is not None else ())
        for listed in _lists(node)
        for name in texts(listed.elts)
    )


def _lists(node: ast.AST) -> Iterator[ast.List | ast.Tuple | ast.Set]:
    """``FEATURES = ["a"]``, ``X = table[["a"]]`` and ``model.fit(table[["a"]], y)``."""
    selected: ast.expr | None = None
    if isinstance(node, ast.Assign):
        names = [name for target in node.targets for name in _names(target)]
        if any(map(_FEATURES.search, names)) and isinstance(
            node.value, (ast.List, ast.Tuple, ast.Set)
        ):
            yield node.value
        selected = node.value if any(n == "X" or n.startswith("X_") for n in names) else None
    elif isinstance(node, ast.Call) and called(node) == "fit":
        selected = next(iter(node.args), None)
    for part in ast.walk(selected) if selected is not None else ():
        if isinstance(part, ast.Subscript) and isinstance(part.slice, ast.List):
            yield part.slice


def _numbered(file: SourceFile, matches: list[tuple[_Match, list[Reached]]]) -> Iterator[Hit]:
    """Hits of one file by line; a pattern twice in one definition is told apart by number."""
    seen: Counter[tuple[str, str]] = Counter()
    for match, reached in sorted(matches, key=lambda f: getattr(f[0].node, "lineno", 0)):
        place, what = match.place, match.what
        seen[place.symbol, what] += 1
        count = seen[place.symbol, what]
        key = what if count == 1 else f"{what} no. {count}"
        elsewhere = [r for r in reached if r.column not in place.assigned]
        columns = dict.fromkeys((*place.assigned, *(r.column for r in elsewhere)))
        far = [r for r in elsewhere if r.line != getattr(match.node, "lineno", 0)]
        served = "".join(f", served as {r.column} ({r.path}:{r.line})" for r in far[:1])
        yield Hit(file, match.node, what, place.symbol, tuple(columns), key, served)


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


_WALKED: WeakKeyDictionary[ast.Module, list[tuple[ast.AST, Spot]]] = WeakKeyDictionary()
_MATCHED = (ast.Call, ast.BinOp, ast.Compare, ast.Assign, ast.IfExp, ast.FunctionDef,
            ast.AsyncFunctionDef)  # fmt: skip


def walk(tree: ast.Module) -> list[tuple[ast.AST, Spot]]:
    """Nodes that may match something (calls, assignments, functions, ...), with their places."""
    if tree not in _WALKED:
        _WALKED[tree] = [*_walk(tree)]
    return _WALKED[tree]


def _walk(tree: ast.Module) -> Iterator[tuple[ast.AST, Spot]]:
    by_date = set(_applied_by_date(tree))
    stack: list[tuple[ast.AST, Spot]] = [(tree, Spot("", ()))]
    while stack:
        node, place = stack.pop()
        if isinstance(node, _MATCHED) or later_rows.is_joined(node):
            yield node, place
        inner = place
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            one_date = place.one_date or node.name in by_date
            inner = Spot(f"{place.symbol}.{node.name}".lstrip("."), (), one_date)
        elif isinstance(node, ast.Lambda) and node in by_date:
            inner = replace(place, one_date=True)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
            inner = replace(place, assigned=tuple(n for t in targets_of(node) for n in _names(t)))
        elif isinstance(node, ast.keyword) and node.arg:
            inner = replace(place, assigned=(*place.assigned, node.arg))
        stack.extend((child, inner) for child in ast.iter_child_nodes(node))


def unmeasured(subject: Subject) -> str:
    """Why no influence of the features was measured; '' where it was."""
    try:
        influence_of(subject, "features.build")
    except (NotAssessed, NotApplicable) as error:
        return str(error)
    return ""


def suspicion(subject: Subject, hit: Hit) -> Suspicion:
    """What the measured influence of the features says of a pattern in feature code.

    Where the statement assigns columns that ``features.build`` answers, these decide; else the
    leaking columns that its outermost definition names.
    """
    if unmeasured(subject):
        return Suspicion(None, "no probe of features.build could confirm or clear it")
    influence = influence_of(subject, "features.build")
    own = [n for n in dict.fromkeys(hit.assigned) if n in influence.columns]
    ahead = [c.column for c in influence.leaking()]
    leaking = [c for c in ahead if c in own] if own else _named(hit, ahead)
    if leaking:
        apart = research_only(subject)
        if apart >= set(leaking):
            return Suspicion(False, f"the probe finds columns for research only: {_few(leaking)}")
        return Suspicion(True, f"the probe finds columns that read ahead: {_few(leaking)}")
    if ahead and not own:
        where = hit.symbol.partition(".")[0] or "the module"
        return Suspicion(
            False, f"{where} names none of the columns that read ahead ({_few(ahead)})"
        )
    looked = own or list(influence.columns)
    measured = f"none of the {len(looked)} columns of features.build"
    if own:
        measured = f"no column it is put into ({', '.join(own[:4])})"
    return Suspicion(False, f"the probe does not confirm it: {measured} reads ahead")


def _named(hit: Hit, columns: list[str]) -> list[str]:
    """Columns whose name, or its beginning before numbers, stands in the outermost definition."""
    outermost = hit.symbol.partition(".")[0]
    body = hit.file.tree.body if hit.file.tree else []
    within = next((n for n in body if getattr(n, "name", None) == outermost), hit.file.tree)
    texts = [t for node in ast.walk(within) for t in _words(node)] if within else []
    return [c for c in columns if c in texts or any(_begins(c, text) for text in texts)]


def _begins(column: str, text: str) -> bool:
    """True for ``PivotHi_`` and ``PivotHi_5_5``: what a format string holds of a name."""
    stem = re.split(r"\d", column, maxsplit=1)[0]
    return len(stem) >= SHORTEST and text.startswith(stem)


def _words(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.keyword) and node.arg:
        yield node.arg


def _few(columns: list[str]) -> str:
    return ", ".join(columns[:4]) + (", ..." if len(columns) > 4 else "")


def _applied_by_date(tree: ast.Module) -> Iterator[ast.Lambda | str]:
    """Lambdas, and names of functions, that are applied to rows of one date or of a window."""
    for node in ast.walk(tree):
        if called(node) not in ("apply", "transform", "agg", "aggregate", "map_groups", "pipe"):
            continue
        assert isinstance(node, ast.Call)
        windowed = any(called(c) in ("rolling", "expanding") for c in chain(node)[:1])
        if not (windowed or groups_of_a_date(node)):
            continue
        for value in given(node):
            if isinstance(value, ast.Lambda):
                yield value
            elif isinstance(value, (ast.Name, ast.Attribute)):
                yield value.attr if isinstance(value, ast.Attribute) else value.id


def _names(node: ast.expr) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr
        elif isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def surely_in_time(subject: Subject, file: SourceFile, node: ast.AST) -> bool:
    """Whether hooks give market data, or the function that holds a node speaks of time."""
    line = getattr(node, "lineno", 0)
    functions = [
        d
        for d in ast.walk(file.tree or ast.Module([], []))
        if isinstance(d, ast.FunctionDef) and d.lineno <= line <= (d.end_lineno or 0)
    ]
    text = ast.get_source_segment(file.text, functions[-1]) if functions else file.text
    return any(map(subject.has, _IN_TIME)) or _MARKETS.search(text or "") is not None


def in_time(subject: Subject, file: SourceFile) -> bool:
    """Whether rows of the file may have an order: by hooks, or what it and others speak of."""

    def is_label() -> bool:
        files = related_files(subject)
        spoken = sum(_MARKETS.search(other.text) is not None for other in files)
        return any(map(subject.has, _IN_TIME)) or spoken >= max(1, len(files) / 10)

    return _MARKETS.search(file.text) is not None or once(subject, "rows in time", is_label)
