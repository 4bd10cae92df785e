"""Locals that hide a name of the module on one path and are unbound on another.

A binding anywhere in a function makes the name local everywhere in it; so ``import json`` within
one branch takes the module's ``json`` away from all others.  Followed are the names that the module
imports, defines or spells as a constant: there the module's own was meant.  Loops are taken to run
once, and handlers to start after what they guard, so that what is told is certain.
"""

import ast
import re
from collections.abc import Iterator, Sequence

from audit_lib.probes.code.calls import own_nodes, parameters
from audit_lib.probes.code.surroundings import Surroundings, symbol_at
from audit_lib.subject.code import Code
from audit_lib.subject.modules import DEFINITIONS, Module
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_State = set[str] | None


def shadowed(module: Module, units: Sequence[Unit]) -> Iterator[tuple[ast.Name, str, int]]:
    """(use, function, line of the binding) of locals that are unbound on a path to the use."""
    meant = {
        name
        for name, nodes in module.bindings.items()
        if name.isupper() or isinstance(nodes[0], (ast.Import, ast.ImportFrom, *DEFINITIONS))
    }
    for unit in units:
        node = unit.node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if not meant.isdisjoint(unit.uses.binds | unit.uses.imports.keys()):
            bound = _bound_in(node)
            hidden = {n: line for n, line in bound.items() if n in meant}
            if hidden:
                walk = _Walk(frozenset(hidden))
                walk.through(node.body, set())
                yield from ((use, unit.name, hidden[use.id]) for use in walk.unbound)


def half_bound(units: Sequence[Unit]) -> Iterator[tuple[ast.Name, str, ast.If]]:
    """(use, function, condition) of locals that some branches of one ``if`` bind, read anyway.

    Told are reads by statements of the function itself, which nothing else asks about.
    """
    for unit in units:
        node = unit.node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        places: dict[str, list[ast.stmt]] = {}
        for statement in node.body:
            for name in {n for part in ast.walk(statement) for n in _binds(part)}:
                places.setdefault(name, []).append(statement)
        only = {
            name: bindings[0]
            for name, bindings in places.items()
            if len(bindings) == 1 and isinstance(bindings[0], ast.If)
        }
        names = frozenset(_bound_in(node)) & only.keys()
        walk = _Walk(names)
        if names:
            walk.through(node.body, set())
        plain = (s for s in node.body if isinstance(s, (ast.Assign, ast.Expr, ast.Return)))
        direct = {id(part) for statement in plain for part in ast.walk(statement)}
        for use in walk.unbound:
            if id(use) in direct and isinstance(condition := only[use.id], ast.If):
                yield use, unit.name, condition


def _bound_in(function: _Function) -> dict[str, int]:
    """Locals that statements of a function bind, with the first line; parameters left out."""
    given = {a.arg for a in parameters(function, open_ones=True)}
    first_line: dict[str, int] = {}
    for node in _own(function.body):
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            given.update(node.names)
        for name in _binds(node):
            line = getattr(node, "lineno", function.lineno)
            first_line[name] = min(line, first_line.get(name, line))
    return {name: line for name, line in first_line.items() if name not in given}


def _binds(node: ast.AST) -> list[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return [a.asname or a.name.partition(".")[0] for a in node.names]
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return [node.id]
    if isinstance(node, DEFINITIONS):
        return [node.name]
    if isinstance(node, (ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        return [node.name]
    return []


def _own(body: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Nodes of a scope: bodies of inner definitions and comprehensions left out."""
    stack = list(body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (*DEFINITIONS, ast.Lambda, *_COMPREHENSIONS)):
            stack.extend(ast.iter_child_nodes(node))


class _Walk:
    """Follows one function; a state is the names bound for certain, None where no path goes on."""

    def __init__(self, names: frozenset[str]) -> None:
        self.names = names
        self.unbound: list[ast.Name] = []
        self._under: dict[str, set[str]] = {}
        self._somewhere: dict[str, set[str]] = {}

    def through(self, body: Sequence[ast.stmt], state: set[str]) -> _State:
        """The state after statements that begin in ``state``."""
        here: _State = set(state)
        for statement in body:
            if here is None:
                return None
            here = self._statement(statement, here)
        return here

    def _statement(self, node: ast.stmt, state: set[str]) -> _State:
        if isinstance(node, ast.If):
            return self._if(node, state)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            return self._loop(node, state)
        if isinstance(node, (ast.Try, ast.TryStar)):
            return self._try(node, state)
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                self._reads(item, state)
            inner = state | self._bindings(node.items)
            after = self.through(node.body, inner)
            return inner if after is None else after  # it may swallow what was raised
        if isinstance(node, ast.Match):
            self._reads(node.subject, state)
            ends = [self.through(c.body, state | self._bindings([c.pattern])) for c in node.cases]
            return _both(*ends, state)
        if isinstance(node, DEFINITIONS):
            return state | ({node.name} & self.names)
        self._reads(node, state)
        if isinstance(node, (ast.Return, ast.Raise, ast.Continue, ast.Break)):
            return None
        return state | self._bindings([node])

    def _if(self, node: ast.If, state: set[str]) -> _State:
        self._reads(node.test, state)
        test = ast.unparse(node.test)
        tested = state | self._bindings([node.test])
        body = self.through(node.body, tested | self._under.get(test, set()))
        if body is not None:  # the same condition holds again later
            self._under[test] = self._under.get(test, set()) | (body - tested)
        after = _both(body, self.through(node.orelse, tested))
        # ``if ready:`` and later ``if not ready:``, which the first may have put back, bind both.
        bound_here = self._bindings(node.body)
        other = test.removeprefix("not ") if test.startswith("not ") else f"not {test}"
        both = bound_here & self._somewhere.get(other, set())
        self._somewhere[test] = self._somewhere.get(test, set()) | bound_here
        return after if after is None else after | both

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, state: set[str]) -> _State:
        head = node.test if isinstance(node, ast.While) else node.iter
        self._reads(head, state)
        bound_here = self._bindings([head] if isinstance(node, ast.While) else [head, node.target])
        self.through(node.body, state | bound_here)
        after = state | bound_here | self._bindings(node.body)
        return self.through(node.orelse, after)

    def _try(self, node: ast.Try | ast.TryStar, state: set[str]) -> _State:
        body = self.through(node.body, state)
        if body is not None:
            body = self.through(node.orelse, body)
        guarded = state | self._bindings(node.body)
        # What the module imports too does not fail to be imported here.
        imported = self._bindings(
            [s for s in node.body if isinstance(s, (ast.Import, ast.ImportFrom))]
        )
        ends = [body]
        for handler in node.handlers:
            # What a handler reads is not told; what it leaves unbound is.
            reads, self.names = self.names, frozenset()
            leaves = self.through(handler.body, set(guarded)) is None
            self.names = reads
            ends.append(None if leaves else state | imported | self._bindings(handler.body))
        after = _both(*ends)
        if after is None:
            self.through(node.finalbody, guarded)
            return None
        return self.through(node.finalbody, after)

    def _bindings(self, nodes: Sequence[ast.AST]) -> set[str]:
        return {n for node in _own(nodes) for n in _binds(node)} & self.names

    def _reads(self, node: ast.AST, state: set[str]) -> None:
        bound_by_now = set(state)
        # The annotation of a local is never evaluated.
        unread = set(ast.walk(node.annotation)) if isinstance(node, ast.AnnAssign) else set()
        own = [p for p in _own([node]) if p not in unread]
        parts = [p for p in own if isinstance(p, ast.Name)]
        for inner in (p for p in own if isinstance(p, (ast.ListComp, ast.SetComp, ast.DictComp))):
            names = [p for p in ast.walk(inner) if isinstance(p, ast.Name)]
            bound = {p.id for p in names if isinstance(p.ctx, ast.Store)}
            parts += [p for p in names if p.id not in bound]
        for part in sorted(parts, key=lambda p: (p.lineno, p.col_offset)):
            if isinstance(part.ctx, ast.Store):
                if not isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
                    bound_by_now.add(part.id)
            elif part.id in self.names and part.id not in bound_by_now:
                self.unbound.append(part)


def _both(*states: _State) -> _State:
    """What is bound whichever way was taken."""
    states_known = [s for s in states if s is not None]
    return set.intersection(*states_known) if states_known else None


# --- names that something else binds --------------------------------------------------------------
def bound_elsewhere(code: Code, path: str, node: ast.Name, around: Surroundings) -> bool:
    """True where a name that the file does not bind, or not yet, may be there all the same."""
    return (
        _given(code, path, node.id)
        or _of_old_python(node, around)
        or _from_last_round(node, around)
        or put_in_later(code, path, node.id)
        or _taken_out(code, path, node, around)
    )


def _taken_out(code: Code, path: str, node: ast.Name, around: Surroundings) -> bool:
    """True for a name that the module deletes at its end, in a function that it calls before."""
    tree = around.file.tree
    own = list(own_nodes(tree.body)) if tree is not None else []
    names = {part.id: type(part.ctx) for part in own if isinstance(part, ast.Name)}
    function = symbol_at(code, path, node.lineno).partition(".")[0]
    gone = any(isinstance(p, ast.Delete) and node.id in map(dotted, p.targets) for p in own)
    return gone and node.id in code.index.module(path).bindings and function in names


def _from_last_round(node: ast.Name, around: Surroundings) -> bool:
    """True for a local that an earlier round of the loop around it may have bound."""
    outer: ast.AST | None = node
    while outer is not None and not isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef)):
        if isinstance(outer, (ast.For, ast.AsyncFor, ast.While)) and any(
            isinstance(n, ast.Name) and n.id == node.id and isinstance(n.ctx, ast.Store)
            for n in ast.walk(outer)
        ):
            return True
        outer = around.parents.get(outer)
    return False


def _given(code: Code, path: str, name: str) -> bool:
    """True for a script that the engine runs by ``exec`` with names of its own put into it.

    Nothing imports it, and the engine defines what it lacks.
    """
    if code.imports.importers.get(path) or not _runs_scripts(code):
        return False
    return any(name in code.index.module(other).bindings for other in code.files if other != path)


def _runs_scripts(code: Code) -> bool:
    """True where some file runs text in a namespace that it makes: ``exec(text, scope)``."""
    return any(
        isinstance(node, ast.Call)
        and dotted(node.func) in ("exec", "runpy.run_path")
        and len(node.args) + len(node.keywords) > 1
        for file in code.files.values()
        if "exec(" in file.file.text or "run_path(" in file.file.text
        for node in (ast.walk(file.file.tree) if file.file.tree is not None else ())
    )


_OLD = frozenset(
    {"unicode", "long", "xrange", "cmp", "basestring", "unichr", "raw_input", "reduce", "file",
     "execfile", "reload", "intern", "buffer", "apply", "coerce"}
)  # fmt: skip


def _of_old_python(node: ast.Name, around: Surroundings) -> bool:
    """True for a builtin of Python 2 on a branch that asks for the version: ``if PY2:``."""
    outer = around.parents.get(node)
    while outer is not None and node.id in _OLD:
        if isinstance(outer, (ast.If, ast.IfExp)) and re.search(
            r"\bPY[23]\b|version_info|python_version|sys\.version", ast.unparse(outer.test)
        ):
            return True
        outer = around.parents.get(outer)
    return False


def put_in_later(code: Code, path: str, name: str) -> bool:
    """True where the engine sets names of modules by itself, and the file spells this one.

    Metaclasses and decorators that read ``alias = ("TR",)`` and set it in the class's module.
    """
    tree = code.files[path].file.tree if path in code.files else None
    if tree is None or not code.once("sets modules", lambda: _sets_modules(code)):
        return False
    return any(
        isinstance(n, ast.Constant)
        and isinstance(n.value, str)
        and n.value.rpartition(".")[2] == name
        for statement in tree.body
        if "__all__" not in map(dotted, getattr(statement, "targets", []))
        for n in ast.walk(statement)
    )


def _sets_modules(code: Code) -> bool:
    """True where some file sets attributes of ``sys.modules[...]``."""
    texts = (f.file.text for f in code.files.values())
    return any("sys.modules[" in text and "setattr(" in text for text in texts)
