import numpy as np

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Margin, Severity
from audit_lib.probes.labels.folds import HOOK, DrivenFold, drive_folds, edges, timeline
from audit_lib.probes.labels.label_facts import horizon_of
from audit_lib.probes.labels.label_reach import with_ends


class TrainLabelsEndBeforeTheTest(Check):
    """No train row's label shares a bar of its return with a test period.

    What it checks
        For every fold: labels of train rows before a test stretch end no later than its first
        decision, and train rows after it begin no earlier than its last label ends. Label windows
        are measured, not declared.
    Why it matters
        A train label that ends inside the test period tells the model the returns it is about to
        be judged on. The longer the horizon, the better such a model looks.
    How
        Takes the measured horizon h of the labels (the declared one where they cannot be built),
        in bars of each asset, and the rows that `splits.folds` gives on the sample panel.
        Returns (t, t + h] and (s, s + h] are compared for every train row and test stretch. Where
        that accuses, every row's own end decides (a barrier is touched early): the bars after the
        first test decision are moved up, down and held still, and train labels that change read
        them; `targets.ends`, where it is written, is believed as well.
    Limitations
        Overlap through features (a long window that reaches back over a test period) is not
        judged here; an embargo is there for it. Panels of more than 40,000 rows are measured on a
        part; its deepest end stands for rows outside it.
    Remediation
        Purge at least h - 1 bars on the side where train comes first, and h - 1 after a test
        period, with h in bars from the decision to the last price of the label.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, sections 7.4.1 and 7.4.2.
    """

    code = "SPL001"
    severity = Severity.CRITICAL
    needs = ("features.panel", HOOK)

    def run(self, subject: Subject) -> Answers:
        """Compare label windows of every fold."""
        horizon, origin = horizon_of(subject)
        driven = with_ends(subject, drive_folds(subject, horizon))
        if driven.varying:
            origin = f"labels end row by row, {origin}"
        yield timeline(driven)
        yield edges(driven)
        before = {f.number: _before(f) for f in driven.folds}
        yield from self._side(
            before,
            "before",
            (
                "train on labels that end up to {into} bars after the first test decision "
                f"({origin} horizon {horizon})"
            ),
        )
        after = {f.number: _after(f) for f in driven.folds}
        yield from self._side(
            after,
            "after",
            (
                "train on rows up to {into} bars before the last test label ends "
                f"({origin} horizon {horizon})"
            ),
        )
        yield Examined(len(driven.folds), "folds")
        room = [r for f in driven.folds if (r := _room(f)) is not None]
        if room:
            what = "fewest bars from the end of a fitted label to the next test decision"
            yield Margin(what, min(room), 0, "bars", least=True)

    def _side(self, folds: dict[int, tuple[int, int]], side: str, text: str) -> Answers:
        guilty = {number: found for number, found in folds.items() if found[1]}
        if guilty:
            into, rows = max(i for i, _ in guilty.values()), sum(r for _, r in guilty.values())
            numbers = ", ".join(map(str, guilty))
            yield self.departs(
                f"{len(guilty)} of {len(folds)} folds {text.format(into=into)}: fold {numbers}",
                hook=HOOK,
                measured=f"{into} bars, {rows} rows",
                expected="0 bars",
                key=side,
                evidence=("timeline", "edges"),
            )


def _room(fold: DrivenFold) -> int | None:
    """Fewest bars from the end of a train label to a later test stretch; None where none is."""
    ends = [
        int(start - fold.train_ends[earlier].max())
        for start, _ in fold.stretches()
        if (earlier := fold.train_at < start).any()
    ]
    return min(ends, default=None)


def _before(fold: DrivenFold) -> tuple[int, int]:
    """Deepest reach, and number, of train labels that reach into a later test stretch."""
    deepest, guilty = 0, np.zeros(len(fold.train), dtype=bool)
    for start, _ in fold.stretches():
        into = np.where(fold.train_at < start, fold.train_ends - start, 0)
        deepest, guilty = max(deepest, int(into.max(initial=0))), guilty | (into > 0)
    return deepest, int(guilty.sum())


def _after(fold: DrivenFold) -> tuple[int, int]:
    """The same for train rows that begin before an earlier test stretch's labels end."""
    deepest, guilty = 0, np.zeros(len(fold.train), dtype=bool)
    for start, end in fold.stretches():
        inside = (fold.test_at >= start) & (fold.test_at <= end)
        last = int(fold.test_ends[inside].max(initial=end))
        into = np.where(fold.train_at > end, last - fold.train_at, 0)
        deepest, guilty = max(deepest, int(into.max(initial=0))), guilty | (into > 0)
    return deepest, int(guilty.sum())
