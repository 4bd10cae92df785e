import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

SOURCE = {
    "validation.py": """
    def enforce_preconditions():
        problems = find()
        if problems:
            raise RuntimeError(problems)
    """,
    "trainer.py": """
    class ModelTrainer:
        def __init__(self):
            enforce_preconditions()

        def train(self, panel):
            return self.fit_all(panel)
    """,
    "backtest.py": """
    class Backtester:
        def __init__(self, config):
            self.config = prepare(config)

        def run(self, panel):
            return panel


    def prepare(config):
        enforce_preconditions()
        return config
    """,
    "job.py": """
    def run_training_job(panel):
        return ModelTrainer().train(panel)

    def train_test_split(panel):
        return panel
    """,
    "tests/test_trainer.py": "def train_something():\n    pass\n",
}


@pytest.mark.passes("SPL012")
def test_entries_that_all_reach_the_precondition(tmp_path):
    with tiny(tmp_path, source=SOURCE) as subject:
        result = run_check("SPL012", subject)
    assert_passes(result)
    assert {row[1] for row in result.evidence[0].rows} == {
        "ModelTrainer", "Backtester", "run_training_job",
    }  # fmt: skip


@pytest.mark.fails("SPL012")
def test_an_entry_beside_the_guarded_ones(tmp_path):
    source = SOURCE | {"quick.py": "\ndef backtest_fast(panel):\n    return panel.mean()\n"}
    with tiny(tmp_path, source=source) as subject:
        result = run_check("SPL012", subject)
    found = assert_fails(result, path="quick.py", line=2, key="enforce_preconditions")
    assert "which 3 of 4 entries enforce" in found.message
    assert len(result.findings) == 1


def test_what_is_made_sure_of_is_no_precondition(tmp_path):
    """A folder or a schema that is made where it is missing refuses nothing."""
    made = "\ndef ensure_schema():\n    connect().execute('create table if not exists a')\n"
    source = {k: v.replace("enforce_preconditions()", "ensure_schema()") for k, v in SOURCE.items()}
    source |= {"validation.py": made, "quick.py": "\ndef backtest_fast(x):\n    return x\n"}
    with tiny(tmp_path, source=source) as subject:
        assert run_check("SPL012", subject).outcome is Outcome.NOT_ASSESSED


@pytest.mark.fails("SPL012")
def test_a_precondition_that_cannot_refuse(tmp_path):
    source = SOURCE | {"validation.py": "def enforce_preconditions():\n    log('unlocked')\n"}
    with tiny(tmp_path, source=source) as subject:
        result = run_check("SPL012", subject)
    assert assert_fails(result, key="enforce_preconditions").measured == "never raises"


def test_a_source_without_preconditions_is_told_so(tmp_path):
    with tiny(tmp_path, source={"trainer.py": "def train(panel):\n    return panel\n"}) as subject:
        result = run_check("SPL012", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "none of the 1 entries that train or backtest calls a precondition" in result.reason
    assert result.evidence[0].rows == (("trainer.py", "train"),)


def test_a_source_without_entries_is_not_assessed(tmp_path):
    source = {"labels.py": "def training_labels(panel):\n    return panel\n"}
    with tiny(tmp_path, source=source) as subject:
        assert run_check("SPL012", subject).outcome is Outcome.NOT_ASSESSED
