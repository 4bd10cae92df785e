from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.probes.prediction.options import WAYS, surface_history
from audit_lib.probes.questions.asking import ask, ask_many, floats, mapping
from audit_lib.probes.questions.domain import problems, reactions
from audit_lib.subject.hooks import Hook

HOOK = "pricing.factors"
#: how alike two directions are that are taken for one: the cosine between them
_ONE = 0.9


@dataclass(frozen=True)
class _Fit:
    """What a history of n surfaces at g points was taken apart into.

    Attributes:
        factors: shape (count, g).
        scores: shape (n, count).
        restored: the surfaces that the scores give, shape (n, g).
    """

    factors: Floats
    scores: Floats
    restored: Floats

    @property
    def sizes(self) -> Floats:
        """How much of the movement each factor carries, shape (count,)."""
        return np.asarray(self.scores.std(axis=0) * np.linalg.norm(self.factors, axis=1))


class FactorsRestoreSurfaces(Check):
    """Factors of a history of surfaces give the surfaces back, in one order and sign.

    What it checks
        Surfaces that move in three ways are given back by three factors; the factor that carries
        most comes first; a fit on other days names the same factors in the same order, each with
        the same sign; scores stay with their days; and a history that holds NaN, an infinity, a
        single day or fewer points than factors is refused.
    Why it matters
        A model that reads the scores was trained on one sign and order. A refit that turns one
        round turns its forecast round, and no shape or name tells.
    How
        Drives `pricing.factors` on drawn surfaces whose long end, short skew and upper wing move
        with sizes of 8, 3 and 1, on drawn halves of their days, and on the days in another order.
    Limitations
        Directions are compared, so that factors may have any length. What a method without
        directions (an autoencoder) does is asked for what it restores alone, if `factors` answers
        no rows.
    Remediation
        Fix each sign by a convention that the data cannot turn (a positive sum of loadings at the
        money), sort by variance, and match a refit's factors with those before.
    Sources
        Bro, Acar and Kolda (2008), Resolving the sign ambiguity in the singular value
        decomposition, Journal of Chemometrics 22(2); Cont and da Fonseca (2002), Dynamics of
        implied volatility surfaces, Quantitative Finance 2(1).
    """

    code = "PRC007"
    severity = Severity.HIGH
    offered = (HOOK,)

    seed: int = Field(71, description="of the drawn surfaces, and of the days of each refit")
    days: int = Field(160, ge=40, description="surfaces of the history")
    refits: int = Field(24, ge=8, description="fits on half of the days each")
    missed: float = Field(0.05, gt=0, description="share of the movement that may be lost")

    def run(self, subject: Subject) -> Answers:
        """Fit a history, parts of it, and histories that are none."""
        hook, rng = subject.hook(HOOK), np.random.default_rng(self.seed)
        surfaces = surface_history(rng, self.days)
        whole = ask(hook, surfaces, WAYS, into=_fit).needed(f"{HOOK} takes no sound history:")
        if whole.restored.shape != surfaces.shape:
            raise NotAssessed(f"{HOOK} answers other surfaces than it was given")
        yield Examined(1, "histories")
        moved = float(np.std(surfaces - surfaces.mean(axis=0)))
        lost = float(np.sqrt(np.mean((whole.restored - surfaces) ** 2))) / moved
        if not lost <= self.missed:
            yield self.departs(
                f"surfaces that move in {WAYS} ways are not given back by {WAYS} factors: "
                f"{lost:.1%} of the movement is lost",
                measured=lost,
                expected=f"at most {self.missed:.0%}",
                key="restored",
            )
        if len(whole.factors):
            yield from self._ordered(whole)
            yield from self._refitted(hook, surfaces, whole, rng)
        yield from self._refused(hook, surfaces)

    def _ordered(self, whole: _Fit) -> Answers:
        sizes = whole.sizes
        if any(later > earlier * 1.01 for earlier, later in pairwise(sizes)):
            told = ", ".join(f"{size / sizes.max():.2f}" for size in sizes)
            yield self.departs(
                f"factors do not come by what they carry: relative to the largest {told}",
                measured=told,
                expected="the largest first",
                key="order",
                severity=Severity.MEDIUM,
            )

    def _refitted(
        self, hook: Hook, surfaces: Floats, whole: _Fit, rng: np.random.Generator
    ) -> Answers:
        """Fits on other days, and on the same days in another order."""
        halves = [np.sort(rng.permutation(self.days)[: self.days // 2]) for _ in range(self.refits)]
        order = rng.permutation(self.days)
        asked = [surfaces[days] for days in (*halves, order)]
        replies = ask_many(hook, [(given, WAYS) for given in asked], into=_fit)
        declined = next((r for r in replies if not r.answered), None)
        if declined is not None:
            declined.needed(f"{HOOK} declines a part of a sound history:")
        if any(r.got.factors.shape != whole.factors.shape for r in replies):
            raise NotAssessed(f"{HOOK} answers factors of other shapes for other days")
        yield Examined(len(replies), "refits")
        alike = np.array([_cosines(whole.factors, r.got.factors) for r in replies])
        own = np.array([np.diagonal(table) for table in alike])  # a row a refit, a column a factor
        yield Evidence(
            "refits",
            "How alike each factor is to that of the whole history: the cosine",
            ("refit", *(f"factor {i + 1}" for i in range(WAYS))),
            tuple((i + 1, *map(float, row)) for i, row in enumerate(own)),
        )
        for i in range(WAYS):
            turned = int((own[:, i] < -_ONE).sum())
            other = int(
                ((np.abs(own[:, i]) < _ONE) & (np.abs(alike[:, i]).max(axis=1) > _ONE)).sum()
            )
            kinds = {"points the other way": turned, "stands in another place": other}
            for what, times in kinds.items():
                if times:
                    yield self.departs(
                        f"factor {i + 1} {what} in {times} of {len(own)} fits on other days of the "
                        "same market",
                        measured=f"{times} of {len(own)}",
                        expected="the same sign and place in every fit",
                        key=f"factor {i + 1} {what}",
                        cause=what,
                        severity=Severity.MEDIUM,
                        evidence=("refits",),
                    )
        again = replies[-1].got
        signs = np.sign(own[-1])
        same = again.scores.shape == whole.scores.shape
        off = float(np.abs(again.scores * signs - whole.scores[order]).max()) if same else np.inf
        if not off <= 1e-6 * float(np.abs(whole.scores).max()):
            yield self.departs(
                "with the days in another order, a day's scores are others",
                measured=off,
                expected="the same, to rounding",
                key="order of days",
            )

    def _refused(self, hook: Hook, surfaces: Floats) -> Answers:
        gap, endless = surfaces.copy(), surfaces.copy()
        gap[7, 3], endless[7, 3] = np.nan, np.inf
        odd = {
            "a NaN in a surface": gap,
            "an infinite variance": endless,
            "a single surface": surfaces[:1],
            "no surface": surfaces[:0],
            "fewer points than factors": surfaces[:, : WAYS - 1],
        }
        replies = ask_many(hook, [(given, WAYS) for given in odd.values()], into=_restored)
        answers = [*zip(odd, replies, strict=True)]
        yield Examined(len(odd), "histories that hold no factors")
        title = "What becomes of histories that hold no factors"
        yield reactions("histories", title, answers, lambda v: f"{len(v)} surfaces")
        for name, problem, severity in problems(answers, _problem, raised=True):
            yield self.departs(
                f"{name}: {problem}",
                measured=problem,
                expected="a refusal, or NaN",
                key=name,
                severity=severity or Severity.MEDIUM,
                evidence=("histories",),
            )


def _fit(raw: Any) -> _Fit:
    answer = mapping(raw)
    missing = [name for name in ("factors", "scores", "restored") if name not in answer]
    if missing:
        raise ValueError(f"wanted factors, scores and restored; {missing[0]} is missing")
    restored = floats(-1, -1)(answer["restored"])
    factors = floats(-1, restored.shape[1])(answer["factors"])
    if len(factors) not in (0, WAYS):
        raise ValueError(f"wanted {WAYS} factors, got {len(factors)}")
    return _Fit(factors, floats(len(restored), WAYS)(answer["scores"]), restored)


def _restored(raw: Any) -> Floats:
    return floats(-1, -1)(mapping(raw).get("restored"))


def _problem(name: str, restored: Floats) -> str:
    """What is wrong with an answer to a history that holds no factors; '' for NaN."""
    if name == "no surface" and not len(restored):
        return ""
    if name.startswith(("a NaN", "an infinite")):
        row = restored[7] if len(restored) > 7 else np.zeros(1)
        return "the surface is answered as if it were sound" if np.isfinite(row).all() else ""
    return "factors are made up for it" if np.isfinite(restored).all() else ""


def _cosines(ours: Floats, theirs: Floats) -> Floats:
    """Cosines between directions, shape (count, count); 0 for one of no length."""
    lengths = np.outer(np.linalg.norm(ours, axis=1), np.linalg.norm(theirs, axis=1))
    return np.asarray((ours @ theirs.T) / np.where(lengths > 0, lengths, np.inf))
