"""States for retrain triggers: a healthy one, and each way in which it can get worse."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from audit_lib.hooks import RetrainState
from audit_lib.probes.questions.asking import Reply, ask_many, describe
from audit_lib.subject.hooks import Hook

SCORES = (1.0, 0.05, 0.0, -0.05, -1.0)
"""training scores to start from: a Sharpe ratio, a rank correlation, nothing, and their mirrors"""


@dataclass(frozen=True)
class Answered:
    """What a trigger said.

    Attributes:
        retrain: whether it fired.
        reasons: why, in its words.
    """

    retrain: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Way:
    """One way in which a state gets worse, as a ladder from healthy to disastrous.

    Attributes:
        name: what gets worse.
        key: the key of the state that moves.
        states: worse and worse; the first is the base.
    """

    name: str
    key: str
    states: tuple[RetrainState, ...]


def healthy(score: float = 0.05, *, seed: int = 30) -> RetrainState:
    """A young model on unchanged data that scores as it did in training."""
    noise = np.random.default_rng(seed).normal(0.0, 0.01, 120)
    return RetrainState(
        days_since_training=1,
        psi=0.0,
        errors=[float(e) for e in noise - noise.mean()],
        live_score=score,
        training_score=score,
        n_samples=1_000,
    )


def ways(base: RetrainState) -> list[Way]:
    """Every way in which ``base`` can get worse, one key at a time."""
    score = base["training_score"]
    unit = abs(score) or 1.0
    days = (1, 5, 20, 30, 60, 90, 180, 365, 730, 3_650)
    psi = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 1.0, 5.0)
    drops = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0, 10.0)
    shifts = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 50.0)
    errors = np.asarray(base["errors"])
    sigma = float(errors.std()) or 1.0
    late = np.arange(len(errors)) >= len(errors) // 2
    listed = [
        _way("age", "days_since_training", base, list(days)),
        _way("PSI", "psi", base, list(psi)),
        _way("live score", "live_score", base, [score - d * unit for d in drops]),
    ]
    for name, sign in (("errors shift up", 1.0), ("errors shift down", -1.0)):
        series = [[float(e) for e in errors + sign * s * sigma * late] for s in shifts]
        listed.append(_way(name, "errors", base, series))
    return listed


def somewhere(number: int, seed: int) -> Iterator[tuple[str, RetrainState, bool]]:
    """Drawn states, worse than healthy in about half of the ways, with a name.

    The last says whether the errors are shifted.
    """
    rng = np.random.default_rng(seed)
    for i in range(number):
        score = float(rng.choice(SCORES) * rng.uniform(0.5, 1.5))
        base = healthy(score, seed=seed + i)
        base["n_samples"] = int(rng.choice([5, 40, 300, 5_000]))
        shifted = False
        for way in ways(base)[:-1]:
            step = int(rng.integers(len(way.states))) if rng.random() < 0.5 else 0
            base = with_key(base, way.key, way.states[step][way.key])  # type: ignore[literal-required]
            shifted |= way.key == "errors" and step > 0
        yield f"drawn state {i + 1}", base, shifted


def disastrous(base: RetrainState) -> RetrainState:
    """As bad as it gets, in every way at once."""
    worst = base
    for way in ways(base):
        worst = with_key(worst, way.key, way.states[-1][way.key])  # type: ignore[literal-required]
    return worst


def with_key(base: RetrainState, key: str, value: object) -> RetrainState:
    """The state with one key replaced."""
    return cast("RetrainState", {**base, key: value})


def decided(hook: Hook, states: list[RetrainState]) -> list[Reply[Answered]]:
    """What the trigger says to each state."""
    return ask_many(hook, [(state,) for state in states], into=decision)


def _way(name: str, key: str, base: RetrainState, values: list[Any]) -> Way:
    return Way(name, key, tuple(with_key(base, key, value) for value in values))


def decision(raw: Any) -> Answered:
    """What a trigger answered, or why it is no decision."""
    if not isinstance(raw, dict) or not isinstance(raw.get("retrain"), (bool, np.bool_)):
        raise ValueError(f"wanted {{'retrain': bool, 'reasons': [...]}}, got {describe(raw)}")
    reasons = raw.get("reasons") or []
    return Answered(bool(raw["retrain"]), tuple(str(reason) for reason in reasons))


def lived(features: pd.DataFrame, *, seed: int, miss: float = 0.0) -> pd.DataFrame:
    """Live rows: features with predictions, and outcomes that miss them, by ``miss`` more late on.

    Predictions and the usual miss are of the size of a daily return.
    """
    rng = np.random.default_rng(seed)
    predicted = rng.normal(0.0, 0.01, len(features))
    late = np.arange(len(features)) >= len(features) // 2
    if "date" in (features.index.names or []):
        dates = features.index.get_level_values("date")
        late = np.asarray(dates >= dates.unique().sort_values()[dates.nunique() // 2])
    outcome = predicted + rng.normal(0.0, 0.005, len(features)) + miss * late
    return features.assign(prediction=predicted, outcome=outcome)
