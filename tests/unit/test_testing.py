"""A subject's own pytest comes to the same as a gate, waivers included."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import made_repo
import pytest

from audit_lib.checks.catalogue import check_class
from audit_lib.gates import Gate, run_gate
from audit_lib.model import Outcome, Verdict
from audit_lib.testing import _Asserting, audited, run_check, waived

TOMORROW = datetime.now(UTC).date() + timedelta(days=1)
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)
CODE = "CHK002"  # every served file has a checksum that fits


def broken(folder: Path, exemptions: str = "") -> Path:
    """A subject whose model is not what its checksum says; answers its parameters' folder."""
    files = {**made_repo.good_store(), "store/v1/model.txt": made_repo.lightgbm_text(["x"])}
    source = {"root": "../../repo", "subsystem": {"files": ["**/*.py"]}}
    artifacts = {**made_repo.STORE, "fields": {"checksums": "/checksums"}}
    own = {"exemptions.toml": exemptions} if exemptions else {}
    made_repo.subject(folder, files, source=source, artifacts=artifacts, own=own)
    return folder / "parameters" / "made"


def waiver(fingerprint: str, expires: date) -> str:
    return (
        f'[[exemption]]\nfingerprint = "{fingerprint}"\nowner = "risk desk"\n'
        f'reason = "replaced next week"\nexpires = {expires.isoformat()}\n'
    )


def prints(folder: Path) -> list[str]:
    with audited(folder) as subject:
        return [f.fingerprint for f in run_check(CODE, subject).findings]


def asserted(folder: Path) -> Verdict:
    """Runs the test, and the gate of that one check; both must say the same."""
    gate = Gate("one", "anything", (), (CODE,))
    with audited(folder) as subject:
        verdict = run_gate(gate, subject, today=datetime.now(UTC).date()).verdict
        try:
            _Asserting(check_class(CODE))(subject)
        except AssertionError:
            assert verdict is Verdict.BROKEN
            raise
    return verdict


def test_a_finding_fails(tmp_path):
    with pytest.raises(AssertionError, match=rf"{CODE} fail"):
        asserted(broken(tmp_path))


def test_a_waived_finding_passes_as_in_a_gate(tmp_path):
    found = prints(broken(tmp_path / "bare"))
    text = "\n".join(waiver(one, TOMORROW) for one in found)
    assert asserted(broken(tmp_path / "waived", text)) is Verdict.KEPT


def test_a_waiver_that_has_ended_waives_nothing_and_is_named(tmp_path):
    found = prints(broken(tmp_path / "bare"))
    text = "\n".join(waiver(one, YESTERDAY) for one in found)
    with pytest.raises(AssertionError, match=f"waiver of risk desk ended on {YESTERDAY}"):
        asserted(broken(tmp_path / "lapsed", text))


def test_what_is_waived_stays_a_finding(tmp_path):
    found = prints(broken(tmp_path / "bare"))
    with audited(broken(tmp_path / "waived", waiver(found[0], TOMORROW))) as subject:
        result = waived(run_check(CODE, subject), subject)
    assert result.outcome is Outcome.FAIL
    assert [e.fingerprint for e in result.exempted] == [found[0]]


def test_mistakes_in_waivers_are_told_when_the_subject_is_opened(tmp_path):
    folder = broken(tmp_path, '[[exemption]]\ncode = "CHK002"\n')
    with pytest.raises(Exception, match=r"owner.*Field required"), audited(folder):
        pass


@pytest.mark.slow
def test_a_subjects_own_pytest_run(tmp_path):
    """The lines of the guide, run by pytest itself in a repository of its own."""
    found = prints(broken(tmp_path))
    test = (
        "import pytest\nfrom audit_lib.testing import audited, parametrize_with_checks\n\n"
        "@pytest.fixture(scope='session')\ndef subject():\n"
        "    with audited('parameters/made') as found:\n        yield found\n\n"
        f"@parametrize_with_checks(codes='{CODE},GOV001')\n"
        "def test_contract(check, subject):\n    check(subject)\n"
    )
    made_repo.write(tmp_path, {"tests/test_audit.py": test})
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"]
    said = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 failed, 1 skipped" in said.stdout, said.stdout
    exemptions = "\n".join(waiver(one, TOMORROW) for one in found)
    made_repo.write(tmp_path, {"parameters/made/exemptions.toml": exemptions})
    said = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed, 1 skipped" in said.stdout, said.stdout


def test_without_pytest_the_message_says_what_to_install():
    code = "import sys; sys.modules['pytest'] = None; import audit_lib.testing"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    ).stderr
    assert "audit_lib.testing needs pytest" in said
    assert "pip install 'model-audit-workbook[pytest]'" in said
