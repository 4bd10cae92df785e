import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_json, mutant
from tests.mutants.tiny import MARKET, tiny

HOOKS = """
@surface("targets")
def build(at, panel):
    return each(
        panel,
        week=lambda b: b["close"].shift(-5) / b["close"] - 1,
        month=lambda b: b["close"].shift(-21) / b["close"] - 1,
    )
"""
TRAIN, TEST = ["2015-01-01", "2015-12-15"], ["2016-01-04", "2016-05-31"]


def labels(start, end):
    space: dict = {"__name__": "market"}
    exec(MARKET + HOOKS, space)
    built = space["build"](None, space["_market"]())
    dates = built.index.get_level_values(1)
    return built[(dates >= start) & (dates <= end)]


def meta(**more):
    return {"folds": [{"train": TRAIN, "test": TEST}], **more}


@pytest.mark.passes("TGT006")
def test_a_spread_of_train_rows(tmp_path):
    known = labels(*TRAIN)["week"]
    told = meta(global_target_std=float(known.std()), model={"label_mean": float(known.mean())})
    with tiny(tmp_path, HOOKS, meta=told) as subject:
        result = run_check("TGT006", subject)
    assert_passes(result)
    assert [row[2:] for row in result.evidence[0].rows] == [
        ("week", "standard deviation (n - 1)", "train of fold 1", "works with it"),
        ("week", "mean", "train of fold 1", "works with it"),
    ]


@pytest.mark.passes("TGT006")
def test_the_reference_engine_describes_all_rows_and_says_so(reference):
    result = run_check("TGT006", reference)
    assert_passes(result)
    assert result.findings == ()
    assert {row[4:] for row in result.evidence[0].rows} == {
        ("train and test of the last fold, complete", "describes")
    }


@pytest.mark.fails("TGT006")
@pytest.mark.parametrize("digits", [6, 17])
def test_a_spread_that_the_judged_period_helped_to_make(tmp_path, digits):
    spread = round(float(labels(TRAIN[0], TEST[1])["month"].std(ddof=0)), digits)
    with tiny(tmp_path, HOOKS, meta=meta(regimes=[{"target_std": spread}])) as subject:
        result = run_check("TGT006", subject)
    found = assert_fails(result, pointer="/regimes/0/target_std", severity=Severity.HIGH)
    assert found.measured == "train and test of the last fold"
    assert "standard deviation of label 'month'" in found.message


@pytest.mark.fails("TGT006")
def test_the_engine_with_a_clip_from_everything(engine):
    def clip(data):
        data["run"]["target_std"] = data["targets"]["return"]["statistics"]["std"]

    edit_json(engine, "2020-12/meta.json", clip)
    with mutant(engine) as subject:
        result = run_check("TGT006", subject)
    found = assert_fails(result, pointer="/run/target_std", severity=Severity.HIGH)
    assert "label 'return'" in found.message


def test_numbers_that_nothing_reproduces_and_none_at_all(tmp_path):
    for folder, told, why in (
        ("odd", meta(target_std=0.5), "no label on any set of rows reproduces it"),
        ("none", meta(), "records no spread or level of a label"),
    ):
        with tiny(tmp_path / folder, HOOKS, meta=told) as subject:
            result = run_check("TGT006", subject)
        assert result.outcome is Outcome.NOT_ASSESSED
        assert why in result.reason
