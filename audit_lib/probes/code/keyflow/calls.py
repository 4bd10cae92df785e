"""The code by unit: its nodes, the functions that calls reach, the keys that subscripts name."""

import ast
from collections.abc import Iterator

from audit_lib.probes.code.constants import constant
from audit_lib.probes.code.keyflow.paths import ANY
from audit_lib.subject.code import Code
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

#: Calls that look at a value without looking at its keys.
BLIND = frozenset(
    {"len", "isinstance", "bool", "type", "id", "print", "repr", "str", "float", "int", "hasattr"}
)
#: Methods that walk over a mapping.
WALKS = frozenset({"items", "keys", "values"})
#: Calls that answer with what they are given.
SAME = frozenset({"dict", "copy", "deepcopy", "list", "tuple", "sorted", "reversed"})


class Calls:
    """Units of the code, and what they call."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self.units = {u.key: u for f in code.files.values() for u in f.units if u.node is not None}
        self._nodes = code.own

    def units_near(self, word: str) -> Iterator[tuple[str, Unit]]:
        """Units of the files whose text holds a word."""
        texts = {path: word in file.file.text for path, file in self.code.files.items()}
        return ((key, unit) for key, unit in self.units.items() if texts[unit.path])

    def own(self, unit: Unit) -> list[ast.AST]:
        """Nodes of a unit, in source order; definitions inside it left out."""
        if unit.key not in self._nodes:
            nodes: list[ast.AST] = []
            assert unit.node is not None
            stack: list[ast.AST] = [
                n for n in reversed(unit.node.body) if not isinstance(n, DEFINITIONS)
            ]
            while stack:
                node = stack.pop()
                nodes.append(node)
                stack.extend(
                    c
                    for c in reversed(list(ast.iter_child_nodes(node)))
                    if not isinstance(c, DEFINITIONS)
                )
            self._nodes[unit.key] = nodes
        return self._nodes[unit.key]

    def callee(self, unit: Unit, call: ast.Call) -> Unit | None:
        """The repository's function that a call reaches; a class stands for its constructor."""
        callees = self.code.callees
        if id(call) not in callees:
            callees[id(call)] = self._callee(unit, call)
        return callees[id(call)]

    def _callee(self, unit: Unit, call: ast.Call) -> Unit | None:
        text = dotted(call.func)
        if not text or text.count(".") > 2:
            return None
        target = self.code.references.chain(unit, text).unit
        if target is not None and isinstance(target.node, ast.ClassDef):
            return self.code.references.member(target, "__init__")
        return target

    def callee_key(self, unit: Unit, call: ast.Call) -> str:
        """Key of that function; '' where there is none."""
        target = self.callee(unit, call)
        return target.key if target is not None else ""

    def key(self, unit: Unit, node: ast.expr) -> str:
        """The key that a subscript names, or ``*``."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else ANY
        if isinstance(node, ast.Name) and node.id not in unit.uses.binds:
            value = constant(self.code.index, unit.path, node.id)
            if isinstance(value, str):
                return value
        return ANY
