"""FEA111."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from audit_lib.checks.feature_vector.suspicion import SourceSuspicion
from audit_lib.probes import later_rows
from audit_lib.probes.shift_flow import negative_by_name
from audit_lib.probes.suspicions import Hit
from audit_lib.subject.subject import Subject


class NoNegativeShift(SourceSuspicion):
    """Feature code shifts no value backwards in time.

    What it checks
        No feature is made with `shift`, `diff`, `pct_change` or `roll` by a negative number, nor by
        an array that is put back without its first elements (`append(x[1:], nan)`,
        `y[:-1] = x[1:]`), in pandas, polars or NumPy.
    Why it matters
        A negative shift puts tomorrow's value on today's row: the plainest leak, and the commonest
        one when label code and feature code share a function.
    How
        Walks the syntax trees of the subsystem and of files that build features; tests are left
        out, and so is code whose definition or variable says that it makes labels, which must look
        ahead; a column that a list of features names is none of these. Names, constants and
        arguments that are negative are followed to the shift, across functions. Where the features
        can be driven, the measured influence decides, of the columns that the statement assigns
        where it names any: HIGH if one reads ahead, INFO if none does. What nobody could measure is
        told, and leaves the check not assessed.
    Limitations
        A shift by a number that is worked out is not seen; the probe sees it. Names tell labels
        from features, so a label made in a function called `features` is reported.
    Remediation
        Shift by a positive number, or move label code to a function named for it.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9).
    """

    code = "FEA111"
    right = "shifts forward only"

    @staticmethod
    def pattern(node: ast.AST) -> str | None:
        """See :func:`audit_lib.probes.later_rows.negative_shift`."""
        return later_rows.negative_shift(node)

    def more(self, subject: Subject) -> Iterator[Hit]:
        """See :func:`audit_lib.probes.shift_flow.negative_by_name`."""
        yield from negative_by_name(subject)
