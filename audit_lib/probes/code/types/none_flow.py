"""Which of a type checker's errors say that None reaches a value declared without it.

A type checker does not know which method runs first, nor that a loop runs at least once; so where
a field that another method fills, or a local that begins as None, *may* be None, nothing is said.
What is left begins or ends at a declaration: a parameter, return type, variable or constant of the
repository whose annotation says that None is, or is not, among its values.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from audit_lib.probes.code.types.annotations import is_none, says_none
from audit_lib.probes.code.types.type_checker import Said
from audit_lib.subject.code import Code
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

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


#: names of functions that are called to rule something out
_CHECKS = re.compile(r"^(assert|check|ensure|require|validate|verify|is|has)_|not_none|notnone")


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
        argument: which argument of the declaration receives it, as the type checker numbers it.
        line: of the call that gives it; else of the error.
    """

    said: Said
    symbol: str
    declaration: str
    path: str
    declared: str
    given: str
    what: str
    certain: bool = True
    argument: str = ""
    line: int = 0


class NoneFlows:
    """Judges errors of a type checker by the declarations of the repository."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._nodes: dict[str, dict[tuple[int, int], list[tuple[ast.AST, ast.AST]]]] = {}

    def of(self, said: Said) -> NoneFlow | None:
        """What an error says about None; None where it says nothing that is certain."""
        unit = self._unit(said)
        if said.code == "arg-type":
            return self._argument(said, unit)
        if said.code == "return-value":
            return self._returned(said, unit)
        if said.code == "assignment":
            return self._assigned(said, unit)
        return self._used(said, unit) if said.code in _USED and "None" in said.text else None

    # --- towards a declaration ----------------------------------------------------------------
    def _argument(self, said: Said, unit: Unit) -> NoneFlow | None:
        told = _ARGUMENT.match(said.text)
        if told is None or not _adds_none(told["given"], told["wanted"]):
            return None
        for call, argument in self._at(said):
            if not isinstance(call, ast.Call) or not isinstance(argument, ast.expr):
                continue
            if argument is call.func:
                continue
            target = self.code.references.chain(unit, dotted(call.func)).unit
            if target is None or self._unsure(unit, argument, told["given"]):
                continue
            if _looks_itself(self._made_by(target), call, argument):
                continue
            if isinstance(target.node, ast.ClassDef) and _none_by_default(
                target.node, told["name"]
            ):
                continue
            name = told["name"] or "argument"
            what = f"{_shown(argument)}, of type {told['given']}, is given to {target.name}"
            what += f" as {name}" if told["name"] else ""
            return NoneFlow(
                said,
                unit.name,
                target.name,
                target.path,
                told["wanted"],
                told["given"],
                what,
                certain=self._certain(unit, argument, told["given"]),
                argument=told["name"] or told["number"],
                line=call.lineno,
            )
        return None

    def _returned(self, said: Said, unit: Unit) -> NoneFlow | None:
        told = _RETURN.match(said.text)
        node = unit.node
        if told is None or not _adds_none(told["given"], told["wanted"]):
            return None
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return None
        values = [p.value for p, _ in self._standing(said) if isinstance(p, ast.Return)]
        value = values[0] if values else None
        if value is None or is_none(value) or self._unsure(unit, value, told["given"]):
            return None  # a literal None is told of by reading alone
        what = f"{_shown(value)}, of type {told['given']}, is returned"
        return NoneFlow(
            said, unit.name, unit.name, unit.path, told["wanted"], told["given"], what,
            certain=self._certain(unit, value, told["given"]),
        )  # fmt: skip

    def _assigned(self, said: Said, unit: Unit) -> NoneFlow | None:
        told = _ASSIGNMENT.match(said.text)
        if told is None or not _adds_none(told["given"], told["wanted"]):
            return None
        for statement, value in self._at(said):
            if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or value is None:
                continue
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            name = next((n for t in targets if (n := dotted(t))), "")
            if not name or not isinstance(value, ast.expr):
                continue
            if not self._annotated(unit, name) or self._unsure(unit, value, told["given"]):
                continue
            if _looked_at_later(unit, statement, name):
                continue
            what = f"{_shown(value)}, of type {told['given']}, is assigned to {name}"
            # ``field: dict = None`` in a class says what it means, if not how to say it
            default = isinstance(statement, ast.AnnAssign) and _is_none_default(value)
            begins = unit.name.endswith(".__init__") and name.startswith("self.")
            default = default and (begins or isinstance(unit.node, ast.ClassDef))
            return NoneFlow(
                said, unit.name, name, unit.path, told["wanted"], told["given"], what,
                certain=not default and self._certain(unit, value, told["given"]),
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

    # --- from a declaration -------------------------------------------------------------------
    def _used(self, said: Said, unit: Unit) -> NoneFlow | None:
        for _, node in self._at(said):
            for value in _operands(node):
                source = self._optional(unit, value)
                if source is None or _asked_before(unit, value):
                    continue
                path, name, declared = source
                how = _use_of(node)
                what = f"{_shown(value)}, declared {declared}, {how} without a look for None"
                return NoneFlow(
                    said,
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
            said = node.returns
            if said is None or not says_none(said):
                return None
            return target.path, target.name, ast.unparse(said)
        if not isinstance(value, ast.Name):
            return None
        constant = references.name(unit, value.id).constant
        if constant is not None:
            for bound in self.code.index.module(constant[0]).bindings.get(constant[1], []):
                if isinstance(bound, ast.AnnAssign) and says_none(bound.annotation):
                    return constant[0], constant[1], ast.unparse(bound.annotation)
            return None
        made = list(_assignments(unit, value.id))
        if len(made) == 1 and isinstance(made[0], (ast.Call, ast.Await)):
            return self._optional(unit, made[0])
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
                       for m in _assignments(unit, value.id))
            ))  # fmt: skip
        if isinstance(value, ast.Attribute) or _asked_before(unit, value) or _path_text(value):
            return True
        if isinstance(value, ast.IfExp):
            return any(self._unsure(unit, v, given) for v in (value.body, value.orelse))
        if isinstance(value, ast.Name):
            made = [m for u in self._around(unit) for m in _assignments(u, value.id)]
            if not made and not any(_plainly_bound(u, value.id) for u in self._around(unit)):
                return True  # taken apart by a loop, or bound by another statement
            if any(_path_text(m) or _tests_itself(m) for m in made):
                return True
            kept = any(isinstance(m, ast.Attribute) for m in made)  # a field under another name
            begun = _begins_as_none(unit, value.id) or self._from_outside(unit, value)
            return kept or begun or _beside_a_flag(unit, value) or _vouched_for(unit, value)
        return False

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
        if isinstance(value, ast.Name) and value.id in _parameters(unit):
            default = _default(unit, value.id)
            return (default is None or is_none(default)) and _always_reached(unit, value)
        if isinstance(value, ast.Name):
            made = list(_assignments(unit, value.id))
            alone = len(made) == 1 and self._answers_none(unit, made[0])
            return not made or alone or any(map(is_none, made))
        return self._answers_none(unit, value)

    def _answers_none(self, unit: Unit, value: ast.expr) -> bool:
        """True for a call of a repository's function that is not given None itself."""
        if isinstance(value, ast.Await):
            value = value.value
        target = self.code.references.chain(unit, dotted(value.func)).unit if isinstance(
            value, ast.Call) else None  # fmt: skip
        if target is None or not isinstance(target.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        return not any(a is not None and says_none(a) for a in _parameters(target).values())

    def _from_outside(self, unit: Unit, value: ast.Name) -> bool:
        """True for a local of an enclosing function that is None until that fills it."""
        made = _assignments(unit, value.id)
        names = {value.id, *(m.id for m in made if isinstance(m, ast.Name))}
        return any(_begins_as_none(u, n) for n in names for u in self._around(unit)[1:])

    def _around(self, unit: Unit) -> list[Unit]:
        """A function and those that enclose it, whose locals it reads."""
        found = [unit]
        units = self.code.files[unit.path].units
        while found[-1].parent > 0:
            found.append(units[found[-1].parent])
        return [u for u in found if not isinstance(u.node, ast.ClassDef)]

    def _filled(self, name: str) -> bool:
        """True where something assigns more than None to a field of that name."""
        return any(
            isinstance(node, ast.Assign)
            and not is_none(node.value)
            and any(
                isinstance(t, ast.Attribute) and t.attr == name
                for target in node.targets
                for t in _parts(target)
            )
            for file in self.code.files.values()
            for node in (ast.walk(file.file.tree) if file.file.tree is not None else ())
        )

    def _unit(self, said: Said) -> Unit:
        file = self.code.files[said.path]
        position = file.lines.count and min(said.line, len(file.owners)) - 1
        return file.units[file.owners[position]] if file.owners else file.units[0]

    def _at(self, said: Said) -> list[tuple[ast.AST, ast.AST]]:
        """(parent, node) pairs of the nodes that begin where the error stands."""
        return self._placed(said.path).get((said.line, said.column), [])

    def _standing(self, said: Said) -> Iterator[tuple[ast.AST, ast.AST]]:
        """The same, with the nodes themselves as parents of what is in them."""
        for parent, node in self._at(said):
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


def _adds_none(given: str, wanted: str) -> bool:
    """True where None is among what is given, and not among what is wanted."""
    parts = given.split(" | ")
    return "None" in parts and "None" not in re.split(r"[^\w]+", wanted) and wanted != "object"


def _assignments(unit: Unit, name: str) -> Iterator[ast.expr]:
    """Values that a unit assigns to a name."""
    for node in ast.walk(unit.node) if unit.node is not None else ():
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(dotted(t) == name for t in targets):
                yield node.value
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)) and (
            dotted(node.target) == name
        ):
            yield node.iter


def _begins_as_none(unit: Unit, name: str) -> bool:
    """True where a local is None until something else, perhaps in a loop, is assigned to it.

    None in an ``else`` or an ``except`` is a path of its own and no beginning.
    """
    stack: list[tuple[ast.AST, bool]] = [(unit.node, False)] if unit.node is not None else []
    while stack:
        node, otherwise = stack.pop()
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            named = any(dotted(t) == name for t in targets)
            if named and is_none(node.value) and not otherwise:
                return True
        other = {id(s) for s in getattr(node, "orelse", [])} if isinstance(node, ast.If) else set()
        caught = isinstance(node, ast.ExceptHandler)
        stack += [(c, caught or id(c) in other) for c in ast.iter_child_nodes(node)]
    return False


def _beside_a_flag(unit: Unit, value: ast.Name) -> bool:
    """True where a name was unpacked beside another that a condition asks: ``ok, x = f()``."""
    flags: set[str] = set()
    for node in ast.walk(unit.node) if unit.node is not None else ():
        for target in node.targets if isinstance(node, ast.Assign) else ():
            names = [dotted(e) for e in target.elts] if isinstance(target, ast.Tuple) else []
            flags |= set(names) - {value.id} if value.id in names else set()
    return bool(flags) and any(
        isinstance(node, (ast.If, ast.IfExp, ast.Assert))
        and node.lineno <= value.lineno
        and any(dotted(part) in flags for part in ast.walk(node.test))
        for node in (ast.walk(unit.node) if unit.node is not None else ())
    )


def _vouched_for(unit: Unit, value: ast.Name) -> bool:
    """True where something before ruled None out in a way that a type checker does not follow.

    A function that is called to check the name, a test of several at once, or its own annotation
    anew where it is None.
    """
    for node in ast.walk(unit.node) if unit.node is not None else ():
        if getattr(node, "lineno", value.lineno) > value.lineno:
            continue
        told = list(_tested_together(node))
        if getattr(node, "lineno", value.lineno) == value.lineno and not told:
            continue
        if isinstance(node, ast.Call) and _CHECKS.search(dotted(node.func).rpartition(".")[2]):
            told = [dotted(a) for a in node.args]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            # ``skip = self._should_skip(x)``, and ``if skip:`` between here and there
            asked = _asked_between(unit, dotted(node.targets[0]), node.lineno, value.lineno)
            told = [dotted(a) for a in node.value.args] if asked else told
        elif isinstance(node, ast.If) and ast.unparse(node.test) == f"{value.id} is None":
            told = [dotted(s.target) for s in node.body if isinstance(s, ast.AnnAssign)]
        if value.id in told:
            return True
    return False


def _parts(target: ast.expr) -> list[ast.expr]:
    return list(target.elts) if isinstance(target, (ast.Tuple, ast.List)) else [target]


def _parameters(unit: Unit) -> dict[str, ast.expr | None]:
    """Parameters of a function with their annotations."""
    if not isinstance(unit.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return {}
    a = unit.node.args
    return {x.arg: x.annotation for x in (*a.posonlyargs, *a.args, *a.kwonlyargs)}


def _default(unit: Unit, name: str) -> ast.expr | None:
    """What a parameter is where it is left out."""
    assert isinstance(unit.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    a = unit.node.args
    placed = [*a.posonlyargs, *a.args]
    pairs = [*zip(reversed(placed), reversed(a.defaults), strict=False),
             *zip(a.kwonlyargs, a.kw_defaults, strict=True)]  # fmt: skip
    return next((d for x, d in pairs if x.arg == name), None)


def _always_reached(unit: Unit, value: ast.Name) -> bool:
    """True where every run of the function gets to a place, whatever it was given."""
    body = unit.node.body if unit.node is not None else []
    for statement in body:
        named = (n for n in ast.walk(statement) if isinstance(n, ast.Name) and n.id == value.id)
        if any(isinstance(n.ctx, ast.Store) and n.lineno < value.lineno for n in named):
            return False  # it is another value by then
        inside = any(part is value for part in ast.walk(statement))
        forks = isinstance(statement, (ast.If, ast.For, ast.While, ast.Try, ast.Match))
        if inside:
            arms = (ast.IfExp, ast.BoolOp, ast.comprehension, ast.Lambda)
            among = [n for n in ast.walk(statement) if isinstance(n, arms)]
            return not forks and not any(p is value for n in among for p in ast.walk(n))
        exits = (ast.Return, ast.Raise, ast.Break, ast.Continue)
        asked = isinstance(statement, ast.If) and any(
            dotted(p) == value.id for p in ast.walk(statement.test)
        )  # which a type checker follows
        if forks and not asked and any(isinstance(p, exits) for p in ast.walk(statement)):
            return False
    return False


def _plainly_bound(unit: Unit, name: str) -> bool:
    """True for a parameter, and for a local that an assignment takes out of an answer."""
    return name in _parameters(unit) or any(
        isinstance(n, ast.Assign) and any(dotted(p) == name for t in n.targets for p in _parts(t))
        for n in (ast.walk(unit.node) if unit.node is not None else ())
    )


def _asked_before(unit: Unit, value: ast.expr) -> bool:
    """True where a condition before asks for the same call: ``if f() is not None: f().x``."""
    if not isinstance(value, (ast.Call, ast.Subscript)):
        return False
    text = ast.unparse(value)
    return any(
        isinstance(node, (ast.If, ast.IfExp, ast.While, ast.Assert))
        and node.lineno <= value.lineno
        and any(ast.unparse(p) == text for p in ast.walk(node.test) if isinstance(p, type(value)))
        for node in (ast.walk(unit.node) if unit.node is not None else ())
    )


def _tests_itself(made: ast.expr) -> bool:
    """True for ``d.get(k) if isinstance(d.get(k), dict) else {}``, which no checker follows."""
    if not isinstance(made, ast.IfExp) or isinstance(made.body, ast.Name):
        return False
    text = ast.unparse(made.body)
    return any(ast.unparse(part) == text for part in ast.walk(made.test))


def _path_text(value: ast.expr) -> bool:
    """True for what ``os.path`` answers: never None, though typed as what it was given."""
    return isinstance(value, ast.Call) and dotted(value.func).startswith(("os.path.", "os.fs"))


def _asked_between(unit: Unit, name: str, first: int, last: int) -> bool:
    """True where a condition between two lines asks for a name and nothing else."""
    for node in ast.walk(unit.node) if unit.node is not None and name else ():
        if isinstance(node, ast.If) and first < node.lineno <= last:
            test = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
            if dotted(test) == name:
                return True
    return False


def _tested_together(node: ast.AST) -> Iterator[str]:
    """Names in ``all([...])``, ``any(...)`` or ``None in (...)`` of a condition."""
    test = node.test if isinstance(node, (ast.If, ast.IfExp, ast.While, ast.Assert)) else None
    for part in ast.walk(test) if test is not None else ():
        several = isinstance(part, ast.Call) and dotted(part.func) in ("all", "any")
        held = (
            isinstance(part, ast.Compare)
            and isinstance(part.ops[0], (ast.In, ast.NotIn))
            and is_none(part.left)
        )
        if several or held:
            yield from (n.id for n in ast.walk(part) if isinstance(n, ast.Name))


def _looked_at_later(unit: Unit, statement: ast.stmt, name: str) -> bool:
    """True where a later condition asks what was assigned: the annotation says what then holds."""
    return any(
        isinstance(node, (ast.If, ast.IfExp, ast.Assert, ast.While))
        and node.lineno > statement.lineno
        and any(dotted(part) == name for part in ast.walk(node.test))
        for node in (ast.walk(unit.node) if unit.node is not None else ())
    )


def _looks_itself(target: Unit, call: ast.Call, argument: ast.expr) -> bool:
    """True where what is called asks whether that parameter is None, or has it as default."""
    node = target.node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    name = next((k.arg for k in call.keywords if k.value is argument), None)
    if name is None:
        places = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
        bound = places[:1] in (["self"], ["cls"]) and (
            isinstance(call.func, ast.Attribute) or node.name == "__init__"
        )
        position = next((i for i, a in enumerate(call.args) if a is argument), len(places))
        name = dict(enumerate(places[bound:])).get(position)
    a = node.args
    placed = [*a.posonlyargs, *a.args]
    given = [*zip(reversed(placed), reversed(a.defaults), strict=False)]
    given += [(k, d) for k, d in zip(a.kwonlyargs, a.kw_defaults, strict=True) if d is not None]
    if any(parameter.arg == name and is_none(default) for parameter, default in given):
        return True
    return any(
        (
            isinstance(part, ast.Compare)
            and dotted(part.left) == name
            and isinstance(part.ops[0], (ast.Is, ast.IsNot))
            and is_none(part.comparators[0])
        )
        or (isinstance(part, (ast.If, ast.IfExp)) and name in _truths(part.test))
        or (isinstance(part, ast.BoolOp) and name in _truths(part))
        for part in ast.walk(node)
    )


def _none_by_default(node: ast.ClassDef, name: str | None) -> bool:
    """True where a class, such as a dataclass, declares a field of that name as None."""
    return any(
        isinstance(s, ast.AnnAssign) and dotted(s.target) == name and _is_none_default(s.value)
        for s in node.body
    )


def _is_none_default(node: ast.expr | None) -> bool:
    """True for ``None`` and ``field(default=None)``."""
    if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in ("field", "Field"):
        return any(k.arg == "default" and is_none(k.value) for k in node.keywords)
    return node is not None and is_none(node)


def _truths(test: ast.expr) -> set[str]:
    """Names that a condition asks for as they are: ``x``, ``not x``, ``x or y``."""
    if isinstance(test, ast.UnaryOp):
        return _truths(test.operand)
    if isinstance(test, ast.BoolOp):
        return set().union(*map(_truths, test.values))
    return {dotted(test)}


def _operands(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return [node.value]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    return [node.left, *node.comparators] if isinstance(node, ast.Compare) else []


def _use_of(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"is asked for .{node.attr}"
    if isinstance(node, ast.Subscript):
        return "is indexed"
    return "is compared" if isinstance(node, ast.Compare) else "is computed with"


def _shown(node: ast.expr) -> str:
    text = re.sub(r"\s+", " ", ast.unparse(node))
    return text if len(text) <= 60 else text[:57] + "..."
