"""A workspace inside the repository that it audits: what the workbook writes is no change of it."""

from __future__ import annotations

from datetime import date

import pytest
import toy_workspace

from audit_lib.cli.assembly import Assembly
from audit_lib.errors import RunError
from audit_lib.execution.digests import changes, digests
from audit_lib.execution.plan import plan
from audit_lib.execution.runner import execute
from audit_lib.gates import gate_named, run_gate
from audit_lib.model import Task
from audit_lib.packets.index import update_index
from audit_lib.subject.subject import open_subject

CALL = """\
from audit_lib.subject.subject import open_subject
from audit_lib.workspace import find_workspace
found = open_subject(subject, workspace=find_workspace()).at(version)
found.hook("drift.psi")([1.0], [2.0])
found.close()
"""
HOOKS = """\
from audit_lib.hooks import surface

@surface("drift.psi")
def psi(at, reference, current):
    {does}
    return 0.5
"""


@pytest.fixture
def audit(tmp_path, monkeypatch):
    """``repo/audit`` audits ``repo``, on a machine that contains nothing."""
    monkeypatch.setenv("WORKBOOK_WITHOUT", "bubblewrap,landlock,seccomp")
    monkeypatch.delenv("AUDIT_CACHE", raising=False)
    workspace = toy_workspace.make(tmp_path / "repo" / "audit")
    (workspace / "engine").rename(tmp_path / "repo" / "engine")
    folder = workspace / "parameters" / "toy"
    (folder / "subject.yaml").write_text(
        "subject: toy\nsource: {root: ../../..}\nartifacts: {store: engine/store}\n"
    )
    (folder / "hooks.py").write_text(HOOKS.format(does="pass"))
    toy_workspace.notebook(workspace, "T1", CALL)
    return workspace


def audited(workspace, version="v1", **options):
    planned = plan(["toy"], [version], [Task.T1], workspace=workspace, **options)
    found = execute(planned, assemble=Assembly(planned), warm=False)
    if any(outcome.folder for outcome in found):
        update_index(planned.jobs[0].place.reports, "toy")
    return found


@pytest.mark.slow
def test_runs_follow_one_another(audit):
    for _ in range(2):
        for outcome in audited(audit, "all"):
            assert outcome.error is None
            assert (outcome.folder / "run_manifest.json").is_file()
    assert (audit / "reports" / "index.html").is_file()


@pytest.mark.slow
def test_a_hook_that_writes_elsewhere_voids_the_run(audit):
    with (audit / "parameters" / "toy" / "subject.yaml").open("a") as parameters:
        parameters.write("policy: {allow_unisolated: true}\n")
    # By the system's own function, since Python's are refused here even without isolation.
    file = audit / "parameters" / "toy" / "hooks.py"
    does = "import ctypes; ctypes.CDLL(None).creat(str(at.root / 'left.txt').encode(), 0o644)"
    file.write_text(HOOKS.format(does=does))
    [outcome] = audited(audit)
    assert outcome.folder is None
    assert "left.txt: new) changed while it was audited; the run is void" in str(outcome.error)


OWN = ("audit/reports/toy/v1/x", "audit/reports/index.html", "audit/.workbook_cache/x.json")


@pytest.mark.parametrize("path", OWN)
def test_what_the_workbook_writes_is_no_change(audit, path):
    assert written(audit, path) == ""


@pytest.mark.parametrize(
    "path",
    [
        "left.txt",
        "engine/engine.py",
        "index.html",
        "audit/left.txt",
        "audit/index.html",
        "audit/reports/left.txt",
        "audit/reports/left/index.html",
        "audit/parameters/toy/exemptions.toml",
        "audit/notebooks/T2.ipynb",
        "audit/.workbook_cache.txt",
    ],
)
def test_whatever_else_is_written_is_one(audit, path):
    assert path in written(audit, path)


def written(audit, path):
    """What a run that writes there says of it."""
    made = Assembly(plan(["toy"], ["v1"], [Task.T1], workspace=audit))
    file = audit.parent / path
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as out:
        out.write("#")
    return changes(made.before["toy"], digests(made.subjects["toy"], made.own["toy"]))


@pytest.mark.parametrize(
    ("subject", "reports", "said"),
    [("engine", "repo", "holds source"), ("toy", "repo/engine/store", "artifact store")],
)
def test_reports_are_never_put_where_the_subject_is(audit, subject, reports, said):
    folder = audit / "parameters" / "toy"
    file = folder / "subject.yaml"
    file.write_text(file.read_text().replace("subject: toy", f"subject: {subject}"))
    folder.rename(folder.with_name(subject))
    where = audit.parents[1] / reports
    planned = plan([subject], ["v1"], [Task.T1], workspace=audit, reports=where)
    with pytest.raises(RunError, match=said):
        Assembly(planned)


def test_hooks_of_the_workspace_are_not_the_subjects_code(audit):
    other = audit / "parameters" / "other"
    other.mkdir()
    (other / "subject.yaml").write_text("subject: other\n")
    (other / "hooks.py").write_text("x = 1\n")
    engine = audit / "parameters" / "model"  # a package that happens to be called so
    engine.mkdir()
    (engine / "fit.py").write_text("x = 1\n")
    found = open_subject("toy", workspace=audit)
    assert {f.path for f in found.source.files} == {
        "engine/engine.py",
        "audit/parameters/model/fit.py",
    }


def test_answers_are_kept_from_one_gate_to_the_next(audit):
    def asked():
        found = open_subject("toy", workspace=audit)
        try:
            run_gate(gate_named("backtest"), found.at("v1"), today=date(2026, 1, 1))
        finally:
            found.close()
        return {p.name for p in (audit / ".workbook_cache").glob("*.json")}

    first = asked()
    assert first
    assert asked() == first
    (audit.parent / "engine" / "engine.py").write_text("def decide(score):\n    return 1\n")
    assert asked() > first
