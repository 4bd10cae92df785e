"""What a terminal and a page receive of other people's text."""

from __future__ import annotations

import io

import pytest
from rich.text import Text

from audit_lib.reporters.screen import Screen
from audit_lib.reporters.text import clean, one_line
from audit_lib.workbook.display import Note, Sheet

HOSTILE = {
    "colours": "a\x1b[31mb",
    "clears": "a\x1b[2Jb",
    "title": "a\x1b]0;evil\x07b",
    "C1": "a\x9b31mb",
    "backspace": "a\x08b",
    "return": "kept\rbroken",
    "override": "a\u202eb",
    "isolate": "a\u2066b",
    "mark": "a\u200fb",
    "letter mark": "a\u061cb",
    "no width": "a\u200bb",
    "joiner": "a\u2060b",
    "soft hyphen": "a\xadb",
    "byte order": "a\ufeffb",
    "filler": "a\u3164b",
    "tag": "a\U000e0041b",
    "surrogate": "a\ud800b",
    "non-character": "a\uffffb",
    "separators": "a\u2028b\u2029c",
    "stack": "a" + "\u0301" * 60 + "b",
    "other stack": "a" + "\u0e4d" * 60 + "b",
}
SHOWN = set("abcdefghijklmnopqrstuvwxyz0123456789[];:.�\n \u0301\u0e4dAJ ")


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_but_what_is_seen(name: str) -> None:
    for text in (clean(HOSTILE[name]), one_line(HOSTILE[name])):
        assert len(text) < 20
        assert not {c for c in text if c.lower() not in SHOWN}, ascii(text)
        text.encode("utf-8")


@pytest.mark.parametrize("name", HOSTILE)
def test_the_terminal_moves_by_our_own_word_only(name: str) -> None:
    for terminal in (False, True):
        file = io.StringIO()
        screen = Screen(file=file, force_terminal=terminal, width=80, highlight=False)
        screen.print(Text(HOSTILE[name], style="red"))
        plain = file.getvalue().replace("\x1b[31m", "").replace("\x1b[0m", "")
        assert not {"\x1b", "\x9b", "\x08", "\r", "\u202e", "\u200b"} & set(plain), ascii(plain)


@pytest.mark.parametrize("name", HOSTILE)
def test_cells_of_notebooks_are_clean(name: str) -> None:
    sheet = Sheet(HOSTILE[name], ("a", HOSTILE[name]), ((HOSTILE[name], 1.0),), HOSTILE[name])
    for shown in (sheet, Note(HOSTILE[name])):
        for text in (repr(shown), shown._repr_html_()):
            text.encode("utf-8")
            assert not {"\x1b", "\x9b", "\x08", "\u202e", "\u200b", "\ufeff"} & set(text)


def test_honest_text_is_left_alone() -> None:
    for text in ("Größe → x ✓", "tab\tand\nline", "e\u0301te\u0301", "नमस्ते", "مرحبا", "a…b"):
        assert clean(text) == text
