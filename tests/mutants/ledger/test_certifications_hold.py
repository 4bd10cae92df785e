import pytest

from audit_lib import ledger
from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

FILES = {"a.py": "def f():\n    return g()\n\n\ndef g():\n    return 1\n"}
POLICY = '[criteria.read]\ndescription = "read"\n[policy]\nrequired = ["read"]\n'


def made(tmp_path, files=FILES, text=POLICY, **source):
    return subject(tmp_path, files, own={"ledger.toml": text}, source=source)


def signed(found, units=("<module>", "f", "g")):
    for name in units:
        ledger.certify(found, f"a.py::{name}", criteria=["read"], who="reader")
    return (found.folder / "ledger.toml").read_text()


@pytest.mark.passes("LED004")
def test_everything_signed(tmp_path):
    found = made(tmp_path)
    signed(found)
    result = run_check("LED004", found)
    assert_passes(result)
    assert result.evidence[1].rows == (("read", 6),)


@pytest.mark.fails("LED004")
def test_nothing_signed(tmp_path):
    finding = assert_fails(run_check("LED004", made(tmp_path)), path="a.py", key="read")
    assert finding.message == "3 units (6 lines) lack read"
    assert finding.severity is Severity.MEDIUM


@pytest.mark.fails("LED004")
def test_a_change_lets_the_signature_fall_for_it_and_its_callers(tmp_path):
    text = signed(made(tmp_path / "old"))
    changed = {"a.py": FILES["a.py"].replace("return 1", "return 2")}
    result = run_check("LED004", made(tmp_path / "new", changed, text, high_risk=["a.py"]))
    finding = assert_fails(result, path="a.py")
    assert finding.message.startswith(
        "2 units (4 lines) lack read; f: what it depends on changed since reader certified it on "
    )
    assert finding.severity is Severity.HIGH


@pytest.mark.fails("LED004")
def test_a_violation_beats_certification_and_exemption(tmp_path):
    text = POLICY + '[[exemption]]\nunit = "a.py::g"\ncriteria = ["read"]\nowner = "o"\n'
    found = made(tmp_path, text=text + 'reason = "r"\nexpires = 2999-01-01\n')
    signed(found)
    ledger.violation(found, "a.py::g", criteria=["read"], who="reader", notes="wrong sign")
    result = run_check("LED004", found)
    finding = assert_fails(result, symbol="g")
    assert (finding.severity, finding.location.line) == (Severity.CRITICAL, 5)
    assert len(result.findings) == 1


def test_no_policy_is_not_assessed_and_a_wrong_file_is_an_error(tmp_path):
    assert run_check("LED004", subject(tmp_path, FILES)).outcome is Outcome.NOT_ASSESSED
    wrong = made(tmp_path / "b", text="[policy]\nrequired = ['x']\n")
    result = run_check("LED004", wrong)
    assert result.outcome is Outcome.ERROR
    assert "policy names criterion 'x'" in result.reason


def test_a_policy_that_asks_nothing_of_any_unit_is_not_assessed(tmp_path):
    text = '[criteria.read]\ndescription = "read"\n[policy]\nhigh_risk = ["read"]\n'
    result = run_check("LED004", made(tmp_path, text=text))
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "asks nothing of any of the 3 units" in result.reason
