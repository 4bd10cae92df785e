"""What mypy says of files of the subject, which it reads and never runs.

The subject's own configuration is not used, since plugins named there are code that would run;
installed packages are not looked at, so what libraries return is untyped.  It is asked once for all
checks, of every file that the subsystem touches.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from audit_lib.errors import NotAssessed
from audit_lib.subject.code import code_of
from audit_lib.subject.source import SourceFile, SourceTree

#: Written for the run; nothing of the subject's settings enters.
_SETTINGS = """\
[mypy]
check_untyped_defs = true
explicit_package_bases = true
follow_imports = silent
ignore_missing_imports = true
implicit_optional = true
no_site_packages = true
disable_error_code = import-untyped, import-not-found
enable_error_code = possibly-undefined
mypy_path = {bases}
cache_dir = {nowhere}
"""


@dataclass(frozen=True)
class Diagnostic:
    """One error that mypy reports.

    Attributes:
        path, line: where, relative to the root.
        column: of the expression, from 0, in characters.
        code: mypy's error code.
        text: its message.
    """

    path: str
    line: int
    column: int
    code: str
    text: str


def type_errors(tree: SourceTree, *, seconds: float) -> list[Diagnostic]:
    """Errors that mypy reports for the subsystem, what imports it, and what it imports.

    Args:
        tree: the source; its answer is kept with it.
        seconds: how long it may take.

    Raises:
        NotAssessed: mypy is not installed, takes too long, or gives up; the message says which.
    """
    if find_spec("mypy") is None:
        raise NotAssessed("mypy is not installed: pip install 'model-audit-workbook[types]'")
    code = code_of(tree)
    files = [tree.by_path[p] for p in sorted(code.connected)]
    return code.once("types", lambda: _ask(tree, files, seconds))


def _ask(tree: SourceTree, files: Sequence[SourceFile], seconds: float) -> list[Diagnostic]:
    checked = [f for f in files if f.tree is not None]
    if not checked:
        raise NotAssessed("no file under audit parses")
    with tempfile.TemporaryDirectory(prefix="types-") as folder:
        place = Path(folder)
        root = _root(tree, place)
        settings = place / "settings.ini"
        bases = _bases(tree, place)
        settings.write_text(
            _SETTINGS.format(bases=os.pathsep.join(bases), nowhere=os.devnull), encoding="utf-8"
        )
        names = place / "files"
        names.write_text("\n".join(str(root / f.path) for f in checked), encoding="utf-8")
        output = _run(place, seconds)
        paths = {str(root / f.path): f.path for f in checked}
        return list(_read(output, place, paths))


def _root(tree: SourceTree, place: Path) -> Path:
    """The root under the name that the package has; a checkout may be called anything."""
    package = code_of(tree).index.package
    if not package:
        return tree.root.resolve()
    link = place / "bases" / Path(*package.split("."))
    link.parent.mkdir(parents=True)
    link.symlink_to(tree.root.resolve(), target_is_directory=True)
    return link


def _bases(tree: SourceTree, place: Path) -> list[str]:
    index = code_of(tree).index
    if index.package:
        return [str(place / "bases")]
    root = tree.root.resolve()
    # A folder of a package is a place to import from as well, which mypy takes for a second one.
    bases = (b for b in index.search_roots if b == "" or not index.within_package(b))
    return [str(root / base) for base in bases]


def _run(place: Path, seconds: float) -> str:
    # -I: neither the working folder nor the environment decides which mypy this is.
    command = [sys.executable, "-I", "-m", "mypy", "--config-file", "settings.ini"]
    command += ["--output", "json", "--no-error-summary", "@files"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("MYPY", "PYTHON"))}
    try:
        done = subprocess.run(
            command, cwd=place, env=clean, capture_output=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotAssessed(f"mypy did not end within {seconds:g} s") from None
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode not in (0, 1):
        words = (done.stderr.decode("utf-8", "replace") or output).strip().splitlines()
        raise NotAssessed(f"mypy gave up: {_plain(words[-1], place) if words else 'no word'}")
    return output


def _plain(line: str, place: Path) -> str:
    """A line of mypy's without the folder that it ran in."""
    try:
        entry = json.loads(line)
        line = f"{entry['file']}:{entry['line']}: {entry['message']}"
    except (ValueError, TypeError, KeyError):
        pass
    return line.replace(f"{place}/bases/", "").replace(f"{place}/", "")


def _read(output: str, place: Path, paths: dict[str, str]) -> Iterator[Diagnostic]:
    for line in output.splitlines():
        try:
            entry = json.loads(line)
            path = paths.get(os.path.join(place, entry["file"]), "")
            error = Diagnostic(
                path, int(entry["line"]), int(entry["column"]), str(entry["code"]), entry["message"]
            )
        except (ValueError, TypeError, KeyError):
            continue
        if path and entry.get("severity") == "error":
            yield error
