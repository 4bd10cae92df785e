from audit_lib.checks.feature_vector.suspicion import SourceSuspicion


class NoGlobalStatistic(SourceSuspicion):
    """Feature code uses no statistic of the whole sample.

    What it checks
        No `(x - x.mean()) / x.std()`, no min-max, `zscore` or `rank` over time, no `qcut`, clip,
        winsorising or comparison at quantiles of everything, no components of everything (`PCA`,
        `svd`, eigenvectors of a covariance), no statistic of all rows of an asset or a season by
        `groupby(...).transform`. What is right in a report counts where it goes into a column:
        `x - x.mean()`, `x / x.max()`, `x.fillna(x.mean())`, `x / x.iloc[-1]`, scalers and clusters
        that are fitted on what they answer for.
    Why it matters
        Mean and spread of the whole sample contain the test period, and change with every new bar,
        so that live values differ from those of training.
    Limitations
        A statistic over assets at one date is fine and left out where the text tells: `axis=1`, a
        variable called `row`, what is applied to `groupby(...)` of a key called date, day, time
        or the like, or to `rolling(...)`. So is what the text says to be earlier (`x_train`,
        `past`). In groups by hand it does not, and the probe decides.
    Remediation
        Use rolling or expanding statistics, or fit a scaler inside each fold.
    """

    code = "FEA114"
    kind = "global statistic"
    right = "statistics of earlier bars"
    one_date_may = True
