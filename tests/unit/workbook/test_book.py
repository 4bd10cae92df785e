from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell

from audit_lib.budget import VARIABLE as BUDGET
from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import AuditError, ParameterError, RunError, VersionError
from audit_lib.execution.layout import Place, new_run_id
from audit_lib.model import (
    Contract,
    Evidence,
    Examined,
    Gap,
    Location,
    Severity,
    Task,
    TaskResult,
    View,
)
from audit_lib.reporters.json_report import dump_task, load_task
from audit_lib.selection import Roster
from audit_lib.subject.subject import Subject
from audit_lib.workbook import Workbook, pictures
from audit_lib.workbook.display import Picture, Sheet


class Leaks(Check):
    """A fold must not train on its own test period.

    What it checks
        Nothing real.
    """

    code, contract, task = "SPL003", Contract.SPLITS, Task.T2
    severity, reads = Severity.CRITICAL, Reads.BEHAVIOUR

    def run(self, subject: Subject) -> Iterator[Answer]:
        yield Examined(2, "folds")
        lanes = (("fold 1", 0, 10, "train"), ("fold 1", 8, 20, "test"))
        yield Evidence(
            "folds", "Folds", ("lane", "start", "end", "kind"), lanes, View.TIMELINE, "In bars."
        )
        yield Evidence("plain", "Edges", ("fold", "<b>end</b>"), (("fold 1", "<script>"),))
        yield self.finding(
            Location("engine.py", line=2, symbol="decide"),
            "fold 1 ends inside <script>alert(1)</script>",
            key="fold 1",
            evidence=("folds",),
        )
        yield self.finding(
            Location("v1/meta.json", base="artifacts", pointer="/heads/7"), "no such head", key="h"
        )


class Blind(Check):
    """A calibrator must not have seen what it judges."""

    code, contract, task = "CAL001", Contract.CALIBRATION, Task.T2
    severity, reads = Severity.HIGH, Reads.BEHAVIOUR

    def run(self, subject: Subject) -> Iterator[Answer]:
        yield Examined(1, "calibrators")
        yield Gap("head volatility", "no hook")


@pytest.fixture(autouse=True)
def _checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Roster, "of", lambda self, task: (Leaks, Blind) if task is Task.T2 else ())


def opened(task: str = "T2", **names: str) -> Workbook:
    return Workbook.open(task, {"subject": "toy", "version": "v1", **names})


def ran(task: str = "T2", **names: str) -> Workbook:
    audit = opened(task, **names)
    audit.run()
    return audit


# --- opening ----------------------------------------------------------------------------------
def test_latest_and_champion_are_versions(workspace: Path) -> None:
    assert opened(version="latest").subject.version == "v2"
    assert opened(version="champion").subject.version == "v1"


@pytest.mark.parametrize("version", ["v9", "../../etc", "v1/..", ""])
def test_a_version_that_does_not_exist_is_one_message(workspace: Path, version: str) -> None:
    with pytest.raises(VersionError):
        opened(version=version)


def test_all_is_not_one_version(workspace: Path) -> None:
    with pytest.raises(ParameterError, match="one version, not 'all'"):
        opened(version="all")


def test_an_unknown_task_or_subject_is_one_message(workspace: Path) -> None:
    with pytest.raises(ParameterError, match="no task is called 'T7'"):
        opened("T7")
    with pytest.raises(ParameterError, match="no subject is called 'nobody'"):
        opened(subject="nobody")


def test_a_run_id_that_is_no_folder_name_is_refused(workspace: Path) -> None:
    with pytest.raises(RunError, match="not safe as a folder name"):
        opened(run_id="../../x")


def test_a_published_run_is_never_written_to(workspace: Path) -> None:
    Place(workspace / "reports", "toy", "v1").published("r1").path.mkdir(parents=True)

    with pytest.raises(RunError, match="published already"):
        opened(run_id="r1")


# --- verbs ------------------------------------------------------------------------------------
def test_verbs_before_a_run_say_what_to_do(workspace: Path) -> None:
    with pytest.raises(RunError, match=r"nothing has run yet.*\n.*audit\.run\(\)"):
        opened().verdicts()


def test_verdicts_count_outcomes_by_contract(workspace: Path) -> None:
    frame = ran().verdicts().frame.set_index("contract")

    assert frame.loc["Splits", "verdict"] == "broken"
    assert frame.loc["Splits", "findings"] == 2
    assert frame.loc["Calibration", "verdict"] == "inconclusive"
    assert frame.loc["Calibration", "not assessed"] == 1


def test_show_prints_checks_findings_pictures_and_tables(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran().show("splits")

    out = capsys.readouterr().out
    assert "Splits: broken" in out
    assert "SPL003-1" in out
    assert "[picture: Folds. In bars.]" in out
    assert "Edges (SPL003/plain)" in out


def test_show_without_a_name_shows_what_is_left(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = ran()
    audit.show("splits")
    capsys.readouterr()

    audit.show()

    out = capsys.readouterr().out
    assert "Calibration: inconclusive" in out
    assert "Splits" not in out


def test_show_names_the_contracts_there_are(workspace: Path) -> None:
    with pytest.raises(AuditError, match=r"no contract is called 'split'.*\n.*splits, calibration"):
        ran().show("split")


def test_pictures_are_png_with_words() -> None:
    lanes = (("fold 1", 0, 10, "train"), ("fold 1", 8, 20, "test"))
    table = Evidence("f", "Folds", ("lane", "start", "end", "kind"), lanes, View.TIMELINE)

    part = next(p for p in pictures.drawn(_result_with(table), table) if isinstance(p, Picture))

    data, said = part._repr_mimebundle_()
    assert part.data.startswith(b"\x89PNG")
    assert said["image/png"]["alt"] == "Folds."
    assert 100 < said["image/png"]["width"] < 1500
    assert set(data) == {"image/png", "text/plain"}


def _result_with(table: Evidence):  # type: ignore[no-untyped-def]
    import made_up

    return made_up.result("SPL001", evidence=(table,))


def test_text_of_the_subject_never_becomes_markup(workspace: Path) -> None:
    audit = ran()
    shown = [audit.findings(), audit.finding("SPL003-1"), audit.not_assessed(), audit.verdicts()]

    for part in shown:
        assert "<script" not in part._repr_html_()
    assert "&lt;script&gt;" in audit.findings()._repr_html_()


def test_a_finding_stands_before_its_line(workspace: Path) -> None:
    listing = ran().finding("SPL003-1").source()

    assert "> 2      if score > 0:" in repr(listing).replace(">  2", "> 2")
    assert listing.title == "engine.py:2 decide"
    assert listing.marked == {2}


def test_a_finding_about_data_shows_the_value_nearest_to_its_pointer(workspace: Path) -> None:
    listing = ran().finding("SPL003-2").source()

    assert listing.title == "v1/meta.json /heads (nothing at /heads/7)"
    assert '"direction"' in repr(listing)


def test_a_finding_is_found_by_its_fingerprint(workspace: Path) -> None:
    audit = ran()
    fingerprint = audit.finding("SPL003-2").finding.fingerprint

    assert audit.finding(fingerprint[:8]).name == "SPL003-2"


def test_an_unknown_finding_names_those_there_are(workspace: Path) -> None:
    with pytest.raises(AuditError, match="there are: SPL003-1, SPL003-2"):
        ran().finding("SPL003-9")


def test_evidence_comes_as_a_frame(workspace: Path) -> None:
    audit = ran()

    assert list(audit.evidence("folds").columns) == ["lane", "start", "end", "kind"]
    assert audit.evidence("SPL003/folds").shape == (2, 4)
    with pytest.raises(AuditError, match="known: SPL003/folds, SPL003/plain"):
        audit.evidence("fold")


def test_not_assessed_says_why(workspace: Path) -> None:
    sheet = ran().not_assessed()

    assert sheet.title == "Not assessed: 1 of 2 checks"
    assert sheet.rows == (("CAL001", Blind.title(), "not assessed", "head volatility: no hook"),)


def test_explanations_keep_to_a_budget(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = ran()
    monkeypatch.setenv(BUDGET, "1")  # used up long ago
    capsys.readouterr()
    audit.why()
    audit.learned()
    assert capsys.readouterr().out.count("not asked: out of budget") == 2


def test_a_waiver_in_force_covers_its_finding(workspace: Path) -> None:
    waiver = (
        '[[exemption]]\ncode = "SPL003"\npath = "engine.py"\nowner = "desk"\nreason = "known"\n'
        f"expires = {date.today().replace(year=date.today().year + 1, day=1).isoformat()}\n"
    )
    file = workspace / "parameters" / "toy" / "exemptions.toml"
    file.write_text(waiver, encoding="utf-8")

    sheet = ran().findings()

    assert [row[-1].startswith("exempted until") for row in sheet.rows] == [True, False]


def test_hooks_that_do_not_parse_do_not_end_the_task(workspace: Path) -> None:
    (workspace / "parameters" / "toy" / "hooks.py").write_text("def broken(:", encoding="utf-8")

    audit = ran()

    assert audit.result is not None
    assert audit.result.provenance["isolation"].startswith("unavailable: hooks.py:1")


# --- closing ----------------------------------------------------------------------------------
def test_a_proof_is_shown_while_nothing_has_changed_since(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    audit = ran()
    audit.proved()
    assert "never measured: `workbook prove toy --version v1`" in capsys.readouterr().out
    audit.proved(budget=-1.0)  # plants nothing, and says what is left
    shown = capsys.readouterr().out
    assert "0 faults planted, 0 seen" in shown
    assert "faults and changes not planted yet" in shown
    audit.proved()
    assert "What this audit would have seen" in capsys.readouterr().out
    assert (audit.folder.path / "sensitivity.json").is_file()
    (workspace / "engine" / "more.py").write_text("x = 1\n")
    changed = ran()
    changed.proved()
    assert "measured on another state" in capsys.readouterr().out
    assert not (changed.folder.path / "sensitivity.json").exists()


def test_close_saves_results_and_a_sentinel_that_fits_them(workspace: Path) -> None:
    audit = ran(run_id="r1")
    note = audit.close()

    folder = Place(workspace / "reports", "toy", "v1").work("r1")
    assert folder.check(Task.T2) == ""
    assert load_task(folder.results(Task.T2).read_text(encoding="utf-8")) == audit.result
    digest = json.loads(folder.sentinel(Task.T2).read_bytes())["results_sha256"]
    assert note.text == f"T2 complete · run r1 · results sha256 {digest}"


def test_close_keeps_what_was_asked_after_the_checks(workspace: Path) -> None:
    audit, kept = ran(), []
    audit.subject.inquiry.told = SimpleNamespace(keep=lambda: kept.append(1))  # type: ignore[assignment]
    audit.close()
    assert kept == [1]


def test_close_on_a_place_that_cannot_be_written_is_one_message(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit = ran()

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("audit_lib.execution.layout.write_whole", full)
    with pytest.raises(RunError, match="cannot be written: No space left on device"):
        audit.close()


# --- T6 ---------------------------------------------------------------------------------------
def saved(place: Place, run_id: str, *tasks: Task, publish: bool = False) -> None:
    folder = place.published(run_id) if publish else place.work(run_id)
    for task in tasks:
        folder.save(task, dump_task(TaskResult("toy", place.version, run_id, task, ())))
    if publish:
        (place.folder / "latest").symlink_to(run_id)


def test_t6_gathers_its_own_run_and_names_what_is_missing(workspace: Path) -> None:
    place = Place(workspace / "reports", "toy", "v1")
    saved(place, "r1", Task.T1, Task.T3)
    place.work("r1").results(Task.T3).write_text("{}")  # no longer what the sentinel saw

    frame = opened("T6", run_id="r1").gather().frame.set_index("task")

    assert frame.loc["T1", "verdict"] == "not applicable"
    assert list(frame.index[frame["verdict"] == "missing"]) == ["T2", "T3", "T4", "T5"]
    assert frame.loc["T2", "results"] == "not run in this run"
    assert "sentinel holds results_sha256" in frame.loc["T3", "results"]


def test_t6_never_takes_another_runs_results_for_its_own(workspace: Path) -> None:
    place = Place(workspace / "reports", "toy", "v1")
    saved(place, "r0", *Task, publish=True)

    frame = opened("T6", run_id="r1").gather().frame

    assert list(frame["verdict"]) == ["missing"] * 5


def test_t6_by_hand_reads_the_newest_complete_run_and_says_so(workspace: Path) -> None:
    place = Place(workspace / "reports", "toy", "v1")
    saved(place, "r0", *Task, publish=True)
    audit = opened("T6")

    sheet = audit.gather()
    audit.run()

    assert sheet.title == "Tasks gathered from run r0 (another run than this one)"
    assert audit.result is not None
    assert audit.result.provenance["gathered_from"] == "r0"
    assert [t.task for t in audit.subject.earlier] == [t for t in Task if t is not Task.T6]


def test_gathering_again_takes_back_what_was_found_out(workspace: Path) -> None:
    saved(Place(workspace / "reports", "toy", "v1"), "r0", *Task, publish=True)
    audit = ran("T6")

    audit.gather("r0")

    with pytest.raises(RunError, match="nothing has run yet"):
        audit.close()


def test_gathering_a_run_that_does_not_exist_names_those_that_do(workspace: Path) -> None:
    saved(Place(workspace / "reports", "toy", "v1"), "r0", *Task, publish=True)

    with pytest.raises(RunError, match=r"no run 'r9'.*\n.*use one of: r0"):
        opened("T6").gather("r9")


def test_closure_lists_findings_of_every_task(workspace: Path) -> None:
    run_id = new_run_id()
    ran(run_id=run_id).close()
    audit = ran("T6", run_id=run_id)

    sheet = audit.closure()

    said = [(r["rank"], r["state"], r["dependents"], r["finding"]) for r in _records(sheet)]
    assert said == [(1, "open", 0, "SPL003-1"), (2, "open", None, "SPL003-2")]
    assert sheet.title == (
        "Closure: 2 open (2 critical); T1, T3, T4, T5 missing, so the list is not whole"
    )
    assert sheet.note == "No published run to compare with, so nothing is called new."


def _records(sheet: Sheet) -> list[dict[str, object]]:
    return [dict(zip(sheet.columns, row, strict=True)) for row in sheet.rows]


# --- in a shell -------------------------------------------------------------------------------
def test_our_errors_show_as_one_message_in_a_notebook(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shell = InteractiveShell.instance()
    try:
        shell.run_cell("from audit_lib.workbook import Workbook")
        shell.run_cell("subject = 'toy'; version = 'v9'")
        capsys.readouterr()

        result = shell.run_cell("Workbook.open('T2', globals())")

        captured = capsys.readouterr()
        shown = captured.out + captured.err
        assert isinstance(result.error_in_exec, VersionError)
        assert "VersionError: --version: toy has no version 'v9'" in shown
        assert "mend: use one of: v1, v2" in shown
        assert "Traceback" not in shown
        assert len(shown.strip().splitlines()) <= 3
    finally:
        InteractiveShell.clear_instance()
