"""Values of constants as they stand in source."""

import ast

import pytest

from audit_lib.probes.code.constants import UNKNOWN, class_defaults, constant, number_written
from audit_lib.subject.code import code_of
from tests.made_repo import subject

OTHER = "FAR = 3\nFROM_HERE = FAR * 2\n"
VALUES = {
    "TEXT": ("'a'", "a"),
    "NOTHING": ("None", None),
    "RAW": ("b'a'", UNKNOWN),
    "COMPLEX": ("2j", UNKNOWN),
    "LISTED": ("[1, 'a', [2]]", [1, "a", [2]]),
    "TUPLED": ("(1, 2)", [1, 2]),
    "BRACED": ("{4}", [4]),
    "HALF": ("[1, unknown()]", UNKNOWN),
    "MAPPED": ("{'a': 1, 2: (3,)}", {"a": 1, "2": [3]}),
    "SPREAD": ("{**MAPPED}", UNKNOWN),
    "STRANGE_KEY": ("{unknown(): 1}", UNKNOWN),
    "LISTED_KEY": ("{(1, 2): 1}", UNKNOWN),
    "STRANGE_VALUE": ("{'a': unknown()}", UNKNOWN),
    "MINUS": ("-FAR", -3),
    "MINUS_TEXT": ("-TEXT", UNKNOWN),
    "INVERTED": ("~FAR", UNKNOWN),
    "ADDED": ("FAR + 4", 7),
    "TAKEN": ("FAR - 4", -1),
    "TIMES": ("FAR * 0.5", 1.5),
    "DIVIDED": ("FAR / 2", 1.5),
    "FLOORED": ("FAR // 2", 1),
    "POWER": ("FAR ** 2", UNKNOWN),
    "BY_ZERO": ("FAR / 0", UNKNOWN),
    "JOINED": ("TEXT + 'b'", UNKNOWN),
    "WRAPPED": ("frozenset(TUPLED)", [1, 2]),
    "NUMBER": ("float('1.5')", 1.5),
    "WHOLE": ("int(3.7)", 3),
    "NO_NUMBER": ("float('x')", UNKNOWN),
    "NO_LIST": ("list(3)", UNKNOWN),
    "NAMED": ("int(x=3)", UNKNOWN),
    "TWO": ("int('3', base=4)", UNKNOWN),
    "CALLED": ("unknown(3)", UNKNOWN),
    "OF_UNKNOWN": ("list(unknown())", UNKNOWN),
    "ITSELF": ("ITSELF", UNKNOWN),
    "THERE": ("FROM_HERE", 6),
    "NOWHERE": ("missing", UNKNOWN),
}
CLASSES = """
class One:
    own: int = 4
    both: int = 1
    bare: float
    made: list = unknown()
    plain = 7


class Two:
    both: int = 1
    self.place: int = 3
"""
MORE = "LEFT = RIGHT = 1\nFIRST, SECOND = 1, 2\nSTATED: int = 5\nEMPTY: int\n"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    lines = "".join(f"{name} = {text}\n" for name, (text, _) in VALUES.items())
    files = {
        "pkg/__init__.py": "",
        "pkg/other.py": OTHER,
        "pkg/m.py": f"from pkg.other import FAR, FROM_HERE\n{lines}{MORE}{CLASSES}",
    }
    return code_of(subject(tmp_path_factory.mktemp("constants"), files).source).index


@pytest.mark.parametrize("name", VALUES)
def test_what_a_constant_holds(index, name):
    expected = VALUES[name][1]
    got = constant(index, "pkg/m.py", name)
    assert got is UNKNOWN if expected is UNKNOWN else (got, type(got)) == (expected, type(expected))


def test_one_target_and_a_value(index):
    assert constant(index, "pkg/m.py", "STATED") == 5
    for name in ("LEFT", "RIGHT", "FIRST", "EMPTY", "One"):
        assert constant(index, "pkg/m.py", name) is UNKNOWN


def test_defaults_of_fields_that_one_class_alone_has(index):
    assert class_defaults(index, "pkg/m.py") == {"own": 4}
    assert class_defaults(index, "pkg/other.py") == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [("3", 3), ("-2.5", -2.5), ("--2", 2), ("True", None), ("-True", None), ("'3'", None),
     ("+3", None), ("x", None), ("-x", None), ("2 + 1", None)],
)  # fmt: skip
def test_a_number_that_is_written_out(text, number):
    assert number_written(ast.parse(text, mode="eval").body) == number
    assert number_written(None) is None
