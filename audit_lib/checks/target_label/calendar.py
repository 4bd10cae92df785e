from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.labels.label_facts import HOOK, Declared, declared_labels
from audit_lib.probes.market.markets import PRICES, columns_of, short
from audit_lib.probes.questions.asking import Reply, ask_many, frame, reasons
from audit_lib.probes.questions.samples import panel

OWN, ALL = "own", "all"
MEANS = {OWN: "bars of the asset itself", ALL: "dates of the whole panel"}


@dataclass(frozen=True)
class Hole:
    """A panel in which one asset lacks one bar.

    Attributes:
        given: the panel.
        dates: of the asset, before the bar was taken.
        at: position of the bar that is missing.
        asset: the asset.
    """

    given: pd.DataFrame
    dates: pd.DatetimeIndex
    at: int
    asset: object

    @property
    def row(self) -> tuple[object, pd.Timestamp]:
        """The row before the missing bar."""
        return self.asset, self.dates[self.at - 1]

    def moved(self, position: int) -> pd.DataFrame:
        """The panel with other prices of the asset at one of its dates."""
        changed = self.given.copy()
        levels = [changed.index.get_level_values(name) for name in ("asset", "date")]
        row = (levels[0] == self.asset) & (levels[1] == self.dates[position])
        prices = columns_of(changed, PRICES)
        changed.loc[row, prices] = changed.loc[row, prices] * (1.3 if position % 2 else 0.75)
        return changed


class LabelsCountTheDeclaredBars(Check):
    """A horizon counts the bars that it is said to count, where an asset has no bar.

    What it checks
        Where an asset misses a bar, a label before it reads as many of the asset's own bars
        ahead as its horizon says (`calendar: own`), or as many dates of the panel (`all`), as
        `targets.declared` says; without a word, its own.
    Why it matters
        Assets are suspended, listed late, and trade on other days. A label that counts dates
        spans fewer bars for those, ends where there is no price, and is then filled or dropped;
        purge and overlap are counted in bars all the same.
    How
        Takes one bar of one asset out of the sample, at drawn places, and moves the price on the
        last date that either way of counting reads; the label of the row before tells which one
        it follows.
    Limitations
        Barriers and events end elsewhere, and are left to TGT001. With one asset there is one
        calendar.
    Remediation
        Shift within each asset, `groupby("asset")`, and not on a table of dates by assets.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 3 (labels).
    """

    code = "TGT008"
    severity = Severity.HIGH
    needs = ("features.panel", HOOK)

    seed: int = Field(43, description="of the drawn bars")
    holes: int = Field(6, ge=2, description="bars that are taken out, one at a time")

    def run(self, subject: Subject) -> Answers:
        """Take bars out, and see which dates labels follow."""
        fixed = {
            s.label: s
            for s in declared_labels(subject)
            if isinstance(s.facts.get("horizon"), int) and s.facts["horizon"] > 0
            if s.facts.get("kind") != "barrier"
        }
        if not fixed:
            raise NotAssessed("no label of a fixed horizon is declared")
        sample = short(panel(subject), assets=3, bars=250)
        if sample.index.get_level_values("asset").nunique() < 2:
            raise NotAssessed("one asset has one calendar; the sample needs two")
        reach = max(s.facts["horizon"] for s in fixed.values())
        holes = self._holes(sample, reach)
        horizons = sorted({s.facts["horizon"] for s in fixed.values()})
        questions = [h.given for h in holes]
        questions += [h.moved(h.at + n - back) for n in horizons for h in holes for back in (0, 1)]
        replies = ask_many(subject.hook(HOOK), [(table,) for table in questions], into=frame)
        if any(not r.answered for r in replies):
            raise NotAssessed(f"{HOOK}: {reasons(replies)}")
        base, rest = replies[: len(holes)], replies[len(holes) :]
        rows, judged_labels = [], 0
        for label, one in fixed.items():
            start = 2 * len(holes) * horizons.index(one.facts["horizon"])
            moved = rest[start : start + 2 * len(holes)]
            calendar = self._follows(label, holes, base, moved)
            rows.append((label, one.facts["horizon"], one.facts.get("calendar", ""), calendar))
            judged_labels += bool(calendar)
            yield from self._judged(one, calendar)
        yield Examined(judged_labels, "labels of a fixed horizon")
        heads = ("label", "horizon", "declared", "follows")
        yield Evidence("calendars", "Whose bars a horizon counts", heads, tuple(rows))

    def _holes(self, sample: pd.DataFrame, reach: int) -> list[Hole]:
        rng = np.random.default_rng(self.seed)
        assets = sample.index.get_level_values("asset").unique()
        holes = []
        for number in range(self.holes):
            asset = assets[number % len(assets)]
            own = sample.xs(asset, level="asset").index
            if len(own) < 3 * reach + 20:
                raise NotAssessed(f"{len(own)} bars are too few for a horizon of {reach}")
            dates = pd.DatetimeIndex(own)
            at = int(rng.integers(len(own) // 2, len(own) - 2 * reach - 2))
            holes.append(Hole(sample.drop(index=(asset, dates[at])), dates, at, asset))
        return holes

    @staticmethod
    def _follows(
        label: str,
        holes: list[Hole],
        base: list[Reply[pd.DataFrame]],
        moved: list[Reply[pd.DataFrame]],
    ) -> str:
        """Whose bars the label counts; '' where nothing tells."""
        votes = {OWN: 0, ALL: 0}
        for i, (hole, was) in enumerate(zip(holes, base, strict=True)):
            if label not in was.got or hole.row not in was.got.index:
                continue
            before = was.got[label].get(hole.row, np.nan)
            own, every = (m.got[label].get(hole.row, np.nan) for m in moved[2 * i : 2 * i + 2])
            if not _same(before, own):
                votes[OWN] += 1
            elif not _same(before, every) or pd.isna(before):
                votes[ALL] += 1
        # A label of classes may stay; who counts dates never reads as far as the own bar.
        if votes[OWN] > votes[ALL]:
            return OWN
        return ALL if votes[ALL] >= 2 else ""

    def _judged(self, own: Declared, bars: str) -> Answers:
        declared = own.facts.get("calendar")
        if not bars:
            yield Gap(own.label, "no date that its horizon ends on moves it")
        elif declared is None and bars == ALL:
            yield Gap(
                own.label,
                "its horizon counts dates of the whole panel; say `calendar: all` in "
                "targets.declared where that is meant",
            )
        elif bars != (declared or OWN):
            yield self.departs(
                f"the horizon of label {own.label!r} counts {MEANS[bars]} where the asset has no "
                f"bar, and {MEANS.get(str(declared), repr(declared))} are declared",
                hook=HOOK,
                measured=bars,
                expected=declared or OWN,
                key=own.label,
                evidence=("calendars",),
                cause="another calendar",
            )


def _same(a: object, b: object) -> bool:
    one, other = (float(x) for x in (a, b))  # type: ignore[arg-type]  # a cell of numbers
    return (np.isnan(one) and np.isnan(other)) or one == other
