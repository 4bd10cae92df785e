"""The record of one training: steps, and what follows from which rows went into them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats, Integers
from audit_lib.model import Evidence
from audit_lib.probes.labels.folds import iso

FEATURES, LABELS = -1, -2  # where values come from that no step made


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
        resembles: rank correlation by which ``scores`` were told; 0 where they are the values.
        below: object that a calibrator was put on by reference.
        label: number of the label that was learnt; None where unknown.
        sources: where the values of its columns come from.
        order: which given feature each column follows, -1 for none; empty where unknown.
        named: a model that keeps the names of the columns it was fitted on.
        stateless: a transformer that learns nothing from rows.
        chooses: a fit that only chooses, such as columns; it counts for models of fewer columns.
        digest: of the numbers that were fitted on.
        stacked: the same where columns beside features follow predictions.
        values: what was predicted, shape (n, k), and ``owners``, its rows; of a fit on one column
            that cannot be traced, that column.
        stops: rows that chose the number of rounds of a fit.
        means: of what it and those before it predicted of the same rows, an ensemble's; (n, m).
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
    resembles: float = 0.0
    below: int | None = None
    label: int | None = None
    sources: tuple[int, ...] = ()
    order: tuple[int, ...] = ()
    named: bool = False
    stateless: bool = False
    stops: bool = False
    chooses: bool = False
    digest: str = ""
    scores: dict[int, Integers] = field(default_factory=dict)
    stacked: dict[int, Integers] = field(default_factory=dict)
    values: Floats | None = None
    means: Floats | None = None
    owners: Integers | None = None


@dataclass(frozen=True, eq=False)
class Judgement:
    """A model, and rows that it predicted and was not fitted on.

    Attributes:
        kind: class of the model.
        fitted: rows of its last fit before.
        judged: the other rows that it predicted.
        scaled: kind and rows of each preprocessing step between the table and its fit.
        horizon: bars that its label spans; the longest where it is not known which it is.
        fed: judged rows whose predictions a next model is fitted on beside features.
        stopped: whether all of the judged rows chose its number of rounds, and it was asked again.
    """

    kind: str
    fitted: Integers
    judged: Integers
    scaled: tuple[tuple[str, Integers], ...]
    horizon: int
    fed: Integers
    stopped: bool


@dataclass(frozen=True, eq=False)
class Downstream:
    """Something fitted on a model's predictions: a calibrator, or the next layer of a stack.

    Attributes:
        fit: the fit; ``model`` is the fit of the model below.
        seen: how many of its rows that model was fitted on.
        how: how its rows were told.
    """

    fit: Step
    model: Step
    seen: int
    how: str


@dataclass(frozen=True, eq=False)
class Training:
    """One run of the trainer.

    Attributes:
        features, labels: the made-up table; index (asset, date).
        at: position of each row's date in the calendar, shape (n,).
        calendar: distinct dates, sorted.
        horizon: bars that the longest label spans; ``known`` says how that is known.
        horizons: the same for each label, as far as they are known.
        failed: how it ended, where it did not end well.
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
    horizons: dict[str, int]
    failed: str
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
            seen = [rows for rows, mixed in self._answered(step) if not mixed]
            other = np.setdiff1d(np.concatenate([step.rows[:0], *seen]), step.rows)
            # labels of the last bars are not known in life: asked about these only, a model serves
            if (self.at[other] <= self.at.max() - self._horizon(step)).any():
                own = {s.number for s in self._until_next_fit(step)}
                parts = [r for s in self.steps for n, r in s.stacked.items() if n in own]
                fed = np.intersect1d(other, np.concatenate([step.rows[:0], *parts]))
                scaled, horizon = tuple(self._scaled(step)), self._horizon(step)
                asked = [s for s in self._until_next_fit(step) if s.op == "predict"]
                chose, later = (
                    np.concatenate([step.rows[:0], *(s.rows for s in asked if s.stops == stops)])
                    for stops in (True, False)
                )
                stopped = bool(len(later)) and not len(np.setdiff1d(other, chose))
                yield Judgement(step.kind, step.rows, other, scaled, horizon, fed, stopped)

    def _answered(self, fit: Step) -> Iterator[tuple[Integers, bool]]:
        """Rows of each prediction until the next fit; and whether most fitted rows are among them.

        A model that is asked about the whole history at once is not judged by that: which of the
        answers count is not told.
        """
        answers = ("predict", "transform") if fit.scores else ("predict",)
        for step in self._until_next_fit(fit):
            if step.op in answers and step.rows is not None and fit.rows is not None:
                again = len(np.intersect1d(step.rows, fit.rows))
                yield step.rows, len(step.rows) > again > len(fit.rows) / 2

    def downstream(self) -> Iterator[Downstream]:
        """Fits on predictions whose rows are known."""
        for step in self.steps:
            if step.op == "fit" and (step.scores or step.stacked):
                yield from self._traced(step)
            elif step.op == "fit" and step.below is not None and step.rows is not None:
                own = [s for s in self.steps[: step.number] if s.object == step.below]
                model = next((s for s in reversed(own) if s.op == "fit"), None)
                if model is not None and model.rows is not None:
                    seen = len(np.intersect1d(step.rows, model.rows))
                    yield Downstream(step, model, seen, "given the model")

    def _traced(self, fit: Step) -> Iterator[Downstream]:
        models: dict[str, tuple[Step, Integers]] = {}
        for number, rows in (fit.scores or fit.stacked).items():
            model = self.fit_of(self.steps[number])
            if model is not None and model.rows is not None:
                before = models.get(model.kind, (model, rows[:0]))[1]
                models[model.kind] = (model, np.union1d(before, np.intersect1d(rows, model.rows)))
        how = f"rank correlation {fit.resembles:.2f}" if fit.resembles else "values"
        how = how if fit.scores else "columns in their order"
        for model, seen in models.values():
            yield Downstream(fit, model, len(seen), how)

    def fit_of(self, step: Step) -> Step | None:
        """The last fit of a step's object before it."""
        own = [s for s in self.steps[: step.number] if s.op == "fit" and s.object == step.object]
        return own[-1] if own else None

    def _until_next_fit(self, fit: Step) -> list[Step]:
        steps = []
        for step in self.steps[fit.number + 1 :]:
            if step.object == fit.object:
                if step.op == "fit":
                    break
                steps.append(step)
        return steps

    def _horizon(self, fit: Step) -> int:
        if fit.label is None:
            return self.horizon
        return self.horizons.get(str(self.labels.columns[fit.label]), self.horizon)

    def overlap(self, judgement: Judgement) -> tuple[int, int, int]:
        """How fitted rows' labels overlap those of judged rows.

        Returns:
            Number of fitted rows that do, how many of them share a date with a judged row, and
            the smallest distance in bars between a fitted and a judged row.
        """
        places = np.unique(self.at[judgement.judged])
        mine = self.at[judgement.fitted]
        after = places[np.minimum(np.searchsorted(places, mine), len(places) - 1)]
        before = places[np.maximum(np.searchsorted(places, mine, side="right") - 1, 0)]
        distance = np.minimum(np.abs(after - mine), np.abs(mine - before))
        return (
            int((distance < judgement.horizon).sum()),
            int((distance == 0).sum()),
            int(distance.min()),
        )

    def unknown(self) -> dict[str, str]:
        """Classes of estimators, and what of their rows is not known.

        Fits on one column are left out: those on scores are told by :meth:`scores_unknown`.
        """
        counts_by_kind: dict[str, Counter[str]] = {}
        for step in self.steps:
            if step.rows is None and step.columns != 1:
                what = {"fit": "fits", "predict": "predictions"}.get(step.op)
                if what:
                    counts_by_kind.setdefault(step.kind, Counter())[what] += 1
            elif step.op == "fit" and step.rows is not None:
                answers = [mixed for _, mixed in self._answered(step)]
                if answers and all(answers):
                    counts_by_kind.setdefault(step.kind, Counter())["judgements"] += 1
        words = {
            "fits": "the rows behind {} fits could not be traced",
            "predictions": "the rows of {} predictions could not be traced",
            "judgements": "{} fits were asked about fitted and other rows at once only",
        }
        return {
            kind: "; ".join(words[what].format(n) for what, n in counts.items())
            for kind, counts in counts_by_kind.items()
        }

    def scores_unknown(self) -> dict[str, int]:
        """Classes with how many fits on one column, after some prediction, cannot be traced."""
        first = next((s.number for s in self.steps if s.op == "predict"), len(self.steps))
        return dict(
            Counter(
                s.kind
                for s in self.steps[first:]
                if s.op == "fit" and s.columns == 1 and s.rows is None
            )
        )

    def scaling_unknown(self) -> list[Step]:
        """Fits that are known by their labels only, not by what they read."""
        return [s for s in self.steps if s.op == "fit" and s.source == LABELS]

    def written(self) -> list[Path]:
        """Files that the training made or wrote over in the store, relative to it."""
        now = files_of(self.store)
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
        within = [s.number for s in self.steps[fit.begun : fit.number] if s.op == "transform"]
        left, seen = [*within, *fit.sources], set[int]()
        followed = {s.object for s in self.steps if s.op == "transform"}
        chosen = [
            (s.kind, s.rows)
            for s in self.steps[: fit.number][::-1]
            if s.chooses and s.object not in followed and s.columns > fit.columns
            if s.rows is not None
        ]
        fitted = fit.rows
        if chosen and fitted is not None and not fit.chooses:  # of one a fold, that for these rows
            yield min(chosen, key=lambda c: len(np.setdiff1d(c[1], fitted)))
        while left:
            number = left.pop()
            if number < 0 or number in seen or self.steps[number].op != "transform":
                continue
            seen.add(number)
            yield from self._origin(self.steps[number])
            own = self.fit_of(self.steps[number])
            left += [self.steps[number].source or FEATURES, *(own.sources if own else ())]

    def _origin(self, transform: Step) -> Iterator[tuple[str, Integers]]:
        own = self.fit_of(transform)
        if own is not None and own.rows is not None and not own.stateless:
            yield own.kind, own.rows


def _from(step: Step) -> str:
    if step.scores:
        numbers = sorted(step.scores)
        more = f" and {len(numbers) - 1} more" if len(numbers) > 1 else ""
        return f"step {numbers[0]}{more}"
    if step.source is None:
        return ""
    return {FEATURES: "features", LABELS: "labels"}.get(step.source, f"step {step.source}")


def files_of(store: Path) -> dict[str, int]:
    """When each file below was last written, in nanoseconds."""
    return {
        p.relative_to(store).as_posix(): p.stat().st_mtime_ns
        for p in store.rglob("*")
        if p.is_file()
    }
