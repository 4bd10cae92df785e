import json

import numpy as np
import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.feature_vector.test_scaler import COLUMNS, HOOKS, TRAIN, features, meta
from tests.mutants.held import held
from tests.mutants.mutate import edit_json, mutant
from tests.mutants.tiny import tiny

FACTOR = 1.4826022185056018


def train_rows():
    built = features()
    dates = built.index.get_level_values(1)
    return built[(dates >= TRAIN[0]) & (dates <= TRAIN[1])], built


def mad(rows):
    return (rows - rows.median()).abs().median()


@pytest.mark.passes("FEA107")
@pytest.mark.parametrize(("centre", "scale"), [("median", mad), ("mean", "std")])
def test_a_scaler_of_raw_features(tmp_path, centre, scale):
    rows, _ = train_rows()
    spread = rows.agg(lambda c: c.std(ddof=0)) if scale == "std" else mad(rows)
    told = meta(*TRAIN)
    told["scaler"] = {"median": rows.agg(centre).tolist(), "mad": spread.tolist(), "floor": 1e-4}
    with tiny(tmp_path, HOOKS, meta=told) as subject:
        result = run_check("FEA107", subject)
    assert held(result, "share that raw features reproduce", 0.8, least=True).measured == 1
    assert result.evidence[0].rows[0][1] == "raw features"
    assert result.evidence[0].rows[0][2].startswith("train of fold 1")


@pytest.mark.passes("FEA107")
def test_the_reference_engine_records_the_raw_mad_and_its_factor_apart(reference):
    result = run_check("FEA107", reference)
    assert_passes(result)
    assert result.evidence[0].rows[0][:2] == ("median and MAD", "raw features")


@pytest.mark.fails("FEA107")
def test_a_mad_that_holds_its_factor_already(tmp_path):
    with tiny(tmp_path, HOOKS, meta=meta(*TRAIN, factor=FACTOR)) as subject:
        result = run_check("FEA107", subject)
    found = assert_fails(result, key="factor", pointer="/scaler/mad", severity=Severity.MEDIUM)
    assert found.measured == "MAD x 1.4826"


@pytest.mark.fails("FEA107")
def test_the_engine_scaling_by_the_factor_twice(engine):
    def multiply(data):
        data["scaler"]["mad"] = [1.4826 * v for v in data["scaler"]["mad"]]

    edit_json(engine, "2020-12/meta.json", multiply)
    with mutant(engine) as subject:
        result = run_check("FEA107", subject)
    found = assert_fails(result, key="factor", pointer="/scaler/mad", severity=Severity.HIGH)
    assert "'factor' beside it (1.4826) is applied again" in found.message


@pytest.mark.fails("FEA107")
@pytest.mark.parametrize("everything", [False, True])
def test_a_scaler_fitted_on_scaled_features(tmp_path, everything):
    """First scaled on everything, then fitted on train rows; or fitted on the same rows again."""
    rows, built = train_rows()
    first = built if everything else rows
    again = (rows - first.mean()) / first.std(ddof=0)
    told = meta(*TRAIN)
    told["scaler"] = {"median": again.median().tolist(), "mad": mad(again).tolist()}
    with tiny(tmp_path, HOOKS, meta=told) as subject:
        result = run_check("FEA107", subject)
    found = assert_fails(result, key="scaled twice", pointer="/scaler/median")
    where = "the whole sample" if everything else "the same rows"
    assert found.measured == (f"features scaled already by mean and standard deviation of {where}")
    assert "median and MAD of" in found.message


@pytest.mark.fails("FEA107")
def test_centres_of_0_and_scales_of_1_whatever_the_rows(tmp_path):
    told = meta(*TRAIN)
    told["scaler"] = {"median": [0.0, 0.01, -0.01, 0.0], "mad": [1.0, 1.02, 0.97, 1.0]}
    hooks = HOOKS.replace(".std()", ".std() * 0.01")
    with tiny(tmp_path, hooks, meta=told) as subject:
        result = run_check("FEA107", subject)
    assert assert_fails(result, key="scaled twice").measured == "centres 0, scales 1"


def test_numbers_of_unknown_origin_are_a_gap(tmp_path):
    told = meta(*TRAIN)
    told["scaler"]["median"] = [1.0, 2.0, 3.0, 4.0]
    with tiny(tmp_path, HOOKS, meta=told) as subject:
        result = run_check("FEA107", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "no usual scaler reproduces its numbers" in result.reason


def test_no_folds_are_needed(tmp_path):
    _, built = train_rows()
    told = {
        "feature_cols": COLUMNS,
        "scaler": {"median": built.median().tolist(), "mad": mad(built).tolist()},
    }
    assert np.isfinite(told["scaler"]["mad"]).all()
    with tiny(tmp_path, HOOKS, meta=told) as subject:
        assert_passes(run_check("FEA107", subject))


def in_a_file(told):
    """The version's scaler, moved from its metadata into a file of its own, by feature."""
    kept = told.pop("scaler")
    pairs = zip(kept["median"], kept["mad"], strict=True)
    each = {c: {"center": m, "scale": d} for c, (m, d) in zip(COLUMNS, pairs, strict=True)}
    return {"store/v1/norm/scaler.json": json.dumps({"robust": each})}


def scaled_by_file(folder, rows):
    told = meta(*TRAIN)
    told["scaler"] = {"median": rows.median().tolist(), "mad": mad(rows).tolist()}
    return tiny(folder, HOOKS, source=in_a_file(told), meta=told)


@pytest.mark.passes("FEA104", "FEA105", "FEA107")
def test_a_scaler_in_a_file_of_its_own_need_not_be_declared(tmp_path):
    with scaled_by_file(tmp_path, train_rows()[0]) as subject:
        for code in ("FEA104", "FEA105", "FEA107"):
            assert_passes(run_check(code, subject))


@pytest.mark.fails("FEA107")
def test_a_scaler_in_a_file_of_its_own_that_saw_scaled_features(tmp_path):
    rows, built = train_rows()
    with scaled_by_file(tmp_path, (rows - built.mean()) / built.std(ddof=0)) as subject:
        result = run_check("FEA107", subject)
    found = assert_fails(result, key="scaled twice", pointer="/robust/*/center")
    assert found.location.path == "v1/norm/scaler.json"
