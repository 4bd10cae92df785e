"""Metrics for governance probes: the subject's own names and recorded values, moved on purpose."""

import math
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np

from audit_lib.errors import NotAssessed
from audit_lib.probes.questions.asking import Reply, ask, ask_many, flag, mapping
from audit_lib.probes.questions.relations import better
from audit_lib.subject.hooks import Hook
from audit_lib.subject.subject import Subject

Metrics = dict[str, float]
Duel = tuple[Metrics | None, Metrics]


def directions(subject: Subject) -> dict[str, str]:
    """Metric name to ``higher`` or ``lower``.

    Raises:
        NotAssessed: the hook does not answer a mapping of that kind.
    """
    reply = ask(subject.hook("governance.metrics"), into=mapping).needed("governance.metrics")
    by_metric = {name: str(value) for name, value in reply.items()}
    wrong = sorted(name for name, value in by_metric.items() if value not in ("higher", "lower"))
    if wrong or not by_metric:
        what = f"{wrong[0]!r} is {by_metric[wrong[0]]!r}" if wrong else "no metric is named"
        raise NotAssessed(f"governance.metrics must say higher or lower for each metric; {what}")
    return by_metric


def recorded(subject: Subject, names: dict[str, str]) -> list[Metrics]:
    """All of ``names``, where the registry records them for a version, else its own metadata."""
    kept = [
        {name: metrics[name] for name in names}
        for metrics in recorded_metrics(subject).values()
        if all(math.isfinite(metrics.get(name, math.nan)) for name in names)
    ]
    with suppress(NotAssessed):
        kept = kept or [*_holding(subject.metadata.data, names)]
    return kept


def _holding(data: object, names: dict[str, str]) -> Iterator[Metrics]:
    """Mappings within a document that give each of these names a number."""
    if isinstance(data, dict):
        values = [data.get(name) for name in names]
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        if len(numbers) == len(names) and all(map(math.isfinite, numbers)):
            yield {name: float(v) for name, v in zip(names, numbers, strict=True)}
        for part in data.values():
            yield from _holding(part, names)


def recorded_metrics(subject: Subject) -> dict[str, Metrics]:
    """Version to every number that its registry row records as a metric; {} where there is none.

    Where the parameters name the key of the metrics (``artifacts.registry.metrics``), those below
    it; else the numbers of the row itself.
    """
    try:
        rows = subject.registry.rows
    except NotAssessed:
        return {}
    layout = subject.parameters.registry_layout
    key = layout.metrics if layout else ""
    by_version: dict[str, Metrics] = {}
    for version, row in rows.items():
        metrics = row.get(key) if key and isinstance(row, dict) else row
        numbers = metrics.items() if isinstance(metrics, dict) else ()
        by_version[version] = {
            str(name): float(value)
            for name, value in numbers
            if isinstance(value, (int, float)) and not isinstance(value, bool)
        }
    return by_version


def bases(subject: Subject, names: dict[str, str], *, seed: int, count: int) -> Iterator[Metrics]:
    """Metrics to start from: the recorded ones, their mirror images, zeros, and other scales.

    Mirror images and zeros matter: a rule that compares by ratio is right for positive scores only.
    So do shares of one, which most floors and bounds of a rule let pass.
    """
    recorded_ones = recorded(subject, names)
    for metrics in recorded_ones:
        yield metrics
        yield {name: -value for name, value in metrics.items()}
    yield dict.fromkeys(names, 0.0)
    rng, shares = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    for _ in range(count):
        yield {name: float(shares.uniform()) for name in names}
        scale = 10.0 ** rng.uniform(-4, 2)
        yield {name: float(rng.normal() * scale) for name in names}
        yield {name: float(abs(rng.normal()) * scale) for name in names}


def promoted(hook: Hook, duels: Sequence[Duel]) -> list[Reply[bool]]:
    """Does the challenger displace the champion, for each duel?"""
    return ask_many(hook, list(duels), into=flag)


def any_promoted(subject: Subject, names: dict[str, str], *, seed: int) -> bool:
    """Whether a challenger that is better in everything is promoted, by a little or by far."""
    duels: list[Duel] = []
    for champion in bases(subject, names, seed=seed, count=12):
        for size in (0.1, 0.5, 4.0):
            ahead = champion
            for name, direction in names.items():
                ahead = better(ahead, name, size * (abs(champion[name]) or 1.0), direction)
            duels.append((champion, ahead))
    replies = promoted(subject.hook("governance.promote"), duels)
    return any(r.answered and r.got for r in replies)


def text_of(metrics: Metrics | None) -> str:
    """Metrics as short text."""
    if metrics is None:
        return "none"
    return ", ".join(f"{name} {value:.6g}" for name, value in metrics.items())
