from dataclasses import replace

import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity, View
from audit_lib.probes.market.transforms import Step, step
from audit_lib.probes.questions.frames import Difference, differences, furthest, one_sided, without
from audit_lib.probes.questions.samples import built, required

MERGED = 2  # missing or surplus columns that still get a finding each
OTHERS = ("features.build_backtest", "features.build_live")
LEVELS = {
    "columns": Severity.CRITICAL,
    "order": Severity.HIGH,
    "rows": Severity.MEDIUM,
    "dtype": Severity.LOW,
    "values": Severity.CRITICAL,
    "missing": Severity.CRITICAL,
}


class BuildersAgree(Check):
    """Training, backtest and live build the same features from the same data.

    What it checks
        On one panel, the backtest and live builders give the training builder's features: the
        same columns in the same order, the same rows, types and values.
    Why it matters
        Training-serving skew: the model is asked about something else than what it learnt, and
        every offline metric is about another model than the one that trades.
    How
        Drives `features.build`, `features.build_backtest` and `features.build_live` on the sample
        panel and compares them by label. Where the required features are known, only those are
        compared. A live builder may answer the newest dates only. A column that is the training
        column times a factor, plus an offset, or its logarithm, in every row, is named as such,
        and columns that share such a step are one finding.
    Limitations
        One panel; paths that a builder takes on other data (a holiday, a new listing) are not
        seen. Differences below `tolerance` of a column's size are rounding.
    Remediation
        Build features in one function that all three call.
    Sources
        Polyzotis et al. (2018), Data Lifecycle Challenges in Production Machine Learning
        (training-serving skew).
    """

    code = "FEA003"
    severity = Severity.CRITICAL
    needs = ("features.panel", "features.build")

    tolerance: float = Field(1e-9, ge=0, description="relative to the size of the column")

    def run(self, subject: Subject) -> Answers:
        """Compare each other builder with the training builder."""
        present = [hook for hook in OTHERS if subject.has(hook)]
        if not present:
            raise NotAssessed("neither features.build_backtest nor features.build_live is written")
        for hook in OTHERS:
            if hook not in present and not subject.lacks(hook):
                yield Gap(hook, "the hook is not written")
        train = built(subject)
        columns = self._columns(subject, train)
        rows: list[tuple[str, float, str]] = []
        for hook in present:
            try:
                other = built(subject, hook)
            except NotAssessed as error:
                yield Gap(hook, str(error))
                continue
            shared, short = train.index.intersection(other.index), hook.split(".")[1]
            yield Examined(len(shared) * len(columns), f"cells of {short}")
            if shared.empty:
                yield Gap(hook, "it answers no row that the training builder answers")
            gaps = list(one_sided(train, other, columns))
            for gap in gaps:
                yield self._report(hook, gap, None)
            filled = without(other, train, gaps)
            departures = differences(train, filled, tolerance=self.tolerance, columns=columns)
            if not gaps and all(d.kind == "values" for d in departures):
                pairs = ((train.loc[shared, c], other.loc[shared, c]) for c in columns)
                yield from furthest(f"difference of {short}", pairs, self.tolerance)
            differing = {d.column: d for d in departures if d.kind == "values"}
            steps = {c: step(train.loc[shared, c], other.loc[shared, c]) for c in differing}
            rows += [(name, 100 * d.count / d.total, short) for name, d in differing.items()]
            lists = [d for d in departures if d.kind == "columns"]
            together = _together(lists) if len(lists) > MERGED else lists
            for difference in [*together, *(d for d in departures if d.kind != "columns")]:
                yield self._report(hook, difference, steps.get(difference.column))
        yield Evidence(
            "parity",
            "Rows in which a builder differs from training",
            ("label", "value", "group"),
            tuple(rows),
            View.BARS,
            "per cent of shared rows; empty: none differ",
        )

    def _report(self, hook: str, difference: Difference, step: Step | None) -> Answer:
        what = f"{difference.column} " if difference.column else f"{difference.kind} "
        short = hook.split(".")[1]
        cause = f"{short} dtype: {difference.text}" if difference.kind == "dtype" else ""
        text = difference.text.replace("the other", "training")
        if difference.kind == "missing":
            cause = f"{short} {difference.cause}"
        if difference.kind == "columns":  # two builders at one place lack them for one reason
            cause = f"columns: {text}"
        if step is not None:
            cause, text = f"{short} values: {step.name}", f"is {step.text}: {text}"
        return self.departs(
            f"{short}, compared with training: {what}{text}",
            hook=hook,
            measured=difference.text,
            expected="as in training",
            key=f"{difference.kind} {difference.column}".strip(),
            cause=cause,
            severity=LEVELS[difference.kind],
            evidence=("parity",),
        )

    @staticmethod
    def _columns(subject: Subject, train: pd.DataFrame) -> list[str]:
        if not subject.has("predictor.required"):
            return [str(c) for c in train.columns]
        return [c for c in required(subject) if c in train.columns]


def _together(differences: list[Difference]) -> list[Difference]:
    """One difference for all columns of which the same is said: the list has a single cause."""
    alike: dict[str, list[Difference]] = {}
    for difference in differences:
        alike.setdefault(difference.text, []).append(difference)
    return [replace(group[0], column="", text=_each(group)) for group in alike.values()]


def _each(group: list[Difference]) -> str:
    names = ", ".join(d.column for d in group[:3])
    more = f" and {len(group) - 3} more" if len(group) > 3 else ""
    return f"{names}{more}: each {group[0].text}"
