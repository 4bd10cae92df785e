"""Branches that name everything an annotation admits, so that no path runs past them."""

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import product

from audit_lib.probes.code.calls import parameters
from audit_lib.subject.modules import ModuleIndex
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

Body = Sequence[ast.stmt]
Ends = Callable[[Body], bool]
"""tells whether statements let no path run past them"""
_ENUMS = ("Enum", "StrEnum", "IntEnum", "Flag", "IntFlag")


def exhausted(index: ModuleIndex, unit: Unit, body: Body, ends: Ends) -> bool:
    """True where branches of a body, each of which ends, name all that a parameter may be.

    Args:
        index: the repository's modules, in which an enumeration is looked up.
        unit: the function.
        body: statements of it, or of a block within it.
        ends: tells which statements let no path run past them.
    """
    if _every_truth(body, ends):
        return True
    if any(_every_member(index, unit.path, statement, ends) for statement in body):
        return True
    return any(a and a <= names for a, names in _asked(index, unit, body, ends))


def asks_in_the_open(index: ModuleIndex, unit: Unit, body: Body, ends: Ends) -> bool:
    """True where only branches on one value stand before the end, and no type lists its values.

    So is a loop over ``range`` that returns: whether it always does is arithmetic.
    """
    last = body[-1]
    if isinstance(last, ast.For):
        counted = isinstance(last.iter, ast.Call) and dotted(last.iter.func) == "range"
        inner = list(ast.walk(last))
        tried = any(isinstance(p, ast.Try) for p in inner)
        return counted and not tried and any(isinstance(p, ast.Return) for p in inner)
    if isinstance(last, (ast.With, ast.AsyncWith)):
        return asks_in_the_open(index, unit, last.body, ends)
    if not isinstance(last, ast.If):
        return False
    arms = list(_chain(last))
    told = [b for s in body if isinstance(s, ast.If) for b in _branches(s)]
    about = next(iter(_branches(last)), ("",))[0]
    blocks = [block for variable, _, block in told if variable == about]
    on_one = [variable for variable, _, _ in _branches(last)] == [about] * len(arms)
    if len(blocks) < 2 or not on_one or arms[-1].orelse:
        open_arms = [arm for arm in (last.body, last.orelse) if not arm or not ends(arm)]
        return all(a and asks_in_the_open(index, unit, a, ends) for a in open_arms)
    if not all(ends(block) for block in blocks):
        return False
    return not any(admitted & names for admitted, names in _asked(index, unit, body, ends))


def _chain(node: ast.If) -> Iterator[ast.If]:
    """An ``if`` with each ``elif`` of it."""
    yield node
    if len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        yield from _chain(node.orelse[0])


def _asked(
    index: ModuleIndex, unit: Unit, body: Body, ends: Ends
) -> Iterator[tuple[set[str], set[str]]]:
    """What a variable may be, empty where that is open, and what branches that end name of it."""
    assert isinstance(unit.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    declared = {x.arg: x.annotation for x in parameters(unit.node)}
    named: dict[str, set[str]] = defaultdict(set)
    held = dict(told for s in unit.node.body if (told := _held(s)) is not None)
    for statement in body:
        for variable, names, block in _branches(statement):
            if ends(block):
                named[variable] |= names
    for variable, names in named.items():
        admitted = held.get(variable) or _members(index, unit.path, declared.get(variable))
        compared = (
            p.comparators[0]
            for s in body
            for p in ast.walk(s)
            if isinstance(p, ast.Compare) and ast.unparse(p.left) == variable
        )
        classes = {dotted(c).rpartition(".")[0] for c in compared}
        if not admitted and len(classes) == 1:
            admitted = _enumerated(index, unit.path, classes.pop())
        yield admitted, names


def _every_member(index: ModuleIndex, path: str, node: ast.stmt, ends: Ends) -> bool:
    """True for ``match`` over all members of an enumeration, whatever its subject is."""
    if not isinstance(node, ast.Match) or not all(ends(c.body) for c in node.cases):
        return False
    values = [p.value for c in node.cases if c.guard is None for p in ast.walk(c.pattern)
              if isinstance(p, ast.MatchValue)]  # fmt: skip
    classes = {dotted(v).rpartition(".")[0] for v in values}
    members = _enumerated(index, path, classes.pop()) if len(classes) == 1 else set()
    return bool(members) and members <= {_spelt(v) for v in values}


def _held(node: ast.stmt) -> tuple[str, set[str]] | None:
    """What ``assert x in (...)`` and ``if x not in (...): raise`` leave of a variable."""
    if isinstance(node, ast.Assert):
        return _narrowing(node.test)
    leaves = isinstance(node, ast.If) and isinstance(node.body[-1], (ast.Raise, ast.Return))
    test = node.test if isinstance(node, ast.If) and leaves and not node.orelse else None
    if isinstance(test, ast.Compare) and isinstance(test.ops[0], ast.NotIn):
        return _narrowing(ast.Compare(test.left, [ast.In()], test.comparators))
    return None


_MOST_ATOMS = 4


def _every_truth(body: Body, ends: Ends) -> bool:
    """True where the conditions of branches that end hold for every truth of their parts."""
    tests = [t for s in body for t in _tests(s, ends)]
    atoms = sorted({a for t in tests for a in _atoms(t)})
    if len(tests) < 2 or len(atoms) > _MOST_ATOMS:
        return False
    changed = {ast.unparse(n) for s in body for n in ast.walk(s)
               if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}  # fmt: skip
    if any(re.search(rf"\b{re.escape(name)}\b", atom) for name in changed for atom in atoms):
        return False
    rows = (dict(zip(atoms, row, strict=True)) for row in product((True, False), repeat=len(atoms)))
    return all(any(_holds(t, row) for t in tests) for row in rows if _may_be(row))


def _may_be(row: dict[str, bool]) -> bool:
    """True where no two orders of one pair hold together, and one of all three does."""
    orders: dict[str, list[bool]] = defaultdict(list)
    for atom, holds in row.items():
        if atom.startswith(_PAIR):
            orders[atom.rpartition(" ")[0]].append(holds)
    return all(sum(o) < 2 and (len(o) < 3 or any(o)) for o in orders.values())


def _tests(node: ast.stmt, ends: Ends) -> Iterator[ast.expr]:
    while isinstance(node, ast.If):
        if ends(node.body):
            yield node.test
        node = node.orelse[0] if len(node.orelse) == 1 else ast.Pass()


_NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.IsNot: ast.Is, ast.NotEq: ast.Eq, ast.NotIn: ast.In, ast.LtE: ast.Gt, ast.GtE: ast.Lt
}  # fmt: skip
_ORDERS: dict[type[ast.cmpop], str] = {ast.Lt: "<", ast.Eq: "=", ast.Gt: ">"}
_PAIR = "order of "


def _plain(node: ast.expr) -> tuple[ast.expr, bool]:
    """A condition without what negates it, and whether something did."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        inner, negated = _plain(node.operand)
        return inner, not negated
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _NEGATED:
        op = _NEGATED[type(node.ops[0])]()
        return ast.Compare(node.left, [op], node.comparators), True
    return node, False


def _atoms(node: ast.expr) -> Iterator[str]:
    node, _ = _plain(node)
    if isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _atoms(value)
    else:
        yield _atom(node)


def _atom(node: ast.expr) -> str:
    """A condition as text; an order of two values under one name whichever stands first."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _ORDERS:
        sides, how = [ast.unparse(node.left), ast.unparse(node.comparators[0])], node.ops[0]
        sign = _ORDERS[type(how)]
        if sides[0] > sides[1]:
            sides, sign = sides[::-1], {"<": ">", ">": "<"}.get(sign, sign)
        return f"{_PAIR}{' and '.join(sides)} {sign}"
    return ast.unparse(node)


def _holds(node: ast.expr, row: dict[str, bool]) -> bool:
    node, negated = _plain(node)
    if isinstance(node, ast.BoolOp):
        every = all if isinstance(node.op, ast.And) else any
        return every(_holds(v, row) for v in node.values) != negated
    return row[_atom(node)] != negated


def _branches(node: ast.stmt) -> Iterator[tuple[str, set[str], Body]]:
    """(variable, what it is held to be, block) for each branch of a statement."""
    if isinstance(node, ast.If):
        test = _narrowing(node.test)
        if test is not None:
            yield *test, node.body
        if len(node.orelse) == 1:
            yield from _branches(node.orelse[0])
    elif isinstance(node, ast.Match):
        for case in node.cases:
            if case.guard is None:
                yield dotted(node.subject), set(_patterns(case.pattern)), case.body


def _narrowing(test: ast.expr) -> tuple[str, set[str]] | None:
    """A variable and the types, literals or members that a condition holds it to be."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        parts = [_narrowing(v) for v in test.values]
        variables = {p[0] for p in parts if p is not None}
        if None in parts or len(variables) != 1:
            return None
        return variables.pop(), {n for p in parts if p is not None for n in p[1]}
    if isinstance(test, ast.Call) and dotted(test.func) == "isinstance" and len(test.args) == 2:
        return dotted(test.args[0]), set(_alternatives(test.args[1]))
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        right = test.comparators[0]
        if isinstance(test.ops[0], (ast.Eq, ast.Is)):
            return ast.unparse(test.left), {_spelt(right)}
        if isinstance(test.ops[0], ast.In) and isinstance(right, (ast.Tuple, ast.List, ast.Set)):
            return ast.unparse(test.left), {_spelt(e) for e in right.elts}
    return None


def _alternatives(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Tuple):
        for element in node.elts:
            yield from _alternatives(element)
    elif isinstance(node, ast.BinOp):
        yield from _alternatives(node.left)
        yield from _alternatives(node.right)
    else:
        yield _spelt(node)


def _patterns(node: ast.pattern) -> Iterator[str]:
    if isinstance(node, ast.MatchOr):
        for pattern in node.patterns:
            yield from _patterns(pattern)
    elif isinstance(node, ast.MatchAs) and node.pattern is not None:
        yield from _patterns(node.pattern)
    elif isinstance(node, ast.MatchValue):
        yield _spelt(node.value)
    elif isinstance(node, ast.MatchSingleton):
        yield repr(node.value)
    elif isinstance(node, ast.MatchClass) and not node.patterns and not node.kwd_patterns:
        yield _spelt(node.cls)


def _spelt(node: ast.expr) -> str:
    """``DataFrame`` for ``pd.DataFrame``; a literal as Python shows it."""
    if isinstance(node, ast.Subscript):
        node = node.value
    return repr(node.value) if isinstance(node, ast.Constant) else dotted(node).rpartition(".")[2]


def _members(index: ModuleIndex, path: str, node: ast.expr | None) -> set[str]:
    """What an annotation admits; empty where that is open."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except (SyntaxError, ValueError):
            return set()
    if node is None:
        return set()
    if isinstance(node, ast.BinOp):
        parts = [_members(index, path, n) for n in (node.left, node.right)]
        return set().union(*parts) if all(parts) else set()
    if isinstance(node, ast.Subscript):
        name = _spelt(node)
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if name == "Literal":
            return {_spelt(e) for e in inner}
        if name in ("Union", "Optional"):
            parts = [_members(index, path, e) for e in inner]
            rest = {"None"} if name == "Optional" else set()
            return set().union(*parts) | rest if all(parts) else set()
        return {name}
    name = _spelt(node)
    if name == "bool":
        return {"True", "False"}
    alias = index.definition(path, dotted(node)) if name and "." not in dotted(node) else None
    if alias is not None and isinstance(alias[1], (ast.Assign, ast.AnnAssign)):
        return _members(index, alias[0], alias[1].value)
    return (_enumerated(index, path, dotted(node)) or {name}) if name else set()


def _enumerated(index: ModuleIndex, path: str, name: str) -> set[str]:
    """Members of an enumeration of the repository."""
    definition = index.definition(path, name) if "." not in name else None
    cls = definition[1] if definition is not None else None
    if not isinstance(cls, ast.ClassDef):
        return set()
    if not any(dotted(b).rpartition(".")[2] in _ENUMS for b in cls.bases):
        return set()
    return {
        t.id
        for s in cls.body
        if isinstance(s, ast.Assign)
        for t in s.targets
        if isinstance(t, ast.Name) and not t.id.startswith("_")
    }
