"""Units of the source: module level, classes and functions, each line in exactly one.

Counting rules:

- A line belongs to the innermost class or function that spans it, decorators included, and to the
  module level where none does.  Names are dotted (``Model.fit.inner``); a second definition of a
  name in the same scope is ``fit#2``.
- *Branch points* are statements that fork or repeat: ``if`` and ``elif``, ``for``, ``while``,
  ``try``, ``except``, ``case``.  *Branch lines* are lines that begin with one of the first six
  words, strings included, as text tools count them.
- *Cyclomatic complexity* is radon's (McCabe 1976), of the unit itself without those inside it.
  *Cognitive complexity* is complexipy's (Campbell 2018), of outermost functions and methods with
  what is nested in them; a function too deep for it has none.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

import complexipy
from radon.visitors import ComplexityVisitor  # type: ignore[import-untyped]

from audit_lib.subject.lines import Kind, Lines, Span, lines_of, span_of
from audit_lib.subject.modules import DEFINITIONS, Definition
from audit_lib.subject.source import SourceFile

MODULE = "<module>"
_BRANCHES = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.Try,
    ast.TryStar,
    ast.ExceptHandler,
    ast.match_case,
)
_BRANCH_LINE = re.compile(rb"^[ \t\f]*(?:if|elif|for|while|try|except)\b", re.MULTILINE)


@dataclass
class Uses:
    """Names that a unit touches, for telling who refers to whom.

    Attributes:
        names: names it reads.
        attributes: (name, attribute) pairs it reads from plain names.
        members: (name, attribute, attribute) triples, such as ``self.model.fit``.
        binds: names of its own: parameters and assignments.
        imports: own name to the import statement that brings it.
        narrowed: names that an ``isinstance`` asks about.
        made: own name, or ``self.x``, to the dotted callable or annotation it comes from.
    """

    names: set[str] = field(default_factory=set)
    attributes: set[tuple[str, str]] = field(default_factory=set)
    members: set[tuple[str, str, str]] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    imports: dict[str, ast.Import | ast.ImportFrom] = field(default_factory=dict)
    narrowed: set[str] = field(default_factory=set)
    made: dict[str, str] = field(default_factory=dict)


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
        cyclomatic, cognitive: see the module's rules; None where undefined.
        uses: names it touches.
    """

    path: str
    name: str
    kind: str
    line: int
    end_line: int
    parent: int
    node: ast.Module | Definition | None = None
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    branches: int = 0
    cyclomatic: int | None = None
    cognitive: int | None = None
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

    @property
    def definitions(self) -> int:
        """Classes and functions, nested ones included."""
        return len(self.units) - 1

    @property
    def branches(self) -> int:
        """Branch points of all units."""
        return sum(u.branches for u in self.units)

    def counts(self) -> dict[Kind, int]:
        """Lines of the file by kind."""
        return {kind: sum(u.counts[kind] for u in self.units) for kind in Kind}


def units_of(file: SourceFile, *, measured: bool = True) -> FileUnits:
    """Units of a file; one of module level where it does not parse.

    Args:
        file: the file.
        measured: work out complexities, a third of the time.
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
    if measured:
        _measure(file, parsed, walk.units)
    return FileUnits(file, lines, tuple(walk.units), owners, branch_lines)


class _Walk:
    """One pass over a syntax tree, without recursion."""

    def __init__(self, path: str, tree: ast.Module) -> None:
        self.path = path
        self.units = [Unit(path, MODULE, "module", 1, 1, -1, tree)]
        self.strings: list[Span] = []
        self.docstrings: list[Span] = []
        self._taken: dict[str, int] = {}
        self._docstring_of(tree)
        stack: list[tuple[ast.AST, int]] = [(child, 0) for child in reversed(tree.body)]
        while stack:
            node, owner = stack.pop()
            if isinstance(node, DEFINITIONS):
                owner = self._define(node, owner)
            else:
                self._see(node, self.units[owner])
            if isinstance(node, ast.JoinedStr):
                inner = [n for n in ast.walk(node) if not isinstance(n, ast.JoinedStr)]
                for part in inner:
                    if not isinstance(part, ast.Constant):
                        self._see(part, self.units[owner])
                continue
            stack.extend([(child, owner) for child in ast.iter_child_nodes(node)][::-1])

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
            _parameters(node, unit.uses)
        self._docstring_of(node)
        self.units.append(unit)
        return len(self.units) - 1

    def _unique(self, name: str) -> str:
        times = self._taken[name] = self._taken.get(name, 0) + 1
        return name if times == 1 else f"{name}#{times}"

    def _docstring_of(self, node: ast.Module | Definition) -> None:
        first = node.body[0] if node.body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            value = first.value
            if isinstance(value.value, str):
                end = value.end_lineno or value.lineno
                end_column = value.end_col_offset or 0
                self.docstrings.append((value.lineno, value.col_offset, end, end_column))

    def _see(self, node: ast.AST, unit: Unit) -> None:
        uses = unit.uses
        if isinstance(node, ast.Name):
            (uses.names if isinstance(node.ctx, ast.Load) else uses.binds).add(node.id)
        elif isinstance(node, ast.Attribute):
            inner = node.value
            if isinstance(inner, ast.Name):
                uses.attributes.add((inner.id, node.attr))
            elif isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
                uses.members.add((inner.value.id, inner.attr, node.attr))
        elif isinstance(node, (ast.Constant, ast.JoinedStr)):
            if (span := span_of(node)) is not None:
                self.strings.append(span)
        elif isinstance(node, _BRANCHES):
            unit.branches += 1
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "isinstance" and node.args:
                uses.narrowed.add(dotted(node.args[0]))
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            _made(node, uses)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                uses.imports[alias.asname or alias.name.split(".")[0]] = node


def dotted(node: ast.AST | None) -> str:
    """``a.b.c`` for names and attributes of names; '' for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        return ".".join([node.id, *reversed(parts)])
    return ""


def annotated(node: ast.AST | None) -> str:
    """The class an annotation names: ``X``, ``"X"``, ``X | None`` or ``Optional[X]``; else ''."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        text = node.value.strip("'\" ")
        return text if all(p.isidentifier() for p in text.split(".")) else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        sides = [annotated(node.left), annotated(node.right)]
        return next((s for s in sides if s), "")
    if isinstance(node, ast.Subscript) and dotted(node.value).split(".")[-1] == "Optional":
        return annotated(node.slice)
    return dotted(node)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef, uses: Uses) -> None:
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    for argument in every:
        uses.binds.add(argument.arg)
        if named := annotated(argument.annotation):
            uses.made[argument.arg] = named
    for star in (arguments.vararg, arguments.kwarg):
        if star is not None:
            uses.binds.add(star.arg)


def _made(node: ast.Assign | ast.AnnAssign, uses: Uses) -> None:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    name = dotted(targets[0]) if len(targets) == 1 else ""
    if not name or name.count(".") > 1:
        return
    source = dotted(node.value.func) if isinstance(node.value, ast.Call) else ""
    if not source and isinstance(node, ast.AnnAssign):
        source = annotated(node.annotation)
    # Two different origins leave a name untyped.
    if name in uses.made and uses.made[name] != source:
        source = ""
    uses.made[name] = source


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


def _measure(file: SourceFile, tree: ast.Module, units: list[Unit]) -> None:
    cyclomatic = _cyclomatic(tree)
    cognitive = _cognitive(file)
    for unit in units:
        if isinstance(unit.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found = cyclomatic.get((unit.node.lineno, unit.node.col_offset))
            unit.cyclomatic = found if found is not None else _own_cyclomatic([unit.node])
            unit.cognitive = cognitive.get(unit.node.lineno, cognitive.get(unit.line))
            if unit.kind == "nested":
                unit.cognitive = None
        elif unit.node is not None:
            body = [s for s in unit.node.body if not isinstance(s, DEFINITIONS)]
            unit.cyclomatic = _own_cyclomatic(body)


def _cyclomatic(tree: ast.Module) -> dict[tuple[int, int], int]:
    """Complexity of functions by place; those within classes within functions are missing."""
    try:
        visitor = ComplexityVisitor.from_ast(tree)
    except RecursionError:
        return {}
    found = {}
    functions = list(visitor.functions)
    classes = list(visitor.classes)
    while classes:
        cls = classes.pop()
        functions.extend(cls.methods)
        classes.extend(cls.inner_classes)
    while functions:
        function = functions.pop()
        found[function.lineno, function.col_offset] = function.complexity
        functions.extend(function.closures)
    return found


def _own_cyclomatic(body: list[ast.stmt]) -> int | None:
    if not body:
        return 1
    try:
        visitor = ComplexityVisitor.from_ast(ast.Module(body=body, type_ignores=[]))
    except RecursionError:
        return None
    if len(body) == 1 and isinstance(body[0], DEFINITIONS) and visitor.functions:
        return int(visitor.functions[0].complexity)
    return int(visitor.complexity)


def _cognitive(file: SourceFile) -> dict[int, int]:
    """Cognitive complexity of outermost functions and methods, by line."""
    # The library honours suppression comments that name it; an audit must not.
    text = file.text.removeprefix("\ufeff").replace("complexipy", "complexipX")
    try:
        result = complexipy.code_complexity(text)
    except ValueError:
        return {}
    return {f.line_start: f.complexity for f in result.functions}
