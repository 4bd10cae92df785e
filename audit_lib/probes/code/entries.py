"""Entries that train or backtest, and the preconditions that each of them reaches."""

import ast
import re
from collections import defaultdict
from dataclasses import dataclass, field

from audit_lib.probes.code.leaks.suspicions import is_test
from audit_lib.subject.source import SourceFile
from audit_lib.subject.subject import Subject

ENTRY_FUNCTION = re.compile(
    r"^(run_)?(train(?:ing)?|retrain(?:ing)?|backtest(?:ing)?|walk_forward)"
    r"(_(?!test|results?|summary|report|metrics?|config|params|to_|rows?$|mask$|idx$|end$|start$|labels?$|data$|sets?$|dates?$|frame$|size$|loss$)\w+)?$"
)
ENTRY_CLASS = re.compile(r"train(?!_?(and_?)?test)|backtest|walkforward|retrain", re.I)
ENTRY_METHOD = re.compile(r"^(train|retrain|fit|run|backtest|walk_forward|execute)(_\w+)?$")
PRECONDITION = re.compile(r"precondition|^(enforce|ensure|require)_\w+", re.I)
DEEPEST = 6
COMMONEST = 4
"""a name with more definitions than this tells nothing about what is called"""


@dataclass(frozen=True)
class Entry:
    """A function or class that trains or backtests.

    Attributes:
        node: the definition.
        reaches: preconditions called by it, or by what it calls, by name.
    """

    file: SourceFile
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    reaches: frozenset[str]


@dataclass
class _Graph:
    """Names called in each definition, by the definition's bare name."""

    calls: dict[str, list[frozenset[str]]] = field(default_factory=lambda: defaultdict(list))
    functions: set[str] = field(default_factory=set)
    raising: set[str] = field(default_factory=set)

    def add(self, file: SourceFile) -> None:
        assert file.tree is not None
        for node in ast.walk(file.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.calls[node.name].append(calls_of(node))
                self.functions.add(node.name)
                if any(isinstance(n, (ast.Raise, ast.Assert)) for n in ast.walk(node)):
                    self.raising.add(node.name)
            elif isinstance(node, ast.ClassDef):
                self.calls[node.name].append(calls_of_constructor(node))

    def reached(self, start: frozenset[str]) -> frozenset[str]:
        """Names called, directly or through definitions of the repository."""
        seen, frontier = set(start), set(start)
        for _ in range(DEEPEST):
            following = set()
            for name in frontier:
                if 0 < len(self.calls.get(name, ())) <= COMMONEST:
                    following |= set().union(*self.calls[name])
            frontier = following - seen
            seen |= frontier
        return frozenset(seen)


def entries(subject: Subject) -> tuple[list[Entry], dict[str, bool]]:
    """Entries of the repository, and every precondition function with whether it can raise."""
    files = [f for f in subject.source.files if f.tree is not None and not is_test(f.path)]
    graph = _Graph()
    for file in files:
        graph.add(file)
    # What is called ensure and refuses nothing itself makes something: a folder, a schema.
    names_ = {n for n in graph.functions if PRECONDITION.search(n)
              and (n in graph.raising or not n.startswith("ensure_"))}  # fmt: skip
    callers = []
    for file in files:
        assert file.tree is not None
        for node in file.tree.body:
            names = _entry_calls(node)
            if names is not None and isinstance(
                node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
            ):
                callers.append(Entry(file, node, graph.reached(names) & names_))
    return callers, {name: _raises(name, graph) for name in sorted(names_)}


def calls_of(node: ast.AST) -> frozenset[str]:
    """Last names of everything that is called inside, or passed on to be called."""
    names = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Call):
            given = [*part.args, *(k.value for k in part.keywords), part.func]
            names |= {ast.unparse(a).rpartition(".")[2] for a in given if _is_named(a)}
    return frozenset(names)


def _is_named(node: ast.expr) -> bool:
    return isinstance(node, (ast.Name, ast.Attribute))


def calls_of_constructor(node: ast.ClassDef) -> frozenset[str]:
    """Names that making an instance calls: ``__init__``, ``__post_init__`` and the bases."""
    names = {n for b in node.bases if (n := ast.unparse(b).rpartition(".")[2])}
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name in ("__init__", "__post_init__"):
            names |= calls_of(part)
    return frozenset(names)


def _entry_calls(node: ast.stmt) -> frozenset[str] | None:
    """Names an entry calls; None for what is no entry."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return calls_of(node) if ENTRY_FUNCTION.search(node.name) else None
    if not isinstance(node, ast.ClassDef) or not ENTRY_CLASS.search(node.name):
        return None
    methods = [
        part
        for part in node.body
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef))
        and ENTRY_METHOD.search(part.name)
    ]
    if not methods:
        return None
    return frozenset(calls_of_constructor(node).union(*(calls_of(m) for m in methods)))


def _raises(name: str, graph: _Graph) -> bool:
    return bool(({name} | graph.reached(frozenset({name}))) & graph.raising)
