"""Which document a call reads or writes, by the names of files around it."""

import ast
import re
from collections.abc import Collection, Iterator

from audit_lib.probes.code.constants import constant
from audit_lib.probes.code.keyflow.calls import Calls
from audit_lib.subject.code import Code
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

#: Endings of the files that hold documents with keys.
ENDINGS = (
    ".json", ".yaml", ".yml", ".toml", ".npz", ".pt", ".pth", ".pkl", ".pickle", ".joblib",
)  # fmt: skip


class Naming(Calls):
    """Tells one document, known by a part of its file name, from other data files."""

    def __init__(self, code: Code, name: str) -> None:
        super().__init__(code)
        self.name = name
        # ``config.yml`` is no part of ``mod_config.yml``; a part that begins with a sign may be.
        whole = name[:1].isalnum() and name.endswith(ENDINGS)
        self._named = re.compile(("(?<![\\w-])" if whole else "") + re.escape(name))
        self._variables: dict[str, dict[str, bool]] = {}
        self._assigned: dict[tuple[str, str], bool | None] = {}
        self._handles: dict[str, dict[int, dict[str, bool | None]]] = {}

    def named_near(self, unit: Unit, call: ast.Call) -> bool:
        """True where a call is of this document.

        Its arguments say so, or name no file at all while the unit names this one only.
        """
        named = self.named_by(unit, call)
        return self.unit_tells(unit) if named is None else named

    def named_by(self, unit: Unit, call: ast.Call) -> bool | None:
        """What the arguments of a call name: this document, another one (False), or none.

        What stands in them by name outranks what their variables came from.
        """
        nodes = [n for a in (*call.args, *(k.value for k in call.keywords)) for n in ast.walk(a)]
        handles = self._handles_of(unit).get(id(call), {})
        literal = {self.tells(unit, n) for n in nodes if isinstance(n, ast.Constant)}
        dynamic = {
            handles[n.id] if isinstance(n, ast.Name) and n.id in handles else self.tells(unit, n)
            for n in nodes
        }
        said = _either(literal)
        return _either(dynamic) if said is None else said

    def tells(self, unit: Unit, node: ast.AST) -> bool | None:
        """True: names this document; False: names another data file; None: names none."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return self._judge(node.value)
        if isinstance(node, ast.Name):
            answer = self._variables_of(unit).get(node.id)
            if answer is not None:
                return answer
            value = constant(self.code.index, unit.path, node.id)
            return self._judge(value) if isinstance(value, str) else self._module(unit, node.id)
        if isinstance(node, ast.Attribute) and dotted(node.value) in ("self", "cls"):
            return self._attribute(unit, node.attr)
        return None

    def _module(self, unit: Unit, name: str) -> bool | None:
        """What a path of the module names, by the strings that it is made of."""
        if (unit.path, name) not in self._assigned:
            nodes = self.code.index.module(unit.path).bindings.get(name, [])
            values = [n.value for n in nodes if isinstance(n, ast.Assign)]
            self._assigned[unit.path, name] = self._said(values)
        return self._assigned[unit.path, name]

    def _attribute(self, unit: Unit, name: str) -> bool | None:
        """What a field of the object names, by the strings that its class assigns to it."""
        owner = self.code.references.owner_class(unit)
        if owner is None:
            return None
        if (owner.key, name) not in self._assigned:
            methods = (
                u for u in self.units.values()
                if u.path == owner.path and u.name.startswith(owner.name + ".")
            )  # fmt: skip
            nodes = (n for m in methods for n in self.own(m) if isinstance(n, ast.Assign))
            values = [n.value for n in nodes if dotted(n.targets[0]) == f"self.{name}"]
            self._assigned[owner.key, name] = self._said(values)
        return self._assigned[owner.key, name]

    def _said(self, values: list[ast.expr]) -> bool | None:
        strings = (n.value for v in values for n in ast.walk(v) if isinstance(n, ast.Constant))
        return _either({self._judge(s) for s in strings if isinstance(s, str)})

    def _judge(self, text: str) -> bool | None:
        if self._named.search(text):
            return True
        return False if text.endswith(ENDINGS) else None

    def _variables_of(self, unit: Unit) -> dict[str, bool]:
        """Variables of a unit that hold a file name, a path or a handle, and of which document."""
        if unit.key not in self._variables:
            answer_of: dict[str, bool] = {}
            self._variables[unit.key] = answer_of
            for _ in range(3):
                for target, source in self._sources(unit):
                    answers = {self.tells(unit, n) for n in ast.walk(source)}
                    if True in answers or (False in answers and target not in answer_of):
                        answer_of[target] = True in answers
        return self._variables[unit.key]

    def _handles_of(self, unit: Unit) -> dict[int, dict[str, bool | None]]:
        """For calls within ``with open(...) as f``: what the innermost ``f`` is of."""
        if unit.key not in self._handles:
            handles: dict[int, dict[str, bool | None]] = {}
            for node in self.own(unit):
                if not isinstance(node, (ast.With, ast.AsyncWith)):
                    continue
                named = {
                    i.optional_vars.id: self._says(unit, i.context_expr)
                    for i in node.items
                    if isinstance(i.optional_vars, ast.Name)
                }
                for inner in ast.walk(node) if named else ():
                    if isinstance(inner, ast.Call):
                        handles.setdefault(id(inner), {}).update(named)
            self._handles[unit.key] = handles
        return self._handles[unit.key]

    def _says(self, unit: Unit, node: ast.expr) -> bool | None:
        return _either({self.tells(unit, n) for n in ast.walk(node)})

    def _sources(self, unit: Unit) -> Iterator[tuple[str, ast.expr]]:
        for node in self.own(unit):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                if not isinstance(node.value, (ast.Dict, ast.List)):
                    yield node.targets[0].id, node.value
            elif isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
                yield node.optional_vars.id, node.context_expr
            elif isinstance(node, (ast.For, ast.comprehension)) and isinstance(
                node.target, ast.Name
            ):
                yield node.target.id, node.iter

    def unit_tells(self, unit: Unit) -> bool:
        """True where the strings of a unit name this document and no other data file."""
        texts = [
            n.value
            for n in self.own(unit)
            if isinstance(n, ast.Constant) and isinstance(n.value, str)
        ]
        names = {self._judge(t) for t in texts}
        return True in names and False not in names


def _either(answers: Collection[bool | None]) -> bool | None:
    """True where one is, False where one is and none is True, else None."""
    return True if True in answers else False if False in answers else None
