"""Which of a type checker's errors say that None reaches a value declared without it.

A type checker does not know which method runs first, nor that a loop runs at least once; so where
a field that another method fills, or a local that begins as None, *may* be None, nothing is said.
What is left begins or ends at a declaration: a parameter, return type, variable or constant of the
repository whose annotation says that None is, or is not, among its values.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from audit_lib.probes.code.calls import defaults, parameter_names, parameters
from audit_lib.probes.code.types.annotations import is_none, says_none
from audit_lib.probes.code.types.none_asked import (
    adds_none,
    always_reached,
    asked_before,
    assignments,
    begins_as_none,
    beside_a_flag,
    is_none_default,
    keeps,
    looked_at_later,
    looks_itself,
    none_by_default,
    none_for_none,
    operands,
    parts,
    path_text,
    plainly_bound,
    shown,
    tests_itself,
    under_another_condition,
    use_of,
    vouched_for,
)
from audit_lib.probes.code.types.type_checker import Diagnostic
from audit_lib.subject.code import Code
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted, targets_of

_ARGUMENT = re.compile(
    r'Argument (?:(?P<number>\d+)|"(?P<name>\w+)") to "(?P<callee>\w+)".* '
    r'has incompatible type "(?P<given>.+)"; expected "(?P<wanted>.+)"$'
)
_RETURN = re.compile(
    r'Incompatible return value type \(got "(?P<given>.+)", expected "(?P<wanted>.+)"\)$'
)
_ASSIGNMENT = re.compile(
    r"Incompatible types in assignment "
    r'\(expression has type "(?P<given>.+)", \w+ has type "(?P<wanted>.+)"\)$'
)
#: Codes of the errors that a value gives which is used as if it could not be None.
_USED = frozenset({"union-attr", "index", "operator"})


@dataclass(frozen=True)
class NoneFlow:
    """None on its way to, or from, a declaration.

    Attributes:
        said: the error.
        symbol: definition in which it stands.
        declaration: unit or constant whose annotation is at odds with it.
        path: file of the declaration.
        declared: what the annotation says, or what use asks for.
        given: type of what arrives.
        what: the departure in words.
        certain: it does not hang on what a flag or another field says.
        kept: a record or a field takes it as it is; it fails where that is used.
        argument: which argument of the declaration receives it, as the type checker numbers it.
        line: of the call that gives it; else of the error.
    """

    said: Diagnostic
    symbol: str
    declaration: str
    path: str
    declared: str
    given: str
    what: str
    certain: bool = True
    kept: bool = False
    argument: str = ""
    line: int = 0


class NoneFlows:
    """Judges errors of a type checker by the declarations of the repository."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._nodes: dict[str, dict[tuple[int, int], list[tuple[ast.AST, ast.AST]]]] = {}

    def of(self, error: Diagnostic) -> NoneFlow | None:
        """What an error says about None; None where it says nothing that is certain."""
        unit = self._unit(error)
        if error.code == "arg-type":
            return self._argument(error, unit)
        if error.code == "return-value":
            return self._returned(error, unit)
        if error.code == "assignment":
            return self._assigned(error, unit)
        return self._used(error, unit) if error.code in _USED and "None" in error.text else None

    # --- towards a declaration ----------------------------------------------------------------
    def _argument(self, error: Diagnostic, unit: Unit) -> NoneFlow | None:
        m = _ARGUMENT.match(error.text)
        if m is None or not adds_none(m["given"], m["wanted"]):
            return None
        for call, argument in self._at(error):
            if not isinstance(call, ast.Call) or not isinstance(argument, ast.expr):
                continue
            if argument is call.func:
                continue
            target = self.code.references.chain(unit, dotted(call.func)).unit
            if target is None or self._unsure(unit, argument, m["given"]):
                continue
            if looks_itself(self._made_by(target), call, argument):
                continue
            if isinstance(target.node, ast.ClassDef) and none_by_default(target.node, m["name"]):
                continue
            name = m["name"] or "argument"
            what = f"{shown(argument)}, of type {m['given']}, is given to {target.name}"
            what += f" as {name}" if m["name"] else ""
            return NoneFlow(
                error,
                unit.name,
                target.name,
                target.path,
                m["wanted"],
                m["given"],
                what,
                certain=self._certain(unit, argument, m["given"]),
                kept=keeps(self._made_by(target), call, argument),
                argument=m["name"] or m["number"],
                line=call.lineno,
            )
        return None

    def _returned(self, error: Diagnostic, unit: Unit) -> NoneFlow | None:
        match = _RETURN.match(error.text)
        node = unit.node
        if match is None or not adds_none(match["given"], match["wanted"]):
            return None
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        values = [p.value for p, _ in self._standing(error) if isinstance(p, ast.Return)]
        value = values[0] if values else None
        if value is None or is_none(value) or self._unsure(unit, value, match["given"]):
            return None  # a literal None is told of by reading alone
        what = f"{shown(value)}, of type {match['given']}, is returned"
        return NoneFlow(
            error, unit.name, unit.name, unit.path, match["wanted"], match["given"], what,
            certain=self._certain(unit, value, match["given"]),
        )  # fmt: skip

    def _assigned(self, error: Diagnostic, unit: Unit) -> NoneFlow | None:
        match = _ASSIGNMENT.match(error.text)
        if match is None or not adds_none(match["given"], match["wanted"]):
            return None
        for statement, value in self._at(error):
            if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or value is None:
                continue
            name = next((n for t in targets_of(statement) if (n := dotted(t))), "")
            if not name or not isinstance(value, ast.expr):
                continue
            if not self._annotated(unit, name) or self._unsure(unit, value, match["given"]):
                continue
            if looked_at_later(unit, statement, name):
                continue
            what = f"{shown(value)}, of type {match['given']}, is assigned to {name}"
            if is_none(value) and self._begins_so(unit, name):
                continue  # it is put back to what its declaration gave it, which is told there
            # ``field: dict = None`` in a class says what it means, if not how to say it
            default = isinstance(statement, ast.AnnAssign) and is_none_default(value)
            begins = unit.name.endswith(".__init__") and name.startswith("self.")
            default = default and (begins or isinstance(unit.node, ast.ClassDef))
            return NoneFlow(
                error, unit.name, name, unit.path, match["wanted"], match["given"], what,
                certain=not default and self._certain(unit, value, match["given"]),
                kept=begins,
            )  # fmt: skip
        return None

    def _annotated(self, unit: Unit, name: str) -> bool:
        """True where the text declares the type of a variable or field, and nowhere with None."""
        owner = self.code.references.owner_class(unit) if name.startswith("self.") else None
        scope = owner or unit
        wanted = {name, name.removeprefix("self.")} if owner else {name}
        declared = [
            n.annotation
            for n in (ast.walk(scope.node) if scope.node is not None else ())
            if isinstance(n, ast.AnnAssign) and dotted(n.target) in wanted
        ]
        return bool(declared) and not any(map(says_none, declared))

    def _begins_so(self, unit: Unit, name: str) -> bool:
        """True for a field of which another place, which declares it, makes None."""
        owner = self.code.references.owner_class(unit) if name.startswith("self.") else None
        return owner is not None and owner.node is not None and any(
            isinstance(n, ast.AnnAssign) and dotted(n.target) in (name, name[5:])
            and is_none_default(n.value) and n not in ast.walk(unit.node or n.target)
            for n in ast.walk(owner.node)
        )  # fmt: skip

    # --- from a declaration -------------------------------------------------------------------
    def _used(self, error: Diagnostic, unit: Unit) -> NoneFlow | None:
        for _, node in self._at(error):
            for value in operands(node):
                source = self._optional(unit, value)
                if source is None or asked_before(unit, value):
                    continue
                path, name, declared = source
                how = use_of(node)
                what = f"{shown(value)}, declared {declared}, {how} without a look for None"
                return NoneFlow(
                    error,
                    unit.name,
                    name,
                    path,
                    "not None",
                    declared,
                    what,
                    certain=not isinstance(value, ast.Name) and self._answers_none(unit, value),
                )
        return None

    def _optional(self, unit: Unit, value: ast.expr) -> tuple[str, str, str] | None:
        """Path, name and annotation of the declaration that makes a value optional."""
        references = self.code.references
        if isinstance(value, ast.Await):
            value = value.value
        if isinstance(value, ast.Call):
            target = references.chain(unit, dotted(value.func)).unit
            node = target.node if target is not None else None
            if target is None or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                return None
            annotation = node.returns
            if annotation is None or not says_none(annotation):
                return None
            return target.path, target.name, ast.unparse(annotation)
        if not isinstance(value, ast.Name):
            return None
        constant = references.name(unit, value.id).constant
        if constant is not None:
            for bound in self.code.index.module(constant[0]).bindings.get(constant[1], []):
                if isinstance(bound, ast.AnnAssign) and says_none(bound.annotation):
                    return constant[0], constant[1], ast.unparse(bound.annotation)
            return None
        values = list(assignments(unit, value.id))
        if len(values) == 1 and isinstance(values[0], (ast.Call, ast.Await)):
            return self._optional(unit, values[0])
        return None

    def _made_by(self, target: Unit) -> Unit:
        """A function itself; for a class, what constructs it."""
        if not isinstance(target.node, ast.ClassDef):
            return target
        return self.code.references.member(target, "__init__") or target

    # --- places -------------------------------------------------------------------------------
    def _unsure(self, unit: Unit, value: ast.expr, given: str) -> bool:
        """True where the type checker may not know that None never gets here."""
        if given == "None":  # of what begins as None and is filled by something else
            field = isinstance(value, ast.Attribute) and self._filled(value.attr)
            return field or (isinstance(value, ast.Name) and (
                self._from_outside(unit, value)
                or any(isinstance(m, ast.Attribute) and self._filled(m.attr)
                       for m in assignments(unit, value.id))
            ))  # fmt: skip
        if isinstance(value, ast.Attribute) or asked_before(unit, value) or path_text(value):
            return True
        if isinstance(value, ast.IfExp):
            return any(self._unsure(unit, v, given) for v in (value.body, value.orelse))
        if isinstance(value, ast.Name):
            values = [m for u in self._around(unit) for m in assignments(u, value.id)]
            if not values and not any(plainly_bound(u, value.id) for u in self._around(unit)):
                return True  # taken apart by a loop, or bound by another statement
            if any(path_text(m) or tests_itself(m) for m in values):
                return True
            # a field under another name
            in_field = any(isinstance(m, ast.Attribute) for m in values)
            begun = begins_as_none(unit, value.id) or self._from_outside(unit, value)
            begun = begun or self._made_where_none(unit, value)
            return in_field or begun or beside_a_flag(unit, value) or vouched_for(unit, value)
        return False

    def _made_where_none(self, unit: Unit, value: ast.Name) -> bool:
        """True where ``if x is None:`` ahead of the use gives it what does not answer None."""
        return any(
            isinstance(statement, ast.Assign)
            and value.id in map(dotted, statement.targets)
            and not self._answers_none(unit, statement.value)
            for node in (ast.walk(unit.node) if unit.node is not None else ())
            if isinstance(node, ast.If) and node.lineno < value.lineno
            and ast.unparse(node.test) in (f"{value.id} is None", f"not {value.id}")
            for statement in node.body
        )  # fmt: skip

    def _certain(self, unit: Unit, value: ast.expr, given: str) -> bool:
        """True where None gets there on a path that the text shows; elsewhere it may be ruled out.

        The answer of a function that is declared with None, straight or kept under a name of its
        own; a parameter that is None where the caller leaves it out, and of which nothing is asked;
        a condition with None on one arm.
        """
        if given == "None":
            return True
        if isinstance(value, ast.IfExp):
            return any(map(is_none, (value.body, value.orelse)))
        if isinstance(value, ast.Name) and value.id in parameter_names(unit.node):
            usual = next((d for a, d in defaults(unit.node) if a.arg == value.id), None)
            return (usual is None or is_none(usual)) and always_reached(unit, value)
        if isinstance(value, ast.Name):
            values = list(assignments(unit, value.id))
            alone = len(values) == 1 and self._answers_none(unit, values[0])
            # one of several answers
            apart = not values and not under_another_condition(unit, value)
            return apart or alone or any(map(is_none, values))
        return self._answers_none(unit, value)

    def _answers_none(self, unit: Unit, value: ast.expr) -> bool:
        """True for a call of a repository's function that is not given None itself."""
        if isinstance(value, ast.Await):
            value = value.value
        target = self.code.references.chain(unit, dotted(value.func)).unit if isinstance(
            value, ast.Call) else None  # fmt: skip
        if target is None or not isinstance(target.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        if self._of_any_type(target):
            return False
        given_none = any(
            a is not None and says_none(a) for a in (x.annotation for x in parameters(target.node))
        )
        return not given_none and not none_for_none(target.node)

    def _of_any_type(self, target: Unit) -> bool:
        """True for a function whose answer has the type that a caller gives it (``-> T``)."""
        module = self.code.index.module(target.path)
        returns = getattr(target.node, "returns", None)
        return any(
            isinstance(node, ast.Assign)
            and isinstance(node.value, ast.Call)
            and dotted(node.value.func).rpartition(".")[2] == "TypeVar"
            for node in module.bindings.get(dotted(returns), [])
        )

    def _from_outside(self, unit: Unit, value: ast.Name) -> bool:
        """True for a local of an enclosing function that is None until that fills it."""
        values = assignments(unit, value.id)
        names = {value.id, *(m.id for m in values if isinstance(m, ast.Name))}
        return any(begins_as_none(u, n) for n in names for u in self._around(unit)[1:])

    def _around(self, unit: Unit) -> list[Unit]:
        """A function and those that enclose it, whose locals it reads."""
        units_around = [unit]
        units = self.code.files[unit.path].units
        while units_around[-1].parent > 0:
            units_around.append(units[units_around[-1].parent])
        return [u for u in units_around if not isinstance(u.node, ast.ClassDef)]

    def _filled(self, name: str) -> bool:
        """True where something assigns more than None to a field of that name."""
        return any(
            isinstance(node, ast.Assign)
            and not is_none(node.value)
            and any(
                isinstance(t, ast.Attribute) and t.attr == name
                for target in node.targets
                for t in parts(target)
            )
            for file in self.code.files.values()
            for node in (ast.walk(file.file.tree) if file.file.tree is not None else ())
        )

    def _unit(self, error: Diagnostic) -> Unit:
        file = self.code.files[error.path]
        position = file.lines.count and min(error.line, len(file.owners)) - 1
        return file.units[file.owners[position]] if file.owners else file.units[0]

    def _at(self, error: Diagnostic) -> list[tuple[ast.AST, ast.AST]]:
        """(parent, node) pairs of the nodes that begin where the error stands."""
        return self._placed(error.path).get((error.line, error.column), [])

    def _standing(self, error: Diagnostic) -> Iterator[tuple[ast.AST, ast.AST]]:
        """The same, with the nodes themselves as parents of what is in them."""
        for parent, node in self._at(error):
            yield parent, node
            yield node, node

    def _placed(self, path: str) -> dict[tuple[int, int], list[tuple[ast.AST, ast.AST]]]:
        if path not in self._nodes:
            placed = defaultdict(list)
            tree = self.code.tree.by_path[path].tree
            for parent in ast.walk(tree) if tree is not None else ():
                owner = parent
                for child in ast.iter_child_nodes(parent):
                    inner = [child]
                    if isinstance(child, ast.keyword):
                        inner = [child.value]
                    for node in inner:
                        line, column = getattr(node, "lineno", 0), getattr(node, "col_offset", 0)
                        placed[line, column].append((owner, node))
            self._nodes[path] = dict(placed)
        return self._nodes[path]
