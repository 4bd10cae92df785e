import pytest

from audit_lib.subject.dependencies import Dependencies, may_bring
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject, write

CODE = """\
from __future__ import annotations
import json
import yaml
from typing import TYPE_CHECKING
from dateutil.parser import parse
from pkg.own import helper
import sklearn.linear_model
if TYPE_CHECKING:
    import hinted
try:
    import booster
except ImportError:
    booster = None
"""
DECLARED = {
    "pyproject.toml": '[project]\nname = "engine"\ndependencies = ["PyYAML>=6", "python-dateutil", '
    '"scikit-learn>=1.5,<2"]\n',
    "requirements.txt": "pyyaml>=6  # yaml\npython_dateutil\n-r other.txt\nscikit-learn==1.5.2\n",
    "setup.cfg": "[options]\ninstall_requires =\n    pyyaml\n    python-dateutil\n"
    "    scikit-learn<2\n",
    "setup.py": "from setuptools import setup\n\nneeds = ['pyyaml', 'python-dateutil']\n"
    "setup(install_requires=needs + ['scikit-learn<2'])\nrequirements = needs = ['pyyaml', "
    "'python-dateutil']\n",
    "environment.yml": "dependencies:\n  - python=3.11\n  - conda-forge::pyyaml\n  - pip\n"
    "  - pip:\n      - python-dateutil\n      - scikit-learn==1.5\n",
    "Pipfile": '[packages]\npyyaml = "*"\npython-dateutil = "*"\n'
    'scikit-learn = {version = "==1.5"}\n',
    "engine-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: engine\nRequires-Dist: pyyaml\n"
    "Requires-Dist: python-dateutil\nRequires-Dist: scikit-learn (<2)\n\nRequires-Dist: text\n",
}


def check(folder, files, **code):
    made = {"pkg/__init__.py": "", "pkg/own.py": "helper = 1\n", "pkg/m.py": CODE, **code, **files}
    return run_check("BND013", subject(folder, made, source={"subsystem": {"files": ["pkg/**"]}}))


@pytest.mark.passes("BND013")
@pytest.mark.parametrize("name", DECLARED)
def test_what_is_declared_in_any_form(tmp_path, name):
    result = check(tmp_path, {name: DECLARED[name], "tests/test_m.py": "import nobody\n"})
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.fails("BND013")
def test_what_nothing_declares(tmp_path):
    text = "import telegram.deep\n\n\ndef f():\n    import later\n    return telegram, later\n"
    result = check(tmp_path, {"requirements.txt": DECLARED["requirements.txt"]}, **{
        "pkg/n.py": text, "pkg/o.py": "from telegram import x\n",
    })  # fmt: skip
    assert [(f.location.line, f.severity.name, f.message) for f in result.findings] == [
        (1, "MEDIUM", "telegram is imported (and in 1 more file) and no file declares it; "
         "importing the module fails where it is missing"),
        (5, "LOW", "later is imported and no file declares it; f fails where it is missing"),
    ]  # fmt: skip


@pytest.mark.fails("BND013")
@pytest.mark.parametrize(
    ("init", "severity"),
    [
        ("try:\n    from pkg.n import x\nexcept ImportError:\n    pass\n", "LOW"),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkg.n import x\n", "LOW"),
        ("def f():\n    from pkg.n import x\n", "LOW"),
        ("from pkg.n import x\n", "MEDIUM"),
    ],
)
def test_a_module_that_is_only_loaded_where_it_can_be(tmp_path, init, severity):
    files = {"requirements.txt": DECLARED["requirements.txt"]}
    files["pkg/n.py"] = "import telegram\nx = 1\n"
    finding = assert_fails(check(tmp_path, files, **{"pkg/__init__.py": init}))
    assert finding.severity.name == severity


@pytest.mark.parametrize("name", ["opencv-python", "opencv_contrib_python>=4", "other-python"])
def test_one_module_of_several_distributions(tmp_path, name):
    files = {"requirements.txt": f"{DECLARED['requirements.txt']}\n{name}\n"}
    findings = check(tmp_path, files, **{"pkg/__init__.py": "import cv2\n"}).findings
    assert any("cv2 is" in f.message for f in findings) is name.startswith("other")


@pytest.mark.fails("BND013")
def test_nothing_declared_is_one_finding(tmp_path):
    finding = assert_fails(check(tmp_path, {}), path="pkg/m.py", line=3)
    assert finding.message == (
        "no file declares a package, and 3 are imported: dateutil, sklearn, yaml"
    )


@pytest.mark.fails("BND013")
def test_declared_and_never_imported_and_ranges_without_an_end(tmp_path):
    files = {
        "requirements.txt": "pyyaml\npython-dateutil\nscikit-learn>=1\nidle>=2\nruff\n",
        "requirements-dev.txt": "linter\n",
    }
    result = check(tmp_path, files)
    assert [(f.location.line, f.severity.name, f.message) for f in result.findings] == [
        (3, "LOW", "models are stored in formats of packages whose versions have no upper end: "
         "scikit-learn >=1"),
        (4, "LOW", "declared as required and imported nowhere: idle"),
    ]  # fmt: skip


def test_forms_that_do_not_parse_declare_nothing(tmp_path):
    write(tmp_path, {"pyproject.toml": "[", "setup.py": "(", "environment.yml": "a: [",
                     "setup.cfg": "x"})  # fmt: skip
    assert Dependencies(tmp_path).declared == ()


def test_groups_extras_and_tables(tmp_path):
    text = """
[project]
dependencies = ["a[x]>=1; python_version > '3'", "b @ file:///b"]
[project.optional-dependencies]
more = ["c"]
[dependency-groups]
dev = ["d", {include-group = "more"}]
[tool.poetry.dependencies]
python = "^3.11"
e = {version = "^1", optional = true}
f = "*"
"""
    write(tmp_path, {"pyproject.toml": text})
    assert [(d.name, d.spec, d.required) for d in Dependencies(tmp_path).declared] == [
        ("a", ">=1", True), ("x", "", False), ("b", "", True), ("c", "", False), ("d", "", False),
        ("e", "^1", False), ("f", "", True),
    ]  # fmt: skip


@pytest.mark.passes("BND013")
def test_the_reference_engine_declares_what_it_imports(reference):
    assert_passes(run_check("BND013", reference))


@pytest.mark.passes("BND013")
def test_what_builds_the_package_is_there_before(tmp_path):
    files = {"pyproject.toml": DECLARED["pyproject.toml"], "setup.py": "import Cython\n"}
    made = {"pkg/__init__.py": "", "pkg/own.py": "helper = 1\n", "pkg/m.py": CODE, **files}
    source = {"subsystem": {"files": ["**/*.py"]}}
    assert run_check("BND013", subject(tmp_path, made, source=source)).findings == ()


@pytest.mark.fails("BND013")
def test_what_an_extra_asks_for_and_what_a_declared_package_is_known_to_bring(tmp_path):
    text = "import pandas\nimport polars\nimport flask\nimport werkzeug\n"
    files = {"pkg/__init__.py": "", "pkg/m.py": text}
    files["requirements.txt"] = "polars[numpy,pandas]>=0.20\nflask\n"
    result = run_check("BND013", subject(tmp_path, files, source={"subsystem": {"files": ["**"]}}))
    (finding,) = result.findings
    assert (finding.severity.name, finding.measured) == ("LOW", "1 undeclared")
    assert finding.message.endswith("flask brings it for now")
    assert finding.message.startswith("werkzeug is imported and no file declares it")


def test_two_words_that_are_shortened_are_the_declared_ones():
    assert may_bring("web3-ethereum-defi", "eth_defi")
    assert not may_bring("web3-ethereum-defi", "eth_typing")
    assert not may_bring("ethereum", "eth")
    assert may_bring("newtulipy", "tulipy")
    assert may_bring("scikit-plot", "scikitplot")
    assert may_bring("own-scikit-plot", "scikitplot")
    assert may_bring("jpype1", "jpype")
    assert may_bring("giotto-ph", "gph")
    assert not may_bring("giotto-ph", "gp")
    assert not may_bring("own-scikit", "scikitplot")
    assert may_bring("imbalanced-learn", "imblearn")
    assert not may_bring("pyeth", "eth_abi")


@pytest.mark.fails("BND013")
def test_all_that_is_undeclared_is_one_finding(tmp_path):
    text = "import telegram\nimport faiss\nimport slugify\n"
    found = assert_fails(
        check(tmp_path, {"requirements.txt": DECLARED["requirements.txt"]}, **{"pkg/n.py": text})
    )
    said = "3 packages are imported and no file declares them: faiss, slugify, telegram"
    assert (found.severity.name, found.message) == ("MEDIUM", said)


@pytest.mark.passes("BND013")
def test_a_hook_of_pyinstaller_which_brings_itself(tmp_path):
    text = "from PyInstaller.utils.hooks import collect_submodules\n"
    files = {"requirements.txt": DECLARED["requirements.txt"]}
    assert_passes(check(tmp_path / "a", files, **{"pkg/hook-pkg.py": text}))
    assert_fails(check(tmp_path / "b", files, **{"pkg/hooks.py": text}))


@pytest.mark.passes("BND013")
def test_an_import_whose_failure_is_suppressed(tmp_path):
    text = "import contextlib\nwith contextlib.suppress(ImportError):\n    import telegram\n"
    files = {"requirements.txt": DECLARED["requirements.txt"]}
    assert check(tmp_path, files, **{"pkg/n.py": text}).findings == ()


@pytest.mark.fails("BND013")
def test_a_module_of_which_nobody_knows_the_distribution_is_light(tmp_path):
    files = {"requirements.txt": DECLARED["requirements.txt"]}
    text = "from moa.core import Instance\n"
    found = assert_fails(check(tmp_path, files, **{"pkg/n.py": text}))
    assert found.severity.name == "LOW"
