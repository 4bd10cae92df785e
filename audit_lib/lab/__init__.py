"""Interactive views for JupyterLab: tables that sort and filter, pictures that zoom, a console.

Nothing here is needed headless.  A kernel that a person uses switches the views on by itself
(entry point ``audit_lib.views``); the console is also called by hand::

    from audit_lib import console
    console("reference_engine", "2020-12")
"""

from audit_lib.lab.console import console
from audit_lib.lab.switch import disable, enable

__all__ = ["console", "disable", "enable"]
