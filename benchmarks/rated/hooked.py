"""Checks that drive a hook on made-up data, given a textbook answer or one that is spoilt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from audit_lib.checks.calibration.learns import CalibratorLearnsTheFrequency
from audit_lib.checks.conformal.coverage import IntervalsCoverWhatTheyPromise
from audit_lib.checks.drift.cusum_detects import CusumDetectsShifts
from audit_lib.checks.drift.many_features import OneShiftedFeatureIsFound
from audit_lib.checks.drift.psi_relations import PsiMeasuresDrift
from audit_lib.checks.governance.unknown_metrics import UnknownMetricsNeverPromote
from audit_lib.checks.online.follows import LearnerFollowsItsLessons
from audit_lib.checks.pricing.surface_factors import FactorsRestoreSurfaces
from audit_lib.errors import NotAssessed
from audit_lib.model import Finding, Gap, Location, breaks
from audit_lib.probes.market.influence import measure_influence
from benchmarks.rated.worlds import World

#: deviate of one in a hundred over 60 features, on both sides
LEVEL = float(stats.norm.isf(0.005 / 60))


class Textbook:
    """Stands for a subject: one hook, answered by a function over many calls."""

    def __init__(self, answers: Callable[[Sequence[tuple[Any, ...]]], list[Any]]) -> None:
        self.many = answers

    def __call__(self, *arguments: Any) -> Any:
        return self.many([arguments])[0]

    def hook(self, name: str) -> Textbook:
        """The hook, whatever its name."""
        return self

    def has(self, name: str) -> bool:
        """It has this hook and no other."""
        return False

    def where(self, name: str) -> Location:
        """Anywhere."""
        return Location(name)


def accuses(check: Any, subject: Textbook) -> bool:
    """True where the check finds something that breaks."""
    found: Iterator[Any] = check.run(subject)
    return any(isinstance(a, Finding) and breaks(a) for a in found)


def conformal_coverage(world: World, size: float, seed: int) -> bool:
    """CNF002: split conformal intervals that are narrower by a share of ``size``."""

    def intervals(calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        found = []
        for residuals, predictions, alpha in calls:
            rank = int(np.ceil((len(residuals) + 1) * (1 - alpha)))
            reach = np.sort(np.abs(residuals))[rank - 1] if rank <= len(residuals) else np.inf
            reach *= 1 - size
            found.append(np.column_stack([predictions - reach, predictions + reach]))
        return found

    return accuses(IntervalsCoverWhatTheyPromise(seed=seed), Textbook(intervals))


def calibrator_learns(world: World, size: float, seed: int) -> bool:
    """CAL005: an isotonic map over bins whose answers are ``size`` too high."""
    from sklearn.isotonic import IsotonicRegression

    def answers(calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        found = []
        for scores, outcomes, served in calls:
            which = np.searchsorted(np.quantile(scores, np.linspace(0, 1, 21)[1:-1]), scores)
            x, y = (np.bincount(which, v) / np.bincount(which) for v in (scores, outcomes))
            fitted = IsotonicRegression(out_of_bounds="clip").fit(x, y).predict(served)
            found.append(np.clip(fitted + size, 0, 1))
        return found

    return accuses(CalibratorLearnsTheFrequency(seed=seed, rows=world.dates), Textbook(answers))


def cusum(world: World, size: float, seed: int) -> bool:
    """DRF002: two-sided CUSUM, slack 0.5, whose bound of 5 is ``size`` times as high."""

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
                over = np.maximum(high, low) > 5 * size
                first = np.where((first < 0) & over, bar, first)
            for k, at in zip(chosen.tolist(), first.tolist(), strict=True):
                found[k] = {"alarm": at >= 0, "at": at if at >= 0 else None}
        return found

    return accuses(CusumDetectsShifts(seed=seed), Textbook(answers))


def psi(world: World, size: float, seed: int) -> bool:
    """DRF001: index over deciles of the reference, with a floor, ``size`` times too large."""

    def one(reference: Any, current: Any) -> float:
        edges = np.unique(np.quantile(reference, np.linspace(0, 1, 11)[1:-1]))
        shares = []
        for sample in (reference, current):
            counts = np.bincount(np.searchsorted(edges, sample), minlength=len(edges) + 1)
            shares.append(np.maximum(counts / len(sample), 1e-4))
        return size * float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())

    return accuses(PsiMeasuresDrift(seed=seed), Textbook(lambda calls: [one(*c) for c in calls]))


def many_features(world: World, size: float, seed: int) -> bool:
    """DRF005: a monitor, one level over all features, that watches all but ``size`` of them."""
    blind = np.random.default_rng(seed + 1).uniform(size=60) < size

    def one(reference: Any, current: Any) -> dict[str, Any]:
        if reference is None or not len(reference) or not len(current):
            return {"shifted": None}
        current = current.reindex(columns=reference.columns)
        if current.isna().all().any():
            return {"shifted": None}
        error = np.sqrt(reference.var() / len(reference) + current.var() / len(current))
        apart = ((current.mean() - reference.mean()).abs() / error).sort_values()
        far = [n for n in apart.index[apart > LEVEL] if not blind[int(str(n)[1:])]]
        return {"shifted": bool(far), "features": far}

    hook = Textbook(lambda calls: [one(*c) for c in calls])
    return accuses(OneShiftedFeatureIsFound(seed=seed), hook)


def lessons(world: World, size: float, seed: int) -> bool:
    """ONL004: a learner by least squares whose weights are turned by ``size`` degrees."""
    aside = np.random.default_rng(seed).normal(size=64)

    def one(batches: Sequence[pd.DataFrame], probe: pd.DataFrame, _: Any) -> Any:
        table = pd.concat(batches)
        columns = list(probe.columns)
        x = table[columns].to_numpy()
        learnt = np.linalg.solve(x.T @ x + np.eye(len(columns)), x.T @ table["y"].to_numpy())
        long = float(np.linalg.norm(learnt))
        if size and long:
            away = aside[: len(learnt)] - (aside[: len(learnt)] @ learnt) * learnt / long**2
            away *= np.sign(learnt[0]) * long / np.linalg.norm(away)
            learnt = np.cos(np.radians(size)) * learnt + np.sin(np.radians(size)) * away
        return probe.to_numpy() @ learnt

    hook = Textbook(lambda calls: [one(*c) for c in calls])
    return accuses(LearnerFollowsItsLessons(seed=seed), hook)


def surface_factors(world: World, size: float, seed: int) -> bool:
    """PRC007: principal components, of which the first is turned in a share of ``size`` of fits."""
    rng = np.random.default_rng(seed + 1)

    def one(surfaces: Any, count: int) -> dict[str, Any]:
        if not np.isfinite(surfaces).all() or min(len(surfaces) - 1, surfaces.shape[1]) < count:
            return {"restored": np.full_like(surfaces, np.nan)}
        mean = surfaces.mean(axis=0)
        ways = np.linalg.svd(surfaces - mean, full_matrices=False)[2][:count]
        signs = np.sign(ways[np.arange(count), np.abs(ways).argmax(axis=1)])
        signs[0] *= -1 if rng.uniform() < size else 1
        ways = ways * signs[:, None]
        scores = (surfaces - mean) @ ways.T
        return {"factors": ways, "scores": scores, "restored": mean + scores @ ways}

    hook = Textbook(lambda calls: [one(*c) for c in calls])
    return accuses(FactorsRestoreSurfaces(seed=seed), hook)


# --- promotion ----------------------------------------------------------------------------------
class Judge(Textbook):
    """Stands for a subject without a registry whose ``governance`` hooks are answered by a rule."""

    def __init__(self, ways: dict[str, str], rule: Callable[..., bool]) -> None:
        self.ways, self.rule, self.name = ways, rule, ""

    def hook(self, name: str) -> Judge:
        """One of the two."""
        made = Judge(self.ways, self.rule)
        made.name = name
        return made

    def many(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The directions, or whether the challenger wins."""
        return [self.rule(*c) if self.name == "governance.promote" else self.ways for c in calls]

    @property
    def registry(self) -> Any:
        """There is none."""
        raise NotAssessed("no registry")

    metadata = registry


def unknown_metrics(world: World, size: float, seed: int) -> bool | None:
    """GOV004: a rule that takes ``size`` of its metrics for fine where they are not finite.

    Rules of all kinds, on as many metrics as the world has assets: none may be worse, most must be
    better, a weighted sum must be, the first that differs decides.
    """
    rng = np.random.default_rng(seed)
    ways = {f"m{k}": str(rng.choice(["higher", "lower"])) for k in range(world.assets)}
    weights = dict(zip(ways, rng.uniform(0.5, 2.0, len(ways)), strict=True))
    unguarded = set(list(ways)[: int(size)])
    kind, margin = seed % 4, float(rng.choice([0.0, 1e-6, 0.01]))

    def rule(champion: dict[str, float] | None, challenger: dict[str, float]) -> bool:
        new = {n: challenger.get(n, np.nan) for n in ways}
        if not all(np.isfinite(v) for n, v in new.items() if n not in unguarded):
            return False
        if champion is None:
            return all(np.isfinite(list(new.values())))
        gains = [
            (new[n] - champion[n]) * (1 if way == "higher" else -1) if np.isfinite(new[n]) else 1.0
            for n, way in ways.items()
        ]
        if kind == 0:
            return min(gains) >= 0 and max(gains) > margin
        if kind == 1:
            return sum(g > margin for g in gains) * 2 > len(gains)
        if kind == 2:
            return sum(w * g for w, g in zip(weights.values(), gains, strict=True)) > margin
        return next((g for g in gains if abs(g) > margin), 0.0) > margin

    told = list(UnknownMetricsNeverPromote(seed=seed).run(Judge(ways, rule)))
    if any(isinstance(a, Finding) and breaks(a) for a in told):
        return True
    return None if any(isinstance(a, Gap) for a in told) else False


# --- features -----------------------------------------------------------------------------------
def look_ahead(world: World, size: float, seed: int) -> bool:
    """FEA101: a share of ``size`` of the next bar's move in one of eight columns."""
    panel = _market(np.random.default_rng(seed), world)
    across = _across if world.assets > 1 else _own

    def build(bars: pd.DataFrame) -> pd.DataFrame:
        made = across(bars)
        ahead = bars["close"].groupby(level=0).shift(-1) / bars["close"] - 1
        return made.assign(leak=made.iloc[:, 0] + size * ahead.fillna(0.0)) if size else made

    return bool(measure_influence(build, panel, seed=seed, cuts=8).leaking())


def _market(rng: np.random.Generator, world: World) -> pd.DataFrame:
    """Closes and volumes of random walks, with a few bars missing."""
    dates = pd.date_range("2020-01-01", periods=world.dates, freq=world.step, name="date")
    moves, frames = world.moves(rng, times=0.01), {}
    for i in range(world.assets):
        close = 100 * np.exp(np.cumsum(moves[:, i]))
        volume = rng.lognormal(12, 1.0, world.dates)
        frame = pd.DataFrame({"close": close, "volume": volume}, dates)
        frames[f"S{i}"] = frame.drop(frame.index[rng.integers(10, world.dates - 5, 2)])
    return pd.concat(frames, names=["asset", "date"])


def _own(panel: pd.DataFrame) -> pd.DataFrame:
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


def _across(panel: pd.DataFrame) -> pd.DataFrame:
    """Clean columns that look across the assets of a date."""
    closes = panel["close"].unstack(0)
    moves = closes.pct_change(fill_method=None)
    wide = {
        "distance": moves.sub(moves.mean(axis=1), axis=0),
        "rank": moves.rank(axis=1, pct=True),
        "leader": moves.mul(0.0).add(moves.iloc[:, 0].shift(1), axis=0),
    }
    columns = {n: w.stack(future_stack=True).swaplevel() for n, w in wide.items()}
    return pd.DataFrame(columns).reindex(panel.index)
