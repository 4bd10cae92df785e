"""Tables on standard output: fitted to a terminal, one line a row elsewhere."""

import sys
from collections.abc import Mapping, Sequence

from rich.table import Table
from rich.text import Text

from audit_lib.cli.output import echo, emit
from audit_lib.reporters.screen import Screen, rendered

Cell = str | Text


def print_table(rows: Sequence[Mapping[str, Cell]], *, right: Sequence[str] = ()) -> None:
    """Print rows of equal keys as a table with a heading; ``none`` where there are none."""
    if not rows:
        echo("none")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in rows[0]:
        table.add_column(column, overflow="fold", justify="right" if column in right else "left")
    for row in rows:
        # As it is: a name such as pricing.price[heston] is no markup.
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row.values()))
    if sys.stdout.isatty():
        Screen().print(table)
        return
    emit(rendered([table], 0), "console")
