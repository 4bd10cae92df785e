"""What is wrong with the form of an answer, sentence by sentence."""

import numpy as np
import pandas as pd
import pytest

from audit_lib.probes.tryouts import judges

DAYS = pd.date_range("2020-01-01", periods=100, freq="D")
INDEX = pd.MultiIndex.from_product([["a", "b"], DAYS], names=["asset", "date"])
PANEL = pd.DataFrame({"close": 1.5, "volume": 3}, index=INDEX)
THREE = PANEL.iloc[:3]
TEXTS = pd.Series("x", INDEX, dtype=object)
DATES = pd.DataFrame({"end": THREE.index.get_level_values("date")}, index=THREE.index)
ORDERS = pd.DataFrame({"side": [-1, 0, 1], "size": [1.0, 0.0, 2.0], "gate": ["", "cap", None]},
                      index=THREE.index)  # fmt: skip
OPTION = judges.priced(pd.DataFrame({"dividend": [0.0], "rate": [0.05]}))
ROWS = (THREE,)
FORM = ([1.0], [2.0, 3.0])
FIT = {"op": "fit", "rows": [1]}

#: judge -> answers, what they answer to, and what is said
CASES = {
    "is_panel": [
        (PANEL, (), []),
        (PANEL.assign(flag=np.uint8(1)), (), []),
        ([1], (), ["wanted a DataFrame, got list"]),
        (PANEL.rename_axis(["a", "date"]), (), ["the index must be named asset, date; it is "
                                               "['a', 'date']"]),
        (PANEL.iloc[::-1], (), ["rows must be sorted by asset and date: add .sort_index()"]),
        (pd.concat([PANEL, PANEL.iloc[:2]]).sort_index(), (), ["2 rows are duplicated"]),
        (PANEL[["volume"]], (), ["column close is missing"]),
        (PANEL.assign(name=TEXTS), (), ["column name is object, not numbers"]),
        (PANEL.assign(flag=True), (), ["column flag is bool, not numbers"]),
        (PANEL.iloc[:199], (), ["199 rows are few; give at least 200, better 1,000"]),
    ],
    "is_frame": [
        (THREE, ROWS, []),
        (THREE.iloc[1:2], ROWS, []),
        (THREE["close"], ROWS, ["wanted a DataFrame, got Series"]),
        (PANEL.iloc[1:5], ROWS, [f"2 rows are not in what was given, the first is {INDEX[3]}"]),
        (THREE.iloc[:0], ROWS, ["it is empty", "column close holds no number at all",
                                "column volume holds no number at all"]),
        (THREE.assign(x=np.nan, y=[np.nan, 1, 2]), ROWS, ["column x holds no number at all"]),
        (THREE.assign(**dict.fromkeys("pqrstuvw", np.nan)), ROWS,
         [f"column {c} holds no number at all" for c in "pqrstu"]),
    ],
    "is_orders": [
        (ORDERS, ROWS, []),
        (3, ROWS, ["wanted a DataFrame, got int"]),
        (ORDERS[["side"]], ROWS, ["columns gate, size are missing"]),
        (ORDERS.assign(side=[0, 1, 2]), ROWS, ["side must be -1, 0 or 1"]),
        (ORDERS.assign(gate=["", "", 3]), ROWS,
         ["gate must be the name of the gate that decided, or ''; it is no text"]),
        (ORDERS.assign(size=[0, -1, 1]), ROWS,
         ["size must not be negative; side says the direction"]),
        (ORDERS.assign(size=np.nan), ROWS, ["column size holds no number at all"]),
    ],
    "is_array": [
        (np.zeros(3), ROWS, []),
        ([0.0] * 3, ROWS, ["wanted an array, got list: use np.asarray(...)"]),
        (np.zeros(2), ROWS, ["shape is (2,), wanted (3,)"]),
        (np.zeros((3, 1)), ROWS, ["shape is (3, 1), wanted (3,)"]),
        (np.zeros(3), (THREE, 1), []),
        (np.zeros(2), (THREE, 1, [1, 2]), []),
        (np.zeros(3), (THREE, 1, [1, 2]), ["shape is (3,), wanted (2,)"]),
    ],
    "is_matrix": [
        (np.zeros((3, 2)), ROWS, []),
        (np.zeros((2, 2)), ROWS, ["2 rows answered for 3"]),
        (np.zeros(3), ROWS, None),
        ([[1]], ROWS, None),
    ],
    "is_probability": [
        (np.array([0.0, 0.5, 1.0]), ROWS, []),
        (np.array([0.0, 0.5, 1.2]), ROWS, ["values run from 0 to 1.2, not in [0, 1]"]),
        (np.array([-0.1, 0.5, 1]), ROWS, ["values run from -0.1 to 1, not in [0, 1]"]),
        (np.zeros(2), ROWS, ["shape is (2,), wanted (3,)"]),
    ],
    "is_interval": [
        (np.array([[0.0, 1.0], [1.0, 1.0]]), FORM, []),
        (np.array([[0.0, 1.0], [1.0, 0.9]]), FORM, ["lower bounds stand above upper ones"]),
        (np.array([[0.0, 1.0]]), FORM, ["wanted an array of shape (2, 2)"]),
        ([[0.0, 1.0], [1.0, 2.0]], FORM, ["wanted an array of shape (2, 2)"]),
    ],
    "is_price": [
        (np.array([10.4, 8.0, 7.9]), (OPTION,), []),
        (np.array([10.4, 10.4, 7.9]), (OPTION,),
         ["the dividend moves no price: mend it, or declare absent: {pricing.dividend: why}"]),
        (np.array([10.4, 8.0, 10.4]), (OPTION,),
         ["the rate moves no price: mend it, or declare absent: {pricing.rate: why}"]),
        (np.array([10.4]), (OPTION.iloc[:1],), []),
        (np.array([5.0, 4.0, 3.0]), (OPTION,), None),
        (np.array([20.0, 4.0, 3.0]), (OPTION,), None),
        (np.array([5.1, 4.0, 3.0]), (OPTION,), []),
        (np.array([19.9, 4.0, 3.0]), (OPTION,), []),
        (np.zeros(2), (OPTION,), ["shape is (2,), wanted (3,)"]),
    ],
    "is_volatility": [
        (np.array([0.2]), ([1],), []),
        (np.array([0.11]), ([1],), []),
        (np.array([0.39]), ([1],), []),
        (np.array([0.1]), ([1],), ["answered 0.1 for 0.2: check that volatility is a fraction"]),
        (np.array([0.4]), ([1],), ["answered 0.4 for 0.2: check that volatility is a fraction"]),
        (np.zeros(2), ([1],), ["shape is (2,), wanted (1,)"]),
    ],
    "is_account": [
        ({"a": 1, "b": 2.0, "c": np.float32(1)}, (), []),
        ({"a": 1, "b": "2"}, (), ["b is no number"]),
        ({}, (), None),
        ([1], (), None),
    ],
    "is_policy": [
        ({"a": "CAUSAL", "b": "END_OF_DAY"}, (), []),
        ({}, (), []),
        ("CAUSAL", (), ["wanted a mapping, got str"]),
        ({"a": "LATER"}, (), ["'LATER' is not one of CAUSAL, END_OF_DAY, RESEARCH_ONLY"]),
    ],
    "is_lists": [
        ({"live": ["a"], "test": ()}, (), []),
        ({"live": "a"}, (), ["'live' has no list of types"]),
        ({}, (), None),
        ([["a"]], (), None),
    ],
    "is_among": [
        (["a"], (["a", "b"],), []),
        ((), (["a"],), []),
        (["a", "z", "y"], (["a"],), ["'z' was not asked about"]),
        ("a", (["a"],), None),
    ],
    "is_ends": [
        (DATES, ROWS, []),
        (DATES + pd.Timedelta(days=1), ROWS, []),
        (DATES.assign(end=[DAYS[0], pd.NaT, DAYS[2]]), ROWS, []),
        (DATES.assign(end=[DAYS[0], pd.NaT, DAYS[1]]), ROWS,
         ["column end ends before its row begins"]),
        (DATES.assign(n=1), ROWS, ["column n is int64, no dates"]),
        (DATES.iloc[:0], ROWS, ["it is empty", "column end holds no number at all"]),
        (DATES.assign(end=DATES["end"].dt.tz_localize("UTC")), ROWS, []),
    ],
    "is_directions": [
        ({"a": "higher", "b": "lower"}, (), []),
        ({"a": "up"}, (), ["'a' is 'up'; write 'higher' or 'lower'"]),
        ({}, (), ["wanted a mapping of metric to 'higher' or 'lower'"]),
        (["higher"], (), ["wanted a mapping of metric to 'higher' or 'lower'"]),
    ],
    "is_admission": [
        ({"admitted": True, "reasons": []}, (), []),
        ({"admitted": False, "reasons": ["old"]}, (), []),
        ({"admitted": False, "reasons": []}, (), ["a version that is not admitted needs a reason"]),
        ({"admitted": 0, "reasons": []}, (), ["admitted must be True or False, not int"]),
        ({"admitted": True}, (), ["key 'reasons' is missing"]),
        (True, (), ["wanted a mapping, got bool"]),
    ],
    "is_record": [
        ({"steps": [FIT, {"op": "fit", "rows": None}], "writes": []}, (), []),
        ({"steps": [FIT], "writes": ["/far/model.pkl"]}, (),
         ["it writes model.pkl, outside the store"]),
        ({"steps": [{"op": "score", "rows": [1]}, {"op": "fit", "rows": None}], "writes": []}, (),
         ["none of 1 fits could be traced to rows: name the subject's own estimators with "
          "audit_lib.hooks.watch, and train on the numbers as they are given"]),
    ],
    "is_terms": [
        ({"holding": 5, "entry": 1, "price": "close", "kind": "sign"}, (), []),
        ({"holding": 5.0}, (), ["holding must be int, not float"]),
        ({"kind": 1, "hold": 2}, (), ["'hold' is no term; known: holding, entry, price, kind",
                                      "kind must be str, not int"]),
        ({}, (), ["wanted a mapping with some of holding, entry, price, kind"]),
        ([5], (), ["wanted a mapping with some of holding, entry, price, kind"]),
    ],
    "is_folds": [
        ([{"train": [0, 1], "test": [2]}], ROWS, []),
        ([{"train": np.empty(0, int), "test": [2]}], ROWS, []),
        ([], ROWS, ["wanted a list of folds, got none"]),
        (3, ROWS, ["wanted a list of folds, got none"]),
        ([{"train": [0], "test": [1]}, {"train": [0]}], ROWS,
         ["fold 2 needs keys train and test"]),
        ([[0, 1]], ROWS, ["fold 1 needs keys train and test"]),
        ([{"train": [0.0], "test": [1]}], ROWS,
         ["fold 1, train: wanted integer positions, got float64"]),
        ([{"train": [0], "test": [3]}], ROWS, ["fold 1, test: positions leave the panel's 3 rows"]),
        ([{"train": [-1], "test": [2]}], ROWS,
         ["fold 1, train: positions leave the panel's 3 rows"]),
    ],
    "is_tables": [
        ({"t": THREE}, (), []),
        ({"t": 3}, (), ["t is no frame"]),
        ({"t": THREE.reset_index()}, (),
         ["t is numbered, not labelled: label it, or declare sides: {t: position}"]),
        ({}, (), None),
        (THREE, (), None),
    ],
    "is_sample": [
        ({"scores": [0.1, 2], "outcomes": [0, 1], "fitted": [True, False]}, (), []),
        ({"scores": [0.1], "outcomes": [0, 1], "fitted": [True, False]}, (),
         ["scores, outcomes and fitted differ in length: [1, 2]"]),
        ({"scores": [0.1, 2], "outcomes": [0, 2], "fitted": [True, False]}, (),
         ["outcomes must be 0 or 1"]),
        ({"scores": [], "outcomes": []}, (), ["key 'fitted' is missing"]),
    ],
    "is_dates": [
        ([DAYS[0], DAYS[2]], (PANEL,), []),
        (["2020-01-01"], (PANEL,), []),
        (["2019-01-01"], (PANEL,), ["2019-01-01 00:00:00 is no date of the panel"]),
        (["soon"], (PANEL,), None),
    ],
    "is_measures": [
        ({"ece": 0.0, "brier": np.float64(0.3)}, (), []),
        ({"ece": -0.1}, (), ["ece is -0.1; on 400 ordinary rows it is a number from 0 on"]),
        ({"ece": np.inf}, (), ["ece is inf; on 400 ordinary rows it is a number from 0 on"]),
        ({"ece": "0"}, (), ["ece is 0; on 400 ordinary rows it is a number from 0 on"]),
        ({"other": 0.1}, (), None),
        ({}, (), None),
        (0.1, (), None),
    ],
    "is_share": [
        (0.0, (), []), (1.0, (), []), (np.float64(0.4), (), []),
        (1.1, (), None), (-0.1, (), None), (1, (), None), (np.nan, (), None),
    ],
}  # fmt: skip


@pytest.mark.parametrize("judge", CASES)
def test_what_is_said_of_an_answer(judge):
    for number, (answer, arguments, said) in enumerate(CASES[judge]):
        got = getattr(judges, judge)(answer, arguments)
        assert len(got) == 1 if said is None else got == said, (number, got)


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        (float, 0.5, []),
        (float, True, ["wanted that, got bool"]),
        (bool, True, []),
        (bool, 1.0, ["wanted that, got float"]),
        (str, None, ["wanted that, got NoneType"]),
    ],
)
def test_an_answer_of_one_kind(kind, answer, said):
    assert judges.is_kind(kind, "that")(answer, ()) == said
