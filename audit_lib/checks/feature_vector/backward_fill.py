from audit_lib.checks.feature_vector.suspicion import SourceSuspicion


class NoBackwardFill(SourceSuspicion):
    """Feature code fills no gap from a later bar.

    What it checks
        No `bfill`, no `ffill` of rows that are turned around, no `interpolate` (in any direction: a
        line between two known bars needs the second) but by steps, no `interp` over gaps, no
        `reindex`, `merge_asof` or `join_asof` that takes the next or the nearest row, no resampled
        bar that is labelled at its beginning and carried on from there; in pandas and polars.
    Why it matters
        The gap is filled with a price that was not known then. It shows only beside gaps, so most
        tests on clean data pass.
    How
        Walks the syntax trees of the subsystem and of files that build features, once for all such
        checks; tests are left out, and so is code whose definition or variable says that it makes
        labels, which must look ahead. What is made is followed over names, fields, columns,
        arguments and answers to the columns that hold it: a label that a served column is made of
        counts too. Where the features can be driven, the measured influence of these columns
        decides: HIGH if one reads ahead, INFO if none does. What nobody could measure is told, and
        leaves the check not assessed.
    Limitations
        A backward fill on data that are never missing leaks nothing; the probe then clears it with
        gaps of its own making.
    Remediation
        Fill forward, or leave the gap missing.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9).
    """

    code = "FEA112"
    kind = "backward fill"
    right = "fills from earlier bars only"
