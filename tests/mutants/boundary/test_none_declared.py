import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

HEAD = (
    "import abc, sys\nfrom typing import Any, NoReturn, Optional, Protocol, TypeVar, Union\n"
    "T = TypeVar('T')\n\n\ndef stop() -> NoReturn:\n    raise SystemExit\n\n\n"
)


def check(tmp_path, text):
    return run_check("BND007", subject(tmp_path, {"m.py": HEAD + text}))


GOOD = (
    "def f(a) -> int:\n    if a:\n        return 1\n    else:\n        raise ValueError\n",
    "def f(a) -> int:\n    while True:\n        if a:\n            return 1\n",
    "def f(a) -> int:\n    while True:\n        for b in a:\n            if b:\n"
    "                break\n        if a:\n            return 1\n",
    "def f(a) -> int:\n    while True:\n        for b in a:\n            break\n        return 1\n",
    "def f(a) -> int:\n    with contextlib.suppress(ValueError):\n        return 1\n    return 2\n",
    "def f(a) -> int:\n    try:\n        return 1\n    except ValueError:\n        raise\n",
    "def f(a) -> int:\n    try:\n        a()\n    except ValueError:\n        return 1\n    else:\n"
    "        return 2\n",
    "def f(a) -> int:\n    for b in a:\n        if b:\n            return b\n    else:\n"
    "        return 2\n",
    "def f(a) -> int:\n    with a:\n        return 1\n",
    "def f(a) -> int:\n    match a:\n        case 1:\n            return 1\n        case _:\n"
    "            return 2\n",
    "def f(a) -> int:\n    if a:\n        return 1\n    sys.exit(2)\n",
    "def f(a) -> int:\n    if a:\n        return 1\n    stop()\n",
    "def f(a) -> int:\n    if a:\n        return 1\n    a.fail('no')\n",
    "def f(a) -> int:\n    if a:\n        return 1\n    assert False, 'cannot be'\n",
    "def f(a, b) -> int:\n    if a == b:\n        return 0\n    elif a > b:\n        return 1\n"
    "    elif b > a:\n        return 2\n",
    "def f(a) -> int:\n    if a >= 0:\n        return 1\n    elif a < 0:\n        return -1\n",
    "def f(a) -> int:\n    for n in range(3):\n        try:\n            return a()\n"
    "        except OSError:\n            if n > 1:\n                raise\n            a.w()\n",
    "def f(a) -> Optional[int]:\n    if a:\n        return 1\n",
    "def f(a) -> int | None:\n    return None\n",
    "def f(a) -> 'Union[int, None]':\n    return None\n",
    "def f(a) -> T:\n    return None\n",
    "def f(a) -> Any:\n    return None\n",
    "def f(a) -> list[int]:\n    yield 1\n",
    "def f(a) -> int:\n    '''A stub.'''\n",
    "def f(a) -> int: ...\n",
    "class A(Protocol):\n    def f(self) -> int:\n        pass\n",
    "class A:\n    @abc.abstractmethod\n    def f(self) -> int:\n        print()\n",
    "def f(a) -> int:\n    def g():\n        return None\n    return g\n",
    "def f(a: int | pd.Series) -> int:\n    if isinstance(a, int):\n        return 1\n"
    "    elif isinstance(a, pd.Series):\n        return 2\n",
    "def f(a: Union[int, str, float]) -> int:\n    if isinstance(a, (int, float)):\n"
    "        return 1\n    if isinstance(a, str):\n        return 2\n",
    "def f(a: 'Literal[\"x\", \"y\"]') -> int:\n    if a == 'x':\n        return 1\n"
    "    if a in ('y',):\n        return 2\n",
    "class A:\n    def f(self) -> int:\n        if self.k is E.A:\n            return 1\n"
    "        elif self.k is E.B:\n            return 2\n"
    "class E(Enum):\n    A = 1\n    B = 2\n",
    "Two = Union[int, str]\ndef f(a: Two) -> int:\n    if isinstance(a, int):\n"
    "        return 1\n    elif isinstance(a, str):\n        return 2\n",
    "class Err:\n    def unwrap(self) -> NoReturn:\n        raise ValueError\n"
    "def f(a) -> int:\n    if isinstance(a, Err):\n        if a.x:\n            return 1\n"
    "        a.unwrap()\n    else:\n        return 2\n",
    "import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\ndef f(a) -> int:\n    match a.kind:\n"
    "        case E.A:\n            return 1\n        case E.B:\n            return 2\n",
    "def f(*, a, b) -> int:\n    if a and b:\n        return 1\n    if not a and b:\n"
    "        return 2\n    if not b:\n        return 3\n",
    "def f(a) -> int:\n    if a is None:\n        return 1\n    elif a is not None:\n"
    "        return 2\n",
    "def f(a) -> int:\n    assert a.lower() in ['x', 'y']\n    if a.lower() in ('x', 'z'):\n"
    "        return 1\n    if a.lower() == 'y':\n        return 2\n",
    "def f(a) -> int:\n    if a.kind not in ('x', 'y'):\n        raise ValueError\n"
    "    if a.kind == 'x':\n        return 1\n    elif a.kind == 'y':\n        return 2\n",
    "import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\ndef f(a: E) -> int:\n    match a:\n"
    "        case E.A:\n            return 1\n        case E.B:\n            return 2\n",
)


@pytest.mark.passes("BND007")
@pytest.mark.parametrize("text", GOOD)
def test_functions_that_keep_their_word(tmp_path, text):
    result = check(tmp_path, text + "\n\ndef other() -> int:\n    return 1\n")
    assert_passes(result)
    assert result.findings == ()


@pytest.mark.fails("BND007")
@pytest.mark.parametrize(
    ("text", "line", "key", "said"),
    [
        ("def f(a) -> int:\n    if a:\n        return 1\n", 12, "runs off",
         "f declares int and has a path that runs off its end"),
        ("import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\ndef f(a) -> int:\n"
         "    match a.kind:\n        case E.A:\n            return 1\n", 17, "runs off",
         "f declares int and has a path that runs off its end"),
        ("def f(a, b) -> int:\n    if a and b:\n        return 1\n    if not a:\n"
         "        return 2\n", 14, "runs off",
         "f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n    if a:\n        return 1\n    a = g()\n    if not a:\n"
         "        return 2\n", 15, "runs off",
         "f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n    assert a in ('x', 'y')\n    if a == 'x':\n        return 1\n",
         13, "runs off", "f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n    for x in a:\n        return x\n", 12, "runs off",
         "f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n    while a:\n        return 1\n", 12, "runs off",
         "f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n    for x in a:\n        break\n    else:\n        return 1\n", 14,
         "runs off", "f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n    try:\n        return 1\n    except ValueError:\n        print()\n",
         14, "runs off", "f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n"
         "    try:\n        return a.load()\n    except ValueError:\n        logger.error('no')\n",
         14, "runs off", "f declares int and has a path that runs off its end"),
        ("class A:\n    def f(self) -> int:\n"
         "        if self:\n            return 1\n        self.log.error('no')\n",
         14, "runs off", "A.f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n"
         "    if a:\n        return 1\n    a.studies()\n",
         13, "runs off", "f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n"
         "    with contextlib.suppress(ValueError):\n        return a.load()\n",
         12, "runs off", "f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n"
         "    with a, suppress(ValueError):\n        return a.load()\n",
         12, "runs off", "f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n"
         "    while True:\n        for b in a:\n            pass\n"
         "        else:\n            break\n",
         15, "runs off", "f declares int and has a path that runs off its end"),
        ("class A:\n    def f(self) -> list[int]:\n        if self:\n            return\n"
         "        if 2:\n            return None\n        return [1]\n",
         13, "returns None", "A.f declares list[int] and returns None on 2 paths"),
        ("def f(a: int | str) -> int:\n"
         "    if isinstance(a, int):\n        return 1\n"
         "    elif isinstance(a, str):\n        print()\n",
         14, "runs off", "f declares int and has a path that runs off its end"),
        ("def f(a: 'Literal[1, 2, 3]') -> int:\n"
         "    if a == 1:\n        return 1\n    if a == 2:\n        return 2\n",
         14, "runs off", "f declares int and has a path that runs off its end"),
        ("def f(a: int | str | None) -> int:\n"
         "    if isinstance(a, (int, str)):\n        return 1\n",
         12, "runs off", "f declares int and has a path that runs off its end"),
        ("def f(a, b) -> int:\n    if a == b:\n        return 0\n    elif a > b:\n"
         "        return 1\n    elif a > 0:\n        return 2\n",
         16, "runs off", "f declares int and has a path that runs off its end"),
        ("def f(a) -> int:\n    for n in range(3):\n        try:\n            return a()\n"
         "        except OSError:\n            a.wait()\n",
         15, "runs off", "f declares int and has a path that runs off its end"),
        ("async def f(a) -> 'int':\n    return None\n", 11, "returns None",
         "f declares 'int' and returns None"),
    ],
)  # fmt: skip
def test_functions_that_do_not(tmp_path, text, line, key, said):
    result = check(tmp_path, text)
    finding = assert_fails(result, key=key)
    assert (finding.message, finding.location.line) == (said, line)
    assert finding.severity is Severity.MEDIUM
    assert len(result.findings) == 1


#: annotation of ``a``, and branches on it that name all that it may be, the last of which is needed
WHOLE = [
    ("int | str", "if isinstance(a, int) or isinstance(a, str):"),
    ("int | str", "if isinstance(a, int | str):"),
    ("int | str", "if isinstance(a, int):", "if isinstance(a, (str,)):"),
    ("list[int] | str", "if isinstance(a, list):", "elif isinstance(a, str):"),
    ("pd.Series[float] | str", "if isinstance(a, pd.Series):", "elif isinstance(a, str):"),
    ("Optional[int]", "if isinstance(a, int):", "elif a is None:"),
    ("bool", "if a is True:", "elif a is False:"),
    ("Literal[1, 2]", "if a == 1 or a == 2:"),
    ("Literal[1, 2]", "if a in {1}:", "if a in [2]:"),
    ("'Union[int, str]'", "if isinstance(a, int):", "elif isinstance(a, str):"),
]
#: the same with ``match``
MATCHED = [
    ("bool", "True", "False"),
    ("Literal[1, 2, None]", "1 | 2", "None"),
    ("int | str", "int()", "str()"),
    ("int | str", "int() as n", "str() as t"),
]


def branches(heads, *, of):
    """Statements with these heads, each of which returns."""
    if of == "if":
        return "".join(f"    {head}\n        return 1\n" for head in heads)
    cases = "".join(f"        case {head}:\n            return 1\n" for head in heads)
    return f"    match a:\n{cases}"


@pytest.mark.passes("BND007")
@pytest.mark.fails("BND007")
@pytest.mark.parametrize(
    ("kind", "of", "heads"),
    [*((k, "if", h) for k, *h in WHOLE), *((k, "match", h) for k, *h in MATCHED)],
)
def test_forms_that_name_all_that_a_parameter_may_be(tmp_path, kind, of, heads):
    other = "\n\ndef other() -> int:\n    return 1\n"
    text = f"def f(a: {kind}) -> int:\n"
    whole = check(tmp_path / "whole", text + branches(heads, of=of) + other)
    assert_passes(whole)
    assert whole.findings == ()
    for more in ("| Other", "(not a type"):  # another that it may be, and what says nothing
        wider = text.replace(f"{kind})", f"'{kind.strip(chr(39))} {more}')")
        assert_fails(check(tmp_path / more[:1], wider + branches(heads, of=of) + other))


KINDS = "import enum\nclass E(enum.Enum):\n    A = 1\n    B = 2\n    C = 3\n"
TWO = (
    "        if self.k {0}:\n            return 1\n        elif self.k {1}:\n            return 2\n"
)


@pytest.mark.fails("BND007")
@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("class A:\n    def f(self) -> int:\n" + TWO.format("== E.A", "== E.B"), Severity.MEDIUM),
        ("class A:\n    def f(self) -> int:\n" + TWO.format("== 'a'", "== 'b'"), Severity.LOW),
        ("def f(a: str) -> int:\n    with g():\n        if a == 'x':\n            return 1\n"
         "        if a == 'y':\n            return 2\n        elif a == 'z':\n"
         "            return 3\n",
         Severity.LOW),
        ("def f(a) -> int:\n    if a.k == 'x':\n        return 1\n    if a.k == 'y':\n"
         "        return 2\n", Severity.LOW),
        ("def f(a, b) -> int:\n    if a == 'x':\n        return 1\n    elif a == 'y':\n"
         "        return 2\n    elif b:\n        print()\n", Severity.MEDIUM),
        ("def f(a) -> int:\n    for i in range(a):\n        if i % 2:\n            return i\n",
         Severity.LOW),
        ("def f(a, b) -> int:\n    if b:\n        if isinstance(a, int):\n            return 1\n"
         "        elif isinstance(a, str):\n            return 2\n    else:\n        return 3\n",
         Severity.LOW),
        ("def f(a, b) -> int:\n    if b:\n        if isinstance(a, int):\n            return 1\n"
         "        elif isinstance(a, str):\n            return 2\n", Severity.MEDIUM),
        ("Two = Union[int, str, float]\ndef f(a: Two) -> int:\n    if isinstance(a, int):\n"
         "        return 1\n    elif isinstance(a, str):\n        return 2\n", Severity.MEDIUM),
    ],
)  # fmt: skip
def test_what_branches_on_one_value_leave_out_is_light_where_nothing_lists_it(
    tmp_path, text, level
):
    finding = assert_fails(check(tmp_path, KINDS + text), key="runs off")
    assert finding.severity is level


@pytest.mark.passes("BND007")
def test_implicit_optional_parameters_only_inform(tmp_path):
    text = "def f(a: int = None, *, b: str = None, c: 'int | None' = None) -> int:\n"
    result = check(tmp_path, text + "    return 1\n")
    assert_passes(result)
    assert [f.key for f in result.findings] == ["default a", "default b"]


def test_without_annotations_it_does_not_apply(tmp_path):
    found = subject(tmp_path, {"m.py": "def f():\n    return None\n"})
    assert run_check("BND007", found).outcome is Outcome.NOT_APPLICABLE


@pytest.mark.passes("BND007")
def test_a_type_of_the_repository_that_admits_none(tmp_path):
    types = (
        "from typing import Any, Optional, Union\nLevel = Optional[str]\nDeep = Level\n"
        "Wide = Union[int, Level]\nNew: 'TypeAlias' = int | None\nLoose = Any\nStrict = list[int]\n"
    )
    types += "try:\n    Tried = Level\nexcept ImportError:\n    Tried = None\n"
    names = ("Level", "Deep", "Wide", "New", "Loose", "Tried")
    text = (
        "from pkg import types as tp\n\n\ndef f(a: tp.Strict = None) -> tp.Deep:\n    return None\n"
    )
    text += "".join(f"\n\ndef g{n}(a: tp.{n} = None) -> int:\n    return 1\n" for n in names)
    files = {"pkg/__init__.py": "", "pkg/types.py": types, "pkg/m.py": text}
    result = run_check("BND007", subject(tmp_path, files))
    assert_passes(result)
    assert [f.message for f in result.findings] == [
        "parameter 'a' of f declares tp.Strict and defaults to None"
    ]
