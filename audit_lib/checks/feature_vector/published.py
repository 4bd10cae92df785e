import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity
from audit_lib.probes.market.influence import manageable
from audit_lib.probes.market.published import (
    Republished,
    known_fields,
    republished,
    republished_fields,
    why_unknown,
)
from audit_lib.probes.questions.asking import ask_many, frame
from audit_lib.probes.questions.frames import differences, label, unequal
from audit_lib.probes.questions.samples import panel
from audit_lib.probes.questions.sides import side_tables

SIDES = "features.sides"
BUILDERS = ("features.build", "features.build_backtest", "features.build_live")


class NothingIsKnownBeforeItIsPublished(Check):
    """No feature moves with a value before that value was published.

    What it checks
        Where rows of a table beside the market data say when they were known (`known_at` in
        `subject.yaml`), or a field of the market data has a column that says so for it (`eps` and
        `eps_published`: dates, or bars that go by): another value in a row moves features from
        that moment on, and none before it.
    Why it matters
        A quarter's earnings are labelled by the quarter's end and published weeks later; a
        macro figure is revised. Joined by its period, every backtest trades on it too early.
    How
        Drives every builder with one drawn row's numbers moved far off, and looks for the first
        date on which a feature changes. Rows known after their period, within the sample, are drawn
        over its length.
    Limitations
        Dates are compared, not times of day. A table none of whose drawn rows moves a feature
        is a gap.
    Remediation
        Join tables on the date of publication (`pandas.merge_asof` on `known_at`), and keep
        revisions as rows of their own.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 2.2; Croushore and
        Stark (2001), A Real-Time Data Set for Macroeconomists, Journal of Econometrics 105(1).
    """

    code = "FEA110"
    severity = Severity.CRITICAL
    needs = ("features.panel", "features.build")

    seed: int = Field(13, description="of everything random")
    draws: int = Field(6, ge=1, description="rows of each table that are moved")
    tolerance: float = Field(1e-9, ge=0, description="relative to the size of the column")

    def run(self, subject: Subject) -> Answers:
        """Move drawn rows of every table under every builder."""
        declared, given = subject.parameters.known_at, manageable(panel(subject))
        fields = known_fields(given, declared)
        declared = {t: c for t, c in declared.items() if t not in fields}
        if not declared and not fields:
            raise NotApplicable("no table or field says when it was known (`known_at`)")
        if declared and not subject.has(SIDES):
            raise NotAssessed(f"`known_at` names tables of {SIDES}, which is not written")
        beside = side_tables(subject, SIDES, given) if subject.has(SIDES) else {}
        rows: list[tuple[str, str, str, str, str, int]] = []
        dates = given.index.get_level_values("date").unique().sort_values()
        drawn = {"draws": self.draws, "seed": self.seed}
        for builder in (b for b in BUILDERS if subject.has(b)):
            for table, column in {**fields, **declared}.items():
                if table in fields:
                    moved = republished_fields(given, table, column, **drawn)
                elif why := why_unknown(beside, table, column):
                    yield Gap(f"table {table}", why)
                    continue
                else:
                    moved = republished(beside[table], column, dates, **drawn)
                yield from self._builder(subject, builder, table, given, beside, moved, rows)
        heads = ("builder", "table", "row", "known", "first change", "bars early")
        title, bound = "Bars by which features move too early", Bound("bars early", 0, "bars")
        yield Evidence("published", title, heads, tuple(rows), bound=bound)

    def _builder(
        self,
        subject: Subject,
        builder: str,
        table: str,
        given: pd.DataFrame,
        beside: dict[str, pd.DataFrame],
        moved: list[Republished],
        rows: list[tuple[str, str, str, str, str, int]],
    ) -> Answers:
        field = table in given
        pairs = [(given, beside)]
        for m in moved:
            changed = given.assign(**{table: m.table[table]}) if field else given
            pairs.append((changed, beside if field else {**beside, table: m.table}))
        calls = pairs if beside else [(bars,) for bars, _ in pairs]
        base, *replies = ask_many(subject.hook(builder), calls, into=frame)
        if not base.answered:
            yield Gap(builder, base.why)
            return
        short, felt = builder.split(".")[1], 0
        dates = given.index.get_level_values("date").unique().sort_values()
        for case, reply in zip(moved, replies, strict=True):
            first = self._first(base.got, reply.got) if reply.answered else None
            if first is None:
                continue
            felt += 1
            early = int(((dates >= first) & (dates < case.known)).sum())
            rows.append((short, table, case.row, label(case.known), label(first), early))
            if early:
                yield self.departs(
                    f"{short}: {'field' if field else 'table'} {table}, row {case.row}, known on "
                    f"{label(case.known)}, moves features from {label(first)}, {early} bars before",
                    hook=builder,
                    measured=f"{early} bars before",
                    expected="no change before it is known",
                    key=f"{table} {case.row}",
                    cause=f"{short} joins {table} too early",
                    evidence=("published",),
                )
        yield Examined(felt, f"rows of {table} that move features of {short}")
        if not felt:
            why = "none of its drawn rows moves a feature" if moved else "no row is known later"
            yield Gap(f"{'field' if field else 'table'} {table} under {short}", why)

    def _first(self, base: pd.DataFrame, got: pd.DataFrame) -> pd.Timestamp | None:
        """The first date on which some feature differs."""
        fields = [
            d.column for d in differences(base, got, tolerance=self.tolerance) if d.kind == "values"
        ]
        if not fields:
            return None
        shared = base.index.intersection(got.index)
        a, b = base.loc[shared], got.loc[shared]
        moved = np.any([unequal(a[c], b[c], self.tolerance) for c in fields], axis=0)
        return pd.Timestamp(shared[moved].get_level_values("date").min())
