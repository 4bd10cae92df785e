import math
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from pydantic import Field
from scipy import special

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity, View
from audit_lib.probes.questions.asking import ask_many, number, reasons
from audit_lib.probes.questions.domain import plain
from audit_lib.probes.questions.relations import largest_fall

FEW = (20, 50)
"""rows of a current sample in which some bins run empty by chance"""
FRESH = (20, 200, 2_000)
FEWEST_RIGHT = 200
"""rows from which an index of ten or twenty bins must tell one law from two"""
FORMULA = 0.05
MOST_BINS = 60
"""relative difference that a floor on the shares may make"""
ALL_MOVED = 18.4
"""index of two laws with nothing in common, under the usual floor of one in 10,000"""
Values = dict[tuple[str, str], float]
SHIFTS = (0.0, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0)


class PsiMeasuresDrift(Check):
    """The population stability index behaves as a distance between distributions.

    What it checks
        PSI of a sample with itself is zero; it is never negative; repeating every row or changing
        the unit of both samples does not move it; rows just beyond the reference count as those at
        its end do; it grows with the shift, and a shift of one standard deviation exceeds the
        conventional 0.1. It is the index of its name: the sum of
        (q - p) ln(q / p). Few rows of one and the same law give no number
        that stands for two laws with nothing in common, and 200 or 2,000 fresh ones no alarm
        (above `alarm`); that 20 do is a note, for callers to refuse so few.
    Why it matters
        PSI is the number that decides whether a model may go on trading. An index that depends on
        the sample size or on the unit triggers for no reason, and one that does not grow never
        triggers at all.
    How
        Drives `drift.psi` with seeded normal, lognormal and rounded samples and their transforms.
        Two clusters far apart, whose weights alone change, have one index under every binning that
        keeps them apart, which tells the formula from its relatives (Kullback-Leibler, other
        logarithms, Hellinger, chi-squared).
    Limitations
        Which binning the subject uses is its own affair; only relations are judged. A constant
        inside the logarithm shifts values by up to `tolerance` and is accepted, and so is an index
        from which what chance gives, (bins - 1) (1/n + 1/m), was taken off.
    Remediation
        Take bin edges from reference quantiles, close the outer bins at infinity, and compare
        shares rather than counts.
    Sources
        Siddiqi (2006), Credit Risk Scorecards, chapter 9; Yurdakul (2018), Statistical Properties
        of the Population Stability Index.
    """

    code = "DRF001"
    severity = Severity.HIGH
    needs = ("drift.psi",)

    seed: int = Field(40, description="of everything random")
    rows: int = Field(2_000, ge=100, description="rows of a sample")
    tolerance: float = Field(1e-3, gt=0, description="PSI that still counts as nothing")
    alarm: float = Field(0.25, gt=0, description="PSI that is read as a shift")
    draws: int = Field(40, ge=20, description="pairs of fresh samples of one law")

    def run(self, subject: Subject) -> Answers:
        """Ask all relations in one round trip, then judge them."""
        questions = list(self._questions())
        replies = ask_many(
            subject.hook("drift.psi"), [(ref, cur) for *_, ref, cur in questions], into=number
        )
        silent = [
            reply
            for reply, (*_, current) in zip(replies, questions, strict=True)
            if not reply.answered and (reply.refusal is None or len(current) >= FEWEST_RIGHT)
        ]  # a refusal of few rows is a right answer to them
        if silent:
            yield Gap(f"{len(silent)} of {len(questions)} questions", reasons(silent))
        values = {
            (sample, relation): reply.got
            for (sample, relation, _, _), reply in zip(questions, replies, strict=True)
            if reply.answered
        }
        yield Examined(len(values), "pairs of samples")
        yield from self._calm(values)
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
        held = sorted(self._held(values), key=lambda h: h[1] / h[2])
        worst = tuple({h[0]: h[:3] for h in held}.values())
        heads, bound = ("relation", "measured", "allowed"), Bound("measured", "allowed")
        yield Evidence("relations", "Relations that one number decides", heads, worst, bound=bound)
        for relation, problems in self._judged(values).items():
            if problems:
                yield self.departs(
                    f"{relation}: {'; '.join(problems)}",
                    measured=problems[0],
                    expected=relation,
                    key=relation,
                    evidence=("shifts",),
                )

    def _calm(self, values: Values) -> Answers:
        """Fresh samples of one law, by how many rows they have."""
        rows = []
        for size in FRESH:
            fresh = [v for (name, how), v in values.items() if name == f"fresh {size}"]
            if not fresh:
                continue
            fired, n, few = sum(v > self.alarm for v in fresh), len(fresh), size < FEWEST_RIGHT
            lower = float(special.betaincinv(fired, n - fired + 1, 0.001)) if fired else 0.0
            rows.append(
                (size, fired / n, None if few else lower, float(np.median(fresh)), max(fresh))
            )
            if lower > 0.01:
                yield self.departs(
                    f"{fired} of {n} fresh samples of {size} rows of the reference's own law get "
                    f"a PSI above {self.alarm:g}"
                    + ("; callers must refuse so few rows" if few else ""),
                    measured=f"{fired / n:.0%}, at least {lower:.0%} with 99.9% confidence",
                    expected="no alarm where nothing has changed",
                    key=f"{size} fresh rows",
                    severity=Severity.INFO if few else Severity.MEDIUM,
                    evidence=("fresh",),
                )
        heads = ("rows", f"share above {self.alarm:g}", "at least", "median PSI", "largest PSI")
        title, bound = "PSI of fresh samples of one law", Bound(heads[2], 0.01)
        yield Evidence("fresh", title, heads, tuple(rows), bound=bound)

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
            for few in FEW:
                yield name, f"{few} rows", reference, current[:few]
            steps = 1e-6 * float(np.ptp(reference)) * np.linspace(1, 100, len(current[::12]))
            for end, inward in ((reference.max(), -steps), (reference.min(), steps)):
                for where, at in (("at", end + inward), ("beyond", end - inward)):
                    heaped = current.copy()
                    heaped[::12] = at  # no two alike: ties would take bins away
                    yield name, f"{where} {end:.3g}", reference, heaped
        for name, reference, current, _ in self._clusters():
            yield name, "formula", reference, current
        rng = np.random.default_rng(self.seed + 2)
        for size in FRESH:
            for k in range(self.draws):
                yield f"fresh {size}", f"draw {k}", rng.normal(size=2_000), rng.normal(size=size)

    def _clusters(self) -> Iterator[tuple[str, Floats, Floats, list[float]]]:
        """Two clusters with weights p in the reference and q in the current sample, and the index.

        Rows are copied whole, so that within a cluster nothing changes.  The index is that of bins
        which tell the clusters apart, then those of two and more bins with as many rows each, one
        of which may hold the end of one cluster and the beginning of the other.
        """
        rng = np.random.default_rng(self.seed + 1)
        for k in range(8):
            share = float(rng.choice((0.2, 0.4, 0.6, 0.8)))
            low = rng.uniform(-1.5, -1.0, int(1000 * share))
            high = rng.uniform(1.0, 1.5, 1000 - len(low))
            more, other = (int(c) for c in rng.choice((1, 2, 3, 4), 2, replace=False))
            current = np.concatenate([np.repeat(low, more), np.repeat(high, other)])
            q = more * len(low) / len(current)
            due = [_index([(share, q), (1 - share, 1 - q)])]
            for bins in range(2, MOST_BINS):
                full, part = divmod(round(share * bins, 9), 1.0)
                low_q, high_q = q / share / bins, (1 - q) / (1 - share) / bins
                mixed = [part * low_q + (1 - part) * high_q] if part else []
                rest = bins - int(full) - len(mixed)
                shares = [low_q] * int(full) + mixed + [high_q] * rest
                due.append(_index([(1 / bins, share_q) for share_q in shares]))
            chance = 1 / 1000 + 1 / len(current)  # for each bin but one; some take it off
            due += [index - max(b, 1) * chance for b, index in enumerate(due)]
            yield f"weights {share:g} to {q:.3g} ({k})", np.concatenate([low, high]), current, due

    def _judged(self, values: Values) -> dict[str, list[str]]:
        broken: dict[str, list[str]] = defaultdict(list)
        for relation, measured, allowed, text in self._held(values):
            if not measured <= allowed:
                broken[relation].append(text)
        grows = broken["PSI grows with the shift"]
        formula = broken["PSI is the sum of (q - p) ln(q / p)"]
        due = [
            (values[n, "formula"], n, d)
            for n, _, _, d in self._clusters()
            if (n, "formula") in values
        ]
        near = np.array(
            [np.abs(np.array(d) - v) <= FORMULA * d[0] + self.tolerance for v, _, d in due]
        )
        if due and not near.all(axis=0).any():  # as of no number of bins
            off = [(v, n, d[0]) for (v, n, d), fits in zip(due, near, strict=True) if not fits[0]]
            formula += [f"{v:.4g}, not {d:.4g}, for {n}" for v, n, d in off]
        for sample in (s for s in self._samples() if (s, "itself") in values):
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
        return broken

    def _held(self, values: Values) -> Iterator[tuple[str, float, float, str]]:
        """Relation, what is measured of it, what is allowed, and what is said where it is more."""
        for (sample, how), value in values.items():
            if how.endswith("rows"):
                text = f"{value:.4g} for {how} ({sample})"
                yield "PSI of few rows of one law is bounded", max(0.0, value), ALL_MOVED, text
            text = f"{value:.6g} for the {sample} sample"
            if how == "itself":
                yield "PSI of a sample with itself is zero", abs(value), self.tolerance, text
            yield "PSI is never negative", max(0.0, -value), self.tolerance, f"{text}, {how}"
            base = values.get((sample, "moved"))
            if how.startswith("beyond "):
                inside = values.get((sample, how.replace("beyond", "at")), value)
                # bins of both samples move by a row
                allowed = 0.25 * max(10 * self.tolerance, abs(inside))
                text = f"{inside:.4g} at the end becomes {value:.4g} {how} ({sample})"
                yield "rows beyond the reference count", abs(value - inside), allowed, text
            same = how in ("repeated", "current repeated", "rescaled", "row order")
            if same and base is not None:
                allowed = 20 * self.tolerance * max(1.0, abs(base))  # a quantile may move by a row
                text = f"{base:.6g} becomes {value:.6g} ({sample}, {how})"
                relation = "PSI does not depend on the number of copies, the unit or the order"
                yield relation, abs(value - base), allowed, text


def _index(shares: list[tuple[float, float]]) -> float:
    """The index of bins with such shares of the reference and of the current sample."""
    return sum((q - p) * math.log(q / p) for p, q in shares)
