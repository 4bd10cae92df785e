"""An audit in a few lines of Python."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import tests.made_repo as made
from audit_lib import Audit, audit
from audit_lib.cli.app import cli
from audit_lib.errors import AuditError, ParameterError, VersionError
from audit_lib.model import Verdict


@pytest.fixture
def place(tmp_path: Path) -> Path:
    files = made.good_store()
    del files["store/v1/meta.json"]["feature_cols"]
    files["m.py"] = "def f(:\n"
    made.subject(tmp_path, files, artifacts=made.STORE, source={"root": "../../repo"})
    return tmp_path


def written(place: Path) -> list[Path]:
    return sorted(p for p in place.rglob("*") if p.is_file() and ".workbook_cache" not in p.parts)


def test_findings_and_checks_are_data_frames(place):
    found = audit("made", tasks="T1,T2", select="CHK00,LED002", workspace=place)
    assert isinstance(found, Audit)
    assert (found.version, found.verdict) == ("v1", Verdict.BROKEN)
    assert {"CHK001", "LED002"} <= set(found.findings["code"])
    broken = found.findings.query("code == 'LED002'").iloc[0]
    assert (broken["path"], broken["line"], broken["exempted_by"]) == ("m.py", 1, "")
    ranks = ["critical", "high", "medium", "low", "info"]
    order = [ranks.index(s) for s in found.findings["severity"]]
    assert order == sorted(order)
    checks = found.checks.set_index("code")
    assert checks.loc["LED002", "outcome"] == "fail"
    assert checks.loc["SEC001", "reason"] == "not selected: --select names CHK00, LED002"
    assert repr(found).startswith("made v1: broken (")


def test_a_gate_answers_as_the_command_does(place):
    found = audit("made", gate="train", workspace=place)
    told = CliRunner().invoke(cli, ["gate", "train", "made", "--workspace", str(place)])
    assert found.verdict.exit_code == told.exit_code
    assert json.loads(found.to("json"))["reports"][0]["verdict"] == found.verdict.value
    with pytest.raises(AuditError, match="a gate has no packet"):
        found.save()


def test_a_subject_by_the_path_of_its_folder_and_nothing_is_written(place):
    before = written(place)
    folder = place / "parameters/made"
    found = audit(folder, tasks="T1", ignore=["LED"], workspace=place)
    assert found.checks.set_index("code").loc["LED001", "reason"] == "ignored: --ignore LED"
    assert written(place) == before


def test_a_packet_is_saved_once_and_verifies(place):
    told: list[str] = []
    found = audit("made", tasks="T1,T6", workspace=place, progress=told.append)
    assert told[0].startswith("CHK001 ")
    folder = found.save()
    assert folder.parent == place / "reports/made/v1"
    assert (folder / "packet.html").is_file()
    assert (folder / "packet.pdf").is_file()
    verified = CliRunner().invoke(cli, ["verify", str(folder)])
    assert verified.exit_code == 0, verified.output
    assert not (folder.parent / "latest").exists()  # a partial run
    with pytest.raises(AuditError, match="saved already"):
        found.save()


def test_a_subject_that_changed_meanwhile_gives_no_packet(place):
    found = audit("made", tasks="T1", workspace=place)
    (place / "repo/m.py").write_text("x = 2\n")
    with pytest.raises(AuditError, match="changed while it was audited"):
        found.save()
    assert not list((place / "reports").rglob("run_manifest.json"))


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"subject": "nobody"}, ParameterError, "no subject is called 'nobody'"),
        ({"version": "v9"}, VersionError, "no version 'v9'"),
        ({"tasks": "T9"}, AuditError, "no task is called 'T9'"),
        ({"select": "FAE"}, ParameterError, "no check is called 'FAE'"),
        ({"gate": "lvie"}, ParameterError, "no gate is called 'lvie'"),
    ],
)
def test_a_mistake_is_one_message(place, asked, error, said):
    with pytest.raises(error, match=said):
        audit(**{"subject": "made", "workspace": place, **asked})


def test_unknown_evidence_and_forms_name_those_there_are(place):
    found = audit("made", gate="train", workspace=place)
    with pytest.raises(AuditError, match="no evidence is called 'x'"):
        found.evidence("x")
    with pytest.raises(AuditError, match="no format is called 'pdf'"):
        found.to("pdf")


def test_importing_the_package_loads_nothing_heavy():
    heavy = ("numpy", "pandas", "pydantic", "click", "audit_lib.api")
    code = f"import sys, audit_lib; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
