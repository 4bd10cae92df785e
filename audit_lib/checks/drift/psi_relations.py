"""DRF001."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Evidence, Examined, Gap, Severity, Task, View
from audit_lib.probes.asking import ask_many, number, reasons
from audit_lib.probes.domain import plain
from audit_lib.probes.relations import largest_fall
from audit_lib.subject.subject import Subject

Floats = npt.NDArray[np.float64]
SHIFTS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)


class PsiMeasuresDrift(Check):
    """The population stability index behaves as a distance between distributions.

    What it checks
        PSI of a sample with itself is zero; it is never negative; repeating every row or changing
        the unit of both samples does not move it; it grows with the shift, and a shift of one
        standard deviation exceeds the conventional 0.1.
    Why it matters
        PSI is the number that decides whether a model may go on trading. An index that depends on
        the sample size or on the unit triggers for no reason, and one that does not grow never
        triggers at all.
    How
        Drives `drift.psi` with seeded normal, lognormal and rounded samples and their transforms.
    Limitations
        Which binning the subject uses is its own affair; only relations are judged. A constant
        inside the logarithm shifts values by up to `tolerance` and is accepted.
    Remediation
        Take bin edges from reference quantiles, close the outer bins at infinity, and compare
        shares rather than counts.
    Sources
        Siddiqi (2006), Credit Risk Scorecards, chapter 9; Yurdakul (2018), Statistical Properties
        of the Population Stability Index.
    """

    code = "DRF001"
    contract = Contract.DRIFT
    task = Task.T4
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = ("drift.psi",)

    seed: int = Field(40, description="of everything random")
    rows: int = Field(2_000, ge=100, description="rows of a sample")
    tolerance: float = Field(1e-3, gt=0, description="PSI that still counts as nothing")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Ask all relations in one round trip, then judge them."""
        asked = list(self._questions())
        replies = ask_many(
            subject.hook("drift.psi"), [(ref, cur) for *_, ref, cur in asked], into=number
        )
        silent = [r for r in replies if not r.answered]
        if silent:
            yield Gap(f"{len(silent)} of {len(asked)} questions", reasons(silent))
        values = {
            (sample, relation): reply.got
            for (sample, relation, _, _), reply in zip(asked, replies, strict=True)
            if reply.answered
        }
        yield Examined(len(values), "pairs of samples")
        yield Evidence(
            "shifts",
            "PSI as the mean shifts",
            ("x", "value", "series"),
            tuple(
                (shift, plain(values[s, f"shift {shift:g}"]), s)
                for s in self._samples()
                for shift in SHIFTS
                if (s, f"shift {shift:g}") in values
            ),
            View.LINES,
            "x: shift of the mean in standard deviations",
        )
        for relation, problems in self._judged(values).items():
            if problems:
                yield self.finding(
                    subject.where("drift.psi"),
                    f"{relation}: {'; '.join(problems)}",
                    measured=problems[0],
                    expected=relation,
                    key=relation,
                    evidence=("shifts",),
                )

    def _samples(self) -> dict[str, tuple[Floats, Floats]]:
        rng = np.random.default_rng(self.seed)
        n = self.rows
        return {
            "normal": (rng.normal(size=n), rng.normal(size=n)),
            "lognormal": (rng.lognormal(size=n), rng.lognormal(size=n)),
            "rounded": (rng.normal(size=n).round(1), rng.normal(size=n).round(1)),
        }

    def _questions(self) -> Iterator[tuple[str, str, Floats, Floats]]:
        for name, (reference, current) in self._samples().items():
            moved = current.copy()  # a third of the rows from the upper half: no bin runs empty
            moved[::3] = np.sort(reference)[-len(moved[::3]) :]
            yield name, "itself", reference, reference.copy()
            yield name, "moved", reference, moved
            yield name, "repeated", np.repeat(reference, 3), np.repeat(moved, 3)
            yield name, "current repeated", reference, np.repeat(moved, 3)
            offset = 0.0 if name == "rounded" else 4096.0  # ties must stay ties to the last bit
            yield name, "rescaled", reference * 1024 + offset, moved * 1024 + offset
            yield name, "row order", reference[::-1].copy(), np.sort(moved)
            for shift in SHIFTS:
                yield name, f"shift {shift:g}", reference, current + shift * reference.std()

    def _judged(self, values: dict[tuple[str, str], float]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {
            "PSI of a sample with itself is zero": [],
            "PSI is never negative": [],
            "PSI does not depend on the number of copies, the unit or the order": [],
            "PSI grows with the shift": [],
        }
        itself, negative, invariant, grows = found.values()
        for (sample, relation), value in values.items():
            if relation == "itself" and not abs(value) <= self.tolerance:
                itself.append(f"{value:.6g} for the {sample} sample")
            if value < -self.tolerance:
                negative.append(f"{value:.6g} for the {sample} sample, {relation}")
            base = values.get((sample, "moved"))
            same = relation in ("repeated", "current repeated", "rescaled", "row order")
            if same and base is not None and not self._alike(value, base):
                invariant.append(f"{base:.6g} becomes {value:.6g} ({sample}, {relation})")
        for sample in dict.fromkeys(s for s, _ in values):
            climb = [values.get((sample, f"shift {s:g}"), np.nan) for s in SHIFTS]
            if fall := largest_fall(climb, slack=0.02 * float(np.nanmax([*climb, 1.0]))):
                a, b = SHIFTS[fall.before], SHIFTS[fall.after]
                grows.append(
                    f"{climb[fall.before]:.4g} at {a:g} σ falls to {climb[fall.after]:.4g} "
                    f"at {b:g} σ ({sample})"
                )
            at_one = climb[SHIFTS.index(1.0)]
            if at_one <= 0.1 and sample != "lognormal":
                grows.append(f"only {at_one:.4g} at 1 σ ({sample})")
        return found

    def _alike(self, value: float, base: float) -> bool:
        # A quantile of repeated rows may fall one row further.
        return bool(abs(value - base) <= 20 * self.tolerance * max(1.0, abs(base)))
