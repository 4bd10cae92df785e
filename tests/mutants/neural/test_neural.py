import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

FORWARD = """
@surface("predictor")
def required(at):
    return ["a", "b", "c"]

WEIGHTS = np.array([[0.2], [-0.4], [0.3]])

@surface("neural")
def forward(at, inputs):
    {guard}
    return {answer}
"""


def network(answer="np.tanh(inputs) @ WEIGHTS", guard="pass"):
    return FORWARD.format(answer=answer, guard=guard)


@pytest.mark.passes("NEU001", "NEU002")
def test_the_reference_engines_head_passes(reference):
    for code in ("NEU001", "NEU002"):
        assert_passes(run_check(code, reference))


@pytest.mark.fails("NEU001")
def test_inputs_that_are_normalised_within_the_batch(engine):
    edit_source(
        engine,
        "neural.py",
        "clipped = np.clip(rows, -CLIP, CLIP)",
        "clipped = np.clip(rows - rows.mean(axis=0), -CLIP, CLIP)",
    )
    with mutant(engine) as subject:
        result = run_check("NEU001", subject)
    assert len(result.findings) == 1
    found = assert_fails(result, key="company", severity=Severity.HIGH)
    assert float(found.measured) > 0.1


@pytest.mark.fails("NEU001")
def test_dropout_that_is_still_on(tmp_path):
    noisy = "np.tanh(inputs) @ WEIGHTS + np.random.default_rng().normal(size=(len(inputs), 1))"
    with tiny(tmp_path, network(noisy)) as subject:
        found = assert_fails(run_check("NEU001", subject), key="company")
        assert_passes(run_check("NEU002", subject))  # whose rows change whatever stands beside them
    assert "when they are asked again: by" in found.message


@pytest.mark.fails("NEU001")
@pytest.mark.passes("NEU001", "NEU005")
def test_the_width_of_a_network_that_nothing_else_tells(tmp_path):
    _, weights, rest = network("np.tanh(inputs) @ WEIGHTS").partition("WEIGHTS")
    text = weights + rest
    shifted = text.replace("tanh(inputs)", "tanh(inputs - inputs.mean(axis=0))")
    steps = """
@surface("neural")
def sequences(at, inputs, lengths):
    inside = np.arange(inputs.shape[1]) < lengths[:, None]
    return (np.tanh(inputs) @ WEIGHTS * inside[..., None]).sum(axis=1)
"""
    with tiny(tmp_path / "rows", text) as subject:
        assert_passes(run_check("NEU001", subject))
    with tiny(tmp_path / "batch", shifted) as subject:
        assert_fails(run_check("NEU001", subject), key="company")
    with tiny(tmp_path / "steps", text.partition("@")[0] + steps) as subject:
        assert_passes(run_check("NEU005", subject))
    with tiny(tmp_path / "any", text.replace(" @ WEIGHTS", ".sum(axis=1)[:, None]")) as subject:
        result = run_check("NEU001", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "256 of the widths from 1 to 256" in result.reason


@pytest.mark.fails("NEU001")
def test_inputs_that_are_scaled_by_the_loudest_row(tmp_path):
    """Only a row far beyond all others changes its neighbours."""
    scaled = "np.tanh(inputs / max(1.0, np.abs(inputs).max() / 10)) @ WEIGHTS"
    with tiny(tmp_path, network(scaled)) as subject:
        result = run_check("NEU001", subject)
    found = assert_fails(result, key="company")
    assert "in 1 of 8 batches, most with beside extreme rows" in found.message
    moved = {name: gap for name, gap, *_ in result.evidence[0].rows}
    assert {name for name, gap in moved.items() if gap > 1e-9} == {"beside extreme rows"}
    assert float(found.measured) == pytest.approx(moved["beside extreme rows"], rel=1e-4)


@pytest.mark.fails("NEU001")
def test_the_same_call_again_must_answer_to_the_last_bit(tmp_path):
    """Rounding is allowed beside other rows, and nowhere else."""
    text = network("np.tanh(inputs) @ WEIGHTS + next(CALLS) * 1e-9")
    text = text.replace("WEIGHTS = ", "CALLS = iter(range(10**6))\nWEIGHTS = ")
    with tiny(tmp_path, text) as subject:
        found = assert_fails(run_check("NEU001", subject), key="company")
    assert "the same rows get other outputs when they are asked again" in found.message


def test_batches_that_get_no_answer_are_a_gap(tmp_path):
    alone = 'if len(inputs) == 1:\n        raise Refusal("one row is no batch")'
    with tiny(tmp_path, network(guard=alone)) as subject:
        result = run_check("NEU001", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert [(g.what, "one row is no batch" in g.why) for g in result.gaps] == [
        ("4 of 8 batches", True)
    ]


@pytest.mark.fails("NEU002")
def test_nan_that_becomes_a_number(engine):
    edit_source(
        engine,
        "neural.py",
        "clipped = np.clip(rows, -CLIP, CLIP)",
        "clipped = np.nan_to_num(np.clip(rows, -CLIP, CLIP))",
    )
    with mutant(engine) as subject:
        result = run_check("NEU002", subject)
    assert {f.key for f in result.findings} == {"a NaN in the first row", "a first row of NaN"}
    assert_fails(result, key="a first row of NaN", severity=Severity.MEDIUM)


@pytest.mark.passes("NEU002")
def test_what_the_library_says_of_a_width_is_a_refusal(tmp_path):
    with tiny(tmp_path, network()) as subject:
        assert_passes(run_check("NEU002", subject))  # a ValueError of the product


@pytest.mark.fails("NEU002")
def test_a_width_that_does_not_fit_crashes_or_broadcasts(tmp_path):
    with tiny(tmp_path, network(guard="_ = {2: 0, 3: 0}[inputs.shape[1]]")) as subject:
        crashed = run_check("NEU002", subject)
    assert_fails(crashed, key="a column too many", severity=Severity.LOW)
    with tiny(tmp_path / "b", network("np.tanh(inputs).sum(axis=1, keepdims=True)")) as subject:
        broadcast = run_check("NEU002", subject)
    found = assert_fails(broadcast, key="a column too few", severity=Severity.MEDIUM)
    assert found.measured == "answered as if it fitted"
