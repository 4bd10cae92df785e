"""Counting node by node gives what radon gives for whole functions."""

import ast
from pathlib import Path

import pytest
from radon.visitors import ComplexityVisitor

import audit_lib
from audit_lib.subject.units import units_of
from tests.made_repo import source_file

HERE = Path(audit_lib.__file__).parent

AWKWARD = """
import os

@wrap(1 if os else 2)
def f(a=[i for i in () if i], *, b=(1 or 2)) -> (1 and 2):
    assert a or b, [x for x in a]
    total = f"{1 if a else 2:{b or 3}}"
    pick = lambda x: x if x else (yield)
    class Inner(Base if a else Other):
        y = 1 if a else 2
        def method(self):
            async def deep():
                async for _ in a:
                    pass
                else:
                    pass
            while a and b and total:
                break
            else:
                pass
    match a:
        case 1 if b:
            pass
        case {"k": v}:
            pass
        case _:
            pass
    try:
        pass
    except* ValueError:
        pass
    try:
        pass
    except (A, B):
        pass
    except C:
        pass
    else:
        pass
    finally:
        pass

if f and os:
    def g():
        return {k: v for k, v in () for _ in k if v if k}
else:
    g = None
"""


def by_radon(tree):
    """Complexity of every function that radon lists, by line and column."""
    visitor = ComplexityVisitor.from_ast(tree)
    functions, classes, found = list(visitor.functions), list(visitor.classes), {}
    while classes:
        cls = classes.pop()
        functions.extend(cls.methods)
        classes.extend(cls.inner_classes)
    while functions:
        function = functions.pop()
        found[function.lineno, function.col_offset] = function.complexity
        functions.extend(function.closures)
    return found


@pytest.mark.parametrize(
    "text",
    [AWKWARD, *(f.read_text(encoding="utf-8") for f in sorted(HERE.glob("subject/[!_]*.py")))],
    ids=["awkward", *(f.name for f in sorted(HERE.glob("subject/[!_]*.py")))],
)
def test_functions_have_the_complexity_that_radon_gives_them(tmp_path, text):
    units = units_of(source_file(tmp_path, text)).units
    ours = {
        (u.node.lineno, u.node.col_offset): u.cyclomatic
        for u in units
        if isinstance(u.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    listed = by_radon(ast.parse(text))
    assert listed
    assert {place: ours[place] for place in listed} == listed


def test_module_level_and_classes_count_their_own_statements_only(tmp_path):
    units = {u.name: u for u in units_of(source_file(tmp_path, AWKWARD)).units}
    assert (units["<module>"].cyclomatic, units["f.Inner"].cyclomatic) == (3, 2)
    assert units["f.Inner.method"].cyclomatic == 5


def test_a_function_too_deep_to_recurse_into_is_counted_still(tmp_path):
    text = "def f(x):\n    return x" + ".a" * 800 + " if x else 0\n"
    assert units_of(source_file(tmp_path, text)).units[1].cyclomatic == 2
