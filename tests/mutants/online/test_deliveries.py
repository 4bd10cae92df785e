"""ONL003, RET004 and RET005: learners and triggers over time."""

import re
from pathlib import Path

import pytest

from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/over_time.md").read_text()
LEARNER, TRIGGER = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


def said(result, key):
    assert result.outcome is Outcome.FAIL, result.reason
    assert {f.key for f in result.findings} == {key}, [f.message for f in result.findings]
    return result.findings[0].message


@pytest.mark.passes("ONL003", "RET004", "RET005")
def test_the_examples_of_the_guide(tmp_path):
    with tiny(tmp_path, LEARNER + TRIGGER) as subject:
        for code in ("RET004", "RET005"):
            assert_passes(run_check(code, subject))
        assert held(run_check("ONL003", subject), "Predictions after each", 1e-9).measured < 1e-12
        assert [r for r in try_hooks(subject) if r.state != "good"] == []


REFUSES = LEARNER.replace(
    "            row = self.waiting.pop(str(key), None)     # gone once it is learnt\n",
    "            if str(key) not in self.waiting:\n                raise Refusal('known')\n"
    "            row = self.waiting.pop(str(key))\n",
)


@pytest.mark.passes("ONL003")
def test_a_learner_that_refuses_what_it_knows(tmp_path):
    with tiny(tmp_path, REFUSES) as subject:
        assert_passes(run_check("ONL003", subject))


@pytest.mark.fails("ONL003")
@pytest.mark.parametrize(
    ("old", "new", "keys"),
    [
        (
            "self.waiting.pop(str(key), None)",
            "self.waiting.get(str(key))",
            {
                "labels that come twice",
                "labels that come again later",
                "labels that come again after a restart",
            },
        ),
        (
            "[self.weights, self.waiting]",
            "[self.weights, {}]",
            {"a restart between rows and labels forgets"},
        ),
        ('labels[labels["due"] <= now].sort_index()', "labels", {"labels before they are due"}),
        (
            '.sort_index()\n        for key, y in zip(due.index, due["y"])',
            '\n        for key, y in zip(list(self.waiting)[: len(due)], due["y"])',
            {"order"},
        ),
        (
            "        due = labels",
            "        first = labels['due'].min()\n"
            "        self.last = max(getattr(self, 'last', first), first)\n"
            "        labels = labels[labels['due'] >= self.last]\n        due = labels",
            {"late"},
        ),
    ],
)  # fmt: skip
def test_learners_that_are_wrong(tmp_path, old, new, keys):
    assert old in LEARNER
    with tiny(tmp_path, LEARNER.replace(old, new)) as subject:
        result = run_check("ONL003", subject)
    assert result.outcome is Outcome.FAIL, result.reason
    assert keys <= {f.key for f in result.findings}, [f.message for f in result.findings]


@pytest.mark.fails("RET004")
def test_a_trigger_that_forgets(tmp_path):
    text = TRIGGER.replace('row = json.loads((at.scratch / "trigger.json").read_text())', "row = 0")
    with tiny(tmp_path, text) as subject:
        told = said(run_check("RET004", subject), "a restart forgets")
    assert "changes decisions" in told


@pytest.mark.fails("RET004")
@pytest.mark.parametrize(
    ("answer", "key", "said_of"),
    [
        ("bool(np.random.default_rng().random() < 0.5)", "chance", "the same history twice"),
        (
            "row >= (2 if len(states) > 20 else 1)",
            "prefix",
            "later states change earlier decisions",
        ),
    ],
)
def test_a_trigger_that_does_not_repeat_itself(tmp_path, answer, key, said_of):
    with tiny(tmp_path, TRIGGER.replace("row >= 2", answer)) as subject:
        assert said_of in said(run_check("RET004", subject), key)


@pytest.mark.fails("RET005")
@pytest.mark.parametrize(
    ("old", "new", "key", "what"),
    [
        ('        "psi": float(1 - known.mean()),\n', "", "psi", "never tells it"),
        ("1 - known.mean()", "0.01", "psi", "tells the same with features that drift as before"),
        (
            "(today - trained).days",
            "5",
            "days_since_training",
            "tells the same with time as before",
        ),
        (
            'float(-np.abs(live["outcome"] - live["prediction"]).mean())',
            'float(np.abs(live["outcome"] - live["prediction"]).mean())',
            "live_score",
            "tells something better with outcomes that miss",
        ),
        ("float(1 - known.mean())", "float('nan')", "psi", "tells NaN, or nothing"),
    ],
)
def test_triggers_that_are_not_fed(tmp_path, old, new, key, what):
    assert old in TRIGGER
    with tiny(tmp_path, TRIGGER.replace(old, new)) as subject:
        told = said(run_check("RET005", subject), key)
    assert what in told


def test_without_these_hooks_there_is_nothing_to_judge(tmp_path):
    with tiny(tmp_path, TRIGGER[: TRIGGER.index('@surface("retrain.replay")')]) as subject:
        for code in ("ONL003", "RET004"):
            assert run_check(code, subject).outcome is Outcome.NOT_APPLICABLE
