"""What ruff says of files of the subject, which it reads and never runs.

The subject's own configuration is not used; the rules are those that tell of code that cannot run.
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
from audit_lib.subject.source import SourceFile

#: Names that nothing binds, locals read before they are bound, and texts that cannot be formatted.
RULES = ("F821", "F822", "F823", "F405", "F502", "F505", "F506", "F507", "F508", "F509", "F524")
#: Names that a host gives: IPython, gettext, line_profiler.
_GIVEN = ("get_ipython", "display", "_", "profile", "__class__", "reveal_type", "reveal_locals")


@dataclass(frozen=True)
class Said:
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


def lint(files: Sequence[SourceFile], *, seconds: float) -> list[Said]:
    """What ruff says of files; those that do not parse are left out.

    Raises:
        NotAssessed: ruff is not installed, takes too long, or gives up; the message says which.
    """
    if find_spec("ruff") is None:
        raise NotAssessed("ruff is not installed: pip install ruff")
    checked = {os.path.realpath(f.file): f.path for f in files if f.tree is not None}
    if not checked:
        return []
    with tempfile.TemporaryDirectory(prefix="lint-") as folder:
        names = Path(folder) / "files"
        names.write_text("\n".join(checked), encoding="utf-8")
        return list(_read(_run(folder, seconds), checked))


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


def _read(said: str, paths: dict[str, str]) -> Iterator[Said]:
    for told in json.loads(said or "[]"):
        path, place = paths.get(os.path.realpath(told["filename"])), told["location"]
        if path is not None and told.get("code") in RULES:
            yield Said(path, place["row"], place["column"], told["code"], told["message"])
