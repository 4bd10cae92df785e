from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable
from audit_lib.model import Examined, Location, Severity
from audit_lib.probes.code.calls import Function, defaults, own_nodes
from audit_lib.probes.code.signatures import decorators
from audit_lib.probes.code.surroundings import is_aside
from audit_lib.probes.code.types.annotations import aliases_of_none, allows_none, is_none
from audit_lib.probes.code.types.exhaustive import asks_in_the_open, exhausted
from audit_lib.subject.code import code_of
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.references import References
from audit_lib.subject.units import FileUnits, Unit
from audit_lib.subject.uses import dotted

_EXITS = frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort"})
_LIKE_EXITS = re.compile(r"fail|abort|exit|die|fatal|raise_(?!for_|if_)\w+")
_STUBS = frozenset({"abstractmethod", "overload"})


class DeclaredValuesAreThere(Check):
    """A function that declares a value returns one on every path.

    What it checks
        Functions of the subsystem with a return annotation that excludes None: no `return None`, no
        bare `return`, no path that runs off the end. Parameters that are declared without None and
        default to it are told as information.
    Why it matters
        Callers across the boundary believe the annotation. The path on which it is wrong is the
        rare one (no data, no model), and there the next line fails, or an `if` on the answer takes
        None for zero.
    How
        Follows the statements of each function: returns, raises, endless loops, exits, branches
        that are exhaustive by `else`, a wildcard case, or because they name every type, literal or
        member that the annotation of a parameter admits.  LOW where branches on one value end
        it all, and no annotation lists what that may be, and for a loop over `range` that returns.
    Limitations
        Tests and examples are left out, and functions whose head or return bears `# type: ignore`.
        Only what the text shows: a name that happens to be None is not followed (a type checker
        does that). Generators, stubs, abstract methods, protocols and `Any` are left out.
    Remediation
        Declare the None (`X | None`) and handle it in the callers, or raise.
    Sources
        PEP 484, "Union types" and the end of implicit Optional.
    """

    code = "BND007"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Look at every annotated function under audit."""
        code = code_of(subject.source)
        aliases = aliases_of_none(f.tree for f in subject.source.files)
        count = 0
        for file in (f for f in code.subsystem if not is_aside(f.file.path)):
            for unit in file.units:
                node = unit.node
                if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    continue
                yield from self._defaults(unit, node, aliases)
                if (
                    node.returns is None
                    or allows_none(node.returns, aliases)
                    or _is_stub(file.units, unit)
                ):
                    continue
                count += 1
                if _ignored(file, node):
                    continue
                yield from self._returns(unit, node, _Flow(code.references, unit))
        if not count:
            raise NotApplicable("no function under audit declares a value")
        yield Examined(count, "functions that declare a value")

    def _returns(self, unit: Unit, node: Function, flow: _Flow) -> Answers:
        assert node.returns is not None
        declared = ast.unparse(node.returns)
        own = list(_own(node.body))
        if any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in own):
            return
        empty = [
            n for n in own if isinstance(n, ast.Return) and (n.value is None or is_none(n.value))
        ]
        if empty:
            yield self.finding(
                Location(unit.path, line=min(n.lineno for n in empty), symbol=unit.name),
                f"{unit.name} declares {declared} and returns None"
                + (f" on {len(empty)} paths" if len(empty) > 1 else ""),
                measured="None",
                expected=declared,
                key="returns None",
            )
        elif not flow.ends(node.body):
            yield self.finding(
                Location(unit.path, line=node.end_lineno, symbol=unit.name),
                f"{unit.name} declares {declared} and has a path that runs off its end",
                measured="None",
                expected=declared,
                key="runs off",
                severity=Severity.LOW if flow.open_end(node.body) else self.severity,
            )

    def _defaults(self, unit: Unit, node: Function, aliases: frozenset[str]) -> Answers:
        for argument, default in defaults(node):
            annotation = argument.annotation
            if annotation is not None and is_none(default) and not allows_none(annotation, aliases):
                declared = ast.unparse(annotation)
                yield self.finding(
                    Location(unit.path, line=argument.lineno, symbol=unit.name),
                    f"parameter {argument.arg!r} of {unit.name} declares {declared} and defaults "
                    "to None",
                    measured="None",
                    expected=declared,
                    key=f"default {argument.arg}",
                    severity=Severity.INFO,
                )


def _ignored(file: FileUnits, node: Function) -> bool:
    """True where the author tells type checkers to pass over the head or a return of it."""
    lines = file.file.text.splitlines()
    returns = [n for n in _own(node.body) if isinstance(n, ast.Return)]
    numbers = {node.lineno, node.body[0].lineno - 1, *(n.lineno for n in returns)}
    return any("# type: ignore" in lines[n - 1] for n in numbers if 0 < n <= len(lines))


def _is_stub(units: Sequence[Unit], unit: Unit) -> bool:
    node = unit.node
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    if _STUBS & set(decorators(node)) or unit.path.endswith(".pyi"):
        return True
    owner = units[max(unit.parent, 0)].node
    if isinstance(owner, ast.ClassDef) and any(
        dotted(b.value if isinstance(b, ast.Subscript) else b).rpartition(".")[2] == "Protocol"
        for b in owner.bases
    ):
        return True
    return all(
        isinstance(s, ast.Pass) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
        for s in node.body
    )


def _own(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    return own_nodes(body, but=(*DEFINITIONS, ast.Lambda))


def _breaks(body: Sequence[ast.AST]) -> bool:
    """True where a `break` in the body of a loop leaves that loop, not one within it."""
    stack: list[ast.AST] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.Break):
            return True
        if isinstance(node, (ast.While, ast.For, ast.AsyncFor)):
            stack.extend(node.orelse)
        elif not isinstance(node, (*DEFINITIONS, ast.Lambda)):
            stack.extend(ast.iter_child_nodes(node))
    return False


def _suppresses(item: ast.withitem) -> bool:
    call = item.context_expr
    return isinstance(call, ast.Call) and dotted(call.func) in ("suppress", "contextlib.suppress")


class _Flow:
    """Which statements of a unit let no path run past them."""

    def __init__(self, references: References, unit: Unit) -> None:
        self.references, self.unit = references, unit

    def ends(self, body: Sequence[ast.stmt]) -> bool:
        """True where no path runs past the statements."""
        return any(self._leaves(s) for s in body) or exhausted(
            self.references.index, self.unit, body, self.ends
        )

    def open_end(self, body: Sequence[ast.stmt]) -> bool:
        """True where what runs off is a value that branches on all the others did not expect."""
        return asks_in_the_open(self.references.index, self.unit, body, self.ends)

    def _leaves(self, node: ast.stmt) -> bool:
        ends = self.ends
        if isinstance(node, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
            return True
        if isinstance(node, ast.If):
            return bool(node.orelse) and ends(node.body) and ends(node.orelse)
        if isinstance(node, (ast.While, ast.For, ast.AsyncFor)):
            if _breaks(node.body):
                return False
            if isinstance(node, ast.While) and isinstance(node.test, ast.Constant):
                return bool(node.test.value) or ends(node.orelse)
            return ends(node.orelse) or (isinstance(node, ast.For) and self._last_try(node))
        if isinstance(node, (ast.With, ast.AsyncWith)):
            return ends(node.body) and not any(_suppresses(i) for i in node.items)
        if isinstance(node, (ast.Try, ast.TryStar)):
            caught = all(ends(h.body) for h in node.handlers)
            return ends(node.finalbody) or (caught and (ends(node.body) or ends(node.orelse)))
        if isinstance(node, ast.Match):
            last = node.cases[-1]
            whole = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None
            return whole and last.guard is None and all(ends(c.body) for c in node.cases)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            return self._never_returns(node.value)
        return isinstance(node, ast.Assert) and _literal_false(node.test)

    def _last_try(self, node: ast.For) -> bool:
        """True for a loop of attempts that returns, and whose last attempt raises."""
        last = node.body[-1]
        if not (isinstance(last, ast.Try) and isinstance(node.target, ast.Name)):
            return False
        counted = isinstance(node.iter, ast.Call) and dotted(node.iter.func) == "range"
        done = self.ends(last.body) or self.ends(last.orelse)
        asks = [
            any(
                isinstance(s, ast.If) and self.ends(s.body)
                and any(dotted(n) == node.target.id for n in ast.walk(s.test))
                for s in handler.body
            ) or self.ends(handler.body)
            for handler in last.handlers
        ]  # fmt: skip
        return counted and done and all(asks)

    def _narrowed(self, name: str, call: ast.Call) -> str:
        """The class that ``isinstance`` holds a name to where a call stands; '' for none."""
        for node in ast.walk(self.unit.node) if self.unit.node is not None else ():
            test = node.test if isinstance(node, ast.If) else None
            if not isinstance(node, ast.If) or not isinstance(test, ast.Call):
                continue
            if dotted(test.func) != "isinstance":
                continue
            inside = any(part is call for s in node.body for part in ast.walk(s))
            if inside and len(test.args) == 2 and dotted(test.args[0]) == name:
                return dotted(test.args[1])
        return ""

    def _never_returns(self, call: ast.Call) -> bool:
        text = dotted(call.func)
        if not text or text in _EXITS:
            return text in _EXITS
        reached = self.references.chain(self.unit, text).unit if text.count(".") < 3 else None
        receiver, _, method = text.partition(".")
        if reached is None and method and (cls := self._narrowed(receiver, call)):
            reached = self.references.chain(self.unit, f"{cls}.{method}").unit
        if reached is None:  # a library's: believed where it is called like an exit
            return bool(_LIKE_EXITS.fullmatch(text.rpartition(".")[2]))
        node = reached.node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        declared = ast.unparse(node.returns) if node.returns is not None else ""
        return declared.strip("'\"").rpartition(".")[2] in ("NoReturn", "Never") or (
            isinstance(node.body[-1], ast.Raise)
        )


def _literal_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and not node.value
