"""RET011 where the isolation itself keeps writes from being noted; see also test_trainer."""

from audit_lib.host import Isolation
from audit_lib.model import Outcome
from audit_lib.testing import run_check
from tests.mutants.tiny import LocalHost, tiny

TRAINER = """
from sklearn.linear_model import Ridge

@surface("splits")
def declared(at):
    return {"horizon": 5}

@surface("retrain")
def train(at, features, labels):
    Ridge().fit(features.to_numpy(), labels["label"])
    (at.store / "model.txt").write_text("v2")
"""


def test_where_writes_are_stopped_before_they_are_noted_nothing_passes(tmp_path, monkeypatch):
    monkeypatch.setattr(LocalHost, "isolation", Isolation.AUDIT_HOOK)
    with tiny(tmp_path, TRAINER) as subject:
        result = run_check("RET011", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert [gap.what for gap in result.gaps] == ["writes elsewhere"]


def test_elsewhere_the_same_training_passes(tmp_path):
    with tiny(tmp_path, TRAINER) as subject:
        assert run_check("RET011", subject).outcome is Outcome.PASS
