"""ONL004: what a learner takes from its labels."""

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

LEARNER = """
@surface("online")
def run(at, batches, probe, restart_after):
    names = [c for c in batches[0].columns if c != "y"]
    w = START * np.ones(len(names))
    for batch in batches:
        x, y = batch[names].to_numpy(), batch["y"].to_numpy()
        UPDATE
    return probe[names].to_numpy() @ w
"""
STEP = "w += 0.01 * x[i] * (y[i] - x[i] @ w)"
EACH = f"for i in range(len(x)):\n            {STEP}"
BAD = {
    "sign": EACH.replace("w +=", "w -=").replace("- x[i] @ w", ""),
    "lag": f"y = np.roll(y, 1)\n        {EACH}",
    "lag too": f"y = np.roll(y, -1)\n        {EACH}",
    "unrelated": "w += np.random.default_rng(3).normal(size=len(w)) * 0.001",
    "unrelated too": "w += abs(y).mean() * np.random.default_rng(len(y)).normal(size=len(w))",
    "unrelated three": "w += y.sum() * np.random.default_rng(len(y)).normal(size=len(w))",
    "rows": f"i = len(x) - 1\n        {STEP}",
    "rows too": f"for i in range(len(x) // 2):\n            {STEP}",
    "clipped": f"y = np.maximum(y, 0.0)\n        {EACH}",
    "clipped too": f"y = np.minimum(y, 0.0)\n        {EACH}",
    "reset": f"w = np.zeros(len(names))\n        {EACH}",
    "columns": f"x = x * (np.arange(x.shape[1]) == 0)\n        {EACH}",
    "columns too": f"x = x.copy()\n        x[:, 2] = 0.0\n        {EACH}",
    "drift": f"if batch is batches[0] or batch is batches[1]:\n            {EACH}".replace(
        "\n            w", "\n                w").replace("        w +=", "        w +="),
}  # fmt: skip
GOOD = {
    "each row": (0.0, EACH),
    "on trained weights": (5.0, EACH),
    "a step a batch": (0.0, "w += 0.1 * (x.T @ (y - x @ w)) / len(x)"),
    "by sign": (0.0, EACH.replace("(y[i] - x[i] @ w)", "(np.sign(y[i]) - np.tanh(x[i] @ w))")),
    "in random order": (0.0, EACH.replace("range(len(x))",
                                          "np.random.default_rng(1).permutation(len(x))")),
}  # fmt: skip


def learner(update, start=0.0):
    return LEARNER.replace("START", str(start)).replace("UPDATE", update)


@pytest.mark.passes("ONL004")
def test_the_reference_engines_learner_follows(reference):
    result = run_check("ONL004", reference)
    assert_passes(result)
    memory = next(e for e in result.evidence if e.name == "memory")
    assert 350 < float(memory.note.rpartition(": ")[2]) < 1400  # 0.999 a row is 693


@pytest.mark.passes("ONL004")
@pytest.mark.parametrize("name", GOOD)
def test_learners_of_other_kinds(tmp_path, name):
    start, update = GOOD[name]
    with tiny(tmp_path, learner(update, start)) as subject:
        assert_passes(run_check("ONL004", subject))


@pytest.mark.fails("ONL004")
@pytest.mark.parametrize("name", BAD)
def test_learners_that_go_elsewhere(tmp_path, name):
    with tiny(tmp_path, learner(BAD[name])) as subject:
        result = run_check("ONL004", subject)
    found = assert_fails(result, severity=Severity.HIGH)
    assert found.key == name.partition(" ")[0], found.message


#: what corrects a prediction, here the mean of the features, knows a scale and a shift alone
SCALE = """
@surface("online")
def run(at, batches, probe, restart_after):
    names = [c for c in batches[0].columns if c != "y"]
    scale, shift = 1.0, 0.0
    for batch in batches:
        for told, y in zip(batch[names].mean(axis=1), batch["y"]):
            scale += WAY 0.1 * told * (y - scale * told - shift)
            shift += 0.01 * (y - scale * told - shift)
    return scale * probe[names].mean(axis=1).to_numpy() + shift
"""


@pytest.mark.passes("ONL004")
@pytest.mark.fails("ONL004")
def test_what_scales_a_prediction_follows_no_other_direction(tmp_path):
    with tiny(tmp_path, SCALE.replace("WAY", "1 *")) as subject:
        assert_passes(run_check("ONL004", subject))
    turned = SCALE.replace("WAY", "-1 *").replace("told * (y - scale * told - shift)", "told * y")
    with tiny(tmp_path / "b", turned) as subject:
        assert_fails(run_check("ONL004", subject), key="sign")


@pytest.mark.fails("ONL004")
def test_an_update_with_its_sign_turned_around(engine):
    edit_source(engine, "online.py", "self._moment + weight *", "self._moment - weight *")
    with mutant(engine) as subject:
        assert_fails(run_check("ONL004", subject), key="sign")


@pytest.mark.fails("ONL004")
def test_a_memory_that_is_not_the_one_stated(tmp_path):
    text = learner(EACH)
    with tiny(tmp_path / "a", text, parameters="options: {ONL004: {half_life: 69}}") as subject:
        assert_passes(run_check("ONL004", subject))
    with tiny(tmp_path / "b", text, parameters="options: {ONL004: {half_life: 1000}}") as subject:
        found = assert_fails(run_check("ONL004", subject), key="memory")
    assert found.message.endswith("1000 are stated")


def test_a_learner_that_takes_no_lesson_is_not_assessed(tmp_path):
    with tiny(tmp_path, learner("pass", 1.0)) as subject:
        assert run_check("ONL004", subject).outcome is Outcome.NOT_ASSESSED


@pytest.mark.fails("ONL004")
def test_a_learner_of_one_column_that_is_not_linear(tmp_path):
    text = learner(
        "w[0] += 0.1 * (np.tanh(3 * x[:, 0]) @ (y - w[0] * np.tanh(3 * x[:, 0]))) / len(x)"
    )
    text = text.replace(
        "probe[names].to_numpy() @ w", "w[0] * np.tanh(3 * probe[names[0]].to_numpy())"
    )
    with tiny(tmp_path, text) as subject:
        found = assert_fails(run_check("ONL004", subject), key="columns")
    assert found.message == "4 of 5 columns are learnt nothing of: x1, x2, x3, x4"
