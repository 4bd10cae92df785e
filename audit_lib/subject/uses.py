"""Names that a part of the source touches, for telling who refers to whom."""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Uses:
    """Names that a unit touches.

    Attributes:
        names: names it reads.
        attributes: (name, attribute) pairs it reads from plain names.
        members: (name, attribute, attribute) triples, such as ``self.model.fit``.
        binds: names of its own: parameters and assignments.
        imports: own name to the import statement that brings it.
        rivals: names that several import statements bring, each from elsewhere.
        narrowed: names that an ``isinstance`` asks about.
        made: own name, or ``self.x``, to the dotted callable or annotation it comes from.
    """

    names: set[str] = field(default_factory=set)
    attributes: set[tuple[str, str]] = field(default_factory=set)
    members: set[tuple[str, str, str]] = field(default_factory=set)
    binds: set[str] = field(default_factory=set)
    imports: dict[str, ast.Import | ast.ImportFrom] = field(default_factory=dict)
    rivals: set[str] = field(default_factory=set)
    narrowed: set[str] = field(default_factory=set)
    made: dict[str, str] = field(default_factory=dict)


def dotted(node: ast.AST | None) -> str:
    """``a.b.c`` for names and attributes of names; '' for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        return ".".join([node.id, *reversed(parts)])
    return ""


def last_name(node: ast.AST | None) -> str:
    """``c`` for ``a.b.c``, and for ``c`` itself; '' for what is no name."""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def targets_of(node: ast.Assign | ast.AnnAssign | ast.NamedExpr | ast.AugAssign) -> list[ast.expr]:
    """What an assignment gives a value to."""
    return node.targets if isinstance(node, ast.Assign) else [node.target]


def docstring_of(body: Sequence[ast.stmt]) -> ast.Constant | None:
    """The docstring that a body begins with, as its node; None where it has none."""
    first = body[0] if body else None
    value = first.value if isinstance(first, ast.Expr) else None
    return value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


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


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef, uses: Uses) -> None:
    """Note the parameters of a function, and the classes that their annotations name."""
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
    targets = targets_of(node)
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


def _attribute(node: ast.Attribute, uses: Uses) -> None:
    inner = node.value
    if isinstance(inner, ast.Name):
        uses.attributes.add((inner.id, node.attr))
    elif isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
        uses.members.add((inner.value.id, inner.attr, node.attr))


def _call(node: ast.Call, uses: Uses) -> None:
    if isinstance(node.func, ast.Name) and node.func.id == "isinstance" and node.args:
        uses.narrowed.add(dotted(node.args[0]))


def _name(node: ast.Name, uses: Uses) -> None:
    (uses.names if isinstance(node.ctx, ast.Load) else uses.binds).add(node.id)


def _import(node: ast.Import | ast.ImportFrom, uses: Uses) -> None:
    for alias in node.names:
        name = alias.asname or alias.name.split(".")[0]
        before = uses.imports.setdefault(name, node)
        if before is not node and ast.unparse(before) != ast.unparse(node):
            uses.rivals.add(name)
        uses.imports[name] = node


#: Kind of node to what it adds to the uses of the unit that it stands in.
SEEN: dict[type[ast.AST], Callable[[Any, Uses], None]] = {
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.Call: _call,
    ast.Assign: _made,
    ast.AnnAssign: _made,
    ast.Import: _import,
    ast.ImportFrom: _import,
}
