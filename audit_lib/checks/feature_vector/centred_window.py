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
    Limitations
        Filters with other names are not known; the probe needs none.
    Remediation
        Use trailing windows or one-sided filters.
    """

    code = "FEA113"
    kind = "centred window"
    right = "trailing windows"
