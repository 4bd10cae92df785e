"""Faults of source and artifacts, planted in copies."""

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from audit_lib.faults.base import Copy, Spared, file_fault
from audit_lib.files import ANY, read_whole, read_words
from audit_lib.model import Contract

CHECKPOINT = Contract.CHECKPOINT


def _edit(file: Path | None, change: Callable[[Any], Any]) -> None:
    if file is None or file.suffix != ".json" or not file.is_file():
        raise Spared("no JSON file to edit")
    data = json.loads(read_words(file))
    file.write_text(json.dumps(change(data), indent=1), encoding="utf-8")


def _one(copy: Copy) -> Path:
    """A file of the version that is not its metadata."""
    files = (p for p in sorted(copy.folder.rglob("*")) if p.is_file() and p != copy.metadata)
    chosen = [p for p in files if p.stat().st_size > 0]
    if not chosen:
        raise Spared("the version has no file beside its metadata")
    return chosen[int(copy.rng.integers(len(chosen)))]


@file_fault(CHECKPOINT, "CHK002", "CHK102", least="one byte")
def an_artifact_is_tampered_with(copy: Copy) -> None:
    """One byte of a stored file is changed."""
    file = _one(copy)
    data = bytearray(read_whole(file, most=ANY))
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


@file_fault(CHECKPOINT, "CHK002", "CHK003", "CHK001", least="one file")
def an_artifact_is_gone(copy: Copy) -> None:
    """A stored file is gone."""
    _one(copy).unlink()


@file_fault(CHECKPOINT, "CHK002", "CHK007", least="one file")
def a_stray_file_is_stored(copy: Copy) -> None:
    """A file that nobody recorded stands among the version's."""
    (copy.folder / "stray_model.pkl").write_bytes(b"\x80\x04N.")


@file_fault(Contract.SECURITY, "SEC001", least="one pickle")
def an_artifact_runs_code(copy: Copy) -> None:
    """A stored pickle runs a command when it is loaded."""
    (copy.folder / "extra.pkl").write_bytes(b"cos\nsystem\n(S'true'\ntR.")


@file_fault(CHECKPOINT, "CHK001", "CHK004", "CHK006", "FEA001", least="one column")
def recorded_columns_lack_one(copy: Copy) -> None:
    """The metadata lists one column less."""
    _edit(copy.metadata, lambda data: _in_lists(data, lambda names: names[:-1]))


@file_fault(CHECKPOINT, "CHK006", "FEA001", "CHK004", least="two columns")
def recorded_columns_are_in_another_order(copy: Copy) -> None:
    """The metadata lists two columns in another order."""
    _edit(copy.metadata, lambda data: _in_lists(data, lambda n: [n[1], n[0], *n[2:]]))


def _in_lists(data: Any, change: Callable[[list[str]], list[str]]) -> Any:
    """Change the longest list of names at the top of the metadata."""
    lists = {
        k: v
        for k, v in data.items()
        if isinstance(v, list) and len(v) > 2 and all(isinstance(n, str) for n in v)
    }
    if not lists:
        raise Spared("the metadata lists no columns")
    key = max(lists, key=lambda k: len(lists[k]))
    return {**data, key: change(lists[key])}


@file_fault(CHECKPOINT, "CHK001", "CHK004", least="one field")
def metadata_loses_its_dimension(copy: Copy) -> None:
    """The metadata does not say how many inputs the model takes."""

    def change(data: Any) -> Any:
        if "input_dim" not in data:
            raise Spared("the metadata has no input_dim")
        return {k: v for k, v in data.items() if k != "input_dim"}

    _edit(copy.metadata, change)


@file_fault(CHECKPOINT, "CHK003", "VER002", "VER003", least="one pointer")
def latest_points_nowhere(copy: Copy) -> None:
    """The registry's latest is a version that nobody stored."""

    def change(data: Any) -> Any:
        if not isinstance(data, dict) or "latest" not in data:
            raise Spared("the registry has no pointer called latest")
        return {**data, "latest": "9999-99"}

    _edit(copy.registry, change)


@file_fault(CHECKPOINT, "CHK003", "VER003", "CHK007", least="one row")
def registry_loses_a_row(copy: Copy) -> None:
    """The registry does not list the version any more."""

    def change(data: Any) -> Any:
        versions = data.get("versions") if isinstance(data, dict) else None
        if isinstance(versions, list) and len(versions) > 1:
            return {**data, "versions": versions[:-1]}
        if isinstance(versions, dict) and len(versions) > 1:
            return {**data, "versions": dict(list(versions.items())[:-1])}
        raise Spared("the registry has no rows under versions")

    _edit(copy.registry, change)


# --- source -----------------------------------------------------------------------------------
def _sources(copy: Copy) -> list[Path]:
    files = sorted(p for p in copy.root.rglob("*.py") if "test" not in p.as_posix())
    if not files:
        raise Spared("no source")
    return files


@file_fault(Contract.BOUNDARY, "BND001", least="one symbol")
def an_imported_symbol_is_gone(copy: Copy) -> None:
    """A function that another module imports has another name."""
    files = _sources(copy)
    wanted = {
        (node.module.rpartition(".")[2], alias.name)
        for file in files
        for node in ast.walk(_parsed(file))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    for file in files:
        text = read_words(file)
        for node in _parsed(file).body:
            if isinstance(node, ast.FunctionDef) and (file.stem, node.name) in wanted:
                lines = text.splitlines(keepends=True)
                at = node.lineno - 1
                lines[at] = lines[at].replace(f"def {node.name}(", f"def {node.name}_renamed(", 1)
                file.write_text("".join(lines), encoding="utf-8")
                return
    raise Spared("no module imports a function of another by name")


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(read_whole(file))
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


@file_fault(Contract.LEDGER, "LED002", least="one file")
def a_file_does_not_parse(copy: Copy) -> None:
    """A file ends in the middle of a statement."""
    file = max(_sources(copy), key=lambda p: p.stat().st_size)
    file.write_text(read_words(file) + "\ndef broken(:\n", encoding="utf-8")
