"""Reading under watch: anything that runs, writes, connects or unpickles is a failure."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit_lib.subject.artifacts import Artifact, Budget, read_artifact

FORBIDDEN = (
    "pickle.find_class",
    "os.system",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.spawn",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.chmod",
    "os.truncate",
    "subprocess.Popen",
    "socket.__new__",
    "socket.connect",
    "ctypes.dlopen",
    "shutil.rmtree",
    "code.__new__",
    "function.__new__",
)
_watching: list[list[str]] = []


def _hook(event: str, args: tuple[object, ...]) -> None:
    if not _watching:
        return
    writes = event == "open" and isinstance(args[1], str) and set("wax+") & set(args[1])
    if event in FORBIDDEN or writes:
        _watching[-1].append(f"{event} {args!r}"[:200])


sys.addaudithook(_hook)


@contextmanager
def watched() -> Iterator[None]:
    """Fail if something forbidden happens meanwhile."""
    seen: list[str] = []
    _watching.append(seen)
    try:
        yield
    finally:
        _watching.pop()
    assert not seen, f"reading did more than read: {seen}"


def read(path: Path, **options: object) -> Artifact:
    """Read an artifact under watch."""
    with watched():
        artifact = read_artifact(path, **options)  # type: ignore[arg-type]
    assert not any("reader failed" in problem for problem in artifact.problems)
    return artifact


def read_bytes(folder: Path, content: bytes, name: str = "artifact", **options: object) -> Artifact:
    """Write bytes to a file and read it under watch."""
    path = folder / name
    path.write_bytes(content)
    return read(path, **options)


SMALL = Budget(unpacked_bytes=8 << 20, opcodes=200_000)
