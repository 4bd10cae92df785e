"""The tool that makes mutants: what it changes, and nothing else."""

import json

import pytest

from audit_lib.model import Outcome
from audit_lib.reference_engine.errors import ArtifactRefused
from audit_lib.reference_engine.registry import Registry
from audit_lib.testing import run_check
from tests.mutants.mutate import (
    SOURCE,
    built_store,
    copy_engine,
    edit_arrays,
    edit_json,
    edit_source,
    mutant,
)


def test_a_copy_is_private(tmp_path):
    engine = copy_engine(tmp_path)
    edit_source(engine, "rules.py", "enter_long: float = 0.42", "enter_long: float = 0.50")
    edit_json(engine, "2020-12/decisions.json", lambda d: d["live"].update(enter_long=0.5))
    assert "enter_long: float = 0.42" in (SOURCE / "rules.py").read_text()
    stored = json.loads((built_store() / "2020-12" / "decisions.json").read_bytes())
    assert stored["live"]["enter_long"] == 0.42


@pytest.mark.parametrize("old", ["float", "no such text"])
def test_an_edit_must_name_one_place(tmp_path, old):
    engine = copy_engine(tmp_path)
    with pytest.raises(AssertionError, match=r"times in rules\.py"):
        edit_source(engine, "rules.py", old, "x")


def test_sealed_changes_load_and_others_are_refused(tmp_path):
    engine = copy_engine(tmp_path)
    edit_json(engine, "2020-12/meta.json", lambda meta: meta["run"].update(seed=1))
    edit_arrays(engine, "2020-12/conformal.npz", lambda a: a.update(residuals=a["residuals"] * 2))
    assert Registry(engine.store).load("2020-12").run["seed"] == 1
    edit_json(engine, "2020-12/meta.json", lambda meta: meta["run"].update(seed=2), seal=False)
    with pytest.raises(ArtifactRefused):
        Registry(engine.store).load("2020-12")


def test_a_mutant_is_audited_from_its_own_copy(tmp_path):
    engine = copy_engine(tmp_path)
    (engine.root / "panel.py").write_text("def broken(:\n")
    with mutant(engine) as subject:
        assert subject.root == engine.root
        assert subject.store == engine.store
        result = run_check("LED002", subject)
    assert result.outcome is Outcome.FAIL
    assert [f.location.path for f in result.findings] == ["panel.py"]
