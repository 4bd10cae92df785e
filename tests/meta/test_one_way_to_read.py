"""Files that somebody else wrote are read by ``audit_lib.files`` and by nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import audit_lib

ROOT = Path(audit_lib.__file__).parent
#: Modules that open files by ways of their own, and why they may.
OWN_WAYS = {
    "files.py": "the one way",
    "subject/artifacts/source.py": "the same for artifacts, hashed while they are read",
    "host/digest.py": "opens without following links, in threads",
    "host/warden.py": "reads what the kernel says of processes",
    "packets/html.py": "templates of this library",
    "scratch.py": "locks of its own, without following links or waiting",
    "packets/pdf.py": "templates of this library",
    "packets/keys.py": "writes a new key",
    "cli/app.py": "the null device",
    "execution/zygote.py": "the null device, and a log of its own",
    "execution/warm.py": "a log of its own",
    "execution/notebook.py": "a log of its own",
    "execution/publish.py": "a lock of its own",
}
READERS = {"read_text", "read_bytes"}
MODES = {"r", "rb", "w", "wb"}


def _reads(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _opens(node):
            yield node.lineno


def _opens(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return isinstance(call.func, ast.Name) and call.func.id == "open"
    owner, method = call.func.value, call.func.attr
    if method in READERS:
        return True
    modes = [a for a in call.args if isinstance(a, ast.Constant) and a.value in MODES]
    of_system = isinstance(owner, ast.Name) and owner.id in ("os", "io")
    return method == "open" and (of_system or bool(modes))


def test_no_module_reads_files_by_a_way_of_its_own() -> None:
    found = []
    for file in sorted(ROOT.rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        if path in OWN_WAYS or path.startswith(("reference_engine/", "host/child/")):
            continue
        found += [f"{path}:{line}" for line in _reads(ast.parse(file.read_text("utf-8")))]
    assert not found, f"use read_whole, read_words or opened of audit_lib.files: {found}"


def test_the_exceptions_exist() -> None:
    for path in OWN_WAYS:
        assert (ROOT / path).is_file(), path
