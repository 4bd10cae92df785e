"""A table to train on in which every number stands once, so that a value tells its row.

Labels follow the features closely, so that a trainer's own gates on quality let its models pass.
"""

from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from audit_lib.arrays import Floats
from audit_lib.errors import NotAssessed
from audit_lib.probes.labels.label_facts import declared_labels
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, texts
from audit_lib.subject.one_asset import ONE, by_date_alone
from audit_lib.subject.subject import Subject

SEED = 20100104
ASSETS, DATES, COLUMNS = 12, 500, 12
LABEL = "label"
NOISE = 0.02
"""in the labels, in standard deviations of what the features say"""
FEW = 10
"""values up to which a label counts as one of classes"""


def made_up(
    subject: Subject, dates: int = DATES, *, built: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features (n, d) and labels (n, k) of a made-up panel; no number of the features occurs twice.

    Columns bear the names that the model requires, and the labels those that are declared, else
    those that are built.  A label whose kind is not declared takes values as the built one does:
    where that has two, it has two.

    Args:
        built: some labels of the subject's own, where they are at hand.
    """
    rng = np.random.default_rng(SEED)
    alone = subject.has("features.panel") and by_date_alone(samples.panel(subject))
    assets = [ONE] if alone else [f"A{i}" for i in range(ASSETS)]
    days = pd.bdate_range("2012-01-02", periods=dates * ASSETS // len(assets))
    index = pd.MultiIndex.from_product([assets, days], names=["asset", "date"])
    names = _turned(_columns(subject))
    values = rng.standard_normal((len(index), len(names)))
    # a few columns say nearly all, so that a model that may look at few of them learns it too
    signal = values @ (0.5 ** np.arange(len(names)) * rng.choice((-1, 1), len(names)))
    signal = (signal + NOISE * signal.std() * rng.standard_normal(len(index))) / signal.std()
    built = _built(subject) if built is None else built
    kinds = _labels(subject) or {str(c): {} for c in built} or {LABEL: {}}
    labels = {name: _label(signal, facts, built.get(name)) for name, facts in kinds.items()}
    return pd.DataFrame(values, index, names), pd.DataFrame(labels, index)


def _turned(names: list[str]) -> list[str]:
    """Another order than that of the alphabet, or of a list that was sorted somewhere."""
    ordered, half = sorted(names), len(names) // 2
    return ordered[half:] + ordered[:half]


def _columns(subject: Subject) -> list[str]:
    if subject.has("predictor.required"):
        reply = ask(subject.hook("predictor.required"), into=texts)
        if reply.answered and reply.got:
            return list(dict.fromkeys(reply.got))
    if subject.has("features.build") and subject.has("features.panel"):
        return [str(c) for c in samples.built(subject).columns[:COLUMNS]]
    return [f"feature_{i}" for i in range(COLUMNS)]


def _labels(subject: Subject) -> dict[str, dict[str, Any]]:
    try:
        return {d.label: d.facts for d in declared_labels(subject)}
    except NotAssessed:
        return {}


def _built(subject: Subject) -> pd.DataFrame:
    """Labels of the sample; none where they are not to be had."""
    if not (subject.has("targets.build") and subject.has("features.panel")):
        return pd.DataFrame()
    with suppress(NotAssessed):
        return samples.labels(subject)
    return pd.DataFrame()


def _label(signal: Floats, facts: dict[str, Any], built: "pd.Series[Any] | None") -> Any:
    """Values of a label of that kind that follow ``signal`` (n,), of unit variance."""
    returns = 0.02 * signal
    kind = facts.get("kind")
    if kind == "direction":
        return (returns > 0).astype(np.int64)
    if kind == "class":
        return np.digitize(returns, sorted(facts.get("thresholds") or [0.0]))
    if kind == "volatility":
        return 0.2 * np.exp(0.3 * signal)
    values = pd.Series(dtype=float) if built is None else built.dropna()
    if not 1 < values.nunique() <= FEW:
        return returns
    shares = (rankdata(signal, method="ordinal") - 0.5) / len(signal)
    return values.sort_values().to_numpy()[(shares * len(values)).astype(np.int64)]
