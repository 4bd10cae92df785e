import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.probes.code.types import type_checker
from audit_lib.testing import assert_passes, run_check
from tests.made_repo import subject

CORE = """\
from dataclasses import dataclass
from enum import Enum
from library import Outside


class Side(Enum):
    BUY = 1


@dataclass
class Settings:
    depth: int = 3


class Model:
    def __init__(self):
        self.trees = []
        self.fitted = False

    def fit(self, rows):
        self.fitted = True
        return self.late

    @property
    def size(self):
        return len(self.trees)


class Deep(Model):
    late = 1


class Loose:
    def __init__(self, values):
        for name, value in values.items():
            setattr(self, name, value)

    def run(self):
        return self.whatever


class Keeper:
    def keep(self, row, values):
        for name, value in values.items():
            setattr(row, name, value)
        return row.__dict__, vars(row)


class Lazy:
    def __getattr__(self, name):
        return name


class Child(Outside):
    def run(self):
        return self.inherited


@library.register
class Registered:
    pass
"""
UTILS = "def clean(x):\n    return x\n\n\ndef load(x):\n    return x\n"
HEAD = (
    "from pkg import utils\nfrom pkg.core import *\n\n\n"
    "def f(settings: Settings, side: Side):\n    model = Model()\n"
)
BAD = {
    "utils.cleen(1)": "pkg/utils.py has no cleen; it has clean; f fails when it gets there",
    "model.fited": "Model has no fited; it has fitted; f fails when it gets there",
    "settings.width": "Settings has no width; f fails when it gets there",
    "Side.SELL": "Side has no SELL; f fails when it gets there",
    "Keeper().width": "Keeper has no width; f fails when it gets there",
    "Deep().predict_all(1)": "Deep has no predict_all; f fails when it gets there",
}
GOOD = (
    "utils.clean(1)", "utils.__name__", "model.fitted", "model.size", "settings.depth", "Side.BUY",
    "Side.BUY.value", "Loose({}).x", "Lazy().x", "Child().x", "Registered().x", "model.late",
    "utils.added", "model.trees.append(1)",
)  # fmt: skip


def check(folder, *lines, head=HEAD):
    files = {
        "pkg/__init__.py": "from . import utils\n",
        "pkg/core.py": CORE,
        "pkg/utils.py": UTILS,
        "pkg/use.py": head + "".join(f"    {line}\n" for line in lines),
        "pkg/patch.py": "from pkg import utils\n\nutils.added = 1\n",
    }
    source = {"subsystem": {"files": ["pkg/**"]}}
    return run_check("BND010", subject(folder, files, source=source))


@pytest.mark.fails("BND010")
def test_attributes_that_nothing_defines(tmp_path):
    result = check(tmp_path, *BAD)
    assert result.outcome is Outcome.FAIL
    assert {f.message for f in result.findings} == set(BAD.values())
    assert {f.severity.name for f in result.findings} == {"HIGH"}


@pytest.mark.passes("BND010")
def test_attributes_that_something_may_define(tmp_path):
    result = check(tmp_path, *GOOD)
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.passes("BND010")
def test_what_is_asked_for_before_it_is_read(tmp_path):
    text = (
        "from pkg import utils\n\n\ndef f():\n    if hasattr(utils, 'extra'):\n"
        "        return utils.extra\n    try:\n        return utils.more\n"
        "    except AttributeError:\n        return None\n"
    )
    assert check(tmp_path, head=text).findings == ()


@pytest.mark.fails("BND010")
def test_names_of_one_module_that_several_functions_miss_are_one_finding(tmp_path):
    text = "from pkg import utils\n\n\ndef f(x):\n    return utils.Old(x)\n\n\n"
    result = check(tmp_path, head=text + text.partition("\n\n\n")[2].replace("Old", "Gone"))
    (found,) = result.findings
    assert found.message.endswith("; so is it with Gone")


@pytest.mark.fails("BND010")
def test_a_fallback_that_is_always_served_and_a_module_that_cannot_load(tmp_path):
    text = (
        "import pkg.utils\n\nLIMIT = pkg.utils.LIMIT\n\n\ndef f(x):\n    try:\n"
        "        return pkg.utils.price(x)\n    except Exception:\n        return 0.0\n"
    )
    result = check(tmp_path, head=text)
    assert {(f.message, f.severity.name) for f in result.findings} == {
        ("pkg/utils.py has no LIMIT; importing the module fails", "CRITICAL"),
        ("pkg/utils.py has no price; the handler at line 9 swallows it: 0.0 is returned every time",
         "HIGH"),
    }  # fmt: skip


def test_without_a_type_checker_classes_are_not_assessed(tmp_path, monkeypatch):
    monkeypatch.setattr(type_checker, "find_spec", lambda name: None)
    result = check(tmp_path, "utils.clean(1)")
    assert result.outcome is Outcome.NOT_ASSESSED
    assert [g.what for g in result.gaps] == ["attributes of classes"]


@pytest.mark.passes("BND010")
def test_the_reference_engine_is_clean(reference):
    result = run_check("BND010", reference)
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.passes("BND010")
def test_what_the_other_half_of_a_mixin_brings(tmp_path):
    text = (
        "from library import Module\n\n\nclass TrendMixin:\n    def trend(self):\n"
        "        return self.buffers()\n\n\nclass Block(Module):\n    pass\n\n\n"
        "class TrendBlock(Block, TrendMixin):\n    pass\n"
    )
    assert check(tmp_path / "a", head=text).findings == ()
    alone = text.replace("Block, TrendMixin", "TrendMixin")
    (finding,) = check(tmp_path / "b", head=alone).findings
    assert finding.message == "TrendMixin has no buffers; trend fails when it gets there"


@pytest.mark.passes("BND010")
def test_a_class_that_only_holds_functions(tmp_path):
    text = "class Dates:\n    def week(series):\n        return series.dt.week\n"
    assert check(tmp_path / "a", head=text).findings == ()
    mine = text.replace("series", "self")
    assert len(check(tmp_path / "b", head=mine).findings) == 1


@pytest.mark.fails("BND010")
def test_what_one_function_misses_of_one_class_is_one_finding(tmp_path):
    (finding,) = check(tmp_path, "model.fited", "model.sise").findings
    assert finding.message == (
        "Model has no fited; it has fitted; f fails when it gets there; so is it with sise"
    )


def test_a_field_by_its_private_name_and_what_templates_read(tmp_path):
    text = "class Order:\n    def __init__(self):\n        self.__size = 1\n\n\n"
    text += "def size(order: Order):\n    return order._Order__size\n"
    files = {"pkg/__init__.py": "", "pkg/m.py": text}
    files["pkg/templates/bot.py"] = "import pkg\n\npkg.PLACE\n"
    result = run_check("BND010", subject(tmp_path, files))
    assert not [f for f in result.findings if f.severity > Severity.LOW]


@pytest.mark.passes("BND010")
def test_a_property_of_a_modules_name_and_an_enumeration_that_a_call_makes(tmp_path):
    files = {
        "pkg/__init__.py": "",
        "pkg/kinds.py": "class Kind:\n    FIRST = 1\n",
        "pkg/made.py": "from enum import Enum\nfrom pkg.names import NAMES\n"
        'Kind = Enum("Kind", NAMES)\n',
        "pkg/names.py": 'NAMES = ["SECOND"]\n',
        "pkg/m.py": "from pkg import kinds, made\n\n\nclass Trial:\n    @property\n"
        "    def kinds(self):\n        return 1\n\n    @kinds.setter\n"
        "    def kinds(self, value):\n        self._kinds = value\n\n\n"
        "FIRST, SECOND = kinds.Kind.FIRST, made.Kind.SECOND\n",
    }
    source = {"subsystem": {"files": ["pkg/**"]}}
    assert_passes(run_check("BND010", subject(tmp_path, files, source=source)))
