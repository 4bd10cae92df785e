"""What a function looks at where it is given, and what begins empty and is filled."""

import ast

import pytest

from audit_lib.probes.code import unfed

LOOKED = {
    "if x:\n    f(x)": True,
    "if x is not None:\n    f(x)": True,
    "if x is not None and a:\n    f(x)": True,
    "if a and x:\n    f(x)": True,
    "if a:\n    f(x)": False,
    "if x is None:\n    f(x)": False,
    "if not x:\n    f(x)": False,
    "if a is not x:\n    f(x)": False,
    "if x > 1:\n    f(x)": False,
    "if x:\n    f(x)\nelse:\n    g()": False,
    "if x:\n    f(x)\nif not x:\n    g()": False,
    "x = 3\nif x:\n    f(x)": False,
    "y = x or 3\nif x:\n    f(x)": False,
    "y = a or 3\nif x:\n    f(x)": True,
    "y = x and 3\nif x:\n    f(x)": True,
    "y = 1 if x else 2\nif x:\n    f(x)": False,
    "y = 1 if a else 2\nif x:\n    f(x)": True,
    "f(x)": False,
}
EMPTY = {
    "None": True, "False": True, "True": False, "0": False, "''": False, "{}": True, "[]": True,
    "()": True, "{1: 2}": False, "[1]": False, "(1,)": False, "{1}": False, "dict()": True,
    "list()": True, "list(rows)": False, "collections.deque()": True, "defaultdict(list)": True,
    "defaultdict(maker)": False, "make()": False, "x": False,
}  # fmt: skip
FILLED = {
    "self.a = 1": ["a"],
    "self.a = None": [],
    "self.a: int = 1": ["a"],
    "self.a: int": [],
    "self.a += 1": ["a"],
    "self.a, self.b = 1, 2": ["a", "b"],
    "[self.a, *self.b] = x": ["a", "b"],
    "self.a[0] = 1": ["a"],
    "self.a[0][1] = 1": ["a"],
    "a = 1": [],
    "self.a.append(1)": ["a"],
    "self.a.count(1)": [],
    "setattr(self, 'a', 1)": ["a"],
    "setattr(self, name, 1)": [],
    "object.__setattr__(self, 'a', 1)": ["a"],
    "for self.a in x: pass": ["a"],
    "for a in x: pass": [],
}


def _function(body: str) -> ast.FunctionDef:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    (function,) = ast.parse(f"def f(a, x=None, *, k=None, n=3):\n{lines}").body
    assert isinstance(function, ast.FunctionDef)
    return function


@pytest.mark.parametrize("body", LOOKED)
def test_inputs_that_are_looked_at_where_they_are_given(body):
    assert unfed.looked_at(_function(body), "x") is LOOKED[body]


def test_parameters_that_may_be_left_out():
    assert sorted(unfed.optional(_function("pass"))) == ["k", "x"]


@pytest.mark.parametrize("text", EMPTY)
def test_values_that_are_empty(text):
    assert unfed._empty(ast.parse(text, mode="eval").body) is EMPTY[text]


@pytest.mark.parametrize("text", FILLED)
def test_attributes_that_a_statement_fills(text):
    assert sorted(unfed._filled([*ast.walk(ast.parse(text))])) == FILLED[text]


def test_attributes_that_are_read():
    nodes = [*ast.walk(ast.parse("self.a = b.c\nd"))]
    assert [unfed._reads(nodes, name) for name in "abcd"] == [False, False, True, False]
