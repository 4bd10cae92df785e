import io

import pytest
from rich.spinner import Spinner
from rich.text import Text

from audit_lib.reporters.screen import Screen, one_row

TOLD = "frame of 4800 rows × 14 columns (change_1, change_5, momentum_21, momentum_63, …)"


def entry(told, *, terminal, width=60):
    file = io.StringIO()
    screen = Screen(file=file, force_terminal=terminal, width=width, color_system=None)
    screen.print_entry(Text("good    features.build      "), told, Text("0.81 s"))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_through_a_pipe_an_entry_is_one_line():
    assert entry(TOLD, terminal=False) == [f"good    features.build      {TOLD}  0.81 s"]


def test_on_a_terminal_what_does_not_fit_stands_below_its_head():
    head, *told = entry(TOLD, terminal=True)
    assert head == "good    features.build  0.81 s"
    assert all(line.startswith(" " * 8) and len(line) <= 60 for line in told)
    assert " ".join(line.strip() for line in told) == TOLD


def test_on_a_terminal_what_fits_stays_on_its_line():
    assert entry("True", terminal=True) == ["good    features.build      True  0.81 s"]


@pytest.mark.parametrize("length", [10, 200])
def test_what_is_redrawn_in_place_never_wraps(length):
    file = io.StringIO()
    screen = Screen(file=file, force_terminal=True, width=60, color_system=None)
    screen.print(Spinner("dots", text=one_row("x" * length)))
    (line,) = file.getvalue().splitlines()
    assert line.rstrip().endswith("x" if length < 60 else "…")
    assert line.count("x") == min(length, 57), "the mark, a space and the ellipsis take three"
