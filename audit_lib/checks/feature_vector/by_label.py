from collections.abc import Iterator

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity, View
from audit_lib.probes.market.windows import stretch, window_length
from audit_lib.probes.questions.asking import ask, frame
from audit_lib.probes.questions.relations import reordered_columns, shuffled
from audit_lib.probes.questions.samples import inputs, numeric, still, whole_dates
from audit_lib.probes.questions.sides import POSITION, joined, moved_share, side_tables
from audit_lib.subject.beside import for_rows

#: what several orders and companies of one kind show
CAUSES = {
    "columns": "columns are taken by position",
    "batch": "a prediction depends on the rows beside it",
}
UNREAD = "unread_q7"
"""a column that no model reads"""
GAPS = "rows with a gap each"


class PredictionsFollowLabels(Check):
    """Predictions follow columns by name and rows by label, and depend on their own row only.

    What it checks
        The same features with columns in another order give the same predictions, or a refusal;
        the same rows in another order give the same predictions under the same labels; a row
        alone, in a part of the batch, or beside extreme rows is predicted as in the whole batch, a
        row with a gap too; a column that the model does not read changes nothing, blank in some
        rows or not;
        and each table beside the features (regimes, confidences, macro series) is joined as
        `sides` in `subject.yaml` says: by label, unless it says by position.
    Why it matters
        A predictor that goes by position swaps features silently when a builder changes. One that
        standardises or ranks within the batch is another model live, where the batch is one row.
    How
        Drives `predictor.predict` on sample rows: columns reversed, swapped and shuffled; rows
        shuffled; rows alone, the first half, and the batch with a copy of itself a hundred times
        larger behind it; and, where gaps are predicted through, a batch in which each row has one,
        and two of its rows alone: what is filled from the rows beside it differs. The tables of
        `predictor.sides` are shuffled one at a time: by label nothing may change, by position (all
        of them with the features) predictions keep their labels.
    Limitations
        A predictor that ranks across the assets of one date is one by design: `unit: date` then
        keeps whole dates together and leaves out single rows; where predictions rest on
        `windows`, assets are kept together, and FEA009 judges which rows count. A table whose
        values, put under other labels, change no prediction of the sample is a gap.
    Remediation
        Select columns by name (`features[feature_cols]`), keep the index, and scale with stored
        statistics.
    Sources
        Equivariance under relabelling and independence of rows as metamorphic relations (Segura
        et al. 2016, doi:10.1109/TSE.2016.2532875).
    """

    code = "FEA004"
    severity = Severity.CRITICAL
    needs = ("predictor.predict", "predictor.required")

    seed: int = Field(10, description="of everything random")
    rows: int = Field(48, ge=4, description="rows of the sample that are used")
    unit: str = Field("row", pattern="^(row|date)$", description="what is predicted by itself")
    tolerance: float = Field(1e-9, ge=0, description="relative to the size of the column")

    def run(self, subject: Subject) -> Answers:
        """Predict the same rows in every order and company."""
        hook = subject.hook("predictor.predict")
        windowed = subject.parameters.windows is not None
        if windowed:
            features = stretch(subject, window_length(subject))
        else:
            features = whole_dates(inputs(subject), self.rows)
        beside = side_tables(subject, "predictor.sides", features)
        base = ask(hook, features, *([beside] if beside else []), into=frame).needed(
            "predictor.predict gives no predictions for the sample:"
        )
        yield Examined(base.size, "predictions")
        for head in still(base):
            yield Gap(f"head {head}", "it is the same in all rows, so no order could change it")
        rows: list[tuple[str, float]] = []
        orders_asked = 0
        whole = base
        for family, name, table in self._variants(features, windowed=windowed):
            sides = [for_rows(beside, features, table)] if beside else []
            reply = ask(hook, table, *sides, into=frame)
            if name == GAPS:
                if not reply.answered:
                    break  # gaps are refused, which FEA005 judges
                whole = reply.got
                continue
            orders_asked += 1
            if not reply.answered:
                declined = family == "unread" or (family == "columns" and reply.refusal is not None)
                if not declined:
                    yield Gap(name, reply.why)
                continue
            own_rows = reply.got[reply.got.index.isin(features.index)]
            due = whole[whole.index.isin(table.index)]
            share, example = moved_share(due, own_rows, self.tolerance)
            rows.append((name, 100 * share))
            if share:
                yield self._report(family, name, share, example)
        # asked only where there are some
        tables = joined(subject, hook, features, beside, seed=self.seed, tolerance=self.tolerance)
        for seen in tables if beside else ():
            orders_asked += 1
            rows.append((str(seen), 100 * seen.share))
            if seen.unread:
                yield Gap(f"table {seen.table}", seen.unread)
            if seen.share:
                family = "rows" if seen.join == POSITION else "table"
                yield self._report(family, str(seen), seen.share, seen.example)
        yield Examined(orders_asked, "other orders and companies")
        yield Evidence(
            "company",
            "Predictions that change with order or company",
            ("label", "value"),
            tuple(rows),
            View.BARS,
            "per cent of cells; must be 0",
            Bound("value", 0, "% of cells"),
        )

    def _variants(
        self, features: pd.DataFrame, *, windowed: bool
    ) -> Iterator[tuple[str, str, pd.DataFrame]]:
        for name, table in reordered_columns(features, self.seed).items():
            yield "columns", f"columns {name}", table
        blank = np.where(np.arange(len(features)) % 2, np.nan, 1e6)
        yield (
            "unread",
            "a column more, blank in half of its rows",
            features.assign(**{UNREAD: blank}),
        )
        yield "rows", "rows shuffled", shuffled(features, self.seed)
        if windowed:
            asset = features.index.get_level_values("asset")
            yield "batch", "one asset alone", features[asset == asset[-1]]
        elif self.unit == "row":
            yield "batch", "first half of the batch", features.iloc[: len(features) // 2]
            for at in (0, len(features) // 2, len(features) - 1):
                yield "batch", f"row {at} alone", features.iloc[at : at + 1]
        else:
            date = features.index.get_level_values("date")
            yield "batch", "one date alone", features[date == date[0]]
        yield "batch", "beside rows a hundred times larger", self._company(features)
        if self.unit == "row" and not windowed:
            count = len(features.columns)
            gapped = features.mask(np.arange(len(features))[:, None] % count == np.arange(count))
            yield "batch", GAPS, gapped
            for at in (len(features) // 2, len(features) - 1):
                yield "batch", f"row {at} alone, with a gap", gapped.iloc[at : at + 1]

    @staticmethod
    def _company(features: pd.DataFrame) -> pd.DataFrame:
        extreme = pd.DataFrame(
            numeric(features) * 100, columns=features.columns, index=features.index
        )
        if isinstance(features.index, pd.MultiIndex) and "date" in features.index.names:
            level = features.index.names.index("date")
            later = [day + pd.Timedelta(days=36_500) for day in features.index.levels[level]]
            extreme.index = features.index.set_levels(later, level=level)
        else:
            extreme.index = pd.Index([f"extreme {i}" for i in range(len(extreme))])
        return pd.concat([features, extreme])

    def _report(self, family: str, name: str, share: float, example: str) -> Answer:
        wanted = {
            "columns": "columns are taken by name",
            "rows": "predictions keep the labels of their rows",
            "batch": "a row is predicted from itself alone",
            "unread": "the model's columns are taken, and no other",
            "table": "the table is joined by label",
        }[family]
        return self.departs(
            f"{name}: {share:.0%} of predictions change; {example}",
            measured=f"{share:.0%} change",
            expected=wanted,
            key=name,
            cause=CAUSES.get(family, ""),
            evidence=("company",),
        )
