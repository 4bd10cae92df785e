"""How far the lines were reviewed, as the tables that notebooks show."""

from collections.abc import Sequence

from audit_lib.ledger import UnitExercise
from audit_lib.model import Review
from audit_lib.model.reviews import executed, shares
from audit_lib.workbook.display import Sheet


def share_sheet(review: Review) -> Sheet:
    """The three kinds of review, one line each, and one for every criterion."""
    rows = tuple((s.kind, s.lines, s.of, percent(s.lines, s.of), s.said) for s in shares(review))
    note = "; ".join(review.missing)
    return Sheet("Review", ("kind", "lines", "of", "share", "what"), rows, note)


def surface_sheet(review: Review) -> Sheet:
    """What the hooks of each surface executed, and nobody else did."""
    every = executed(review)
    counts_of: dict[str, list[int]] = {}
    for lines in every.values():
        for hooks in lines.values():
            surfaces = {h.partition(".")[0] for h in hooks}
            for surface in surfaces:
                counts = counts_of.setdefault(surface, [0, 0])
                counts[0] += 1
                counts[1] += len(surfaces) == 1
    rows = tuple((s, shared, alone) for s, (shared, alone) in sorted(counts_of.items()))
    columns = ("surface", "statements", "nobody else")
    return Sheet("Statements executed, by surface", columns, rows, empty="none was executed")


def least_sheet(units: Sequence[UnitExercise]) -> Sheet:
    """Functions that probes did not execute whole."""
    rows = tuple(
        (u.unit, u.line, u.risk, u.high_risk, u.statements, percent(u.ran, u.statements),
         ", ".join(dict.fromkeys(h.partition(".")[0] for h in u.hooks)))
        for u in units
    )  # fmt: skip
    columns = ("unit", "line", "risk", "high risk", "statements", "exercised", "by")
    return Sheet(
        "Least exercised: high-risk files first, then by risk",
        columns,
        rows,
        empty="every function was executed whole",
    )


def percent(lines: int | None, of: int) -> str | None:
    """A share as text; None where it is not known, or nothing is there to be reviewed."""
    return None if lines is None or not of else f"{lines / of:.1%}"
