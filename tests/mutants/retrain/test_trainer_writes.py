"""RET011 where the isolation itself keeps writes from being noted; see also test_trainer."""

import pytest

from audit_lib.host import Isolation
from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, run_check
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


#: ways to replace a file whole: each makes and removes files, in the store alone
ATOMIC = {
    "beside": """
    part = at.store / "registry.json.part"
    part.write_text("{}")
    os.replace(part, at.store / "registry.json")
""",
    "tempfile": """
    handle, name = tempfile.mkstemp(dir=at.store)
    os.write(handle, b"{}"), os.fsync(handle), os.close(handle)
    os.replace(name, at.store / "registry.json")
""",
    "folder": """
    with tempfile.TemporaryDirectory(dir=at.store) as folder:
        (Path(folder) / "deep").mkdir()
        (Path(folder) / "deep" / "registry.json").write_text("{}")
        shutil.copy(Path(folder) / "deep" / "registry.json", Path(folder) / "copy")
        os.replace(Path(folder) / "copy", at.store / "registry.json")
""",
    "nameless": """
    with tempfile.TemporaryFile(dir=at.store) as handle:
        handle.write(b"{}")
    (at.store / "registry.json").write_text("{}")
""",
    "in an open folder": """
    folder = os.open(at.store, os.O_RDONLY)
    (at.store / "part").write_text("{}")
    os.rename("part", "registry.json", src_dir_fd=folder, dst_dir_fd=folder)
    os.close(folder)
""",
}
IMPORTS = "import os, shutil, tempfile\nfrom pathlib import Path\n"


@pytest.mark.passes("RET011")
@pytest.mark.parametrize("way", ATOMIC)
def test_a_registry_that_is_replaced_whole_is_written_in_its_store(tmp_path, way):
    with tiny(tmp_path, IMPORTS + TRAINER + ATOMIC[way]) as subject:
        result = run_check("RET011", subject)
    assert result.outcome is Outcome.PASS, [f.message for f in result.findings]


@pytest.mark.fails("RET011")
def test_a_part_that_is_moved_out_of_the_store_is_found(tmp_path):
    away = f"""
    (at.store / "part").write_text("x")
    folder = os.open({str(tmp_path)!r}, os.O_RDONLY)
    os.rename(at.store / "part", "stray.json", dst_dir_fd=folder)
    os.close(folder)
"""
    with tiny(tmp_path / "a", IMPORTS + TRAINER + away) as subject:
        found = assert_fails(run_check("RET011", subject))
    assert found.measured == "…/stray.json"


def test_elsewhere_the_same_training_passes(tmp_path):
    with tiny(tmp_path, TRAINER) as subject:
        assert run_check("RET011", subject).outcome is Outcome.PASS
