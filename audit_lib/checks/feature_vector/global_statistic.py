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
    How
        Walks the syntax trees of the subsystem and of files that build features, once for all such
        checks; tests are left out, and so is code whose definition or variable says that it makes
        labels, which must look ahead. What is made is followed over names, fields, columns,
        arguments and answers to the columns that hold it: a label that a served column is made of
        counts too. Where the features can be driven, the measured influence of these columns
        decides: HIGH if one reads ahead, INFO if none does. What nobody could measure is told, and
        leaves the check not assessed.
    Limitations
        A statistic over assets at one date is fine and left out where the text tells: `axis=1`, a
        variable called `row`, what is applied to `groupby(...)` of a key called date, day, time
        or the like, or to `rolling(...)`. So is what the text says to be earlier (`x_train`,
        `past`). In groups by hand it does not, and the probe decides.
    Remediation
        Use rolling or expanding statistics, or fit a scaler inside each fold.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.2; Kapoor and
        Narayanan (2023), Leakage and the reproducibility crisis, Patterns 4(9).
    """

    code = "FEA114"
    kind = "global statistic"
    right = "statistics of earlier bars"
    one_date_may = True
