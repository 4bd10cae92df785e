"""Terminals and pages receive text through one door, which cleans it."""

from __future__ import annotations

import ast
from pathlib import Path

import audit_lib

ROOT = Path(audit_lib.__file__).parent
#: Where the door is, and what shows nothing of a subject.
DOORS = {
    "cli/output.py": "echo, emit",
    "reporters/screen.py": "Screen",
    "workbook/display.py": "escaped",
    "workbook/book.py": "prints a Note, which is clean",
}
SHUT = {
    ("click", "echo"): "echo of audit_lib.cli.output",
    ("click", "secho"): "echo of audit_lib.cli.output",
    ("html", "escape"): "escaped of audit_lib.workbook.display",
}


def _departures(tree: ast.Module) -> list[str]:
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            better = SHUT.get((called.value.id, called.attr))
            if better:
                found.append(f"{node.lineno}: use {better}")
        elif isinstance(called, ast.Name) and called.id in ("print", "Console"):
            found.append(f"{node.lineno}: use echo or Screen, not {called.id}")
    return found


def test_nothing_is_shown_by_another_way() -> None:
    found = []
    for file in sorted(ROOT.rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        if path not in DOORS and not path.startswith(("reference_engine/", "host/child/")):
            tree = ast.parse(file.read_text("utf-8"))
            found += [f"{path}:{departure}" for departure in _departures(tree)]
    assert not found, found
