import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Flags, Floats, Integers
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity, View
from audit_lib.probes.prediction.orders import PATHS, directional, head_kinds, orders, written
from audit_lib.probes.questions.asking import ask
from audit_lib.probes.questions.samples import inputs, numeric, predictions, whole_dates
from audit_lib.probes.statistics.clusters import dates_of

EVERYWHERE = ""


class SidesFollowADirectionalHead(Check):
    """What is bought scores higher than what is sold, on a head that tells a direction.

    What it checks
        Among orders that no gate touched, every buy stands above every sell on at least one head
        that is a return or a probability; and that head, not a volatility, separates them best.
    Why it matters
        Rules that read an output by its position trade on whatever stands there. Buying what is
        volatile and selling what is calm looks like a strategy for years.
    How
        Predicts and decides the same sample rows, and measures for each head the probability that
        a buy ranks above a sell (the area under the ROC curve): over all rows, among rows of one
        date, and among rows of one asset. A book that buys the best and sells the worst of each
        day follows its head within dates only, one that trades each asset against its own history
        within assets only; following it in one of the three is enough.
    Limitations
        With a single side in the sample only the comparison with untraded rows is left, which
        other rules blur; it is then asked for no more than 0.6. Where sides follow a head of which
        neither the checkpoint nor `heads` says what kind it is, nobody can tell. Combined scores
        separate without any single head doing so perfectly: `separation` says what is asked for.
    Remediation
        Read heads by name in the rule set.
    Sources
        Fawcett (2006), An Introduction to ROC Analysis, section 7.
    """

    code = "INT004"
    severity = Severity.CRITICAL
    needs = ("predictor.predict", "predictor.required")

    rows: int = Field(4_000, ge=50, description="rows of the sample that are used")
    separation: float = Field(0.9, gt=0.5, le=1, description="least area under the ROC curve")
    margin: float = Field(
        0.02, ge=0, lt=0.5, description="by how much another head must separate sides better"
    )
    orders: int = Field(20, ge=2, description="fewest orders of a side that tell")

    def run(self, subject: Subject) -> Answers:
        """Decide the sample and ask which head explains the sides."""
        chosen = whole_dates(inputs(subject), self.rows)
        scores = predictions(subject).loc[chosen.index]
        names = [h.name for h in directional(subject) if h.name in scores]
        unnamed = sorted({str(c) for c in scores} - set(head_kinds(subject)))
        areas: list[tuple[str, float, str]] = []
        for hook in written(subject, PATHS):
            reply = ask(subject.hook(hook), chosen, into=orders)
            if not reply.answered:
                yield Gap(hook, reply.why)
                continue
            free = reply.got[reply.got["gate"] == ""]
            free = free[free.index.isin(scores.index)]
            high, low, least = self._sides(free["side"].to_numpy())
            if high is None or low is None:
                yield Gap(hook, f"fewer than {self.orders} orders of a side in {len(chosen)} rows")
                continue
            yield Examined(int(high.sum() + low.sum()), f"rows of {hook}")
            views = self._views(scores.loc[free.index], high, low)
            areas += [
                (head, area, f"{hook}{among}")
                for among, seen in views.items()
                for head, area in seen.items()
            ]
            if not names:
                raise NotAssessed("no directional head is among the predictions")
            seen_by = [
                {head: area for head, area in seen.items() if head not in unnamed}
                for seen in views.values()
            ]
            if not all(self._departure(seen, names, least) for seen in seen_by):
                areas_of = max((seen[_best(seen, names)], _best(seen, names)) for seen in seen_by)
                what = f"probability that a buy scores above a sell on {areas_of[1]}"
                yield Margin(what, areas_of[0], least, least=True)
                continue
            led = [head for head in unnamed for seen in views.values() if seen[head] >= least]
            if led:
                yield Gap(hook, f"sides follow {led[0]}, and nobody says of what kind that head is")
            else:
                yield self._report(hook, seen_by[0], names, least)
        yield Evidence(
            "areas",
            "Probability that a buy scores above a sell",
            ("label", "value", "group"),
            tuple(areas),
            View.BARS,
            "area under the ROC curve of each head; 0.5 is no relation",
        )

    def _sides(self, sides: Floats) -> tuple[Flags | None, Flags | None, float]:
        buys, sells, flat = sides > 0, sides < 0, sides == 0
        if buys.sum() >= self.orders and sells.sum() >= self.orders:
            return buys, sells, self.separation
        if buys.sum() >= self.orders and flat.sum() >= self.orders:
            return buys, flat, 0.6
        if sells.sum() >= self.orders and flat.sum() >= self.orders:
            return flat, sells, 0.6
        return None, None, 0.0

    def _views(self, scores: pd.DataFrame, high: Flags, low: Flags) -> dict[str, dict[str, float]]:
        """Areas of each head over all rows, and within dates and assets that have both sides."""
        dates = dates_of(scores.index)
        levels = {EVERYWHERE: np.zeros(len(scores), dtype=np.int64)}
        if dates is not None:
            levels[", within dates"] = pd.factorize(pd.Index(dates))[0]
        if isinstance(scores.index, pd.MultiIndex):
            levels[", within assets"] = pd.factorize(scores.index.get_level_values(0))[0]
        areas = {}
        for among, groups in levels.items():
            both = np.intersect1d(groups[high], groups[low])
            a, b = (side & np.isin(groups, both) for side in (high, low))
            if min(a.sum(), b.sum()) >= self.orders and (among == EVERYWHERE or len(both) > 1):
                areas[among] = {
                    str(head): _area(numeric(scores[[head]]).reshape(-1), a, b, groups)
                    for head in scores.columns
                }
        return areas

    def _departure(
        self, areas: dict[str, float], names: list[str], least: float
    ) -> tuple[str, Severity] | None:
        """What the sides follow instead of a direction; None where they follow one."""
        best, rival = _best(areas, names), _rival(areas, names)
        # Trading where another head is high or low is a filter; to buy and sell by it is not.
        apart = abs(areas[rival] - 0.5) if rival and least == self.separation else 0.0
        led = apart > 0.49 and apart - abs(areas[best] - 0.5) > self.margin
        if areas[best] >= least and not led:
            return None
        if led:
            return f"sides follow {rival}, which tells no direction", self.severity
        if areas[best] <= 1 - least:
            return f"what is bought scores below what is sold on {best}", self.severity
        if rival and abs(areas[rival] - 0.5) > max(0.4, abs(areas[best] - 0.5)):
            return f"sides follow {rival}, which tells no direction", self.severity
        return "sides follow no directional head", Severity.HIGH

    def _report(self, hook: str, areas: dict[str, float], names: list[str], least: float) -> Answer:
        departure = self._departure(areas, names, least)
        text, severity = departure or ("sides follow no directional head", Severity.HIGH)
        best, rival = _best(areas, names), _rival(areas, names)
        return self.departs(
            f"{text}: a buy ranks above a sell with probability {areas[best]:.2f} on {best}"
            + (f", {areas[rival]:.2f} on {rival}" if rival else ""),
            hook=hook,
            measured=areas[best],
            expected=f"at least {least:g} on a return or a probability",
            key="sides",
            severity=severity,
            evidence=("areas",),
        )


def _best(areas: dict[str, float], names: list[str]) -> str:
    return max(names, key=lambda head: areas[head])


def _rival(areas: dict[str, float], names: list[str]) -> str | None:
    others = {h: a for h, a in areas.items() if h not in names}
    return max(others, key=lambda h: abs(others[h] - 0.5), default=None)


def _area(values: Floats, high: Flags, low: Flags, groups: Integers) -> float:
    """Share of pairs of one group in which the high row has the larger value; ties count half."""
    wins = pairs = 0.0
    for group in np.unique(groups[high]):
        a, b = (values[side & (groups == group)] for side in (high, low))
        ranks = pd.Series(np.concatenate([a, b])).rank().to_numpy()
        wins += float(ranks[: len(a)].sum() - len(a) * (len(a) + 1) / 2)
        pairs += len(a) * len(b)
    return wins / pairs
