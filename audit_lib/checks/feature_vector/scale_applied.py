import re

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Flags, Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity
from audit_lib.probes.market.transforms import step
from audit_lib.probes.prediction.applied_scale import IDENTITY, NEAR, Line, apart, constants, lines
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, ask_many, frame
from audit_lib.probes.questions.frames import furthest, unequal
from audit_lib.probes.training.provenance import NORMAL, fitted_rows, recorded_numbers
from audit_lib.probes.training.scaling import origins, recorded_factor, reproduced
from audit_lib.subject.checkpoint_fields import scaler_references

HOOK = "features.scale"
HOLDS_FACTOR = "median and MAD x 1.4826"


class ScalingIsWhatIsRecorded(Check):
    """Whoever scales features scales them once, by the recorded numbers, and alike.

    What it checks
        What `features.scale` does to each feature is the line that the recorded centre and scale
        describe, times a factor recorded beside them, or the 1.4826 that a raw MAD may have; not
        of a feature whose logarithm was recorded; the same for a row alone; and the same for
        every consumer (variant).
    Why it matters
        A model that learnt on one scale and is served another answers calmly and wrongly. The
        usual ways are a factor applied twice or never, a missing centre or logarithm, and a
        scaler that is fitted anew on whatever it is given.
    How
        Drives the hook on complete rows of the sample, measures the line behind each column, of
        the feature or its logarithm, ends that are cut apart, and compares its centre and scale
        with the recorded ones. What columns share is said once. The recorded numbers are traced
        to raw features and to their logarithms as FEA107 does. Half the rows alone tell whether
        rows depend on each other, and each variant is compared with the first.
    Limitations
        Columns that are constant on the sample are left out; those that no line describes (ranks,
        quantiles) are a gap where numbers are recorded for them.
    Remediation
        Scale in one function that trainer, backtest and live call, with the stored numbers.
    Sources
        Polyzotis et al. (2018), Data Lifecycle Challenges in Production Machine Learning
        (training-serving skew); Rousseeuw and Croux (1993), JASA 88.
    """

    code = "FEA011"
    severity = Severity.CRITICAL
    needs = ("features.panel", "features.build")
    about = HOOK

    rows: int = Field(400, ge=24, description="rows of the sample")
    tolerance: float = Field(1e-6, ge=0, description="between consumers, relative to the column")

    def run(self, subject: Subject) -> Answers:
        """Measure what the consumer does, and compare it."""
        if not subject.hooks.variants(HOOK) and not subject.lacks(HOOK):
            raise NotApplicable(f"no consumer is exposed that scales ({HOOK})")
        hook = subject.hook(HOOK)
        given = self._given(subject)
        half = given.iloc[: len(given) // 2]
        whole, alone = ask_many(hook, [(given,), (half,)], into=frame)
        whole.needed(f"{HOOK} gives nothing for the sample:")
        scaled = whole.got.reindex(given.index)
        missing = [str(c) for c in given if c not in scaled]
        if missing:
            yield Gap(", ".join(missing[:4]), f"{HOOK} answers no such column")
        names = [str(c) for c in given if c in scaled]
        still = constants(given)
        if not (set(names) - set(still)):
            raise NotAssessed("no feature varies on the sample")
        yield Examined(len(set(names) - set(still)), "scaled features")
        if alone.answered:
            part = alone.got.reindex(half.index)
            pairs = {n: (scaled.loc[half.index, n], part[n]) for n in names}
            yield from furthest("change with the rows beside", pairs.values(), self.tolerance)
            moved = [n for n, pair in pairs.items() if unequal(*pair, self.tolerance).any()]
            if moved:
                yield self.departs(
                    f"half the rows alone are scaled otherwise, in {len(moved)} of {len(names)} "
                    f"features, first {moved[0]}: the scale is fitted on what is scaled",
                    measured=f"{len(moved)} features depend on other rows",
                    expected="the recorded scale, whatever else is scaled",
                    key="other rows",
                )
                return
        else:
            yield Gap("half the rows alone", alone.why)
        lines_by_name = {n: line for n, line in lines(given, scaled).items() if n not in still}
        yield from self._recorded(subject, given, lines_by_name)
        yield from self._consumers(subject, given, scaled, names)

    def _given(self, subject: Subject) -> pd.DataFrame:
        if subject.has("predictor.required"):
            return samples.few(subject, self.rows)
        built = samples.built(subject)
        return samples.spread(built.select_dtypes("number").dropna(), self.rows)

    def _recorded(
        self, subject: Subject, given: pd.DataFrame, lines_by_name: dict[str, Line | None]
    ) -> Answers:
        """Measured lines against the numbers that are stored beside the model."""
        if subject.parameters.artifacts is None:
            return
        fields, document = subject.parameters.artifacts.fields, subject.metadata
        columns = [str(c) for c in document.get(fields.feature_cols, None) or given.columns]
        kept_at = scaler_references(subject, columns)
        centre, scale = (recorded_numbers(document, p, columns) for p in kept_at)
        if centre is None or scale is None:
            yield Gap("recorded numbers", f"no number a feature at {kept_at[1]}")
            return
        built = samples.built(subject).reindex(columns=columns)
        parent, _, named = (kept_at[1] or "").rpartition("/")
        beside = document.get(parent)
        factors = self._factors(subject, built, centre, scale, named, beside)
        stored = beside.values() if isinstance(beside, dict) else ()
        floors = [v for v in stored if isinstance(v, float)]
        plain, logged = self._recorded_of(subject, built, centre, scale)
        rows: list[tuple[str, str, float, float, float, float, float | None]] = []
        for at, name in enumerate(columns):
            if name not in lines_by_name:
                continue
            line = lines_by_name[name]
            if line is None:
                yield Gap(name, "no line describes how it is scaled")
                continue
            recorded = float(centre[at]), float(scale[at])
            floored = any(abs(line.scale - floor) <= 1e-6 * floor for floor in floors)
            departure = None if floored or not scale[at] else apart(line, *recorded, factors)
            off = departure.off if departure else None
            rows.append((name, line.change, line.centre, line.scale, *recorded, off))
            if departure is None:
                continue  # a floor stands in place of its scale
            text, cause = departure.text, departure.cause
            if logged[at] and line.change == IDENTITY:
                text, cause = "is scaled as it is, and its logarithm was recorded", "missing log"
            elif plain[at] and line.change != IDENTITY:
                text = f"is scaled after {line.change}, and the feature itself was recorded"
                cause = "surplus log"
            if text:
                yield self.departs(
                    f"{name} {text}",
                    measured=f"({line.change} - {line.centre:.6g}) / {line.scale:.6g}",
                    expected=f"(x - {recorded[0]:.6g}) / {recorded[1]:.6g}"
                    + (f", times one of {', '.join(f'{f:g}' for f in factors)}" * bool(factors)),
                    key=name,
                    cause=cause,
                    evidence=("applied",),
                )
        heads = ("feature", "of", "centre", "scale", "recorded centre", "recorded scale", "off")
        title, bound = "What the consumer does, and what is recorded", Bound("off", NEAR, "scales")
        yield Evidence("applied", title, heads, tuple(rows), bound=bound)

    @staticmethod
    def _factors(
        subject: Subject,
        built: pd.DataFrame,
        centre: Floats,
        scale: Floats,
        named: str,
        beside: object,
    ) -> tuple[float, ...]:
        """What the recorded scale may be multiplied by."""
        factor = recorded_factor(beside)
        if factor:
            return (factor[1],)
        if not re.search(r"(^|_)mad($|_)", named, re.IGNORECASE):
            return (1.0,)
        best = origins(built, centre, scale, fitted_rows(subject, built), 0.8)[0]
        holds = best.share >= 0.8 and best.before is None and best.scaler == HOLDS_FACTOR
        return (1.0,) if holds else (1.0, 1.4826, NORMAL)

    @staticmethod
    def _recorded_of(
        subject: Subject, built: pd.DataFrame, centre: Floats, scale: Floats
    ) -> tuple[Flags, Flags]:
        """Columns whose recorded numbers are those of the feature; those of its logarithm."""
        values = built.to_numpy(np.float64, na_value=np.nan)
        sets = fitted_rows(subject, built)
        reproduces = np.zeros(len(centre), dtype=bool)
        plain = reproduced(np.where(np.isfinite(values), values, np.nan), centre, scale, sets)
        for change in (np.log, np.log1p):
            with np.errstate(all="ignore"):
                changed = change(values)
            ok = np.isfinite(changed).mean(axis=0) >= np.isfinite(values).mean(axis=0)
            changed = np.where(np.isfinite(changed), changed, np.nan)
            reproduces |= ok & reproduced(changed, centre, scale, sets)
        return plain, np.asarray(reproduces & ~plain)

    def _consumers(
        self, subject: Subject, given: pd.DataFrame, scaled: pd.DataFrame, names: list[str]
    ) -> Answers:
        """This consumer against the first one."""
        first = next(iter(subject.hooks.variants(HOOK)))
        own = subject.hooks.meant(HOOK, subject.variant)
        if own == first or own not in subject.hooks.variants(HOOK):
            return
        other = ask(subject.bound(first, subject.key).hook(HOOK), given, into=frame)
        if not other.answered:
            yield Gap(f"compared with {first or 'the plain one'}", other.why)
            return
        reference = other.got.reindex(given.index)
        for name in (n for n in names if n in reference):
            if not unequal(reference[name], scaled[name], self.tolerance).any():
                continue
            how = step(reference[name], scaled[name])
            text = (
                how.text.replace("training builds", f"{first or 'the first'} makes") if how else ""
            )
            yield self.departs(
                f"{name} is scaled otherwise than by {first or 'the first consumer'}"
                + (f": {text}" if text else ""),
                measured=text or "another value",
                expected="the same in every consumer",
                key=f"{name} apart",
                cause=f"apart: {how.name}" if how else "apart",
            )
