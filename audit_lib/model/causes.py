"""One cause, one finding: what a check says of several cases that share a cause is said once.

A check names the cause; its cases become one finding with a table of them.  The finding is known by
its cause, whether one case shows it or twenty: how many there are is its size, not its identity.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from audit_lib.model.results import Evidence, Finding

_NAMED = 4


def gathered(findings: Iterable[Finding]) -> tuple[list[Finding], list[Evidence]]:
    """Findings with those of one cause and place as one, and the tables of their cases."""
    groups: dict[object, list[Finding]] = {}
    places: dict[object, object] = {}  # two hooks that enter the source at one place show one cause
    for finding in findings:
        # Without a cause those are one that nothing but their line or figures would tell apart.
        same: object = (finding.cause, finding.anchor) if finding.cause else finding.fingerprint
        if finding.cause and finding.related is not None:
            same = places.setdefault((finding.cause, finding.location), same)
        groups.setdefault(same, []).append(finding)
    distinct: list[Finding] = []
    tables: list[Evidence] = []
    for group in groups.values():
        case = _one(group)
        if len(group) > 1:
            table = _table(group, f"alike-{len(tables) + 1}")
            tables.append(table)
            case = replace(case, evidence=(*case.evidence, table.name))
        distinct.append(case)
    return distinct, tables


def _one(group: Sequence[Finding]) -> Finding:
    """The worst of the cases, which says how many more there are."""
    worst = max(group, key=lambda f: f.severity)
    others = [f for f in group if f is not worst]
    named = [key for key in dict.fromkeys(f.key for f in others) if key != worst.key]
    named = named or [f"line {f.location.line}" for f in others if f.location.line]
    message = worst.message
    if others:
        some = ", ".join(named[:_NAMED]) + (", …" if len(named) > _NAMED else "")
        message = f"{message} (and {len(others)} more of the same cause{some and f': {some}'})"
    evidence = dict.fromkeys(name for f in group for name in f.evidence)
    key = (worst.cause or worst.key) if others else worst.key
    return replace(worst, message=message, key=key, evidence=tuple(evidence))


def _table(group: Sequence[Finding], name: str) -> Evidence:
    rows = tuple((f.key, f.severity.label, f.message, f.measured, f.expected) for f in group)
    heads = ("case", "severity", "finding", "measured", "expected")
    return Evidence(name, f"Cases of one cause: {group[0].cause or group[0].key}", heads, rows)
