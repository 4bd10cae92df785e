"""What a trainer does with rows, as recorded while it runs: clean, and wrong in one place."""

import numpy as np
import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

CODES = ("SPL021", "FEA121", "FEA122", "CAL011", "RET011")
TRAINER = """
import json
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

HORIZON = 5

@surface("splits")
def declared(at):
    return {{"horizon": HORIZON}}

@surface("retrain")
def train(at, features, labels):
    table = features.join(labels).swaplevel().sort_index()
    days = table.index.get_level_values("date")
    known = days.unique()
    start = known[int(len(known) * 0.8)]
    {split}
    later = days >= start
    X, y = table[features.columns].to_numpy(), table["label"].to_numpy()
    scaler = StandardScaler().fit(X[{scaled}])
    model = Ridge().fit(scaler.transform(X[fitted]), y[fitted])
    holdout = model.predict(scaler.transform(X[later]))
    half = len(holdout) // 2
    {calibrate}
    meta = {{
        "spread": float(np.std(y[{spread}])),
        "medians": dict(zip(features.columns, np.median(X[fitted], axis=0))),
        "rows": int(len(X)),
    }}
    {folder}
    (folder / "meta.json").write_text(json.dumps(meta))
    return "v2"
"""
CLEAN = {
    "split": "fitted = days < known[int(len(known) * 0.8) - HORIZON]",
    "scaled": "fitted",
    "calibrate": "IsotonicRegression().fit(holdout[:half], y[later][:half] > 0)",
    "spread": "fitted",
    "folder": "folder = at.store / 'v2'; folder.mkdir()",
}


def trainer(**wrong):
    return TRAINER.format(**{**CLEAN, **wrong})


@pytest.mark.passes("SPL021", "FEA121", "FEA122", "CAL011", "RET011")
def test_a_clean_trainer_passes(tmp_path):
    with tiny(tmp_path, trainer()) as subject:
        results = {code: run_check(code, subject) for code in CODES}
    for result in results.values():
        assert_passes(result)
    judged = next(e for e in results["SPL021"].evidence if e.name == "judged")
    row = dict(zip(judged.columns, judged.rows[0], strict=True))
    assert (row["model"], row["bars between"], row["fitted rows"]) == ("Ridge", 6, 12 * 395)


@pytest.mark.fails("SPL021")
@pytest.mark.parametrize(("gap", "rows"), [(0, 48), (3, 12)])
def test_a_holdout_without_its_purge(tmp_path, gap, rows):
    split = f"fitted = days < known[int(len(known) * 0.8) - {gap}]"
    with tiny(tmp_path, trainer(split=split)) as subject:
        found = assert_fails(run_check("SPL021", subject), key="Ridge", hook="retrain.train")
    assert found.measured == f"{rows} rows, {gap + 1} bars away"


@pytest.mark.fails("SPL021")
def test_rows_split_at_random(tmp_path):
    split = """fitted = np.random.default_rng(0).random(len(days)) < 0.8; later = ~fitted"""
    text = trainer(split=split).replace("    later = days >= start\n", "")
    with tiny(tmp_path, text) as subject:
        found = assert_fails(run_check("SPL021", subject), key="Ridge")
    assert "on the very dates of judged rows" in found.message
    assert found.measured.endswith("0 bars away")


@pytest.mark.fails("FEA121")
def test_a_scaler_fitted_before_the_split(tmp_path):
    with tiny(tmp_path, trainer(scaled=":")) as subject:
        found = assert_fails(run_check("FEA121", subject), key="StandardScaler before Ridge")
        assert_passes(run_check("SPL021", subject))
    assert found.measured == "1200 of 1200 judged rows"


@pytest.mark.fails("FEA122")
def test_a_spread_of_all_labels_is_named(tmp_path):
    with tiny(tmp_path, trainer(spread="fitted | later")) as subject:
        result = run_check("FEA122", subject)
    found = assert_fails(result, key="{version}/meta.json /spread")
    assert "/spread in {version}/meta.json" in found.message
    assert "the standard deviation of label label" in found.message
    assert len(result.findings) == 1


@pytest.mark.fails("FEA122")
def test_medians_of_all_rows_are_one_finding(tmp_path):
    text = trainer().replace("np.median(X[fitted]", "np.median(X[fitted | later]")
    with tiny(tmp_path, text) as subject:
        result = run_check("FEA122", subject)
    assert len(result.findings) == 1
    assert "12 numbers below /medians" in result.findings[0].message


def test_a_stored_file_that_cannot_be_read_is_no_pass(tmp_path):
    folder = CLEAN["folder"] + "; (folder / 'torn.json').write_text('{')"
    with tiny(tmp_path, trainer(folder=folder)) as subject:
        result = run_check("FEA122", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert [gap.what for gap in result.gaps] == ["v2/torn.json"]


BAG = (
    "bag = [Ridge(a).fit(scaler.transform(X[fitted]), y[fitted]) for a in (1, 2, 3)]; "
    "rows = np.flatnonzero({rows})[:half]; "
    "votes = np.mean([m.predict(scaler.transform(X[rows])) for m in bag], axis=0); "
    "IsotonicRegression().fit(votes, y[rows] > 0)"
)


@pytest.mark.fails("CAL011")
def test_a_calibrator_on_means_of_models_over_rows_that_they_know(tmp_path):
    with tiny(tmp_path, trainer(calibrate=BAG.format(rows="fitted"))) as subject:
        found = assert_fails(run_check("CAL011", subject), key="IsotonicRegression")
    assert found.measured.split()[0] == found.measured.split()[2]


@pytest.mark.passes("CAL011")
def test_a_calibrator_on_means_of_models_over_new_rows(tmp_path):
    with tiny(tmp_path, trainer(calibrate=BAG.format(rows="later"))) as subject:
        assert_passes(run_check("CAL011", subject))


@pytest.mark.fails("CAL011")
def test_a_calibrator_on_rows_that_the_model_knows(tmp_path):
    wrong = "IsotonicRegression().fit(model.predict(scaler.transform(X[fitted])), y[fitted] > 0)"
    with tiny(tmp_path, trainer(calibrate=wrong)) as subject:
        found = assert_fails(run_check("CAL011", subject), key="IsotonicRegression")
    assert found.measured == "4740 of 4740 rows"


@pytest.mark.fails("CAL011")
def test_scores_that_were_changed_on_the_way_are_counted(tmp_path):
    """The last fifth by position of a table sorted by asset is not the last fifth in time."""
    wrong = """
    by_asset = np.argsort(table.index.get_level_values("asset"), kind="stable")[-1200:]
    strength = np.abs(model.predict(scaler.transform(X[by_asset])))
    IsotonicRegression().fit(strength[:600], y[by_asset][:600] > 0)
"""
    with tiny(tmp_path, trainer(calibrate=wrong.strip())) as subject:
        found = assert_fails(run_check("CAL011", subject), key="IsotonicRegression")
    assert found.measured == "490 of 600 rows"


META = """from sklearn.linear_model import LogisticRegression
    edge = model.predict(scaler.transform(X[{rows}]))
    beside = np.column_stack([scaler.transform(X[{rows}]), edge / 3.0, np.abs(edge)])
    LogisticRegression().fit(beside, y[{rows}] > 0)"""


@pytest.mark.fails("CAL011")
def test_a_model_of_features_and_predictions_of_fitted_rows(tmp_path):
    with tiny(tmp_path, trainer(calibrate=META.format(rows="fitted"))) as subject:
        found = assert_fails(run_check("CAL011", subject), key="LogisticRegression")
    count = int(found.measured.split(" ")[0])
    assert f"{count} of {count} of them" in found.message


@pytest.mark.fails("FEA121")
def test_scales_that_know_rows_of_the_next_model_alone(tmp_path):
    text = trainer(scaled="days == days", calibrate=META.format(rows="later"))
    with tiny(tmp_path, text) as subject:
        found = assert_fails(run_check("FEA121", subject), severity=Severity.MEDIUM)
    assert "the next model is fitted" in found.message


@pytest.mark.passes("CAL011")
def test_a_model_of_features_and_predictions_of_new_rows(tmp_path):
    with tiny(tmp_path, trainer(calibrate=META.format(rows="later"))) as subject:
        assert_passes(run_check("CAL011", subject))


@pytest.mark.passes("CAL011")
def test_changed_scores_of_new_rows_only_pass(tmp_path):
    clean = "IsotonicRegression().fit(np.abs(holdout)[:half], y[later][:half] > 0)"
    with tiny(tmp_path, trainer(calibrate=clean)) as subject:
        assert_passes(run_check("CAL011", subject))


@pytest.mark.fails("RET011")
def test_a_file_beside_the_store(tmp_path):
    wrong = """folder = at.store / 'v2'; folder.mkdir()
    (at.root / "calibrator.bin").write_bytes(b"x")
"""
    with tiny(tmp_path, trainer(folder=wrong)) as subject:
        found = assert_fails(run_check("RET011", subject), key="calibrator.bin")
    assert found.message == "training with a store of its own writes calibrator.bin"


BOOSTER = """
import lightgbm
import xgboost

@surface("splits")
def declared(at):
    return {"horizon": 5}

@surface("retrain")
def train(at, features, labels):
    days = features.index.get_level_values("date")
    known = days.unique().sort_values()
    fitted, later = days < known[390], days >= known[400]
    X, y = features.to_numpy(), labels["label"].to_numpy()
    light = lightgbm.train({"verbosity": -1}, lightgbm.Dataset(X[fitted], label=y[fitted]), 3)
    light.predict(X[later])
    extreme = xgboost.train({}, xgboost.DMatrix(X[fitted], label=y[fitted]), 3)
    extreme.predict(xgboost.DMatrix(X[later]))
    lightgbm.LGBMRegressor(n_estimators=3, verbosity=-1).fit(X[fitted], y[fitted]).predict(X[later])
"""


@pytest.mark.passes("SPL021")
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_boosting_libraries_are_followed(tmp_path, library):
    pytest.importorskip(library)
    text = "\n".join(
        line
        for line in BOOSTER.splitlines()
        if library == "xgboost" or not ("xgboost" in line or "extreme" in line)
    )
    with tiny(tmp_path, text) as subject:
        result = run_check("SPL021", subject)
    assert_passes(result)
    judged = next(e for e in result.evidence if e.name == "judged")
    assert {row[0] for row in judged.rows} >= {"Booster", "LGBMRegressor"}
    assert {row[judged.columns.index("bars between")] for row in judged.rows} == {11}


OWN = """
class Mean:
    def fit(self, rows, label):
        self.centre = rows.mean(axis=0)
        return self
    def answer(self, rows):
        return (rows - self.centre).sum(axis=1)

@surface("splits")
def declared(at):
    return {"horizon": 5}

@surface("retrain")
def train(at, features, labels):
    from audit_lib.hooks import watch
    WATCH
    rows = features.to_numpy()
    model = Mean().fit(rows[:3000], labels)
    model.answer(rows[3000:])
"""


def test_an_estimator_of_the_subjects_own_is_named_by_the_hook(tmp_path):
    own = OWN.replace("WATCH", 'watch(Mean, fit="fit", predict="answer")')
    with tiny(tmp_path, own) as subject:
        found = assert_fails(run_check("SPL021", subject), key="Mean")
    assert found.measured == "3000 rows, 0 bars away"  # rows by asset: the same dates


def test_without_its_name_nothing_can_be_traced(tmp_path):
    with tiny(tmp_path, OWN.replace("WATCH", "")) as subject:
        result = run_check("SPL021", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "audit_lib.hooks.watch" in result.reason


def test_a_method_that_is_not_there_is_a_mistake_of_the_hook(tmp_path):
    with tiny(tmp_path, OWN.replace("WATCH", 'watch(Mean, fit="fti")')) as subject:
        result = run_check("SPL021", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "Mean has no method 'fti' to watch" in result.reason


def test_libraries_are_left_as_they_were(tmp_path):
    from sklearn.linear_model import Ridge

    before = Ridge.__dict__["fit"]
    with tiny(tmp_path, trainer()) as subject:
        run_check("SPL021", subject)
    assert Ridge.__dict__["fit"] is before
    assert np.array_equal(Ridge().fit([[0.0], [1.0]], [0, 0]).predict([[2.0], [3.0]]), [0, 0])


@pytest.mark.slow
@pytest.mark.passes("SPL021", "FEA121", "FEA122", "CAL011", "RET011")
def test_the_reference_engine_trains_as_it_says(reference):
    for code in CODES:
        assert_passes(run_check(code, reference))


@pytest.mark.slow
@pytest.mark.fails("SPL021", "FEA121", "FEA122")
def test_the_candidate_does_not(reference):
    candidate = reference.at("2022-03rc")
    purge = assert_fails(run_check("SPL021", candidate), key="Fitted")
    assert purge.measured == "36 rows, 3 bars away"
    assert_fails(run_check("SPL021", candidate), key="Calibrator")
    assert_fails(run_check("FEA121", candidate), key="RobustScaler before Fitted")
    numbers = run_check("FEA122", candidate).findings
    files = {f.key for f in numbers}
    assert files == {f"{{version}}/meta.json /scaler/{what}" for what in ("mad", "median")}
