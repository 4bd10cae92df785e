"""Sheets as tables that sort, filter and page in the browser, with the library in the notebook."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from audit_lib.model import Outcome, Severity, Verdict
from audit_lib.workbook.display import TONED, TONES, Sheet, static_table, toned
from audit_lib.workbook.sheets import words

if TYPE_CHECKING:
    import pandas as pd

#: rows up to which a static table shows all at a glance, and rows of a page
_FEW = 15
_WIDE = ("what", "property", "why")
#: columns whose words have an order of their own, worst first
_ORDERED = {
    "severity": [s.label for s in reversed(Severity)],
    "outcome": [words(Outcome(o)) for o in ("fail", "error", "not_assessed", "pass")],
    "verdict": [v.value for v in (Verdict.BROKEN, Verdict.INCONCLUSIVE, Verdict.KEPT)],
}


def prepare() -> None:
    """Put the table library into the notebook, so that nothing is fetched from outside."""
    from itables import init_notebook_mode

    init_notebook_mode(all_interactive=False, connected=False)


def interactive_table(sheet: Sheet) -> str:
    """A sheet as an interactive table; a static one where there is little to sort.

    Cells are data, never markup.
    """
    if sheet.record or len(sheet.rows) <= _FEW:
        return static_table(sheet)
    from itables import JavascriptFunction, to_html_datatable

    coloured = [i for i, c in enumerate(sheet.columns) if c in TONED]
    colours = json.dumps({word: toned(colour) for word, (_, colour) in TONES.items()})
    tone = JavascriptFunction(
        f"function (td) {{ const colour = {colours}[td.textContent.trim()];"
        " if (colour) { td.style.color = colour; td.style.fontWeight = 600; } }"
    )

    return to_html_datatable(
        _ranked(sheet),
        connected=False,
        allow_html=False,
        showIndex=False,
        order=[],
        maxBytes=0,
        classes="display compact",
        style="width:100%;max-width:100%",
        pageLength=_FEW,
        lengthMenu=[_FEW, 50, 200],
        layout={"topStart": "search", "topEnd": "searchBuilder", "bottom2Start": "buttons"},
        buttons=["copyHtml5", "csvHtml5"],
        columnDefs=[
            {"className": "dt-left", "targets": "_all"},
            {"targets": coloured, "createdCell": tone},
            *({"width": "34%", "targets": i} for i, c in enumerate(sheet.columns) if c in _WIDE),
        ],
    )


def _ranked(sheet: Sheet) -> pd.DataFrame:
    import pandas as pd

    frame = sheet.frame
    for column, order in _ORDERED.items():
        if column in frame:
            categories = [*order, *(v for v in frame[column].dropna().unique() if v not in order)]
            frame[column] = pd.Categorical(frame[column], categories=categories, ordered=True)
    return frame
