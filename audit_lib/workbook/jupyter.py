"""How the workbook behaves in an IPython shell: short errors, and views others plug in."""

import os
import sys
from importlib.metadata import entry_points
from typing import Any

from audit_lib.errors import AuditError, NotApplicable, NotAssessed

#: entry points that switch on richer views where a person is looking
VIEWS = "audit_lib.views"


def prepare_shell() -> None:
    """Show our own errors as a message without a traceback; switch on interactive views."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return
    shell.set_custom_exc((AuditError, NotAssessed, NotApplicable), _short)
    if interactive():
        for point in entry_points(group=VIEWS):
            point.load()()


def interactive() -> bool:
    """True where a person looks on: a Jupyter server or an editor started the kernel."""
    if os.environ.get("AUDIT_HEADLESS"):
        return False
    return bool(os.environ.get("JPY_SESSION_NAME") or os.environ.get("VSCODE_PID"))


def _short(shell: Any, kind: Any, error: Any, trace: Any, tb_offset: Any = None) -> list[str]:
    lines = [f"{kind.__name__}: {error}"]
    shell._showtraceback(kind, error, lines)
    return lines
