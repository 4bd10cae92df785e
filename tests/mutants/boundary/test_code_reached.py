import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

HEAD = "import os\nfrom typing import TYPE_CHECKING\n\nUSE_CALIBRATION = False\nDEPTH = 0\n\n\n"
BAD = {
    "def f(x):\n    return x\n    x = clip(x)\n    return x\n":
        (10, "no run of f reaches this: stands after the `return` at line 9"),
    "def f(xs):\n    for x in xs:\n        continue\n        check(x)\n":
        (11, "no run of f reaches this: stands after the `continue` at line 10"),
    "def f(x):\n    try:\n        raise ValueError\n        clean(x)\n    finally:\n        e()\n":
        (11, "no run of f reaches this: stands after the `raise` at line 10"),
    "def f(x):\n    if False:\n        x = limit(x)\n    return x\n":
        (10, "no run of f reaches this: `False` is always False"),
    "def f(x):\n    while 0:\n        x = limit(x)\n    return x\n":
        (10, "no run of f reaches this: `0` is always False"),
    "def f(x):\n    if x or True:\n        return 1\n    else:\n        return limit(x)\n":
        (12, "no run of f reaches this: `x or True` is always True"),
    "def f(x):\n    if x > 1:\n        return 1\n    elif x > 2:\n        return 2\n"
    "    elif x > 1:\n        return 3\n":
        (14, "no run of f reaches this: `x > 1` was asked at line 9 before"),
    "def f(x):\n    try:\n        return load(x)\n    except Exception:\n        return 0\n"
    "    except KeyError:\n        return 1\n":
        (13, "no run of f reaches this: KeyError is caught at line 11 before"),
    "def f(x):\n    try:\n        return load(x)\n    except:\n        return 0\n":
        None,
}  # fmt: skip
TURNED_OFF = "def f(x):\n    '''Not now.'''\n    raise ValueError\n    x = limit(x)\n    return x\n"
SWITCHED = "def f(x):\n    if USE_CALIBRATION:\n        x = calibrated(x)\n    return x\n"
GOOD = """\
def empty():
    return
    yield


def later(x):
    raise NotImplementedError
    return x


if TYPE_CHECKING:
    from library import Table

if os.name == "nt":
    LIMIT = 1
else:
    LIMIT = 2


def retried(kinds):
    try:
        return load()
    except tuple(kinds):
        return 1
    except Exception:
        return 2


def asked(x):
    if ready(x):
        return 1
    elif ready(x):
        return 2
    while True:
        if x:
            break
        x = x.next
    return x


def caught(x):
    try:
        return load(x)
    except KeyError:
        return 0
    except (ValueError, LookupError):
        return 1
    except (wire.Error if wire else OSError):
        return 2
    except Exception:
        raise


def own(USE_CALIBRATION, x):
    if USE_CALIBRATION:
        return 1
    if DEPTH > x:
        return 2
    return 3
"""


def check(folder, text, **files):
    made = {"pkg/__init__.py": "", "pkg/m.py": HEAD + text, **files}
    return run_check("BND015", subject(folder, made, source={"subsystem": {"files": ["pkg/**"]}}))


@pytest.mark.parametrize("text", [t for t in BAD if BAD[t]])
@pytest.mark.fails("BND015")
def test_statements_that_no_run_reaches(tmp_path, text):
    finding = assert_fails(check(tmp_path, text), path="pkg/m.py")
    assert (finding.location.line, finding.message) == BAD[text]
    by_hand = "is always" in finding.message
    assert finding.severity is (Severity.LOW if by_hand else Severity.MEDIUM)


@pytest.mark.passes("BND015")
def test_what_is_reached_or_there_on_purpose(tmp_path):
    result = check(tmp_path, GOOD)
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.fails("BND015")
def test_a_constant_that_keeps_runs_away_weighs_less(tmp_path):
    finding = assert_fails(check(tmp_path / "a", SWITCHED + "\n\n" + SWITCHED.replace("f(", "g(")))
    assert (finding.severity, finding.location.line) == (Severity.LOW, 10)
    assert finding.message == (
        "no run of f reaches this: `USE_CALIBRATION` is always False, for USE_CALIBRATION is a "
        "constant that nothing sets anew; so it is at 1 more place"
    )
    other = {"pkg/use.py": "from pkg import m\n\nm.USE_CALIBRATION = True\n"}
    assert check(tmp_path / "b", SWITCHED, **other).findings == ()


def test_tests_alone_are_not_applicable(tmp_path):
    found = subject(tmp_path, {"tests/test_m.py": "def f():\n    return 1\n    g()\n"})
    assert run_check("BND015", found).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.passes("BND015")
def test_the_reference_engine_is_reached(reference):
    assert_passes(run_check("BND015", reference))


@pytest.mark.fails("BND015")
def test_what_stands_below_a_raise_that_begins_the_function_was_turned_off(tmp_path):
    found = assert_fails(run_check("BND015", subject(tmp_path, {"m.py": TURNED_OFF})))
    assert found.severity is Severity.LOW


@pytest.mark.fails("BND015")
@pytest.mark.parametrize(("modules", "findings"), [(3, 1), (2, 2)])
def test_a_function_that_was_copied_to_many_modules_is_one_finding(tmp_path, modules, findings):
    text = "class Part{0}:\n    def can(self, x):\n        return x\n        x = clip(x)\n"
    text += "        return x\n"
    files = {f"p/m{n}.py": text.format(n) for n in range(modules)} | {"p/__init__.py": ""}
    result = run_check("BND015", subject(tmp_path, files))
    assert len(result.findings) == findings
