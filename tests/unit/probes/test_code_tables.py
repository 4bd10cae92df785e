"""What is read from code: how many values return and are unpacked, and what the system comes to."""

import ast
from textwrap import dedent

import pytest

from audit_lib.probes.code.arity import arities, unpacked
from audit_lib.probes.code.reachable import Reachable
from audit_lib.subject.code import code_of
from tests.made_repo import subject

RETURNS = {
    "def f():\n    return 1, 2\n": {2: 2},
    "def f(x):\n    if x:\n        return 1, 2\n    return 1, 2, 3\n": {2: 3, 3: 4},
    "def f(x):\n    if x:\n        return 1, 2\n    return 2, 1\n": {2: 4},
    "async def f():\n    return 1, 2\n": {2: 2},
    "def f(x):\n    return 1, *x\n": None,
    "def f(x):\n    return x\n": None,
    "def f(x):\n    if x:\n        return 1, 2\n    return x\n": None,
    "def f(x):\n    pass\n": None,
    "def f(x):\n    yield 1\n    return 1, 2\n": None,
    "def f(x):\n    yield from x\n    return 1, 2\n": None,
    "def f(x):\n    def g():\n        yield 1\n    return g, 2\n": {2: 4},
    "import functools\n@functools.cache\ndef f():\n    return 1, 2\n": {2: 4},
    "import far\n@far.wrapped\ndef f():\n    return 1, 2\n": None,
    "def g():\n    return 1, 2\ndef f():\n    return g()\n": {2: 4},
    "async def g():\n    return 1, 2\ndef f():\n    return g()\n": None,
    "def f(x):\n    return f(x)\n": None,
    "def g(x):\n    return x\ndef f(x):\n    return g(x)\n": None,
    "def f(x):\n    return x.go()\n": None,
    "class G:\n    pass\ndef f():\n    return G()\n": None,
    "def f():\n    return 1, 2\ndef f():\n    return 3\n": None,
    "f = 3\n": None,
    "def a():\n    return 1, 2\ndef b():\n    return a()\ndef c():\n    return b()\n"
    "def f():\n    return c()\n": {2: 8},
    "def z():\n    return 1, 2\ndef a():\n    return z()\ndef b():\n    return a()\n"
    "def c():\n    return b()\ndef f():\n    return c()\n": None,
}
UNPACKS = {
    "a, b = g(x)": [(2, True)],
    "[a, b, c] = g(x)": [(3, True)],
    "a, *b = g(x)": [(1, False)],
    "a = b, c = g(x)": [(2, True)],
    "a = g(x)": [],
    "a, b = x": [],
    "a, b = 1, 2": [],
    "a, b = await g(x)": [(2, True)],
    "t = g(x)\n    a, b = t": [(2, True)],
    "t = g(x)\n    t = 3\n    a, b = t": [],
    "g(x)[1]": [(2, False)],
    "g(x)[0]": [],
    "g(x)[-1]": [],
    "g(x)['a']": [],
    "g(x)[x]": [],
    "x[1]": [],
    "t = g(x)\n    return t[2]": [(3, False)],
    "def h():\n        a, b = g(x)\n    return h": [],
}


def _code(folder, files):
    return code_of(subject(folder, {"pkg/__init__.py": "", **files}).source)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Each text in a module of its own."""
    texts = {f"pkg/r{n}.py": text for n, text in enumerate(RETURNS)}
    heads = "def g(x):\n    return x, 1\n\n\nasync def f(x):\n    "
    texts |= {f"pkg/u{n}.py": f"{heads}{text}\n" for n, text in enumerate(UNPACKS)}
    return _code(tmp_path_factory.mktemp("tables"), texts)


@pytest.mark.parametrize(("number", "text"), [*enumerate(RETURNS)])
def test_how_many_values_return_and_where(many, number, text):
    units = many.files[f"pkg/r{number}.py"].units
    unit = next((u for u in units if u.name == "f"), units[0])
    assert arities(many.references, unit) == RETURNS[text]


@pytest.mark.parametrize(("number", "text"), [*enumerate(UNPACKS)])
def test_how_many_values_are_taken(many, number, text):
    unit = next(u for u in many.files[f"pkg/u{number}.py"].units if u.name == "f")
    found = list(unpacked(unit))
    assert [(u.wanted, u.exact) for u in found] == UNPACKS[text]
    assert all(ast.unparse(u.call) == "g(x)" for u in found)


REACHED = {
    "main.py": """
        import argparse
        from pkg import core, plain
        from pkg.core import Base, used
        __all__ = ["listed"]
        WORD = "by_text"
        PLACE = "pkg.core:by_place"
        SENTENCE = "this says in_words"

        def listed():
            pass

        used(core.mentioned)
        print(WORD.by_method, argparse, Base)
        """,
    "pkg/core.py": """
        import functools
        import far
        from typing import NamedTuple

        def used(f, size: "int" = 3):
            inner = functools.partial(f, default())
            def nested():
                deep()
            def left_out():
                too_deep()
            return nested

        def default(): ...
        def mentioned(): ...
        def unused():
            only_by_unused()
        def only_by_unused(): ...
        def deep(): ...
        def too_deep(): ...
        def by_text(): ...
        def by_place(): ...
        def by_method(): ...
        def in_words(): ...

        @far.route("/x")
        def handed():
            by_handed()
        def by_handed(): ...

        @functools.cache
        def kept(): ...

        class Base:
            def __init__(self):
                self.size = 1
            def quiet(self):
                only_by_quiet()
            @property
            def shown(self): ...

        def only_by_quiet(): ...

        class Foreign(far.Thing):
            def called_by_far(self): ...

        class Row(NamedTuple):
            def row(self): ...

        print(Foreign)
        """,
    "pkg/plain.py": "def by_text(): ...\n",
    "tests/test_core.py": "from pkg.core import kept\n\nkept()\n",
}


def test_what_the_system_comes_to(tmp_path):
    code = _code(tmp_path, {name: dedent(text).lstrip() for name, text in REACHED.items()})
    reached = Reachable(code)
    units = [u for u in reached.calls.units.values() if u.path == "pkg/core.py"]
    names = {u.name for u in units if u.key in reached.keys and u.name != "<module>"}
    left = {u.name for u in units if u.key not in reached.keys}
    assert left == {
        "unused", "only_by_unused", "used.left_out", "too_deep", "kept", "Base.quiet",
        "Base.shown", "only_by_quiet", "in_words", "Row", "Row.row",
    }  # fmt: skip
    assert {
        "Base.__init__",
        "Foreign.called_by_far",
        "by_handed",
        "by_place",
        "used.nested",
    } < names
    assert not any(u.path.startswith("tests") and u.key in reached.keys
                   for u in reached.calls.units.values())  # fmt: skip
