from __future__ import annotations

from pathlib import Path

import pytest

from audit_lib.model import (
    CheckResult,
    Contract,
    Evidence,
    Finding,
    Gap,
    Location,
    Outcome,
    Severity,
    Task,
    TaskResult,
)
from audit_lib.workbook.places import nameless, words_for

FOLDER = Path("/srv/quant")
WORDS = words_for({"source": FOLDER / "engine", "workspace": FOLDER, "python": None})


def result(text: str, at: str = "a.py") -> TaskResult:
    of = ("DRI001", Contract.DRIFT, Task.T4, Severity.HIGH)
    finding = Finding(*of, Location(at), message=text, measured=text)
    check = CheckResult(
        "DRI001", "x", "y", Contract.DRIFT, Task.T4, Severity.HIGH, Outcome.FAIL,
        reason=text, findings=(finding,), gaps=(Gap(text, text),),
        evidence=(Evidence("e", text, ("a", "b"), ((text, 1.5), (None, True))),),
    )  # fmt: skip
    return TaskResult("toy", "v1", "r1", Task.T4, (check,), provenance={"isolation": text})


def test_every_text_loses_the_folders_inner_ones_first():
    told = result("no /srv/quant/engine/a.db, nor /srv/quant/b.db")
    assert nameless(told, WORDS) == result("no <source>/a.db, nor <workspace>/b.db")


def test_only_whole_folders_are_replaced():
    said = "/mnt/srv/quant/a /srv/quants/b (/srv/quant) file:///srv/quant/c."
    told = "/mnt/srv/quant/a /srv/quants/b (<workspace>) file://<workspace>/c."
    assert nameless((said,), WORDS) == (told,)


def test_what_names_no_folder_is_the_same_object():
    told = result("quant/engine is relative")
    assert nameless(told, WORDS) is not None
    assert nameless(told.results, WORDS) is told.results


def test_the_root_of_the_file_system_is_no_place():
    assert words_for({"home": Path("/")}) == []


def test_a_linked_folder_is_known_by_both_names(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    words = words_for({"source": tmp_path / "link"})
    said = f"{tmp_path}/real/a and {tmp_path}/link/a"
    assert nameless((said,), words) == ("<source>/a and <source>/a",)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("no '/var/tmp/audit-host-x1_y/copy-38/models/v3'", "no '<scratch>/models/v3'"),
        ("/tmp/audit-host-ab12/copy-1hm_l0oc/v3 is gone", "<scratch>/v3 is gone"),
        ("/tmp/audit-host-ab12/made is odd", "<scratch>/made is odd"),
        ("/tmp/my-audit-host-ab", "/tmp/my-audit-host-ab"),
        ("an audit-host-thing", "an audit-host-thing"),
    ],
)
def test_folders_that_hooks_work_in_are_nobodys_and_new_each_time(said, told):
    assert nameless((said,), WORDS) == (told,)
