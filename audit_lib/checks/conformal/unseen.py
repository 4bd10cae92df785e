from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from audit_lib.arrays import Flags, Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Bound, Evidence, Examined, Severity
from audit_lib.probes.training.record import Training
from audit_lib.probes.training.steps import HOOK, trained
from audit_lib.subject.artifacts import Budget, read_artifact
from audit_lib.subject.pointers import pointer_to

FEWEST = 20
"""numbers of a column that can be told"""
SHARE = 0.9
"""of them that are residuals, for the column to be one of residuals"""
CLOSE = 1e-7
"""of the spread of residuals: single precision, at which few rows look alike"""
LEVELS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25)
"""miscoverages whose quantiles are known again"""
SAME, MOST = 1e-9, 8
"""relative difference of one quantile from itself, and columns of a table that are looked at"""


class ResidualsAreOfUnseenRows(Check):
    """Residuals behind intervals are those of rows that the model was not fitted on.

    What it checks
        No residuals that the trainer stores or fits something on, and no stored quantile of
        residuals, come from rows that the model which predicted them was fitted on.
    Why it matters
        A model errs less on rows it knows. Intervals made of such errors are too narrow from the
        first day, most so for flexible models, and every size that follows them is too large.
    How
        Drives the trainer once on made-up data (`retrain.train`) and takes the differences of each
        label, or its logarithm, from each prediction seen. Columns of numbers that are stored, and
        columns that something is fitted on, are known again by their values, in any order, with
        or without sign; stored numbers as a quantile of one prediction's residuals.
    Limitations
        Residuals that were divided by a scale, rounded, or thinned before a quantile was taken are
        not known again. Predictions must be seen: name the subject's own models with `watch`.
    Remediation
        Take residuals from out-of-fold predictions, or from a period that ends the training rows.
    Sources
        Lei et al. (2018), Distribution-Free Predictive Inference for Regression, section 2.2;
        Barber et al. (2021), Predictive Inference with the Jackknife+, section 1.
    """

    code = "CNF102"
    severity = Severity.HIGH
    needs = (HOOK,)

    def run(self, subject: Subject) -> Answers:
        """Know residuals again, and tell whose they are."""
        training = trained(subject)
        groups = _residuals(training)
        if not groups:
            raise NotAssessed("no prediction of the trainer could be traced, so no residual either")
        rows, seen = [], []
        for place, what, seen_rows in self._matches(training, groups):
            share = float(seen_rows.mean())
            rows.append((place, what, len(seen_rows), int(seen_rows.sum())))
            if share > 1 - SHARE:
                seen.append((place, what, seen_rows))
        if not rows:
            raise NotAssessed("the trainer stores no residuals that are known again")
        heads = ("where", "residuals of", "rows", "rows the model was fitted on")
        title, bound = "Residuals that the trainer keeps", Bound(heads[3], 0, "rows")
        yield Evidence("residuals", title, heads, tuple(rows), bound=bound)
        for place, what, seen_rows in seen:
            count = f"{int(seen_rows.sum())} of {len(seen_rows)}"
            yield self.departs(
                f"{place} holds residuals of {what}, {count} of them of rows that the model which "
                "predicted them was fitted on",
                measured=f"{count} rows",
                expected="0",
                key=f"{place} {what}",
                cause="residuals of fitted rows",
                evidence=("residuals",),
            )
        yield Examined(len(rows), "columns or quantiles of residuals")

    def _matches(
        self, training: Training, groups: dict[str, list[tuple[Floats, Flags]]]
    ) -> Iterator[tuple[str, str, Flags]]:
        """Place and label of what is known again, and which of its rows the model knew."""
        whole = {what: _joined(parts) for what, parts in groups.items()}
        answers = [
            s.values.ravel() for s in training.steps if s.op == "predict" and s.values is not None
        ]
        scores = _joined([(v, v > 0) for v in answers])
        quantiles = [
            (_quantiles(d[rows]), k[rows], what)
            for what, parts in groups.items()
            for d, k in parts
            for rows in (np.ones(len(k), dtype=bool), k, ~k)  # all, and either kind alone
            if rows.sum() >= FEWEST
        ]
        for place, values in [*_fitted(training), *_stored(training)]:
            if len(values) >= FEWEST:
                again = [(*_again(values, *pair), what) for what, pair in whole.items()]
                share, seen_rows, what = max(again, key=lambda candidate: candidate[0])
                if share >= SHARE and _again(values, *scores)[0] < SHARE:
                    yield place, what, seen_rows
            elif len(values) == 1 and values[0] != 0:
                size = abs(values[0])
                sets = [(k, w) for q, k, w in quantiles if (np.abs(q - size) <= SAME * size).any()]
                if sets:  # where rows of both kinds give it, it is the right one
                    seen_rows, what = min(sets, key=lambda candidate: float(np.mean(candidate[0])))
                    yield place, f"a quantile of {what}", seen_rows


def _residuals(training: Training) -> dict[str, list[tuple[Floats, Flags]]]:
    """By label: the residuals of each prediction, and which rows its model was fitted on."""
    residuals: dict[str, list[tuple[Floats, Flags]]] = {}
    labels = {str(n): training.labels[n].to_numpy(np.float64) for n in training.labels}
    labels |= {f"the logarithm of {n}": np.log(v) for n, v in labels.items() if (v > 0).all()}
    for step in training.steps:
        fit = training.fit_of(step)
        if step.op != "predict" or fit is None or fit.rows is None:
            continue
        if step.values is None or step.owners is None:
            continue
        owned = step.owners >= 0
        seen = np.isin(step.owners, fit.rows)[owned]
        told = [f", output {n}" * (n > 0) for n in range(step.values.shape[1])]
        means = () if step.means is None else step.means.T
        told += [", averaged"] * len(means)
        for column, which in zip((*step.values.T, *means), told, strict=True):
            for name, label in labels.items():
                residual = label[step.owners[owned]] - column[owned]
                if np.isfinite(residual).all() and len(residual) >= FEWEST:
                    residuals.setdefault(f"{name} by {fit.kind}{which}", []).append(
                        (residual, seen)
                    )
    return residuals


def _joined(parts: list[tuple[Floats, Flags]]) -> tuple[Floats, Flags]:
    values = np.abs(np.concatenate([d for d, _ in parts]))
    order = np.argsort(values)
    return values[order], np.concatenate([k for _, k in parts])[order]


def _again(values: Floats, ordered: Floats, seen_rows: Flags) -> tuple[float, Flags]:
    """Share of values that are among the residuals, and of these which are of known rows."""
    sizes = np.abs(values)
    place = np.clip(np.searchsorted(ordered, sizes), 1, len(ordered) - 1)
    place -= sizes - ordered[place - 1] < ordered[place] - sizes
    hit = np.abs(ordered[place] - sizes) <= CLOSE * ordered[len(ordered) // 2]
    return float(hit.mean()) if len(np.unique(sizes)) >= FEWEST else 0.0, seen_rows[place[hit]]


def _quantiles(residuals: Floats) -> Floats:
    """Sizes of quantiles that make intervals: of magnitudes, of both tails, by rank or between."""
    sizes, n = np.sort(np.abs(residuals)), len(residuals)
    ranks = [int(np.ceil((n + 1) * (1 - a) - 1e-9)) - 1 for a in LEVELS]
    inner = [1 - a for a in LEVELS]
    tails = [share for a in LEVELS for share in (a / 2, 1 - a / 2)]
    parts = [sizes[[r for r in ranks if r < n]], np.quantile(sizes, inner)]
    return np.concatenate([*parts, np.abs(np.quantile(residuals, tails))])


def _fitted(training: Training) -> Iterator[tuple[str, Floats]]:
    for step in training.steps:
        if step.op == "fit" and step.values is not None:
            yield f"what {step.kind} was fitted on", step.values[:, 0]


def _stored(training: Training) -> Iterator[tuple[str, Floats]]:
    """Columns of numbers, and numbers, in what the trainer wrote."""
    budget = replace(Budget(), array_values=len(training.features) * 4)
    for file in training.written():
        shown = "/".join("{version}" if p == training.version else p for p in file.parts)
        document = read_artifact(training.store / file, budget=budget).document
        for pointer, column in _columns(document, ""):
            yield f"{shown} {pointer}".strip(), column


def _columns(node: Any, pointer: str) -> Iterator[tuple[str, Floats]]:
    """Numbers that stand alone, and columns of numbers, by their pointer."""
    if isinstance(node, float) and np.isfinite(node):
        yield pointer, np.array([node])
    elif isinstance(node, dict):
        for key, inner in node.items():
            yield from _columns(inner, pointer + pointer_to(str(key)))
    elif isinstance(node, list):
        try:
            table = np.asarray(node, dtype=np.float64)
        except (TypeError, ValueError):
            for number, inner in enumerate(node):
                yield from _columns(inner, f"{pointer}/{number}")
            return
        for column in table.reshape(len(table), -1).T[:MOST] if len(table) >= FEWEST else ():
            yield pointer, column[np.isfinite(column)]
