"""Have mypy find the standard library read: without its cache each run reads that anew."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from audit_lib.probes.code.types import type_checker

_COMMON = "abc collections dataclasses datetime enum functools json logging os pathlib typing"
_run = type_checker._run


@cache
def _read_already() -> Path:
    """A cache of mypy's that holds the standard library; made once a session."""
    place = Path(tempfile.mkdtemp(prefix="types-seed-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    (place / "every.py").write_text("".join(f"import {name}\n" for name in _COMMON.split()))
    (place / "files").write_text(str(place / "every.py"))
    settings = type_checker._SETTINGS.format(bases=place, nowhere="cache")
    (place / "settings.ini").write_text(settings)
    _run(place, 120)
    return place / "cache"


def run(place: Path, seconds: float) -> str:
    """What mypy says, with a copy of that cache, so that no two runs know of each other."""
    shutil.copytree(_read_already(), place / "cache")
    settings = place / "settings.ini"
    text = settings.read_text().replace(f"cache_dir = {os.devnull}", "cache_dir = cache")
    settings.write_text(text)
    return _run(place, seconds)


def install() -> None:
    """For all tests of this process."""
    type_checker._run = run
