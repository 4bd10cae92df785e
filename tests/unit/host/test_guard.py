"""The audit hook lets reading pass and refuses changes outside scratch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from audit_lib.host.child.guard import Guard, OutsideScratchError


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "subject").mkdir()
    (tmp_path / "subject" / "file").write_text("x")
    (tmp_path / "scratch" / "out").symlink_to(tmp_path / "subject")
    return tmp_path


@pytest.fixture
def guard(place: Path) -> Guard:
    return Guard(str(place / "scratch"), (4242,))


W, R = os.O_WRONLY | os.O_CREAT, os.O_RDONLY
REFUSED: dict[str, tuple[str, tuple[Any, ...]]] = {
    "write": ("open", ("{subject}/file", "w", W)),
    "append": ("open", ("{subject}/file", "a", os.O_WRONLY | os.O_APPEND)),
    "truncate while reading": ("open", ("{subject}/file", None, os.O_RDONLY | os.O_TRUNC)),
    "through a link in scratch": ("open", ("{scratch}/out/file", "w", W)),
    "remove through a link": ("os.remove", ("{scratch}/out/file", -1)),
    "name with dots": ("os.mkdir", ("{scratch}/..", 0o777, -1)),
    "through dots": ("open", ("{scratch}/../subject/file", "w", W)),
    "bytes": ("open", (b"/etc/x", "w", W)),
    "relative os.open": ("open", ("file", None, W)),
    "a folder beside scratch": ("open", ("{scratch}-2/file", "w", W)),
    "remove": ("os.remove", ("{subject}/file", -1)),
    "rename out": ("os.rename", ("{scratch}/a", "{subject}/b", -1, -1)),
    "rename in": ("os.rename", ("{subject}/file", "{scratch}/b", -1, -1)),
    "hard link in": ("os.link", ("{subject}/file", "{scratch}/b", -1, -1)),
    "symlink": ("os.symlink", ("x", "{subject}/b", -1)),
    "mkdir": ("os.mkdir", ("{subject}/d", 0o777, -1)),
    "chmod": ("os.chmod", ("{subject}/file", 0o777, -1)),
    "utime": ("os.utime", ("{subject}/file", None, None, -1)),
    "truncate": ("os.truncate", ("{subject}/file", 0)),
    "connect": ("socket.connect", (None, ("127.0.0.1", 80))),
    "datagram": ("socket.sendto", (None, ("127.0.0.1", 80))),
    "look up": ("socket.getaddrinfo", ("host", 80, 0, 0, 0)),
    "program": ("subprocess.Popen", ("touch", ["touch"], None, None)),
    "shell": ("os.system", (b"touch x",)),
    "exec": ("os.exec", ("touch", [], None)),
    "database": ("sqlite3.connect", ("{subject}/db",)),
    "database by URI": ("sqlite3.connect", ("file:{subject}/db?mode=rwc",)),
    "signal the judge": ("os.kill", (4242, 9)),
    "signal everyone": ("os.kill", (-1, 9)),
    "signal its group": ("os.killpg", (4242, 9)),
}
ALLOWED: dict[str, tuple[str, tuple[Any, ...]]] = {
    "read": ("open", ("{subject}/file", "r", R)),
    "write in scratch": ("open", ("{scratch}/file", "w", W)),
    "write in a folder to come": ("open", ("{scratch}/new/file", "w", W)),
    "descriptor": ("open", (3, "w", W)),
    "null device": ("open", ("/dev/null", "w", W)),
    "remove": ("os.remove", ("{scratch}/file", -1)),
    "remove a link that points out": ("os.remove", ("{scratch}/out", -1)),
    "rename within": ("os.rename", ("{scratch}/a", "{scratch}/b", -1, -1)),
    "database in memory": ("sqlite3.connect", (":memory:",)),
    "database to read": ("sqlite3.connect", ("file:{subject}/db?mode=ro",)),
    "signal a child": ("os.kill", (4243, 9)),
    "import": ("import", ("x", None, None, None, None)),
}


def filled(arguments: tuple[Any, ...], place: Path) -> tuple[Any, ...]:
    names = {"subject": place / "subject", "scratch": place / "scratch"}
    return tuple(a.format(**names) if isinstance(a, str) else a for a in arguments)


@pytest.mark.parametrize("case", REFUSED)
def test_refused(guard: Guard, place: Path, case: str) -> None:
    event, arguments = REFUSED[case]
    with pytest.raises(OutsideScratchError):
        guard(event, filled(arguments, place))


@pytest.mark.parametrize("case", ALLOWED)
def test_allowed(guard: Guard, place: Path, case: str) -> None:
    event, arguments = ALLOWED[case]
    guard(event, filled(arguments, place))


def test_a_folder_descriptor_is_followed(guard: Guard, place: Path) -> None:
    inside, outside = (os.open(place / n, os.O_RDONLY) for n in ("scratch", "subject"))
    try:
        guard("os.remove", ("file", inside))
        with pytest.raises(OutsideScratchError):
            guard("os.remove", ("file", outside))
    finally:
        os.close(inside)
        os.close(outside)


def test_a_link_that_points_out_is_followed_by_what_follows_links(
    guard: Guard, place: Path
) -> None:
    with pytest.raises(OutsideScratchError):
        guard("os.chmod", (str(place / "scratch" / "out"), 0o700, -1))
