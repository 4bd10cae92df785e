"""Waivers cover what they name, until their day."""

from datetime import date
from pathlib import Path

import pytest

from audit_lib.errors import ParameterError
from audit_lib.exemptions import Exemption, apply, load_exemptions
from audit_lib.model import (
    CheckResult,
    Contract,
    Finding,
    Location,
    Outcome,
    Severity,
    Task,
)

TODAY = date(2026, 11, 21)
FOUND = Finding(
    "GOV001", Contract.GOVERNANCE, Task.T4, Severity.HIGH, Location("governance.py"), "m", key="k"
)
FAILED = CheckResult(
    "GOV001", "N", "t", Contract.GOVERNANCE, Task.T4, Severity.HIGH, Outcome.FAIL, findings=(FOUND,)
)


def waiver(**changes):
    given = {"owner": "desk", "reason": "known", "expires": date(2026, 12, 31)}
    return Exemption.model_validate({**given, "fingerprint": FOUND.fingerprint, **changes})


def write(folder: Path, text: str) -> Path:
    (folder / "exemptions.toml").write_text(text)
    return folder


def test_a_waiver_in_force_covers_its_finding_and_says_by_whom():
    applied = apply([FAILED], [waiver()], version="1", today=TODAY)
    (exempted,) = applied.results[0].exempted
    assert (exempted.fingerprint, exempted.owner, exempted.expires) == (
        FOUND.fingerprint,
        "desk",
        "2026-12-31",
    )
    assert applied.results[0].outcome is Outcome.FAIL
    assert (applied.used, applied.unused, applied.expired) == ((waiver(),), (), ())


def test_it_holds_on_its_last_day_and_not_on_the_next():
    last = waiver(expires=TODAY)
    assert apply([FAILED], [last], version="1", today=TODAY).used == (last,)
    after = apply([FAILED], [last], version="1", today=date(2026, 11, 22))
    assert after.expired == (last,)
    assert after.results[0].exempted == ()


def test_one_that_covers_nothing_is_unused_unless_it_is_for_another_version():
    other = waiver(fingerprint="0" * 20)
    elsewhere = waiver(version="2")
    applied = apply([FAILED], [other, elsewhere], version="1", today=TODAY)
    assert applied.unused == (other,)


def test_by_code_it_needs_the_path_too():
    here = waiver(fingerprint="", code="GOV001", path="governance.py")
    there = waiver(fingerprint="", code="GOV001", path="other.py")
    applied = apply([FAILED], [there, here], version="1", today=TODAY)
    assert (applied.used, applied.unused) == ((here,), (there,))
    with pytest.raises(ValueError, match="code` together with a `path`"):
        waiver(fingerprint="", code="GOV001")


def test_no_file_means_no_waivers(tmp_path):
    assert load_exemptions(tmp_path) == ()


def test_every_problem_of_the_file_is_listed_at_once(tmp_path):
    text = '[[exemption]]\nfingerprint = "a"\n\n[[exemption]]\ncode = "X"\nowner = "o"\n'
    with pytest.raises(ParameterError) as caught:
        load_exemptions(write(tmp_path, text))
    message = str(caught.value)
    assert "exemption 1, owner" in message
    assert "exemption 1, expires" in message
    assert "exemption 2, reason" in message
    assert str(tmp_path / "exemptions.toml") in message


@pytest.mark.parametrize("text", ["[[exemption", "[[exemptions]]\n", 'exemption = "x"\n'])
def test_a_file_of_another_form_is_refused(tmp_path, text):
    with pytest.raises(ParameterError, match=r"exemptions\.toml"):
        load_exemptions(write(tmp_path, text))
