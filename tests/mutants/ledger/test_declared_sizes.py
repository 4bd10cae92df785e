import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

FILES = {
    "pkg/a.py": "def f(x):\n    if x:\n        return 1\n\n\nclass A:\n    pass\n",
    "pkg/b.py": '"""\nfor text tools\n"""\n',
}
TABLE = (
    "# Spec\n\n| File | Lines | Def/Class Count | Branch Points |\n|---|---:|---:|---:|\n"
    "| `pkg/a.py` | {} | {} | {} |\n| `pkg/b.py` | 3 | 0 | {} |\n"
)


def made(tmp_path, spec="", data=None):
    files = {**FILES, "spec.md": spec, "map.json": data or {}}
    return subject(tmp_path, files, documents={"spec": "spec.md", "map": "map.json"})


@pytest.mark.passes("LED003")
@pytest.mark.parametrize("branch_lines", [0, 1])
def test_numbers_that_agree_by_either_way_of_counting_branches(tmp_path, branch_lines):
    data = {"parts": {"x": {"files": ["pkg/a.py", "pkg/b.py"], "file_count": 2, "total_lines": 10}}}
    result = run_check("LED003", made(tmp_path, TABLE.format(7, 2, 1, branch_lines), data))
    assert_passes(result)
    assert result.examined[0].count == 3


@pytest.mark.fails("LED003")
def test_a_table_that_disagrees(tmp_path):
    result = run_check("LED003", made(tmp_path, TABLE.format("1,007", 2, 9, 0)))
    finding = assert_fails(result, path="spec.md", line=5)
    assert finding.message == (
        "pkg/a.py: lines declared 1007, measured 7, branches declared 9, measured 1"
    )
    assert len(result.findings) == 1


@pytest.mark.fails("LED003")
def test_a_document_is_one_finding(tmp_path):
    data = [{"file": "pkg/a.py", "loc": 8}]
    result = run_check("LED003", made(tmp_path, TABLE.format(8, 2, 1, 9), data))
    assert {f.location.path: f.message for f in result.findings} == {
        "map.json": "pkg/a.py: lines declared 8, measured 7",
        "spec.md": "pkg/a.py: lines declared 8, measured 7; so is 1 more in spec.md: pkg/b.py",
    }


@pytest.mark.fails("LED003")
def test_data_that_disagrees(tmp_path):
    data = [{"file": "pkg/a.py", "loc": 8, "name": "A"}, {"files": ["pkg/a.py"], "file_count": 1}]
    finding = assert_fails(run_check("LED003", made(tmp_path, data=data)), pointer="/0")
    assert (finding.measured, finding.expected) == ("7 lines", "8 lines")


@pytest.mark.passes("LED003")
def test_numbers_about_other_files_are_not_judged(tmp_path):
    data = [{"file": "elsewhere.py", "lines": 1}, {"file": "pkg/a.py", "lines": 7}]
    assert_passes(run_check("LED003", made(tmp_path, data=data)))


def test_nothing_declared_is_not_a_pass(tmp_path):
    assert run_check("LED003", made(tmp_path)).outcome is Outcome.NOT_APPLICABLE
    missing = subject(tmp_path / "b", FILES, documents={"map": "gone.json"})
    assert run_check("LED003", missing).outcome is Outcome.NOT_ASSESSED
