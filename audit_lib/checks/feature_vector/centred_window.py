from audit_lib.checks.feature_vector.suspicion import SourceSuspicion


class NoCentredWindow(SourceSuspicion):
    """Feature code uses no window that reaches past its bar.

    What it checks
        No `rolling(center=True)`, no zero-phase or smoothing filter, no convolution that keeps the
        size, no detection of turning points from both sides, no window or running extreme over rows
        that are turned around, no spectrum cut and put back, no forward-looking indexer.
    Why it matters
        A smoother that sees both sides knows where the trend turns. Its output looks like a
        wonderfully early indicator.
    How
        Walks the syntax trees of the subsystem and of files that build features, once for all such
        checks; tests are left out, and so is code whose definition or variable says that it makes
        labels, which must look ahead. What is made is followed over names, fields, columns,
        arguments and answers to the columns that hold it: a label that a served column is made of
        counts too. Where the features can be driven, the measured influence of these columns
        decides: HIGH if one reads ahead, INFO if none does. What nobody could measure is told, and
        leaves the check not assessed.
    Limitations
        Filters with other names are not known; the probe needs none.
    Remediation
        Use trailing windows or one-sided filters.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9).
    """

    code = "FEA113"
    kind = "centred window"
    right = "trailing windows"
