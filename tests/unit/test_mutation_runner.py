"""The runner of benchmarks/mutation.py changes what decides, and nothing else."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[2] / "benchmarks" / "mutation.py"
SOURCE = '''
class Checks:
    """Words: 1 < 2."""

    most: float = Field(0.5, description="more than 3")

    def run(self, subject):
        rows = subject.rows[0]
        noise = draw(300)
        if len(rows) < 3 and not rows.known:
            yield self.finding(where, f"only {len(rows)} of {7 + 1}", measured=1 < 2)
        yield Examined(len(rows), "rows")
        if rows.share > self.most * 2:
            raise NotAssessed("no " + str(1 < 2))
'''


@pytest.fixture(scope="module")
def mutation():
    spec = importlib.util.spec_from_file_location("mutation_runner", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def test_every_line_that_decides_is_changed_and_no_words_are(mutation):
    tree = mutation.marked(SOURCE)
    found = {(c.kind, c.before, c.after) for c, _ in mutation.changes(tree)}
    assert found == {
        ("doubled", "0.5", "1.0"),
        ("if dropped", "if len(rows) < 3 and (not rows.known):", "if False:"),
        ("and/or", "len(rows) < 3 and (not rows.known)", "len(rows) < 3 or not rows.known"),
        ("turned", "len(rows) < 3", "len(rows) >= 3"),
        ("off by one", "len(rows) < 3", "len(rows) <= 3"),
        ("doubled", "3", "6"),
        ("not left out", "not rows.known", "rows.known"),
        (
            "yield dropped",
            "yield self.finding(where, f'only {len(rows)} of {7 + 1}', measured=1 < 2)",
            "yield from ()",
        ),
        ("yield dropped", "yield Examined(len(rows), 'rows')", "yield from ()"),
        ("if dropped", "if rows.share > self.most * 2:", "if False:"),
        ("turned", "rows.share > self.most * 2", "rows.share <= self.most * 2"),
        ("doubled", "2", "4"),
    }


def test_each_change_is_of_one_place_and_keeps_the_lines(mutation):
    tree = mutation.marked(SOURCE)
    whole = ast.unparse(tree).splitlines()
    for change, made in mutation.changes(tree):
        lines = ast.unparse(made).splitlines()
        assert len([1 for a, b in zip(whole, lines, strict=True) if a != b]) == 1, change
        compile(made, "made.py", "exec")
    assert ast.unparse(tree).splitlines() == whole


def test_a_change_that_a_test_notices_is_killed_and_another_survives(mutation, tmp_path):
    (tmp_path / "room.py").write_text("def large(x):\n    return x > 10\n")
    test = tmp_path / "test_room.py"
    test.write_text("from room import large\n\ndef test_it():\n    assert large(20)\n")
    (tmp_path / "conftest.py").write_text(
        "import sys, pathlib\nsys.path.append(str(pathlib.Path(__file__).parent))\n"
    )
    file = tmp_path / "room.py"
    made = {c.kind + c.before: t for c, t in mutation.changes(mutation.marked(file.read_text()))}
    answers = {
        kind: mutation.killed("room", file, tree, [str(test)], 60) for kind, tree in made.items()
    }
    assert answers == {"turnedx > 10": True, "off by onex > 10": False, "doubled10": True}
