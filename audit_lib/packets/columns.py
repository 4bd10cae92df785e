"""Reading an evidence table by the columns that its view names."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from audit_lib.model import Evidence, Scalar
from audit_lib.reporters.text import one_line

_STATEMENT = re.compile(r"^\d|\b(is|are|must|may|allowed|counts?)\b|:")


@dataclass(frozen=True)
class Columns:
    """Columns of a table under the names its view gives them.

    A column is found by name, else by place: checks may call the label column ``feature``.
    """

    evidence: Evidence
    places: dict[str, int]

    @classmethod
    def of(cls, evidence: Evidence, required: str, optional: str = "") -> Columns | None:
        """Columns of a view; None where the table has too few, or no rows.

        Args:
            required: names that the view must have, separated by blanks.
            optional: names that it may have; those are found by name only.
        """
        names, held = required.split(), list(evidence.columns)
        if len(held) < len(names) or not evidence.rows:
            return None
        places = {n: held.index(n) for n in [*names, *optional.split()] if n in held}
        free = [i for i in range(len(held)) if i not in places.values()]
        for name in [n for n in names if n not in places]:
            if not free:
                return None
            places[name] = free.pop(0)
        return cls(evidence, places)

    def has(self, name: str) -> bool:
        """True where the table has that column."""
        return name in self.places

    def texts(self, name: str) -> list[str]:
        """The column as text that any font and any writer can take."""
        return [plain_text(row[self.places[name]]) for row in self.evidence.rows]

    def numbers(self, name: str) -> list[float]:
        """The column as floats; NaN where a cell is no number."""
        return [number(row[self.places[name]]) for row in self.evidence.rows]

    def label(self, name: str) -> str:
        """The column's own name where it says more than the view's, else nothing."""
        own = self.evidence.columns[self.places[name]]
        return "" if own == name else plain_text(own.replace("_", " "))


def axis_words(note: str) -> dict[str, str]:
    """What a note says of the axes.

    Notes are written in parts: ``x: quantile; fraction of equity; must not fall``.  A part that
    names an axis (``x``, ``rows``, ``columns``) describes it; the first other one is the unit of
    the values, unless it is a statement about them.
    """
    words: dict[str, str] = {}
    for part in note.split("; "):
        axis, colon, meaning = part.partition(": ")
        if colon and axis in ("x", "rows", "columns"):
            words[axis] = meaning
        elif "value" not in words and not _STATEMENT.search(part):
            words["value"] = part
    return words


def number(cell: Scalar) -> float:
    """A cell as a float; NaN where it is none."""
    if isinstance(cell, bool):
        return float(cell)
    if isinstance(cell, int | float):
        try:
            return float(cell)
        except OverflowError:
            return math.inf if cell > 0 else -math.inf
    return math.nan


def moment(cell: Scalar) -> datetime | None:
    """A cell as a date without time zone; None where it is none."""
    if not isinstance(cell, str) or not re.match(r"\d{4}-\d{2}-\d{2}", cell):
        return None
    try:
        read = datetime.fromisoformat(cell)
    except ValueError:
        return None
    return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read


def positions(cells: list[Scalar]) -> tuple[list[object], list[str] | None]:
    """Where cells stand on an axis: dates, numbers, or places in order of appearance.

    Returns:
        the positions, and the names to write at them where cells are neither dates nor numbers.
    """
    filled = [c for c in cells if c is not None]
    if filled and all(isinstance(c, int | float) for c in filled):
        return [number(c) for c in cells], None
    dates = [moment(c) for c in cells]
    if filled and all(d is not None for c, d in zip(cells, dates, strict=True) if c is not None):
        return list(dates), None
    names = list(dict.fromkeys(plain_text(c) for c in cells))
    return [names.index(plain_text(c)) for c in cells], names


def plain_text(cell: object) -> str:
    """A cell as one line of text without control, direction or surrogate characters."""
    if isinstance(cell, float) and not isinstance(cell, bool):
        return f"{cell:.6g}"
    return one_line("" if cell is None else str(cell))


def short(text: str, limit: int = 34) -> str:
    """Text of at most that length, its middle left out: names differ at their ends."""
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 2
    return f"{text[: limit - 1 - tail]}…{text[-tail:]}"
