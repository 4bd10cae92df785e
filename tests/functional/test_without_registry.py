"""A store without a registry: how to say so, and what then does not apply."""

from __future__ import annotations

from datetime import date

import made_repo
import pytest

from audit_lib.checks.catalogue import check_class
from audit_lib.engine import run_check
from audit_lib.errors import NotAssessed
from audit_lib.gates import gate_named, run_gate
from audit_lib.hooks import SURFACES
from audit_lib.model import Outcome, Verdict

REGISTRY = ("CHK003", "CHK007", "VER001", "VER002", "VER003", "VER004")
WHY = "the store keeps no registry (artifacts.registry is null)"


def subject(folder, artifacts, *, absent=()):
    files = made_repo.good_store()
    del files["store/registry.json"]
    return made_repo.subject(
        folder,
        files,
        version="v1",
        artifacts=artifacts,
        source={"subsystem": {"files": ["*.py"]}},
        absent=dict.fromkeys(absent, "made up"),
    )


def test_a_missing_registry_is_told_with_the_way_to_say_so(tmp_path):
    found = subject(tmp_path, {"store": "store"})
    with pytest.raises(NotAssessed, match=r"registry\.json does not exist; .*`registry: null`"):
        _ = found.registry
    assert found.versions() == ["v1"]
    assert found.select("latest") == ["v1"]


@pytest.mark.parametrize("code", REGISTRY)
def test_checks_of_a_registry_do_not_apply(tmp_path, code):
    found = subject(tmp_path, {"store": "store", "registry": None})
    result = run_check(check_class(code)(), found)
    assert (result.outcome, result.reason) == (Outcome.NOT_APPLICABLE, WHY)
    missing = run_check(check_class(code)(), subject(tmp_path / "b", {"store": "store"}))
    assert missing.outcome is Outcome.NOT_ASSESSED


def test_a_registry_hook_that_is_written_is_asked(tmp_path):
    found = subject(tmp_path, {"store": "store", "registry": None})
    hooks = "from audit_lib.hooks import surface\n\n@surface('registry.versions')\ndef v(at):\n    "
    (found.folder / "hooks.py").write_text(hooks + "return ['v1']\n")
    try:
        assert found.hook("registry.versions")() == ["v1"]
    finally:
        found.close()


@pytest.mark.parametrize(
    ("artifacts", "verdict"),
    [({"store": "store", "registry": None}, Verdict.KEPT), ({"store": "store"}, None)],
)
def test_a_gate_can_be_green(tmp_path, artifacts, verdict):
    found = subject(tmp_path, artifacts, absent=[s for s in SURFACES if s != "registry"])
    told = run_gate(gate_named("backtest"), found, today=date(2026, 1, 1))
    open_ = [(r.code, r.reason) for r in told.results if r.outcome is Outcome.NOT_ASSESSED]
    assert told.verdict is (verdict or Verdict.INCONCLUSIVE), open_
