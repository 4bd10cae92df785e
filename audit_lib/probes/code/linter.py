"""What ruff says of files of the subject, which it reads and never runs.

The subject's own configuration is not used; the rules are those that tell of code that cannot run.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from audit_lib.errors import NotAssessed
from audit_lib.subject.source import SourceFile

#: Names that nothing binds, locals read before they are bound, and texts that cannot be formatted.
RULES = ("F821", "F822", "F823", "F405", "F502", "F505", "F506", "F507", "F508", "F509", "F524")
#: Names that a host gives: IPython, gettext, line_profiler.
_GIVEN = ("get_ipython", "display", "_", "profile", "__class__", "reveal_type", "reveal_locals")


@dataclass(frozen=True)
class Diagnostic:
    """One departure that ruff reports.

    Attributes:
        path: relative to the root.
        line, column: where, both from 1; columns in characters.
        rule: ruff's code.
        text: its message.
    """

    path: str
    line: int
    column: int
    rule: str
    text: str


def lint(files: Sequence[SourceFile], *, seconds: float) -> list[Diagnostic]:
    """What ruff says of files; those that do not parse are left out.

    Raises:
        NotAssessed: ruff is not installed, takes too long, or gives up; the message says which.
    """
    return [
        Diagnostic(
            path, entry["location"]["row"], entry["location"]["column"], rule, entry["message"]
        )
        for path, entry in _output([f for f in files if f.tree is not None], seconds)
        if (rule := entry.get("code")) in RULES
    ]


def newer(files: Sequence[SourceFile], *, seconds: float) -> dict[str, tuple[int, int]]:
    """The Python that each of these files needs, of those that only a newer one parses.

    Raises:
        NotAssessed: see :func:`lint`.
    """
    needs: dict[str, tuple[int, int]] = {}
    broken = set()
    for path, entry in _output(files, seconds):
        if entry.get("code") in (None, "invalid-syntax"):
            since = re.search(r"added in Python (\d+)\.(\d+)", entry["message"])
            if since is None:
                broken.add(path)
            else:
                version = (int(since[1]), int(since[2]))
                needs[path] = max(needs.get(path, version), version)
    return {path: version for path, version in needs.items() if path not in broken}


def _output(files: Sequence[SourceFile], seconds: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """What ruff tells, each with the path of its file."""
    if find_spec("ruff") is None:
        raise NotAssessed("ruff is not installed: pip install ruff")
    # What is no file of bytes, a pipe or a device say, might never end.
    checked = {os.path.realpath(f.file): f.path for f in files if f.file.is_file()}
    if not checked:
        return
    with tempfile.TemporaryDirectory(prefix="lint-") as folder:
        names = Path(folder) / "files"
        names.write_text("\n".join(checked), encoding="utf-8")
        output = _run(folder, seconds)
    for entry in json.loads(output or "[]"):
        path = checked.get(os.path.realpath(entry["filename"]))
        if path is not None:
            yield path, entry


def _run(folder: str, seconds: float) -> str:
    # -I: neither the working folder nor the environment decides which ruff this is.
    command = [sys.executable, "-I", "-m", "ruff", "check", "--isolated", "--no-cache"]
    command += ["--quiet", "--exit-zero", "--output-format", "json", "--target-version", "py311"]
    command += ["--select", ",".join(RULES), "--config", f"builtins = {json.dumps(_GIVEN)}"]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("RUFF", "PYTHON"))}
    try:
        done = subprocess.run(
            [*command, "@files"],
            cwd=folder,
            env=clean,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotAssessed(f"ruff did not end within {seconds:g} s") from None
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise NotAssessed(f"ruff gave up: {words[-1] if words else 'no word'}")
    return done.stdout.decode("utf-8", "replace")
