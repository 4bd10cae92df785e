import subprocess

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.probes.code.types import type_checker
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject
from tests.mutants.mutate import edit_source, mutant

MODELS = """\
from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Optional, Union

LIMIT: Optional[int] = None


@dataclass
class Result:
    model: str
    score: float = 0.0


def best(names: list[str]) -> str | None:
    return names[0] if names else None


async def later(names: list[str]) -> Union[str, None]:
    return best(names)


def save(name: str, *, note: str = "") -> str:
    return name + note


class Trainer:
    name: str
    fitted: Optional[str] = None

    def __init__(self) -> None:
        self.name = ""
        self.path: str = ""

    def fit(self, names: list[str]) -> None:
        self.fitted = best(names)
"""

BAD = {
    "None, of type None, is given to Result as model, which is declared str": (
        "def rejected() -> Result:\n    return Result(model=None)\n", "rejected", 2),
    "name, of type str | None, is given to save, which is declared str": (
        "def chosen(names: list[str]) -> str:\n    name = best(names)\n    return save(name)\n",
        "chosen", 3),
    "best(names), of type str | None, is returned, which is declared str": (
        "def first(names: list[str]) -> str:\n    return best(names)\n", "first", 2),
    "best(names), of type str | None, is assigned to held, which is declared str": (
        "def keep(names: list[str]) -> str:\n    held: str = ''\n    held = best(names)\n"
        "    return held\n", "keep", 3),
    "None, of type None, is assigned to self.path, which is declared str": (
        "class Late(Trainer):\n    path: str\n    def stop(self) -> None:\n"
        "        self.path = None\n", "Late.stop", 4),
    "best(names), declared str | None, is asked for .upper without a look for None": (
        "def loud(names: list[str]) -> str:\n    return best(names).upper()\n", "loud", 2),
    "await later(names), declared Union[str, None], is indexed without a look for None": (
        "async def letter(names: list[str]) -> str:\n    return (await later(names))[0]\n",
        "letter", 2),
    "note, of type str | None, is given to save as note, which is declared str": (
        "def told(names: list[str]) -> str:\n    if names:\n        note = best(names)\n"
        "    else:\n        note = None\n    return save('x', note=note)\n", "told", 6),
}  # fmt: skip

GOOD = """\
def looked(names: list[str]) -> str:
    name = best(names)
    return save(name) if name is not None else ""


def filled(trainer: Trainer) -> str:
    return save(trainer.fitted)


def looped(names: list[str]) -> str:
    found = None
    for name in names:
        found = name
    return save(found)


def passed(names: list[str]) -> Optional[str]:
    return best(names)


def undeclared(names):
    held = "x"
    held = best(names)
    return held


class Slow(Trainer):
    kept: Result | None = None

    def __init__(self) -> None:
        self.made = Result("")

    def drop(self) -> None:
        self.kept = None
        self.made = None


def library(text: str) -> int:
    import re
    return re.match("a", text).end()


def whatever(thing: object) -> str:
    return str(thing)


def told_by_reading() -> str:
    return None


def assert_not_none(value: object) -> None:
    if value is None:
        raise ValueError


def vouched_for(names: list[str]) -> str:
    name = best(names)
    assert_not_none(name)
    return save(name)


def annotated_anew(name: str = None) -> str:
    if name is None:
        name: str = "x"
    return save(name)
"""

HEAD = (
    "from pkg.models import LIMIT, Result, Trainer, best, later, save\n"
    "from typing import Optional\n"
)


def made(folder, text, **more):
    files = {"pkg/__init__.py": "", "pkg/models.py": MODELS, "pkg/use.py": HEAD + text}
    more.setdefault("source", {"subsystem": {"files": ["pkg/**"]}})
    return subject(folder, files, **more)


@pytest.mark.fails("BND008")
def test_none_where_a_declaration_has_none(tmp_path):
    text, lines, start = "", {}, HEAD.count("\n")
    for said, (body, symbol, line) in BAD.items():
        lines[said] = (symbol, start + line)
        text += body
        start += body.count("\n")
    result = run_check("BND008", made(tmp_path, text))
    assert result.outcome is Outcome.FAIL
    assert {f.message: (f.location.symbol, f.location.line) for f in result.findings} == lines
    kept = [f for f in result.findings if "given to Result" in f.message]  # until it is used
    assert [f.severity for f in kept] == [Severity.LOW]
    assert {f.severity for f in result.findings if f not in kept} == {Severity.MEDIUM}
    assert {f.location.path for f in result.findings} == {"pkg/use.py"}
    assert len({f.fingerprint for f in result.findings}) == len(BAD)


@pytest.mark.fails("BND008")
def test_a_check_of_another_name_or_a_later_one_vouches_for_nothing(tmp_path):
    text = (
        "def check_name(value: object) -> None:\n    pass\n"
        "def other(names: list[str]) -> str:\n    name = best(names)\n    check_name(names)\n"
        "    made = save(name)\n    check_name(name)\n    return made\n"
    )
    found = assert_fails(run_check("BND008", made(tmp_path, text)))
    assert found.message == "name, of type str | None, is given to save, which is declared str"


@pytest.mark.passes("BND008")
def test_a_constant_that_may_be_none(tmp_path):
    text = "def many(n: int) -> bool:\n    from pkg.models import LIMIT\n    return n < LIMIT\n"
    result = run_check("BND008", made(tmp_path, "\n" + text))
    assert_passes(result)
    (finding,) = result.findings
    assert finding.severity is Severity.INFO
    assert finding.message == ("LIMIT, declared Optional[int], is compared without a look for None")


@pytest.mark.passes("BND008")
def test_what_a_type_checker_cannot_know_is_no_finding(tmp_path):
    result = run_check("BND008", made(tmp_path, GOOD))
    assert_passes(result)
    assert result.findings == ()
    (table,) = result.evidence
    assert any("Item" in row[2] for row in table.rows)  # seen, and told of in the table


@pytest.mark.fails("BND008")
def test_one_argument_that_a_function_hands_to_two_is_one_finding(tmp_path):
    text = (
        "def first(name: str) -> str:\n    return name\n\n\n"
        "def go(name: str | None) -> None:\n    first(name)\n    save(name)\n"
    )
    finding = assert_fails(run_check("BND008", made(tmp_path, text)))
    assert finding.message == (
        "name, of type str | None, is given to first, which is declared str; so it is with save"
    )


@pytest.mark.passes("BND008")
def test_a_helper_that_is_given_the_name_before_the_function_leaves(tmp_path):
    text = (
        "def stored() -> str | None:\n    return None\n\n\ndef may(name) -> bool:\n"
        "    return name is not None\n\n\ndef go() -> None:\n    name = stored()\n"
        "    if not may(name):\n        return\n    save(name)\n"
    )
    assert run_check("BND008", made(tmp_path / "a", text)).findings == ()
    assert_fails(
        run_check(
            "BND008", made(tmp_path / "b", text.replace("(name):\n        r", "(1):\n        r"))
        )
    )


@pytest.mark.passes("BND008")
@pytest.mark.parametrize("new", ["kind(3)", "stored() or kind(3)"])
def test_what_is_made_where_there_was_none(tmp_path, new):
    text = (
        "from typing import Any\n\n\ndef stored() -> str | None:\n    return None\n\n\n"
        f"def go(kind: Any) -> None:\n    name = stored()\n    if name is None:\n"
        f"        name = {new}\n    save(name)\n"
    )
    assert run_check("BND008", made(tmp_path / "a", text)).findings == ()
    worse = text.replace(f"    if name is None:\n        name = {new}\n", "")
    assert_fails(run_check("BND008", made(tmp_path / "b", worse)))


def test_none_for_none_only_informs(tmp_path):
    text = (
        "def stamped(when) -> int | None:\n    if when is None:\n        return None\n"
        "    return int(when)\n\n\ndef since(start) -> int:\n    return 5 - stamped(start)\n"
    )
    (found,) = run_check("BND008", made(tmp_path, text)).findings
    assert found.severity is Severity.INFO


@pytest.mark.fails("BND008")
def test_the_other_side_of_the_boundary_is_read_too(tmp_path):
    text = "def go() -> str:\n    return save(None)\n"
    files = {"source": {"subsystem": {"files": ["pkg/models.py"]}}}
    result = run_check("BND008", made(tmp_path, text, **files))
    finding = assert_fails(result)
    assert finding.location.path == "pkg/use.py"
    assert finding.message == "None, of type None, is given to save, which is declared str"
    assert [e.count for e in result.examined] == [1, 1]


@pytest.mark.passes("BND008")
def test_what_others_do_among_themselves_is_not_the_subsystems(tmp_path):
    text = "def own(a: str) -> str:\n    return a\n\n\nx = own(None)\ny = save('')\n"
    files = {"source": {"subsystem": {"files": ["pkg/models.py"]}}}
    result = run_check("BND008", made(tmp_path, text, **files))
    assert_passes(result)
    assert result.findings == ()


@pytest.mark.fails("BND008")
def test_a_root_that_is_itself_the_package_whatever_its_folder_is_called(tmp_path):
    files = {
        "__init__.py": "",
        "models.py": MODELS,
        "deep/__init__.py": "",
        "deep/use.py": "from engine.models import save\nfrom ..models import Result\n\n"
        "def go() -> Result:\n    save(None)\n    return Result(None)\n",
    }
    result = run_check("BND008", subject(tmp_path, files, source={"package": "engine"}))
    assert sorted(f.message for f in result.findings) == [
        "None, of type None, is given to Result, which is declared str",
        "None, of type None, is given to save, which is declared str",
    ]


def test_settings_and_plugins_of_the_subject_are_not_used(tmp_path, monkeypatch):
    plugin = "raise SystemExit('the plugin ran')\n"
    settings = "[mypy]\nplugins = evil.py\nignore_errors = true\n"
    files = {
        "evil.py": plugin,
        "mypy.ini": settings,
        "setup.cfg": settings,
        "mypy.py": plugin,
        "sitecustomize.py": plugin,
        "m.py": "def f(a: int) -> int:\n    return a\n\n\nf(None)\n",
    }
    found = subject(tmp_path, files)
    monkeypatch.chdir(found.root)
    monkeypatch.setenv("MYPYPATH", str(found.root))
    monkeypatch.setenv("MYPY_CONFIG_FILE_DIR", str(found.root))
    monkeypatch.setenv("PYTHONPATH", str(found.root))
    before = sorted(p for p in found.root.rglob("*"))
    assert_fails(run_check("BND008", found))
    assert sorted(p for p in found.root.rglob("*")) == before


def test_without_mypy_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(type_checker, "find_spec", lambda name: None)
    result = run_check("BND008", made(tmp_path, GOOD))
    assert (result.outcome, result.reason) == (
        Outcome.NOT_ASSESSED,
        "mypy is not installed: pip install 'model-audit-workbook[types]'",
    )


def test_a_type_checker_that_does_not_end_is_stopped(tmp_path):
    result = run_check("BND008", made(tmp_path, GOOD, options={"BND008": {"seconds": 0.01}}))
    assert (result.outcome, result.reason) == (
        Outcome.NOT_ASSESSED,
        "mypy did not end within 0.01 s",
    )


@pytest.mark.parametrize(
    "stop", [b"Segmentation fault", b"", b'{"file": "files", "line": 3, "message": "broken"}']
)
def test_a_type_checker_that_gives_up_is_no_pass(tmp_path, monkeypatch, stop):
    monkeypatch.setattr(
        subprocess,
        "run",
        lambda *a, **k: subprocess.CompletedProcess(a, 2, stdout=stop, stderr=b""),
    )
    result = run_check("BND008", made(tmp_path, GOOD))
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.reason.startswith("mypy gave up: ")


def test_files_that_do_not_parse_are_left_to_another_check(tmp_path):
    files = {"m.py": "def f(a: int) -> int:\n    return a\n\n\nf(None)\n", "bad.py": "def f(:\n"}
    assert_fails(run_check("BND008", subject(tmp_path, files)))
    only = run_check("BND008", subject(tmp_path / "only", {"bad.py": "def f(:\n"}))
    assert (only.outcome, only.reason) == (Outcome.NOT_ASSESSED, "no file under audit parses")


@pytest.mark.fails("BND008")
def test_sources_that_git_can_hold(tmp_path):
    bad = "def f(a: int) -> int:\n    return a\n\n\nf(None)\n"
    files = {
        "bom.py": b"\xef\xbb\xbf" + bad.encode(),
        "latin.py": b"# -*- coding: latin-1 -*-\nx = '\xe9'\n" + bad.encode(),
        "returns.py": bad.replace("\n", "\r\n").encode(),
        "zero.py": b"x = 1\0\n",
        "empty.py": b"",
        "wide é.py": bad.encode(),
    }
    result = run_check("BND008", subject(tmp_path, files))
    assert {f.location.path for f in result.findings} >= {"bom.py", "returns.py"}
    assert {f.message for f in result.findings} == {
        "None, of type None, is given to f, which is declared int"
    }


@pytest.mark.passes("BND008")
def test_the_reference_engine_is_clean(reference):
    result = run_check("BND008", reference)
    assert_passes(result)
    assert result.findings == ()


@pytest.mark.fails("BND008")
def test_a_mutant_that_passes_on_the_request_as_it_came(engine):
    edit_source(engine, "registry.py", "_row(data, str(version))", "_row(data, request)")
    with mutant(engine, "2020-12") as found:
        finding = assert_fails(run_check("BND008", found))
    assert finding.location.symbol == "Registry.resolve"
    assert finding.message == "request, of type str | None, is given to _row, which is declared str"


LOOKED_AT = """
import os


class Keeper:
    held: Optional[str] = None
    def local(self) -> str:
        held = self.held
        return save(held)


def several(a: Optional[str], b: Optional[str]) -> str:
    if not all([a, b]):
        return ""
    return save(a) + save(b)


def one_of(a: Optional[str], b: Optional[str]) -> str:
    if None in (a, b):
        raise ValueError
    return save(a)


def next_line() -> str:
    name: str = os.environ.get("NAME")
    if name is None:
        raise KeyError("NAME")
    return name


def lenient(name: str, depth: int = 1) -> str:
    return "" if name is None else name


def given(names: list[str]) -> str:
    return lenient(best(names)) + lenient(name=best(names))
"""


@pytest.mark.passes("BND008")
def test_what_a_field_a_joint_test_or_the_receiver_rules_out(tmp_path):
    result = run_check("BND008", made(tmp_path, LOOKED_AT))
    assert_passes(result)
    assert [f for f in result.findings if f.severity is not Severity.INFO] == []


OPEN = (
    "def go(name: Optional[str] = None, fast: bool = False) -> str:\n"
    "    if fast:\n        return save(name)\n    return ''\n",
    "def go(name: Optional[str] = None, fast: bool = False) -> str:\n"
    "    if not fast:\n        return ''\n    return save(name)\n",
    "def listed(x: 'str | list[str] | None') -> 'list[str] | None':\n    if x is None:\n"
    "        return None\n    return [x] if isinstance(x, str) else x\n"
    "def first(names: list[str]) -> str:\n    return listed(names)[0]\n",
    "def form(state: dict[str, str]) -> str:\n"
    "    held = state.get('b') if isinstance(state.get('a'), str) else ''\n    return save(held)\n",
    "def go(name: Optional[str] = 'a') -> str:\n    return save(name)\n",
    "def go(name: Optional[str] = None) -> str:\n    name = best([]) if name else ''\n"
    "    return save(name)\n",
    "from typing import Any\ndef go(form: dict[str, Any]) -> str:\n"
    "    return save(form.get('name'))\n",
    "def go(rows: list[Optional[str]], at: int) -> str:\n"
    "    return save(rows[at])\n",
    "def both(fast: bool) -> tuple[int, Optional[str]]:\n    return 1, None\n"
    "def go(fast: bool) -> str:\n    count, name = both(fast)\n    if fast:\n"
    "        return save(name)\n    return ''\n",
    "from typing import TypeVar\nT = TypeVar('T')\ndef any_of(x: list[T]) -> T:\n    return x[0]\n"
    "def go(rows: list[Optional[str]]) -> str:\n    row = any_of(rows)\n    return save(row)\n",
)  # fmt: skip


@pytest.mark.passes("BND008")
def test_where_other_conditions_may_rule_none_out_it_is_told_as_information(tmp_path):
    text = "".join(t.replace("def go(", f"def go{i}(") for i, t in enumerate(OPEN))
    result = run_check("BND008", made(tmp_path, text))
    assert_passes(result)
    assert {f.severity for f in result.findings} == {Severity.INFO}


@pytest.mark.fails("BND008")
@pytest.mark.parametrize("text", [
    "def go(name: Optional[str] = None) -> str:\n    return save(name)\n",
    "def upper(names: list[str]) -> str:\n    if best(names[1:]) is not None:\n"
    "        return best(names).upper()\n    return ''\n",
    "def both(x: str) -> tuple[int, Optional[str]]:\n    return 1, None\n"
    "def go(x: str) -> str:\n    if x:\n        count, name = both(x)\n"
    "        return save(name)\n    return ''\n",
])  # fmt: skip
def test_a_condition_that_asks_something_else_rules_nothing_out(tmp_path, text):
    assert_fails(run_check("BND008", made(tmp_path, text)))


@pytest.mark.fails("BND008")
def test_one_argument_is_one_finding_however_many_give_it(tmp_path):
    text = "".join(f"def f{i}() -> str:\n    return save(None)\n" for i in range(3))
    result = run_check("BND008", made(tmp_path, text))
    (finding,) = result.findings
    assert finding.message == (
        "None, of type None, is given to save, which is declared str; and at 2 more places"
    )
    assert finding.location.symbol == "f0"


@pytest.mark.passes("BND008")
@pytest.mark.parametrize("text", [
    # a field that begins as None, filled when it is asked for
    "class Lazy:\n    def __init__(self) -> None:\n        self._kept = None\n"
    "    def make(self):\n        return {}\n    @property\n    def kept(self) -> dict:\n"
    "        if self._kept is None:\n            self._kept = self.make()\n"
    "        return self._kept\n",
    # a local of the enclosing function that a loop fills
    "def outer(names: list[str]) -> None:\n    last = None\n    def inner() -> str:\n"
    "        end = last\n        return save(end)\n    for name in names:\n        last = name\n",
    # a receiver with None as its default
    "def gets(name: 'str | int' = None) -> None:\n    print(name)\n"
    "def gives(names: list[str]) -> None:\n    gets(best(names))\n",
    # the same call, asked before
    "def upper(names: list[str]) -> str:\n    if best(names) is not None:\n"
    "        return best(names).upper()\n    return ''\n",
    # a value that its own condition asks
    "def form(state: dict[str, str]) -> str:\n"
    "    held = state.get('a') if isinstance(state.get('a'), str) else ''\n    return save(held)\n",
    # a field that begins as None, on one arm
    "class Mean:\n    def __init__(self) -> None:\n        self.held = None\n"
    "    def fill(self) -> None:\n        self.held = 'a'\n"
    "    def at(self, n: int) -> str:\n        return self.held if n else ''\n",
    # a path of a path that may be None
    "import os, sys\ndef folder(path: Optional[str]) -> str:\n"
    "    held = os.path.dirname(os.path.abspath(sys.modules['a'].__file__))\n"
    "    return save(held)\n",
])  # fmt: skip
def test_none_that_is_filled_before_or_is_the_default(tmp_path, text):
    result = run_check("BND008", made(tmp_path, text))
    assert result.findings == ()
    assert_passes(result)


@pytest.mark.fails("BND008")
def test_arguments_of_one_call_are_one_finding(tmp_path):
    text = "def go(a: Optional[str], b: Optional[str]) -> str:\n    return save(a, note=b)\n"
    finding = assert_fails(run_check("BND008", made(tmp_path, text)))
    assert finding.message == (
        "a, of type str | None, is given to save, which is declared str; so it is with note"
    )


@pytest.mark.fails("BND008")
def test_an_answer_of_several_types_is_told_once(tmp_path):
    text = (
        "def found(n: int) -> Union[None, Result, list[Result]]:\n    return None\n"
        "def go() -> float:\n    return found(1).score\n"
    )
    text = text.replace("Union", "'Union").replace("]]:", "]]':")
    finding = assert_fails(run_check("BND008", made(tmp_path, "from typing import Union\n" + text)))
    assert "is asked for .score without a look for None" in finding.message


VOUCHED = """\
def pair(names: list[str]) -> tuple[bool, str | None]:
    return bool(names), best(names)


def flagged(names: list[str]) -> str:
    found, name = pair(names)
    if not found:
        return ""
    return save(name)


def skipped(names: list[str]) -> str:
    name = best(names)
    skip = should_skip(3, name)
    if skip:
        return ""
    return save(name)


def should_skip(n, name) -> bool:
    return name is None


def short(name: str) -> str:
    return name or "none"


def asks(names: list[str]) -> str:
    return short(best(names))


class Kept:
    notes: dict = None
"""


@pytest.mark.passes("BND008")
def test_none_that_a_flag_beside_it_or_the_receiver_rules_out(tmp_path):
    result = run_check("BND008", made(tmp_path, VOUCHED))
    assert [f.severity for f in result.findings] == [Severity.INFO]
    assert result.findings[0].message.startswith("None, of type None, is assigned to notes")
    assert_passes(result)


@pytest.mark.fails("BND008")
def test_a_flag_that_nothing_asks_for_vouches_for_nothing(tmp_path):
    text = VOUCHED.replace("if not found:", "if not names:").replace("if skip:", "if names:")
    result = run_check("BND008", made(tmp_path, text))
    found = [f for f in result.findings if f.severity is Severity.MEDIUM]
    (finding,) = found
    assert finding.message.endswith("which is declared str; and at 1 more place")


@pytest.mark.fails("BND008")
def test_arguments_over_several_lines_of_one_call_are_one_finding(tmp_path):
    text = (
        "def go(a: Optional[str], b: Optional[str]) -> str:\n"
        "    return save(\n        a,\n        note=b,\n    )\n"
    )
    finding = assert_fails(run_check("BND008", made(tmp_path, text)))
    assert finding.message.endswith("; so it is with note")


@pytest.mark.passes("BND008")
def test_fields_of_a_dataclass_with_none_as_their_default(tmp_path):
    text = (
        "from dataclasses import dataclass, field\n\n\n@dataclass\nclass Seen:\n"
        "    name: str = None\n    note: str = field(default=None)\n\n\n"
        "def go(a: Optional[str]) -> Seen:\n    return Seen(name=a, note=a)\n"
    )
    result = run_check("BND008", made(tmp_path, text))
    assert_passes(result)
    assert [f.severity for f in result.findings] == [Severity.INFO]


@pytest.mark.passes("BND008")
def test_a_local_that_holds_a_field_that_is_filled(tmp_path):
    text = (
        "class Coupons:\n    def __init__(self) -> None:\n        self._last = None\n"
        "    def fill(self, rows):\n        self._last = rows[0]\n        last = self._last\n"
        "        return save(last)\n"
    )
    assert run_check("BND008", made(tmp_path, text)).findings == ()


@pytest.mark.passes("BND008")
def test_a_field_that_an_inner_function_reads_through_a_local(tmp_path):
    text = (
        "def outer(trainer: Trainer) -> object:\n    fitted = trainer.fitted\n"
        "    def inner() -> str:\n        return save(fitted)\n    return inner\n"
    )
    assert run_check("BND008", made(tmp_path, text)).findings == ()


STORED = """\
class Kept:
    def __init__(self, name: str) -> None:
        self.name = name


class Used:
    def __init__(self, name: str) -> None:
        self.name = name.upper()


class Own:
    def __init__(self, note: Optional[str]) -> None:
        self.note: str = note


def go(names: list[str]) -> object:
    return {0}(best(names))
"""


@pytest.mark.fails("BND008")
@pytest.mark.parametrize(("cls", "level"), [("Kept", Severity.LOW), ("Used", Severity.MEDIUM)])
def test_none_that_a_constructor_only_keeps_is_light(tmp_path, cls, level):
    result = run_check("BND008", made(tmp_path, STORED.format(cls)))
    field, given = sorted(result.findings, key=lambda f: f.location.symbol)
    assert (field.location.symbol, field.severity) == ("Own.__init__", Severity.LOW)
    assert (given.location.symbol, given.severity) == ("go", level)


@pytest.mark.passes("BND008")
def test_a_field_that_is_put_back_to_what_it_was_declared_as(tmp_path):
    text = (
        "class Kept:\n    def __init__(self) -> None:\n        self.model: Result = None\n\n"
        "    def reset(self) -> None:\n        self.model = None\n"
    )
    result = run_check("BND008", made(tmp_path, text))
    assert_passes(result)
    assert [f.location.symbol for f in result.findings] == ["Kept.__init__"]
