"""Pages of the site are what their author meant: every fence opens and closes a block of code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_fences_name_a_language_alone(page):
    """The site's renderer takes a fence with anything behind its language for prose."""
    fences = re.findall(r"^ *```(.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(fences) % 2 == 0
    assert [f for f in fences[::2] if not re.fullmatch(r"[\w+-]*", f)] == []
    assert not any(fences[1::2])


def test_the_map_names_files_that_exist():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py|[a-z_]+/)`", text))
    rooms = [
        ROOT,
        ROOT / "audit_lib",
        ROOT / "audit_lib" / "host" / "child",
        ROOT / "audit_lib" / "host",
    ]
    lost = [n for n in named if not any((room / n).exists() for room in rooms)]
    assert len(named) > 30
    assert lost == []
