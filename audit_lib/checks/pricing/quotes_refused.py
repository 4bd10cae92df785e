from functools import partial

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Examined, Severity
from audit_lib.probes.prediction.options import MATURITIES, sound_quotes
from audit_lib.probes.questions.asking import ask, ask_many, floats
from audit_lib.probes.questions.domain import problems, reactions
from audit_lib.subject.hooks import Hook

HOOK = "pricing.fit"
RELOADED = "pricing.reloaded"


class BadQuotesAreRefused(Check):
    """A surface takes sound quotes, and refuses or repairs those that no market can show.

    What it checks
        Sound quotes are accepted and met; variances that fall with maturity, or bend so that a
        density is negative, that are NaN, infinite, negative or zero, and a single quote are
        refused, or the fitted surface is free of the fault.
    Why it matters
        Stale and crossed quotes come every day. A surface that fits them prices calendar spreads
        and butterflies below zero, and every book that is marked on it.
    How
        Drives `pricing.fit` on drawn slices of the SVI form, on the same in another order and moved
        by a ten-thousandth, which give the same surface, and on the same with one fault each;
        `pricing.reloaded`, if there is one, gives what the surface gave before it was saved.
    Limitations
        What is refused with sound quotes for a rule of the house (too few strikes) is told as
        such. Surfaces of few parameters meet drawn slices only nearly: `nearness`.
    Remediation
        Check slices for both arbitrages before they are fitted, and refuse with the reason.
    Sources
        Gatheral and Jacquier (2014), Arbitrage-free SVI volatility surfaces, Quantitative Finance
        14(1), sections 2 and 4.
    """

    code = "PRC006"
    severity = Severity.HIGH
    offered = (HOOK,)

    seed: int = Field(58, description="of the drawn slices")
    strikes: int = Field(15, ge=5, description="quotes of a maturity")
    nearness: float = Field(0.1, gt=0, description="median relative miss of sound quotes")

    def run(self, subject: Subject) -> Answers:
        """Offer sound quotes, then others."""
        hook = subject.hook(HOOK)
        sound = sound_quotes(self.seed, self.strikes)
        odd = self._odd(sound)
        first, *replies = ask_many(hook, [(sound,), *((q,) for q in odd.values())], into=floats(-1))
        if not first.answered or len(first.got) != len(sound):
            raise NotAssessed(f"{HOOK} takes no sound quotes: {first.why or 'other rows'}")
        miss = np.abs(first.got / sound["total_variance"].to_numpy(np.float64) - 1)
        if not float(np.median(miss)) <= self.nearness:
            yield self.departs(
                f"sound quotes are missed by {np.median(miss):.1%} in the middle",
                measured=float(np.median(miss)),
                expected=f"at most {self.nearness:g}",
                key="sound quotes",
            )
        yield from self._same(subject, hook, sound, first.got)
        answers = [*zip(odd, replies, strict=True)]
        yield Examined(1 + len(odd), "sets of quotes")
        title = "What becomes of quotes"
        yield reactions("quotes", title, answers, lambda v: f"{len(v)} variances")
        for name, problem, severity in problems(answers, partial(self._problem, odd)):
            yield self.departs(
                f"{name}: {problem}",
                measured=problem,
                expected="a refusal, or a surface without the fault",
                key=name,
                severity=severity,
                evidence=("quotes",),
            )

    def _same(self, subject: Subject, hook: Hook, sound: pd.DataFrame, got: Floats) -> Answers:
        """Quotes in another order or moved by a tick, and a surface loaded again, give the same."""
        order = np.random.default_rng(self.seed).permutation(len(sound))
        tick = sound["total_variance"] * (1 + 1e-4 * np.where(np.arange(len(sound)) % 2, 1, -1))
        asked = {
            "in another order": (sound.iloc[order].reset_index(drop=True), got[order], 1e-3),
            "moved by a tick": (sound.assign(total_variance=tick), got, 2e-2),
        }
        replies = ask_many(hook, [(q,) for q, _, _ in asked.values()], into=floats(len(sound)))
        if subject.has(RELOADED):
            asked["saved and loaded"] = (sound, got, 1e-9)
            replies.append(ask(subject.hook(RELOADED), sound, into=floats(len(sound))))
        yield Examined(len(asked), "sets of quotes that mean the same")
        for (name, (_, due, most)), reply in zip(asked.items(), replies, strict=True):
            off = float(np.max(np.abs(reply.got / due - 1))) if reply.answered else np.inf
            if not off <= most:
                how = f"differ by {off:.3g}" if reply.answered else f"are declined: {reply.why}"
                yield self.departs(
                    f"variances of sound quotes {name} {how}",
                    measured=how,
                    expected=f"the same, to {most:g}",
                    key=name,
                    hook=RELOADED if name == "saved and loaded" else HOOK,
                )

    def _odd(self, sound: pd.DataFrame) -> dict[str, pd.DataFrame]:
        w, last = sound["total_variance"], sound["maturity"] == MATURITIES[-1]
        middle = last & (sound["log_moneyness"].abs() < 0.05)
        return {
            "variance that falls with maturity": sound.assign(
                total_variance=w.where(~last, w * 0.3)
            ),
            "a peak at the money": sound.assign(total_variance=w.where(~middle, w * 2.5)),
            "a NaN": sound.assign(total_variance=w.where(w.index != 3)),
            "an infinite variance": sound.assign(total_variance=w.where(w.index != 3, np.inf)),
            "a negative variance": sound.assign(total_variance=w.where(w.index != 3, -0.01)),
            "variances of zero": sound.assign(total_variance=0.0),
            "a single quote": sound.iloc[[0]],
            "no quotes": sound.iloc[:0],
        }

    @staticmethod
    def _problem(odd: dict[str, pd.DataFrame], name: str, got: Floats) -> str:
        quotes = odd[name]
        if len(got) != len(quotes):
            return f"{len(got)} variances for {len(quotes)} quotes"
        if not len(got):
            return ""
        if name == "a single quote":
            return "one quote is taken for a surface"
        if not (np.isfinite(got) & (got > 0)).all():
            return "" if np.isnan(got).all() else "the fitted variances are not all positive"
        if name.startswith("variance that falls"):
            table = got.reshape(len(MATURITIES), -1)
            falls = int((np.diff(table, axis=0) < -1e-9).sum())
            return f"fitted as they are: variance falls at {falls} points" if falls else ""
        if name.startswith("a peak"):
            # The quotes bend by more than any density allows; a fit that follows bends too.
            followed = np.abs(got / quotes["total_variance"].to_numpy(np.float64) - 1)
            peak = followed[-(len(got) // len(MATURITIES)) :]
            return "the peak is fitted as it is" if float(peak.max()) < 0.05 else ""
        if name == "variances of zero":
            return ""
        return "answered as if the quote were sound" if not _smooth(got) else ""


def _smooth(got: Floats) -> bool:
    """True where the fourth variance lies between its neighbours: the bad quote was left out."""
    low, high = sorted((float(got[2]), float(got[4])))
    return 0.8 * low <= float(got[3]) <= 1.2 * high
