"""Exit codes that are no verdict; verdicts have 0 kept, 1 broken, 2 could not tell.

A pipeline must be able to tell "the model could not be judged" from "the command was misspelt" and
from "the workbook crashed".  3 and 4 are what pytest uses for the same two things.
"""

from collections.abc import Iterable

from audit_lib.cli.output import echo
from audit_lib.model import Verdict, worst_verdict

FAULT = 3
"""the workbook itself failed"""
USAGE = 4
"""bad usage: an option, a file or a parameter that does not fit"""
INTERRUPTED = 130
"""stopped from the keyboard, as shells number it; other signals have 128 and their number"""
PIPE = 141
"""whoever read the output went away before it was written, as shells number it"""


def worst_code(verdicts: Iterable[Verdict | None], *, allow_inconclusive: bool) -> int:
    """Exit code of the worst verdict; what has none could not be told."""
    worst = worst_verdict(verdict or Verdict.INCONCLUSIVE for verdict in verdicts)
    return code_of(worst, allow_inconclusive=allow_inconclusive)


def code_of(verdict: Verdict, *, allow_inconclusive: bool) -> int:
    """Exit code of a verdict; says so where an inconclusive one is let through."""
    if allow_inconclusive and verdict is Verdict.INCONCLUSIVE:
        echo("inconclusive, which --allow-inconclusive lets through", err=True)
        return 0
    return verdict.exit_code
