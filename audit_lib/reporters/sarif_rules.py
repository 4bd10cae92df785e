"""Checks as the rules of a SARIF run."""

from functools import cache
from importlib import metadata
from typing import Any

from audit_lib.model import CheckResult, Severity
from audit_lib.reporters.report import remarks
from audit_lib.reporters.sarif_limits import NAME_CHARACTERS, cut
from audit_lib.reporters.text import clean

#: middle of the CVSS band of each severity, as code-scanning tools rank by it
SECURITY_SEVERITY = {
    Severity.INFO: "0.0",
    Severity.LOW: "3.0",
    Severity.MEDIUM: "5.5",
    Severity.HIGH: "8.0",
    Severity.CRITICAL: "9.5",
}
DISTRIBUTION = "model-audit-workbook"


def rule(result: CheckResult) -> dict[str, Any]:
    """The rule that a result answers, with the check's documentation as its help."""
    sections = documentation(result)
    text = "\n\n".join(f"{head}\n{body}" for head, body in sections.items())
    markdown = "\n\n".join(f"**{head}**\n\n{body}" for head, body in sections.items())
    meaning = " ".join(sections.get("What it checks", "").split())
    page, level = documentation_site(), result.severity.sarif_level
    return {
        "id": result.code,
        "name": cut(result.name, NAME_CHARACTERS),
        "shortDescription": {"text": cut(result.title)},
        "fullDescription": {"text": cut(meaning or result.title)},
        "help": {
            "text": text or clean(result.title),
            "markdown": markdown or clean(result.title),
        },
        **(
            {"helpUri": f"{page.rstrip('/')}/checks/{result.code}/"}
            if page and not result.origin
            else {}
        ),
        "defaultConfiguration": {"level": level},
        "properties": {
            "tags": sorted({"security", "model-audit", result.contract.value, result.task.value}),
            "precision": "high",
            "problem.severity": "recommendation" if level == "note" else level,
            "security-severity": SECURITY_SEVERITY[result.severity],
            **({"remarks": texts} if (texts := [clean(r) for r in remarks(result)]) else {}),
        },
    }


def documentation(result: CheckResult) -> dict[str, str]:
    """Sections of a check's documentation; none where nobody knows such a check."""
    if result.origin:
        return {head: clean(text) for head, text in result.about.items()}
    # The catalogue imports the subject's readers and the host, which the other reporters spare.
    from audit_lib.checks.catalogue import CATALOGUE, check_class

    return check_class(result.code).sections() if result.code in CATALOGUE else {}


@cache
def documentation_site() -> str:
    """Address of the documentation, as the installed package declares it; '' where it does not."""
    try:
        declared = metadata.metadata(DISTRIBUTION).get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    pairs = (entry.partition(",") for entry in declared)
    named = {label.strip().lower(): address.strip() for label, _, address in pairs}
    return str(named.get("documentation", ""))
