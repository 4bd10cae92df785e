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
    Limitations
        A backward fill on data that are never missing leaks nothing; the probe then clears it with
        gaps of its own making.
    Remediation
        Fill forward, or leave the gap missing.
    """

    code = "FEA112"
    kind = "backward fill"
    right = "fills from earlier bars only"
