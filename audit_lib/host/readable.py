"""What hooks may read: the subject, its environment, the system's programs, and what is named.

Everything else of the machine is closed to them where the level can do it: home folders, mounted
data, keys, temporary files of others.  Places are listed, never guessed from what fails.
"""

import json
import os
import re
import site
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from audit_lib.files import read_words

#: the key of subject.yaml that opens more
KEY = "environment.reads"
#: programs, libraries, time zones and fonts of the system, and what the kernel tells
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"),
    *("/proc", "/sys", "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"),
    *("/var/cache/fontconfig", "/run/opengl-driver", "/run/current-system/sw"),
)
#: settings of the system that libraries look up; no keys, no passwords
_SETTINGS = (
    *("alternatives", "fonts", "host.conf", "hosts", "ld.so.cache", "ld.so.conf", "ld.so.conf.d"),
    *("ld.so.preload", "locale.alias", "locale.conf", "localtime", "lsb-release", "machine-id"),
    *("magic", "mime.types", "nsswitch.conf", "os-release", "passwd", "group", "protocols"),
    *("services", "timezone", "OpenCL", "vulkan", "R", "ssl/certs", "ssl/openssl.cnf"),
    *("pki/tls/certs", "pki/tls/openssl.cnf", "crypto-policies", "debian_version"),
    *("redhat-release", "resolv.conf", "gai.conf", "inputrc", "terminfo"),
)
_OF_AN_INSTALLATION = ("bin", "lib", "lib64", "libexec", "include", "ssl", "Frameworks")
_ASKED = "import sys; print(sys.base_prefix, sys.base_exec_prefix, sys.executable, sep='\\n')"
_PATHS = re.compile(r"(?:^|(?<=[\s'\"(=:]))/[^\s'\"():;,]+")


def readable(python: str, own: Iterable[Path | str]) -> list[str]:
    """Files and folders that hooks may read, as they are named and as they really lie.

    Args:
        python: the interpreter that runs them.
        own: the subject's places, scratch, and what its parameters name.
    """
    named = [*_SYSTEM, *(f"/etc/{name}" for name in _SETTINGS), *_environment(python), *own]
    paths = {place for path in map(str, named) for place in (path, os.path.realpath(path))}
    return sorted(path for path in paths if os.path.isabs(path) and os.path.exists(path))


def checkout(root: Path) -> list[Path]:
    """The repository that a source root belongs to, with git's own folder; the root at least."""
    real = root.resolve()
    for folder in (real, *real.parents):
        marker = folder / ".git"
        if not _modest(folder):
            break
        if marker.exists():
            return [root, folder, *_elsewhere(marker)]
    return [root]


def _elsewhere(marker: Path) -> list[Path]:
    """Where a worktree or submodule keeps what git knows."""
    if not marker.is_file():
        return []
    with suppress(OSError, ValueError):
        _, _, path = read_words(marker).partition("gitdir:")
        folder = (marker.parent / path.strip()).resolve()
        top = folder.parent.parent if folder.parent.name == "worktrees" else folder
        return [top] if _modest(top) else []
    return []


def _modest(folder: Path) -> bool:
    """True for a folder that is not all of somebody's home, or of the machine."""
    home = Path(os.path.expanduser("~")).resolve()
    return folder.parent != folder and not home.is_relative_to(folder)


def _environment(python: str) -> Iterator[str]:
    """The interpreter with its libraries, and packages that are installed from where they lie."""
    prefixes = [*_prefixes(python)]
    yield from (os.path.realpath(python), *prefixes)
    sites = [s for prefix in prefixes for s in Path(prefix).glob("lib*/python3*/site-packages")]
    sites += [s for prefix in prefixes if (s := Path(prefix)).name.startswith("python3")]
    if python == sys.executable:
        sites += [Path(folder) for folder in (*site.getsitepackages(), site.getusersitepackages())]
        yield from _listed("PYTHONPATH")
    yield from _listed("LD_LIBRARY_PATH")
    for folder in sites:
        yield str(folder)
        yield from (str(p) for p in _in_place(folder) if _modest(p))


def _listed(variable: str) -> Iterator[str]:
    """Folders of a variable; an empty or relative part would be wherever we were started."""
    yield from filter(os.path.isabs, os.environ.get(variable, "").split(os.pathsep))


def _prefixes(python: str) -> Iterator[str]:
    virtual = Path(python).parent.parent
    if (virtual / "pyvenv.cfg").is_file():
        yield str(virtual)
    for prefix in _bases(python):
        if (Path(prefix) / "conda-meta").is_dir():
            yield prefix
        else:
            yield from (os.path.join(prefix, name) for name in _OF_AN_INSTALLATION)


@cache
def _bases(python: str) -> tuple[str, ...]:
    """Where the installation lies that an interpreter belongs to; asked without its packages."""
    if python == sys.executable:
        return (sys.base_prefix, sys.base_exec_prefix)
    real = os.path.dirname(os.path.dirname(os.path.realpath(python)))
    command = [python, "-I", "-S", "-c", _ASKED]
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
        base, exact, binary = done.stdout.split("\n")[:3]
        return (base, exact, os.path.dirname(os.path.dirname(binary)), real)
    return (real,)


def _in_place(folder: Path) -> Iterator[Path]:
    """Folders outside that a folder of packages refers to, and packages that are links."""
    with suppress(OSError):
        yield from (Path(e).resolve() for e in os.scandir(folder) if e.is_symlink())
    for record in folder.glob("*.dist-info/direct_url.json"):
        with suppress(OSError, ValueError, TypeError, AttributeError):
            origin = json.loads(read_words(record))
            if origin.get("dir_info", {}).get("editable"):
                yield Path(unquote(urlsplit(origin["url"]).path)).resolve()
    for file in folder.glob("*.pth"):
        with suppress(OSError, ValueError):
            for line in read_words(file).splitlines():
                place = folder / line.strip()
                if line.strip() and not line.startswith(("#", "import")) and place.is_dir():
                    yield place.resolve()


class Closed:
    """Paths that hooks asked for and that are closed to them."""

    def __init__(self, places: Iterable[str]) -> None:
        """Know what they may read."""
        self._places = tuple(os.path.join(place, "") for place in places)
        self.asked: dict[str, set[str]] = {}
        self._last: list[str] = []

    def take(self, hook: str, told: Any) -> None:
        """Take note of what a child says that a call asked for; it may be garbage."""
        named = [p for p in told if isinstance(p, str)] if isinstance(told, list) else []
        self._last = self._outside(named)
        for path in self._last:
            self.asked.setdefault(path, set()).add(hook)

    def hint(self, message: str) -> str:
        """What to write in subject.yaml where the last call failed for a closed path, else ''."""
        named = (p.rstrip(".") for p in _PATHS.findall(message))
        # Whoever imports looks at the folders above the source; that keeps nothing from it.
        last = [p for p in self._last if not any(o.startswith(p + os.sep) for o in self._places)]
        paths = [*self._outside(named), *last]
        if not paths:
            return ""
        return (
            f" ({paths[0]} is closed to hooks; if it belongs to the subject, name it, or its "
            f"folder, under {KEY} in subject.yaml)"
        )

    def _outside(self, paths: Iterable[str]) -> list[str]:
        outside: list[str] = []
        for path in dict.fromkeys(paths if self._places else ()):
            with suppress(OSError, ValueError):
                real = os.path.realpath(path)
                if os.path.lexists(real) and not (real + os.sep).startswith(self._places):
                    outside.append(real)
        return outside
