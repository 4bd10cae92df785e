import random

import pytest

from audit_lib.subject.code import code_of, reachable
from audit_lib.subject.imports import ImportType, edges_report
from tests.made_repo import tree


def edges(found):
    return {(e.source, e.line, e.target, e.type.value) for e in code_of(found).imports.edges}


def broken(found):
    return {(b.imported.path, b.name, b.imported.caught is not None)
            for b in code_of(found).imports.broken}  # fmt: skip


def test_type_is_conditional_then_lazy_then_top_level(tmp_path):
    found = tree(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/a.py": "from pkg import b\nif True:\n    from . import c\n\n\ndef f():\n"
            "    from .b import x\n    try:\n        from . import c\n    except ImportError:\n"
            "        c = None\n\n\nclass K:\n    from .c import y\n",
            "pkg/b.py": "x = 1\n",
            "pkg/c.py": "y = 1\n",
        },
    )
    assert edges(found) == {
        ("pkg/a.py", 1, "pkg/b.py", "top_level"),
        ("pkg/a.py", 3, "pkg/c.py", "conditional"),
        ("pkg/a.py", 7, "pkg/b.py", "lazy"),
        ("pkg/a.py", 9, "pkg/c.py", "conditional"),
        ("pkg/a.py", 15, "pkg/c.py", "top_level"),
    }
    assert broken(found) == set()


def test_a_root_that_nothing_imports_is_no_package(tmp_path):
    """A file left at the root of a checkout changes nothing, nor does one broken import."""
    files = {
        "__init__.py": "",
        "src/__init__.py": "",
        "src/desk/__init__.py": "",
        "src/desk/book.py": "from src.desk.gone import X\nfrom src.limits import A\n",
        "src/limits.py": "A = 1\n",
        "src/more/part/__init__.py": "",
        "src/more/part/end.py": "from part import x\n",
    }
    for name in ("engine", "engine-main"):
        found = tree(tmp_path / name, files)
        index = code_of(found).index
        assert (index.package, index.holds("src"), index.holds("desk")) == ("", True, False)
        assert edges(found) >= {("src/desk/book.py", 2, "src/limits.py", "top_level")}
        inside = {root: index.within_package(root) for root in index.search_roots}
        assert inside == {"": False, "src/more": True}
    files["src/desk/book.py"] += "from ... import src\n"
    assert code_of(tree(tmp_path / "a" / "engine", files)).index.package == "engine"


def test_a_script_sees_what_stands_beside_it_first(tmp_path):
    files = {
        "lib/pkg/__init__.py": "",
        "lib/helper.py": "",
        "tools/helper.py": "X = 1\n",
        "tools/run.py": "from helper import X\n",
        "run.py": "from helper import Y\n",
    }
    assert edges(tree(tmp_path, files)) == {
        ("tools/run.py", 1, "tools/helper.py", "top_level"),
        ("run.py", 1, "lib/helper.py", "top_level"),
    }


def test_package_root_is_named_by_parameters_or_folder(tmp_path):
    files = {
        "__init__.py": "",
        "config.py": "A = 1\n",
        "config_extra.py": "from engine.config import A\n",
        "models/__init__.py": "from .core import Model\n",
        "models/core.py": "from ..config import A\nclass Model: ...\n",
        "run_it.py": "from engine.models import Model\nimport engine.models.core as core\n"
        "import config\nif __name__ == '__main__':\n    pass\n",
        "models/late.py": "import config\nimport sklearn\nfrom sklearn.base import X\n",
        "sklearn.py": "from .config import A\n",
        "tests/test_it.py": "from engine.models import Model\n",
    }
    found = tree(tmp_path / "engine", files)
    assert edges(found) == {
        ("config_extra.py", 1, "config.py", "top_level"),
        ("models/__init__.py", 1, "models/core.py", "top_level"),
        ("models/core.py", 1, "config.py", "top_level"),
        ("models/late.py", 1, "config.py", "top_level"),
        ("sklearn.py", 1, "config.py", "top_level"),
        ("run_it.py", 1, "models/__init__.py", "top_level"),
        ("run_it.py", 2, "models/core.py", "top_level"),
        ("run_it.py", 3, "config.py", "top_level"),
    }
    report = edges_report(found)
    assert (report["total"], report["cross_module"], report["same_module"]) == (8, 6, 2)
    assert report["by_type"] == {"top_level": 8, "conditional": 0, "lazy": 0}
    assert report["edges"][0] == {
        "source_file": "config_extra.py",
        "source_module": "config",
        "source_line": 1,
        "target_file": "config.py",
        "target_module": "config",
        "import_statement": "from engine.config import A",
        "symbols_imported": ["A"],
        "import_type": "top_level",
        "cross_module": False,
    }


def test_src_layout_and_namespace_packages(tmp_path):
    found = tree(
        tmp_path,
        {
            "src/pkg/__init__.py": "",
            "src/pkg/a.py": "from pkg.b import x\nfrom pkg import b\n",
            "src/pkg/b.py": "x = 1\n",
            "tools/plain/x.py": "from tools.plain import y\n",
            "tools/plain/y.py": "import logging\n",
            "tools/plain/logging.py": "",
        },
    )
    assert edges(found) == {
        ("src/pkg/a.py", 1, "src/pkg/b.py", "top_level"),
        ("src/pkg/a.py", 2, "src/pkg/b.py", "top_level"),
        ("tools/plain/x.py", 1, "tools/plain/y.py", "top_level"),
    }
    assert broken(found) == set()


@pytest.mark.parametrize(
    ("module", "statement", "name"),
    [
        ("x = 1\n", "from .b import gone", ".b:gone"),
        ("x = 1\n", "from .missing import x", ".missing"),
        ("x = 1\n", "from ....far import x", "....far"),
        ("x = 1\n", "import pkg.missing", "pkg.missing"),
        ("def f():\n    x = 1\n", "from .b import x", ".b:x"),
        ("class A:\n    x = 1\n", "from .b import x", ".b:x"),
        ("x: int\n", "from .b import x", ".b:x"),
        ("from os import *\n_y = 1\n", "from .b import _y", ""),
    ],
)
def test_what_cannot_be_imported(tmp_path, module, statement, name):
    files = {"pkg/__init__.py": "", "pkg/a.py": f"{statement}\n", "pkg/b.py": module}
    assert broken(tree(tmp_path, files)) == ({("pkg/a.py", name, False)} if name else set())


@pytest.mark.parametrize(
    "module",
    [
        "import x\n",
        "for x in (): pass\n",
        "with open('f') as x: pass\n",
        "try:\n    pass\nexcept Exception as x:\n    pass\n",
        "if (x := 1): pass\n",
        "(a, [x, *b]) = 1, [2, 3]\n",
        "def f():\n    global x\n    x = 1\n",
        "globals()['x'] = 1\n",
        "def __getattr__(name): ...\n",
        "exec('x = 1')\n",
        "from .c import *\n",
        "match 1:\n    case x: pass\n",
        "x: int = 1\n",
        "async def x(): ...\n",
        "from unknown_library import *\n",
        "def f(:\n",
    ],
)
def test_every_way_to_bind_a_name_is_seen(tmp_path, module):
    files = {
        "pkg/__init__.py": "",
        "pkg/a.py": "from .b import x\n",
        "pkg/b.py": module,
        "pkg/c.py": "x = 1\n",
    }
    assert broken(tree(tmp_path, files)) == set()


def test_extension_modules_and_typing_only_imports_are_no_fault(tmp_path):
    found = tree(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/fast.cpython-311-x86_64-linux-gnu.so": b"",
            "pkg/a.py": "from . import fast\nfrom .fast import go\n"
            "from typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from .gone import X\n",
        },
    )
    assert broken(found) == set()


def test_an_extension_module_may_have_more_than_its_stub_says(tmp_path):
    files = {
        "pkg/__init__.py": "",
        "pkg/_native/__init__.pyi": "class Bar: ...\n",
        "pkg/a.py": "from pkg._native import Bar, mean\nfrom pkg._native.ta import sma\n",
    }
    built = {"pkg/_native.abi3.so": b""}
    assert broken(tree(tmp_path / "a", {**files, **built})) == set()
    assert broken(tree(tmp_path / "b", files)) != set()


@pytest.mark.parametrize(
    ("table", "missing"),
    [
        ('sys.modules[f"{__name__}.{old}"] = import_module(".new", __name__)', set()),
        ('sys.modules["pkg.old"] = new', {"pkg.other.deep"}),
        ('sys.modules.setdefault("pkg.old", new)', {"pkg.other.deep"}),
        ("sys.modules[__name__] = Lazy()", {"pkg.old.deep", "pkg.other.deep"}),
        ('assert sys.modules["pkg.old"] == new', {"pkg.old.deep", "pkg.other.deep"}),
    ],
)
def test_modules_under_other_names_are_believed(tmp_path, table, missing):
    files = {
        "pkg/__init__.py": f"import sys\nfrom . import new\nfor old in ():\n    {table}\n",
        "pkg/new.py": "",
        "pkg/a.py": "from pkg.old.deep import x\nfrom pkg.other.deep import x\n",
    }
    assert {name for _, name, _ in broken(tree(tmp_path, files))} == missing


def test_names_that_a_loop_puts_among_the_locals_of_a_module(tmp_path):
    files = {
        "pkg/__init__.py": "",
        "pkg/a.py": "for name in ('X',):\n    locals()[name] = 1\n",
        "pkg/b.py": "from pkg.a import X\n",
    }
    assert broken(tree(tmp_path, files)) == set()


def test_an_extension_that_is_built_elsewhere(tmp_path):
    text = "try:\n    from . import _gpu\nexcept ImportError:\n    _gpu = None\n"
    files = {"pkg/__init__.py": "", "pkg/a.py": text, "pkg/_cpu.so": b""}
    assert broken(tree(tmp_path / "a", files)) == set()
    del files["pkg/_cpu.so"]
    assert {name for _, name, _ in broken(tree(tmp_path / "b", files))} == {".:_gpu"}
    plain = {**files, "pkg/_cpu.so": b"", "pkg/a.py": "from . import _gpu\n"}
    assert {name for _, name, _ in broken(tree(tmp_path / "c", plain))} == {".:_gpu"}


def test_a_swallowed_import_is_told_from_one_that_is_raised_again(tmp_path):
    swallow = "try:\n    from .b import gone\nexcept {}:\n    {}\n"
    found = tree(
        tmp_path,
        {
            "pkg/__init__.py": "",
            "pkg/b.py": "",
            "pkg/a.py": swallow.format("ImportError", "gone = 30"),
            "pkg/c.py": swallow.format("(KeyError, ImportError)", "raise SystemExit"),
            "pkg/d.py": swallow.format("KeyError", "pass"),
        },
    )
    assert broken(found) == {
        ("pkg/a.py", ".b:gone", True),
        ("pkg/c.py", ".b:gone", False),
        ("pkg/d.py", ".b:gone", False),
    }


def test_dependents_follow_imports_of_imports(tmp_path):
    found = tree(tmp_path, {"a.py": "import b\n", "b.py": "import c\n", "c.py": "import a\n"})
    graph = code_of(found).imports
    assert graph.dependent_counts["c.py"] == 2
    assert graph.edges[0].type is ImportType.TOP_LEVEL


@pytest.mark.parametrize("top", ["pkg/", "src/pkg/"])
def test_parts_of_a_package_that_is_nearly_the_whole_repository(tmp_path, top):
    files = {
        f"{top}__init__.py": "",
        f"{top}config.py": "A = 1\n",
        f"{top}models/__init__.py": "",
        f"{top}models/core.py": "from pkg.config import A\nfrom pkg.features.build import _f\n",
        f"{top}features/build.py": "_f = 1\n",
        "tests/test_core.py": "import pkg.models.core\n",
    }
    graph = code_of(tree(tmp_path, files)).imports
    assert {(e.source_group, e.target_group) for e in graph.edges} == {
        ("models", "config"),
        ("models", "features"),
    }
    assert graph.group("tests/test_core.py") == "tests"


def test_tests_inside_a_package_are_no_part_of_it(tmp_path):
    files = {
        "pkg/__init__.py": "",
        "pkg/a.py": "x = 1\n",
        "pkg/deep/tests/check_a.py": "from pkg.a import gone\n",
        "pkg/contests/a.py": "from pkg.a import lost\n",
    }
    assert broken(tree(tmp_path, files)) == {("pkg/contests/a.py", "pkg.a:lost", False)}


def test_a_package_among_others_is_one_part(tmp_path):
    files = {
        "models/__init__.py": "",
        "models/core.py": "from api.routes import x\n",
        "api/routes.py": "x = 1\n",
    }
    (edge,) = code_of(tree(tmp_path, files)).imports.edges
    assert (edge.source_group, edge.target_group) == ("models", "api")


def test_a_declared_package_may_stand_below_the_root(tmp_path):
    files = {
        "src/pkg/__init__.py": "",
        "src/pkg/a.py": "from pkg.b import x, gone\nimport pkg.lost\n",
        "src/pkg/b.py": "x = 1\n",
    }
    found = tree(tmp_path, files, package="pkg")
    assert edges(found) == {("src/pkg/a.py", 1, "src/pkg/b.py", "top_level")}
    assert broken(found) == {
        ("src/pkg/a.py", "pkg.b:gone", False),
        ("src/pkg/a.py", "pkg.lost", False),
    }


def test_a_stub_declares_names_and_its_own_imports_never_run(tmp_path):
    files = {
        "pkg/__init__.py": "",
        "pkg/api.py": "",
        "pkg/api.pyi": "from pkg.moved import Old\nlimit: int\ndef order(n: int) -> None: ...\n",
        "pkg/fast.pyi": "rate: float\n",
        "pkg/moved.py": "",
        "pkg/use.py": "from pkg.api import order, limit, gone\nfrom pkg.fast import rate\n",
    }
    found = tree(tmp_path, files)
    assert broken(found) == {("pkg/use.py", "pkg.api:gone", False)}
    (only,) = code_of(found).imports.broken
    assert only.reason == "pkg/api.py binds no name 'gone'"


def test_modules_that_the_build_makes_are_no_fault(tmp_path):
    files = {
        "pyproject.toml": "[tool.setuptools_scm]\nversion_file = 'pkg/_version.py'\n",
        "pkg/__init__.py": "from ._version import version\n",
        "pkg/deep/__init__.py": "",
        "pkg/deep/_fast.pyx": "",
        "pkg/use.py": "from pkg.deep._fast import go\nfrom .deep import _fast\n"
        "import pkg.deep._fast\n",
    }
    assert broken(tree(tmp_path, files)) == set()


REACH = {
    "pkg/__init__.py": "",
    "pkg/base.py": "A = 1\n",
    "pkg/mid.py": "from pkg.base import A\n",
    "pkg/left.py": "from pkg.mid import A\nfrom pkg import right\n",
    "pkg/right.py": "from pkg import left\n",
    "run.py": "def main():\n    from pkg.right import left\n",
    "alone.py": "import json\n",
    "tests/test_base.py": "from pkg.base import A\n",
}


def test_dependents_count_through_others_and_around_cycles(tmp_path):
    counts = code_of(tree(tmp_path, REACH)).imports.dependent_counts
    assert counts == {
        "pkg/__init__.py": 0,
        "pkg/base.py": 4,
        "pkg/mid.py": 3,
        "pkg/left.py": 2,
        "pkg/right.py": 2,
        "run.py": 0,
        "alone.py": 0,
        "tests/test_base.py": 0,
    }


@pytest.mark.parametrize("seed", range(5))
def test_counts_agree_with_the_dependents_of_each_file(tmp_path, seed):
    chance = random.Random(seed)
    names = [f"m{i}" for i in range(25)]
    files = {
        f"{name}.py": "".join(f"import {other}\n" for other in chance.sample(names, 2))
        for name in names
    }
    graph = code_of(tree(tmp_path, files)).imports
    counts = {p: len(reachable([p], graph.importers) - {p}) for p in files}
    assert graph.dependent_counts == counts
