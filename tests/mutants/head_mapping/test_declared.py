"""Heads that the parameters declare, where the checkpoint does not."""

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

HOOKS = """
@surface("features.build")
def build(at, panel):
    return each(panel, drift=lambda b: returns(b).rolling(5).mean())

@surface("predictor")
def required(at):
    return ["drift"]

@surface("predictor.predict")
def predict(at, features):
    return pd.DataFrame({"up": 1 / (1 + np.exp(-40 * features["drift"])) + SHIFT})
"""
HEADS = "heads: {up: {kind: probability, most: 0.99999}}"


@pytest.mark.passes("HED002")
def test_declared_heads_are_judged(tmp_path):
    text = HOOKS.replace("SHIFT", "0")
    with tiny(tmp_path / "a", text) as subject:
        assert run_check("HED002", subject).outcome is Outcome.NOT_ASSESSED
    with tiny(tmp_path / "b", text, parameters=HEADS) as subject:
        assert_passes(run_check("HED002", subject))


@pytest.mark.fails("HED002")
@pytest.mark.parametrize(
    ("heads", "shift", "said"),
    [(HEADS, "0.6", "outside 0 to 1"), ("heads: {up: {kind: real, most: 0.4}}", "0", "above its")],
)
def test_a_head_outside_its_declared_range(tmp_path, heads, shift, said):
    with tiny(tmp_path, HOOKS.replace("SHIFT", shift), parameters=heads) as subject:
        result = run_check("HED002", subject)
    assert result.outcome is Outcome.FAIL
    assert any(said in f.message for f in result.findings)


STORED = {"store/v1/meta.json": '{"heads": ["direction", "drift"]}'}
PUBLISHED = HOOKS.replace(
    "+ SHIFT})",
    '+ SHIFT, "drift": features["drift"], "regime": 1.0, "low": features["drift"] - 1})',
).replace("SHIFT", "0")
BESIDE = "regime: {kind: other}, low: {kind: other}"
PLACED = "artifacts: {store: store, registry: null}\n"


@pytest.mark.passes("HED001")
def test_heads_that_are_published_under_other_names_and_what_stands_beside_them(tmp_path):
    declared = PLACED + f"heads: {{up: {{kind: probability, output: 0}}, {BESIDE}}}\n"
    with tiny(tmp_path, PUBLISHED, source=STORED, parameters=declared) as subject:
        assert_passes(run_check("HED001", subject))
        result = run_check("HED002", subject)
        assert not run_check("HED003", subject).findings  # the regime is one in every row
    assert [g.what for g in result.gaps] == ["domain of drift"]


@pytest.mark.fails("HED001")
def test_columns_that_nobody_declares(tmp_path):
    declared = PLACED + f"heads: {{up: {{kind: probability}}, {BESIDE}}}\n"
    with tiny(tmp_path, PUBLISHED, source=STORED, parameters=declared) as subject:
        result = run_check("HED001", subject)
    found = assert_fails(result, key="are heads of the checkpoint, and not predicted")
    assert found.message == "1 outputs are heads of the checkpoint, and not predicted: direction"
