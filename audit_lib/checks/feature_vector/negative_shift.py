from audit_lib.checks.feature_vector.suspicion import SourceSuspicion


class NoNegativeShift(SourceSuspicion):
    """Feature code shifts no value backwards in time.

    What it checks
        No feature is made with `shift`, `diff`, `pct_change` or `roll` by a negative number, nor by
        a positive one on rows that are turned around or with a `freq` to earlier dates, nor by an
        array that is put back without its first elements (`append(x[1:], nan)`, `y[:-1] = x[1:]`,
        `y[i] = x[i + 1]`, `diff(append=...)`), in pandas, polars or NumPy. Names, constants and
        arguments that are negative are followed to the shift, across functions.
    Why it matters
        A negative shift puts tomorrow's value on today's row: the plainest leak, and the commonest
        one when label code and feature code share a function.
    Limitations
        A shift by a number that is worked out is not seen; the probe sees it. Names tell labels
        from features, so a label made in a function called `features` is reported.
    Remediation
        Shift by a positive number, or move label code to a function named for it.
    """

    code = "FEA111"
    kind = "negative shift"
    right = "shifts forward only"
