"""Units of the source: module level, classes and functions, each line in exactly one.

Counting rules:

- A line belongs to the innermost class or function that spans it, decorators included, and to the
  module level where none does.  Names are dotted (``Model.fit.inner``); a second definition of a
  name in the same scope is ``fit#2``.
- *Branch points* are statements that fork or repeat: ``if`` and ``elif``, ``for``, ``while``,
  ``try``, ``except``, ``case``.  *Branch lines* are lines that begin with one of the first six
  words, strings included, as text tools count them.
- Complexities are those of two libraries, see ``complexity.py``.
"""

import ast
import re
from dataclasses import dataclass, field
from functools import cached_property

from audit_lib.subject.complexity import FORKS, cognitive, cyclomatic
from audit_lib.subject.lines import LineKind, Lines, Span, lines_of, span_of
from audit_lib.subject.modules import DEFINITIONS, Definition
from audit_lib.subject.source import SourceFile
from audit_lib.subject.uses import SEEN, Uses, docstring_of, parameters

MODULE = "<module>"
_BRANCHES = frozenset(
    {
        ast.If,
        ast.For,
        ast.AsyncFor,
        ast.While,
        ast.Try,
        ast.TryStar,
        ast.ExceptHandler,
        ast.match_case,
    }
)
_BRANCH_LINE = re.compile(rb"^[ \t\f]*(?:if|elif|for|while|try|except)\b", re.MULTILINE)


@dataclass
class Unit:
    """A part of a file that lines belong to.

    Attributes:
        path, name: where it is; ``<module>`` for the module level.
        kind: ``module``, ``class``, ``function`` or ``nested`` (within a function).
        line, end_line: first and last line as Python counts, decorators included.
        parent: position of the enclosing unit in the file's list; -1 for the module level.
        node: its syntax node; None in a file that does not parse.
        counts: lines by kind, newline-terminated ones only.
        branches: branch points of its own.
        cyclomatic: see the module's rules; None where undefined.
        uses: names it touches.
    """

    path: str
    name: str
    kind: str
    line: int
    end_line: int
    parent: int
    node: ast.Module | Definition | None = None
    counts: dict[LineKind, int] = field(default_factory=lambda: dict.fromkeys(LineKind, 0))
    branches: int = 0
    cyclomatic: int | None = None
    uses: Uses = field(default_factory=Uses)

    @property
    def lines(self) -> int:
        """Newline-terminated lines that belong to it."""
        return sum(self.counts.values())

    @property
    def key(self) -> str:
        """Its name within the repository."""
        return f"{self.path}::{self.name}"


@dataclass(frozen=True)
class FileUnits:
    """The units of one file and the owner of every line.

    Attributes:
        lines: the classified lines.
        units: the module level first, then definitions in source order.
        owners: position of the owning unit, for every line (and the tail).
        branch_lines: lines that begin with a branching word.
        error: why the file does not parse; '' where it does.
    """

    file: SourceFile
    lines: Lines
    units: tuple[Unit, ...]
    owners: tuple[int, ...]
    branch_lines: int
    error: str = ""

    @cached_property
    def _cognitive(self) -> dict[int, int]:
        return cognitive(self.file)

    def cognitive(self, unit: Unit) -> int | None:
        """Cognitive complexity of a unit, see the module's rules; None where undefined."""
        if unit.kind == "nested" or not isinstance(
            unit.node, (ast.FunctionDef, ast.AsyncFunctionDef)
        ):
            return None
        return self._cognitive.get(unit.node.lineno, self._cognitive.get(unit.line))

    @property
    def definitions(self) -> int:
        """Classes and functions, nested ones included."""
        return len(self.units) - 1

    @property
    def branches(self) -> int:
        """Branch points of all units."""
        return sum(u.branches for u in self.units)

    def counts(self) -> dict[LineKind, int]:
        """Lines of the file by kind."""
        return {kind: sum(u.counts[kind] for u in self.units) for kind in LineKind}


def units_of(file: SourceFile, *, measured: bool = True) -> FileUnits:
    """Units of a file; one of module level where it does not parse.

    Args:
        file: the file.
        measured: work out the cyclomatic complexity.
    """
    parsed = file.parsed
    branch_lines = len(_BRANCH_LINE.findall(file.content.replace(b"\r", b"\n")))
    if isinstance(parsed, SyntaxError):
        lines = lines_of(file, (), ())
        unit = Unit(file.path, MODULE, "module", 1, max(1, len(lines.kinds)), -1)
        owners = (0,) * len(lines.kinds)
        _count(lines, [unit], owners)
        message = f"line {parsed.lineno}: {parsed.msg}" if parsed.lineno else str(parsed)
        return FileUnits(file, lines, (unit,), owners, branch_lines, message)
    walk = _Walk(file.path, parsed)
    lines = lines_of(file, walk.strings, walk.docstrings)
    owners = _owners(walk.units, lines)
    _count(lines, walk.units, owners)
    for unit, forks in zip(walk.units, walk.forks, strict=True):
        unit.cyclomatic = cyclomatic(forks) if measured else None
    return FileUnits(file, lines, tuple(walk.units), owners, branch_lines)


class _Walk:
    """One pass over a syntax tree, without recursion."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self.path = path
        self.units = [Unit(path, MODULE, "module", 1, 1, -1, tree)]
        self.forks: list[list[ast.AST]] = [[]]
        self.strings: list[Span] = []
        self.docstrings: list[Span] = []
        self._taken: dict[str, int] = {}
        self._docstring_of(tree)
        self._within(tree)

    def _within(self, tree: ast.Module) -> None:
        owner = 0
        # A number on the stack: what follows belongs to that unit again.
        stack: list[ast.AST | int] = list(reversed(tree.body))
        while stack:
            node = stack.pop()
            if isinstance(node, int):
                owner = node
            elif isinstance(node, DEFINITIONS):
                stack.append(owner)
                owner = self._define(node, owner)
                stack.extend(reversed(node.body))
            elif not self._see(node, owner):
                stack.extend(children(node)[::-1])

    def _define(self, node: Definition, owner: int) -> int:
        outer = self.units[owner]
        prefix = "" if owner == 0 else outer.name + "."
        name = self._unique(prefix + node.name)
        within = outer.kind == "nested" or (
            owner != 0 and isinstance(outer.node, (ast.FunctionDef, ast.AsyncFunctionDef))
        )
        kind = "class" if isinstance(node, ast.ClassDef) else "function"
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        unit = Unit(
            self.path,
            name,
            "nested" if within else kind,
            first,
            node.end_lineno or node.lineno,
            owner,
            node,
        )
        outer.uses.binds.add(node.name)
        if not isinstance(node, ast.ClassDef):
            parameters(node, unit.uses)
        self._docstring_of(node)
        self.units.append(unit)
        self.forks.append([])
        inner = len(self.units) - 1
        body = set(map(id, node.body))
        self._uncounted([n for n in children(node) if id(n) not in body], inner)
        return inner

    def _unique(self, name: str) -> str:
        times = self._taken[name] = self._taken.get(name, 0) + 1
        return name if times == 1 else f"{name}#{times}"

    def _docstring_of(self, node: ast.Module | Definition) -> None:
        text = docstring_of(node.body)
        if text is not None:
            end, end_column = text.end_lineno or text.lineno, text.end_col_offset or 0
            self.docstrings.append((text.lineno, text.col_offset, end, end_column))

    def _see(self, node: ast.AST, owner: int) -> bool:
        """Note what a node is; True where its children are dealt with already."""
        cls = node.__class__
        unit = self.units[owner]
        see = SEEN.get(cls)
        if see is not None:
            see(node, unit.uses)
        elif cls is ast.Constant or cls is ast.JoinedStr:
            if (span := span_of(node)) is not None:
                self.strings.append(span)
        elif cls in _BRANCHES:
            unit.branches += 1
        if cls in FORKS:
            self.forks[owner].append(node)
        if cls is ast.JoinedStr:
            self._expressions(node, owner)
            return True
        if cls is ast.Assert:
            self._uncounted(children(node), owner)
            return True
        return False

    def _expressions(self, node: ast.AST, owner: int) -> None:
        """What stands in the braces of an f-string; its texts are part of one string."""
        for part in ast.walk(node):
            if not isinstance(part, (ast.JoinedStr, ast.Constant)):
                self._see(part, owner)

    def _uncounted(self, nodes: list[ast.AST], owner: int) -> None:
        """Parts whose forks are not counted: heads of definitions, assertions."""
        counted = len(self.forks[owner])
        stack = nodes[::-1]
        while stack:
            node = stack.pop()
            if not self._see(node, owner):
                stack.extend(children(node)[::-1])
        del self.forks[owner][counted:]


def _owners(units: list[Unit], lines: Lines) -> tuple[int, ...]:
    size = len(lines.kinds)
    units[0].end_line = max(1, lines.first_python[-1] if size else 1)
    by_python = [0] * (max([units[0].end_line, *(u.end_line for u in units)]) + 1)
    for position, unit in enumerate(units[1:], start=1):
        by_python[unit.line : unit.end_line + 1] = [position] * (unit.end_line - unit.line + 1)
    return tuple(by_python[number] for number in lines.first_python)


def _count(lines: Lines, units: list[Unit], owners: tuple[int, ...]) -> None:
    for owner, kind in zip(owners[: lines.count], lines.kinds[: lines.count], strict=True):
        units[owner].counts[kind] += 1


class _Fields(dict[type, tuple[str, ...]]):
    """Fields of a kind of node that may hold nodes worth seeing."""

    def __missing__(self, kind: type) -> tuple[str, ...]:
        fields = tuple(f for f in getattr(kind, "_fields", ()) if f not in _PLAIN)
        self[kind] = fields
        return fields


_PLAIN = frozenset(
    {"ctx", "op", "ops", "id", "attr", "arg", "asname", "kind", "level", "type_comment", "rest"}
)
_FIELDS = _Fields({ast.Constant: (), ast.Global: (), ast.Nonlocal: (), ast.alias: ()})


def children(node: ast.AST) -> list[ast.AST]:
    """Children of a node in source order, without operators and contexts."""
    nodes: list[ast.AST] = []
    for name in _FIELDS[node.__class__]:
        value = getattr(node, name, None)
        if value.__class__ is list:
            nodes += [v for v in value if isinstance(v, ast.AST)]
        elif isinstance(value, ast.AST):
            nodes.append(value)
    return nodes
