from collections.abc import Iterator

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity, View
from audit_lib.probes.market.windows import stretch, window_length
from audit_lib.probes.questions.asking import ask, frame
from audit_lib.probes.questions.relations import reordered_columns, shuffled
from audit_lib.probes.questions.samples import inputs, numeric, still, whole_dates
from audit_lib.probes.questions.sides import (
    POSITION,
    Joined,
    Tables,
    joined,
    moved_share,
    side_tables,
)
from audit_lib.subject.beside import for_rows

#: what several orders and companies of one kind show
CAUSES = {
    "columns": "columns are taken by position",
    "batch": "a prediction depends on the rows beside it",
}
UNREAD = "unread_q7"
"""a column that no model reads"""


class PredictionsFollowLabels(Check):
    """Predictions follow columns by name and rows by label, and depend on their own row only.

    What it checks
        The same features with columns in another order give the same predictions, or a refusal;
        the same rows in another order give the same predictions under the same labels; a row
        alone, in a part of the batch, or beside extreme rows is predicted as in the whole batch; a
        column that the model does not read changes nothing, blank in some rows or not;
        and each table beside the features (regimes, confidences, macro series) is joined as
        `sides` in `subject.yaml` says: by label, unless it says by position.
    Why it matters
        A predictor that goes by position swaps features silently when a builder changes. One that
        standardises or ranks within the batch is another model live, where the batch is one row.
    How
        Drives `predictor.predict` on sample rows: columns reversed, swapped and shuffled; rows
        shuffled; rows alone, the first half, and the batch with a copy of itself a hundred times
        larger behind it. The tables of `predictor.sides` are shuffled one at a time: by label
        nothing may change, by position (all of them with the features) predictions keep their
        labels.
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
        asked = 0
        for family, name, table in self._variants(features, windowed=windowed):
            sides = [for_rows(beside, features, table)] if beside else []
            reply = ask(hook, table, *sides, into=frame)
            asked += 1
            if not reply.answered:
                declined = family == "unread" or (family == "columns" and reply.refusal is not None)
                if not declined:
                    yield Gap(name, reply.why)
                continue
            kept = reply.got[reply.got.index.isin(features.index)]
            share, example = self._moved(base, kept, table)
            rows.append((name, 100 * share))
            if share:
                yield self._found(subject, family, name, share, example)
        for seen in self._tables(subject, features, beside):
            asked += 1
            rows.append((str(seen), 100 * seen.share))
            if seen.unread:
                yield Gap(f"table {seen.table}", seen.unread)
            if seen.share:
                family = "rows" if seen.join == POSITION else "table"
                yield self._found(subject, family, str(seen), seen.share, seen.example)
        yield Examined(asked, "other orders and companies")
        yield Evidence(
            "company",
            "Predictions that change with order or company",
            ("label", "value"),
            tuple(rows),
            View.BARS,
            "per cent of cells; must be 0",
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

    @staticmethod
    def _company(features: pd.DataFrame) -> pd.DataFrame:
        extreme = pd.DataFrame(
            numeric(features) * 100, columns=features.columns, index=features.index
        )
        names = list(features.index.names)
        if "date" in names and isinstance(features.index, pd.MultiIndex):
            level = names.index("date")
            moved = [
                (*key[:level], key[level] + pd.Timedelta(days=36_500), *key[level + 1 :])
                for key in features.index
            ]
            extreme.index = pd.MultiIndex.from_tuples(moved, names=names)
        else:
            extreme.index = pd.Index([f"extreme {i}" for i in range(len(extreme))])
        return pd.concat([features, extreme])

    def _moved(
        self, base: pd.DataFrame, got: pd.DataFrame, asked: pd.DataFrame
    ) -> tuple[float, str]:
        due = base[base.index.isin(asked.index)]
        return moved_share(due, got, self.tolerance)

    def _tables(self, subject: Subject, features: pd.DataFrame, beside: Tables) -> Iterator[Joined]:
        """How the tables beside the features are joined; nothing where there are none."""
        if beside:
            hook = subject.hook("predictor.predict")
            yield from joined(
                subject, hook, features, beside, seed=self.seed, tolerance=self.tolerance
            )

    def _found(
        self, subject: Subject, family: str, name: str, share: float, example: str
    ) -> Answer:
        wanted = {
            "columns": "columns are taken by name",
            "rows": "predictions keep the labels of their rows",
            "batch": "a row is predicted from itself alone",
            "unread": "the model's columns are taken, and no other",
            "table": "the table is joined by label",
        }[family]
        return self.finding(
            subject.where("predictor.predict"),
            f"{name}: {share:.0%} of predictions change; {example}",
            measured=f"{share:.0%} change",
            expected=wanted,
            key=name,
            cause=CAUSES.get(family, ""),
            evidence=("company",),
        )
