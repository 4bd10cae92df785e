"""FEA123: the order of columns that a training records, beside that of its fits."""

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

TRAINER = """
import json
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

@surface("splits")
def declared(at):
    return {{"horizon": 5}}

@surface("predictor")
def required(at):
    return ["alpha", "beta", "delta", "gamma"]

class Own:
    def fit(self, X, y):
        self.weights = np.linalg.lstsq(X, y, rcond=None)[0]

@surface("retrain")
def train(at, features, labels):
    columns = list(features.columns)
    table, y = features[columns], labels["label"].to_numpy()
    {fit}
    folder = at.store / "v2"
    folder.mkdir()
    (folder / "meta.json").write_text(json.dumps({{"feature_cols": {recorded}}}))
    return "v2"
"""
PLAIN = "Ridge().fit(table.to_numpy(), y)"
FITS = {
    "plain": PLAIN,
    "scaled": "Ridge().fit(StandardScaler().fit_transform(table.to_numpy()), y)",
    "falling and cut": "Ridge().fit(-np.clip(table.to_numpy(), -2, 2) * 3, y)",
    "its own": """from audit_lib.hooks import watch
    watch(Own, fit="fit")
    Own().fit(table.to_numpy(), y)""",
}
#: lists that are the one of the fit, and that are not
SAME = ("columns", "table.columns.tolist()")
OTHER = ("sorted(columns)", "columns[::-1]", "columns[1:] + columns[:1]", "required(at)")


def check(folder, fit, recorded):
    text = TRAINER.format(fit=fit, recorded=recorded)
    with tiny(folder, text, meta={"feature_cols": []}) as subject:
        return run_check("FEA123", subject)


@pytest.mark.passes("FEA123")
@pytest.mark.parametrize("fit", FITS)
def test_the_list_of_the_fit_is_recorded(tmp_path, fit):
    for number, recorded in enumerate(SAME):
        assert_passes(check(tmp_path / str(number), FITS[fit], recorded))


@pytest.mark.fails("FEA123")
@pytest.mark.parametrize("fit", FITS)
def test_a_list_in_another_order(tmp_path, fit):
    for number, recorded in enumerate(OTHER[:2] if fit != "plain" else OTHER):
        found = assert_fails(check(tmp_path / str(number), FITS[fit], recorded), key="order")
        assert "had other columns at the recorded places: column 0 of " in found.message
        assert sorted(found.measured.split(", ")) == sorted(found.expected.split(", "))


@pytest.mark.passes("FEA123")
def test_a_model_that_keeps_the_names_may_be_listed_in_any_order(tmp_path):
    assert_passes(check(tmp_path, "Ridge().fit(table, y)", "sorted(columns)"))


def test_what_cannot_be_compared_is_not_assessed(tmp_path):
    for number, (fit, recorded, said) in enumerate(
        (
            (PLAIN, "[]", "lists no columns"),
            (PLAIN, "columns[:2]", "fitted no model on the 2 columns"),
            ("Ridge().fit(table.to_numpy() @ np.ones((4, 4)), y)", "columns", "fitted no model"),
        )
    ):
        result = check(tmp_path / str(number), fit, recorded)
        assert (result.outcome, said in result.reason) == (Outcome.NOT_ASSESSED, True)
