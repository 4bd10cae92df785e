"""False alarms of the checks that measure or test, on clean data over many seeds.

    python benchmarks/error_rates.py [--seeds 1000] [--only PROBE ...]

Each line is one check or probe on data that keep its promise: runs that accused, and the rate that
its page states.  Ends with an error where more runs accused than the stated rate explains (p below
one in 10,000).  A thousand seeds take a few minutes of one core.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pandas as pd
from scipy import stats

from audit_lib.checks.calibration.domain import CalibratorServesTheScoresItKnows
from audit_lib.checks.calibration.error import ProbabilitiesMatchOutcomes
from audit_lib.checks.calibration.learns import CalibratorLearnsTheFrequency
from audit_lib.checks.conformal.coverage import IntervalsCoverWhatTheyPromise
from audit_lib.checks.conformal.over_time import IntervalsCoverLaterRows
from audit_lib.checks.drift.cusum_detects import CusumDetectsShifts
from audit_lib.checks.drift.psi_relations import PsiMeasuresDrift
from audit_lib.checks.splits.overfit_gap import SkillSurvivesOutOfSample
from audit_lib.model import Finding, Location, Severity
from audit_lib.probes.influence import measure_influence
from audit_lib.probes.scored import Scored
from audit_lib.probes.statistics import backtest_overfitting, deflated_sharpe

Test = Callable[[int], bool]


# --- probes: no false alarm at all --------------------------------------------------------------
def market(seed: int, assets: int, bars: int) -> pd.DataFrame:
    """Closes and volumes of random walks, with a few bars missing."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2020-01-01", periods=bars, freq="B", name="date")
    common = rng.normal(0, 0.007, bars)
    frames = {}
    for i in range(assets):
        close = 100 * np.exp(np.cumsum(common + rng.standard_t(4, bars) * 0.008))
        frame = pd.DataFrame({"close": close, "volume": rng.lognormal(12, 1.0, bars)}, dates)
        frames[f"S{i}"] = frame.drop(frame.index[rng.integers(10, bars - 5, 2)])
    return pd.concat(frames, names=["asset", "date"])


def own_columns(panel: pd.DataFrame) -> pd.DataFrame:
    """Clean columns of each asset by itself; rolling sums and moments leave rounding traces."""
    close, volume = panel["close"], panel["volume"]
    move = close.groupby(level=0).pct_change(fill_method=None)

    def window(values: pd.Series, bars: int) -> Any:
        return values.groupby(level=0).rolling(bars)

    columns = {
        "deviation": window(move, 20).std(),
        "skewness": window(move, 20).skew(),
        "kurtosis": window(volume, 15).kurt(),
        "highest": window(close, 30).max(),
        "mean": window(close, 10).mean(),
    }
    frame = pd.DataFrame({n: c.droplevel(0) for n, c in columns.items()}).assign(move=move)
    fading = close.groupby(level=0).ewm(span=8).mean().droplevel(0)
    return frame.assign(fading=fading / close, signal=(close > frame["mean"]).astype(int))


def across_columns(panel: pd.DataFrame) -> pd.DataFrame:
    """Clean columns that look across the assets of a date."""
    closes = panel["close"].unstack(0)
    moves = closes.pct_change(fill_method=None)
    wide = {
        "rank": moves.rank(axis=1, pct=True),
        "distance": moves.sub(moves.mean(axis=1), axis=0),
        "leader": moves.mul(0.0).add(moves.iloc[:, 0].shift(1), axis=0),
    }
    columns = {n: w.stack(future_stack=True).swaplevel() for n, w in wide.items()}
    return pd.DataFrame(columns).reindex(panel.index)


def influence_alone(seed: int) -> bool:
    """The influence probe where each asset stands alone (FEA101, TGT001)."""
    return bool(measure_influence(own_columns, market(seed, 1, 120), seed=seed, cuts=8).leaking())


def influence_across(seed: int) -> bool:
    """The influence probe where columns look across assets."""
    panel = market(seed, 3, 80)
    return bool(measure_influence(across_columns, panel, seed=seed, cuts=8).leaking())


# --- statistics ---------------------------------------------------------------------------------
def calibration_error(seed: int) -> bool:
    """Calibrated probabilities on 40 dates of 12 assets that share a mood (CAL001)."""
    rng = np.random.default_rng(seed)
    served = np.repeat(rng.beta(6, 6, 40), 12)
    mood = np.repeat(rng.normal(size=40), 12)
    own = rng.normal(size=480)
    outcomes = (stats.norm.cdf(0.5 * mood + np.sqrt(0.75) * own) < served).astype(np.int64)
    rows = Scored(served, outcomes, np.zeros(480, bool), np.repeat(np.arange(40), 12))
    check = ProbabilitiesMatchOutcomes(seed=seed)
    return check.measure(served, rows).low > check.tolerance


def calibration_of_overlapping(seed: int) -> bool:
    """Calibrated probabilities of 20-bar moves, on 600 dates of 4 assets that move together."""
    rng = np.random.default_rng(seed)
    horizon, dates, assets = 20, 600, 4
    common = rng.normal(size=(dates + horizon, 1))
    moves = 0.7 * common + np.sqrt(0.51) * rng.normal(size=(dates + horizon, assets))
    ahead = np.cumsum(moves, axis=0)
    ahead = (ahead[horizon:] - ahead[:-horizon]) / np.sqrt(horizon)
    served = rng.beta(6, 6, (dates, assets))
    outcomes = (stats.norm.cdf(ahead) < served).astype(np.int64).ravel()
    days = np.repeat(np.arange(dates), assets)
    rows = Scored(served.ravel(), outcomes, np.zeros(dates * assets, bool), days)
    check = ProbabilitiesMatchOutcomes(seed=seed)
    return check.measure(served.ravel(), rows, horizon).low > check.tolerance


def calibrator_domain(seed: int) -> bool:
    """Scores of one law on both sides (CAL003)."""
    rng = np.random.default_rng(seed)
    dates = np.repeat(np.arange(60), 4)
    sides = [
        Scored(rng.normal(size=240), np.zeros(240, np.int64), np.full(240, fitted), dates)
        for fitted in (True, False)
    ]
    return bool(CalibratorServesTheScoresItKnows().differences(*sides))


def conformal_over_time(seed: int) -> bool:
    """Exchangeable residuals of labels that overlap for five dates (CNF101)."""
    return falls_short(np.random.default_rng(seed).standard_t(5, 404), horizon=5)


def conformal_in_clusters(seed: int) -> bool:
    """The same under volatility whose half-life is 34 dates: stationary, in clusters (CNF101)."""
    rng = np.random.default_rng(seed)
    mood, moods = 0.0, []
    for shock in rng.normal(0, 0.5 * np.sqrt(1 - 0.98**2), 404):
        mood = 0.98 * mood + shock
        moods.append(mood)
    return falls_short(np.exp(moods) * rng.standard_normal(404), horizon=5)


def falls_short(moves: Any, horizon: int) -> bool:
    """Intervals from the first half's residuals accused on the second's."""
    residuals = np.convolve(moves, np.ones(horizon), mode="valid")
    middle = len(residuals) // 2
    early, late = np.abs(residuals[:middle]), np.abs(residuals[middle + horizon :])
    rank = int(np.ceil((len(early) + 1) * 0.9))
    width = np.sort(early)[rank - 1]
    hits = (pd.Series(part <= width, dtype=np.float64) for part in (early, late))
    return IntervalsCoverLaterRows().falls_short(*hits)


def skill_of_noise(seed: int) -> bool:
    """Folds of a model that fits noise (SPL006)."""
    rng = np.random.default_rng(seed)
    values = np.column_stack([0.05 + rng.normal(0, 0.02, 6), rng.normal(0, 0.02, 6)])
    return bool(SkillSurvivesOutOfSample().departures(values, bound=0.005))


def worthless_trial(seed: int) -> bool:
    """The best of 40 worthless trials stands after deflation (SPL007): it must not."""
    rng = np.random.default_rng(seed)
    returns = rng.normal(size=(500, 40))
    ratios = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    return deflated_sharpe(float(ratios.max()), 500, 40, float(ratios.std(ddof=1))) >= 0.95


def overfitting_of_equals(seed: int) -> bool:
    """Trials of equal worth, correlated (SPL007)."""
    rng = np.random.default_rng(seed)
    returns = rng.normal(size=(240, 8)) + rng.normal(size=(240, 1)) + 0.1
    found = backtest_overfitting(returns, rng, draws=99)
    return found.probability > 0.5 and found.p_value <= 0.01


# --- checks that drive a hook, on a textbook answer ---------------------------------------------
class Textbook:
    """Stands for a subject: one hook, answered by a function over many calls."""

    def __init__(self, answers: Callable[[Sequence[tuple[Any, ...]]], list[Any]]) -> None:
        self.many = answers

    def __call__(self, *arguments: Any) -> Any:
        return self.many([arguments])[0]

    def hook(self, name: str) -> Textbook:
        """The hook, whatever its name."""
        return self

    def where(self, name: str) -> Location:
        """Anywhere."""
        return Location(name)


def accuses(check: Any, subject: Textbook) -> bool:
    """True where the check finds something."""
    found: Iterator[Any] = check.run(subject)
    return any(isinstance(a, Finding) and a.severity > Severity.INFO for a in found)


def conformal_coverage(seed: int) -> bool:
    """Split conformal intervals with the finite-sample rank (CNF002)."""

    def intervals(calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        found = []
        for residuals, predictions, alpha in calls:
            rank = int(np.ceil((len(residuals) + 1) * (1 - alpha)))
            reach = np.sort(np.abs(residuals))[rank - 1] if rank <= len(residuals) else np.inf
            found.append(np.column_stack([predictions - reach, predictions + reach]))
        return found

    return accuses(IntervalsCoverWhatTheyPromise(seed=seed), Textbook(intervals))


def calibrator_learns(seed: int) -> bool:
    """An isotonic map over bins (CAL005)."""
    from sklearn.isotonic import IsotonicRegression

    def answers(calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        found = []
        for scores, outcomes, served in calls:
            which = np.searchsorted(np.quantile(scores, np.linspace(0, 1, 21)[1:-1]), scores)
            x, y = (np.bincount(which, v) / np.bincount(which) for v in (scores, outcomes))
            found.append(IsotonicRegression(out_of_bounds="clip").fit(x, y).predict(served))
        return found

    return accuses(CalibratorLearnsTheFrequency(seed=seed, rows=500), Textbook(answers))


def cusum(seed: int) -> bool:
    """Two-sided CUSUM, slack 0.5, bound 5 (DRF002)."""

    def answers(calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        found: list[Any] = [None] * len(calls)
        lengths = np.array([len(c[0]) for c in calls])
        for length in np.unique(lengths):
            chosen = np.flatnonzero(lengths == length)
            z = np.array([(calls[k][0] - calls[k][1]) / calls[k][2] for k in chosen])
            high, low = np.zeros(len(z)), np.zeros(len(z))
            first = np.full(len(z), -1)
            for bar in range(length):
                high = np.maximum(0.0, high + z[:, bar] - 0.5)
                low = np.maximum(0.0, low - z[:, bar] - 0.5)
                first = np.where((first < 0) & (np.maximum(high, low) > 5), bar, first)
            for k, at in zip(chosen.tolist(), first.tolist(), strict=True):
                found[k] = {"alarm": at >= 0, "at": at if at >= 0 else None}
        return found

    return accuses(CusumDetectsShifts(seed=seed), Textbook(answers))


def psi(seed: int) -> bool:
    """Population stability index over deciles of the reference, with a floor (DRF001)."""

    def one(reference: Any, current: Any) -> float:
        edges = np.unique(np.quantile(reference, np.linspace(0, 1, 11)[1:-1]))
        shares = []
        for sample in (reference, current):
            counts = np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1)
            shares.append(np.maximum(counts / len(sample), 1e-4))
        return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())

    return accuses(PsiMeasuresDrift(seed=seed), Textbook(lambda calls: [one(*c) for c in calls]))


#: name -> test, stated rate of false alarms, most seeds that are worth their time
TESTS: dict[str, tuple[Test, float, int]] = {
    "FEA101 influence, alone": (influence_alone, 0.0, 1000),
    "FEA101 influence, across": (influence_across, 0.0, 1000),
    "CAL001 calibration error": (calibration_error, 0.001, 1000),
    "CAL001 overlapping labels": (calibration_of_overlapping, 0.001, 1000),
    "CAL003 calibrator's domain": (calibrator_domain, 0.002, 1000),
    "CAL005 calibrator learns": (calibrator_learns, 0.005, 1000),
    "CNF002 coverage": (conformal_coverage, 0.001, 1000),
    "CNF101 coverage over time": (conformal_over_time, 0.0005, 1000),
    "CNF101 volatility in clusters": (conformal_in_clusters, 0.01, 1000),
    "DRF001 stability index": (psi, 0.0, 1000),
    "DRF002 CUSUM": (cusum, 0.001, 1000),
    "SPL006 skill of noise": (skill_of_noise, 0.01, 1000),
    "SPL007 worthless trial stands": (worthless_trial, 0.05, 1000),
    "SPL007 overfitting of equals": (overfitting_of_equals, 0.01, 1000),
}


def main() -> None:
    """Count the runs that accuse."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--only", nargs="+", default=[""], metavar="NAME", help="parts of names")
    chosen = parser.parse_args()
    print(f"{'clean data':32} {'runs':>5} {'alarms':>6} {'rate':>8} {'stated':>8} {'CPU s':>7}")
    broken = []
    for name, (test, stated, most) in TESTS.items():
        if not any(part in name for part in chosen.only):
            continue
        runs, started = min(chosen.seeds, most), time.process_time()
        alarms = sum(test(seed) for seed in range(runs))
        seconds = time.process_time() - started
        print(f"{name:32} {runs:5} {alarms:6} {alarms / runs:8.2%} {stated:8.2%} {seconds:7.1f}")
        if alarms > (stats.binom.isf(1e-4, runs, stated) if stated else 0):
            broken.append(name)
    if broken:
        raise SystemExit(f"more false alarms than stated: {', '.join(broken)}")


if __name__ == "__main__":
    main()
