"""A run of some tasks is PARTIAL wherever it is read: never kept, never released."""

from __future__ import annotations

import csv
import io
import json
import re

import made_up
import pytest
from click.testing import CliRunner

from audit_lib.cli.packets import show
from audit_lib.cli.sign import sign as sign_command
from audit_lib.errors import RunError
from audit_lib.model import Outcome, Task, Verdict, run_verdict
from audit_lib.model.closure import compare
from audit_lib.packets.acceptance import answers
from audit_lib.packets.assembly import Baseline, comparisons_with
from audit_lib.packets.document import document
from audit_lib.packets.html import render_html
from audit_lib.packets.index import update_index
from audit_lib.packets.keys import new_key
from audit_lib.packets.manifest import read_manifest, verify, write_manifest
from audit_lib.packets.packet import build
from audit_lib.packets.pdf import render_pdf
from audit_lib.packets.run import read_run
from audit_lib.packets.sections import Style
from audit_lib.packets.sign import sign, signatures
from audit_lib.reporters import REPORTERS, report_of

ONLY = (Task.T5,)
BARE = Style(lambda e: None)


def only(tasks, *kept):
    return [t for t in tasks if t.task in (kept or ONLY)]


@pytest.fixture
def after_broken(tmp_path):
    """A broken run of all tasks, and after it a clean one of T5 alone."""
    place = tmp_path / "made_up_engine" / "v1"
    runs = (
        ("r1", made_up.tasks(version="v1", run_id="r1"), tuple(Task)),
        ("r2", only(made_up.clean_tasks(version="v1", run_id="r2")), ONLY),
    )
    for name, tasks, planned in runs:
        folder = made_up.lay(place / name, tasks)
        said = made_up.provenance(tasks, tasks=planned, started=f"2026-11-2{name[1]}T00:00")
        against = [] if name == "r1" else [Baseline("the previous run", place / "r1")]
        packet = build(read_run(folder, planned), said, comparisons_with(tasks, against))
        write_manifest(folder, packet)
    update_index(tmp_path, "made_up_engine")
    return tmp_path, packet


def test_it_is_never_kept_and_names_what_was_not_run(after_broken):
    _, packet = after_broken
    assert packet.verdict is Verdict.INCONCLUSIVE
    assert packet.verdict.exit_code == 2
    assert packet.words == "PARTIAL"
    assert packet.not_run == tuple(t for t in Task if t is not Task.T5)
    assert "PARTIAL: T1, T2, T3, T4, T6 were not run." in packet.headline
    first, second = document(packet, BARE)["partial"]
    assert "T1 Ledger and artifacts, T2 Training pipeline" in first[0]["t"]
    assert re.search(r"Open in the previous run and unknown now: \d+ findings", second[0]["t"])


def test_what_was_open_is_unknown_and_listed(after_broken):
    _, packet = after_broken
    counted = packet.comparisons[0].counts()
    assert counted["fixed"] == 0
    assert counted["unknown"] > 5
    assert {row.why for row in packet.closing if not row.here} == {"it did not run"}


def test_page_one_of_both_forms_says_so(after_broken):
    _, packet = after_broken
    text = render_html(packet)
    banner = text[text.index("<header") : text.index("</header>")]
    assert "PARTIAL" in banner
    assert "kept</span>" not in banner
    assert "This run is PARTIAL, and releases nothing." in text
    assert "<title>PARTIAL: " in text
    assert render_pdf(packet).startswith(b"%PDF")


def test_both_indexes_show_it_and_the_broken_run_behind_it(after_broken):
    folder, _ = after_broken
    subject = (folder / "made_up_engine" / "index.html").read_text()
    row = subject[subject.index("<tbody>") : subject.index("</tbody>")]
    assert "? PARTIAL" in row
    assert 'whole run of <a href="v1/r1/packet.html">2026-11-21 00:00</a>' in row
    assert "✗ broken" in row
    every = (folder / "index.html").read_text()
    assert "✗ broken" in every
    assert "PARTIAL: newest run of 1 version" in every


def test_a_partial_run_alone_is_not_green_in_the_indexes(tmp_path):
    tasks = only(made_up.clean_tasks(version="v1", run_id="r1"))
    folder = made_up.lay(tmp_path / "made_up_engine/v1/r1", tasks)
    said = made_up.provenance(tasks, tasks=ONLY)
    write_manifest(folder, build(read_run(folder, ONLY), said))
    update_index(tmp_path, "made_up_engine")
    assert "✓ kept" not in (tmp_path / "index.html").read_text()


def test_the_manifest_holds_it_and_one_of_before_is_read_alike(after_broken):
    folder, _ = after_broken
    run = folder / "made_up_engine/v1/r2"
    raw = json.loads((run / "run_manifest.json").read_text())
    assert raw["not_run"] == ["T1", "T2", "T3", "T4", "T6"]
    assert verify(run) == []
    del raw["not_run"]
    (run / "run_manifest.json").write_text(json.dumps(raw))
    assert len(read_manifest(run).not_run) == 5


@pytest.mark.parametrize("form", sorted(REPORTERS))
def test_every_reporter_says_so(form):
    tasks = only(made_up.clean_tasks())
    said = REPORTERS[form](report_of(tasks))
    if form == "json":
        (report,) = json.loads(said)["reports"]
        assert (report["verdict"], report["not_run"][0]) == ("inconclusive", "T1")
    elif form == "csv":
        states = [r["state"] for r in csv.DictReader(io.StringIO(said))]
        assert states.count("not_run") == 5
    elif form == "junit":
        assert said.count("<skipped") == 5
        assert 'skipped="5"' in said
    elif form == "sarif":
        (run,) = json.loads(said)["runs"]
        assert run["properties"]["notRun"] == ["T1", "T2", "T3", "T4", "T6"]
        assert run["invocations"][0]["exitCode"] == 2
    else:
        assert "PARTIAL: T1, T2, T3, T4, T6 not run" in said


def test_show_says_so_and_exits_with_2(after_broken, tmp_path, monkeypatch):
    folder, _ = after_broken
    monkeypatch.chdir(tmp_path)
    words = ["made_up_engine", "--version", "v1", "--run", "r2", "--reports", str(folder)]
    done = CliRunner().invoke(show, words)
    assert (done.exit_code, "PARTIAL" in done.output) == (2, True), done.output


def test_one_that_is_broken_stays_broken_and_is_partial():
    broken = only(made_up.tasks(), Task.T2)
    assert run_verdict(broken) is Verdict.BROKEN
    assert report_of(broken).words == "broken, PARTIAL: T1, T3, T4, T5, T6 not run"


def test_no_release_is_signed_nor_holds(after_broken, tmp_path):
    folder, _ = after_broken
    run, key = folder / "made_up_engine/v1/r2", tmp_path / "key.pem"
    public = new_key(key)
    with pytest.raises(RunError, match="a partial run releases nothing"):
        sign(run, key, name="desk", decision="release")
    words = [str(run), "--key", str(key), "--name", "desk", "--decision", "release"]
    done = CliRunner().invoke(sign_command, words)
    assert (done.exit_code, "PARTIAL" in done.output) == (1, True)
    assert signatures(run) == []
    sign(run, key, name="desk", decision="reject")
    assert signatures(run, {public: "desk"})[0].holds


def test_a_release_signed_by_other_means_does_not_hold(after_broken, tmp_path, monkeypatch):
    folder, _ = after_broken
    run, key = folder / "made_up_engine/v1/r2", tmp_path / "key.pem"
    public = new_key(key)
    with monkeypatch.context() as patched:
        patched.setattr("audit_lib.packets.sign.refusal", lambda *_: "")
        sign(run, key, name="desk", decision="release")
    (found,) = signatures(run, {public: "desk"})
    assert "partial run releases nothing" in found.problem
    assert found.trusted_as is None


def test_a_run_of_all_tasks_is_none_of_this(packet_of):
    packet = packet_of(made_up.clean_tasks())
    assert (packet.words, packet.partial, packet.not_run) == ("kept", [], ())
    assert "PARTIAL" not in render_html(packet)


def test_a_criterion_of_a_task_that_was_not_run_is_not_met(after_broken):
    _, packet = after_broken
    assert Verdict.KEPT not in {a.verdict for a in answers(packet) if not a.must_not}


def test_findings_of_tasks_that_ran_keep_their_fates():
    before, after = made_up.tasks(run_id="r1"), only(made_up.tasks(run_id="r2"), Task.T2)
    found = compare(before, after)
    fates = {c.matter.finding.code: c.fate.value for c in found.closed}
    assert fates["SPL001"] == "persisting"
    assert fates["FEA001"] == "unknown"
    assert found.exit_code == 2


def test_a_check_that_did_not_run_is_no_pass():
    tasks = only(made_up.clean_tasks(), Task.T1)
    assert all(r.outcome is Outcome.PASS for t in tasks for r in t.results)
    assert run_verdict(tasks) is Verdict.INCONCLUSIVE
