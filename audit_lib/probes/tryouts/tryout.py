"""Call each written hook once on small data, and say what came back and what was wanted.

This is for whoever writes hooks: it judges form (shapes, kinds, index, sign, units), never the
subject.  Arguments of later hooks come from the answers of earlier ones: ``features.build`` gets
the panel that ``features.panel`` answered, cut to its last bars.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.hooks import HOOKS, with_variant
from audit_lib.host import HookError, HookRefused
from audit_lib.probes.lifecycle.metrics import recorded_metrics
from audit_lib.probes.market.published import why_unknown
from audit_lib.probes.market.unfinished import moments, unfinished, until
from audit_lib.probes.market.windows import window_length
from audit_lib.probes.prediction.options import asked_of
from audit_lib.probes.training.made_up_table import made_up
from audit_lib.probes.tryouts.trial import (
    RECORDED,
    ROWS,
    TABLE,
    Answers,
    Complaints,
    Skip,
    describe,
)
from audit_lib.probes.tryouts.trials import TRIALS
from audit_lib.subject.hooks import Hook
from audit_lib.subject.subject import Subject

DATES = 300  # of the table to train on; a check takes more


@dataclass(frozen=True)
class TriedHook:
    """What became of one hook.

    Attributes:
        hook: its full name, ``pricing.price[heston]``.
        state: ``good``, ``wrong``, ``refused``, ``failed`` or ``skipped``.
        got: what it answered, in a phrase.
        wanted: what it should answer.
        complaints: what is wrong, a sentence each.
        seconds: how long the call took.
    """

    hook: str
    state: str
    got: str
    wanted: str
    complaints: tuple[str, ...]
    seconds: float


def try_hooks(
    subject: Subject, progress: Callable[[TriedHook], None] | None = None
) -> tuple[TriedHook, ...]:
    """Try every written hook, in the order in which they depend on each other."""
    answers: dict[str, Any] = {}
    metrics = recorded_metrics(subject).get(subject.version)
    if metrics:
        answers[RECORDED] = metrics
    with suppress(NotAssessed, NotApplicable):
        answers[ROWS] = 20 + window_length(subject)
    reports = []
    derived = {name for name, parts in subject.hooks.composed.items() if len(parts) == 1}
    for hook in TRIALS:
        for variant in subject.hooks.variants(hook):
            if with_variant(hook, variant) in derived:  # of one hook, which is tried itself
                continue
            bound = subject.bound(variant, subject.every_key()[0])
            if hook == "retrain.train":
                labels = answers.get("targets.build")
                built = labels if isinstance(labels, pd.DataFrame) else pd.DataFrame()
                answers[TABLE] = made_up(bound, dates=DATES, built=built)
            report = _try(bound, hook, answers)
            reports.append(report)
            if progress:
                progress(report)
    return tuple(reports)


def _for(subject: Subject, answers: Answers) -> dict[str, Any]:
    """Answers by hook, each of the variant that goes with this one."""
    chosen = {hook: subject.hooks.chosen(hook, subject.variant) for hook in HOOKS}
    given = {hook: answers[name] for hook, name in chosen.items() if name and name in answers}
    return given | {key: answers[key] for key in (RECORDED, TABLE, ROWS) if key in answers}


def _try(subject: Subject, hook: str, answers: dict[str, Any]) -> TriedHook:
    trial, name = TRIALS[hook], with_variant(hook, subject.variant)
    started = time.perf_counter()

    def report(state: str, got: str, *complaints: str) -> TriedHook:
        took = round(time.perf_counter() - started, 3)
        return TriedHook(name, state, got, trial.wanted, complaints, took)

    try:
        arguments = trial.arguments(_for(subject, answers))
        if hook == "pricing.price":
            arguments = (asked_of(subject, arguments[0]),)
    except Skip as skip:
        return report("skipped", f"needs {skip}")
    try:
        caller = subject.hook(hook)
        if trial.writes:
            caller = caller.on(subject.scratch_store())
        answer = caller(*arguments)
    except HookRefused as refusal:
        if trial.may_refuse:
            return report("good", f"refused: {refusal.reason}")
        return report("refused", str(refusal), "it refuses ordinary input")
    except NotAssessed as reason:
        return report("skipped", str(reason))
    except HookError as error:
        return report("failed", str(error))
    answers[name] = answer
    complaints = trial.judge(answer, arguments)
    if hook == "features.build_live" and not complaints:
        complaints = _within_a_bar(subject, caller, arguments[0])
    if hook == "decisions.account" and not complaints:
        unknown = [name for name in subject.parameters.account if name not in answer]
        complaints = [f"{name} is declared under `account`, and it is missing" for name in unknown]
    if hook == "features.sides" and not complaints:
        tables = ((t, why_unknown(answer, t, c)) for t, c in subject.parameters.known_at.items())
        complaints = [f"table {table}: {why}" for table, why in tables if why]
    return report("wrong" if complaints else "good", describe(answer), *complaints)


def _within_a_bar(subject: Subject, live: Hook, panel: pd.DataFrame) -> Complaints:
    """What is wrong with a live builder's clock; nothing where it takes none."""
    clock, takes = subject.parameters.clock, subject.takes("features.build_live", "now")
    if not takes:
        return ["clock is declared, and it has no parameter `now`"] if clock else []
    if clock is None:
        return ["it takes `now`; say in subject.yaml when a bar opens and closes (`clock`)"]
    dates = pd.DatetimeIndex(panel.index.get_level_values("date").unique().sort_values())
    rng = np.random.default_rng(0)
    (moment,) = moments(dates, clock, bars=1, each=1, rng=rng)
    try:
        live(unfinished(until(panel, moment.label), moment.share, rng), None, moment.now)
    except HookRefused:
        return []  # until the bar closes
    except HookError as error:
        return [f"{moment}: {error.detail}"]
    return []
