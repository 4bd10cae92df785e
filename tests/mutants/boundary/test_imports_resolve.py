import pytest

from audit_lib.model import Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

GOOD = {
    "pkg/__init__.py": "from .core import run\n",
    "pkg/core.py": "LIMIT = 30\n\n\ndef run(): ...\n",
    "app/main.py": "from pkg import run, core\nfrom pkg.core import LIMIT\nimport numpy as np\n",
}
AUDITED = {"subsystem": {"files": ["pkg/*.py"]}}


def check(tmp_path, **changes):
    files = {**GOOD, **{k.replace("__", "/") + ".py": v for k, v in changes.items()}}
    return run_check("BND001", subject(tmp_path, files, source=AUDITED))


@pytest.mark.passes("BND001")
def test_imports_that_resolve(tmp_path):
    result = check(tmp_path)
    assert_passes(result)
    assert [e.count for e in result.examined] == [4, 4]


@pytest.mark.fails("BND001")
def test_a_fallback_that_always_runs(tmp_path):
    text = "def age():\n    try:\n        from pkg.core import MAX\n    except ImportError:\n"
    text += "        MAX = 7\n"
    finding = assert_fails(check(tmp_path, app__age=text), path="app/age.py", symbol="age")
    assert finding.location.line == 3
    assert finding.key == "pkg/core.py pkg.core:MAX"
    assert finding.severity is Severity.HIGH
    assert finding.message == (
        "`from pkg.core import MAX`: pkg/core.py binds no name 'MAX'; the handler at line 4 "
        "swallows it, so its fallback always runs"
    )


@pytest.mark.fails("BND001")
@pytest.mark.parametrize(
    ("text", "effect"),
    [
        ("from pkg.core import gone\n", "importing the module fails"),
        ("def f():\n    from pkg.core import gone\n", "f fails when it gets there"),
        ("if 1:\n    from pkg.core import gone\n", "importing the module may fail"),
    ],
)
def test_when_a_broken_import_is_felt(tmp_path, text, effect):
    assert assert_fails(check(tmp_path, app__use=text)).message.endswith(effect)


@pytest.mark.fails("BND001")
def test_one_that_does_not_touch_the_subsystem_weighs_less(tmp_path):
    text, main = "from far.own import gone\n", "if __name__ == '__main__':\n    print(1)\n"
    late = f"def f():\n    {text}"
    cases = {
        "a": (text, "MEDIUM"),
        "b": (text + main, "HIGH"),
        "c": (f"import pkg\n{text}", "HIGH"),
        "d": (f"import pkg\n{text}{main}", "CRITICAL"),
        "e": (late + main, "MEDIUM"),
        "f": (f"import pkg\n{late}{main}", "HIGH"),
    }
    for folder, (source, severity) in cases.items():
        result = check(tmp_path / folder, far__use=source, far__own="", far____init__="")
        assert assert_fails(result, path="far/use.py").severity is Severity[severity]


@pytest.mark.fails("BND001")
def test_a_module_under_audit_that_cannot_be_imported(tmp_path):
    result = check(tmp_path, pkg__more="from .core import gone\n")
    assert assert_fails(result, path="pkg/more.py").severity is Severity.CRITICAL


@pytest.mark.fails("BND001")
def test_a_file_that_was_moved_is_one_finding(tmp_path):
    text = (
        "from ...core import MAX\nfrom ...data import rows\n\n\ndef f():\n    from .gone import x\n"
    )
    files = {"pkg__legacy____init__": "", "pkg__legacy__old": text.replace("...", "..other.")}
    result = check(tmp_path, **files)
    found = [f for f in result.findings if f.location.path == "pkg/legacy/old.py"]
    assert [f.location.line for f in found] == [1, 6]
    assert found[0].message.endswith(
        "importing the module fails; so with 1 more imports of the file"
    )


@pytest.mark.fails("BND001")
def test_a_folder_that_was_moved_is_one_finding_and_a_template_weighs_little(tmp_path):
    moved = {f"pkg__old__{n}": "from ...core import MAX\n" for n in "abc"}
    result = check(tmp_path / "a", **{k: v.replace("...", "..x.") for k, v in moved.items()})
    finding = assert_fails(result)
    assert finding.message.endswith("so with 2 more imports of 3 files of its folder")
    finding = assert_fails(check(tmp_path / "b", my_templates__m="from pkg.mine import Model\n"))
    assert finding.severity is Severity.LOW


@pytest.mark.passes("BND001")
def test_a_folder_of_templates_that_bears_the_name_of_a_library(tmp_path):
    files = {
        "pkg/__init__.py": "",
        "pkg/templates/ray/__init__.py": "",
        "pkg/templates/ray/feature.py": "x = 1\n",
        "pkg/core.py": "import ray\nfrom ray.data import Dataset\n\nray.init()\n",
        "pkg/parts/own/__init__.py": "",
        "pkg/parts/own/more.py": "y = 1\n",
        "pkg/parts/run.py": "from own.more import y\n",
    }
    made = subject(tmp_path, files, source={"subsystem": {"files": ["**/*.py"]}})
    assert_passes(run_check("BND001", made))
    assert run_check("BND010", made).findings == ()
