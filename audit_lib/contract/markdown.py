"""A contract as a page for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from audit_lib.contract.compare import shown
from audit_lib.contract.derivation import ABOUT
from audit_lib.subject.pointers import pointer_to


def as_markdown(contract: dict[str, Any]) -> str:
    """The contract as Markdown: a table a section, with the origin of each statement."""
    about, release = contract["contract"], contract["model"]
    lines = [
        f"# Pipeline contract of {about['subject']}",
        "",
        "Derived by `workbook contract export`; do not edit. `workbook contract check` compares it",
        "with the code and the artifacts.",
        "",
        f"- Contract: format {about['format']}, digest `{about['digest']}`",
        *(f"- Model, {name}: `{value}`" for name, value in release.items()),
    ]
    for name, section in contract.items():
        if name in ABOUT:
            continue
        lines += ["", f"## {name.replace('_', ' ').capitalize()}", "", *_section(name, section)]
        sources = {s for p, s in contract["sources"].items() if p.startswith(pointer_to(name))}
        lines += ["", f"From: {'; '.join(sorted(sources))}."] if sources else []
    if contract["not_derived"]:
        lines += ["", "## Not derived", ""]
        lines += [f"- {name}: {_cell(why)}" for name, why in contract["not_derived"].items()]
    return "\n".join(lines) + "\n"


def _section(name: str, value: Any) -> list[str]:
    rows = list(_rows("", value)) or [(name, value)]
    return [
        "| statement | value |",
        "|---|---|",
        *(f"| {_cell(p)} | {_value(v)} |" for p, v in rows),
    ]


def _rows(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _rows(f"{path} / {key}" if path else str(key), inner)
    elif path:
        yield path, value


def _value(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return "<br>".join(f"{i}. {_cell(v)}" for i, v in enumerate(value, 1)) or "none"
    return _cell(value if isinstance(value, str) else shown(value))


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
