from __future__ import annotations

import made_up
import pytest

from audit_lib.model import Location
from audit_lib.reporters.text import clean, count, one_line, place


@pytest.mark.parametrize("text", made_up.HOSTILE)
def test_clean_text_can_be_written_anywhere(text):
    cleaned = clean(text)
    cleaned.encode("utf-8")
    assert not [c for c in cleaned if ord(c) < 32 and c not in "\n\t"]
    assert not set(cleaned) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_one_line_is_one_line():
    assert one_line("a\r\n b\t c\rd") == "a b c d"
    assert one_line("x" * 10, 5) == "xxxx…"
    assert one_line("five5", 5) == "five5"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        (Location("a.py", line=3), "a.py:3"),
        (Location("a.py"), "a.py"),
        (Location("m.json", base="artifacts", pointer="/a"), "artifacts: m.json /a"),
        (Location("a\n::error::b.py", line=1), "a ::error::b.py:1"),
    ],
)
def test_places_are_written_as_compilers_do(location, shown):
    assert place(location) == shown


def test_counts_agree_with_their_noun():
    assert [count(n, "check") for n in (0, 1, 2, 1234)] == [
        "0 checks",
        "1 check",
        "2 checks",
        "1,234 checks",
    ]
