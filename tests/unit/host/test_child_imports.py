"""The child is run by the subject's interpreter, which may be older and has little installed."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import audit_lib.hooks
from audit_lib.host import launch

FILES = [*sorted(launch.CHILD.glob("*.py")), Path(audit_lib.hooks.__file__)]
OLDEST = (3, 9)
#: Added to ``typing`` since; harmless where only a type checker reads them.
NEW_IN_TYPING = {
    *("Concatenate", "LiteralString", "Never", "NotRequired", "ParamSpec"),
    *("ReadOnly", "Required", "Self", "TypeAlias", "TypeGuard", "TypeIs", "TypeVarTuple", "Unpack"),
    *("assert_never", "assert_type", "dataclass_transform", "override", "reveal_type"),
}
ALLOWED = {"numpy", "pandas", "audit_lib"} | set(sys.stdlib_module_names)


def read_by_type_checkers_only(tree: ast.Module) -> set[ast.AST]:
    guards = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {inner for guard in guards for inner in ast.walk(guard)}


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_the_oldest_python_can_run_it(file: Path) -> None:
    tree = ast.parse(file.read_text(), feature_version=OLDEST)
    unread = read_by_type_checkers_only(tree)
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Match)
        if isinstance(node, ast.ImportFrom) and node.module == "typing" and node not in unread:
            new = {alias.name for alias in node.names} & NEW_IN_TYPING
            assert not new, f"{', '.join(new)}: import it under TYPE_CHECKING"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_nothing_but_numpy_and_pandas_is_asked_of_it(file: Path) -> None:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            assert {alias.name.split(".")[0] for alias in node.names} <= ALLOWED
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            assert str(node.module).split(".")[0] in ALLOWED - {"audit_lib"}
