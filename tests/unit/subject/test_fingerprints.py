import pytest

from audit_lib.subject.code import code_of
from audit_lib.subject.fingerprints import fingerprints
from tests.made_repo import tree

BASE = {
    "m.py": "LIMIT = 3\n\n\ndef helper(a):\n    return a + LIMIT\n\n\n"
    "class A:\n    x = 1\n\n    @property\n    def f(self, b=2):\n        return helper(b)\n"
}


def of(folder, files):
    return fingerprints(code_of(tree(folder, files)))


@pytest.fixture
def base(tmp_path):
    return of(tmp_path / "base", BASE)


def edited(tmp_path, old, new):
    text = BASE["m.py"]
    assert old in text
    return of(tmp_path / "edited", {"m.py": text.replace(old, new)})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a + LIMIT", "(a  +  LIMIT)  # why"),
        ("return helper(b)", '"""doc"""\n        return helper(b)'),
        ("LIMIT = 3\n", "LIMIT = 3\n\n\n\n"),
        ("return helper(b)", "return (\n            helper(b)\n        )"),
    ],
)
def test_layout_comments_and_docstrings_do_not_enter(base, tmp_path, old, new):
    after = edited(tmp_path, old, new)
    assert {k: v.whole for k, v in after.items()} == {k: v.whole for k, v in base.items()}


@pytest.mark.parametrize(
    ("old", "new", "bodies", "wholes"),
    [
        ("b=2", "b=3", {"A.f"}, {"A.f"}),
        ("@property", "@cached", {"A.f"}, {"A.f"}),
        ("a + LIMIT", "a - LIMIT", {"helper"}, {"helper", "A.f"}),
        ("LIMIT = 3", "LIMIT = 4", {"<module>"}, {"<module>", "helper", "A.f"}),
        ("x = 1", "x = 2", {"A"}, {"A"}),
    ],
)
def test_what_falls_when_code_changes(base, tmp_path, old, new, bodies, wholes):
    after = edited(tmp_path, old, new)
    assert {k for k in base if base[k].body != after[k].body} == {f"m.py::{n}" for n in bodies}
    assert {k for k in base if base[k].whole != after[k].whole} == {f"m.py::{n}" for n in wholes}


def test_a_move_to_another_file_keeps_the_fingerprint(base, tmp_path):
    after = of(tmp_path / "moved", {"pkg/__init__.py": "", "pkg/n.py": BASE["m.py"]})
    assert after["pkg/n.py::A.f"].whole == base["m.py::A.f"].whole


def test_parts_tell_which_statement_changed(base, tmp_path):
    after = edited(tmp_path, "return helper(b)", "c = b\n        return helper(b)")
    new = [p for p in after["m.py::A.f"].parts if p not in base["m.py::A.f"].parts]
    assert len(new) == 1
    assert after["m.py::A.f"].lines == (13, 14)


def test_deep_and_odd_source_is_no_trouble(tmp_path):
    source = "x = " + "+".join("a" for _ in range(700)) + f"\ny = {'9' * 4000}\nz = '\\ud800'\n"
    assert set(of(tmp_path, {"m.py": source})) == {"m.py::<module>"}


def test_mutual_recursion_ends(tmp_path):
    found = of(tmp_path, {"m.py": "def f():\n    g()\n\n\ndef g():\n    f()\n"})
    assert found["m.py::f"].whole != found["m.py::g"].whole
