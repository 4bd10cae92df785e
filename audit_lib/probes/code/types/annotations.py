"""What annotations say of None."""

import ast
from collections.abc import Iterable, Iterator

from audit_lib.subject.uses import dotted


def is_none(node: ast.AST) -> bool:
    """True for the literal None."""
    return isinstance(node, ast.Constant) and node.value is None


def aliases_of_none(trees: Iterable[ast.AST | None]) -> frozenset[str]:
    """Names of a repository's own types that admit None, such as ``Level = Optional[str]``.

    By bare name, wherever it is defined: annotations reach aliases through imports of any form.
    """
    named = [pair for tree in trees if isinstance(tree, ast.Module) for pair in _aliases(tree)]
    aliases: frozenset[str] = frozenset()
    while True:
        more = aliases | {name for name, value in named if _admits(value, aliases)}
        if more == aliases:
            return aliases
        aliases = more


def _aliases(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Module | ast.Try | ast.ExceptHandler | ast.If):
            stack.extend(ast.iter_child_nodes(node))
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            target, value = node.target, node.value
        else:
            continue
        if isinstance(target, ast.Name):
            yield target.id, value


def _admits(value: ast.expr, aliases: frozenset[str]) -> bool:
    if isinstance(value, ast.Name | ast.Attribute):
        return dotted(value).rpartition(".")[2] in aliases | {"Any"}
    return isinstance(value, ast.Subscript | ast.BinOp) and allows_none(value, aliases)


def allows_none(node: ast.expr, aliases: frozenset[str] = frozenset()) -> bool:
    """True where an annotation admits None, or where that cannot be told.

    Args:
        node: the annotation.
        aliases: names of types that admit None.
    """
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            try:
                return allows_none(ast.parse(node.value, mode="eval").body, aliases)
            except (SyntaxError, ValueError):
                return True
        return node.value is None or node.value is Ellipsis
    if isinstance(node, ast.BinOp):
        return allows_none(node.left, aliases) or allows_none(node.right, aliases)
    name = dotted(node.value if isinstance(node, ast.Subscript) else node).rpartition(".")[2]
    if name in ("Union", "Annotated") and isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return any(allows_none(p, aliases) for p in (parts[:1] if name == "Annotated" else parts))
    # One letter, or T_co: a type variable.
    allowing = ("", "Optional", "Any", "object", "None", "NoReturn", "Never", "TypeGuard")
    return name in allowing or name in aliases or len(name.partition("_")[0]) == 1


def says_none(node: ast.expr | None) -> bool:
    """True where an annotation names None at its top."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            return says_none(ast.parse(node.value, mode="eval").body)
        except (SyntaxError, ValueError):
            return False
    if isinstance(node, ast.BinOp):
        return any(is_none(n) or says_none(n) for n in (node.left, node.right))
    if isinstance(node, ast.Subscript):
        name = dotted(node.value).rpartition(".")[2]
        if name == "Optional":
            return True
        if name == "Union":
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return any(is_none(p) or says_none(p) for p in parts)
    return False
