import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.feature_vector.test_scaler import HOOKS, TEST, TRAIN, features, meta
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

EVERYTHING = ("1900-01-01", "2100-01-01")


def told(start, end, statistic="median", name="imputer", by_name=False):
    built = features()
    dates = built.index.get_level_values(1)
    values = built[(dates >= start) & (dates <= end)].agg(statistic)
    more = {name: values.to_dict() if by_name else {"values": values.tolist()}}
    return {**meta(*TRAIN), "run": more}


@pytest.mark.passes("FEA108")
@pytest.mark.parametrize(("statistic", "by_name"), [("median", False), ("mean", True)])
def test_values_of_train_rows(tmp_path, statistic, by_name):
    with tiny(tmp_path, HOOKS, meta=told(*TRAIN, statistic, by_name=by_name)) as subject:
        result = run_check("FEA108", subject)
    assert_passes(result)
    assert [e.count for e in result.examined] == [4, 8]
    assert result.evidence[0].rows[0][1:3] == (statistic, "train of fold 1")
    (margin,) = result.margins
    assert (margin.measured, margin.allowed, margin.unit) == (0, 0, "bars")


@pytest.mark.passes("FEA108")
def test_the_reference_engine_fills_nothing(reference):
    assert_passes(run_check("FEA108", reference))


@pytest.mark.fails("FEA108")
@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (TRAIN[0], TEST[1], "train and test of the last fold"),
        (*EVERYTHING, "the whole sample"),
    ],
)
def test_values_that_the_judged_period_helped_to_make(tmp_path, start, end, rows):
    with tiny(tmp_path, HOOKS, meta=told(start, end)) as subject:
        result = run_check("FEA108", subject)
    found = assert_fails(result, pointer="/run/imputer/values", measured=rows)
    assert "the median of " + rows in found.message


def test_values_under_a_name_of_their_own(tmp_path):
    recorded = told(*EVERYTHING, name="stand_ins", by_name=True)
    options = "options: {FEA108: {pointer: /run/stand_ins}}"
    with tiny(tmp_path / "a", HOOKS, meta=recorded, parameters=options) as subject:
        assert_fails(run_check("FEA108", subject), pointer="/run/stand_ins")
    with tiny(tmp_path / "b", HOOKS, meta=recorded) as subject:
        assert_passes(run_check("FEA108", subject))


def test_values_that_nothing_reproduces_are_a_gap_and_zeros_tell_nothing(tmp_path):
    for folder, values, outcome in (
        ("odd", [1.0, 2.0, 3.0, 4.0], Outcome.NOT_ASSESSED),
        ("two", [1.0, 2.0, 1.0, 2.0], Outcome.NOT_ASSESSED),
        ("half", [1.0, None, 2.0, None], Outcome.NOT_ASSESSED),
        ("one", [1.0, None, None, None], Outcome.PASS),
        ("zeros", [0, 0, 0, 0], Outcome.PASS),
    ):
        recorded = {**meta(*TRAIN), "fill_values": values}
        with tiny(tmp_path / folder, HOOKS, meta=recorded) as subject:
            assert run_check("FEA108", subject).outcome is outcome


@pytest.mark.fails("FEA108")
@pytest.mark.parametrize(
    ("filled", "far"),
    [
        ('b["volume"].bfill()', 7),
        ('b["volume"].interpolate()', 7),
        ('b["volume"].fillna(b["volume"].mean())', 100),
    ],
)
def test_a_gap_filled_from_later_bars(tmp_path, filled, far):
    hooks = HOOKS.replace('np.log(b["volume"])', f"np.log({filled})")
    with tiny(tmp_path, hooks) as subject:
        result = run_check("FEA108", subject)
    found = assert_fails(result, key="traded")
    assert found.measured.endswith("bars at gaps, 0 elsewhere")
    ahead = int(found.measured.split()[1])
    assert result.margins[0].measured == ahead
    assert ahead == far or (far > 50 and ahead >= far)
    assert "beside a gap" in result.evidence[0].rows[0][5]


@pytest.mark.passes("FEA108")
def test_a_gap_carried_forward(tmp_path):
    hooks = HOOKS.replace('np.log(b["volume"])', 'np.log(b["volume"].ffill())')
    with tiny(tmp_path, hooks) as subject:
        assert_passes(run_check("FEA108", subject))


def test_a_column_for_research_only_may_fill_backwards(tmp_path):
    hooks = HOOKS.replace('np.log(b["volume"])', 'np.log(b["volume"].bfill())')
    policy = '@surface("features")\ndef policy(at):\n    return {"traded": "RESEARCH_ONLY"}\n'
    with tiny(tmp_path, hooks + policy) as subject:
        assert_passes(run_check("FEA108", subject))


@pytest.mark.fails("FEA108")
def test_the_engine_filling_its_closes_backwards(engine):
    edit_source(
        engine,
        "feature_builders.py",
        "built = _build_sorted(require_preconditions(panel), lookup(names))",
        'closes = require_preconditions(panel).groupby(level="asset").bfill()\n'
        "    built = _build_sorted(closes, lookup(names))",
    )
    with mutant(engine) as subject:
        result = run_check("FEA108", subject)
    found = assert_fails(result, key="change_1")
    assert "fills a gap" in found.message


def recorded(data, columns=("a", "b", "c"), scaler=(None, None)):
    from audit_lib.checks.feature_vector.imputation import recorded_values
    from audit_lib.subject.documents import Document

    found = recorded_values(Document("m.json", "artifacts", data), list(columns), "", scaler)
    return {place: values.tolist() for place, values in found}


def test_where_imputation_values_are_found():
    """FEA108: lists and mappings of one number a feature, under a name that speaks of it."""
    assert recorded({"imputer": [1, 2, 3]}) == {"/imputer": [1.0, 2.0, 3.0]}
    assert recorded({"fill_value": 0.5, "x": {"medians": [1, 2, 3]}}) == {}
    assert list(recorded({"a": {"b": {"fillna": {"c": 3, "a": 1, "b": 2}}}})) == ["/a/b/fillna"]
    assert list(recorded({"impute": {"values": [3, 2, 1]}})) == ["/impute/values"]
    assert recorded({"imputer": [1, 2, 3]}, scaler=("/imputer", None)) == {}
    assert recorded({"imputer": [1, 2]}) == {}
    assert recorded({"imputer": [1, "two", 3]}) == {}
    assert recorded({"imputer": [4, 4, 4]}) == {}
    assert recorded({"imputer": [4, None, 4]}, scaler=()) == {}
    assert list(recorded({"imputer": [4, None, 5]})) == ["/imputer"]
    assert recorded({"imputer": []}, columns=()) == {}
    deep = {"p": {"q": {"r": {"imputer": [1, 2, 3]}}}}
    assert list(recorded(deep)) == ["/p/q/r/imputer"]
    assert recorded({"o": deep}) == {}
