import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.subject.imports import edges_report
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject, tree

FILES = {
    "pkg/__init__.py": "",
    "pkg/a.py": "from .b import x\n",
    "pkg/b.py": "x = 1\n",
    "app/main.py": "from pkg.a import x\nfrom app import tool\n",
    "app/tool.py": "",
}
SOURCE = {"subsystem": {"files": ["pkg/*.py"]}}


def declared(tmp_path):
    return edges_report(tree(tmp_path / "declared", FILES))


def check(tmp_path, files, document):
    made = subject(
        tmp_path,
        {**files, "edges.json": document},
        source=SOURCE,
        documents={"edges": "edges.json"},
    )
    return run_check("BND002", made)


@pytest.mark.passes("BND002")
def test_a_map_of_the_present_source(tmp_path):
    result = check(tmp_path, FILES, declared(tmp_path))
    assert_passes(result)
    assert result.examined[0].count == 3


@pytest.mark.passes("BND002")
def test_code_that_moved_within_its_file_is_no_change(tmp_path):
    moved = {**FILES, "pkg/a.py": "\n\n\nfrom .b import x\n"}
    assert_passes(check(tmp_path, moved, declared(tmp_path)))


@pytest.mark.fails("BND002")
def test_new_gone_and_retyped(tmp_path):
    changed = {
        **FILES,
        "pkg/a.py": "def f():\n    from .b import x\n",
        "pkg/b.py": "from app.tool import y\nx = 1\n",
        "app/main.py": "from app import tool\n",
    }
    result = check(tmp_path, changed, declared(tmp_path))
    new = assert_fails(result, key="new pkg/b.py app/tool.py")
    assert (new.location.path, new.location.line, new.severity) == ("pkg/b.py", 1, Severity.MEDIUM)
    retyped = assert_fails(result, key="changed pkg/a.py pkg/b.py")
    assert (retyped.measured, retyped.expected) == ("lazy", "top_level")
    assert retyped.location.pointer == "/edges/2"
    gone = assert_fails(result, key="gone app/main.py pkg/a.py")
    assert gone.severity is Severity.LOW
    assert len(result.findings) == 3


@pytest.mark.passes("BND002")
def test_changes_elsewhere_only_inform(tmp_path):
    changed = {**FILES, "app/main.py": "from pkg.a import x\n"}
    result = check(tmp_path, changed, declared(tmp_path))
    assert_passes(result)
    assert [f.severity for f in result.findings] == [Severity.INFO]


@pytest.mark.fails("BND002")
def test_an_edge_to_a_file_that_is_gone(tmp_path):
    fewer = {k: v for k, v in FILES.items() if k != "pkg/b.py"} | {"pkg/a.py": ""}
    assert_fails(check(tmp_path, fewer, declared(tmp_path)), key="file gone pkg/a.py pkg/b.py")


@pytest.mark.fails("BND002")
@pytest.mark.parametrize("outside", ["../other/x.py", "/etc/hosts", "pkg/../../x.py"])
def test_an_edge_that_leaves_the_repository(tmp_path, outside):
    document = declared(tmp_path)
    document["edges"].append({**document["edges"][0], "target_file": outside})
    result = check(tmp_path, FILES, document)
    source = document["edges"][0]["source_file"]
    found = assert_fails(result, key=f"outside {source} {outside}")
    assert found.severity is Severity.MEDIUM


@pytest.mark.parametrize("document", [{}, [], {"edges": [1, {"source_file": 3}]}, b"{"])
def test_a_map_of_the_wrong_form_is_not_a_pass(tmp_path, document):
    assert check(tmp_path, FILES, document).outcome is Outcome.NOT_ASSESSED


def test_without_a_declared_map_it_does_not_apply(tmp_path):
    made = subject(tmp_path, FILES, source=SOURCE)
    assert run_check("BND002", made).outcome is Outcome.NOT_APPLICABLE
