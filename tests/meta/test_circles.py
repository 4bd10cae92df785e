"""No module imports itself over others; what is imported for types alone does not count."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import audit_lib

ROOT = Path(audit_lib.__file__).parent


def _modules() -> dict[str, Path]:
    found = {}
    for file in ROOT.rglob("*.py"):
        name = ".".join(("audit_lib", *file.relative_to(ROOT).with_suffix("").parts))
        found[name.removesuffix(".__init__")] = file
    return found


def _imports(name: str, file: Path, known: dict[str, Path]) -> set[str]:
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found, waiting = set(), [ast.parse(file.read_text("utf-8"))]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(part for part in (up, node.module) if part)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found.add(inner if inner in known else base)
    return {module for module in found if module in known and module != name}


def _circle(known: dict[str, Path]) -> list[str]:
    """Modules of one circle, in order; none where there is none."""
    try:
        TopologicalSorter({n: _imports(n, f, known) for n, f in known.items()}).prepare()
    except CycleError as circle:
        return circle.args[1]
    return []


def test_no_module_imports_itself_over_others():
    assert _circle(_modules()) == []


def test_a_circle_is_seen_and_one_of_types_is_none(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "a.py").write_text("def late():\n    from .b import x\n")
    (tmp_path / "b.py").write_text("from made import a\nx = 1\n")
    known = {"made": tmp_path / "__init__.py"}
    known |= {f"made.{n}": tmp_path / f"{n}.py" for n in "ab"}
    assert set(_circle(known)) == {"made.a", "made.b"}
    (tmp_path / "a.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .b import x\n"
    )
    assert _circle(known) == []
