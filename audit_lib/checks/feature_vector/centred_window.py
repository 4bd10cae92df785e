"""FEA113."""

from __future__ import annotations

import ast

from audit_lib.checks.feature_vector.suspicion import SourceSuspicion
from audit_lib.probes import leak_patterns


class NoCentredWindow(SourceSuspicion):
    """Feature code uses no window that reaches past its bar.

    What it checks
        No `rolling(center=True)`, no zero-phase or smoothing filter, no convolution that keeps the
        size, no detection of turning points from both sides, no window over rows that are turned
        around, no forward-looking indexer.
    Why it matters
        A smoother that sees both sides knows where the trend turns. Its output looks like a
        wonderfully early indicator.
    How
        Walks the syntax trees of the subsystem and of files that build features; tests are left
        out, and so is code whose definition or variable says that it makes labels, which must look
        ahead. Where the features can be driven, the measured influence decides, of the columns
        that the statement assigns where it names any: HIGH if one reads ahead, INFO if none does.
        What nobody could measure is told, and leaves the check not assessed.
    Limitations
        Filters with other names are not known; the probe needs none.
    Remediation
        Use trailing windows or one-sided filters.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9).
    """

    code = "FEA113"
    right = "trailing windows"

    @staticmethod
    def pattern(node: ast.AST) -> str | None:
        """See :func:`audit_lib.probes.leak_patterns.centred_window`."""
        return leak_patterns.centred_window(node)
