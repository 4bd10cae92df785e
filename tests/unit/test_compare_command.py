"""``workbook compare``: exit codes, formats, and what it says of two runs that differ otherwise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import made_runs
import made_up
import pytest
from click.testing import CliRunner

from audit_lib.cli.packets import compare
from audit_lib.model import Outcome, Severity
from audit_lib.packets.differences import differences
from audit_lib.packets.manifest import read_manifest, write_manifest
from audit_lib.packets.packet import build
from audit_lib.packets.run import read_run


def invoke(*words: object):
    return CliRunner().invoke(compare, [str(w) for w in words])


def lay(folder: Path, tasks) -> Path:
    return made_up.lay(folder, tasks)


def one(outcome: Outcome, *findings):
    return made_runs._run("r", {}, made_up.result("SPL001", outcome, findings=findings))


FINDING = made_up.finding("SPL001")
NOTE = made_up.finding("SPL001", severity=Severity.INFO)


@pytest.mark.parametrize(
    ("before", "after", "code", "said"),
    [
        (one(Outcome.FAIL, FINDING), one(Outcome.FAIL, FINDING), 0, "✓ nothing new"),
        (one(Outcome.FAIL, FINDING), one(Outcome.PASS), 0, "- fixed: 1"),
        (one(Outcome.PASS), one(Outcome.PASS, NOTE), 0, "✓ nothing new"),
        (one(Outcome.PASS), one(Outcome.FAIL, FINDING), 1, "✗ 1 finding came: 1 high"),
        (one(Outcome.FAIL, FINDING), one(Outcome.ERROR), 2, "1 finding may be fixed or not"),
        (one(Outcome.PASS), one(Outcome.ERROR), 2, "1 check told before and not now"),
    ],
    ids=["persists", "fixed", "note", "new", "lost", "blind"],
)
def test_exit_codes(tmp_path, before, after, code, said):
    done = invoke(lay(tmp_path / "a", before), lay(tmp_path / "b", after))
    assert (done.exit_code, said in done.output) == (code, True), done.output


@pytest.mark.parametrize("form", ["json", "markdown", "console"])
def test_every_form_says_the_same(tmp_path, form):
    folders = [lay(tmp_path / "a", made_runs.before()), lay(tmp_path / "b", made_runs.after())]
    done = invoke(*folders, "--format", form)
    assert done.exit_code == 1
    # The run before both is not given, so that what had been gone is new.
    if form == "json":
        counts = json.loads(done.output)["counts"]
        assert {fate: sum(n.values()) for fate, n in counts.items()} == {
            "new": 2, "regressed": 0, "expired": 1, "worse": 0, "persisting": 9, "better": 1,
            "unknown": 5, "exempted": 1, "fixed": 1,
        }  # fmt: skip
    else:
        assert "3 findings came: 1 critical · 1 high · 1 low" in done.output


def test_a_folder_without_results_is_one_message(tmp_path):
    done = invoke(tmp_path, tmp_path)
    assert done.exit_code != 0
    assert "there are no results here" in str(done.exception)


@pytest.fixture
def manifests(tmp_path):
    def make(name: str, **said):
        tasks = made_up.tasks()
        folder = lay(tmp_path / name, tasks)
        return write_manifest(folder, build(read_run(folder), made_up.provenance(tasks, **said)))

    return make


def test_what_else_differs_is_said(manifests):
    before = manifests("a")
    inputs = tuple(
        replace(made_up.provenance(made_up.tasks()).inputs[0], name=n, kind=k, sha256="ef" * 32)
        for n, k in (("subject.yaml", "parameters"), ("T1.ipynb", "notebook"), ("s", "source"))
    )
    after = manifests("b", inputs=inputs, isolation="none", subject="other")
    after = after.model_copy(update={"environment": {"library_sha256": "0" * 64}})
    assert differences(before, after) == [
        "the workbook itself differs: a check may have changed, not the subject",
        "parameters differ: subject.yaml",
        "notebooks differ: T1.ipynb",
        "isolation differs: bubblewrap, none",
        "the subjects differ: made_up_engine, other",
    ]


def test_runs_that_differ_in_nothing_else_need_no_word(manifests, tmp_path):
    assert differences(manifests("a"), manifests("b")) == []
    assert read_manifest(tmp_path / "a").subject == "made_up_engine"
    assert "note" not in invoke(tmp_path / "a", tmp_path / "b").output
