from __future__ import annotations

import re
from importlib.resources import files

import pytest

from audit_lib.packets.figures import properties
from audit_lib.packets.palette import PALETTES

SHEET = files("audit_lib.packets").joinpath("templates/packet.css").read_text("utf-8")
LIGHT, DARK = (
    dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6})", block))
    for block in re.findall(r":root \{(.*?)\n {0,2}\}", SHEET, re.S)[:2]
)


def contrast(one: str, two: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(two)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, {**LIGHT, **DARK}], ids=["light", "dark"])
def test_text_can_be_read(theme):
    pairs = [("--ink", "--paper"), ("--muted", "--paper"), ("--link", "--paper")]
    pairs += [("--muted", bg) for bg in ("--kept-bg", "--broken-bg", "--unclear-bg")]
    pairs += [(f"--{t}", f"--{t}-bg") for t in ("kept", "broken", "unclear", "plain")]
    pairs += [("--chip-ink", f"--{s}") for s in ("critical", "high", "medium", "low", "info")]
    for ink, paper in pairs:
        assert contrast(theme[ink], theme[paper]) >= 4.5, (ink, paper)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_marks_stand_out_from_their_paper(name):
    palette = PALETTES[name]
    assert contrast(palette.ink, palette.paper) >= 7
    assert contrast(palette.muted, palette.paper) >= 4.5
    for colour in (*palette.series, palette.bad):
        assert contrast(colour, palette.paper) >= (2.0 if name == "light" else 3.0), colour


def test_figures_on_a_dark_page_take_the_dark_palette():
    assert {k: v for k, v in DARK.items() if k.startswith("--fig")} == properties(PALETTES["dark"])


def test_the_sheet_asks_for_nothing_outside():
    assert "url(" not in SHEET
    assert "@import" not in SHEET
