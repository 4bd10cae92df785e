"""How a child is started: its command line, its environment, its configuration."""

import json
import os
import shutil
import site
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audit_lib.host.child import landlock

LIBRARY = Path(__file__).resolve().parents[1]
CHILD = Path(__file__).resolve().parent / "child"

#: Loads the child package by location: neither our folder nor the current one gets on sys.path.
_BOOT = """\
import sys
sys.path[:] = [p for p in sys.path if p]
from importlib import import_module, util
name, folder, entry, config = "_audit_host_child", *sys.argv[1:]
spec = util.spec_from_file_location(name, folder + "/__init__.py",
                                    submodule_search_locations=[folder])
sys.modules[name] = module = util.module_from_spec(spec)
spec.loader.exec_module(module)
import_module(name + "." + entry).run(config)
"""
#: Variables of the judge that a child may see; the others may hold secrets.
_PASSED = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
#: One thread each: an OpenMP or BLAS pool would make the template unsafe to fork.
_SINGLE = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def bubblewrap() -> str | None:
    """Path of the ``bwrap`` program, if there is one."""
    return shutil.which("bwrap")


def environment(
    scratch: Path, interpreter: Path | None, extra: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Variables of the child; nothing of the judge's that is not listed."""
    chosen = {name: os.environ[name] for name in _PASSED if name in os.environ}
    if interpreter is None:
        if path := os.environ.get("PYTHONPATH"):
            chosen["PYTHONPATH"] = path
        if site.ENABLE_USER_SITE:
            chosen["PYTHONUSERBASE"] = site.getuserbase()
    else:
        chosen["PYTHONNOUSERSITE"] = "1"
    chosen |= dict.fromkeys(_SINGLE, "1")
    chosen |= {
        "HOME": str(scratch),
        "TMPDIR": str(scratch),
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(scratch / "matplotlib"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return chosen | dict(extra or {})


def command(level: str, python: str, entry: str, config: Mapping[str, Any]) -> list[str]:
    """Command line of a child at an isolation level (by its label)."""
    inner = [python, "-c", _BOOT, str(CHILD), entry, json.dumps(config)]
    if level != "bubblewrap":
        return inner
    scratch = str(config["scratch"])
    arguments = [bubblewrap() or "bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    arguments += ["--cap-drop", "ALL", *_mounts(config), "--dev", "/dev", "--proc", "/proc"]
    # What stays in /dev/shm would reach the next call; root may write settings and memory in /proc.
    arguments += ["--remount-ro", "/dev", "--remount-ro", "/proc"]
    for path in config["readable"]:
        if path.startswith("/dev/shm/"):  # hidden by the new /dev
            arguments += ["--ro-bind", path, path]
    arguments += ["--bind", scratch, scratch, "--remount-ro", "/"]
    return [*arguments, "--chdir", scratch, "--", *inner]


def _mounts(config: Mapping[str, Any]) -> Sequence[str]:
    """All of the file system where Landlock closes it within, else what is readable alone."""
    if config["landlock"] and landlock.abi():
        return ("--ro-bind", "/", "/")
    words: list[str] = []
    held: tuple[str, ...] = ("/dev/", "/proc/")  # of the sandbox's own
    for path in sorted(config["readable"]):
        inside = os.path.join(path, "")
        if not inside.startswith(held):
            held += (inside,)
            words += ["--ro-bind", path, path]
    return words


def protected() -> list[int]:
    """Processes that a child sharing our process ids may not signal."""
    return sorted({os.getpid(), os.getpgrp()} - {1})
