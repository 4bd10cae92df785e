"""`hooks check` on the hook that trains: what the host recorded, and what is missing in it."""

from audit_lib.probes.tryouts.tryout import try_hooks
from tests.mutants.tiny import tiny

TRAIN = """
from sklearn.linear_model import Ridge

@surface("splits")
def declared(at):
    return {{"horizon": 5, "purge": 5, "embargo": 5}}

@surface("retrain")
def train(at, features, labels):
    {body}
"""


def report_of(folder, body):
    with tiny(folder, TRAIN.format(body=body)) as subject:
        return next(r for r in try_hooks(subject) if r.hook == "retrain.train")


def test_a_training_that_can_be_followed(tmp_path):
    report = report_of(tmp_path, "Ridge().fit(features, labels['label'])")
    assert (report.state, report.complaints) == ("good", ())


def test_a_training_that_hides_its_rows(tmp_path):
    report = report_of(tmp_path, "Ridge().fit(features.rank(), labels['label'].rank())")
    assert report.state == "wrong"
    assert "none of 1 fits could be traced to rows" in report.complaints[0]
    assert "audit_lib.hooks.watch" in report.complaints[0]


def test_a_training_that_writes_beside_its_store(tmp_path):
    body = "Ridge().fit(features, labels['label']); (at.root / 'model.bin').write_bytes(b'')"
    report = report_of(tmp_path, body)
    assert report.complaints == ("it writes model.bin, outside the store",)


CLASSES = """
import numpy as np, pandas as pd
from sklearn.linear_model import LogisticRegression

@surface("features")
def panel(at):
    dates = pd.bdate_range("2020-01-01", periods=300)
    index = pd.MultiIndex.from_product([["A", "B"], dates], names=["asset", "date"])
    close = 100 + np.random.default_rng(0).normal(size=len(index)).cumsum()
    return pd.DataFrame({{"close": close}}, index)

@surface("targets")
def build(at, panel):
    rises = panel["close"].groupby(level="asset").diff(-1) < 0
    return pd.DataFrame({{"up": rises.astype(float)}})

@surface("targets")
def declared(at):
    return {{"up": {{"horizon": 1}}}}

@surface("retrain")
def train(at, features, labels):
    assert set(labels["up"]) == {{0.0, 1.0}}, labels["up"]
    LogisticRegression().fit(features, labels["up"])
"""


def test_a_classifier_is_given_classes_where_its_own_labels_are_some(tmp_path):
    with tiny(tmp_path, CLASSES.format()) as subject:
        report = next(r for r in try_hooks(subject) if r.hook == "retrain.train")
    assert (report.state, report.complaints) == ("good", ())
