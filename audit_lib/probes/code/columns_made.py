"""Where the source makes a column: at a line that names it, in a definition that was executed.

A name alone proves nothing: archives, foreign packages and tests name the same columns.  So only
what the hook's calls entered counts (:mod:`audit_lib.subject.places`), with what stands in a class
that they entered, and the module level of files under audit.
"""

import ast
import re
from collections.abc import Iterator

from audit_lib.model import Location
from audit_lib.subject.code import code_of
from audit_lib.subject.places import definition_line, units_entered
from audit_lib.subject.subject import Subject
from audit_lib.subject.units import MODULE, FileUnits, Unit

_LETTERS = 3
"""letters that a pattern such as ``f"ret_{n}"`` holds by itself, at least, to mean a column"""

BESIDE, FAR = 10, 100
"""added to the rank of what stands in an entered class, and outside the files under audit"""
Mention = tuple[int, ast.expr, ast.expr | None]
"""rank, the name, and what stands for it in a mapping; the lower rank tells more"""


def where_made(subject: Subject, name: str, hook: str) -> Location:
    """The definition that makes the column of that name in calls of a hook.

    A name that is assigned to (``frame["x"] = ...``) counts before one passed to a call, that
    before a key of a mapping, and all before a pattern that fits it (``f"x_{n}"``).

    Returns:
        the hook where no line tells; the engine then places the finding at what it enters.
    """
    entered = units_entered(subject, hook)
    reached = {unit.path for unit in entered.values()}
    classes = {_around(key) for key in entered} - {""}
    code = code_of(subject.source)
    audited = {file.file.path for file in code.subsystem}
    best: tuple[int, Location] | None = None
    for path in sorted(reached, key=lambda p: (p not in audited, p)):
        file = code.files.get(path)
        if file is None or file.file.tree is None or _is_test(path):
            continue
        for rank, node, value in _mentions(file.file.tree, name):
            owner = _owner(file, node.lineno)
            far = FAR * (path not in audited)
            if owner.key not in entered:
                if path in audited and owner.kind in ("module", "class"):
                    pass
                elif _around(owner.key) in classes:
                    far += BESIDE
                else:
                    continue
            if best is None or rank + far < best[0]:
                best = rank + far, _location(file, owner, node, value, entered)
    return best[1] if best else subject.where(hook)


def _around(key: str) -> str:
    """The class that a method stands in; '' for a function."""
    path, _, name = key.partition("::")
    return f"{path}::{name.partition('.')[0]}" if "." in name else ""


def _location(
    file: FileUnits, owner: Unit, node: ast.expr, value: ast.expr | None, entered: dict[str, Unit]
) -> Location:
    """The line of the name; of ``{"x": make_x}``, the function, where it was entered."""
    path = file.file.path
    maker = entered.get(f"{path}::{value.id}") if isinstance(value, ast.Name) else None
    if maker is not None:
        return Location(path, line=definition_line(maker), symbol=maker.name)
    return Location(path, line=node.lineno, symbol="" if owner.name == MODULE else owner.name)


def _owner(file: FileUnits, line: int) -> Unit:
    return file.units[file.owners[line - 1]] if line <= len(file.owners) else file.units[0]


def _is_test(path: str) -> bool:
    parts = path.split("/")
    return "tests" in parts or parts[-1].startswith("test_")


def _mentions(tree: ast.Module, name: str) -> Iterator[Mention]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
            yield from _named(0, node.slice, name, at=node)
        elif isinstance(node, ast.Call):
            for argument in node.args:
                yield from _named(1, argument, name)
            for keyword in node.keywords:
                if keyword.arg == name:
                    yield 1, keyword.value, None
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if key is not None:
                    yield from _named(2, key, name, value=value)


def _named(
    rank: int,
    node: ast.expr,
    name: str,
    *,
    at: ast.expr | None = None,
    value: ast.expr | None = None,
) -> Iterator[Mention]:
    if isinstance(node, ast.Constant) and node.value == name:
        yield rank, at or node, value
    elif isinstance(node, ast.JoinedStr) and _fits(node, name):
        yield rank + 3, at or node, value


def _fits(node: ast.JoinedStr, name: str) -> bool:
    """True where an f-string can make the name, and says enough of it by itself."""
    texts = [str(p.value) if isinstance(p, ast.Constant) else None for p in node.values]
    if sum(c.isalpha() for part in texts if part for c in part) < _LETTERS:
        return False
    return bool(re.fullmatch("".join(".+" if p is None else re.escape(p) for p in texts), name))
