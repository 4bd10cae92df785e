"""What each hook is called with in a tryout: answers of earlier hooks, or a few made-up rows."""

from typing import Any

import numpy as np
import pandas as pd

from audit_lib.probes.lifecycle.retraining import lived
from audit_lib.probes.tryouts.trial import RECORDED, ROWS, TABLE, Answers, Skip

BARS = 400  # of each asset; enough for year-long windows


def nothing(_: Answers) -> tuple[Any, ...]:
    """Nothing."""
    return ()


def panel(answers: Answers) -> tuple[Any, ...]:
    """The last bars of each asset of the subject's own panel."""
    bars = answered(answers, "features.panel")
    if not isinstance(bars, pd.DataFrame) or "asset" not in bars.index.names:
        raise Skip("a panel from features.panel")
    return (bars.groupby(level="asset", group_keys=False).tail(BARS),)


def features(answers: Answers) -> tuple[Any, ...]:
    """Each asset's last rows, in the columns that the predictor asks for."""
    frame = answered(answers, "features.build")
    if not isinstance(frame, pd.DataFrame):
        raise Skip("a frame from features.build")
    named = answers.get("predictor.required")
    if isinstance(named, list) and set(named) <= set(frame.columns):
        frame = frame[named]  # as checks ask: a predictor may refuse what it does not read
    return (frame.groupby(level=0, group_keys=False).tail(answers.get(ROWS, 20)),)


def answered(answers: Answers, hook: str) -> Any:
    """What an earlier hook answered; without it there is nothing to call this one with."""
    if hook not in answers:
        raise Skip(hook)
    return answers[hook]


def predictions(answers: Answers) -> tuple[Any, ...]:
    """What the predictor answered."""
    return (answered(answers, "predictor.predict"),)


def inputs(answers: Answers) -> tuple[Any, ...]:
    """Five made-up rows, as wide as what the predictor requires."""
    width = len(answered(answers, "predictor.required"))
    return (draw(5 * width).reshape(5, width),)


def sequences(answers: Answers) -> tuple[Any, ...]:
    """Five made-up rows of four steps, the first of them shorter."""
    width = len(answered(answers, "predictor.required"))
    return draw(20 * width).reshape(5, 4, width), np.array([2, 4, 4, 4, 4])


def promotion(answers: Answers) -> tuple[Any, ...]:
    """Nobody on the throne, and a candidate with a half in every metric."""
    directions = answered(answers, "governance.metrics")
    return None, dict.fromkeys(directions, 0.5)


def recorded(answers: Answers) -> tuple[Any, ...]:
    """Metrics as the registry records them for some version; made-up values where it does not."""
    return (answers[RECORDED],) if RECORDED in answers else promotion(answers)[1:]


def newest(answers: Answers) -> tuple[Any, ...]:
    """The version that the registry lists last."""
    listed = answered(answers, "registry.versions")
    if not isinstance(listed, list) or not listed:
        raise Skip("a version from registry.versions")
    return (listed[-1],)


def required(answers: Answers) -> tuple[Any, ...]:
    """The columns that the predictor requires."""
    return (answered(answers, "predictor.required"),)


def names(answers: Answers) -> tuple[Any, ...]:
    """Names that the policy knows, and a mode that is declared."""
    modes = answered(answers, "features.modes")
    return list(answered(answers, "features.policy"))[:20], next(iter(modes), "")


def columns(seed: int) -> pd.DataFrame:
    """Two features over time."""
    return pd.DataFrame({"a": draw(300, seed), "b": draw(300, seed + 50)})


def table(answers: Answers) -> tuple[Any, ...]:
    """Made-up rows to train on, and their labels."""
    return answered(answers, TABLE)  # type: ignore[no-any-return]  # a pair of frames


def live(answers: Answers) -> tuple[Any, ...]:
    """Live rows of which the first half is known from training."""
    (rows,) = features(answers)
    return lived(rows, seed=0), pd.Timestamp("2020-01-01")


def draw(size: int, seed: int = 7) -> Any:
    """Normal numbers that are the same in every run."""
    return np.random.default_rng(seed).normal(size=size)


def terms(last: str) -> pd.DataFrame:
    """One contract at the money, a year to go."""
    # 10.4506 is the textbook price of the first contract at 20 per cent volatility.
    value = {"volatility": 0.2, "price": 10.450583572185565}[last]
    return pd.DataFrame(
        {
            "spot": [100.0],
            "strike": [100.0],
            "maturity": [1.0],
            "rate": [0.05],
            "dividend": [0.0],
            last: [value],
            "kind": [1],
        }
    )


def batches() -> list[pd.DataFrame]:
    """Three small batches with a label each."""
    return [
        pd.DataFrame({"a": draw(40, i), "b": draw(40, i + 9), "y": draw(40, i + 99) * 0.01})
        for i in range(3)
    ]


def scored() -> tuple[Any, ...]:
    """Calibrated probabilities and what came of them."""
    rng = np.random.default_rng(7)
    scores = rng.uniform(0.05, 0.95, 400)
    return scores, (rng.random(400) < scores).astype(np.int64)


def positions() -> pd.DataFrame:
    """A long and a short that are closed."""
    return pd.DataFrame(
        {"side": [1.0, -1.0], "size": [10.0, 5.0], "entry": [100.0, 50.0], "exit": [110.0, 45.0]}
    )
