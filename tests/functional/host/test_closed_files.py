"""Hooks read the subject, its environment, and what is named; all else is closed."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_lib.errors import AuditError
from audit_lib.host import HookBadAnswer, HookError, Host, Isolation, Limits, probe, readable
from audit_lib.host import isolation as module
from tests.functional.host.reading_hooks import WAYS

HOOKS = Path(__file__).with_name("reading_hooks.py")
LIMITS = Limits(seconds=30, load_seconds=60, memory_mb=1024)
#: level, and mechanisms that the machine is to lack
LEVELS = {
    "bubblewrap": (Isolation.BUBBLEWRAP, ""),
    "bubblewrap without landlock": (Isolation.BUBBLEWRAP, "landlock"),
    "bubblewrap alone": (Isolation.BUBBLEWRAP, "landlock,seccomp"),
    "landlock_seccomp": (Isolation.LANDLOCK_SECCOMP, ""),
    "landlock": (Isolation.LANDLOCK, ""),
}
WORD = "what-nobody-told"


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / WORD).touch()
    file = folder / "secret.txt"
    file.write_text(WORD)
    (folder / "secret_words.py").write_text(f"WORD = {WORD!r}\n")
    script = folder / "secret.txt.sh"
    script.write_text(f"#!/bin/sh\necho {WORD}\n")
    script.chmod(0o755)
    with sqlite3.connect(f"{file}.db") as words:
        words.execute("create table words(word)")
        words.execute("insert into words values (?)", [WORD])
    words.close()
    return file


@pytest.fixture(scope="module", params=LEVELS)
def level(request: pytest.FixtureRequest) -> Iterator[Isolation]:
    chosen, without = LEVELS[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(module.WITHOUT, without)
        try:
            probe(chosen)
        except AuditError as error:
            promised = os.environ.get("WORKBOOK_PROMISED", "").split(",")
            (pytest.fail if chosen.label in promised else pytest.skip)(str(error))
        yield chosen


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("engine")
    (folder / "own.txt").write_text("its own")
    return folder


@pytest.fixture(scope="module")
def host(level: Isolation, root: Path) -> Iterator[Host]:
    with Host(
        HOOKS, root=root, isolation=level, limits=LIMITS, environment={"JUDGE": str(os.getpid())}
    ) as opened:
        yield opened


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_somebody_else(way: str, host: Host, secret: Path) -> None:
    try:
        said = str(host.call("online.run", way, str(secret)))
    except HookError as error:
        said = str(error)
    assert WORD not in said
    assert "PATH=" not in said
    assert host.call("drift.psi", [1.0], [2.0]) == 3.0


def test_what_is_the_subject_s_own(host: Host, root: Path) -> None:
    assert host.call("online.run", "open", str(root / "own.txt")) == "its own"
    assert host.call("online.run", "spawned", str(root / "own.txt")) == "its own\n"
    assert host.call("online.run", "cat", str(HOOKS)).startswith('"""Hooks that read')


def test_a_refusal_names_the_key(host: Host, secret: Path) -> None:
    for way in ("open", "link", "sqlite"):
        with pytest.raises(HookError, match=r"under environment\.reads in subject\.yaml") as caught:
            host.call("online.run", way, str(secret))
        assert f"{secret}" in str(caught.value)


def test_a_swallowed_refusal_is_told(level: Isolation, root: Path, secret: Path) -> None:
    with Host(HOOKS, root=root, isolation=level, limits=LIMITS) as host:
        assert host.call("online.run", "swallowed", str(secret)).startswith("nothing")
        assert host.call("online.run", "swallowed", str(root / "none.txt")).startswith("nothing")
        assert host.refused == {str(secret): {"online.run"}}
        assert "opened to hooks" not in host.describe()


@pytest.mark.parametrize("opened", ["folder", "file", "all"])
def test_what_is_named_is_open(level: Isolation, root: Path, secret: Path, opened: str) -> None:
    reads = {"folder": secret.parent, "file": secret, "all": Path("/")}[opened]
    with Host(HOOKS, root=root, isolation=level, limits=LIMITS, reads=[reads]) as host:
        assert host.call("online.run", "open", str(secret)) == WORD
        assert host.refused == {}
        assert host.describe().endswith(f"opened to hooks besides: {reads}")


def test_answers_cannot_be_left_for_the_next_call(level: Isolation, root: Path) -> None:
    with Host(HOOKS, root=root, isolation=level, limits=LIMITS) as host:
        first, second = host.call_many("online.run", [["forging", ""], ["own", ""]])
        assert isinstance(first, HookBadAnswer)
        assert second == "own"


# --- which places they are -----------------------------------------------------------------------
def test_a_repository_is_one_subject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    deep = tmp_path / "home" / "work" / "engine" / "src" / "engine"
    deep.mkdir(parents=True)
    assert readable.checkout(deep) == [deep]
    (deep.parents[1] / ".git").mkdir()
    assert readable.checkout(deep) == [deep, deep.parents[1]]


def test_a_home_folder_under_git_is_not_the_subject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "engine").mkdir(parents=True)
    for place in (tmp_path / "home", tmp_path):
        (place / ".git").mkdir()
    assert readable.checkout(tmp_path / "home" / "engine") == [tmp_path / "home" / "engine"]


def test_a_worktree_takes_its_repository_along(tmp_path: Path) -> None:
    (tmp_path / "main").mkdir()
    git = ["git", "-C", str(tmp_path / "main"), "-c", "user.name=a", "-c", "user.email=a@b"]
    for order in (
        ["init", "-q"],
        ["commit", "-q", "--allow-empty", "-m", "first"],
        ["worktree", "add", "-q", str(tmp_path / "tree")],
    ):
        subprocess.run([*git, *order], check=True, capture_output=True)
    places = readable.checkout(tmp_path / "tree")
    assert places == [tmp_path / "tree", tmp_path / "tree", tmp_path / "main" / ".git"]


def test_what_is_installed_in_place_belongs_to_the_environment(tmp_path: Path) -> None:
    sites = tmp_path / "venv" / "lib" / "python3.11" / "site-packages"
    (sites / "engine-1.dist-info").mkdir(parents=True)
    (tmp_path / "venv" / "bin").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    for name in ("in place", "by_pth", "not_editable"):
        (tmp_path / name).mkdir()
    told = {"url": f"file://{tmp_path}/in%20place", "dir_info": {"editable": True}}
    (sites / "engine-1.dist-info" / "direct_url.json").write_text(json.dumps(told))
    (sites / "other-1.dist-info").mkdir()
    told = {"url": f"file://{tmp_path}/not_editable", "dir_info": {}}
    (sites / "other-1.dist-info" / "direct_url.json").write_text(json.dumps(told))
    (sites / "z.pth").write_text(f"import os\n# {tmp_path}/not_editable\n{tmp_path}/by_pth\n/\n")
    found = readable.readable(str(tmp_path / "venv" / "bin" / "python"), [])
    assert {str(tmp_path / n) for n in ("venv", "in place", "by_pth")} <= set(found)
    assert not {str(tmp_path / "not_editable"), "/", str(tmp_path)} & set(found)


def test_a_package_that_is_a_link_belongs_to_the_environment(tmp_path: Path) -> None:
    site, cache = tmp_path / "venv" / "lib" / "python3.11" / "site-packages", tmp_path / "cache"
    (cache / "linked").mkdir(parents=True)
    site.mkdir(parents=True)
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    (site / "linked").symlink_to(cache / "linked")
    found = readable.readable(str(tmp_path / "venv" / "bin" / "python"), [])
    assert str(cache / "linked") in found
    assert str(cache) not in found


@pytest.mark.parametrize("value", ["", ":", "/usr/lib:", "./here"])
def test_the_folder_that_the_audit_is_started_in_stays_closed(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    for variable in ("PYTHONPATH", "LD_LIBRARY_PATH"):
        monkeypatch.setenv(variable, value)
    found = readable.readable(sys.executable, [])
    assert not [p for p in found if Path(p).is_relative_to(tmp_path) or p == str(tmp_path)]


def test_no_place_of_the_system_holds_keys(tmp_path: Path) -> None:
    places = [Path(p) for p in readable.readable(sys.executable, [])]
    home = Path.home()
    for closed in (
        "/etc/shadow",
        "/etc/ssh",
        "/etc/ssl/private",
        "/root",
        "/home",
        "/mnt",
        "/tmp",
        "/var/lib",
        "/run",
        "/dev/shm",
        str(home),
        str(home / ".ssh"),
        str(tmp_path),
    ):
        assert not any(Path(closed).is_relative_to(place) for place in places), closed


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_the_root_of_a_mounted_sandbox_is_not_writable(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(module.WITHOUT, "landlock,seccomp")
    with (
        Host(HOOKS, root=root, isolation=Isolation.BUBBLEWRAP, limits=LIMITS) as host,
        pytest.raises(HookError, match="Read-only file system"),
    ):
        host.call("online.run", "writing", "/anything")


def test_a_folder_above_the_source_is_no_reason_for_a_failure(tmp_path):
    """Every import looks there; a file beside it may be why a call failed."""
    source, beside = tmp_path / "source", tmp_path / "bars.csv"
    source.mkdir()
    beside.touch()
    known = readable.Closed([str(source)])
    known.take("features.build", [str(tmp_path)])
    assert known.hint("the pickle is cut short") == ""
    known.take("features.build", [str(tmp_path), str(beside)])
    assert f"{beside} is closed to hooks" in known.hint("no bars")
