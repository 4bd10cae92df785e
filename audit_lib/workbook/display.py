"""What the verbs answer with: small objects that show themselves as HTML and as plain text.

Everything is escaped here; text of the subject never becomes markup.  The interactive room
(:mod:`audit_lib.lab`) replaces :data:`table_html` when it is switched on.
"""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from audit_lib.model import Scalar
from audit_lib.reporters.text import clean

if TYPE_CHECKING:
    import pandas as pd

#: word in a verdict, outcome or severity column to its mark and colour
TONES: dict[str, tuple[str, str]] = {
    "kept": ("✓", "#1a7f37"),
    "pass": ("✓", "#1a7f37"),
    "broken": ("✗", "#cf222e"),
    "fail": ("✗", "#cf222e"),
    "critical": ("", "#a40e26"),
    "high": ("", "#cf222e"),
    "medium": ("", "#bc4c00"),
    "low": ("", "#9a6700"),
    "error": ("!", "#8250df"),
    "inconclusive": ("?", "#9a6700"),
    "missing": ("?", "#9a6700"),
    "expired": ("!", "#cf222e"),
    "unused": ("!", "#9a6700"),
    "not assessed": ("–", "#9a6700"),
    "not applicable": ("·", "#6e7781"),
}
TONED = frozenset({"verdict", "outcome", "severity", "state"})
_UNBROKEN = TONED | {"check", "finding", "task", "contract", "expires"}
_SHOWN_ROWS = 200
_WIDEST = 500  # characters of a line of source; generated files have some of megabytes
_CELL = "text-align:left;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere"


def say(text: object) -> None:
    """A line below a cell, cleaned of what moves a cursor or is not what it seems."""
    print(clean(str(text)))


def toned(colour: str) -> str:
    """A colour that is read on white and on black: pulled towards the ink of the notebook."""
    return f"color-mix(in srgb, {colour} 60%, var(--jp-content-font-color1, {colour}))"


def escaped(text: str) -> str:
    """Text of anybody as HTML: no markup, no control or direction characters."""
    return html.escape(clean(text))


@dataclass(frozen=True)
class Note:
    """A heading or sentence.

    Attributes:
        tone: a word of :data:`TONES` that colours it.
    """

    text: str
    tone: str = ""
    heading: bool = False

    def __repr__(self) -> str:
        return clean(self.text)

    def _repr_html_(self) -> str:
        tag = "h4" if self.heading else "p"
        mark, colour = TONES.get(self.tone, ("", ""))
        colour = toned(colour) if colour else "inherit"
        text = escaped(f"{mark} {self.text}".strip())
        return f'<{tag} style="color:{colour};margin:.6em 0 .2em">{text}</{tag}>'


@dataclass(frozen=True)
class Link:
    """An address to open or to copy, and what it leads to."""

    text: str
    address: str

    def __repr__(self) -> str:
        return clean(f"{self.text}: {self.address}")

    def _repr_html_(self) -> str:
        to, text = escaped(self.address), escaped(self.text)
        return f'<p><a href="{to}">{text}</a> <code style="user-select:all">{to}</code></p>'


@dataclass(frozen=True)
class Sheet:
    """A table.

    Attributes:
        title: what stands above it.
        note: a sentence below it.
        empty: what to say where there are no rows.
        record: the rows are fields of one thing, in an order that must stay.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Scalar, ...], ...]
    note: str = ""
    empty: str = "none"
    record: bool = False

    @property
    def frame(self) -> pd.DataFrame:
        """The table as a data frame."""
        import pandas as pd

        return pd.DataFrame(list(self.rows), columns=list(self.columns))

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        lines = [self.title] if self.title else []
        lines += _text_table(self.columns, self.rows[:_SHOWN_ROWS]) if self.rows else [self.empty]
        return clean("\n".join([*lines, *self._below()]))

    def _repr_html_(self) -> str:
        title = f"<b>{escaped(self.title)}</b>" if self.title else ""
        body = table_html(self) if self.rows else f"<p>{escaped(self.empty)}</p>"
        below = "".join(f"<p><i>{escaped(line)}</i></p>" for line in self._below())
        return f"<div>{title}{body}{below}</div>"

    def _below(self) -> list[str]:
        hidden = len(self.rows) - _SHOWN_ROWS
        more = [f"{hidden:,} more rows: see `.frame`"] if hidden > 0 else []
        return [*more, self.note] if self.note else more


@dataclass(frozen=True)
class Listing:
    """Numbered lines of text, some of them marked.

    Attributes:
        title: the place they are from.
        first: number of the first line.
        marked: numbers of the lines in question.
        beside: of each line, who changed it last and when; empty where nobody knows.
    """

    title: str
    first: int
    lines: tuple[str, ...]
    marked: frozenset[int] = frozenset()
    beside: tuple[str, ...] = ()

    def _numbered(self) -> list[tuple[str, bool]]:
        width, wide = len(str(self.first + len(self.lines))), max(map(len, self.beside), default=0)
        authors = self.beside or ("",) * len(self.lines)
        return [
            (
                f"{'>' if number in self.marked else ' '} {number:>{width}}  "
                f"{f'{by:<{wide}}  ' if wide else ''}{line[:_WIDEST]}",
                number in self.marked,
            )
            for number, (line, by) in enumerate(zip(self.lines, authors, strict=True), self.first)
        ]

    def __repr__(self) -> str:
        return clean("\n".join([self.title, *(line for line, _ in self._numbered())]))

    def _repr_html_(self) -> str:
        shade = "background:rgba(255,200,0,.25);display:inline-block;min-width:100%"
        body = "\n".join(
            f'<span style="{shade}">{escaped(line)}</span>' if marked else escaped(line)
            for line, marked in self._numbered()
        )
        title = escaped(self.title)
        style = "line-height:1.35;overflow-x:auto;white-space:pre"
        # what scrolls can be reached from the keyboard
        return (
            f'<b>{title}</b><pre style="{style}" tabindex="0" role="region" aria-label="{title}">'
            f"{body}</pre>"
        )


@dataclass(frozen=True)
class Picture:
    """A drawing, as PNG or SVG, with its words for those who cannot see it."""

    data: bytes
    alt: str
    width: int | None = None

    def __repr__(self) -> str:
        return f"[picture: {self.alt}]"

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        import base64

        shown = {"image/png": base64.b64encode(self.data).decode(), "text/plain": repr(self)}
        metadata = {"alt": self.alt, **({"width": self.width} if self.width else {})}
        return shown, {"image/png": metadata}


Part = Note | Link | Sheet | Listing | Picture


def show(parts: Sequence[Any]) -> None:
    """Show parts one after another: richly in a notebook, as text elsewhere."""
    if in_notebook():
        from IPython.display import display

        for part in parts:
            display(part)  # type: ignore[no-untyped-call]
    else:
        for part in parts:
            sys.stdout.write(f"{part!r}\n\n")


def in_notebook() -> bool:
    """True where an IPython kernel shows what we answer."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


def static_table(sheet: Sheet) -> str:
    """A sheet as an HTML table, without any script."""
    head = "".join(f'<th style="text-align:left">{escaped(c)}</th>' for c in sheet.columns)
    body = "".join(
        "<tr>" + "".join(_cell(c, v) for c, v in zip(sheet.columns, row, strict=True)) + "</tr>"
        for row in sheet.rows[:_SHOWN_ROWS]
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def shown(value: Scalar) -> str:
    """A cell as text; floats with six significant digits."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else clean(str(value))


#: how sheets become HTML; the interactive room puts its own in here
table_html: Callable[[Sheet], str] = static_table


#: verbs that the interactive room answers with widgets, by name: a workbook to a widget
views: dict[str, Callable[..., Any]] = {}


def _cell(column: str, value: Scalar) -> str:
    text = shown(value)
    style = _CELL.replace("pre-wrap", "nowrap") if column in _UNBROKEN else _CELL
    if column in TONED and text in TONES:
        mark, colour = TONES[text]
        text = f"{mark} {text}".strip()
        style += f";font-weight:600;color:{toned(colour)}"
    return f'<td style="{style}">{escaped(text)}</td>'


def _text_table(columns: Sequence[str], rows: Sequence[Sequence[Scalar]]) -> list[str]:
    texts = [[shown(v).replace("\n", " ") for v in row] for row in rows]
    widths = [
        min(60, max([len(c), *(len(row[i]) for row in texts)])) for i, c in enumerate(columns)
    ]
    lines = [columns, ["-" * w for w in widths], *texts]
    return [
        "  ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)).rstrip() for line in lines
    ]
