from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from audit_lib.errors import RunError
from audit_lib.execution import layout, publish
from audit_lib.execution.layout import Place, RunFolder, check_run_id, new_run_id
from audit_lib.model import Task


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "reports", "toy", "v1")


def staged(place: Place, run_id: str) -> RunFolder:
    folder = publish.begin(place, run_id)
    (folder.path / "packet.html").write_text("packet")
    (folder.path / publish.MANIFEST).write_text("{}")
    return folder


# --- layout -----------------------------------------------------------------------------------
def test_run_ids_are_unique_safe_and_sort_by_time() -> None:
    ids = [new_run_id() for _ in range(50)]

    assert len(set(ids)) == 50
    assert [check_run_id(i) for i in ids] == ids
    assert [i[:16] for i in ids] == sorted(i[:16] for i in ids)


@pytest.mark.parametrize("bad", ["", "..", "a/b", "../x", ".work", "a..b", "x" * 65, "a\n"])
def test_a_run_id_that_is_no_folder_name_is_refused(bad: str) -> None:
    with pytest.raises(RunError, match="not safe"):
        check_run_id(bad)


def test_a_sentinel_fits_its_results_or_says_what_does_not(place: Place) -> None:
    folder = place.work("r1")
    assert folder.check(Task.T2) == "its last cell left no sentinel"

    folder.save(Task.T2, "{}")
    assert folder.check(Task.T2) == ""

    folder.results(Task.T2).write_text("{ }")
    assert folder.check(Task.T2).startswith("its sentinel holds results_sha256")

    folder.sentinel(Task.T2).write_text("[")
    assert folder.check(Task.T2).startswith("its sentinel cannot be read")

    folder.sentinel(Task.T2).write_text("[]")
    assert folder.check(Task.T2).startswith("its sentinel holds run_id None")


def test_saving_again_takes_the_old_sentinel_away_first(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = place.work("r1")
    folder.save(Task.T2, "{}")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(layout, "write_whole", full)
    with pytest.raises(OSError, match="full"):
        folder.save(Task.T2, "{ }")

    assert folder.check(Task.T2) == "its last cell left no sentinel"


# --- publishing -------------------------------------------------------------------------------
@pytest.mark.parametrize("seen", [True, False], ids=["seen before", "published meanwhile"])
def test_a_run_moves_whole_and_is_never_replaced(
    place: Place, monkeypatch: pytest.MonkeyPatch, seen: bool
) -> None:
    first = publish.publish(place, staged(place, "r1"))
    assert (first.path / "packet.html").read_text() == "packet"
    assert list((place.folder / ".work").iterdir()) == []

    again = staged(place, "r1")
    (again.path / "packet.html").write_text("another")
    if not seen:
        monkeypatch.setattr(Path, "exists", lambda _: False)
    with pytest.raises(RunError, match="exists already"):
        publish.publish(place, again)

    assert (first.path / "packet.html").read_text() == "packet"


def test_the_manifest_reaches_the_disk_last(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = staged(place, "r1")
    synced: list[str] = []
    real = os.fsync

    def note(handle: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        real(handle)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")
    monkeypatch.setattr(os, "fsync", note)
    publish.publish(place, folder)

    assert synced.index(publish.MANIFEST) > synced.index("packet.html")


def test_latest_names_the_newest_run_whatever_the_order(place: Place) -> None:
    old, new = (publish.publish(place, staged(place, r)) for r in ("20260101T0", "20260102T0"))

    publish.point_latest(place, new)
    publish.point_latest(place, old)

    assert place.latest() == new
    assert os.readlink(place.folder / "latest") == "20260102T0"


def test_without_symbolic_links_latest_is_a_text_file(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = publish.publish(place, staged(place, "r1"))

    def refuse(*_: object, **__: object) -> None:
        raise OSError("a required privilege is not held")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    publish.point_latest(place, run)

    assert (place.folder / "latest").read_text() == "r1\n"
    assert place.latest() == run


def test_a_latest_that_leads_elsewhere_is_not_followed(place: Place, tmp_path: Path) -> None:
    place.folder.mkdir(parents=True)
    (place.folder / "latest").symlink_to(tmp_path)

    assert place.latest() is None


# --- sweeping ---------------------------------------------------------------------------------
def test_a_run_whose_owner_lives_is_left_alone(place: Place) -> None:
    folder = publish.begin(place, "r1")

    assert publish.sweep(place) == []
    assert folder.path.is_dir()


@pytest.mark.parametrize(
    "owner",
    [
        {"pid": 2**22 + 1, "started": 0.0},
        {"pid": os.getpid(), "started": 1.0},  # the id is in use again by another process
        {},
    ],
)
def test_a_run_whose_owner_is_gone_is_swept(place: Place, owner: dict[str, object]) -> None:
    folder = publish.begin(place, "r1")
    file = folder.path.with_name("r1.owner")
    if owner:
        owner = {**json.loads(file.read_text()), **owner}
    file.write_text(json.dumps(owner))

    assert publish.sweep(place) == ["r1"]
    assert list((place.folder / ".work").iterdir()) == []


def test_an_abandoned_run_is_swept_by_the_next(place: Place) -> None:
    publish.abandon(publish.begin(place, "r1"))

    assert publish.sweep(place) == ["r1"]


def test_a_link_that_a_killed_run_left_is_swept(place: Place) -> None:
    publish.publish(place, staged(place, "r1"))
    link = place.folder / ".work" / "r1.latest"
    link.symlink_to("../r1")
    assert publish.sweep(place) == []
    assert link.is_symlink()

    os.utime(link, (0, 0), follow_symlinks=False)
    publish.sweep(place)

    assert not link.is_symlink()
    assert place.published("r1").path.is_dir()


def test_work_that_no_run_owns_is_swept_after_a_week(place: Place) -> None:
    folder = place.work("by-hand")
    folder.save(Task.T1, "{}")
    assert publish.sweep(place) == []

    long_ago = time.time() - 8 * 24 * 3600
    for path in (folder.path, *folder.path.rglob("*")):
        os.utime(path, (long_ago, long_ago))

    assert publish.sweep(place) == ["by-hand"]


def test_a_folder_that_cannot_be_made_is_one_message(place: Place) -> None:
    place.reports.parent.mkdir(exist_ok=True)
    place.reports.write_text("a file, not a folder")

    with pytest.raises(RunError, match="cannot be made"):
        publish.begin(place, "r1")


# --- violence ---------------------------------------------------------------------------------
PUBLISHER = """
import sys
from pathlib import Path
from audit_lib.execution import publish
from audit_lib.execution.layout import Place
place = Place(Path(sys.argv[1]), "toy", "v1")
for n in range(10_000):
    publish.sweep(place)
    folder = publish.begin(place, f"r{sys.argv[2]}-{n:05}")
    for i in range(6):
        (folder.path / f"{i}.txt").write_text("x" * 5000)
    (folder.path / publish.MANIFEST).write_text("{}")
    publish.point_latest(place, publish.publish(place, folder))
    print(n, flush=True)
"""


def test_killed_at_any_moment_every_visible_run_is_whole(place: Place, tmp_path: Path) -> None:
    script = tmp_path / "publisher.py"
    script.write_text(textwrap.dedent(PUBLISHER))
    chance = random.Random(7)
    for life in range(6):
        process = subprocess.Popen(
            [sys.executable, str(script), str(place.reports), str(life)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(chance.randrange(1, 4)):
            process.stdout.readline()
        time.sleep(0.03 * chance.random())
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

    runs = [p for p in place.folder.iterdir() if not p.name.startswith(".") and p.name != "latest"]
    assert len(runs) > 5
    expected = sorted([*(f"{i}.txt" for i in range(6)), "notebooks", publish.MANIFEST])
    for run in runs:
        assert sorted(p.name for p in run.iterdir()) == expected
        assert all((run / f"{i}.txt").stat().st_size == 5000 for i in range(6))
    work = place.folder / ".work"
    publish.sweep(place)
    assert [p for p in work.iterdir() if p.is_dir() or p.suffix == ".owner"] == []
    for litter in work.iterdir():
        os.utime(litter, (0, 0), follow_symlinks=False)
    publish.sweep(place)
    assert list(work.iterdir()) == []
    assert place.latest() is not None
