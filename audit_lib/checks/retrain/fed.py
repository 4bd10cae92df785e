from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.probes.lifecycle.retraining import decided, healthy, lived, ways
from audit_lib.probes.questions.asking import ask_many, mapping, reasons
from audit_lib.probes.questions.samples import inputs, whole_dates

HOOK, TRIGGER = "retrain.state", "retrain.decide"
#: key of a state to what must move it
MOVED_BY = {
    "days_since_training": "time",
    "psi": "features that drift",
    "errors": "outcomes that miss",
    "live_score": "outcomes that miss",
}


class TriggersAreFed(Check):
    """What a trigger listens to, the live caller tells it, and tells it anew.

    What it checks
        Every key of the state that turns the trigger on is in what the live caller gives it, is
        no NaN, and moves with what it should: the age with time, the drift with features, errors
        and live score with outcomes.
    Why it matters
        A trigger that works and is never called with live numbers passes every test of its own.
        A score that is read once at the start, or a drift of the training data against itself,
        stays healthy for as long as the model lives.
    How
        Turns `retrain.decide` on with one key at a time, and asks `retrain.state` for the state
        after live rows like those of the sample, after the same with features that drift, with
        outcomes that miss, and half a year later.
    Limitations
        Whether a number is right is not judged, only that it moves, and in the bad direction.
    Remediation
        Let the loop that trades call the trigger, with numbers from the rows that it has just seen.
    Sources
        Breck et al. (2017), The ML Test Score, section V (monitoring tests).
    """

    code = "RET005"
    severity = Severity.HIGH
    needs = (TRIGGER, "predictor.required")
    offered = (HOOK,)

    seed: int = Field(41, description="of everything random")
    rows: int = Field(400, ge=60, description="live rows, about")

    def run(self, subject: Subject) -> Answers:
        """What turns it on, and what it is told."""
        heard = self._heard(subject)
        if not heard:
            raise NotAssessed("no single key of the state turns the trigger on")
        features = whole_dates(inputs(subject), self.rows)
        calm = lived(features, seed=self.seed)
        today = pd.Timestamp(features.index.get_level_values(-1).max()) + pd.Timedelta("1D")
        spread = features.std().replace(0.0, 1.0).fillna(1.0)
        cases = {
            "as before": (calm, today),
            "time": (calm, today + pd.Timedelta("180D")),
            "features that drift": (calm.assign(**(features + 4 * spread)), today),
            "outcomes that miss": (lived(features, seed=self.seed, miss=0.1), today),
        }
        replies = ask_many(subject.hook(HOOK), list(cases.values()), into=mapping)
        if any(not r.answered for r in replies):
            raise NotAssessed(f"{HOOK} {reasons(replies)}")
        states = dict(zip(cases, (r.got for r in replies), strict=True))
        yield Examined(len(heard), "keys that turn the trigger on")
        rows = []
        for key in heard:
            was, now = states["as before"].get(key), states[MOVED_BY[key]].get(key)
            fault = self._fault(key, was, now)
            rows.append((key, MOVED_BY[key], _shown(was), _shown(now), fault or "as it should"))
            if fault:
                yield self.departs(
                    f"the trigger listens to {key}, and the live caller {fault}",
                    hook=HOOK,
                    measured=_shown(now),
                    expected=f"a number that moves with {MOVED_BY[key]}",
                    key=key,
                    evidence=("fed",),
                )
        heads = ("key", "moved by", "before", "after", "told")
        yield Evidence("fed", "What the live caller tells", heads, tuple(rows))

    @staticmethod
    def _heard(subject: Subject) -> list[str]:
        """Keys of a state that turn the trigger on alone."""
        inputs: dict[str, None] = {}
        base = healthy()
        climbs = ways(base)
        replies = decided(subject.hook(TRIGGER), [base, *(w.states[-1] for w in climbs)])
        rest = replies[0]
        rest.needed(TRIGGER)
        for way, reply in zip(climbs, replies[1:], strict=True):
            if reply.answered and reply.got.retrain and not rest.got.retrain:
                inputs[way.key] = None
        return list(inputs)

    @staticmethod
    def _fault(key: str, was: Any, now: Any) -> str:
        """What is wrong with what the caller says; '' for nothing."""
        if was is None or now is None:
            return "never tells it"
        a, b = (np.asarray(v, dtype=np.float64).reshape(-1) for v in (was, now))
        if not len(b) or np.isnan(a).all() or np.isnan(b).all():
            return "tells NaN, or nothing"
        if a.shape == b.shape and np.allclose(a, b, rtol=1e-12, equal_nan=True):
            return f"tells the same with {MOVED_BY[key]} as before"
        worse = {
            "days_since_training": b[-1] > a[-1],
            "psi": b[-1] > a[-1],
            "live_score": b[-1] < a[-1],
            "errors": np.nanmax(np.abs(b)) > np.nanmax(np.abs(a)),
        }
        return "" if worse[key] else f"tells something better with {MOVED_BY[key]}"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    numbers = np.asarray(value, dtype=np.float64).reshape(-1)
    return f"{numbers[0]:.6g}" if len(numbers) == 1 else f"{len(numbers)} numbers"
