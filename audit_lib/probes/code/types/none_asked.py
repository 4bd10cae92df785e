"""What the text says of a value that may be None: given, asked, vouched for, looked at later."""

import ast
import re
from collections.abc import Iterator

from audit_lib.probes.code.calls import bound, defaults, parameter_names
from audit_lib.probes.code.types.annotations import is_none
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted, targets_of

#: names of functions that are called to rule something out
_CHECKS = re.compile(r"^(assert|check|ensure|require|validate|verify|is|has)_|not_none|notnone")


def adds_none(given: str, wanted: str) -> bool:
    """True where None is among what is given, and not among what is wanted."""
    parts = given.split(" | ")
    return "None" in parts and "None" not in re.split(r"[^\w]+", wanted) and wanted != "object"


def assignments(unit: Unit, name: str) -> Iterator[ast.expr]:
    """Values that a unit assigns to a name."""
    for node in ast.walk(unit.node) if unit.node is not None else ():
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            if any(dotted(t) == name for t in targets_of(node)):
                yield node.value
        elif isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)) and (
            dotted(node.target) == name
        ):
            yield node.iter


def begins_as_none(unit: Unit, name: str) -> bool:
    """True where a local is None until something else, perhaps in a loop, is assigned to it.

    None in an ``else`` or an ``except`` is a path of its own and no beginning.
    """
    stack: list[tuple[ast.AST, bool]] = [(unit.node, False)] if unit.node is not None else []
    while stack:
        node, otherwise = stack.pop()
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            named = any(dotted(t) == name for t in targets_of(node))
            if named and is_none(node.value) and not otherwise:
                return True
        other = {id(s) for s in getattr(node, "orelse", [])} if isinstance(node, ast.If) else set()
        caught = isinstance(node, ast.ExceptHandler)
        stack += [(c, caught or id(c) in other) for c in ast.iter_child_nodes(node)]
    return False


def beside_a_flag(unit: Unit, value: ast.Name) -> bool:
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


def vouched_for(unit: Unit, value: ast.Name) -> bool:
    """True where something before ruled None out in a way that a type checker does not follow.

    A function that is called to check the name, a test of several at once, or its own annotation
    anew where it is None.
    """
    for node in ast.walk(unit.node) if unit.node is not None else ():
        if getattr(node, "lineno", value.lineno) > value.lineno:
            continue
        names = list(_tested_together(node))
        if getattr(node, "lineno", value.lineno) == value.lineno and not names:
            continue
        if isinstance(node, ast.If) and isinstance(node.body[-1], (ast.Return, ast.Raise)):
            # ``if not self._may(x): return``
            asks = node.test.operand if isinstance(node.test, ast.UnaryOp) else node.test
            names += [dotted(a) for a in asks.args] if isinstance(asks, ast.Call) else []
        if isinstance(node, ast.Call) and _CHECKS.search(dotted(node.func).rpartition(".")[2]):
            names = [dotted(a) for a in node.args]
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            # ``skip = self._should_skip(x)``, and ``if skip:`` between here and there
            is_asked = _asked_between(unit, dotted(node.targets[0]), node.lineno, value.lineno)
            names = [dotted(a) for a in node.value.args] if is_asked else names
        elif isinstance(node, ast.If) and ast.unparse(node.test) == f"{value.id} is None":
            names = [dotted(s.target) for s in node.body if isinstance(s, ast.AnnAssign)]
        if value.id in names:
            return True
    return False


def parts(target: ast.expr) -> list[ast.expr]:
    """The single targets of an assignment."""
    return list(target.elts) if isinstance(target, (ast.Tuple, ast.List)) else [target]


def always_reached(unit: Unit, value: ast.Name) -> bool:
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
        is_asked = isinstance(statement, ast.If) and any(
            dotted(p) == value.id for p in ast.walk(statement.test)
        )  # which a type checker follows
        if forks and not is_asked and any(isinstance(p, exits) for p in ast.walk(statement)):
            return False
    return False


def under_another_condition(unit: Unit, value: ast.Name) -> bool:
    """True where a condition that came after a name was bound, and asks for another, holds it."""
    for node in ast.walk(unit.node) if unit.node is not None else ():
        if isinstance(node, ast.If) and value.id not in map(dotted, ast.walk(node.test)):
            inner = [p for statement in node.body for p in ast.walk(statement)]
            bound_here = any(
                isinstance(p, ast.Name) and isinstance(p.ctx, ast.Store) and p.id == value.id
                for p in inner
            )
            if not bound_here and any(p is value for p in inner):
                return True
    return False


def plainly_bound(unit: Unit, name: str) -> bool:
    """True for a parameter, and for a local that an assignment takes out of an answer."""
    return name in parameter_names(unit.node) or any(
        isinstance(n, ast.Assign) and any(dotted(p) == name for t in n.targets for p in parts(t))
        for n in (ast.walk(unit.node) if unit.node is not None else ())
    )


def asked_before(unit: Unit, value: ast.expr) -> bool:
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


def tests_itself(value: ast.expr) -> bool:
    """True for ``d.get(k) if isinstance(d.get(k), dict) else {}``, which no checker follows."""
    if not isinstance(value, ast.IfExp) or isinstance(value.body, ast.Name):
        return False
    text = ast.unparse(value.body)
    return any(ast.unparse(part) == text for part in ast.walk(value.test))


def path_text(value: ast.expr) -> bool:
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


def looked_at_later(unit: Unit, statement: ast.stmt, name: str) -> bool:
    """True where a later condition asks what was assigned: the annotation says what then holds."""
    return any(
        isinstance(node, (ast.If, ast.IfExp, ast.Assert, ast.While))
        and node.lineno > statement.lineno
        and any(dotted(part) == name for part in ast.walk(node.test))
        for node in (ast.walk(unit.node) if unit.node is not None else ())
    )


def looks_itself(target: Unit, call: ast.Call, argument: ast.expr) -> bool:
    """True where what is called asks whether that parameter is None, or has it as default."""
    node = target.node
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    name = next((n for n, given in bound(node, call) if given is argument), None)
    if any(a.arg == name and is_none(d) for a, d in defaults(node)):
        return True
    return any(
        (
            isinstance(part, ast.Compare)
            and dotted(part.left) == name
            and isinstance(part.ops[0], (ast.Is, ast.IsNot))
            and is_none(part.comparators[0])
        )
        or (isinstance(part, (ast.If, ast.IfExp, ast.Assert)) and name in _truths(part.test))
        or (isinstance(part, ast.BoolOp) and name in _truths(part))
        for part in ast.walk(node)
    )


def keeps(target: Unit, call: ast.Call, argument: ast.expr) -> bool:
    """True where a dataclass, or a constructor that does nothing else with it, takes a value."""
    node = target.node
    if isinstance(node, ast.ClassDef):
        return not any(dotted(b).endswith("Model") for b in node.bases)  # which checks its fields
    if not isinstance(node, ast.FunctionDef) or node.name != "__init__":
        return False
    name = next((n for n, given in bound(node, call) if given is argument), None)
    used = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == name]
    return all(
        any(isinstance(s, (ast.Assign, ast.AnnAssign)) and s.value is n for s in node.body)
        for n in used
    )


def none_for_none(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True for a function whose only None is the answer to a parameter that is None or empty."""
    own = set(parameter_names(node))
    tests = [
        s for s in node.body if isinstance(s, ast.If) and not s.orelse and own & _none_of(s.test)
    ]
    early = {r for s in tests for r in ast.walk(s) if isinstance(r, ast.Return)}
    empty = [
        r
        for r in ast.walk(node)
        if isinstance(r, ast.Return) and (r.value is None or is_none(r.value))
    ]
    return bool(empty) and early.issuperset(empty) and isinstance(node.body[-1], ast.Return)


def _none_of(test: ast.expr) -> set[str]:
    """Names that a condition finds to be None or empty: ``x is None``, ``not x``."""
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.Is):
        return {dotted(test.left)} if is_none(test.comparators[0]) else set()
    negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    return {dotted(test.operand)} if isinstance(test, ast.UnaryOp) and negated else set()


def none_by_default(node: ast.ClassDef, name: str | None) -> bool:
    """True where a class, such as a dataclass, declares a field of that name as None."""
    return any(
        isinstance(s, ast.AnnAssign) and dotted(s.target) == name and is_none_default(s.value)
        for s in node.body
    )


def is_none_default(node: ast.expr | None) -> bool:
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


def operands(node: ast.AST) -> list[ast.expr]:
    """What an expression computes with."""
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return [node.value]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    return [node.left, *node.comparators] if isinstance(node, ast.Compare) else []


def use_of(node: ast.AST) -> str:
    """How a value is used, as a message says it."""
    if isinstance(node, ast.Attribute):
        return f"is asked for .{node.attr}"
    if isinstance(node, ast.Subscript):
        return "is indexed"
    return "is compared" if isinstance(node, ast.Compare) else "is computed with"


def shown(node: ast.expr) -> str:
    """An expression in one short line."""
    text = re.sub(r"\s+", " ", ast.unparse(node))
    return text if len(text) <= 60 else text[:57] + "..."
