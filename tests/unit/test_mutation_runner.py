"""The runner of benchmarks/mutation.py changes what decides, and nothing else."""

from __future__ import annotations

import ast
import importlib.util
import json
import subprocess
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
    found = {(c.kind, c.before, c.after) for c in mutation.changes(tree)}
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
    for change in mutation.changes(tree):
        made = mutation.changed(tree, change)
        lines = ast.unparse(made).splitlines()
        assert len([1 for a, b in zip(whole, lines, strict=True) if a != b]) == 1, change
        compile(made, "made.py", "exec")
    assert ast.unparse(tree).splitlines() == whole


ROOM = """
from functools import cache

class Room:
    @property
    def large(self):
        return inner(20)

@cache
def inner(size):
    def above(x):
        return x > 10
    return above(size)
"""


def test_changed_code_is_given_to_every_living_function_wherever_it_is_bound(
    mutation, tmp_path, monkeypatch
):
    file = tmp_path / "room.py"
    file.write_text(ROOM)
    names: dict[str, object] = {}
    exec(compile(ROOM, str(file), "exec"), names)
    elsewhere, entered = names["inner"], set()
    monkeypatch.setattr(mutation, "ROOT", tmp_path)
    monkeypatch.setattr("builtins.entered", entered, raising=False)
    tree = mutation.marked(ROOM)
    (turned,) = [c for c in mutation.changes(tree) if c.kind == "turned"]
    alive = mutation.living([file])
    changed = mutation.changed(tree, turned)
    assert mutation.give(mutation.listening(changed, Path("room.py")), alive) == 2
    assert names["Room"]().large is False
    assert elsewhere(9) is True
    assert entered == {
        "room.py::Room.large", "room.py::inner", "room.py::inner.<locals>.above"
    }  # fmt: skip


DRAW = """
import sys
sys.path[:0] = [{benchmarks!r}, {here!r}]
from pathlib import Path
import mutation
mutation.ROOT, mutation.ROOMS, mutation.MADE_ONCE = Path({here!r}), ("rooms",), ()
mutation.main()
"""


def test_a_change_that_a_test_notices_is_killed_and_another_survives(tmp_path):
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "room.py").write_text("def large(x):\n    return x > 10\n")
    test = tmp_path / "test_room.py"
    test.write_text(
        "from rooms.room import large\n\n"
        "def test_it():\n    assert large(20)\n\n"
        "def test_that_fails_as_it_is():\n    assert large(10)\n"
    )
    code = DRAW.format(benchmarks=str(FILE.parent), here=str(tmp_path))
    told = tmp_path / "told.json"
    command = [sys.executable, "-c", code, "--to", str(told), "--tests", str(test)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "2 of 3 killed" in done.stdout, done.stdout + done.stderr
    killed = {name: row["killed"] for name, row in json.loads(told.read_text()).items()}
    assert killed == {
        "rooms/room.py:2: turned: x > 10  ->  x <= 10": "test_room.py::test_it",
        "rooms/room.py:2: off by one: x > 10  ->  x >= 10": "",
        "rooms/room.py:2: doubled: 10  ->  20": "test_room.py::test_it",
    }
