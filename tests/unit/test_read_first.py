"""What a run names first: entries for a person, whole lines for a pipe."""

import io
from types import SimpleNamespace

import made_up
from rich.console import Console

from audit_lib.cli.finish import FIRST, _first_things


def said(*, terminal: bool) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=terminal, no_color=True, highlight=False)
    outcome = SimpleNamespace(job=SimpleNamespace(version="v1"), results=made_up.tasks())
    _first_things([outcome], console)
    return file.getvalue().splitlines()


def test_through_a_pipe_each_finding_is_one_line_with_its_version():
    lines = [line for line in said(terminal=False) if line.startswith("v1  ")]
    assert len(lines) == FIRST + 1
    assert max(map(len, lines)) > 80  # not wrapped
    assert lines[-1].endswith("more in the packet")


def test_a_person_is_not_sent_to_run_the_audit_again():
    lines = said(terminal=True)
    assert max(map(len, lines)) <= 100  # with codes of colour
    assert not [line for line in lines if "with | cat" in line]
