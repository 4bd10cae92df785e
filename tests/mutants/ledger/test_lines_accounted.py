import pytest

from audit_lib.model import Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

FILES = {"pkg/a.py": "def f():\n    return 1\n", "pkg/b.py": "x = 1\n", "other/c.py": "y = 1\n"}
MAP = {"subsystems": {"one": {"files": ["pkg/a.py", "pkg/b.py"]}, "two": {"files": ["other/c.py"]}}}


def mapped(tmp_path, files, data):
    return subject(
        tmp_path,
        {**files, "map.json": data},
        source={"subsystem": {"map": "map.json", "id": "one"}},
    )


@pytest.mark.passes("LED001")
def test_a_map_that_names_every_file_once(tmp_path):
    result = run_check("LED001", mapped(tmp_path, FILES, MAP))
    assert_passes(result)
    assert [(e.count, e.what) for e in result.examined] == [
        (2, "files"),
        (3, "lines"),
        (3, "units"),
    ]
    files, units, risk = result.evidence
    assert files.rows[0][:3] == ("pkg/a.py", 2, 2)
    assert [row[2] for row in units.rows] == ["<module>", "f", "<module>"]
    assert risk.view == "bars"


@pytest.mark.fails("LED001")
def test_a_declared_file_that_is_gone(tmp_path):
    gone = {
        "subsystems": {**MAP["subsystems"], "one": {"files": ["pkg/a.py", "pkg/z.py", "pkg/b.py"]}}
    }
    finding = assert_fails(
        run_check("LED001", mapped(tmp_path, FILES, gone)), key="missing pkg/z.py"
    )
    assert finding.location.pointer == "/subsystems/one/files/1"
    assert finding.location.base == "documents"
    assert finding.severity is Severity.HIGH


@pytest.mark.fails("LED001")
def test_a_file_in_no_subsystem_weighs_more_beside_the_audited_ones(tmp_path):
    files = {**FILES, "pkg/new.py": "z = 1\n", "other/new.py": ""}
    files |= {"pkg/tests/test_a.py": "", "pkg/test_b.py": "b = 1\n", "pkg/conftest.py": "c = 1\n"}
    result = run_check("LED001", mapped(tmp_path, files, MAP))
    assert assert_fails(result, key="unowned pkg/new.py").severity is Severity.HIGH
    far = assert_fails(result, key="unowned elsewhere")
    assert far.severity is Severity.LOW
    assert far.message.endswith("1 files outside of the audited folders belong to no subsystem: "
                                "other/new.py")  # fmt: skip
    assert len(result.findings) == 2


@pytest.mark.fails("LED001")
def test_a_file_in_two_subsystems(tmp_path):
    twice = {"subsystems": {**MAP["subsystems"], "two": {"files": ["other/c.py", "pkg/a.py"]}}}
    finding = assert_fails(
        run_check("LED001", mapped(tmp_path, FILES, twice)), key="shared pkg/a.py"
    )
    assert finding.message == "pkg/a.py belongs to 2 subsystems: one, two"


@pytest.mark.fails("LED001")
def test_a_glob_that_matches_nothing(tmp_path):
    made = subject(tmp_path, FILES, source={"subsystem": {"files": ["pkg/*.py", "gone/*.py"]}})
    finding = assert_fails(run_check("LED001", made), key="gone/*.py")
    assert (finding.location.path, finding.location.pointer) == (
        "subject.yaml", "/source/subsystem/files",
    )  # fmt: skip


@pytest.mark.passes("LED001")
def test_a_map_of_the_wrong_form_is_no_crash(tmp_path):
    data = {"subsystems": {"one": {"files": ["pkg/a.py"]}, "two": [], "three": {"files": 3}}}
    result = run_check("LED001", mapped(tmp_path, {"pkg/a.py": "x = 1\n"}, data))
    assert_passes(result)
