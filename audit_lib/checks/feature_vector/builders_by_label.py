from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity, View
from audit_lib.probes.market.influence import manageable
from audit_lib.probes.questions.samples import panel
from audit_lib.probes.questions.sides import LABEL, joined, side_tables

SIDES = "features.sides"
BUILDERS = ("features.build", "features.build_backtest", "features.build_live")


class BuildersJoinByLabel(Check):
    """Features join the tables beside the market data by label, never by position.

    What it checks
        Each table of `features.sides` (macro series, regimes, fundamentals) in another order of
        rows gives the same features.
    Why it matters
        A join by position works as long as both tables happen to be sorted alike and of one
        length. A late row, a missing holiday or another sort shifts every value behind it.
    How
        Drives every builder that takes tables with one table's rows shuffled, labels and values
        together, the others as they are.
    Limitations
        A table whose values, put under other labels, change no feature is a gap. Whether a value
        was known at the time is not judged here.
    Remediation
        Reindex the table on the labels of the market data (`macro.reindex(dates)`), or merge on
        them.
    Sources
        Equivariance under relabelling as a metamorphic relation (Segura et al. 2016,
        doi:10.1109/TSE.2016.2532875).
    """

    code = "FEA008"
    severity = Severity.CRITICAL

    seed: int = Field(10, description="of everything random")
    tolerance: float = Field(1e-9, ge=0, description="relative to the size of the column")

    def run(self, subject: Subject) -> Answers:
        """Shuffle one table at a time under every builder."""
        if not subject.has(SIDES):
            subject.hook("features.build")  # says so where there is no builder at all
            raise NotApplicable(f"features are built from one table: no {SIDES} is written")
        given = manageable(panel(subject))
        beside = side_tables(subject, SIDES, given)
        rows: list[tuple[str, float, str]] = []
        for builder in (b for b in BUILDERS if subject.has(b)):
            short = builder.split(".")[1]
            hook, drawn = subject.hook(builder), self.seed
            joins = joined(subject, hook, given, beside, seed=drawn, tolerance=self.tolerance)
            try:
                tables = [t for t in joins if t.join == LABEL]
            except NotAssessed as error:
                yield Gap(short, str(error))
                continue
            for table in tables:
                rows.append((table.table, 100 * table.share, short))
                if table.unread:
                    yield Gap(f"{short}, table {table.table}", table.unread)
                if table.share:
                    yield self.departs(
                        f"{short}: {table}: {table.share:.0%} of cells change; {table.example}",
                        hook=builder,
                        measured=f"{table.share:.0%} change",
                        expected="the table is joined by label",
                        key=f"table {table.table}",
                        evidence=("tables",),
                    )
        yield Examined(len(rows), "tables in another order")
        yield Evidence(
            "tables",
            "Features that change with the order of a table's rows",
            ("label", "value", "group"),
            tuple(rows),
            View.BARS,
            "per cent of cells; must be 0",
            Bound("value", 0, "% of cells"),
        )
