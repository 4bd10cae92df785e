import pytest

from audit_lib.model import Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny


@pytest.mark.passes("ONL001", "ONL002")
def test_the_reference_engines_learner_passes(reference):
    assert held(run_check("ONL001", reference), "Change of the predictions", 1e-9).measured == 0
    assert_passes(run_check("ONL002", reference))


@pytest.mark.fails("ONL001")
def test_a_counter_that_is_not_saved(engine):
    edit_source(
        engine,
        "online.py",
        'learner.seen, learner.skipped = settings["seen"], settings["skipped"]',
        "learner.seen, learner.skipped = 0, 0",
    )
    with mutant(engine) as subject:
        result = run_check("ONL001", subject)
    found = assert_fails(result, key="restart", severity=Severity.HIGH)
    assert found.anchor.symbol == "online.run"
    assert len(result.findings) == 1


@pytest.mark.fails("ONL001")
def test_a_learner_that_forgets_nothing_and_learns_nothing(tmp_path):
    text = """
@surface("online")
def run(at, batches, probe, restart_after):
    return probe.sum(axis=1).to_numpy()
"""
    with tiny(tmp_path, text) as subject:
        result = run_check("ONL001", subject)
    found = assert_fails(result, key="learning")
    assert found.message.startswith("4 further batches change no prediction")


@pytest.mark.fails("ONL001")
def test_a_learner_that_answers_by_chance(tmp_path):
    text = """
@surface("online")
def run(at, batches, probe, restart_after):
    return probe.sum(axis=1).to_numpy() * np.random.default_rng().normal()
"""
    with tiny(tmp_path, text) as subject:
        result = run_check("ONL001", subject)
    found = assert_fails(result, key="repeat")
    assert found.message.startswith("the same run twice changes predictions")
    assert len(result.findings) == 1


@pytest.mark.fails("ONL002")
def test_one_outcome_moves_everything(engine):
    edit_source(
        engine,
        "online.py",
        "error = min(max(error, -CLIP * usual_error), CLIP * usual_error)",
        "pass",
    )
    with mutant(engine) as subject:
        result = run_check("ONL002", subject)
    assert {f.key for f in result.findings} == {"the outcome is 1e6 in one row"}
    assert_fails(result, key="the outcome is 1e6 in one row", severity=Severity.MEDIUM)


@pytest.mark.fails("ONL002")
def test_weights_that_became_nan_stay_nan(engine):
    edit_source(
        engine,
        "online.py",
        "known = np.isfinite(rows).all(axis=1) & np.isfinite(labels)",
        "known = np.ones(len(rows), dtype=bool)",
    )
    with mutant(engine) as subject:
        result = run_check("ONL002", subject)
    found = assert_fails(result, key="the outcome is NaN in one row")
    assert found.measured == "predictions are not finite any more"


RAISING = """
@surface("online")
def run(at, batches, probe, restart_after):
    total, names = 0.0, [c for c in batches[0].columns if c != "y"]
    for batch in batches:
        if not np.isfinite(batch.to_numpy()).all():
            raise KIND("Input y contains NaN.")
        total += batch["y"].clip(-0.01, 0.01).mean() if len(batch) else 0.0
    return probe[names].mean(axis=1).to_numpy() + 1e-3 * total
"""


@pytest.mark.passes("ONL002")
@pytest.mark.fails("ONL002")
def test_what_a_library_says_of_a_row_is_a_refusal_and_an_accident_is_none(tmp_path):
    with tiny(tmp_path, RAISING.replace("KIND", "ValueError")) as subject:
        assert_passes(run_check("ONL002", subject))
    with tiny(tmp_path / "b", RAISING.replace("KIND", "IndexError")) as subject:
        found = assert_fails(run_check("ONL002", subject), key="a feature is NaN in one row")
    assert found.severity is Severity.LOW


@pytest.mark.fails("ONL002")
def test_a_batch_that_counts_as_one_step_breaks_the_promise_of_splitting(tmp_path):
    text = """
@surface("online")
def run(at, batches, probe, restart_after):
    names = [c for c in batches[0].columns if c != "y"]
    w = np.zeros(len(names))
    for batch in batches:
        rows = batch[np.isfinite(batch).all(axis=1)].clip(-3, 3)
        if len(rows):
            x, y = rows[names].to_numpy(), rows["y"].to_numpy()
            w = w - 0.1 * x.T @ (x @ w - np.clip(y, -0.1, 0.1)) / len(rows)
    return probe[names].to_numpy() @ w
"""
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("ONL002", subject))
    promise = "options: {ONL002: {batch_split: true}}"
    with tiny(tmp_path / "b", text, parameters=promise) as subject:
        result = run_check("ONL002", subject)
    assert {f.key for f in result.findings} == {"a batch cut in two", "two batches joined"}
    assert_fails(result, key="a batch cut in two")
