import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_json, mutant
from tests.mutants.tiny import tiny

FOLDS = [
    {"train": ["2015-01-01", "2015-08-18"], "test": ["2015-09-01", "2015-10-30"]},
    {"train": ["2015-01-01", "2015-10-16"], "test": ["2015-11-02", "2015-12-31"]},
]


def meta(selection=None, place="feature_selection"):
    told = {"targets": {"week": {"horizon": 10}}, "folds": FOLDS}
    return told if selection is None else told | {place: selection}


@pytest.mark.passes("FEA109")
@pytest.mark.parametrize(
    "selection",
    [
        {"columns": ["a", "b"], "first": "2015-01-01", "last": "2015-08-18"},
        [{"rows": {"first": f["train"][0], "last": f["train"][1]}} for f in FOLDS],
    ],
    ids=["before every fold", "within each fold"],
)
def test_a_choice_that_no_fold_judges_with_its_own_rows(tmp_path, selection):
    with tiny(tmp_path, meta=meta(selection)) as subject:
        result = run_check("FEA109", subject)
    assert_passes(result)
    assert result.examined[0].count == 2


@pytest.mark.passes("FEA109")
def test_no_record_and_no_code_that_selects(tmp_path, reference):
    with tiny(tmp_path, meta=meta(), source={"trainer.py": "x = rows.select(1)\n"}) as subject:
        assert_passes(run_check("FEA109", subject))
    assert_passes(run_check("FEA109", reference))


@pytest.mark.fails("FEA109")
@pytest.mark.parametrize(
    ("last", "severity", "count"),
    [
        ("2015-12-31", Severity.HIGH, "2 of 2 folds"),
        ("2015-10-09", Severity.MEDIUM, "1 of 2 folds"),
        ("2015-10-26", Severity.HIGH, "2 of 2 folds"),
    ],
    ids=["everything", "the first test period", "labels reach into the last"],
)
def test_a_choice_made_once_on_rows_that_are_judged(tmp_path, last, severity, count):
    with tiny(tmp_path, meta=meta({"first": "2015-01-01", "last": last})) as subject:
        result = run_check("FEA109", subject)
    found = assert_fails(result, pointer="/feature_selection", severity=severity)
    assert found.measured == f"until {last}"
    assert count in found.message


@pytest.mark.fails("FEA109")
def test_a_fold_whose_choice_saw_its_test(tmp_path):
    spans = [FOLDS[0]["train"], [FOLDS[1]["train"][0], FOLDS[1]["test"][1]]]
    with tiny(tmp_path, meta=meta(spans, "selection")) as subject:
        result = run_check("FEA109", subject)
    found = assert_fails(result, pointer="/selection", severity=Severity.HIGH)
    assert "fold 2 is judged from 2015-11-02: 1 of 2 folds" in found.message


@pytest.mark.fails("FEA109")
def test_the_engine_choosing_on_everything(engine):
    def choose(data):
        rows = {"first": data["run"]["data"]["start"], "last": data["run"]["data"]["end"]}
        data["feature_selection"] = {"columns": data["feature_cols"], "rows": rows}

    edit_json(engine, "2020-12/meta.json", choose)
    with mutant(engine) as subject:
        result = run_check("FEA109", subject)
    assert "8 of 8 folds" in assert_fails(result, pointer="/feature_selection").message


@pytest.mark.parametrize(
    "call",
    ["SelectKBest(k=20)", "self._select_features(x, y)", "_prune_correlated_features(x)", "RFE(m)"],
)
def test_code_that_selects_without_a_record_is_not_assessed(tmp_path, call):
    source = {"trainer.py": f"def fit(self, x, y, m):\n    return {call}\n"}
    with tiny(tmp_path, meta=meta(), source=source) as subject:
        result = run_check("FEA109", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    name = call.partition("(")[0].removeprefix("self.")
    assert f"trainer.py:2 calls `{name}`" in result.reason


def test_a_fold_without_dates_is_a_gap(tmp_path):
    with tiny(tmp_path, meta=meta([{"rows": FOLDS[0]["train"]}, {"columns": ["a"]}])) as subject:
        result = run_check("FEA109", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert [g.what for g in result.gaps] == ["fold 1", "fold 2"]
