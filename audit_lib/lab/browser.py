"""Walk through findings: choose by severity and contract, see the place and the evidence."""

from __future__ import annotations

from typing import Any

from audit_lib.errors import AuditError
from audit_lib.model import CheckResult, Finding, Severity
from audit_lib.workbook import Workbook
from audit_lib.workbook.display import show
from audit_lib.workbook.looking import drawn

_ANY = "any"
Found = dict[str, tuple[Finding, CheckResult]]


def browse(audit: Workbook) -> Any:
    """A widget over the findings of a workbook: list on the left, the chosen one on the right.

    Args:
        audit: a workbook that has run; in T6 it holds the findings of every task.

    Returns:
        the widget; the last expression of a cell shows it.

    Raises:
        RunError: the workbook has not run yet.
    """
    import ipywidgets as widgets

    found = audit.all_findings()
    severities = [
        s.label for s in reversed(Severity) if any(f.severity is s for f, _ in found.values())
    ]
    contracts = sorted({f.contract.value for f, _ in found.values()})
    severity = widgets.Dropdown(options=[_ANY, *severities], description="severity")
    contract = widgets.Dropdown(options=[_ANY, *contracts], description="contract")
    chosen = widgets.Select(rows=18, layout=widgets.Layout(width="26em", flex="0 0 auto"))
    pane = widgets.Output(layout=widgets.Layout(flex="1 1 0", min_width="0", padding="0 0 0 1em"))

    def fill(_: object = None) -> None:
        chosen.options = choices(found, severity.value, contract.value)
        chosen.index = 0 if chosen.options else None

    def look(change: dict[str, Any]) -> None:
        pane.clear_output(wait=True)
        if change["new"]:
            with pane:
                present(audit, change["new"])

    chosen.observe(look, names="value")
    severity.observe(fill, names="value")
    contract.observe(fill, names="value")
    fill()
    left = widgets.VBox([severity, contract, chosen], layout=widgets.Layout(flex="0 0 auto"))
    return widgets.HBox([left, pane], layout=widgets.Layout(width="100%"))


def choices(found: Found, severity: str = _ANY, contract: str = _ANY) -> list[tuple[str, str]]:
    """Label and id of the findings that fit, worst first."""
    fitting = [
        (name, finding)
        for name, (finding, _) in found.items()
        if severity in (_ANY, finding.severity.label) and contract in (_ANY, finding.contract.value)
    ]
    fitting.sort(key=lambda item: -item[1].severity)
    return [(f"{name} · {f.severity.label} · {f.location}", name) for name, f in fitting]


def present(audit: Workbook, name: str) -> None:
    """Show a finding, its place and its evidence, one below the other."""
    view = audit.finding(name)
    parts: list[Any] = [view]
    try:
        parts.append(view.source())
    except AuditError as error:
        parts.append(error.message)
    for evidence in view.evidence():
        parts.extend(drawn(view.result, evidence))
    show(parts)
