import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.probes.code import linter
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

HEAD = "import json\nimport os as system\n\nLIMIT = 1\n\n\n"
BAD = {
    "engine = Booster(1)\n": (
        "Booster is nowhere bound; importing the module fails", Severity.CRITICAL),
    "def fit(x):\n    return Booster(x)\n": (
        "Booster is nowhere bound; fit fails when it gets there", Severity.HIGH),
    "class Model:\n    rows: Table = None\n": (
        "Table is nowhere bound; importing the module fails", Severity.CRITICAL),
    "if __name__ == '__main__':\n    Booster(Table)\n": (
        "Booster is nowhere bound; running the file fails; so is it with Table", Severity.HIGH),
    "def fit(x):\n    try:\n        return Booster(x)\n"
    "    except Exception:\n        return 0.5\n": (
        "Booster is nowhere bound; the handler at line 10 swallows it: 0.5 is returned every time",
        Severity.HIGH),
    "def save(x, deep):\n    if deep:\n        import json\n    return json.dumps(x)\n": (
        "json is bound in save at line 9 only, on one branch, which hides the module's own on "
        "every other; save fails when it gets there", Severity.HIGH),
    "def read(x):\n    if x:\n        LIMIT = x\n    return LIMIT\n": (
        "LIMIT is bound in read at line 9 only, on one branch, which hides the module's own on "
        "every other; read fails when it gets there", Severity.HIGH),
    "def dump(x):\n    text = json.dumps(x)\n    import json\n    return text\n": (
        "the local json is read before it is bound; dump fails when it gets there", Severity.HIGH),
    "def say(x):\n    return '%s of %s' % (x,)\n": (
        "%-format string has 2 placeholder(s) but 1 substitution(s); say fails when it gets there",
        Severity.HIGH),
    "from pkg.other import *\n\n\ndef f():\n    return given + lost\n": (
        "lost is nowhere bound; f fails when it gets there", Severity.HIGH),
    "def f():\n    try:\n        g = 1\n    except ValueError as e:\n        pass\n"
    "    return e\n": (
        "e is nowhere bound; f fails when it gets there", Severity.HIGH),
}  # fmt: skip

GOOD = """
from __future__ import annotations
import json
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from library import Table

try:
    unicode
except NameError:
    unicode = str

LIMIT = 1
FOLDER = _ROOT / "a" if "_ROOT" in globals() else "b"


def typed(rows: Table, other: "Elsewhere") -> Missing:
    kept: Nowhere = rows
    return kept


def both(x):
    if x:
        import json
    else:
        import json
    return json.dumps(x)


def leaves(x):
    if not x:
        return None
    else:
        import json
    return json.dumps(x)


def same_test(x):
    if x > 1:
        LIMIT = 2
    print(x)
    if x > 1:
        return LIMIT
    return 0


def tried(x):
    try:
        import json
        x = json.loads(x)
    except ValueError:
        pass
    return json.dumps(x)


def loop(xs):
    for x in xs:
        import json
    return json.dumps(xs)


def outer():
    global json
    json = None


def inner(x):
    def deeper():
        import json
        return json
    return json, deeper, [json for json in x], lambda os: os


def kept():
    return noted  # noqa: F821


def note(x):
    return "%(a)s {b}" % {"a": x}, "{0} {1}".format(*x)


def never(x):
    return x
    if x:
        LIMIT = 2
    return LIMIT


def match(x):
    match x:
        case {"a": os}:
            return os
        case _:
            return __file__, __name__, __class__
"""


def check(folder, text, path="pkg/m.py", **files):
    other = {"pkg/__init__.py": "", "pkg/other.py": "given = 1\n", path: text}
    source = {"subsystem": {"files": ["pkg/**"]}}
    return run_check("BND009", subject(folder, {**other, **files}, source=source))


@pytest.mark.fails("BND009")
@pytest.mark.parametrize("text", BAD)
def test_names_that_are_not_there_when_they_are_read(tmp_path, text):
    result = check(tmp_path, HEAD + text)
    assert_fails(result, path="pkg/m.py")
    said, severity = BAD[text]
    assert [(f.message, f.severity) for f in result.findings] == [(said, severity)]


def test_a_name_that_the_module_takes_out_once_it_was_used(tmp_path):
    text = "import re\n\n\ndef f(x):\n    return re.escape(x)\n\n\nf('a')\ndel re\n"
    assert check(tmp_path / "a", text).findings == ()
    (found,) = check(tmp_path / "b", text.replace("f('a')\n", "")).findings
    assert found.measured == "re"


@pytest.mark.fails("BND009")
def test_names_that_a_module_offers_and_lacks_or_makes_when_asked(tmp_path):
    text = "__all__ = ['One', 'Two']\n"
    found = assert_fails(check(tmp_path / "a", text))
    assert found.message == (
        "__all__ names One, which the module lacks; `from pkg/m.py import *` fails; "
        "so is it with Two"
    )
    made = text + "\n\ndef __getattr__(name):\n    return name\n"
    assert check(tmp_path / "b", made).findings == ()


HALF = "def f(rows, flag):\n    if flag:\n        scale = rows[0]\n    MORE\n"


@pytest.mark.fails("BND009")
@pytest.mark.parametrize("more", ["return rows / scale", "return [r / scale for r in rows]"])
def test_a_local_that_one_branch_binds_is_told_lightly(tmp_path, more):
    (finding,) = check(tmp_path, HALF.replace("MORE", more)).findings
    assert finding.severity is Severity.LOW
    assert finding.message == (
        "scale is bound in f at line 2 only, where `flag` holds, and read whatever holds; "
        "f fails when it gets there"
    )


@pytest.mark.fails("BND009")
def test_a_local_that_some_branches_of_a_chain_bind(tmp_path):
    more = "elif rows:\n        print(rows)\n    else:\n        raise ValueError\n    return scale"
    (finding,) = check(tmp_path, HALF.replace("MORE", more)).findings
    assert finding.severity is Severity.LOW
    assert finding.message.startswith(
        "scale is bound in f at line 2 only, on some of its branches, and read whatever holds"
    )


@pytest.mark.parametrize(
    "more",
    [
        "    flag = rows[1]\n    if not flag:\n        scale = 2\n    return scale",
        "if flag:\n        return scale",
        "if rows:\n        return scale",
        "scale = 1\n    return scale",
        "return [scale for scale in rows]",
        "return lambda: scale",
        "else:\n        raise ValueError\n    return scale",
        "elif rows:\n        return 0\n    else:\n        scale = 1\n    return scale",
    ],
)
def test_a_local_that_may_be_there(tmp_path, more):
    assert check(tmp_path, HALF.replace("MORE", more)).findings == ()


@pytest.mark.parametrize("left", ["fast", "other"])
def test_a_flag_that_is_put_back_before_it_is_asked_again(tmp_path, left):
    text = (
        "def load(x, fast):\n    if fast:\n        try:\n            import json\n"
        f"        except OSError:\n            fast = False\n    if not {left}:\n"
        "        json = x\n    return json\n"
    )
    found = check(tmp_path, HEAD + f"other = 1\n\n\n{text}").findings
    assert len(found) == (left == "other")


@pytest.mark.passes("BND009")
def test_names_that_are_there_or_never_evaluated(tmp_path):
    result = check(tmp_path, GOOD)
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.passes("BND009")
def test_modules_that_make_names_and_libraries_that_bring_them(tmp_path):
    text = "globals()['made'] = 1\n\n\ndef f():\n    return made\n"
    star = "from numpy import *\n\n\ndef g():\n    return array\n"
    assert check(tmp_path, text, **{"pkg/n.py": star}).findings == ()


@pytest.mark.fails("BND009")
def test_a_local_that_hides_a_name_is_unbound_where_it_is_read_and_not_where_it_annotates(tmp_path):
    text = "Path = str\n\n\ndef f(x):\n    y: Path = x\n    Path = 2\n    return y, Path\n"
    assert check(tmp_path / "a", text).findings == ()
    found = assert_fails(check(tmp_path / "b", text.replace("y: Path = x", "y = Path(x)")))
    said = "the local Path is read before it is bound; f fails when it gets there"
    assert (found.message, found.severity) == (said, Severity.HIGH)


@pytest.mark.fails("BND009")
def test_a_module_that_lost_its_imports_is_one_finding(tmp_path):
    names = ["alpha", "beta", "gamma", "delta", "epsilon"]
    text = "def f():\n" + "".join(f"    {n}()\n" for n in names)
    result = check(tmp_path, text)
    (finding,) = result.findings
    assert finding.message == (
        "alpha is nowhere bound; f fails when it gets there; so is it with 4 more: beta, gamma, "
        "delta, epsilon"
    )
    assert [row[1] for row in result.evidence[0].rows] == names


@pytest.mark.fails("BND009")
def test_what_breaks_decides_how_bad_it_is(tmp_path):
    broken = "x = nowhere\n"
    result = check(tmp_path, "from lib.used import x\n", **{
        "lib/used.py": broken, "apart/other.py": broken, "tests/test_m.py": broken,
        "run.py": "import pkg.m\n" + broken,
    })  # fmt: skip
    assert {f.location.path: f.severity.name for f in result.findings} == {
        "lib/used.py": "CRITICAL", "run.py": "CRITICAL", "apart/other.py": "MEDIUM",
        "tests/test_m.py": "LOW",
    }  # fmt: skip


def test_without_the_linter_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(linter, "find_spec", lambda name: None)
    result = check(tmp_path, GOOD)
    assert (result.outcome, result.reason) == (
        Outcome.NOT_ASSESSED,
        "ruff is not installed: pip install ruff",
    )


@pytest.mark.passes("BND009")
def test_settings_of_the_subject_are_not_used(tmp_path):
    settings = "[lint]\nselect = ['F821']\nbuiltins = ['Booster']\n"
    result = check(tmp_path, HEAD + "Booster(1)\n", **{"ruff.toml": settings})
    assert_fails(result)
    assert check(tmp_path / "b", HEAD, **{"ruff.toml": "extend = 'gone'"}).findings == ()


@pytest.mark.passes("BND009")
def test_the_reference_engine_is_clean(reference):
    result = run_check("BND009", reference)
    assert result.findings == ()
    assert_passes(result)


SCRIPT = "def handle_bar(context, bar):\n    order_shares('A', 100)\n"
HOST = (
    "def order_shares(name, count):\n    return name, count\n\n\n"
    "def run(text):\n    scope = dict(order_shares=order_shares)\n    exec(text, scope)\n"
)


@pytest.mark.passes("BND009")
@pytest.mark.parametrize("run", ["exec(text, scope)", "runpy.run_path(text, init_globals=scope)"])
def test_a_script_that_the_engine_runs_with_names_of_its_own(tmp_path, run):
    assert HOST.count("exec(text, scope)") == 1
    files = {"pkg/host.py": f"import runpy\n{HOST.replace('exec(text, scope)', run)}"}
    assert check(tmp_path, SCRIPT, path="strategies/hold.py", **files).findings == ()


@pytest.mark.fails("BND009")
def test_a_script_whose_names_the_engine_lacks_or_that_is_imported(tmp_path):
    files = {"pkg/host.py": HOST.replace("order_shares", "order_lots")}
    (finding,) = check(tmp_path / "a", SCRIPT, path="strategies/hold.py", **files).findings
    assert finding.message.startswith("order_shares is nowhere bound")
    files = {"pkg/host.py": HOST, "pkg/use.py": "from pkg.m import handle_bar\n"}
    assert_fails(check(tmp_path / "b", SCRIPT, **files), path="pkg/m.py")


@pytest.mark.fails("BND009")
def test_names_of_one_function_are_one_finding(tmp_path):
    text = "def f(x):\n    return x + lost\n\n\ndef g():\n    return alpha + beta\n"
    found = check(tmp_path, text).findings
    assert [f.message for f in found] == [
        "lost is nowhere bound; f fails when it gets there",
        "alpha is nowhere bound; g fails when it gets there; so is it with beta",
    ]


@pytest.mark.passes("BND009")
def test_a_local_that_the_round_before_bound(tmp_path):
    text = (
        "def joined(parts):\n    for i, part in enumerate(parts):\n"
        "        both = part if i == 0 else both & part\n    return both\n"
    )
    assert_passes(check(tmp_path, text))


ALIASED = """
class Range(Indicator):
    alias = ("TR",)


def build(x):
    return TR(x)
"""
MAKER = (
    "import sys\n\n\ndef made(cls):\n    setattr(sys.modules[cls.__module__], cls.alias[0], cls)\n"
)


@pytest.mark.passes("BND009")
def test_a_name_that_the_engine_puts_into_the_module_by_itself(tmp_path):
    text = "from pkg.maker import made as Indicator\n__all__ = ['Range', 'TR']\n" + ALIASED
    assert_passes(check(tmp_path / "a", text, **{"pkg/maker.py": MAKER}))
    found = check(tmp_path / "b", text, **{"pkg/maker.py": "def made(cls):\n    pass\n"}).findings
    assert len(found) == 2


@pytest.mark.passes("BND009")
def test_builtins_of_python_2_on_its_branch(tmp_path):
    text = "import sys\n\nPY2 = sys.version_info.major == 2\nif PY2:\n    text = unicode\n"
    assert_passes(check(tmp_path, text + "else:\n    text = str\n"))
    plain = text.replace("if PY2:", "if len(sys.argv):")
    assert_fails(check(tmp_path / "b", plain))


@pytest.mark.fails("BND009")
@pytest.mark.parametrize(("asked", "level"), [("mode == 'lora'", "LOW"), ("other", "HIGH")])
def test_a_name_that_is_read_where_the_condition_of_its_import_holds(tmp_path, asked, level):
    text = (
        "from pkg.lib import Config\n\n\ndef fit(mode, depth, other):\n    if mode == 'lora':\n"
        "        if depth:\n            from pkg.lib import Config\n        else:\n"
        f"            mode = 'full'\n    if {asked}:\n        return Config(8)\n"
    )
    files = {"pkg/__init__.py": "", "pkg/lib.py": "Config = dict\n", "pkg/m.py": text}
    found = assert_fails(run_check("BND009", subject(tmp_path, files)), path="pkg/m.py")
    assert found.severity.name == level
