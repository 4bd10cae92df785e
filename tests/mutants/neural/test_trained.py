"""NEU005 and NEU006, and what NEU001 says of processes and exported networks; no framework."""

from contextlib import closing

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.subject.subject import open_subject
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import tiny

HEAD = """
@surface("predictor.required")
def required(at):
    return ["a", "b", "c"]

def uniform(rng, rows, columns):
    return rng.uniform(-1, 1, (rows, columns)) / columns**0.5
"""
FORWARD = (
    HEAD
    + """
WEIGHTS = np.array([[0.2, 0.1], [-0.4, 0.3], [0.3, -0.2]])

@surface("neural.forward")
def forward(at, inputs):
    return {answer}
"""
)
SOUND = "np.tanh(inputs) @ WEIGHTS"


# --- NEU001 -----------------------------------------------------------------------------------
EXPORTED = """
@surface("neural.exported")
def exported(at, inputs):
    return {answer}
"""


@pytest.mark.fails("NEU001")
@pytest.mark.parametrize(
    "answer",
    [
        "np.tanh(inputs) @ (WEIGHTS * 1.01)",
        "np.tanh(inputs[:, ::-1]) @ WEIGHTS",
        "np.round(np.tanh(inputs) @ WEIGHTS, 1)",
        "np.tanh(inputs[:1]) @ WEIGHTS + 0 * inputs[:, :2]",
        "(np.tanh(inputs) @ WEIGHTS)[:, :1]",
    ],
)
def test_an_exported_network_that_is_another(tmp_path, answer):
    text = FORWARD.format(answer=SOUND) + EXPORTED.format(answer=answer)
    with tiny(tmp_path, text) as subject:
        result = run_check("NEU001", subject)
    assert [f.key for f in result.findings] == ["exported"]
    assert_fails(result, key="exported", severity=Severity.HIGH)


@pytest.mark.passes("NEU001")
def test_an_exported_network_in_half_the_precision_of_one_row_at_a_time(tmp_path):
    answer = "np.concatenate([np.float32(np.tanh(r[None]) @ WEIGHTS) for r in inputs])"
    text = FORWARD.format(answer=SOUND) + EXPORTED.format(answer=answer)
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("NEU001", subject))


def test_an_exported_network_of_fixed_batches_is_a_gap(tmp_path):
    text = FORWARD.format(answer=SOUND) + EXPORTED.format(answer="fixed(inputs)")
    text += "\ndef fixed(x):\n    if len(x) != 32:\n        raise Refusal('32 rows')\n"
    text += f"    return {SOUND.replace('inputs', 'x')}\n"
    with tiny(tmp_path, text) as subject:
        result = run_check("NEU001", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert any("exported batches" in g.what for g in result.gaps)


KEPT = """{}

def kept(rows):
    return np.array([KEPT.setdefault(round(r[0], 1), np.tanh(r) @ WEIGHTS) for r in rows])

OTHER = """


DRAWN = "np.random.default_rng(abs(hash('net'))).normal(size=(3, 2))"
HOOK = '@surface("neural.forward")'


@pytest.mark.fails("NEU001")
@pytest.mark.parametrize(
    ("answer", "old", "new"),
    [
        (SOUND, "WEIGHTS = ", f"WEIGHTS = {DRAWN}\nOTHER = "),
        ("kept(inputs)", HOOK, f"KEPT = {KEPT}0\n\n{HOOK}"),
    ],
    ids=["drawn by a hash of text", "kept under a key that is too short"],
)
def test_weights_that_a_process_draws(tmp_path, answer, old, new):
    """Text hashes otherwise in another process, which only the host starts."""
    text = FORWARD.format(answer=answer).replace(old, new)
    with tiny(tmp_path, text) as subject:
        folder, root = subject.folder, subject.root
        with closing(open_subject(f"{folder}/", workspace=tmp_path, root=root)) as real:
            result = run_check("NEU001", real.at("v1"))
    assert [f.key for f in result.findings] == ["process"]


# --- NEU005 -----------------------------------------------------------------------------------
STEPS = (
    HEAD
    + """
@surface("neural.sequences")
def sequences(at, inputs, lengths):
    n, t, d = inputs.shape
    meant = np.arange(t)[None, :] < lengths[:, None]
    {body}
"""
)
MEAN = "(np.tanh(inputs) * meant[..., None]).sum(1) / lengths[:, None]"


@pytest.mark.passes("NEU005")
@pytest.mark.parametrize(
    "body",
    [
        f"return {MEAN}",
        "return np.stack([np.tanh(r[:k]).cumsum(0)[-1] for r, k in zip(inputs, lengths)])",
    ],
)
def test_padding_that_means_nothing(tmp_path, body):
    with tiny(tmp_path, STEPS.format(body=body)) as subject:
        assert held(run_check("NEU005", subject), "Change of a row's output", 1e-4).measured < 1e-9


@pytest.mark.fails("NEU005")
@pytest.mark.parametrize(
    ("body", "key"),
    [
        ("return np.tanh(inputs).mean(1)", "padding"),
        ("return np.tanh(inputs + 0.1)[:, -1]", "padding"),
        ("return (np.tanh(inputs) * meant[..., None]).sum(1) / t", "padding"),
        ("return np.tanh(inputs).max(1)", "padding"),
        ("e = np.exp(inputs); return (e * meant[..., None]).sum(1) / e.sum(1)", "padding"),
        (f"return {MEAN} + lengths.mean()", "padding"),
        ("return np.tanh(inputs)[np.arange(n), lengths - 2]", "last step"),
        (f"lengths = lengths - 1; meant[np.arange(n), lengths] = False; return {MEAN}",
         "last step"),
    ],
)  # fmt: skip
def test_padding_that_is_read(tmp_path, body, key):
    with tiny(tmp_path, STEPS.format(body=body)) as subject:
        result = run_check("NEU005", subject)
    assert [f.key for f in result.findings] == [key]


# --- NEU006 -----------------------------------------------------------------------------------
STATE = (
    FORWARD.format(answer=SOUND)
    + """
@surface("neural.state")
def state(at):
    rng = np.random.default_rng(3)
    fresh = {{
        "0.weight": uniform(rng, 64, 12), "0.bias": rng.uniform(-0.2, 0.2, 64),
        "1.weight": np.ones(64), "1.bias": np.zeros(64),
        "1.running_mean": np.zeros(64), "1.running_var": np.ones(64),
        "2.weight": uniform(rng, 32, 64), "3.weight": uniform(rng, 2, 32),
    }}
    {change}
    return fresh
"""
)


@pytest.mark.passes("NEU006")
@pytest.mark.parametrize(
    "change",
    [
        "fresh = {n: a + rng.normal(0, 0.02, a.shape) for n, a in fresh.items()}",
        "fresh = {n: a * 0.9 for n, a in fresh.items()}",
        "fresh['2.weight'] = fresh['2.weight'] * 1.02; del fresh['1.running_mean']",
    ],
)
def test_weights_that_training_has_moved(tmp_path, change):
    with tiny(tmp_path, STATE.format(change=change)) as subject:
        assert_passes(run_check("NEU006", subject))


@pytest.mark.fails("NEU006")
@pytest.mark.parametrize(
    ("change", "key", "severity"),
    [
        ("pass", "untrained", Severity.HIGH),
        ("fresh = {n: a.T for n, a in fresh.items()}", "untrained", Severity.HIGH),
        ("fresh = {n: a * (6 * a.shape[1] / sum(a.shape)) ** 0.5 if a.ndim == 2 else 0 * a"
         " for n, a in fresh.items()}", "untrained", Severity.HIGH),
        ("fresh['2.weight'] = fresh['2.weight'] * 1.1", "statistics", Severity.MEDIUM),
    ],
)  # fmt: skip
def test_weights_as_they_are_drawn(tmp_path, change, key, severity):
    with tiny(tmp_path, STATE.format(change=change)) as subject:
        result = run_check("NEU006", subject)
    assert [f.key for f in result.findings] == [key]
    assert_fails(result, key=key, severity=severity)


def test_too_few_weights_to_tell(tmp_path):
    change = "fresh = {'w': uniform(rng, 3, 4)}"
    with tiny(tmp_path, STATE.format(change=change)) as subject:
        result = run_check("NEU006", subject)
    assert (result.outcome, len(result.findings)) == (Outcome.NOT_ASSESSED, 0)


@pytest.mark.fails("NEU006")
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("np.full((len(inputs), 2), 0.3)", "output 0 is the same"),
        ("np.tanh(1e5 * np.tanh(inputs) @ WEIGHTS)", "output 0 is one of two values"),
        ("(np.tanh(inputs) @ WEIGHTS) * [1.0, 0.0] + [0.0, 5.0]", "output 1 is the same"),
    ],
)
def test_outputs_that_say_one_thing(tmp_path, answer, said):
    with tiny(tmp_path, FORWARD.format(answer=answer)) as subject:
        result = run_check("NEU006", subject)
    assert len(result.findings) == 1
    assert said in result.findings[0].message + str([e.rows for e in result.evidence])


GRADIENTS = """
@surface("neural.gradients")
def gradients(at, inputs, targets):
    error = np.tanh(inputs) @ WEIGHTS - targets
    return {answer}
"""
PART = "{'out': np.tanh(inputs).T @ error, 'scale': (error * inputs[:, :1]).sum(0)}"


@pytest.mark.passes("NEU006")
def test_gradients_that_live_in_some_batch(tmp_path):
    text = FORWARD.format(answer=SOUND) + GRADIENTS.format(answer=PART)
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("NEU006", subject))


@pytest.mark.fails("NEU006")
@pytest.mark.parametrize(
    ("answer", "key"),
    [
        (PART.replace("error * inputs", "0 * error * inputs"), "dead"),
        (PART.replace("'scale': (", "'scale': (np.nan * "), "scale finite"),
        (PART.replace("'scale': (", "'scale': (np.maximum(error - 99, 0) * "), "dead"),
    ],
)
def test_gradients_that_are_none(tmp_path, answer, key):
    text = FORWARD.format(answer=SOUND) + GRADIENTS.format(answer=answer)
    with tiny(tmp_path, text) as subject:
        assert_fails(run_check("NEU006", subject), key=key)
