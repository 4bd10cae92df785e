"""Answers are kept while nothing has changed, and only then."""

import os
import sys
import threading
import time

import pytest

from audit_lib import memory as module
from audit_lib.checks.catalogue import all_checks, check_class
from audit_lib.engine import run_checks
from audit_lib.memory import FOLDER, Memory, cache_folder
from audit_lib.model import Finding, Location, Severity
from audit_lib.selection import configured
from audit_lib.subject import digest as digests
from audit_lib.subject.digest import subject_held
from tests.made_repo import STORE, good_store, subject

FILES = {"pkg/__init__.py": "", "pkg/a.py": "def f(:\n", "notes.md": "1"}


@pytest.fixture(autouse=True)
def _on(monkeypatch):
    monkeypatch.delenv("AUDIT_CACHE")


@pytest.fixture
def made(tmp_path):
    return subject(tmp_path, FILES, documents={"spec": "notes.md"})


@pytest.fixture
def ran(monkeypatch):
    """Codes of the checks that really ran."""
    codes = []
    for code in ("LED001", "LED002"):
        cls = check_class(code)

        def counted(self, subject, run=cls.run):
            codes.append(self.code)
            yield from run(self, subject)

        monkeypatch.setattr(cls, "run", counted)
    return codes


def ask(found, *codes):
    checks = [configured(check_class(c), found) for c in codes or ("LED001", "LED002")]
    return run_checks(checks, found)


def again(tmp_path, **more):
    """The same subject, opened anew."""
    from audit_lib.subject.subject import open_subject

    return open_subject("made", workspace=tmp_path, root=tmp_path / "repo")


def test_what_has_not_changed_is_answered_as_before_without_running(made, tmp_path, ran):
    first = ask(made)
    second = ask(again(tmp_path))
    assert ran == ["LED001", "LED002"]
    assert [r.findings for r in first][1][0].message.startswith("does not parse")
    strip = [(r.code, r.outcome, r.findings, r.evidence, r.examined, r.gaps) for r in first]
    assert [
        (r.code, r.outcome, r.findings, r.evidence, r.examined, r.gaps) for r in second
    ] == strip


def change_source(root, place):
    (root / "pkg/a.py").write_text("def f():\n    pass\n")


def change_document(root, place):
    (root / "notes.md").write_text("2")


def add_file(root, place):
    (root / "pkg/b.py").write_text("")


def remove_file(root, place):
    (root / "pkg/__init__.py").unlink()


def change_parameters(root, place):
    with (place / "subject.yaml").open("a") as file:
        file.write("title: other\n")


def change_boundaries(root, place):
    (place / "boundaries.yaml").write_text("boundaries: {}\n")


def same_size_and_time(root, place):
    file = root / "notes.md"
    before = file.stat()
    file.write_text("3")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change",
    [
        change_source,
        change_document,
        add_file,
        remove_file,
        change_parameters,
        change_boundaries,
        same_size_and_time,
    ],
)
def test_any_change_of_the_subject_asks_again(made, tmp_path, ran, change):
    ask(made)
    change(tmp_path / "repo", tmp_path / "parameters/made")
    ask(again(tmp_path))
    assert ran == ["LED001", "LED002"] * 2


def test_a_change_of_the_library_asks_again(made, tmp_path, ran, monkeypatch):
    ask(made)
    monkeypatch.setattr(module, "library_digest", lambda: "another")
    ask(again(tmp_path))
    assert ran == ["LED001", "LED002"] * 2


def test_other_options_and_versions_have_answers_of_their_own(tmp_path):
    found = subject(tmp_path, good_store(), artifacts=STORE)
    checks = [check_class("LED001")(), check_class("LED001")(shown=3)]
    keys = {Memory(found, checks)._key(c, v) for v in ("v1", "v2") for c in checks}
    assert len(keys) == 4


def test_the_store_is_part_of_what_is_hashed(tmp_path):
    found = subject(tmp_path, good_store(), artifacts={**STORE, "store": "../elsewhere"})
    (tmp_path / "elsewhere/v1").mkdir(parents=True)
    before = subject_held(found, but=()).whole
    (tmp_path / "elsewhere/v2").mkdir()
    between = subject_held(found, but=()).whole
    (tmp_path / "elsewhere/v1/model.pkl").write_bytes(b"x")
    assert len({before, between, subject_held(found, but=()).whole}) == 3
    assert before


@pytest.mark.parametrize("content", [b"", b"{}", b"0\n{}", b"\xff\n", b"{not json"])
def test_a_damaged_answer_is_none(made, tmp_path, ran, content):
    ask(made)
    for file in (tmp_path / FOLDER).glob("*.json"):
        file.write_bytes(content)
    ask(again(tmp_path))
    ask(again(tmp_path))
    assert ran == ["LED001", "LED002"] * 2


def test_an_answer_that_was_altered_is_none(made, tmp_path, ran):
    ask(made)
    for file in (tmp_path / FOLDER).glob("*.json"):
        file.write_text(file.read_text().replace('"fail"', '"pass"'))
    assert ask(again(tmp_path))[1].outcome == "fail"


def test_nothing_is_kept_where_the_subject_changed_under_the_checks(made, tmp_path, monkeypatch):
    cls = check_class("LED002")

    def slow(self, subject, run=cls.run):
        (tmp_path / "repo/notes.md").write_text("changed meanwhile")
        yield from run(self, subject)

    monkeypatch.setattr(cls, "run", slow)
    ask(made)
    assert not list(tmp_path.glob(f"{FOLDER}/*.json"))


def test_a_crash_is_not_kept(made, tmp_path, monkeypatch):
    def crash(self, subject):
        raise ZeroDivisionError
        yield

    monkeypatch.setattr(check_class("LED002"), "run", crash)
    ask(made, "LED002")
    assert not list(tmp_path.glob(f"{FOLDER}/*.json"))


def test_what_json_does_not_hold_as_it_is_is_not_kept(made, tmp_path, monkeypatch):
    cls = check_class("LED002")

    def odd(self, subject):
        yield Finding(
            "LED002", cls.contract, cls.task, Severity.LOW, Location("a.py"), "lone \ud800"
        )

    monkeypatch.setattr(cls, "run", odd)
    ask(made, "LED002")
    assert not list(tmp_path.glob(f"{FOLDER}/*.json"))


def test_hooks_without_isolation_could_write_answers_so_none_are_kept(tmp_path):
    found = subject(tmp_path, FILES, policy={"allow_unisolated": True})
    ask(found)
    assert cache_folder(found) is None
    assert not (tmp_path / FOLDER).exists()


def test_the_variable_names_a_folder_or_none(made, tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIT_CACHE", str(tmp_path / "there"))
    ask(made)
    assert len(list((tmp_path / "there").glob("*.json"))) == 2
    monkeypatch.setenv("AUDIT_CACHE", "off")
    assert cache_folder(made) is None


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(made, tmp_path):
    (tmp_path / FOLDER).write_text("a file where the folder would be")
    assert [r.code for r in ask(made)] == ["LED001", "LED002"]


def test_a_link_out_of_what_is_hashed_keeps_nothing(made, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "repo/linked").symlink_to(outside, target_is_directory=True)
    assert subject_held(made, but=()).whole == ""
    ask(made)
    assert not (tmp_path / FOLDER).exists()


def test_a_subject_that_is_too_large_is_not_hashed(made, monkeypatch):
    monkeypatch.setattr(digests, "MOST_BYTES", 3)
    assert subject_held(made, but=()).whole == ""


def test_runs_side_by_side_leave_whole_answers(made, tmp_path):
    threads = [threading.Thread(target=ask, args=(again(tmp_path),)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    memory = Memory(again(tmp_path), [check_class("LED002")()])
    assert memory.recall(check_class("LED002")()) is not None
    assert not list((tmp_path / FOLDER).glob(".*.json.*"))


def test_what_nobody_asks_for_goes_after_a_month(made, tmp_path):
    ask(made, "LED002")
    (kept,) = (tmp_path / FOLDER).glob("*.json")
    long_ago = time.time() - 40 * 86_400
    os.utime(kept, (long_ago, long_ago))
    (tmp_path / "repo/notes.md").write_text("2")
    ask(again(tmp_path), "LED002")
    assert kept not in set((tmp_path / FOLDER).glob("*.json"))


def test_pure_checks_need_no_hook():
    pure = [c for c in all_checks() if c.pure]
    assert len(pure) > 10
    assert [c.code for c in pure if c.needs or c.reads == "behaviour"] == []


def test_what_a_package_brings_along_for_itself_says_nothing_of_what_is_installed(
    tmp_path, monkeypatch
):
    def digest(place):
        (tmp_path / place / "other-1.0.dist-info").mkdir(parents=True)
        monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / place)])
        module.library_digest.cache_clear()
        return module.library_digest()

    before = module.library_digest()
    assert digest("site-packages/ray/thirdparty_files") == before
    assert digest("more/site-packages") != before
    module.library_digest.cache_clear()
