"""Switches the interactive views on and off."""

import importlib.util
import sys

from audit_lib.workbook import display, pictures

_NEEDED = ("itables", "ipympl", "ipywidgets")


def enable() -> None:
    """Show sheets and pictures interactively from here on.

    Where a library for it is not installed, that view stays static and a line says so.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        sys.stderr.write(
            f"static tables and pictures: {', '.join(missing)} not installed"
            " (pip install 'model-audit-workbook[lab]')\n"
        )
        return
    from audit_lib.lab import tables, zoom
    from audit_lib.lab.console import Console as Widgets
    from audit_lib.lab.console import explorer

    tables.prepare()
    display.table_html = tables.interactive_table
    pictures.picture = zoom.zoomable
    display.views |= {
        "console": lambda audit: Widgets(audit).widget,
        "why": explorer,
    }


def disable() -> None:
    """Back to static tables and pictures."""
    display.table_html = display.static_table
    pictures.picture = pictures.still
    display.views.clear()
