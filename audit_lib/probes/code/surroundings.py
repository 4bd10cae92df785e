"""What stands around a node: when it runs, and what happens where it fails.

Code that cannot run is as bad as what it takes with it: a module that cannot be imported, a
function that fails when it gets there, or nothing to be seen, where a handler swallows the error.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from audit_lib.model import Severity
from audit_lib.subject.code import Code
from audit_lib.subject.source import SourceFile, matches
from audit_lib.subject.units import MODULE, Unit
from audit_lib.subject.uses import dotted, targets_of

AS_SCRIPT = "running the file fails"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.match_case)
#: Errors to the classes that catch them, beside themselves.
_CATCHES = {
    "NameError": {"UnboundLocalError"},
    "UnboundLocalError": {"NameError"},
    "ModuleNotFoundError": {"ImportError"},
    "KeyError": {"LookupError"},
}
#: Files that do not take part: tests call wrongly on purpose, examples are read by people.
ASIDE = (
    "**/tests/**", "**/test/**", "**/testing/**", "**/test_*.py", "**/*_test.py",
    "**/tests_*/**", "**/test_*/**", "**/*_tests/**", "**/conftest.py", "docs/**", "doc/**",
    "**/example*/**", "**/*_template*/**", "**/templates/**",
)  # fmt: skip


def is_aside(path: str) -> bool:
    """True for tests, documentation, examples, and templates that people copy."""
    return any(matches(path, glob) for glob in ASIDE)


class Surroundings:
    """The nodes of one file with what encloses them."""

    def __init__(self, file: SourceFile, tree: ast.Module) -> None:
        self.file, self.tree = file, tree

    @cached_property
    def parents(self) -> dict[ast.AST, ast.AST]:
        """Node to the node it stands in."""
        return {c: n for n in ast.walk(self.tree) for c in ast.iter_child_nodes(n)}

    @cached_property
    def _placed(self) -> dict[tuple[int, int], list[ast.AST]]:
        nodes: dict[tuple[int, int], list[ast.AST]] = defaultdict(list)
        for node in ast.walk(self.tree):
            line = getattr(node, "lineno", None)
            if line is not None:
                nodes[line, getattr(node, "col_offset", 0)].append(node)
        return nodes

    def at(self, line: int, column: int) -> list[ast.AST]:
        """Nodes that begin there; the column counts characters from 0."""
        lines = self.file.text.splitlines()
        text = lines[line - 1] if 0 < line <= len(lines) else ""
        return self._placed.get((line, len(text[:column].encode())), [])

    def above(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """(child, parent) pairs from the node to the module."""
        while (parent := self.parents.get(node)) is not None:
            yield node, parent
            node = parent

    def loads(self, node: ast.AST) -> bool:
        """True where it runs whenever the module is imported, on every path."""
        for child, parent in self.above(node):
            if isinstance(parent, _FUNCTIONS) and _in_body(parent, child):
                return False
            if isinstance(parent, _BRANCHES) and not _always(parent, child):
                return False
            if isinstance(parent, (ast.BoolOp, ast.IfExp)):
                return False
        return True

    def function(self, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
        """The innermost function in whose body it stands."""
        for child, parent in self.above(node):
            if not isinstance(parent, (ast.FunctionDef, ast.AsyncFunctionDef)):
                continue
            if _in_body(parent, child):
                return parent
        return None

    def in_annotation(self, node: ast.AST) -> bool:
        """True where it only says a type, in a place that is not evaluated."""
        lazy = any(
            isinstance(n, ast.ImportFrom)
            and n.module == "__future__"
            and any(a.name == "annotations" for a in n.names)
            for n in self.tree.body
        )
        for child, parent in self.above(node):
            says = child is getattr(parent, "annotation", None) or (
                child is getattr(parent, "returns", None)
            )
            if says:
                local = isinstance(parent, ast.AnnAssign) and self.function(parent) is not None
                return lazy or local or self.file.path.endswith(".pyi")
            if isinstance(parent, ast.If) and _is_typing(parent.test) and child in parent.body:
                return True
        return False

    def handler(self, node: ast.AST, error: str) -> ast.ExceptHandler | None:
        """The handler that catches what the node raises, in its own function."""
        for child, parent in self.above(node):
            if isinstance(parent, _FUNCTIONS) and _in_body(parent, child):
                return None
            if isinstance(parent, (ast.Try, ast.TryStar)) and child in parent.body:
                caught = next((h for h in parent.handlers if catches(h, error)), None)
                if caught is not None:
                    return caught
        return None

    def effect(self, node: ast.AST, error: str) -> str:
        """What happens where the node raises that error, in words."""
        handler = self.handler(node, error)
        if handler is not None:
            return f"the handler at line {handler.lineno} swallows it: {outcome(handler)}"
        if self.loads(node):
            return "importing the module fails"
        where = self.function(node)
        if where is None and self.as_script(node):
            return AS_SCRIPT
        return f"{where.name} fails when it gets there" if where else "the module may fail to load"

    def as_script(self, node: ast.AST) -> bool:
        """True for what runs where the file is run, and not where it is imported."""
        return any(isinstance(p, ast.If) and dotted(getattr(p.test, "left", None)) == "__name__"
                   for _, p in self.above(node))  # fmt: skip


def surroundings(code: Code, path: str) -> Surroundings | None:
    """Those of a file; None where it does not parse."""
    file = code.tree.by_path[path]
    tree = file.tree
    return None if tree is None else code.once(f"around {path}", lambda: Surroundings(file, tree))


def severity_of(
    code: Code, path: str, *, loading: bool = False, swallowed: bool = False
) -> Severity:
    """How much breaks, by certainty and reach.

    Where a module cannot be loaded that is under audit, that others import or that is a program:
    CRITICAL if the subsystem and it are connected, HIGH if not.  Elsewhere HIGH and MEDIUM; LOW in
    tests, documents and examples.
    """
    if is_aside(path):
        return Severity.LOW
    far = path not in code.connected
    if loading and not swallowed and code.begins(path):
        return Severity.HIGH if far else Severity.CRITICAL
    return Severity.MEDIUM if far else Severity.HIGH


def symbol_at(code: Code, path: str, line: int) -> str:
    """The definition that a line belongs to; '' at module level."""
    unit = unit_at(code, path, line)
    return "" if unit is None or unit.name == MODULE else unit.name


def unit_at(code: Code, path: str, line: int) -> Unit | None:
    """The unit that a line belongs to."""
    file_units = code.files.get(path)
    if file_units is None or not file_units.owners:
        return None
    return file_units.units[file_units.owners[min(line, len(file_units.owners)) - 1]]


def catches(handler: ast.ExceptHandler, error: str) -> bool:
    """True where the handler catches errors of that name and does not raise again."""
    if handler.type is None:
        names = {"BaseException"}
    else:
        each = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
        names = {dotted(e).rpartition(".")[2] for e in each}
    wide = {error, "Exception", "BaseException", "StandardError"} | _CATCHES.get(error, set())
    return bool(names & wide) and not any(
        isinstance(n, ast.Raise) for s in handler.body for n in ast.walk(s)
    )


def outcome(handler: ast.ExceptHandler) -> str:
    """What a handler does instead, in words."""
    for statement in handler.body:
        if isinstance(statement, ast.Return):
            value = ast.unparse(statement.value) if statement.value is not None else "None"
            return f"{_short(value)} is returned every time"
        if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
            name = ast.unparse(targets_of(statement)[0])
            return f"{_short(name)} is {_short(ast.unparse(statement.value))} every time"
        if isinstance(statement, ast.Continue):
            return "every item is skipped"
    return "it goes on every time as if the work had been done"


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."


def _in_body(parent: ast.AST, child: ast.AST) -> bool:
    body = getattr(parent, "body", [])
    return child is body if isinstance(body, ast.AST) else child in body


def _always(parent: ast.AST, child: ast.AST) -> bool:
    """True for the part of a branching statement that always runs."""
    if isinstance(parent, (ast.Try, ast.TryStar)):
        return child in parent.body or child in parent.finalbody
    if isinstance(parent, (ast.For, ast.AsyncFor)):
        return child is parent.iter
    return child is getattr(parent, "test", None)


def _is_typing(test: ast.expr) -> bool:
    return dotted(test).rpartition(".")[2] == "TYPE_CHECKING"
