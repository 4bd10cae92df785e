"""HED005: heads that are decoded from one array."""

import re
from pathlib import Path

import pytest

from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/outputs.md").read_text()
(YAML,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
(HOOKS,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
SOFTMAX = """
@surface("predictor.decode")
def decode(at, outputs):
    e = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    p = e / e.sum(axis=AXIS, keepdims=True)
    return pd.DataFrame(p, columns=["down", "flat", "up"])
"""
ANOTHER = """
@surface("predictor.predict")
def predict(at, features):
    drift, width, logit = outputs(at, features).T
    made = decode(at, np.column_stack([drift, width, LOGIT]))
    return made.set_axis(features.index, axis=0)
"""
CLASSES = "heads: {down: {kind: probability, output: 0}, up: {kind: probability, output: 2}}\n"


@pytest.mark.passes("HED005")
def test_the_example_of_the_guide(tmp_path):
    with tiny(tmp_path, HOOKS, parameters=YAML) as subject:
        assert held(run_check("HED005", subject), "difference of heads", 1e-6).measured < 1e-9
        assert [r for r in try_hooks(subject) if r.state != "good"] == []
        tried = {r.hook for r in try_hooks(subject)}
    assert "predictor.predict" in tried


def test_checks_of_heads_reach_it(tmp_path):
    with tiny(tmp_path, HOOKS, parameters=YAML) as subject:
        for code in ("FEA004", "HED002", "HED003"):
            assert_passes(run_check(code, subject))
    raw = HOOKS.replace("up = 1 / (1 + np.exp(-clipped))", "up = clipped")
    with tiny(tmp_path / "b", raw, parameters=YAML) as subject:
        assert_fails(run_check("HED002", subject), key="up outside 0 to 1")


@pytest.mark.passes("HED005")
def test_a_softmax_reads_all_outputs(tmp_path):
    text = HOOKS + SOFTMAX.replace("AXIS", "1")
    with tiny(tmp_path, text, parameters=CLASSES) as subject:
        assert_passes(run_check("HED005", subject))
    same = HOOKS + ANOTHER.replace("LOGIT", "logit")
    with tiny(tmp_path / "b", same, parameters=YAML) as subject:
        assert_passes(run_check("HED005", subject))


@pytest.mark.fails("HED005")
@pytest.mark.parametrize(
    ("text", "yaml", "said"),
    [
        (
            HOOKS.replace("drift, width, logit", "drift, logit, width"),
            YAML,
            "head up is decoded from output 1, and 2 is declared for it",
        ),
        (HOOKS + SOFTMAX.replace("AXIS", "0"), CLASSES, "a row alone: down, flat, up of"),
        (HOOKS.replace('"drift": drift,', '"drift": drift - drift.mean(),'), YAML, "half"),
        (HOOKS + ANOTHER.replace("LOGIT", "2 * logit"), YAML, "answers other up than the decoder"),
        (
            HOOKS.replace("np.clip(width, -30, 500)", "width"),
            YAML,
            "outputs of up to 1000 make head width inf",
        ),
        (
            HOOKS.replace("np.clip(logit, -500, 500)", "np.nan_to_num(logit)"),
            YAML,
            "output 2 is NaN, and head up is 0.5",
        ),
    ],
)
def test_decoders_that_are_wrong(tmp_path, text, yaml, said):
    with tiny(tmp_path, text, parameters=yaml) as subject:
        result = run_check("HED005", subject)
    assert result.outcome is Outcome.FAIL
    assert any(said in f.message for f in result.findings), [f.message for f in result.findings]


REGIME = """
    made["regime"] = np.where(np.isnan(drift), CODE, (drift > 0) * 1)
    return made
"""


def with_regime(code):
    """The guide's decoder with a head of codes; a drift that is NaN gets that one."""
    before, _, after = HOOKS.rpartition("    return pd.DataFrame(")
    return before + "    made = pd.DataFrame(" + after + REGIME.replace("CODE", code)


@pytest.mark.passes("HED005")
def test_an_exponential_may_be_infinite_and_a_code_stand_for_none(tmp_path):
    unclipped = HOOKS.replace("np.log1p(np.exp(np.clip(width, -30, 500)))", "np.exp(width)")
    with tiny(tmp_path, unclipped, parameters=YAML) as subject:
        assert_passes(run_check("HED005", subject))
    codes = YAML + "codes: {regime: {0: calm, 1: wild}}\n"
    with tiny(tmp_path / "b", with_regime("-1"), parameters=codes) as subject:
        assert_passes(run_check("HED005", subject))


@pytest.mark.fails("HED005")
def test_an_output_that_is_nan_becomes_a_regime(tmp_path):
    codes = YAML + "codes: {regime: {0: calm, 1: wild}}\n"
    with tiny(tmp_path, with_regime("1"), parameters=codes) as subject:
        found = assert_fails(run_check("HED005", subject))
    assert "output 0 is NaN, and head regime is 1" in found.message


def test_variants_share_a_decoder(tmp_path):
    two = HOOKS.replace('"predictor.outputs"', '"predictor.outputs", variant="net"')
    two += """
@surface("predictor.outputs", variant="trees")
def trees(at, features):
    return features[['move', 'size']].to_numpy() @ WEIGHTS[:, ::-1] + [0, 0.1, 0]
"""
    with tiny(tmp_path, two, parameters=YAML) as subject:
        assert subject.hooks.variants("predictor.predict") == ("net", "trees")
        assert_passes(run_check("HED002", subject))


def test_heads_that_come_by_name_need_no_decoder(tmp_path):
    plain = "\n@surface('predictor')\ndef required(at):\n    return ['a']\n"
    with tiny(tmp_path, plain) as subject:
        result = run_check("HED005", subject)
    assert result.outcome is Outcome.NOT_APPLICABLE
    assert "predictor.outputs, predictor.decode" in result.reason


LISTED = {"store/v1/meta.json": '{"heads": ["drift", "width", "up"]}'}
STORE = "artifacts: {store: store, registry: null}\n"


@pytest.mark.passes("HED005")
def test_the_order_of_the_checkpoints_list(tmp_path):
    with tiny(tmp_path, HOOKS, source=LISTED, parameters=STORE) as subject:
        assert not run_check("HED005", subject).findings


@pytest.mark.fails("HED005")
def test_heads_in_another_order_than_the_checkpoint_lists_them(tmp_path):
    text = HOOKS.replace("drift, width, logit", "drift, logit, width")
    with tiny(tmp_path, text, source=LISTED, parameters=STORE) as subject:
        found = assert_fails(run_check("HED005", subject), path="hooks.py")
    assert "head up is decoded from output 1, and stands at 2 in the" in found.message


@pytest.mark.passes("HED005")
def test_columns_that_the_predictor_does_not_publish(tmp_path):
    text = HOOKS + ANOTHER.replace("LOGIT", "logit").replace(
        "made.set_axis(features.index, axis=0)", 'made.set_axis(features.index, axis=0)[["up"]]'
    )
    with tiny(tmp_path, text, parameters=YAML) as subject:
        assert_passes(run_check("HED005", subject))
