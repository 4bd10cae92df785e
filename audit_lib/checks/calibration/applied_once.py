from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field
from scipy import special

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Scalar, Severity
from audit_lib.probes.prediction.heads import HeadKind, declared_heads
from audit_lib.probes.prediction.scored import HOOK as SAMPLE
from audit_lib.probes.prediction.scored import SERVED, scored_sample
from audit_lib.probes.questions.asking import ask, ask_many, floats, mapping
from audit_lib.probes.questions.samples import few, predictions

STAGES, OUTPUTS = "explain.stages", "predictor.outputs"
FEW = 8

MOST_OUTSIDE, MOST_FOUND = 0.5, 0.9

#: what may stand between a model's output and the score that is calibrated
LINKS: dict[str, Callable[[Floats], Floats]] = {
    "the output": lambda raw: raw,
    "its logistic link": special.expit,
}

#: what is served instead, in words, by what a finding is told apart
INSTEAD = {
    "raw": "the raw score: the calibrator is never applied",
    "twice": "the map of the map: the calibrator is applied twice",
    "other class": "one minus the map: the probability of the other class",
    "of one minus": "the map of one minus the score: the score of the other class",
}


class CalibratorIsAppliedOnce(Check):
    """The probability that is served is the version's calibration map of the raw score, once.

    What it checks
        For rows of the sample: one head of the prediction is the stored map of the raw score of
        that head, or of its logistic link. No head is the raw score itself, the map of the map, or
        the probability of the other class, where the map would have made another number of it. The
        scores that the map is served lie where those lie that it was fitted on.
    Why it matters
        A calibrator is fitted in one file, loaded in a second, and applied in a third; each of
        them may do it, or none. Scores that look like probabilities hide it.
    How
        Asks `explain.stages` for what the model gives before calibration, or `predictor.outputs`
        for all that it gives, `calibration.served` for its map, and `predictor.predict` for what is
        served, and compares them row by row. Without both, it looks for the map of the scores of
        `calibration.sample` among what is served for the sample, wherever it stands. The
        range of the fit is that of the fitted rows of `calibration.sample`, widened by a quarter.
    Limitations
        Where something else stands between (a blend, a shrinkage), nothing is recognised, which is
        a gap. Rows at which the map changes nothing tell nothing.
    Remediation
        Apply the calibrator in one place, on what it was fitted on.
    Sources
        Zadrozny and Elkan (2002); Niculescu-Mizil and Caruana (2005).
    """

    code = "CAL006"
    severity = Severity.HIGH
    needs = (SERVED, "predictor.predict")
    offered = (STAGES, OUTPUTS, SAMPLE)

    rows: int = Field(300, ge=FEW, description="rows of the sample that are used")
    tolerance: float = Field(1e-6, gt=0, description="difference of probabilities that is nothing")

    def run(self, subject: Subject) -> Answers:
        """Compare each head with the map of its raw score."""
        if not subject.has(STAGES) and not subject.lacks(STAGES) and not subject.has(OUTPUTS):
            yield from self._among(subject)
            return
        features = few(subject, self.rows)
        served, others = predictions(subject).loc[features.index], _no_probabilities(subject)
        raw = self._raw(subject, features, [h for h in served.columns if h not in others])
        finite_pairs = {
            h: [_finite_pair(one, served[h]) for one in many] for h, many in raw.items()
        }
        relations: dict[str, tuple[str, str]] = {}
        pairs = {}
        for head, many in finite_pairs.items():
            for pair in (p for p in many if _is_probability(*p)):
                relation = self._compared(subject, *pair)
                if head not in relations or _rank(relation[0]) < _rank(relations[head][0]):
                    relations[head], pairs[head] = relation, pair
        if not pairs:
            raise NotAssessed("of no head is told what it is before it is a probability")
        right = [h for h, (what, _) in relations.items() if what == "once"]
        rows: list[tuple[Scalar, ...]] = [
            (h, {**INSTEAD, "once": "the map of its score"}.get(what, what), link)
            for h, (what, link) in relations.items()
        ]
        columns = ("head", "is", "of")
        yield Evidence("heads", "What each head is, beside its raw score", columns, tuple(rows))
        yield Examined(sum(len(p[0]) for p in pairs.values()), "scores and what is served of them")
        far = []
        for head, (what, link) in relations.items():
            wrong = what in INSTEAD and not (what == "raw" and right)
            score, got = LINKS[link](pairs[head][0]), pairs[head][1]
            if wrong or what == "once":
                once = ask(subject.hook(SERVED), score, into=floats(len(score)))
                far.append(float(np.nanmax(np.abs(once.needed(SERVED) - got))))
            if wrong:
                yield self._report(head, INSTEAD[what], "the stored map of the raw score")
            elif what == "once" and (seen := _apart(subject, score)):
                outside, how = seen
                yield Margin("share of scores outside the fit", outside, MOST_OUTSIDE)
                if outside > MOST_OUTSIDE:
                    yield self._report(head, how, "scores like those that it was fitted on")
        if far:
            yield Margin("what is served, off the map of its score", max(far), self.tolerance)
        if not right and not any(what in INSTEAD for what, _ in relations.values()):
            yield Gap("whether the calibrator is applied", "no head is the map of its raw score")

    @staticmethod
    def _raw(subject: Subject, features: pd.DataFrame, heads: list[str]) -> dict[str, list[Any]]:
        """What each head may be made of: its score before calibration, or any output."""
        if subject.has(STAGES) or not subject.has(OUTPUTS):
            raw = ask(subject.hook(STAGES), features, into=mapping).needed(STAGES).get("raw", {})
            return {h: [raw[h]] for h in heads if raw is not None and h in raw}
        given = ask(subject.hook(OUTPUTS), features, into=floats(len(features), -1))
        return {h: list(given.needed(OUTPUTS).T) for h in heads}

    def _among(self, subject: Subject) -> Answers:
        """Look for the scores of `calibration.sample` among what is served, whatever the row."""
        scores = np.unique(scored_sample(subject).scores)
        got, others = predictions(subject), _no_probabilities(subject)
        relations, shares = {}, [0.0]
        once = ask(subject.hook(SERVED), scores, into=floats(len(scores)))
        for head in (h for h in got.columns if h not in others):
            served = np.unique(np.asarray(got[head], dtype=np.float64))
            served = served[np.isfinite(served)]
            if len(served) > 1 and served[0] >= 0 and served[-1] <= 1:
                relations[str(head)] = self._is(subject, scores, served, by_row=False)
                shares += [_share(once.got, served, self.tolerance)] if once.answered else []
        rows = tuple(
            (h, INSTEAD.get(what, what), "scores of the sample") for h, what in relations.items()
        )
        yield Evidence("heads", "What each head is, by the values", ("head", "is", "of"), rows)
        yield Examined(len(scores) * len(relations), "scores that were looked for")
        yield Margin("share of the map that is served", max(shares), MOST_FOUND, least=True)
        if "once" not in relations.values():
            for head, what in relations.items():
                if what in INSTEAD:
                    yield self._report(head, INSTEAD[what], "the map of the raw score")
            if not set(relations.values()) & set(INSTEAD):
                why = f"no head holds the map of the scores of {SAMPLE}; write {STAGES}"
                yield Gap("whether the calibrator is applied", why)

    def _report(self, head: str, what: str, expected: str) -> Answer:
        return self.departs(
            f"head {head} is {what}",
            hook="predictor.predict",
            measured=what.partition(": ")[0],
            expected=expected,
            key=head,
            evidence=("heads",),
        )

    def _compared(self, subject: Subject, raw: Floats, served: Floats) -> tuple[str, str]:
        """What the values served are, and of which link of the score.

        ``once``, one of :data:`INSTEAD`, or something else.
        """
        relations = [(self._is(subject, link(raw), served), name) for name, link in LINKS.items()]
        once = [f for f in relations if f[0] == "once"]
        return next(iter(once or [f for f in relations if f[0] in INSTEAD]), relations[0])

    def _is(self, subject: Subject, score: Floats, served: Floats, *, by_row: bool = True) -> str:
        """What the values served are of the scores: of the same rows, or wherever they stand."""
        hook = subject.hook(SERVED)
        replies = ask_many(hook, [(score,), (1 - score,)], into=floats(len(score)))
        if not replies[0].answered:
            return "unknown: the map is not defined there"
        once = replies[0].got
        again = ask(hook, once, into=floats(len(score)))
        tried = {"once": once, "raw": score, "other class": 1 - once}
        if again.answered:
            tried["twice"] = again.got
        if replies[1].answered:
            tried["of one minus"] = replies[1].got
        for name, values in tried.items():
            apart = np.abs(values - once) > 10 * self.tolerance
            if name != "once" and apart.sum() < FEW:
                continue  # it would be the same number
            telling = values if name == "once" else values[apart]
            if by_row and np.allclose(values, served, rtol=0, atol=self.tolerance):
                return name
            if not by_row and _share(telling, served, self.tolerance) >= MOST_FOUND:
                return name
        return "something else"


def _share(values: Floats, among: Floats, tolerance: float) -> float:
    """Share of the different values that stand among others, which are sorted."""
    wanted = np.unique(np.round(values, 12))
    place = np.clip(np.searchsorted(among, wanted), 1, len(among) - 1)
    near = np.minimum(np.abs(among[place] - wanted), np.abs(among[place - 1] - wanted))
    return float((near <= tolerance / 100).mean()) if len(wanted) >= FEW else 0.0


def _apart(subject: Subject, scores: Floats) -> tuple[float, str] | None:
    """Share of scores that lie elsewhere than those of the fit, also in words; None if unknown."""
    if not subject.has(SAMPLE):
        return None
    sample = scored_sample(subject)
    fitted = sample.scores[sample.fitted]
    if len(fitted) < FEW:
        return None
    low, high = float(fitted.min()), float(fitted.max())
    wider = (high - low) / 4
    outside = float(np.mean((scores < low - wider) | (scores > high + wider)))
    return outside, (
        f"the map of other scores than it was fitted on: {outside:.0%} of {scores.min():.4g} to "
        f"{scores.max():.4g} lie outside {low:.4g} to {high:.4g}"
    )


def _no_probabilities(subject: Subject) -> set[str]:
    """Heads that are declared to be something else."""
    try:
        heads = declared_heads(subject)
    except (NotAssessed, NotApplicable):
        return set()
    return {h.name for h in heads if h.kind not in (HeadKind.PROBABILITY, HeadKind.UNKNOWN)}


def _finite_pair(raw: object, served: object) -> tuple[Floats, Floats]:
    one, other = np.asarray(raw, dtype=np.float64), np.asarray(served, dtype=np.float64)
    finite = np.isfinite(one) & np.isfinite(other)
    return one[finite], other[finite]


def _is_probability(raw: Floats, served: Floats) -> bool:
    """True where the values served could be probabilities, and the scores differ."""
    inside = len(served) >= FEW and ((served >= 0) & (served <= 1)).all()
    return bool(inside and len(np.unique(raw)) > 1 and len(np.unique(served)) > 1)


def _rank(what: str) -> int:
    """The map itself before what is served instead, and that before what is not known."""
    return 0 if what == "once" else 1 if what in INSTEAD else 2
