"""Subjects that nobody here would have written: told, or explained, and never a crash."""

import pytest

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.explain.attribution import Setting
from audit_lib.explain.run import explain
from tests.mutants.tiny import tiny

SMALL = Setting(rows=120, budget=4000)

TEXT_AND_GAPS = """
@surface("explain.inputs")
def inputs(at):
    rng = np.random.default_rng(0)
    x = pd.DataFrame({"π ratio": rng.normal(size=500), "a/b": rng.normal(size=500)})
    x.loc[::9, "a/b"] = np.nan
    x["sector"] = np.where(x.index % 3 == 0, "bank", "oil")
    return x

@surface("predictor.predict")
def predict(at, features):
    known = features["a/b"].fillna(0.0)
    return pd.DataFrame(
        {
            "=class, -1/0/1": np.sign(known.round(0)),
            "label": "text",
            "bank": (features["sector"] == "bank") * np.exp(features["π ratio"]),
        },
        index=features.index,
    )
"""

FEW = """
@surface("explain.inputs")
def inputs(at):
    x = pd.DataFrame({"x": [1.0, 2.0, 3.0, 5.0], "y": [0.0, 1.0, 0.0, 1.0]})
    return {"features": x, "dates": ["2020-01-01", "2020-01-02", "2020-01-03", "2020-01-04"]}

@surface("predictor.predict")
def predict(at, features):
    return (features["x"] * features["y"]).to_frame("head")
"""

NEIGHBOURS = """
@surface("explain.inputs")
def inputs(at):
    day = pd.date_range("2021-01-01", periods=60).repeat(5)
    index = pd.MultiIndex.from_arrays([day, list("abcde") * 60], names=["when", "who"])
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(300, 3)), index=index, columns=["x", "y", "z"])

@surface("predictor.predict")
def predict(at, features):
    if features.index.duplicated().any():
        raise Refusal("a row twice")
    return features["x"].groupby(level="when").rank(pct=True).to_frame("head")
"""


def test_text_gaps_and_odd_names(tmp_path):
    with tiny(tmp_path, TEXT_AND_GAPS) as subject:
        found = explain(subject, SMALL)
    of = {h.name: {f.factor: f.importance.value for f in h.factors} for h in found.summary.heads}
    assert set(of) == {"=class, -1/0/1", "bank"}
    assert of["=class, -1/0/1"]["a/b"] > 0
    assert of["=class, -1/0/1"]["π ratio"] == 0
    assert of["bank"]["sector"] > 0
    assert all("/" not in name and "=" not in name for name in found.files)
    csv = next(v for k, v in found.files.items() if k.startswith("attribution") and b"class" in v)
    assert b"\n'=class" in csv or b"\"'=class" in csv
    assert "rules over text" in found.summary.not_assessed
    assert "periods" in found.summary.not_assessed
    assert "decision" in found.summary.not_assessed


def test_few_rows_are_said_to_be_few(tmp_path):
    with tiny(tmp_path, FEW) as subject:
        found = explain(subject, SMALL)
    assert "too few rows" in found.summary.learned[0].why
    assert found.summary.heads[0].factors[0].importance.low is None


def test_a_predictor_that_ranks_within_a_date_is_explained_by_whole_tables(tmp_path):
    with tiny(tmp_path, NEIGHBOURS) as subject:
        (head,) = explain(subject, SMALL).summary.heads
    assert head.factors[0].factor == "x"
    assert {f.importance.value for f in head.factors[1:]} == {0.0}


def test_nothing_to_explain_is_not_assessed(tmp_path):
    with tiny(tmp_path) as subject, pytest.raises(NotAssessed, match=r"predictor.required"):
        explain(subject, SMALL)


def test_a_declared_absence_does_not_apply(tmp_path):
    with (
        tiny(tmp_path, FEW, parameters="absent: {predictor: 'rules alone'}") as subject,
        pytest.raises(NotApplicable, match="rules alone"),
    ):
        explain(subject, SMALL)


def test_a_predictor_that_refuses_everything_is_not_assessed(tmp_path):
    text = FEW.replace("return (features", 'raise Refusal("closed")\n    return (features')
    with tiny(tmp_path, text) as subject, pytest.raises(NotAssessed, match="closed"):
        explain(subject, SMALL)
