from collections.abc import Callable
from typing import Any

import numpy as np
from pydantic import Field

from audit_lib.arrays import Flags, Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.questions.asking import ask_many, mapping, number
from audit_lib.probes.questions.domain import Reaction, on_purpose, reaction

Sample = tuple[Floats, Floats]
HOOK = "calibration.measures"
PROPER: dict[str, Callable[[Floats, Floats], float]] = {
    "brier": lambda s, y: float(np.mean((s - y) ** 2)),
    "log_loss": lambda s, y: float(-np.mean(np.log(np.where(y > 0.5, s, 1 - s)))),
}
KNOWN = ("ece", "mce", *PROPER)
NEAR = 1e-6


class MeasuresAreWhatTheyAreCalled(Check):
    """The subject's own calibration error, Brier score and log loss are what they are called.

    What it checks
        On drawn scores whose error is the same however they are binned, `ece` is that error:
        probabilities too high, too low, both at once (which must not cancel), all 0 and all 1 (the
        last bin), exactly right; and 1 for 0.999999999 changes nothing. `mce` is no smaller than
        it, `brier` and `log_loss` are their definitions. Rows that cannot be judged (none at all,
        NaN, outcomes missing, one outcome only, scores that are no probabilities, lengths that
        differ) get a refusal, NaN or the error of the other rows, and never a better number.
    Why it matters
        A gate compares this number with a bound. A measure that answers 0 for an empty sample, or
        drops the rows that it cannot bin from the sum and not from the count, opens it.
    How
        Drives `calibration.measures` on seeded samples. Where every bin errs in the same
        direction, the weighted mean of gaps is the gap of the means, for bins of equal width, equal
        count or any other.
    Limitations
        An error that is not weighted by rows, or that squares gaps, is not `ece` in this sense.
        Samples err by far more than real ones, so that a small bias of the measure is not seen.
    Remediation
        Weigh gaps by rows, let the last bin hold its upper end, and refuse what cannot be judged.
    Sources
        Naeini, Cooper and Hauskrecht (2015), section 3; Brier (1950); Good (1952).
    """

    code = "CAL008"
    severity = Severity.HIGH
    offered = (HOOK,)

    seed: int = Field(12, description="of everything random")
    rows: int = Field(2000, ge=400, description="rows of a sample")

    def run(self, subject: Subject) -> Answers:
        """Ordinary samples first; odd ones for the measures that are right on those."""
        rng = np.random.default_rng(self.seed)
        samples, odd = _samples(rng, self.rows), _odd(rng, self.rows)
        calls = [*samples.values(), *(sample for sample, _ in odd.values())]
        replies = ask_many(subject.hook(HOOK), calls, into=_measures)
        plain_replies = dict(zip(samples, replies, strict=False))
        rows: list[tuple[str, str, str, str]] = []
        wrong: dict[str, dict[str, str]] = {}
        measures_asked: set[str] = set()
        for name, reply in plain_replies.items():
            if not reply.answered:
                yield Gap(f"the sample {name!r}", reply.why)
                continue
            for measure, got in reply.got.items():
                if np.isnan(got):
                    yield Gap(f"{measure} of the sample {name!r}", "answered NaN")
                    continue
                near = plain_replies[_NEXT]
                beside = reply.got if name != _ENDS else near.got if near.answered else {}
                due, fits = _due(measure, name, samples[name], got, beside)
                measures_asked.add(measure)
                rows.append((name, measure, f"{got:.6g}", due))
                if not fits:
                    told = f"{got:.4g} where {name} ({due} is due)"
                    wrong.setdefault(measure, {})[name] = told
        sound = measures_asked - wrong.keys()
        lost: dict[str, list[str]] = {}
        crashes = []
        for (name, ((scores, outcomes), usable)), reply in zip(
            odd.items(), replies[len(samples) :], strict=True
        ):
            if reaction(reply) is Reaction.CRASHED and not on_purpose(reply):
                crashes.append(f"{name}: {reply.why}")
            for measure in sorted(sound & (reply.got.keys() if reply.answered else set())):
                got = reply.got[measure]
                if not _better(measure, got, scores, outcomes, usable):
                    continue
                rows.append((name, measure, f"{got:.6g}", "a refusal, or NaN"))
                lost.setdefault(name, []).append(f"{measure} is {got:.4g}")
        yield Examined(len(measures_asked) * len(samples) + len(odd), "answers")
        heads = ("sample", "measure", "answered", "due")
        yield Evidence("measures", "Measures on drawn samples", heads, tuple(rows))
        yield from self._others(wrong)
        for name, complaints in lost.items():
            yield self.departs(
                f"{name}: {', '.join(complaints)}",
                measured=", ".join(complaints),
                expected="a refusal, NaN, or the measure of the rows that can be judged",
                key=name,
                severity=Severity.HIGH if name in _EMPTY else Severity.MEDIUM,
                cause="nothing to judge" if name in _EMPTY else "rows that cannot be judged",
                evidence=("measures",),
            )
        if crashes:
            yield self.departs(
                f"{len(crashes)} of {len(odd)} odd samples end in a crash: {crashes[0]}",
                measured=crashes[0],
                expected="a refusal, or NaN",
                key="crashes",
                severity=Severity.LOW,
            )

    def _others(self, wrong: dict[str, dict[str, str]]) -> Answers:
        """Measures that are others than they are called."""
        for measure, texts in wrong.items():
            if measure == "mce" and texts.keys() <= wrong.get("ece", {}).keys():
                continue  # of the same bins
            first, *more = texts.values()
            yield self.departs(
                f"{measure} is not what it is called: {first}"
                + (f" (and on {len(more)} more samples)" if more else ""),
                measured=first,
                expected="the measure's definition",
                key=measure,
                evidence=("measures",),
            )


def _measures(raw: Any) -> dict[str, float]:
    values = {name: number(value) for name, value in mapping(raw).items() if name in KNOWN}
    if not values:
        raise ValueError(f"wanted some of {', '.join(KNOWN)}")
    return values


_TOO_HIGH, _TOO_LOW = "probabilities are too high", "probabilities are too low"
_BOTH, _ONE, _ZERO = "some are too high, others too low", "all are 1", "all are 0"
_RIGHT = "probabilities are the outcomes"
_NEXT, _ENDS = "many are all but 0 or 1", "many are exactly 0 or 1"


def _samples(rng: np.random.Generator, rows: int) -> dict[str, Sample]:
    """Scores and outcomes of which every bin errs in a known direction."""
    # Few scores stand far out, so that bins which count alike give another mean.
    low = np.where(rng.random(rows) < 0.9, rng.uniform(0.61, 0.66, rows), 0.85)
    high, seldom = _mixed(rng, np.sort(low + rng.uniform(0, 0.03, rows)), every=4)
    wide, rarely = _mixed(rng, np.sort(rng.uniform(0.7, 0.89, rows)), every=4)
    half = rng.permutation(np.arange(rows) % 2).astype(float)
    # Errors of the last bin cancel in part, unless 1 has a bin of its own.
    sure = np.where(np.arange(rows) % 2, rng.uniform(0.9, 0.999, rows), 1 - 1e-9)
    right = np.where(np.arange(rows) % 4 == 0, 0.0, 1.0)
    near, hits = np.concatenate([sure, 1 - sure]), np.concatenate([right, 1 - right])
    return {
        _TOO_HIGH: (high, seldom),
        _TOO_LOW: (1 - high, 1 - seldom),
        _BOTH: (np.concatenate([wide, 1 - wide]), np.concatenate([rarely, 1 - rarely])),
        _ONE: (np.ones(rows), half),
        _ZERO: (np.zeros(rows), half),
        _RIGHT: (half.copy(), half),
        _NEXT: (near, hits),
        _ENDS: (np.where(np.abs(near - 0.5) > 0.4999999, np.round(near), near), hits),
    }


def _mixed(rng: np.random.Generator, scores: Floats, every: int) -> Sample:
    outcomes, order = (np.arange(len(scores)) % every == 0).astype(float), rng.permutation
    places = order(len(scores))
    return scores[places], outcomes[places]


def _due(
    measure: str, name: str, sample: Sample, got: float, beside: dict[str, float]
) -> tuple[str, bool]:
    """What is due, in words, and whether the answer fits; of _ENDS, beside those of _NEXT."""
    scores, outcomes = sample
    # Where a logarithm is cut is a convention, and what bins hold together another.
    if name in (_NEXT, _ENDS) and measure != "brier":
        if name == _NEXT or measure == "log_loss" or measure not in beside:
            return "any", True
        return f"{beside[measure]:.6g}, as for 0.999999999", abs(got - beside[measure]) <= NEAR
    if measure in PROPER:
        if measure == "log_loss" and name == _RIGHT:  # where a logarithm is cut is a convention
            return "about 0", abs(got) < 0.01
        if measure == "log_loss" and name in (_ONE, _ZERO):
            return "at least 0.69", got >= 0.69
        due = PROPER[measure](scores, outcomes)
        return f"{due:.6g}", abs(got - due) <= NEAR
    gap = abs(float(scores.mean() - outcomes.mean()))
    if name == _BOTH:  # bins that hold both sides of the middle cancel a part of it
        half = len(scores) // 2
        due = abs(float(scores[:half].mean() - outcomes[:half].mean())) / 2
        return f"at least {due:.3g}", got >= due
    if measure == "mce" and name != _RIGHT:
        least = max(gap, beside.get("ece", gap)) - NEAR
        return f"at least {gap:.6g}", least <= got <= 1
    return f"{gap:.6g}", abs(got - gap) <= NEAR


_EMPTY = ("no rows", "every score is NaN", "every outcome is missing")


def _odd(rng: np.random.Generator, rows: int) -> dict[str, tuple[Sample, Flags]]:
    """Samples that cannot be judged as they are, and the rows of each that can."""
    scores, outcomes = _samples(rng, rows)[_TOO_HIGH]
    none, tenth = np.zeros(rows, dtype=bool), np.arange(rows) % 10 == 0
    every, nan = ~none, np.full(rows, np.nan)
    return {
        "no rows": ((scores[:0], outcomes[:0]), none[:0]),
        "every score is NaN": ((nan, outcomes), none),
        "every outcome is missing": ((scores, nan), none),
        "a tenth of the scores is NaN": ((np.where(tenth, np.nan, scores), outcomes), ~tenth),
        "a tenth of the outcomes is missing": ((scores, np.where(tenth, np.nan, outcomes)), ~tenth),
        "all outcomes are 0": ((scores, np.zeros(rows)), every),
        "all outcomes are 1": ((scores, np.ones(rows)), every),
        "a tenth of the scores is 1.7": ((np.where(tenth, 1.7, scores), outcomes), ~tenth),
        "one outcome for all scores": ((scores, outcomes[:1]), none),
    }


def _better(measure: str, got: float, scores: Floats, outcomes: Floats, usable: Flags) -> bool:
    """Whether an answer to an odd sample says more than its rows do.

    Where some rows can be judged, their own measure is an honest answer, and so is a worse one.
    """
    if not np.isfinite(got):
        return False
    if not usable.any():
        return True
    s, y = scores[usable], outcomes[usable]
    due = PROPER[measure](s, y) if measure in PROPER else abs(float(s.mean() - y.mean()))
    return got < due - NEAR
