from audit_lib.checks.feature_vector.suspicion import SourceSuspicion


class NoNegativeShift(SourceSuspicion):
    """Feature code shifts no value backwards in time.

    What it checks
        No feature is made with `shift`, `diff`, `pct_change` or `roll` by a negative number, nor by
        a positive one on rows that are turned around or with a `freq` to earlier dates, nor by an
        array that is put back without its first elements (`append(x[1:], nan)`, `y[:-1] = x[1:]`,
        `y[i] = x[i + 1]`, `diff(append=...)`), in pandas, polars or NumPy.
    Why it matters
        A negative shift puts tomorrow's value on today's row: the plainest leak, and the commonest
        one when label code and feature code share a function.
    How
        Walks the syntax trees of the subsystem and of files that build features, once for all such
        checks; tests are left out, and so is code whose definition or variable says that it makes
        labels, which must look ahead. Names, constants and arguments that are negative are followed
        to the shift, across functions. What is made is followed over names, fields, columns,
        arguments and answers to the columns that hold it: a label that a served column is made of
        counts too. Where the features can be driven, the measured influence of these columns
        decides: HIGH if one reads ahead, INFO if none does. What nobody could measure is told, and
        leaves the check not assessed.
    Limitations
        A shift by a number that is worked out is not seen; the probe sees it. Names tell labels
        from features, so a label made in a function called `features` is reported.
    Remediation
        Shift by a positive number, or move label code to a function named for it.
    """

    code = "FEA111"
    kind = "negative shift"
    right = "shifts forward only"
