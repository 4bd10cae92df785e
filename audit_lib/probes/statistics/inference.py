"""Statistics with stated error rates: intervals, calibration error, tests over clustered rows.

Rows of one date move together, so wherever dates are known they are drawn and weighted whole.
All randomness comes from a generator that the caller seeds.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy  # its parts are imported where they are used

from audit_lib.arrays import Floats, Integers
from audit_lib.probes.statistics.clusters import Clusters


def clopper_pearson(hits: int, count: int, level: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval of a binomial share.

    Source: Clopper and Pearson (1934), Biometrika 26.
    """
    tail = (1 - level) / 2
    low = 0.0 if hits == 0 else float(scipy.special.betaincinv(hits, count - hits + 1, tail))
    high = (
        1.0 if hits == count else float(scipy.special.betaincinv(hits + 1, count - hits, 1 - tail))
    )
    return low, high


def codes_of(groups: npt.ArrayLike | None, count: int) -> Integers:
    """Number of the group of each row; every row its own group where there are none."""
    if groups is None:
        return np.arange(count, dtype=np.int64)
    return np.unique(np.asarray(groups), return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True)
class CalibrationError:
    """Largest cumulative difference between outcomes and probabilities, and its band.

    Attributes:
        error: max over x of |mean((y - p) 1[p <= x])|; 0 for a calibrated map, at most 1.
        band: half width of the interval at the level asked for.
        rows, groups: sample size, in rows and in independent groups.
    """

    error: float
    band: float
    rows: int
    groups: int

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return max(0.0, self.error - self.band)

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return min(1.0, self.error + self.band)


def calibration_error(
    probabilities: Floats,
    outcomes: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    groups: npt.ArrayLike | None = None,
    horizon: int = 1,
    level: float = 0.999,
    draws: int = 1999,
) -> CalibrationError:
    """Calibration error without bins, with an interval from a wild cluster bootstrap.

    The true error differs from the measured one by at most the largest excursion of the noise
    process, whose quantile is found by giving each group's residuals a random sign.

    Args:
        probabilities: shape (n,), within [0, 1].
        outcomes: 0 or 1, shape (n,).
        groups: date of each row, or an index with one; None: all rows independent.
        horizon: bars that an outcome spans: rows of neighbouring dates depend on each other, too.
        level: of the two-sided interval.
        draws: random signs; at least ten times 1 / (1 - level) is sensible.

    Source: Gupta et al. (2021), Calibration of Neural Networks using Splines, ICLR (the error);
        Arrieta-Ibarra et al. (2022), Metrics of Calibration for Probabilistic Predictions, JMLR 23
        (cumulative differences); Cameron, Gelbach and Miller (2008), Bootstrap-Based Improvements
        for Inference with Clustered Errors (the signs).
    """
    order = np.argsort(probabilities, kind="stable")
    residual = (np.asarray(outcomes, dtype=np.float64) - probabilities)[order]
    clusters = Clusters.of(groups, horizon, rows=len(residual))
    codes, count = clusters.codes[order], clusters.count
    last = np.append(np.diff(probabilities[order]) > 0, True)
    error = float(np.abs(np.cumsum(residual)[last]).max() / len(residual))
    worst = np.empty(draws)
    chunk = max(1, 2_000_000 // len(residual))
    for start in range(0, draws, chunk):
        size = min(chunk, draws - start)
        signs = rng.choice(np.array([-1.0, 1.0]), size=(size, count))
        paths = np.cumsum(signs[:, codes] * residual, axis=1)[:, last]
        worst[start : start + size] = np.abs(paths).max(axis=1)
    band = float(np.quantile(worst, level) / len(residual)) * clusters.inflation(level)
    return CalibrationError(error, band, len(residual), count)


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin of a reliability curve; ``low`` and ``high`` hold the observed share's interval."""

    predicted: float
    observed: float
    low: float
    high: float
    count: int


def reliability(probabilities: Floats, outcomes: npt.ArrayLike) -> list[ReliabilityBin]:
    """Reliability curve over ten bins of equal count; equal probabilities share a bin."""
    observed = np.asarray(outcomes, dtype=np.float64)
    edges = np.unique(np.quantile(probabilities, np.linspace(0, 1, 11)[1:-1]))
    which = np.searchsorted(edges, probabilities, side="left")
    bins = []
    for k in np.unique(which):
        inside = which == k
        count, hits = int(inside.sum()), int(observed[inside].sum())
        low, high = clopper_pearson(hits, count, 0.95)
        mean = float(probabilities[inside].mean())
        bins.append(ReliabilityBin(mean, hits / count, low, high, count))
    return bins


def mean_interval(
    values: Floats, groups: npt.ArrayLike | None, level: float = 0.99
) -> tuple[float, float, float, int]:
    """Mean, interval and number of groups, robust to dependence within groups (Student's t).

    Source: Liang and Zeger (1986), Biometrika 73.
    """
    codes = codes_of(groups, len(values))
    count = int(codes.max()) + 1
    mean = float(values.mean())
    if count < 2:
        return mean, -np.inf, np.inf, count
    sums = np.bincount(codes, values - mean)
    error = float(np.sqrt((sums**2).sum() * count / (count - 1)) / len(values))
    reach = float(scipy.special.stdtrit(count - 1, 0.5 + level / 2)) * error
    return mean, mean - reach, mean + reach, count


@dataclass(frozen=True)
class Change:
    """Mean of later rows against that of earlier ones of the same series.

    Attributes:
        early, late: means.
        half: half width of the interval of their difference.
        blocks: blocks of consecutive dates in each part; ``dates``: the fewest dates of one.
    """

    early: float
    late: float
    half: float
    blocks: int
    dates: int


def change_between(early: Floats, late: Floats, *, blocks: int, level: float) -> Change:
    """How far a mean moved from one stretch of time to the next, from a few long blocks of each.

    Blocks are as long as the data allow, since what is shared by neighbouring dates (labels that
    overlap, volatility that comes in clusters) must die away within one.  Their means are then
    few, nearly independent and of unlike variance, which Student's t with one degree of freedom
    less than there are blocks in a part allows for.  The early part's error counts as well: what
    was calibrated in a calm or wild stretch is judged by how much stretches differ.

    Args:
        early, late: shape (dates,): one value a date, in the order of time.
        blocks: in each part.
        level: of the two-sided interval.

    Source: Ibragimov and Mueller (2010), t-Statistic Based Correlation and Heterogeneity Robust
        Inference, Journal of Business and Economic Statistics 28(4); (2016), Inference with Few
        Heterogeneous Clusters, Review of Economics and Statistics 98(1) (two parts).
    """
    parts = [np.array_split(values, blocks) for values in (early, late)]
    means = np.array([[float(block.mean()) for block in part] for part in parts])
    error = float(np.sqrt(means.var(axis=1, ddof=1).sum() / blocks))
    half = float(scipy.special.stdtrit(blocks - 1, 0.5 + level / 2)) * error
    shortest = min(len(block) for part in parts for block in part)
    return Change(float(early.mean()), float(late.mean()), half, blocks, shortest)


def deflated_sharpe(
    sharpe: float,
    observations: int,
    trials: int,
    trial_deviation: float,
    *,
    skew: float = 0.0,
    kurtosis: float = 3.0,
) -> float:
    """Probability that the true Sharpe ratio is positive, given how many were tried.

    Args:
        sharpe: of the chosen trial, per observation (not annualised).
        observations: returns behind it.
        trials: independent configurations that were tried.
        trial_deviation: standard deviation of the trials' Sharpe ratios, per observation.
        skew, kurtosis: of the returns; 3 for a normal law.

    Source: Bailey and Lopez de Prado (2014), The Deflated Sharpe Ratio, Journal of Portfolio
        Management 40(5), equations 1 and 2.
    """
    euler = 0.5772156649015329
    luck = 0.0
    if trials > 1:
        high = float(scipy.special.ndtri(1 - 1 / trials))
        higher = float(scipy.special.ndtri(1 - 1 / (trials * np.e)))
        luck = trial_deviation * ((1 - euler) * high + euler * higher)
    kurtosis = max(kurtosis, 1 + skew**2)  # no law has less, and the spread stays positive
    spread = 1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2
    return float(scipy.special.ndtr((sharpe - luck) * np.sqrt(observations - 1) / np.sqrt(spread)))


@dataclass(frozen=True)
class Overfitting:
    """Probability of backtest overfitting, beside what exchangeable trials give.

    Attributes:
        probability: share of splits in which the best of one half is below the median of the other.
        p_value: share of shuffles whose probability is at least as high (one-sided, at most 1).
        power: share of shuffles, each of whose trials gives back all that it earned more than the
            others, with a p value of at most the level that is asked for.
        splits: combinations of blocks behind it.
    """

    probability: float
    p_value: float
    power: float
    splits: int


def backtest_overfitting(
    returns: Floats,
    rng: np.random.Generator,
    *,
    blocks: int = 12,
    draws: int = 199,
    level: float = 0.01,
) -> Overfitting:
    """Probability of backtest overfitting, with a permutation test against exchangeable trials.

    Trials among which a choice neither helps nor harms give values all around one half, so a bare
    value above it tells nothing.  Shuffling the trials within each block of time makes them
    exchangeable and keeps how they move together; a value that few shuffles reach says that what
    is best in one half is reliably worse in the other.

    Args:
        returns: shape (observations, trials), in time order.
        blocks: even number of blocks that are combined.
        draws: shuffles; in the first 60 the fault is planted, which tells the power.
        level: p value that counts.

    Source: Bailey, Borwein, Lopez de Prado and Zhu (2017), The Probability of Backtest
        Overfitting, Journal of Computational Finance 20(4); Phipson and Smyth (2010), Permutation
        P-values Should Never Be Zero (the p value).
    """
    from itertools import combinations

    parts = np.array_split(returns, blocks)
    totals = np.array([p.sum(axis=0) for p in parts])
    squares = np.array([(p**2).sum(axis=0) for p in parts])
    sizes = np.array([len(p) for p in parts], dtype=np.float64)
    chosen = list(combinations(range(blocks), blocks // 2))
    halves = np.zeros((len(chosen), blocks))
    halves[np.arange(len(chosen))[:, None], np.array(chosen)] = 1.0
    probability = _overfitting(totals, squares, sizes, halves)
    shuffled, faulty = np.empty(draws), np.empty(min(60, draws))
    rows, each = np.arange(blocks)[:, None], sizes[:, None]
    for k in range(draws):
        order = rng.permuted(np.tile(np.arange(returns.shape[1]), (blocks, 1)), axis=1)
        sums, powers = totals[rows, order], squares[rows, order]
        shuffled[k] = _overfitting(sums, powers, sizes, halves)
        if k < len(faulty):
            mean = sums.sum(axis=0) / sizes.sum()
            mean = mean - mean.mean()
            powers = powers - 2 * mean * sums + each * mean**2
            faulty[k] = _overfitting(sums - each * mean, powers, sizes, halves)
    reached = (shuffled >= np.append(faulty, probability)[:, None] - 1e-12).sum(axis=1)
    p_values = (1 + reached) / (1 + draws)
    seen = (faulty > 0.5) & (p_values[:-1] <= level)
    return Overfitting(probability, float(p_values[-1]), float(seen.mean()), len(chosen))


def _overfitting(totals: Floats, squares: Floats, sizes: Floats, halves: Floats) -> float:
    """Share of the splits, rows of ``halves``, in which the best inside is below the median."""
    inside = _sharpes(halves @ totals, halves @ squares, halves @ sizes)
    outside = _sharpes((1 - halves) @ totals, (1 - halves) @ squares, (1 - halves) @ sizes)
    chosen = outside[np.arange(len(halves)), inside.argmax(axis=1)][:, None]
    below, equal = (outside < chosen).sum(axis=1), (outside == chosen).sum(axis=1)
    rank = below + (equal + 1) / 2
    return float((rank / (outside.shape[1] + 1) <= 0.5).mean())


def _sharpes(totals: Floats, squares: Floats, sizes: Floats) -> Floats:
    """Sharpe ratios, shape (splits, trials), from sums over the blocks of each split."""
    mean = totals / sizes[:, None]
    variance = squares / sizes[:, None] - mean**2
    return np.asarray(mean / np.sqrt(np.maximum(variance, 1e-300)))
