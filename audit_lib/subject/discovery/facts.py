"""What the source says of a function besides its name."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from audit_lib.subject.source import SourceFile

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Callers:
    """Which other files call a function: those that import its file and call something so named."""

    def __init__(
        self, files: Iterable[SourceFile], importers: Mapping[str, frozenset[str]]
    ) -> None:
        self.importers = importers
        self._called = {
            file.path: frozenset(called_names(file.tree)) for file in files if file.tree is not None
        }

    def of(self, path: str, name: str) -> tuple[str, ...]:
        """Paths of the files that call it."""
        return tuple(
            sorted(p for p in self.importers.get(path, ()) if name in self._called.get(p, ()))
        )


@dataclass(frozen=True)
class Facts:
    """A function as its source shows it.

    Attributes:
        path, scope, name: where it is defined, and the class around it.
        node: its syntax tree.
        callers: files that call it.
        fan_in: how many files import its file.
    """

    path: str
    scope: str
    name: str
    node: Function
    callers: tuple[str, ...]
    fan_in: int

    @classmethod
    def of(cls, path: str, scope: str, node: Function, callers: Callers) -> Facts:
        """Facts of a definition."""
        # A constructor is called by the name of its class.
        called = scope.rpartition(".")[2] if node.name == "__init__" else node.name
        return cls(
            path, scope, node.name, node, callers.of(path, called),
            len(callers.importers.get(path, ())),
        )  # fmt: skip

    @cached_property
    def near(self) -> str:
        """Class and module, in lower case; the class as one word and as its words, too."""
        return f"{self.scope} {in_words(self.scope)} {self.path}".lower()

    @cached_property
    def spelled(self) -> str:
        """Its name after that of its class, as one function would have it: `walk_forward_split`.

        What is called by its class alone (``__call__``) has the name of the class.
        """
        owner = in_words(self.scope.rpartition(".")[2])
        if self.name == "__call__":
            return owner
        if self.name.startswith("__"):
            return self.name
        return f"{owner}_{self.name.lower()}" if owner else self.name.lower()

    @cached_property
    def parameters(self) -> frozenset[str]:
        """Names of its parameters, in lower case."""
        args = self.node.args
        return frozenset(a.arg.lower() for a in (*args.posonlyargs, *args.args, *args.kwonlyargs))

    @cached_property
    def gives(self) -> str:
        """Its annotated return; ``yields`` besides where it is a generator."""
        annotation = ast.unparse(self.node.returns) if self.node.returns is not None else ""
        lazily = any(isinstance(n, ast.Yield | ast.YieldFrom) for n in ast.walk(self.node))
        return f"{annotation} yields" if lazily else annotation

    @cached_property
    def calls(self) -> frozenset[str]:
        """Names that its body calls, in lower case."""
        return frozenset(name.lower() for name in called_names(self.node))

    @cached_property
    def abstract(self) -> bool:
        """True for bodies that only raise, pass, document, or hand a parameter back."""
        body = [
            s
            for s in self.node.body
            if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        ]
        return all(
            isinstance(s, ast.Raise | ast.Pass)
            or (isinstance(s, ast.Return) and isinstance(s.value, ast.Name | ast.Constant | None))
            for s in body
        )


def in_words(name: str) -> str:
    """``PageHinkley`` as ``page_hinkley``."""
    return _HUMP.sub("_", name).lower()


def called_names(tree: ast.AST) -> set[str]:
    """The last part of whatever is called."""
    calls = (n.func for n in ast.walk(tree) if isinstance(n, ast.Call))
    return {
        f.attr if isinstance(f, ast.Attribute) else f.id
        for f in calls
        if isinstance(f, ast.Attribute | ast.Name)
    }
