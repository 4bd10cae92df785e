"""FEA114."""

from __future__ import annotations

import ast

from audit_lib.checks.feature_vector.suspicion import SourceSuspicion
from audit_lib.probes import leak_patterns


class NoGlobalStatistic(SourceSuspicion):
    """Feature code uses no statistic of the whole sample.

    What it checks
        No `(x - x.mean()) / x.std()`, no min-max, `zscore` or `rank` over time, no `qcut`, clip,
        winsorising or comparison at quantiles of everything, no components of everything (`PCA`,
        `svd`, eigenvectors of a covariance), no statistic of all rows of an asset by
        `groupby(...).transform`.
    Why it matters
        Mean and spread of the whole sample contain the test period, and change with every new bar,
        so that live values differ from those of training.
    How
        Walks the syntax trees of the subsystem and of files that build features; tests are left
        out, and so is code whose definition or variable says that it makes labels, which must look
        ahead. Where the features can be driven, the measured influence decides, of the columns
        that the statement assigns where it names any: HIGH if one reads ahead, INFO if none does.
        What nobody could measure is told, and leaves the check not assessed.
    Limitations
        A statistic over assets at one date is fine and left out where the text tells: `axis=1`, a
        variable called `row`, what is applied to `groupby(...)` of a key called date, day, time
        or the like. So is what the text says to be earlier (`x_train`, `past`). Inside
        `rolling(...).apply` and in groups by hand it does not, and the probe decides.
    Remediation
        Use rolling or expanding statistics, or fit a scaler inside each fold.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9).
    """

    code = "FEA114"
    right = "statistics of earlier bars"
    one_date_may = True

    @staticmethod
    def pattern(node: ast.AST) -> str | None:
        """See :func:`audit_lib.probes.leak_patterns.global_statistic`."""
        return leak_patterns.global_statistic(node)
