import ast
from collections import defaultdict
from collections.abc import Iterator

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable
from audit_lib.model import Examined, Location, Severity
from audit_lib.probes.code.calls import bound, parameters
from audit_lib.probes.code.keyflow import Path, overlaps, paired
from audit_lib.probes.code.keyflow.pairs import Pair
from audit_lib.probes.code.keyflow.writes import DUMPERS, Writes
from audit_lib.probes.code.surroundings import is_aside
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.pointers import pointer_to
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

_TEXTS = frozenset({"str", "repr", "format", "ascii"})
_PLAIN = (ast.Is, ast.IsNot, ast.In, ast.NotIn)


class StoredFlagsStayFlags(Check):
    """A flag that is stored comes back as a flag, and not as the text "False", which is true.

    What it checks
        Files that are written as JSON with a `default` that turns what JSON does not know into
        text, and are read again: no value of them is tested for truth that was stored as a
        comparison, or as an argument that is a flag, without `bool(...)`.
    Why it matters
        Comparisons of NumPy numbers are no Python flags. `json.dump(state, file, default=str)`
        stores `"False"`, the next process reads it, and every losing trade has won.
    How
        Follows what the reader of a file returns forwards to tests of its values, and what the
        writer is given backwards to where they come from, by syntax alone.
    Limitations
        Where a comparison is of plain numbers nothing is lost, which syntax does not tell.
        Arguments that every call of that name gives as a plain flag are left out, comparisons are
        not. Files with several writers or readers are not looked at.
    Remediation
        Store `bool(value)`, and let the writer fail on what JSON does not know.
    Sources
        RFC 8259 section 3; NumPy, Data type objects (`numpy.bool_` is no subclass of `bool`).
    """

    code = "BND020"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Look at each file that stores and reads its own state."""
        code = code_of(subject.source)
        files = [p for p in paired(code) if p in code.connected and not is_aside(p)]
        if not files:
            raise NotApplicable("no file stores a form and reads it back")
        for path in files:
            if _writes_text(code, path):
                yield from self._file(code, path)
        yield Examined(len(files), "files that store and read a form")

    def _file(self, code: Code, path: str) -> Answers:
        flow = Pair(code, path)
        flow.settle()
        stored = _Leaves(flow)
        stored.collect()
        reported: set[tuple[str, int, Path]] = set()
        for unit, node in _tests(flow):
            for place in flow.value(unit, node):
                mark = (unit.path, node.lineno, place)
                written = [
                    w for p, many in stored.leaves.items() if overlaps(p, place) for w in many
                ]
                source = next((s for u, n in written if (s := stored.flag(u, n))), "")
                if not source or mark in reported:
                    continue
                reported.add(mark)
                yield self.finding(
                    Location(unit.path, line=node.lineno, symbol=unit.name),
                    f"tests {pointer_to(*place)} of what {path} stores for truth; it is stored as "
                    f"{source} with `default=str`, which makes the text 'False' of NumPy's False",
                    measured="any text is true",
                    expected="a flag that was stored as bool(...)",
                    key=f"{path} {pointer_to(*place)}",
                    cause=f"flags that {path} stores come back as text",
                )


class _Leaves(Writes):
    """What is dumped, with the expressions that stand at each key."""

    def __init__(self, reads: Pair) -> None:
        super().__init__(reads)
        self.leaves: dict[Path, list[tuple[Unit, ast.expr]]] = defaultdict(list)

    def _keys(self, unit: Unit, node: ast.expr, path: Path, where: ast.AST) -> None:
        self.leaves[path].append((unit, node))
        super()._keys(unit, node, path, where)

    def flag(self, unit: Unit, node: ast.expr, depth: int = 0) -> str:
        """What an expression is, in words, where it may be a flag of NumPy's; '' where not."""
        if isinstance(node, ast.Compare):
            plain = all(isinstance(op, _PLAIN) for op in node.ops)
            return "" if plain or _texts(node) else f"the comparison `{ast.unparse(node)[:60]}`"
        if isinstance(node, ast.BoolOp):
            return next((s for v in node.values if (s := self.flag(unit, v, depth))), "")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            is_array = node.func.attr in ("any", "all") and not node.args
            return f"`{ast.unparse(node)[:60]}`" if is_array else ""
        if not isinstance(node, ast.Name) or depth > 2:
            return ""
        given = self._given(unit, node.id)
        if given is not None:
            flags = (self.flag(u, n, depth + 1) or _unknown(n) for u, n in given)
            return f"the argument `{node.id}`" if any(flags) else ""
        assigned = [
            n.value
            for n in self.reads.own(unit)
            if isinstance(n, ast.Assign) and [dotted(t) for t in n.targets] == [node.id]
        ]
        return next((s for v in assigned if (s := self.flag(unit, v, depth + 1))), "")

    def _given(self, unit: Unit, name: str) -> list[tuple[Unit, ast.expr]] | None:
        """What callers give for a parameter that is annotated as a flag; None where it is none."""
        if not any(a.arg == name and dotted(a.annotation) == "bool" for a in parameters(unit.node)):
            return None
        called = unit.name.rpartition(".")[2]
        return [
            (caller, argument)
            for caller in (u for _, u in self.reads.units_near(f"{called}("))
            for call in self.reads.own(caller)
            if isinstance(call, ast.Call)
            and dotted(call.func).rpartition(".")[2] in ("", called)
            and (call.func.attr if isinstance(call.func, ast.Attribute) else called) == called
            and not is_aside(caller.path)
            for parameter, argument in bound(unit.node, call)
            if parameter == name
        ]


def _unknown(node: ast.expr) -> str:
    """'?' for an argument of which nothing tells that it is a plain flag."""
    plain = isinstance(node, (ast.Constant, ast.Compare, ast.UnaryOp, ast.Call, ast.BoolOp))
    return "" if plain else "?"


def _texts(node: ast.Compare) -> bool:
    """True for a comparison with a text, or of lengths: those are plain."""
    sides = (node.left, *node.comparators)
    return any(
        (isinstance(s, ast.Constant) and isinstance(s.value, (str, bool)))
        or (isinstance(s, ast.Call) and dotted(s.func) in ("len", "int", "float", "type"))
        for s in sides
    )


def _writes_text(code: Code, path: str) -> bool:
    """True where the writer of a file makes text of what JSON does not know."""
    tree = code.tree.by_path[path].tree
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Call) and dotted(node.func) in DUMPERS:
            for keyword in node.keywords:
                if keyword.arg == "default" and _makes_text(keyword.value):
                    return True
    return False


def _makes_text(node: ast.expr) -> bool:
    if isinstance(node, ast.Lambda):
        body = node.body
        called = isinstance(body, ast.Call) and dotted(body.func) in _TEXTS
        return called or isinstance(body, ast.JoinedStr)
    return dotted(node) in _TEXTS


def _tests(flow: Pair) -> Iterator[tuple[Unit, ast.expr]]:
    """Expressions whose truth decides something, in the units that hold what was loaded."""
    for unit in flow.holding():
        for node in flow.own(unit):
            for test in _conditions(node):
                yield from ((unit, leaf) for leaf in _truths(test))


def _conditions(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, (ast.If, ast.While, ast.IfExp, ast.Assert)):
        return [node.test]
    if isinstance(node, ast.comprehension):
        return node.ifs
    if isinstance(node, ast.Call) and dotted(node.func) == "bool" and len(node.args) == 1:
        return node.args
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        return [node.operand]
    return []


def _truths(test: ast.expr) -> Iterator[ast.expr]:
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            yield from _truths(value)
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _truths(test.operand)
    else:
        yield test
