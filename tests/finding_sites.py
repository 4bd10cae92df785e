"""What each check can find, read from its source: the calls that make its findings.

A site is a call of ``self.finding`` or ``self.departs`` in a method of the check or of a class
that it builds on.
Where that method is a helper that several calls share, each of those calls is a site.  A site is
named by its method and by the key, cause or words that it gives, with ``*`` for what is only known
at run time: no line number stands in the record of ``tests/golden/finding_keys.json``.
"""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType

from audit_lib.checks.base import Check


@dataclass(frozen=True)
class Site:
    """A call that makes a finding: its file, lines, and name."""

    file: str
    first: int
    last: int
    name: str


@cache
def sites_of(check: type[Check]) -> tuple[Site, ...]:
    """Everything that a check can find, in the order of its source."""
    calls: list[tuple[str, ast.FunctionDef, ast.Call]] = []
    methods: dict[str, tuple[str, ast.FunctionDef]] = {}
    for kind in check.__mro__:
        if issubclass(kind, Check) and kind is not Check:
            file = inspect.getfile(kind)
            for method in _class(file, kind.__name__).body:
                if isinstance(method, ast.FunctionDef) and method.name not in methods:
                    methods[method.name] = (file, method)
    for file, method in methods.values():
        calls += [(file, method, call) for call in _calls(method, "finding", "departs")]
    found = []
    for file, method, call in calls:
        shared = [
            (other, user, use)
            for other, user in methods.values()
            for use in _calls(user, method.name)
        ]
        found += shared if len(shared) > 1 else [(file, method, call)]
    unique = {(file, call.lineno, call.col_offset): (file, m, call) for file, m, call in found}
    named: dict[str, int] = {}
    sites = []
    for file, method, call in unique.values():
        name = f"{method.name} {_told(call)}".strip()
        named[name] = named.get(name, 0) + 1
        if named[name] > 1:
            name = f"{name} #{named[name]}"
        sites.append(Site(file, call.lineno, call.end_lineno or call.lineno, name))
    return tuple(sites)


def site_of(check: type[Check], frame: FrameType | None) -> str:
    """Name of the site that is running, seen from the caller of ``finding``; else nothing."""
    for _ in range(3):  # a helper, and what a comprehension or generator puts between
        if frame is None:
            break
        file, line = frame.f_code.co_filename, frame.f_lineno
        around = [s for s in sites_of(check) if s.file == file and s.first <= line <= s.last]
        if around:
            return min(around, key=lambda s: s.last - s.first).name
        frame = frame.f_back
    return ""


def calling() -> FrameType:
    """The frame that called the function that asks."""
    return sys._getframe(2)


@cache
def _tree(file: str) -> ast.Module:
    return ast.parse(Path(file).read_text(encoding="utf-8"))


def _class(file: str, name: str) -> ast.ClassDef:
    return next(n for n in ast.walk(_tree(file)) if isinstance(n, ast.ClassDef) and n.name == name)


def _calls(method: ast.FunctionDef, *names: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(method)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in names
        and ast.unparse(node.func.value) in ("self", "super()")
    ]


def _told(call: ast.Call) -> str:
    """Key, cause or first words of a call, as far as its source says them."""
    given = {word.arg: word.value for word in call.keywords}
    for word in ("key", "cause"):
        if word in given:
            return _pattern(given[word])
    texts = [a for a in call.args if _pattern(a).strip("* ")]
    return " ".join(_pattern(texts[0]).split()[:8]) if texts else ""


def _pattern(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_pattern(v) if isinstance(v, ast.Constant) else "*" for v in node.values)
    if isinstance(node, ast.IfExp):
        return f"{_pattern(node.body)} or {_pattern(node.orelse)}"
    return "*"
