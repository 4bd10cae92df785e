"""Classes of the audited source that artifacts may name: rebuilding one runs nothing of theirs."""

import ast
from pathlib import PurePosixPath

from audit_lib.subject.source import SourceFile, SourceTree

#: what runs when an instance is built without arguments, given a state, or dropped
_RUNS = frozenset(
    ("__new__", "__setstate__", "__setattr__", "__del__", "__init_subclass__", "__class_getitem__")
)
#: bases that add nothing to that
_PLAIN_BASES = frozenset(("object", "ABC", "abc.ABC", "Generic", "typing.Generic", "Protocol"))


def plain_class(tree: SourceTree, name: str) -> bool:
    """Whether ``module.Class`` is a class of the source that runs nothing when it is rebuilt.

    Its bases must be plain themselves, and of the source as well: what a library's class does is
    for the allow-list to say.
    """
    module, _, member = name.rpartition(".")
    return bool(module) and _plain(tree, module, member, frozenset())


def _plain(tree: SourceTree, module: str, member: str, seen: frozenset[str]) -> bool:
    file = _file_of(tree, module)
    if file is None or file.tree is None or f"{module}.{member}" in seen:
        return False
    here = [n for n in file.tree.body if isinstance(n, ast.ClassDef) and n.name == member]
    if len(here) != 1 or here[0].keywords or not all(map(_dataclass, here[0].decorator_list)):
        return False
    defined = {
        name for node in here[0].body for name in (_defined(node)) if not isinstance(node, ast.Pass)
    }
    if defined & _RUNS:
        return False
    visited = seen | {f"{module}.{member}"}
    return all(_plain_base(tree, module, file, base, visited) for base in here[0].bases)


def _dataclass(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return ast.unparse(called) in ("dataclass", "dataclasses.dataclass")


def _plain_base(
    tree: SourceTree, module: str, file: SourceFile, base: ast.expr, seen: frozenset[str]
) -> bool:
    text = ast.unparse(base).split("[")[0]
    if text in _PLAIN_BASES:
        return True
    if "." in text:
        return False
    assert file.tree is not None
    for node in file.tree.body:
        if isinstance(node, ast.ImportFrom) and any(
            (a.asname or a.name) == text for a in node.names
        ):
            origin = next(a.name for a in node.names if (a.asname or a.name) == text)
            source = _absolute(module, node, is_package=file.path.endswith("__init__.py"))
            return _plain(tree, source, origin, seen)
    return _plain(tree, module, text, seen)


def _absolute(module: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    package = parts[: len(parts) - node.level + (1 if is_package else 0)]
    return ".".join([*package, *([node.module] if node.module else [])])


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [t.id for t in node.targets if isinstance(t, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _file_of(tree: SourceTree, module: str) -> SourceFile | None:
    """The one file of the source that is this module; None where none or several could be."""
    inner = module.replace(".", "/")
    tails = [f"{inner}.py", f"{inner}/__init__.py"]
    top, _, rest = inner.partition("/")
    if top == tree.root.name:  # the root is the package itself
        tails += [f"{rest}.py", f"{rest}/__init__.py"] if rest else ["__init__.py"]
    files = [
        file
        for path, file in tree.by_path.items()
        if path in tails or any(PurePosixPath(path).match(f"*/{tail}") for tail in tails[:2])
    ]
    return files[0] if len(files) == 1 else None
