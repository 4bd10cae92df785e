"""The static checks on the reference engine: silent on clean versions, loud on mutants."""

import pytest

from audit_lib.model import Outcome, Severity, Task, Verdict
from audit_lib.model.closure import Fate, compare
from audit_lib.probes.code.boundaries.verdicts import boundary_verdicts
from audit_lib.testing import assert_fails, run_check
from tests.mutants.mutate import CANDIDATE, CLEAN, edit_json, edit_source, mutant

STATIC = (
    *(f"CHK00{n}" for n in range(1, 10)), *(f"LED00{n}" for n in range(1, 5)), "SEC001",
    *(f"BND00{n}" for n in range(1, 8)), "DOC001", "DOC002",
)  # fmt: skip


@pytest.mark.parametrize("version", CLEAN)
def test_clean_versions_give_no_finding(reference, version):
    subject = reference.at(version)
    for code in STATIC:
        result = run_check(code, subject)
        assert result.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE), (code, result.reason)
        assert all(f.severity is Severity.INFO for f in result.findings), result.findings


@pytest.mark.fails("CHK002", "CHK006", "DOC001")
def test_what_the_candidate_got_wrong_shows_without_running_it(reference):
    subject = reference.at(CANDIDATE)
    assert_fails(run_check("CHK002", subject), path=f"{CANDIDATE}/conformal.npz", key="uncovered")
    (found,) = run_check("CHK006", subject).findings  # three files, one order, one finding
    for name in ("return", "direction", "volatility"):
        assert f"{CANDIDATE}/{name}.txt" in found.message
    contract = {f.location.pointer for f in run_check("DOC001", subject).findings}
    assert {"/heads/direction/output", "/splits/purge"} <= contract
    assert any(pointer.startswith("/decisions/live/") for pointer in contract)


@pytest.mark.fails("BND001", "BND003")
def test_a_symbol_that_is_renamed_breaks_imports_and_its_boundary(engine):
    edit_source(engine, "splits.py", "def date_positions(", "def positions_of_dates(")
    with mutant(engine) as subject:
        results = [run_check(code, subject) for code in ("BND001", "BND003")]
        assert_fails(results[0], path="trainer.py", key="splits.py .splits:date_positions")
        assert_fails(results[1], key="training_to_splits: date_positions defined")
        verdicts = {v.boundary: v.verdict for v in boundary_verdicts(subject, results)}
    assert verdicts["training_to_splits"] is Verdict.BROKEN
    assert verdicts["backtest_to_predictor"] is Verdict.KEPT


@pytest.mark.fails("BND003", "BND006")
def test_a_changed_signature_breaks_its_boundary_and_its_callers(engine):
    edit_source(
        engine, "predictor.py", "def predict(self, features", "def predict(self, side, features"
    )
    with mutant(engine) as subject:
        assert_fails(
            run_check("BND003", subject), key="live_to_predictor: Predictor.predict signature"
        )
        callers = {f.location.path for f in run_check("BND006", subject).findings}
    assert {"backtest.py", "live.py"} <= callers


@pytest.mark.fails("DOC001", "BND003")
def test_a_constant_that_moved_in_the_code_alone(engine):
    edit_source(engine, "targets.py", "HOLDING = 5", "HOLDING = 4")
    with mutant(engine) as subject:
        result = run_check("DOC001", subject)
        finding = assert_fails(result, pointer="/targets/return/holding")
        assert finding.message == "the contract says 5, targets.py HOLDING says 4"
        assert_fails(run_check("BND003", subject), key="training_to_targets: HOLDING value")


@pytest.mark.fails("DOC002")
def test_a_key_that_only_the_writer_renamed(engine):
    edit_source(engine, "checkpoint.py", '"splits": self.splits,', '"folding": self.splits,')
    with mutant(engine) as subject:
        finding = assert_fails(run_check("DOC002", subject), key="/splits", path="checkpoint.py")
    assert finding.message == "reads /splits of meta.json, which nothing writes"


@pytest.mark.fails("CHK003", "CHK004", "CHK005")
def test_metadata_that_was_edited(engine):
    def change(meta):
        meta["scaler"]["mad"][3] = 0.0
        meta["input_dim"] += 1

    edit_json(engine, "2020-12/meta.json", change)
    edit_json(engine, "registry.json", lambda r: r.update(latest="2030-01"))
    with mutant(engine) as subject:
        column = subject.metadata.data["feature_cols"][3]
        assert_fails(run_check("CHK005", subject), key=f"metadata scale {column}")
        assert_fails(run_check("CHK004", subject), key="input_dim")
        assert_fails(run_check("CHK003", subject), key="latest", pointer="/latest")


def test_closing_against_the_clean_version_names_what_is_new(reference):
    from dataclasses import replace

    from tests.made_up import tasks

    def run(version):
        subject = reference.at(version)
        results = tuple(run_check(c, subject) for c in ("CHK002", "DOC001"))
        return [replace(tasks()[0], task=Task.T1, version=version, results=results)]

    made = compare(run("2021-12"), run(CANDIDATE))
    assert made.closed
    assert {c.fate for c in made.closed} == {Fate.NEW}
