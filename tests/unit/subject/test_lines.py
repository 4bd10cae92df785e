import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_lib.subject.lines import LineKind
from audit_lib.subject.units import units_of
from tests.made_repo import source_file

CASES = {
    "empty": b"",
    "one newline": b"\n",
    "no newline at the end": b"x = 1",
    "crlf": b'"""doc"""\r\n\r\n# c\r\ndef f():\r\n    return 1\r\n',
    "bom": b'\xef\xbb\xbf"""doc\nmore"""\nx = 1\n',
    "latin-1": b"# -*- coding: latin-1 -*-\nname = '\xe9\xe9'  # \xfc\n\ndef f():\n    'd\xe9'\n",
    "form feed": b"x = 1\n\x0c\ndef f():\n    pass\n\x0c\n",
    "lone carriage return": b"x = 1\ry = 2\n# c\r\nz = 3\n",
    "does not parse": b"def f(:\n    # c\n\n    x\n",
    "null bytes": b"x = 1\n\x00\ny = 2\n",
    "not utf-8": b"x = '\xff\xfe'\n# c\n",
    "codec that is not for text": b"# coding: rot13\nx = 1\n",
    "unknown codec": b"# coding: klingon\nx = 1\n",
    "deep": b"x = " + b"a." * 5000 + b"b\n# c\n",
    "vertical tab and friends": "x = '\x0b\x1c\x85\u2028'\n# c\n".encode(),
    "continuation": b"x = 1 + \\\n    2\n\n",
}


@pytest.mark.parametrize("content", CASES.values(), ids=CASES)
def test_lines_add_up_to_what_wc_counts(tmp_path, content):
    found = units_of(source_file(tmp_path, content))
    wc = subprocess.run(["wc", "-l"], input=content, capture_output=True, check=True)
    assert found.lines.count == int(wc.stdout)
    assert sum(unit.lines for unit in found.units) == int(wc.stdout)
    assert (
        len(found.owners)
        == len(found.lines.kinds)
        == len(content.split(b"\n")) - (content == b"" or content.endswith(b"\n"))
    )


def test_a_file_of_50000_lines_is_accounted_for(tmp_path):
    content = b"def f():\n" + b"    x = 1\n# c\n" * 24999 + b"\n"
    found = units_of(source_file(tmp_path, content))
    assert found.lines.count == 49_999 + 1 - 0 == sum(u.lines for u in found.units)
    assert found.counts()[LineKind.COMMENT] == 24_999


@pytest.mark.parametrize(
    ("content", "kinds"),
    [
        ('"""one\n\ntwo"""\n', "ddd"),
        ("def f():\n    '''doc'''\n    # c\n\n    return 1\n", "cd#.c"),
        ('def f(): "doc"\n', "c"),
        ('"""doc"""; x = 1\n', "c"),
        ('"""doc"""  # why\n', "d"),
        ("x = '''\n# not a comment\n\n'''\n", "cccc"),
        ("x = ('a'\n     # a comment\n\n     'b')\n", "c#.c"),
        ("x = f'''\n# {1}\n\n'''\n", "cccc"),
        ("x = (f'{1}'\n     # a comment\n     f'{2}')\n", "c#c"),
        ("x = ('a'\n # c\n '''b\n# s\n''')\n", "c#ccc"),
        ('class A:\n    """doc\n    more\n    """\n\n', "cddd."),
        ("x = 1\n'not a docstring'\n", "cc"),
        ("# c\r# d\r\nx\n", "#c"),
        ("x = 1\n# tail", "c#"),
    ],
)
def test_kind_of_each_line(tmp_path, content, kinds):
    found = units_of(source_file(tmp_path, content)).lines.kinds
    signs = {
        LineKind.CODE: "c",
        LineKind.COMMENT: "#",
        LineKind.DOCSTRING: "d",
        LineKind.BLANK: ".",
    }
    assert "".join(signs[k] for k in found) == kinds


def test_a_tail_is_classified_but_not_counted(tmp_path):
    found = units_of(source_file(tmp_path, "x = 1\n# tail"))
    assert (found.lines.count, found.lines.has_tail) == (1, True)
    assert found.counts() == {
        LineKind.CODE: 1,
        LineKind.COMMENT: 0,
        LineKind.DOCSTRING: 0,
        LineKind.BLANK: 0,
    }


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.sampled_from(
            [b"x = 1", b"# c", b"", b"def f():", b"    return 1", b'"""', b"'", b"\\", b"\r", b"(",
             b")", b"class A:", b"    def g(self): pass", b"\x0c", b"f'''{", b"}'''"]
        ),
        max_size=12,
    ),
    st.sampled_from([b"\n", b"\r\n", b"\r"]),
)  # fmt: skip
def test_any_text_adds_up(tmp_path, lines, ending):
    content = ending.join(lines)
    found = units_of(source_file(tmp_path, content))
    assert sum(unit.lines for unit in found.units) == content.count(b"\n")
