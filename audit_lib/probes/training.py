"""What the subject's own trainer does with rows: driven on made-up data, watched by the host.

Every number of the made-up table stands in one cell only, so that the rows behind each fit,
transformation and prediction are known, whatever the trainer does between (selecting columns,
sorting, scaling).  Labels follow the features closely, so that gates on quality let them pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence
from audit_lib.probes import samples
from audit_lib.probes.asking import ask, mapping
from audit_lib.probes.folds import iso
from audit_lib.probes.label_facts import horizon_of
from audit_lib.probes.made_up_table import made_up
from audit_lib.subject.subject import Subject

HOOK = "retrain.train"
FEATURES, LABELS = -1, -2  # where values come from that no step made

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Step:
    """One thing that the trainer did.

    Attributes:
        number: its place in the order, from 0.
        op: ``fit``, ``transform`` or ``predict``.
        object: which estimator, numbered; its class is ``kind``.
        rows: rows of the made-up table that went in, sorted and distinct; None where unknown.
        source: number of the step that made the values, or negative where they were given.
        scores: where the values are predictions, the rows of each prediction, by its number.
        count: how many rows went in, known or not; ``columns`` wide.
        begun: number of the first step that happened within it; its own where none did.
    """

    number: int
    op: str
    object: int
    kind: str
    rows: Integers | None
    source: int | None
    count: int
    columns: int
    begun: int
    scores: dict[int, Integers] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Judgement:
    """A model, and rows that it predicted and was not fitted on.

    Attributes:
        kind: class of the model.
        fitted: rows of its last fit before.
        judged: the other rows that it predicted.
        scaled: kind and rows of each preprocessing step between the table and its fit.
    """

    kind: str
    fitted: Integers
    judged: Integers
    scaled: tuple[tuple[str, Integers], ...]


@dataclass(frozen=True, eq=False)
class Downstream:
    """Something fitted on a model's predictions: a calibrator, or the next layer of a stack.

    Attributes:
        fit: the fit; ``model`` is the fit of the model below.
        seen: how many of its rows that model was fitted on; at least so many where not ``exact``.
    """

    fit: Step
    model: Step
    seen: int
    exact: bool


@dataclass(frozen=True, eq=False)
class Training:
    """One run of the trainer.

    Attributes:
        features, labels: the made-up table; index (asset, date).
        at: position of each row's date in the calendar, shape (n,).
        calendar: distinct dates, sorted.
        horizon: bars that a label spans; ``known`` says how that is known.
        steps: in order.
        writes: absolute paths outside the store and scratch that it opened for writing.
        store: the scratch store it was given; ``before`` says which files it held before.
        version: what the hook answered.
    """

    features: pd.DataFrame
    labels: pd.DataFrame
    at: Integers
    calendar: pd.Index
    horizon: int
    known: str
    steps: tuple[Step, ...]
    writes: tuple[Path, ...]
    store: Path
    before: dict[str, int]
    version: str | None

    def date(self, position: int) -> str:
        """ISO date of a calendar position."""
        return iso(self.calendar[position])

    def judgements(self) -> Iterator[Judgement]:
        """Every fit with what it was judged on until its next fit; calibrators among them."""
        for step in self.steps:
            if step.op != "fit" or step.rows is None:
                continue
            answers = ("predict", "transform") if step.scores else ("predict",)
            seen = [
                s.rows for s in self._until_next_fit(step) if s.op in answers and s.rows is not None
            ]
            other = np.setdiff1d(np.concatenate([step.rows[:0], *seen]), step.rows)
            if len(other):
                yield Judgement(step.kind, step.rows, other, tuple(self._scaled(step)))

    def downstream(self) -> Iterator[Downstream]:
        """Fits on predictions.

        Where the scores were changed on the way (a magnitude, an average of models), their rows
        are unknown, but not those of the last prediction before: of n scores made of m predicted
        rows, k of them new to the model, at least n - k are not new.
        """
        for step in self.steps:
            if step.op == "fit" and step.scores:
                yield from self._traced(step)
            elif step.op == "fit" and step.columns == 1 and step.rows is None:
                below = self._prediction_before(step)
                model = self.fit_of(below) if below else None
                if below is None or below.rows is None or model is None or model.rows is None:
                    continue
                if step.count <= len(below.rows):
                    new = len(np.setdiff1d(below.rows, model.rows))
                    yield Downstream(step, model, max(0, step.count - new), False)

    def _traced(self, fit: Step) -> Iterator[Downstream]:
        models: dict[str, tuple[Step, int]] = {}
        for number, rows in fit.scores.items():
            model = self.fit_of(self.steps[number])
            if model is not None and model.rows is not None:
                seen = len(np.intersect1d(rows, model.rows))
                before = models.get(model.kind, (model, 0))[1]
                models[model.kind] = (model, before + seen)
        for model, seen in models.values():
            yield Downstream(fit, model, seen, True)

    def fit_of(self, step: Step) -> Step | None:
        """The last fit of a step's object before it."""
        own = [s for s in self.steps[: step.number] if s.op == "fit" and s.object == step.object]
        return own[-1] if own else None

    def _until_next_fit(self, fit: Step) -> list[Step]:
        found = []
        for step in self.steps[fit.number + 1 :]:
            if step.object == fit.object:
                if step.op == "fit":
                    break
                found.append(step)
        return found

    def _prediction_before(self, fit: Step) -> Step | None:
        """The prediction that comes right before, no fit between."""
        for step in reversed(self.steps[: fit.number]):
            if step.op == "fit":
                return None
            if step.op == "predict":
                return step
        return None

    def overlap(self, fitted: Integers, judged: Integers) -> tuple[int, int, int]:
        """How fitted rows' labels overlap those of judged rows.

        Returns:
            Number of fitted rows that do, how many of them share a date with a judged row, and
            the smallest distance in bars between a fitted and a judged row.
        """
        places = np.unique(self.at[judged])
        mine = self.at[fitted]
        after = places[np.minimum(np.searchsorted(places, mine), len(places) - 1)]
        before = places[np.maximum(np.searchsorted(places, mine, side="right") - 1, 0)]
        distance = np.minimum(np.abs(after - mine), np.abs(mine - before))
        return int((distance < self.horizon).sum()), int((distance == 0).sum()), int(distance.min())

    def unknown(self) -> dict[str, int]:
        """Classes of estimators with how many of their fits have no known rows.

        Fits on one column are left out: :meth:`downstream` counts those.
        """
        found: dict[str, int] = {}
        for step in self.steps:
            if step.op == "fit" and step.rows is None and step.columns != 1:
                found[step.kind] = found.get(step.kind, 0) + 1
        return found

    def written(self) -> list[Path]:
        """Files that the training made or wrote over in the store, relative to it."""
        now = _files(self.store)
        return sorted(Path(p) for p, when in now.items() if self.before.get(p) != when)

    def table(self) -> Evidence:
        """All steps, for notebook and packet."""
        rows = tuple(
            (
                step.number,
                step.op,
                step.kind,
                step.object,
                step.count,
                "" if step.rows is None else self.date(int(self.at[step.rows].min())),
                "" if step.rows is None else self.date(int(self.at[step.rows].max())),
                "" if step.rows is None else len(np.unique(self.at[step.rows])),
                _from(step),
            )
            for step in self.steps
        )
        heads = ("step", "what", "class", "object", "rows", "first", "last", "dates", "values from")
        note = "on made-up data; a blank means that the rows could not be traced"
        return Evidence("steps", "What the trainer did", heads, rows, note=note)

    def _scaled(self, fit: Step) -> Iterator[tuple[str, Integers]]:
        """Preprocessing behind a fit, or within it: its kind, and the rows it was fitted on."""
        for within in self.steps[fit.begun : fit.number]:
            if within.op == "transform":
                yield from self._origin(within)
        source = fit.source
        while source is not None and source >= 0 and self.steps[source].op == "transform":
            yield from self._origin(self.steps[source])
            source = self.steps[source].source

    def _origin(self, transform: Step) -> Iterator[tuple[str, Integers]]:
        own = self.fit_of(transform)
        if own is not None and own.rows is not None:
            yield own.kind, own.rows


def trained(subject: Subject) -> Training:
    """Drive the trainer once for this subject and version.

    Raises:
        NotAssessed: there is no such hook, it does not answer, or nothing that it fitted is known.
    """
    return samples.once(subject, "training", lambda: _train(subject))


def _train(subject: Subject) -> Training:
    hook = subject.hook(HOOK)
    horizon, known = horizon_of(subject)
    features, labels = made_up(subject)
    store = subject.scratch_store()
    before = _files(store)
    reply = ask(hook.on(store), features, labels, into=mapping)
    if not reply.answered:
        raise NotAssessed(f"{HOOK} does not train on made-up data: {reply.why}")
    steps = tuple(_step(number, raw) for number, raw in enumerate(reply.got["steps"]))
    if not any(s.op == "fit" and s.rows is not None for s in steps):
        raise NotAssessed(
            f"{HOOK} fitted nothing that could be traced: name the subject's own estimators with "
            "audit_lib.hooks.watch, and train on the numbers as they are given"
        )
    dates = features.index.get_level_values("date")
    calendar = dates.unique().sort_values()
    at = np.asarray(calendar.get_indexer(dates), dtype=np.int64)
    writes = tuple(Path(p) for p in reply.got["writes"])
    return Training(
        features, labels, at, calendar, horizon, known, steps, writes, store, before,
        reply.got["version"],
    )  # fmt: skip


def _files(store: Path) -> dict[str, int]:
    """When each file below was last written, in nanoseconds."""
    return {
        p.relative_to(store).as_posix(): p.stat().st_mtime_ns
        for p in store.rglob("*")
        if p.is_file()
    }


def _step(number: int, raw: dict[str, Any]) -> Step:
    rows, source = raw["rows"], raw["source"]
    shape, scores = (raw["count"], raw["columns"], raw["begun"]), {}
    if rows is not None:
        found = np.asarray(rows, dtype=np.int64)
        if isinstance(source, np.ndarray):
            scores = {int(n): np.unique(found[source == n]) for n in np.unique(source[source >= 0])}
            source = None
        rows = np.unique(found[found >= 0])
    return Step(number, raw["op"], raw["object"], raw["class"], rows, source, *shape, scores)


def _from(step: Step) -> str:
    if step.scores:
        numbers = sorted(step.scores)
        more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
        return f"step {numbers[0]}{more}"
    if step.source is None:
        return ""
    return {FEATURES: "features", LABELS: "labels"}.get(step.source, f"step {step.source}")
