"""The ``workbook`` command.

Exit codes of every subcommand: 0 kept (or done), 1 broken, 2 could not tell; see codes.py for those
that are no verdict.
"""

from audit_lib.cli.app import main

__all__ = ["main"]
