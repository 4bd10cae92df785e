"""Interactive views for JupyterLab: tables that sort and filter, pictures that zoom, a browser.

Nothing here is needed headless.  A kernel that a person uses switches the views on by itself
(entry point ``audit_lib.views``); :func:`browse` is called by hand::

    from audit_lib.lab import browse
    browse(audit)
"""

from audit_lib.lab.browser import browse
from audit_lib.lab.switch import disable, enable

__all__ = ["browse", "disable", "enable"]
