"""How complex a function is, by the rules of two libraries.

*Cyclomatic complexity* is radon's (McCabe 1976), of a unit without those inside it; radon does not
look into decorators, defaults, base classes and assertions.  *Cognitive complexity* is complexipy's
(Campbell 2018), of outermost functions and methods with what is nested in them.
"""

import ast
from collections.abc import Iterable

import complexipy
from radon.visitors import CodeVisitor, ComplexityVisitor  # type: ignore[import-untyped]

from audit_lib.subject.source import SourceFile

#: Kinds of node that radon counts, besides definitions.
FORKS = frozenset(
    {
        ast.Assert,
        ast.AsyncFor,
        ast.BoolOp,
        ast.For,
        ast.If,
        ast.IfExp,
        ast.Match,
        ast.Try,
        ast.While,
        ast.comprehension,
    }
)


class _Stop(CodeVisitor):  # type: ignore[misc]
    """Ends the descent: what follows radon's own count in the order of resolution."""

    def generic_visit(self, node: ast.AST) -> None:
        """Go no further."""


class _EachAlone(ComplexityVisitor, _Stop):  # type: ignore[misc]
    """Radon's count of single nodes; the ledger has walked the tree already."""


def cyclomatic(forks: Iterable[ast.AST]) -> int:
    """Cyclomatic complexity of a unit from the nodes of it that fork."""
    visitor = _EachAlone()
    for node in forks:
        visitor.visit(node)
    return int(visitor.complexity)


def cognitive(file: SourceFile) -> dict[int, int]:
    """Cognitive complexity of outermost functions and methods, by line.

    A file that the library cannot read, or a function too deep for it, has none.
    """
    # The library honours suppression comments that name it; an audit must not.
    text = file.text.removeprefix("\ufeff").replace("complexipy", "complexipX")
    try:
        result = complexipy.code_complexity(text)
    except ValueError:
        return {}
    return {f.line_start: f.complexity for f in result.functions}
