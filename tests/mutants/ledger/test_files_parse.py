import os
import sys

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

ONLY = {"subsystem": {"files": ["pkg/*.py"]}}


@pytest.mark.passes("LED002")
def test_valid_files_in_any_encoding(tmp_path):
    files = {"pkg/a.py": b"\xef\xbb\xbfx = 1\r\n", "pkg/b.py": b"# coding: latin-1\nx = '\xe9'\n"}
    assert_passes(run_check("LED002", subject(tmp_path, files, source=ONLY)))


@pytest.mark.fails("LED002")
@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"x = 1\ndef f(:\n", 2),
        (b"x = '\xff'\n", 1),
        (b"x = 1\n\x00\n", 1),
        (b"# coding: klingon\n", 1),
        (b"x = " + b"(" * 300 + b"\n", 1),
    ],
)
def test_files_that_do_not_parse(tmp_path, content, line):
    files = {"pkg/a.py": content, "pkg/b.py": "x = 1\n"}
    result = run_check("LED002", subject(tmp_path, files, source=ONLY))
    finding = assert_fails(result, path="pkg/a.py", key="syntax", severity=Severity.HIGH)
    assert finding.location.line == line
    assert len(result.findings) == 1


@pytest.mark.fails("LED002")
def test_a_file_beside_the_subsystem_weighs_less(tmp_path):
    files = {"pkg/a.py": "x = 1\n", "tool.py": "print 'old'\n"}
    result = run_check("LED002", subject(tmp_path, files, source=ONLY))
    assert assert_fails(result, path="tool.py").severity is Severity.MEDIUM


@pytest.mark.fails("LED002")
def test_a_broken_link_is_told_and_a_pipe_is_left_out(tmp_path):
    made = subject(tmp_path, {"pkg/a.py": "x = 1\n"}, source=ONLY)
    (made.root / "pkg" / "gone.py").symlink_to("nowhere.py")
    os.mkfifo(made.root / "pkg" / "pipe.py")
    result = run_check("LED002", made)
    assert assert_fails(result, path="pkg/gone.py").message == (
        "does not parse: cannot be read: No such file or directory"
    )
    assert len(result.findings) == 1
    assert run_check("LED001", made).outcome is Outcome.PASS


NEWER = [
    pytest.param(
        text, since, marks=pytest.mark.skipif(sys.version_info >= since, reason="parses here")
    )
    for text, since in (("type Side = int\n", (3, 12)), ('x = t"{1}"\n', (3, 14)))
]


@pytest.mark.parametrize(("text", "since"), NEWER)
@pytest.mark.parametrize("beside", ["", '[project]\nrequires-python = ">=3.{}"\n'])
def test_a_file_for_a_newer_python_is_a_gap(tmp_path, text, since, beside):
    files = {"pkg/a.py": text, "pkg/b.py": "x = 1\n", "pyproject.toml": beside.format(since[1])}
    result = run_check("LED002", subject(tmp_path, files, source=ONLY))
    assert not result.findings
    assert result.outcome is Outcome.NOT_ASSESSED
    assert f"is for Python 3.{since[1]}, and this audit runs on" in result.gaps[0].why


@pytest.mark.fails("LED002")
@pytest.mark.parametrize(("text", "since"), NEWER)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pyproject.toml", '[project]\nrequires-python = ">=3.9"\n'),
        ("pyproject.toml", '[tool.poetry.dependencies]\npython = "^3.10"\n'),
        ("setup.cfg", "[options]\npython_requires = >=3.8\n"),
        ("setup.py", 'from setuptools import setup\nsetup(\n    python_requires=">=3.8, <4",\n)\n'),
    ],
)
def test_a_repository_that_promises_this_python(tmp_path, text, since, name, said):
    result = run_check("LED002", subject(tmp_path, {"pkg/a.py": text, name: said}, source=ONLY))
    found = assert_fails(result, path="pkg/a.py", key="syntax", severity=Severity.HIGH)
    assert found.message.startswith(f"is for Python 3.{since[1]}, and 3.{sys.version_info[1]} is")
