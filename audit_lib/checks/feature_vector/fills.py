import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, ask_many, frame, mapping, number
from audit_lib.probes.questions.frames import furthest, unequal

HOOK = "features.fills"
PREDICT = "predictor.predict"


class FillsAreNeutral(Check):
    """What stands for a missing feature is a value that the feature takes, the same in every path.

    What it checks
        Every value of `features.fills` is a number within the range of its feature on the sample;
        a second path fills with the values of the first; and a predictor that predicts through a
        missing feature predicts as with that value.
    Why it matters
        Zero for a price ratio, or for a share between 0.4 and 0.6, is the most extreme row that the
        model ever sees, on the day on which least is known.
    How
        Compares the table with the columns of `features.build`, and drives `predictor.predict` with
        one drawn feature missing, then filled.
    Limitations
        A fill at an end of the range (0 for a count) is within it, and is no finding.
    Remediation
        Take fills from the training rows (a median), keep one table of them, and use it everywhere.
    Sources
        Little and Rubin (2019), Statistical Analysis with Missing Data, section 4.2.
    """

    code = "FEA013"
    severity = Severity.HIGH
    offered = (HOOK,)
    cites = ("fills",)
    expects = "a value of the feature, the same everywhere"

    seed: int = Field(33, description="of everything random")
    rows: int = Field(24, ge=2, description="rows that are predicted")
    columns: int = Field(8, ge=1, description="features that are drawn for the predictor")
    tolerance: float = Field(1e-9, ge=0, description="relative, between predictions, and paths")

    def run(self, subject: Subject) -> Answers:
        """The range, the other paths, and the predictor."""
        fills = self._fills(subject)
        built = samples.built(subject)
        filled = [name for name in fills if name in built]
        if not filled:
            raise NotAssessed(f"{HOOK} names none of the features that are built")
        yield Examined(len(filled), "fills")
        rows = []
        for name in filled:
            column = pd.to_numeric(built[name], errors="coerce").to_numpy(np.float64)
            column = column[np.isfinite(column)]
            low, high = (column.min(), column.max()) if column.size else (np.nan, np.nan)
            far = max(high - fills[name], fills[name] - low)  # the whole range, at an end of it
            share = float(far / (high - low)) if high > low and np.isfinite(far) else None
            rows.append((name, str(fills[name]), float(low), float(high), share))
            if not column.size:
                yield Gap(name, "it is never known on the sample")
            elif not low <= fills[name] <= high:
                yield self.departs(
                    f"{name} is filled with {fills[name]:.6g}, and runs from {low:.6g} to "
                    f"{high:.6g} on the sample",
                    measured=f"{fills[name]:.6g}",
                    key=name,
                    cause="outside the range",
                    severity=Severity.MEDIUM if np.isfinite(fills[name]) else None,
                )
        heads = ("feature", "fill", "least", "most", "from the far end")
        title, bound = "Fills, and the range of their features", Bound(heads[4], 1, "ranges")
        yield Evidence("fills", title, heads, tuple(rows), bound=bound)
        yield from self._paths(subject, fills)
        if subject.has(PREDICT) and subject.has("predictor.required"):
            yield from self._predicted(subject, fills)

    @staticmethod
    def _fills(subject: Subject) -> dict[str, float]:
        return ask(
            subject.hook(HOOK), into=lambda raw: {n: number(v) for n, v in mapping(raw).items()}
        ).needed(f"{HOOK} gives no fills:")

    def _paths(self, subject: Subject, fills: dict[str, float]) -> Answers:
        """This path against the first one."""
        first = next(iter(subject.hooks.variants(HOOK)))
        if subject.hooks.meant(HOOK, subject.variant) == first:
            return
        other = self._fills(subject.bound(first, subject.key))
        for name in (n for n in other if n in fills):
            if not np.isclose(other[name], fills[name], rtol=self.tolerance, equal_nan=True):
                text = (
                    f"{name} is filled with {fills[name]:.6g}, by {first or 'the first path'} "
                    f"with {other[name]:.6g}"
                )
                yield self.departs(
                    text, measured=f"{fills[name]:.6g}", key=f"{name} apart", cause="apart"
                )

    def _predicted(self, subject: Subject, fills: dict[str, float]) -> Answers:
        """What the predictor makes of a missing feature, against what it makes of its fill."""
        features = samples.few(subject, self.rows)
        names = [str(c) for c in features.columns if c in fills]
        drawn = np.random.default_rng(self.seed).permutation(len(names))[: self.columns]
        chosen = [names[k] for k in sorted(drawn)]
        tables = [features.assign(**{n: v}) for n in chosen for v in (np.nan, fills[n])]
        replies = ask_many(subject.hook(PREDICT), [(t,) for t in tables], into=frame)
        yield Examined(len(chosen), "features missing in predictions")
        compared: list[tuple[pd.Series, pd.Series]] = []
        for name, lost, filled in zip(chosen, replies[::2], replies[1::2], strict=True):
            if not lost.answered:
                continue  # refused: nothing is filled
            if not filled.answered:
                yield Gap(f"{name} filled", filled.why)
                continue
            heads = [h for h in lost.got if h in filled.got and lost.got[h].notna().any()]
            pairs = [(lost.got[h], filled.got[h]) for h in heads]
            compared += pairs
            if any(unequal(*pair, self.tolerance).any() for pair in pairs):
                text = f"{name} missing is not predicted as {name} = {fills[name]:.6g}"
                yield self.departs(
                    text, measured="another value", key=f"{name} missing", cause="not used"
                )
        yield from furthest("predictions through a gap and its fill", compared, self.tolerance)
