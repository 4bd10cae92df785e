import pytest

from audit_lib.checks.boundary.import_cycles import components
from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

SOURCE = {"subsystem": {"files": ["models/*.py"]}}


def check(tmp_path, code, files):
    options = {"BND006": {"inferred": False}}  # what the text alone shows
    return run_check(code, subject(tmp_path, files, source=SOURCE, options=options))


# --- BND004 ---------------------------------------------------------------------------------------
@pytest.mark.passes("BND004")
def test_public_names_and_private_ones_at_home(tmp_path):
    files = {
        "models/a.py": "from models.b import _inner\nfrom __future__ import annotations\n",
        "models/b.py": "_inner = 1\nopen_ = 2\n__version__ = '1'\n",
        "api/c.py": "from models.b import open_, __version__\nfrom models.b import open_ as _o\n",
    }
    assert_passes(check(tmp_path, "BND004", files))


@pytest.mark.fails("BND004")
def test_a_private_name_across_parts(tmp_path):
    files = {
        "models/b.py": "_folds = 1\nprint(_folds)\n",
        "api/c.py": "def f():\n    from models.b import _folds\n",
    }
    finding = assert_fails(check(tmp_path, "BND004", files), path="api/c.py", line=2, symbol="f")
    assert (finding.key, finding.severity) == ("models/b.py", Severity.MEDIUM)
    assert finding.message == "imports _folds, private to models/b.py"


@pytest.mark.passes("BND004")
def test_private_modules_at_the_root_are_the_packages_own(tmp_path):
    files = {
        "engine/__init__.py": "",
        "engine/_native.so": b"",
        "engine/_limits.py": "_MOST = 1\n",
        "engine/basic.py": "_lib = 1\n",
        "engine/callback.py": "from .basic import _lib\n",
        "engine/models/core.py": "from engine._limits import _MOST\nfrom engine import _native\n"
        "from engine.basic import open\n",
    }
    source = {"subsystem": {"files": ["**/*.py"]}}
    assert_passes(run_check("BND004", subject(tmp_path, files, source=source)))


def test_a_flat_package_has_no_parts(tmp_path):
    files = {"__init__.py": "", "a.py": "from .b import _x\n", "b.py": "_x = 1\n"}
    result = run_check("BND004", subject(tmp_path, files))
    assert result.outcome is Outcome.NOT_APPLICABLE


@pytest.mark.fails("BND004")
def test_a_private_name_of_a_public_module_at_the_root(tmp_path):
    files = {
        "engine/__init__.py": "",
        "engine/basic.py": "_lib = 1\nprint(_lib)\n",
        "engine/models/core.py": "from engine.basic import _lib\n",
    }
    source = {"subsystem": {"files": ["**/*.py"]}}
    result = run_check("BND004", subject(tmp_path, files, source=source))
    assert_fails(result, path="engine/models/core.py", line=1)


@pytest.mark.fails("BND004")
def test_a_private_name_across_folders_of_one_package(tmp_path):
    files = {
        "engine/__init__.py": "",
        "engine/models/__init__.py": "from engine.features.build import _folds\n",
        "engine/features/build.py": "_folds = 1\n",
        "engine/features/use.py": "from engine.features.build import _folds\n",
    }
    source = {"subsystem": {"files": ["**/*.py"]}}
    result = run_check("BND004", subject(tmp_path, files, source=source))
    assert_fails(result, path="engine/models/__init__.py", line=1)


def test_a_private_name_that_many_parts_import_is_told_once(tmp_path):
    files = {
        "engine/__init__.py": "",
        "engine/core/build.py": "_folds = 1\nprint(_folds)\n",
        **{f"engine/{p}/use.py": "from engine.core.build import _folds\n" for p in "abc"},
        "engine/c/more.py": "from engine.core import build\nfrom engine.core.build import _folds\n",
    }
    source = {"subsystem": {"files": ["engine/core/*.py"]}}
    result = run_check("BND004", subject(tmp_path, files, source=source))
    assert_passes(result)
    (finding,) = result.findings
    assert (finding.severity, finding.location.path) == (Severity.INFO, "engine/core/build.py")
    assert finding.message == "_folds has a private name and is imported by 3 other parts"
    (tmp_path / "repo/engine/c/use.py").unlink()
    (tmp_path / "repo/engine/c/more.py").unlink()
    few = run_check("BND004", subject(tmp_path, {}, source=source))
    (finding,) = few.findings
    assert (finding.location.path, finding.severity) == ("engine/a/use.py", Severity.MEDIUM)
    assert finding.message.endswith("private to engine/core/build.py (here and at 1 more place)")


@pytest.mark.passes("BND004")
def test_a_private_name_that_its_own_part_never_reads_is_there_for_others(tmp_path):
    owner = "_folds = list(range(3))\nprint(_fold)\n"
    files = {"models/b.py": owner, "api/c.py": "from models.b import _folds\n"}
    result = check(tmp_path, "BND004", files)
    assert_passes(result)
    (finding,) = result.findings
    assert (finding.severity, finding.location.path) == (Severity.INFO, "models/b.py")
    assert finding.message == "_folds has a private name and is imported by 1 other part"


@pytest.mark.fails("BND004")
def test_a_habit_of_the_repository_is_one_finding(tmp_path):
    names = [f"models/b{n}.py" for n in range(6)]
    files = dict.fromkeys(names, "_a = 1\nprint(_a)\n")
    files["api/c.py"] = "".join(f"from models.b{n} import _a\n" for n in range(6))
    result = check(tmp_path, "BND004", files)
    found = assert_fails(result, path="api/c.py", line=1, key="habit", severity=Severity.LOW)
    assert "private names of 5 more files" in found.message
    assert len(result.evidence[0].rows) == 6


# --- BND005 ---------------------------------------------------------------------------------------
@pytest.mark.passes("BND005")
def test_a_cycle_that_closes_only_late_is_listed(tmp_path):
    files = {
        "models/a.py": "from models import b\n",
        "models/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n"
        "    from models.a import X\n\n\ndef f():\n    if 1:\n        from models import a\n",
    }
    result = check(tmp_path, "BND005", files)
    assert_passes(result)
    assert result.evidence[0].rows == ((2, "models/a.py, models/b.py"),)


@pytest.mark.fails("BND005")
def test_a_cycle_while_loading(tmp_path):
    files = {
        "models/a.py": "import math\nfrom models import b\n",
        "models/b.py": "try:\n    from models import c\nexcept ImportError:\n    pass\n",
        "models/c.py": "class K:\n    from models.a import x\n",
    }
    finding = assert_fails(check(tmp_path, "BND005", files), path="models/a.py", line=2)
    assert finding.message == (
        "3 files import each other while loading: models/a.py → models/b.py → models/c.py → "
        "models/a.py"
    )


@pytest.mark.fails("BND005")
def test_the_circle_that_is_shown_follows_the_imports(tmp_path):
    files = {
        "models/a.py": "import models.d\n",
        "models/b.py": "import models.a\n",
        "models/c.py": "import models.d\n",
        "models/d.py": "import models.c\nimport models.b\n",
    }
    finding = assert_fails(check(tmp_path, "BND005", files), path="models/a.py", line=1)
    assert finding.message == (
        "4 files import each other while loading; one circle is: models/a.py → models/d.py → "
        "models/b.py → models/a.py"
    )


def test_components_without_recursion():
    chain = {str(i): {str(i + 1)} for i in range(5000)}
    assert components(chain) == []
    assert len(components({**chain, "5000": {"0"}})[0]) == 5001
    assert components({"a": {"b"}, "b": {"a"}, "c": {"d", "a"}, "d": {"c"}}) == [
        ["a", "b"],
        ["c", "d"],
    ]


# --- BND006 ---------------------------------------------------------------------------------------
CORE = """
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple
import abc


def plain(a, b=1, *, c, d=2): ...
def many(a, /, *rest, **options): ...
@lru_cache(maxsize=None)
def cached(a): ...
@unknown
def wrapped(a): ...


class Model(abc.ABC):
    def __init__(self, store): ...
    def fit(self, rows, y=None): ...
    @classmethod
    def load(cls, path): ...
    @staticmethod
    def norm(x): ...
    @abc.abstractmethod
    def step(self): ...
    def any_of(*args, **options): ...
    def go(self):
        self.fit({inner})


class Child(Model):
    pass


class Mixin:
    pass


class Both(Mixin, Model):
    pass


class Outside(SomeLibrary):
    pass


@dataclass
class Config:
    name: str
    depth: int = 3
    notes: list = field(default_factory=list)
    hidden: int = field(init=False, default=0)


@dataclass(kw_only=True)
class Wide(Config):
    width: int


@spelt_in_camel_case
@dataclass
class Camel:
    id_: int


class Row(NamedTuple):
    a: int
    b: int = 2
"""
GOOD_CALLS = (
    "plain(1, c=2)", "plain(*x, c=1)", "plain(**x)", "plain(1, 2, c=3, d=4)", "many(1, 2, 3, z=4)",
    "cached(1)", "many(1, a=2)", "wrapped()", "wrapped(1, 2, 3)", "Model('s').fit(1, y=2)",
    "Model.load('p')",
    "Model.norm(1)", "Model.fit(m, 1)", "made.any_of(1, 2)", "made.any_of()",
    "Child(store='s')", "Outside(1, 2, 3)",
    "Config('n', 2, [])", "Config(name='n', notes=[])", "Wide('n', width=2)", "Row(1)",
    "Row(1, b=2)", "Both('s')", "made.step(1)", "core.plain(1, c=2)", "Model('s').load('p')",
    "unknown_name(1, 2)", "print(1, 2, zz=3)", "Camel(id=1)",
)  # fmt: skip
BAD_CALLS = {
    "plain(1)": "needs 'c'",
    "plain(1, 2, 3, c=4)": "takes 2 positional arguments, 3 are given",
    "plain(1, c=2, e=3)": "has no parameter 'e'",
    "plain(1, a=2, c=3)": "gets 'a' twice",
    "many(a=1)": "needs 'a'",
    "cached()": "needs 'a'",
    "Model()": "needs 'store'",
    "Both()": "needs 'store'",
    "Child('s', 't')": "takes 1 positional arguments, 2 are given",
    "Model.load()": "needs 'path'",
    "Config()": "needs 'name'",
    "Config('n', hidden=1)": "has no parameter 'hidden'",
    "Wide('n', 3, [], 4)": "takes 3 positional arguments, 4 are given",
    "Row(1, 2, 3)": "takes 2 positional arguments, 3 are given",
    "core.plain()": "needs 'a', 'c'",
    "made.fit()": "needs 'rows'",
}


def calling(call, inner="1"):
    text = (
        "from models import core\nfrom models.core import *\nfrom models.core import (plain, many, "
    )
    text += "cached, wrapped, Model, Child, Both, Outside, Config, Wide, Row, Camel)\n\n\n"
    text += "def f(x, m):\n"
    text += f"    made = Model('s')\n    {call}\n"
    return {"models/__init__.py": "", "models/core.py": CORE.replace("{inner}", inner),
            "api/use.py": text}  # fmt: skip


@pytest.mark.passes("BND006")
@pytest.mark.parametrize("call", GOOD_CALLS)
def test_calls_that_fit_or_cannot_be_told(tmp_path, call):
    assert_passes(check(tmp_path, "BND006", calling(call)))


@pytest.mark.fails("BND006")
@pytest.mark.parametrize(("call", "refusal"), BAD_CALLS.items())
def test_calls_that_do_not_fit(tmp_path, call, refusal):
    result = check(tmp_path, "BND006", calling(call))
    finding = assert_fails(result, path="api/use.py", line=8, symbol="f")
    assert (finding.measured, finding.severity) == (refusal, Severity.HIGH)
    assert len(result.findings) == 1


@pytest.mark.fails("BND006")
def test_a_method_called_on_self(tmp_path):
    result = check(tmp_path, "BND006", calling("pass", inner="1, 2, 3"))
    assert_fails(result, path="models/core.py", symbol="Model.go")


HOOKS = """
class Risk:
    def predict(self, x, parts=False):
        if parts:
            return self._predict(x, parts=True)
        return self._predict(x)

    def _predict(self, x):
        return x


class Structured(Risk):
    def _predict(self, x, parts={default}):
        return x


class Plain(Structured):
    pass
"""


@pytest.mark.passes("BND006")
def test_a_hook_that_a_subclass_answers_with_more(tmp_path):
    files = {"models/core.py": HOOKS.format(default="False")}
    result = check(tmp_path, "BND006", files)
    assert_passes(result)
    assert result.findings == ()


@pytest.mark.fails("BND006")
def test_a_hook_that_no_subclass_answers(tmp_path):
    text = HOOKS.format(default="False").replace(
        "parts=False):\n        return x", "other=1):\n        return x"
    )
    finding = assert_fails(
        check(tmp_path, "BND006", {"models/core.py": text}), path="models/core.py", line=5
    )
    assert finding.measured == "has no parameter 'parts'"


@pytest.mark.fails("BND006")
def test_a_call_elsewhere_crashes_all_the_same_and_weighs_by_its_reach(tmp_path):
    files = {**calling("pass"), "api/own.py": "def g(a): ...\n\n\ng()\n"}
    assert_fails(
        check(tmp_path / "a", "BND006", files), path="api/own.py", severity=Severity.MEDIUM
    )
    files["api/__init__.py"], files["main.py"] = "", "import api.own\n"
    assert_fails(check(tmp_path / "b", "BND006", files), path="api/own.py", severity=Severity.HIGH)


@pytest.mark.fails("BND006")
def test_two_calls_that_one_change_mends_are_one_finding(tmp_path):
    files = {**calling("pass"), "api/own.py": "def g(a): ...\n\n\ng()\ng()\n"}
    result = check(tmp_path, "BND006", files)
    assert assert_fails(result, line=4).message.endswith("needs 'a' (2 calls)")
    files["api/own.py"] += "g(1, 2)\n"
    result = check(tmp_path / "more", "BND006", files)
    assert [f.location.line for f in result.findings] == [4, 6]
    files["api/own.py"] = "def g(a): ...\n\n\ndef f():\n    g()\n\n\ndef h():\n    g()\n"
    result = check(tmp_path / "apart", "BND006", files)
    assert assert_fails(result, line=5).message.endswith("needs 'a' (2 calls); so in h")


@pytest.mark.passes("BND006")
def test_what_isinstance_narrowed_and_what_tests_do_is_not_judged(tmp_path):
    text = "from models.core import Model, Child\n\n\ndef f(m: Model):\n"
    text += "    if isinstance(m, Child):\n        m.fit()\n    return Model('s')\n"
    files = {**calling("pass"), "api/use.py": text, "models/tests/test_core.py": text + "\n\nf()\n"}
    assert_passes(check(tmp_path, "BND006", files))


@pytest.mark.passes("BND006")
@pytest.mark.parametrize(
    "base", ["with_metaclass(Meta)", "object, metaclass=Meta", "Lines", "Making"]
)
def test_a_class_whose_metaclass_takes_the_arguments_is_not_judged(tmp_path, base):
    files = {
        "models/__init__.py": "from models.lines import *\n",
        "models/lines.py": "class Lines(with_metaclass(Meta)):\n    pass\n\n\n"
        "class Making:\n    def __init_subclass__(cls):\n        cls.__init__ = made_of(cls)\n",
        "models/core.py": "from models import Lines, Making, Meta\n\n\n"
        f"class Mean({base}):\n    def __init__(self):\n        pass\n\n\nMean(3, period=2)\n"
        "\n\ndef fit(x):\n    return x\n\n\nfit(1)\n",
    }
    assert_passes(check(tmp_path, "BND006", files))
    files["models/core.py"] = files["models/core.py"].replace(f"({base})", "(metaclass=ABCMeta)")
    assert_fails(check(tmp_path / "b", "BND006", files), path="models/core.py", line=9)


# --- one finding a statement, and what the author or Python rules out ---------------------
@pytest.mark.fails("BND004")
def test_private_names_of_one_statement_are_one_finding(tmp_path):
    home = "_a = _b = 1\nprint(_a, _b)\n"
    files = {"models/b.py": home, "api/c.py": "from models.b import _a, _b\n"}
    finding = assert_fails(check(tmp_path, "BND004", files))
    assert finding.message == "imports _a, _b, private to models/b.py"


@pytest.mark.passes("BND004")
def test_a_private_folder_at_the_root_is_the_packages_own(tmp_path):
    files = {
        "engine/__init__.py": "",
        "engine/_plots/core.py": "_draw = 1\n",
        "engine/models/a.py": "from engine._plots.core import _draw\n",
        "engine/use.py": "from engine.models.a import open\n",
    }
    source = {"subsystem": {"files": ["**/*.py"]}}
    assert run_check("BND004", subject(tmp_path, files, source=source)).findings == ()
    assert_passes(check(tmp_path / "b", "BND004", {
        "models/a.py": "x = 1\n", "api/b.py": "from models.a import x\n",
    }))  # fmt: skip


@pytest.mark.fails("BND005")
def test_a_cycle_with_the_init_that_always_loads_first(tmp_path):
    files = {
        "models/__init__.py": "from models.a import x\n",
        "models/a.py": "import models\nx = 1\n",
    }
    finding = assert_fails(check(tmp_path, "BND005", files))
    assert finding.severity is Severity.LOW
    assert finding.message.endswith(
        "; models/__init__.py always loads first, so the order is the same"
    )


@pytest.mark.fails("BND001")
def test_missing_names_of_one_statement_are_one_finding(tmp_path):
    files = {"models/a.py": "x = 1\n", "models/b.py": "from models.a import y, z, x\n"}
    finding = assert_fails(check(tmp_path, "BND001", files))
    assert finding.message == (
        "`from models.a import y, z, x`: models/a.py binds no name 'y'; nor z; importing the "
        "module fails"
    )


@pytest.mark.passes("BND007")
def test_returns_that_the_author_tells_type_checkers_to_pass_over(tmp_path):
    text = "def f(x) -> int:\n    if x:\n        return 1\n    return None  # type: ignore\n"
    assert_passes(check(tmp_path, "BND007", {"models/a.py": text}))


@pytest.mark.fails("BND004")
def test_what_is_imported_of_one_file_is_one_finding(tmp_path):
    files = {
        "models/b.py": "_a = _b = _c = 1\nprint(_a, _b, _c)\n",
        "api/c.py": "from models.b import _a\n\n\ndef f():\n    from models.b import _b\n",
        "api/d.py": "from models.b import _a\n",
        "live/e.py": "from models.b import _c\n",
    }
    result = check(tmp_path, "BND004", files)
    one = assert_fails(result, path="api/c.py", line=1)
    said = "imports _a, _b, _c, private to models/b.py (here and at 3 more places)"
    assert one.message == said
    assert len(result.findings) == 1


@pytest.mark.passes("BND004")
def test_private_names_that_their_owner_offers(tmp_path):
    files = {
        "models/__init__.py": "from models.b import _plot\n",
        "models/b.py": "__all__ = ['_folds']\n_folds = _plot = 1\n",
        "api/c.py": "from models import _plot\nfrom models.b import _folds\n",
    }
    assert_passes(check(tmp_path, "BND004", files))


@pytest.mark.passes("BND006")
def test_a_local_that_several_imports_may_bring_is_not_judged(tmp_path):
    text = (
        "def f(fast):\n    if fast:\n        from models.fast import fit as solve\n    else:\n"
        "        from models.slow import fit as solve\n    return solve(1, depth=2)\n"
    )
    files = {
        "models/fast.py": "def fit(x, depth):\n    return x\n",
        "models/slow.py": "def fit(x):\n    return x\n\n\nfit(1)\n",
        "api/use.py": text,
    }
    assert_passes(check(tmp_path, "BND006", files))
    one = text.replace("models.fast", "models.slow")
    finding = assert_fails(check(tmp_path / "b", "BND006", {**files, "api/use.py": one}))
    assert finding.location.path == "api/use.py"


@pytest.mark.passes("BND006")
def test_a_class_takes_the_place_of_one_that_was_imported_above(tmp_path):
    own = "from models.old import Page\n\n\nclass Page:\n    def __init__(self, start):\n"
    own += "        self.start = start\n"
    files = {
        "models/__init__.py": "",
        "models/old.py": "class Page:\n    def __init__(self, number):\n        self.n = number\n",
        "models/new.py": own,
        "api/use.py": "from models.new import Page\n\n\ndef f():\n    return Page(start=1)\n",
    }
    assert_passes(check(tmp_path / "a", "BND006", files))
    files["models/new.py"] = "from models.old import Page\n"
    assert_fails(check(tmp_path / "b", "BND006", files), path="api/use.py")
