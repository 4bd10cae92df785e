"""Source that reads otherwise than it runs."""

import pytest

from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def answered(folder, text):
    made = subject(folder, {"pkg/m.py": text}, source={"subsystem": {"files": ["pkg/**"]}})
    return run_check("SEC003", made)


@pytest.mark.fails("SEC003")
@pytest.mark.parametrize("character", TURNS, ids=lambda c: f"{ord(c):04x}")
@pytest.mark.parametrize(
    "line", ["x = 1  # if admin{} then", "s = 'user{} not'", "'''{}'''"], ids=str.split
)
def test_a_character_that_turns_the_text(tmp_path, line, character):
    found = assert_fails(answered(tmp_path, "y = 0\n" + line.format(character) + "\n"), line=2)
    assert "reads otherwise than it runs" in found.message
    assert found.message.isascii()
    assert found.message.isprintable()


@pytest.mark.fails("SEC003")
@pytest.mark.parametrize("name", ["ｅval", "eva𝓁", "ﬁt"])
def test_a_name_that_is_another(tmp_path, name):
    found = assert_fails(answered(tmp_path, f"def f(x):\n    return {name}(x)\n"), line=2)
    assert found.message.isascii()


@pytest.mark.passes("SEC003")
@pytest.mark.parametrize(
    "text",
    [
        "x = '\\u202e'\n",
        "# \u05e9\u05dc\u05d5\u05dd \u200f\u200e\nгод = 'année'\nprint(год)\n",
        "größe = 1\nprint(größe)\n",
        "σ, μ = 1, 2\nprint(σ + μ)\n",
        "def (\u05e9:\n",
    ],
)
def test_text_of_other_scripts(tmp_path, text):
    assert_passes(answered(tmp_path, text))
