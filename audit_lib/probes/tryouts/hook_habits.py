"""Habits of hooks that make an audit see another engine than the one there is.

A hook exposes one behaviour of the subject.  One that joins two calls hides that nothing in the
engine joins them; one that drops an input hides what the engine does with it; one that repeats the
engine's constants tests its own copy.  Read from the syntax tree of the hooks file, nothing runs;
these are questions to its author, and only what is plain is asked.
"""

import ast
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from audit_lib.files import read_whole
from audit_lib.hooks import without_variant
from audit_lib.probes.questions.files_read import MEND, undeclared
from audit_lib.subject.hooks import names_of
from audit_lib.subject.source import SourceFile
from audit_lib.subject.subject import Subject
from audit_lib.subject.uses import targets_of

#: surfaces that answer with one decision of the engine, which two calls cannot give
DECIDING = frozenset({"retrain", "governance", "decisions", "drift", "registry"})
BUILDER = "features.build"
#: packages that are nobody's subject
_KNOWN = frozenset({*sys.stdlib_module_names, "numpy", "pandas", "scipy", "audit_lib"})
_LOADING = frozenset({"import_module", "__import__", "module_from_spec", "run_path"})
_FEWEST = 2
"""parts that a repeated list or mapping has, at least"""


@dataclass(frozen=True)
class Habit:
    """A question to the author of a hook.

    Attributes:
        hook: its name.
        line: where in the hooks file.
        said: what the hook does, and what to do instead.
    """

    hook: str
    line: int
    said: str


@dataclass
class _Seen:
    """What is known of the names of one function.

    Attributes:
        origins: name to the calls of the subject whose answers it holds.
        subject: names of modules, classes and objects of the subject.
    """

    origins: dict[str, set[str]] = field(default_factory=dict)
    subject: set[str] = field(default_factory=set)


def habits(subject: Subject) -> tuple[Habit, ...]:
    """Questions to the author of a subject's hooks, in the order of the file.

    Which files a builder reads is asked where it was called before.
    """
    file = subject.hooks.file
    try:
        tree = ast.parse(read_whole(file))
    except (OSError, SyntaxError, ValueError):
        return ()
    every = [*_of_hooks(tree), *_repeated(tree, file, subject.source.subsystem), *_reads(subject)]
    return tuple(sorted(every, key=lambda habit: (habit.line, habit.said)))


def _of_hooks(tree: ast.Module) -> Iterator[Habit]:
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    roots = _roots(tree)
    for function in functions.values():
        for hook in names_of(function):
            yield from _unused(hook, function)
            if without_variant(hook)[0].split(".", maxsplit=1)[0] in DECIDING:
                yield from _joined(hook, function, roots)


def _reads(subject: Subject) -> Iterator[Habit]:
    """Data files that the builder was seen to read."""
    line = subject.where(BUILDER).line or 0
    for path in undeclared(subject, BUILDER):
        yield Habit(BUILDER, line, f"it reads {path} beside the panel: {MEND}")


def _unused(hook: str, function: ast.FunctionDef) -> Iterator[Habit]:
    """Inputs that the body does not read."""
    read = {n.id for n in ast.walk(function) if isinstance(n, ast.Name)}
    if without_variant(hook)[0].endswith(".sides"):
        return  # what stands beside is often the same, whatever it stands beside
    for argument in function.args.args[1:]:
        if argument.arg not in read and not argument.arg.startswith("_"):
            given = (hook, argument.arg) == ("registry.register", "version")
            yield Habit(
                hook,
                function.lineno,
                f"the input {argument.arg!r} never reaches the subject: pass it on; where the "
                + (
                    "subject gives ids itself, write `registry.create` in place of this hook"
                    if given
                    else "subject takes no such thing, say so with a Refusal or under `absent`"
                ),
            )


# --- answers of two calls ---------------------------------------------------------------------
def _roots(tree: ast.Module) -> set[str]:
    """Names in the file that lead to the subject: what it imports, and what is made of that."""
    names = set(_imported(tree))
    grown = True
    while grown:
        grown = False
        for node in tree.body:
            new = set(_defined(node)) - names
            if new and _reaches(node, names):
                names |= new
                grown = True
    return names


def _defined(node: ast.stmt) -> Iterator[str]:
    """Names that a statement of the module binds; none for a hook, which others do not call."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        if not (isinstance(node, ast.FunctionDef) and names_of(node)):
            yield node.name
    elif isinstance(node, ast.Assign):
        yield from (n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name))


def _reaches(node: ast.stmt, names_reached: set[str]) -> bool:
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id not in _defined(node)}
    calls = (n for n in ast.walk(node) if isinstance(n, ast.Call))
    loads = {getattr(c.func, "attr", getattr(c.func, "id", "")) for c in calls}
    return bool(names & names_reached or loads & _LOADING or set(_imported(node)))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] not in _KNOWN:
                    yield alias.asname or alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] not in _KNOWN:
            yield from (alias.asname or alias.name for alias in node.names)


def _joined(hook: str, function: ast.FunctionDef, roots: set[str]) -> Iterator[Habit]:
    seen = _Seen(subject=set(roots) | set(_imported(function)))
    for node in _in_order(function.body):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            _bind(seen, targets_of(node), node.value)
        elif isinstance(node, ast.With):
            for item in node.items:
                if item.optional_vars is not None:
                    _bind(seen, [item.optional_vars], item.context_expr)
    for call in ast.walk(function):
        parts = _parts(call)
        origins = [_origins(seen, part) for part in parts]
        calls = sorted(set().union(*origins)) if origins else []
        if len(calls) > 1 and sum(map(bool, origins)) > 1 and not set.intersection(*origins):
            yield Habit(
                hook,
                getattr(call, "lineno", function.lineno),
                f"the answer is put together from {' and '.join(calls[:3])}: an engine that calls "
                "only one of them is not seen; drive what the engine itself calls, or make "
                "each a variant",
            )
            return


def _in_order(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        for name in ("body", "orelse", "finalbody"):
            yield from _in_order(getattr(statement, name, []))
        for handler in getattr(statement, "handlers", []):
            yield from _in_order(handler.body)


def _bind(seen: _Seen, targets: Iterable[ast.expr], value: ast.expr) -> None:
    origins, leads = _origins(seen, value), _leads(seen, value)
    for target in targets:
        stored = (n for n in ast.walk(target) if isinstance(n, ast.Name))
        for name in (n.id for n in stored if isinstance(n.ctx, ast.Store)):
            seen.origins[name] = origins
            if leads:
                seen.subject.add(name)
            else:
                seen.subject.discard(name)


def _leads(seen: _Seen, node: ast.expr) -> bool:
    """True where an expression is an object of the subject, or made by one."""
    while isinstance(node, (ast.Call, ast.Attribute, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return isinstance(node, ast.Name) and node.id in seen.subject


def _origins(seen: _Seen, node: ast.expr) -> set[str]:
    """Calls of the subject's functions and methods whose answers enter an expression."""
    origins: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            origins |= seen.origins.get(part.id, set())
        elif isinstance(part, ast.Call) and _leads(seen, part.func) and _answers(part.func):
            origins.add(_called(part.func))
    return origins


def _answers(called: ast.expr) -> bool:
    """True for a method or a function, and not for a class or what gets a module."""
    last = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return isinstance(called, ast.Attribute) and not last[:1].isupper() and last != "__new__"


def _called(called: ast.expr) -> str:
    return f"{called.attr}()" if isinstance(called, ast.Attribute) else ast.unparse(called)


def _parts(node: ast.AST) -> list[ast.expr]:
    """What is joined to one answer: ``a or b``, ``a | b``, ``[*a, *b]``, ``any([a, b])``."""
    if isinstance(node, ast.BoolOp):
        return node.values
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitOr, ast.BitAnd)):
        return [node.left, node.right]
    if isinstance(node, ast.List) and sum(isinstance(e, ast.Starred) for e in node.elts) > 1:
        return [e.value for e in node.elts if isinstance(e, ast.Starred)]
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("any", "all", "max", "min"):
        first = node.args[0] if len(node.args) == 1 else None
        if isinstance(first, (ast.List, ast.Tuple)):
            return first.elts
        return node.args if len(node.args) > 1 else []
    return []


# --- constants --------------------------------------------------------------------------------
def _repeated(tree: ast.Module, file: Path, sources: Iterable[SourceFile]) -> Iterator[Habit]:
    """Named constants of the hooks that have the name and the value of one of the subject's."""
    own = list(_constants(tree))
    if not own:
        return
    theirs = [
        (name, value, source.path)
        for source in sources
        if source.tree is not None
        for name, _, value in _constants(source.tree)
    ]
    for name, line, value in own:
        for other, same, path in theirs:
            if value == same and type(value) is type(same) and _alike(name, other):
                yield Habit(
                    file.name,
                    line,
                    f"{name} repeats {other} of {path}: take it from there, or the audit keeps "
                    "the old value when the subject changes it",
                )
                break


def _constants(tree: ast.Module) -> Iterator[tuple[str, int, object]]:
    for node in tree.body:
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            continue
        try:
            value = ast.literal_eval(node.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            continue
        if _telling(value):
            yield from (
                (t.id, node.lineno, value) for t in targets_of(node) if isinstance(t, ast.Name)
            )


def _telling(value: object) -> bool:
    """True for a value that two files have in common for a reason."""
    if isinstance(value, (list, tuple, set, dict)):
        return len(value) >= _FEWEST
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and value not in (0, 1, -1)


def _alike(one: str, other: str) -> bool:
    """True where two names share a word that says something."""
    words = [{w for w in name.lower().split("_") if len(w) > 3} for name in (one, other)]
    return bool(words[0] & words[1])
