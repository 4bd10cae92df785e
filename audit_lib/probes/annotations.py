"""What annotations say of None."""

from __future__ import annotations

import ast

from audit_lib.subject.uses import dotted


def is_none(node: ast.AST) -> bool:
    """True for the literal None."""
    return isinstance(node, ast.Constant) and node.value is None


def allows_none(node: ast.expr) -> bool:
    """True where an annotation admits None, or where that cannot be told."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            try:
                return allows_none(ast.parse(node.value, mode="eval").body)
            except (SyntaxError, ValueError):
                return True
        return node.value is None or node.value is Ellipsis
    if isinstance(node, ast.BinOp):
        return allows_none(node.left) or allows_none(node.right)
    name = dotted(node.value if isinstance(node, ast.Subscript) else node).rpartition(".")[2]
    if name in ("Union", "Annotated") and isinstance(node, ast.Subscript):
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return any(allows_none(p) for p in (parts[:1] if name == "Annotated" else parts))
    # One letter, or T_co: a type variable.
    return name in ("", "Optional", "Any", "object", "None", "NoReturn", "Never", "TypeGuard") or (
        len(name.partition("_")[0]) == 1
    )


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
