"""The ``workbook`` command.

Exit codes of every subcommand: 0 kept (or done), 1 broken, 2 could not tell or bad usage.
"""

from audit_lib.cli.app import main

__all__ = ["main"]
