import pytest

from audit_lib.subject.code import code_of
from audit_lib.subject.units import units_of
from tests.made_repo import source_file, tree

SOURCE = """
import os


@decorated(
    1
)
class A:
    x = 1

    def method(self):
        if self.x:
            return [i for i in range(3) if i]

        def inner():
            for _ in ():
                pass
        return inner

    @property
    def size(self):
        return 1

    @size.setter
    def size(self, value):
        pass


def free(a, b=2):
    try:
        while a and b:
            a -= 1
    except ValueError:
        pass
    match a:
        case 1:
            pass
        case _:
            pass
"""


@pytest.fixture
def read(tmp_path):
    return units_of(source_file(tmp_path, SOURCE))


@pytest.fixture
def units(read):
    return {u.name: u for u in read.units}


def test_names_kinds_and_spans(units):
    assert {n: (u.kind, u.line, u.end_line) for n, u in units.items()} == {
        "<module>": ("module", 1, 39),
        "A": ("class", 5, 26),
        "A.method": ("function", 11, 18),
        "A.method.inner": ("nested", 15, 17),
        "A.size": ("function", 20, 22),
        "A.size#2": ("function", 24, 26),
        "free": ("function", 29, 39),
    }


def test_each_line_has_one_owner(units):
    assert {n: u.lines for n, u in units.items()} == {
        "<module>": 6,
        "A": 8,
        "A.method": 5,
        "A.method.inner": 3,
        "A.size": 3,
        "A.size#2": 3,
        "free": 11,
    }


def test_branches_and_complexity(read):
    assert {u.name: (u.branches, u.cyclomatic, read.cognitive(u)) for u in read.units} == {
        "<module>": (0, 1, None),
        "A": (0, 1, None),
        "A.method": (1, 4, 6),
        "A.method.inner": (1, 2, None),
        "A.size": (0, 1, 0),
        "A.size#2": (0, 1, 0),
        "free": (5, 5, 4),
    }


def test_branch_lines_count_by_text(tmp_path):
    content = '"""\nfor docs\n"""\nif x:\n    y\nelif z:\n    y\nx = 1 if y else 2\nformat(x)\n'
    found = units_of(source_file(tmp_path, content))
    assert (found.branch_lines, found.branches) == (3, 2)


def test_suppressions_in_the_source_hide_nothing(tmp_path):
    plain = "def f(a):{}\n    if a:\n        return 1\n"
    hidden = units_of(source_file(tmp_path, plain.format("  # noqa: complexipy")))
    assert hidden.cognitive(hidden.units[1]) == 1


def test_a_file_that_does_not_parse_is_one_unit_with_the_error(tmp_path):
    found = units_of(source_file(tmp_path, "x = 1\ndef f(:\n"))
    assert [u.name for u in found.units] == ["<module>"]
    assert found.error.startswith("line 2: ")


def test_fan_in_fan_out_and_risk(tmp_path):
    found = tree(
        tmp_path,
        {
            "pkg/__init__.py": "from .core import Model\n",
            "pkg/core.py": "class Base:\n    def run(self):\n        return helper()\n\n\n"
            "class Model(Base):\n    def fit(self):\n        if self.run():\n            pass\n\n\n"
            "def helper():\n    return 1\n",
            "pkg/use.py": "from pkg import Model\n\n\ndef go(m: Model):\n    Model().fit()\n"
            "    x = Model()\n    return x.run(), m.fit()\n",
        },
        high_risk=("pkg/core.py",),
    )
    code = code_of(found)
    refer = code.references
    assert refer.targets["pkg/use.py::go"] == {
        "pkg/core.py::Model", "pkg/core.py::Base.run", "pkg/core.py::Model.fit",
    }  # fmt: skip
    assert refer.sources["pkg/core.py::Base.run"] == {
        "pkg/core.py::Model.fit", "pkg/use.py::go",
    }  # fmt: skip
    run = refer.unit("pkg/core.py", "Base.run")
    assert (code.fan_in(run), code.fan_out(run), code.risk(run)) == (2, 1, 4.0)
    assert code_of(found) is code


def test_a_name_that_is_rebound_to_itself_ends(tmp_path):
    found = tree(tmp_path, {"m.py": "def f(df):\n    df = df.copy()\n    x = y = x.z()\n"})
    assert code_of(found).references.targets["m.py::f"] == frozenset()
    text = "class A:\n    def f(self):\n        self.x = self.x.copy()\n        self.x.go()\n"
    again = tree(tmp_path / "b", {"m.py": text})
    assert code_of(again).references.targets["m.py::A.f"] == frozenset()
