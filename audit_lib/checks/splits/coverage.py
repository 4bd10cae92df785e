import itertools

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity, View
from audit_lib.probes.labels.folds import HOOK, DrivenFolds, drive_folds
from audit_lib.probes.market.perturbation import price_field
from audit_lib.probes.questions import samples

Positions = npt.NDArray[np.intp]
FEW = 0.25
"""share of a test period that another may hold without its being meant"""


class FoldsCoverTheData(Check):
    """Each fold judges enough, and trains on the kind of market that it is judged on.

    What it checks
        Every test period has at least `smallest` dates; together the folds judge at least
        `judged` of the dates after the first train period, without a hole among periods that
        otherwise follow each other, and without rows that two of these judge; and the volatility
        of a test period lies within the range of volatility that its train period held.
    Why it matters
        A metric over twenty days is noise. A fold that is judged in a crash after training on
        calm years tells how the model extrapolates, which the reader must know; a splitter that
        forgets the newest years hides them.
    How
        Counts dates per fold on the sample panel, and compares the median absolute move of each
        test period with 5 % to 95 % quantiles of that of equally long stretches of train.
    Limitations
        A regime is told by volatility alone. A train period shorter than three test periods is
        too short to hold regimes, which is named as not looked at.
    Remediation
        Use longer or fewer folds; report metrics of folds outside the known regimes apart.
    Sources
        Bailey et al. (2014), Pseudo-Mathematics and Financial Charlatanism, Notices of the AMS
        61(5); Cerqueira et al. (2020), Evaluating time series forecasting models.
    """

    code = "SPL005"
    severity = Severity.MEDIUM
    needs = ("features.panel", HOOK)
    about = HOOK

    smallest: int = Field(20, ge=1, description="dates that a test period needs")
    judged: float = Field(0.5, ge=0, le=1, description="share of later dates some fold judges")

    def run(self, subject: Subject) -> Answers:
        """Count dates, and compare volatilities."""
        driven = drive_folds(subject, 0)
        panel = samples.panel(subject)
        moves = _moves(panel, driven.calendar)
        rows = []
        judged = [len(np.unique(fold.test_at)) for fold in driven.folds]
        if judged:
            what = "dates that the smallest fold judges"
            yield Margin(what, min(judged), self.smallest, least=True)
        for fold in driven.folds:
            train, test = np.unique(fold.train_at), np.unique(fold.test_at)
            if len(test) < self.smallest:
                yield self.departs(
                    f"fold {fold.number} is judged on {len(test)} dates",
                    measured=len(test),
                    expected=f"at least {self.smallest}",
                    key=f"fold {fold.number} size",
                    cause="few dates",
                )
                continue
            if moves is None or len(train) < 3 * len(test):
                continue
            low, high = _range(moves[train], len(test))
            own = float(np.nanmedian(moves[test]))
            rows.append((f"fold {fold.number}", own, "test"))
            rows += [(f"fold {fold.number}", v, k) for v, k in ((low, "5 %"), (high, "95 %"))]
            if own > 1.5 * high or own < low / 1.5:
                yield self.departs(
                    f"fold {fold.number} is judged where the median move is {own:.3%}; stretches "
                    f"of its train period had {low:.3%} to {high:.3%}",
                    measured=own,
                    expected=f"{low / 1.5:.6g} to {1.5 * high:.6g}",
                    key=f"fold {fold.number} regime",
                    cause="other regime",
                    severity=Severity.INFO,
                    evidence=("regimes",),
                )
        if rows:
            heads, note = ("label", "value", "group"), "median absolute move of a bar"
            title = "Volatility of test periods against train stretches"
            yield Evidence("regimes", title, heads, tuple(rows), View.BARS, note)
        else:
            yield Evidence(
                "regimes", "No train period is long enough to hold regimes", ("fold",), ()
            )
        tested = np.unique(np.concatenate([f.test_at for f in driven.folds]))
        first = min(int(f.test_at.min(initial=len(driven.calendar))) for f in driven.folds)
        share = len(tested) / max(1, len(driven.calendar) - first)
        if share < self.judged:
            yield self.departs(
                f"the folds judge {share:.0%} of the dates from the first test period on",
                measured=share,
                expected=f"at least {self.judged:g}",
                key="share",
            )
        yield from self._hole(driven, tested)
        yield from self._twice(driven)
        if moves is None:
            yield Gap("regimes", "the panel has no price field")
        yield Examined(len(driven.folds), "folds")

    def _hole(self, driven: DrivenFolds, tested: Positions) -> Answers:
        """A fold's length of dates that no fold judges, where others follow each other."""
        usual = float(np.median([len(np.unique(f.test_at)) for f in driven.folds]))
        left = np.diff(tested) - 1
        holes = np.flatnonzero(left >= max(1.0, usual))
        follow = len(driven.folds) - 1 - len(holes)
        if not len(holes) or 2 * len(holes) > follow:
            return  # every fold stands apart by design
        widest = int(holes[np.argmax(left[holes])])
        ends = tested[widest] + 1, tested[widest + 1] - 1
        first, last = (str(driven.calendar[i]).removesuffix(" 00:00:00") for i in ends)
        yield self.departs(
            f"no fold judges {int(left[widest])} dates from {first} to {last}, though test periods "
            "otherwise follow each other",
            measured=int(left[widest]),
            expected=f"fewer than {usual:g}, which one fold judges",
            key="hole",
        )

    def _twice(self, driven: DrivenFolds) -> Answers:
        """Rows of two folds, where folds do not share much by design (rolling, combinatorial)."""
        shared = {
            (a.number, b.number): (
                len(np.intersect1d(a.test, b.test)),
                min(len(a.test), len(b.test)),
            )
            for a, b in itertools.combinations(driven.folds, 2)
        }
        over = {pair: (n, of) for pair, (n, of) in shared.items() if n}
        if over and all(n <= FEW * of for n, of in over.values()):
            (one, other), (most, of) = max(over.items(), key=lambda item: item[1][0])
            yield self.departs(
                f"folds {one} and {other} both judge {most} rows of {of}, though folds share none "
                "otherwise; a mean over folds counts them twice",
                measured=f"{most} rows",
                expected="no row judged by two folds",
                key="twice",
            )


def _moves(panel: pd.DataFrame, calendar: pd.Index) -> Floats | None:
    """Mean absolute one-bar move over assets, by calendar position."""
    price = price_field(panel)
    if price is None:
        return None
    prices = panel[price]
    move = (prices / prices.groupby(level=0).shift(1) - 1).abs()
    return np.asarray(move.groupby(level=1).mean().reindex(calendar), dtype=np.float64)


def _range(moves: Floats, length: int) -> tuple[float, float]:
    """5 % and 95 % quantile of the median move over stretches of that length."""
    stretches = pd.Series(moves).rolling(length).median().dropna().to_numpy()
    return float(np.quantile(stretches, 0.05)), float(np.quantile(stretches, 0.95))
