"""Checks over dated rows of the subject, on rows of a world, with a fault of a size or none."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from audit_lib.checks.calibration.domain import CalibratorServesTheScoresItKnows
from audit_lib.checks.calibration.error import ProbabilitiesMatchOutcomes
from audit_lib.checks.conformal.over_time import IntervalsCoverLaterRows
from audit_lib.checks.head_mapping.meaning import HeadsMeanWhatTheySay
from audit_lib.checks.interpretation.sides_follow import SidesFollowADirectionalHead
from audit_lib.checks.splits.overfit_gap import SkillSurvivesOutOfSample
from audit_lib.model import Finding, Gap, Location
from audit_lib.probes.prediction.heads import Head, HeadKind
from audit_lib.probes.prediction.scored import Scored
from audit_lib.probes.statistics.correlation import rank_correlations
from audit_lib.probes.statistics.inference import backtest_overfitting, deflated_sharpe
from benchmarks.rated.worlds import Floats, World

#: True: accused; None: said that it could not tell
Told = bool | None


def calibration_error(world: World, size: float, seed: int) -> Told:
    """CAL001: outcomes come true less often than the served probabilities say, by ``size``."""
    rng = np.random.default_rng(seed)
    served = np.clip(world.tied(rng.beta(6, 6, (world.dates, world.assets))), 0.02, 0.98)
    outcomes = stats.norm.cdf(world.normal(rng)) < served - size
    flat = served.ravel()
    rows = Scored(flat, outcomes.ravel().astype(np.int64), np.zeros(flat.size, bool), world.index())
    check = ProbabilitiesMatchOutcomes(seed=seed)
    return check.tells(check.measure(flat, rows, world.horizon))


def calibrator_domain(world: World, size: float, seed: int) -> Told:
    """CAL003: served scores are ``size`` times as wide as those that were fitted on."""
    rng = np.random.default_rng(seed)
    sides = [
        Scored(
            world.tied(world.moves(rng)).ravel() * (1.0 if fitted else size),
            np.zeros(world.dates * world.assets, np.int64),
            np.full(world.dates * world.assets, fitted),
            world.index(),
        )
        for fitted in (True, False)
    ]
    check = CalibratorServesTheScoresItKnows()
    if min(s.independent for s in sides) < check.least:
        return None
    told = check.differences(*sides)
    if any(margin.room < 0 for key, margin, *_ in told if key != "distribution"):
        return True
    return None if check.blind(*sides) else False


def conformal_over_time(world: World, size: float, seed: int) -> Told:
    """CNF101: volatility of the later half is ``size`` times that of the half calibrated on."""
    rng = np.random.default_rng(seed)
    half, gap = world.dates // 2, world.horizon
    times = np.ones((world.dates + gap + world.horizon - 1, 1))
    times[half + gap :] = size
    residuals = np.abs(world.tied(world.moves(rng, gap, times=times)))
    early, late = residuals[:half], residuals[half + gap :]
    rank = int(np.ceil((early.size + 1) * 0.9))
    width = np.sort(early.ravel())[rank - 1]
    check = IntervalsCoverLaterRows()
    hits = [
        pd.Series((part <= width).mean(axis=1), index=np.arange(len(part)))
        for part in (early, late)
    ]
    return check.tells(check.change(*hits))


def exchanged_heads(world: World, size: float, seed: int) -> Told:
    """HED004: two heads follow their labels with a correlation of ``size``, and are exchanged.

    Without a fault they follow them by the world's skill, and are called what they are.
    """
    rng = np.random.default_rng(seed)
    labels = [world.moves(rng).ravel() for _ in "ab"]
    noise = [world.moves(rng).ravel() for _ in "ab"]
    follows = size or world.skill
    made = [
        follows * y / y.std() + np.sqrt(1 - follows**2) * e / e.std()
        for y, e in zip(labels, noise, strict=True)
    ]
    predicted = pd.DataFrame(
        dict(zip("ab" if world.skill and not size else "ba", made, strict=True))
    )[["a", "b"]]
    realised = pd.DataFrame({"up": labels[0], "down": labels[1]})
    check = HeadsMeanWhatTheySay(seed=seed)
    dates = pd.Index(np.repeat(np.arange(world.dates), world.assets))
    block = max(check.block, world.horizon)
    found = rank_correlations(predicted, realised, dates, block=block, draws=check.draws, seed=seed)
    if found.blocks < check.blocks:
        return None
    named = [
        Head(n, HeadKind.REAL, y, None, Location("x")) for n, y in (("a", "up"), ("b", "down"))
    ]
    told = [
        *check._pair(named[0], named[1], found, 0.0, z := check.deviates(3, found.blocks)),
        *(answer for head in named for answer in check._against(head, found, z)),
    ]
    if any(isinstance(answer, Finding) for answer in told):
        return True
    return None if any(isinstance(answer, Gap) for answer in told) else False


#: how a right book picks its sides by the scores it goes by, one row a date
BOOKS = (
    lambda scores: scores.rank(axis=1, pct=True),  # against the others of a date
    lambda scores: scores.rank(axis=0, pct=True),  # against the history of each asset
    lambda scores: scores.stack().rank(pct=True).unstack(),  # against everything
)


def sides(world: World, size: float, seed: int) -> Told:
    """INT004: sides follow the volatility head by a share of ``size``, the rest the return head.

    Books pick the best and the worst of a date, of an asset's history or of all rows, some of them
    where volatility is low only.
    """
    rng = np.random.default_rng(seed)
    dates = pd.RangeIndex(world.dates)
    gain = pd.DataFrame(world.tied(world.moves(rng)), dates)
    risk = pd.DataFrame(np.exp(world.moves(rng) / 4), dates)
    mixed = (1 - size) * gain / gain.stack().std() + size * risk / risk.stack().std()
    choices = BOOKS if world.assets > 4 else BOOKS[1:]
    place = choices[seed % len(choices)](mixed)
    free = risk < risk.stack().quantile(0.7) if seed % 2 else risk > 0
    side = ((place > 0.8).astype(int) - (place < 0.2).astype(int)).where(free, 0).stack()
    scores = pd.DataFrame({"gain": gain.stack(), "risk": risk.stack()}).swaplevel()
    check = SidesFollowADirectionalHead()
    high, low, asked = check._sides(side.to_numpy(np.float64))
    if high is None or low is None:
        return None
    views = check._views(scores, high, low)
    return all(check._departure(seen, ["gain"], asked) for seen in views.values())


def skill(world: World, size: float, seed: int) -> Told:
    """SPL006: skill out of sample is ``size`` deviations of a fold below guessing."""
    rng = np.random.default_rng(seed)
    folds = world.moves(rng, times=0.02)[:, :2] + [0.05, -0.02 * size]
    check = SkillSurvivesOutOfSample()
    if check.departures(folds, check.level / 2):
        return True
    return None if check.blind(folds, check.level / 2) else False


def _returns(world: World, rng: np.random.Generator) -> Floats:
    returns = world.moves(rng)
    return np.asarray(returns / returns.std())


def deflated(world: World, size: float, seed: int) -> Told:
    """SPL007: the best of ``size`` worthless trials; a size of 0 is one trial of real skill."""
    rng = np.random.default_rng(seed)
    returns = _returns(world, rng)
    trials = int(size) or world.assets
    returns = returns[:, :trials] if size else returns + 5.5 / np.sqrt(world.dates)
    ratios = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    best = returns[:, int(ratios.argmax())]
    skew, kurtosis = float(stats.skew(best)), float(stats.kurtosis(best, fisher=False))
    stands = deflated_sharpe(
        float(ratios.max()), len(returns), trials, float(ratios.std(ddof=1)), skew=skew,
        kurtosis=kurtosis,
    )  # fmt: skip
    return stands < 0.95


def overfitting(world: World, size: float, seed: int) -> Told:
    """SPL007: trials give back a share of ``size`` of what they earned, sooner or later."""
    rng = np.random.default_rng(seed)
    returns = _returns(world, rng)
    found = backtest_overfitting(returns - size * returns.mean(axis=0) + 0.1, rng, draws=99)
    if found.probability > 0.5 and found.p_value <= 0.01:
        return True
    return None if found.power < 0.5 else False
