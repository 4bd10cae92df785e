from __future__ import annotations

import importlib.util
import re
import types

import made_up
import pytest
from IPython.core.interactiveshell import InteractiveShell

from audit_lib.lab import disable, enable
from audit_lib.model import Evidence, Severity, View
from audit_lib.workbook import display, jupyter, pictures
from audit_lib.workbook.display import Sheet, static_table

LANES = (("fold 1", 0, 10, "train"), ("fold 1", 8, 20, "test"))
FOLDS = Evidence("f", "Folds", ("lane", "start", "end", "kind"), LANES, View.TIMELINE, "In bars.")


def sheet(rows: int, text: str = "x") -> Sheet:
    words = [s.label for s in Severity]
    return Sheet("t", ("severity", "what"), tuple((words[i % 5], text) for i in range(rows)))


# --- switching --------------------------------------------------------------------------------
def test_enable_and_disable_swap_tables_and_pictures() -> None:
    enable()
    assert display.table_html is not static_table
    assert pictures.picture is not pictures.still

    disable()
    assert display.table_html is static_table
    assert pictures.picture is pictures.still


def test_without_the_libraries_everything_stays_static_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "itables" else find(name)
    )

    enable()

    assert display.table_html is static_table
    assert "itables not installed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"JPY_SESSION_NAME": "/x/T1.ipynb"}, True),
        ({"JPY_SESSION_NAME": "/x/T1.ipynb", "AUDIT_HEADLESS": "1"}, False),
    ],
)
def test_views_are_switched_on_only_where_a_person_looks(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: bool
) -> None:
    for name in ("JPY_SESSION_NAME", "AUDIT_HEADLESS", "VSCODE_PID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    loaded = []
    point = types.SimpleNamespace(load=lambda: lambda: loaded.append("on"))
    monkeypatch.setattr(jupyter, "entry_points", lambda group: [point] * (group == jupyter.VIEWS))
    InteractiveShell.instance()
    try:
        jupyter.prepare_shell()
    finally:
        InteractiveShell.clear_instance()

    assert loaded == (["on"] if expected else [])


# --- tables -----------------------------------------------------------------------------------
def test_a_long_table_becomes_interactive_and_a_short_one_or_a_record_does_not() -> None:
    enable()

    assert "dt_args" in sheet(30)._repr_html_()
    assert "dt_args" not in sheet(15)._repr_html_()
    assert "dt_args" not in Sheet("t", ("", "x"), (("a", "b"),) * 9, record=True)._repr_html_()


@pytest.mark.parametrize("text", made_up.HOSTILE)
def test_cells_of_an_interactive_table_are_data(text: str) -> None:
    enable()

    page = sheet(30, text)._repr_html_()

    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "<svg onload" not in page


def test_an_interactive_table_fetches_nothing() -> None:
    enable()

    page = sheet(30)._repr_html_()

    assert re.findall(r"""(?:src|href|from)\s*=?\s*["'](?:https?:)?//""", page) == []


def test_severities_sort_by_rank_not_by_letter() -> None:
    from audit_lib.lab.tables import _ranked

    ordered = _ranked(sheet(10)).sort_values("severity")["severity"].unique().tolist()

    assert ordered == ["critical", "high", "medium", "low", "info"]


def test_words_keep_their_colours() -> None:
    enable()

    assert "#a40e26" in sheet(30)._repr_html_()


def test_every_row_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    enable()

    page = Sheet("t", ("n",), tuple((f"row {i:05}",) for i in range(3000)))._repr_html_()

    assert "row 00000" in page
    assert "row 02999" in page


# --- pictures ---------------------------------------------------------------------------------
def test_a_picture_gets_a_canvas_that_draws_the_same() -> None:
    enable()
    part = pictures.picture(FOLDS)

    canvas = part.canvas()

    assert repr(part) == "[picture: Folds. In bars.]"
    assert canvas.figure.axes[0].has_data()
    assert canvas.manager.canvas is canvas


def test_a_plain_table_gets_none() -> None:
    enable()

    assert pictures.picture(Evidence("t", "T", ("a",), ((1,),))) is None
