"""Which reads of a local come where a path has not bound it."""

import ast
from textwrap import indent

import pytest

from audit_lib.probes.code.local_names import _bound_in, _Walk

#: body of a function -> lines on which a local is read that may be unbound
BODIES = {
    "return x\nx = 1": [1],
    "x = 1\nreturn x": [],
    "x = x + 1\nreturn x": [1],
    "print(x := 1, x)": [],
    "y: int = x\nx = 1": [1],
    "y: x = 1\nx = 2": [],
    "global x\nprint(x)\nx = 1": [],
    "if (x := f()):\n    return x\nreturn x": [],
    "if a:\n    x = 1\nreturn x": [3],
    "if a:\n    x = 1\nelse:\n    x = 2\nreturn x": [],
    "if a:\n    x = 1\nelse:\n    return 2\nreturn x": [],
    "x = 1\nif a:\n    return 1\nelse:\n    return 2\nreturn x": [],
    "if a:\n    x = 1\nif a:\n    return x": [],
    "if a:\n    x = 1\nif b:\n    return x": [4],
    "if a:\n    x = 1\nif not a:\n    x = 2\nreturn x": [],
    "if not a:\n    x = 1\nif a:\n    x = 2\nreturn x": [],
    "if a:\n    x = 1\nif b:\n    x = 2\nreturn x": [5],
    "if a:\n    x = 1\nif a:\n    raise f(x)\nreturn x": [5],
    "for x in y:\n    pass\nreturn x": [],
    "for i in x:\n    x = 1": [1],
    "while f(x):\n    x = 1": [1],
    "while True:\n    x = 1\n    break\nreturn x": [],
    "for i in y:\n    x = i\nelse:\n    return x": [],
    "for i in y:\n    if i:\n        x = 1\n    else:\n        continue\n    print(x)": [],
    "for i in y:\n    if i:\n        x = 1\n    print(x)": [4],
    "with f() as x:\n    y = 1\nreturn x, y": [],
    "with f(x):\n    x = 1\nreturn x": [1],
    "with f() as y:\n    return y\nreturn y": [],
    "with f():\n    x = 1\n    return x\nreturn x": [4],
    "try:\n    x = 1\nexcept E:\n    pass\nreturn x": [5],
    "try:\n    x = 1\nexcept E:\n    raise\nreturn x": [],
    "try:\n    x = 1\nexcept E:\n    x = 2\nreturn x": [],
    "try:\n    x = 1\nexcept E:\n    print(x)\n    raise\nreturn x": [],
    "try:\n    import x\nexcept ImportError:\n    pass\nreturn x": [],
    "try:\n    f()\nexcept E:\n    x = 1\nelse:\n    x = 2\nreturn x": [],
    "try:\n    x = f()\n    return x\nexcept E:\n    raise\nfinally:\n    print(x)": [],
    "try:\n    f()\nexcept E:\n    pass\nfinally:\n    print(x)\nx = 1": [6],
    "try:\n    return f()\nexcept E as x:\n    pass\nreturn x": [5],
    "match a:\n    case [x]:\n        pass\nreturn x": [4],
    "match x:\n    case 1:\n        x = 1": [1],
    "match a:\n    case {'k': x}:\n        return x\nx = 1\nreturn x": [],
    "def x():\n    pass\nreturn x": [],
    "y = x()\nclass x: ...": [1],
    "y = [x for x in a]\nx = 1": [],
    "y = [a for a in x]\nx = 1": [1],
    "y = {a: x for a in b}\nx = 1": [1],
    "y = lambda: x\nx = 1": [],
    "raise f(x)\nx = 1": [1],
}


@pytest.mark.parametrize("body", BODIES)
def test_reads_of_locals_that_a_path_leaves_unbound(body):
    function = ast.parse(f"def f(a, b):\n{indent(body, '    ')}\n").body[0]
    assert isinstance(function, ast.FunctionDef)
    walk = _Walk(frozenset(_bound_in(function)))
    walk.through(function.body, set())
    assert [use.lineno - 1 for use in walk.unbound] == BODIES[body]


def test_what_a_function_binds_and_where_first():
    text = (
        "def f(a, *b, c=1, **d):\n    import os.path\n    import m as n\n    from p import q as r\n"
        "    x = 1\n    x = 2\n    a = 3\n    global g\n    g = 1\n    y = [i for i in x]\n"
        "    try:\n        z = 1\n    except E as e:\n        pass\n    class K:\n        w = 1\n"
    )
    function = ast.parse(text).body[0]
    assert isinstance(function, ast.FunctionDef)
    assert _bound_in(function) == {
        "os": 2, "n": 3, "r": 4, "x": 5, "y": 10, "z": 12, "e": 13, "K": 15
    }  # fmt: skip
