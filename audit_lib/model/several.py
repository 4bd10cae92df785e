"""One result of a check that ran on several variants of the subject's hooks."""

import re
from collections.abc import Sequence
from dataclasses import replace

from audit_lib.model.results import CheckResult, Evidence, Examined, Finding, Gap
from audit_lib.model.verdicts import ranked
from audit_lib.model.vocabulary import Outcome

PLAIN = "the plain hooks"
#: the first that any variant came to is what the check comes to
_FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.NOT_ASSESSED, Outcome.PASS, Outcome.NOT_APPLICABLE)


def combined(parts: Sequence[tuple[str, CheckResult]]) -> CheckResult:
    """Results of one check as one, each with the name of its variant ('' for plain hooks).

    A variant that was not assessed, or in error, is a gap of the whole.
    """
    named = [(variant, _named(variant, part)) for variant, part in parts]
    if len(named) == 1:
        return named[0][1]
    results = [part for _, part in named]
    findings, tables = _of_all_keys([f for p in results for f in p.findings])
    outcome = next(o for o in _FIRST if any(p.outcome is o for p in results))
    gaps = () if all(map(_mute, results)) else tuple(g for v, p in named for g in _gaps(v, p))
    reasons = [
        _said(variant or PLAIN, part.reason)
        for variant, part in named
        if part.reason and part.outcome is outcome
    ]
    if outcome is Outcome.NOT_ASSESSED and gaps:
        reasons = [f"{gap.what}: {gap.why}" for gap in gaps]
    return replace(
        results[0],
        outcome=outcome,
        reason="; ".join(reasons),
        findings=tuple(ranked(findings)),
        evidence=(*(e for p in results for e in p.evidence), *tables),
        examined=tuple(e for p in results for e in p.examined),
        gaps=gaps,
        margins=tuple(m for p in results for m in p.margins),
        seconds=round(sum(p.seconds for p in results), 4),
    )


def _of_all_keys(findings: Sequence[Finding]) -> tuple[list[Finding], list[Evidence]]:
    """Findings with those that several keys share as one, and the tables of their cases.

    A cause that shows at every horizon is one cause, and so is one that variants come to at one
    place of the subject; the worst case speaks for it.
    """
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        variant, key = _key_apart(finding.variant)
        about = _without_values(finding.about, key)
        shared = finding.related is not None and finding.cause
        alone = (finding.code, finding.location, finding.cause) if shared else id(finding)
        same = (variant, finding.code, finding.anchor, about) if key else alone
        groups.setdefault(same, []).append(finding)
    merged: list[Finding] = []
    tables: list[Evidence] = []
    for group in groups.values():
        if len(group) == 1:
            merged += group
            continue
        table = _cases(group, f"keys-{len(tables) + 1}")
        tables.append(table)
        worst = max(group, key=lambda f: f.severity)
        others = [_key_apart(f.variant)[1] or f.variant for f in group if f is not worst]
        evidence = dict.fromkeys([*(name for f in group for name in f.evidence), table.name])
        merged.append(
            replace(
                worst,
                variant=_key_apart(worst.variant)[0],
                message=f"{worst.message} (so also at {' and '.join(others)})",
                evidence=tuple(evidence),
            )
        )
    return merged, tables


def _key_apart(variant: str) -> tuple[str, str]:
    """The named variants, and the key."""
    parts = variant.split(", ")
    return (", ".join(p for p in parts if "=" not in p), ", ".join(p for p in parts if "=" in p))


def _without_values(about: str, key: str) -> str:
    """What a finding is about, whatever the key: ``target_5d`` at horizon 5 is ``target_*d``."""
    for part in filter(None, key.split(", ")):
        value = part.partition("=")[2]
        about = re.sub(rf"(?<![0-9A-Za-z]){re.escape(value)}(?![0-9])", "*", about)
    return about


def _cases(group: Sequence[Finding], name: str) -> Evidence:
    rows = tuple((f.variant, f.severity.label, f.message, f.measured, f.expected) for f in group)
    heads = ("of", "severity", "finding", "measured", "expected")
    return Evidence(name, f"The same at several keys: {group[0].about}", heads, rows)


def _mute(part: CheckResult) -> bool:
    """True where it told nothing at all."""
    return part.outcome in (Outcome.NOT_ASSESSED, Outcome.ERROR) and not part.gaps


def _gaps(variant: str, part: CheckResult) -> tuple[Gap, ...]:
    """Its gaps; all of it where it told nothing."""
    return (Gap(variant or PLAIN, part.reason),) if _mute(part) else part.gaps


def _named(variant: str, part: CheckResult) -> CheckResult:
    if not variant:
        return part
    return replace(
        part,
        findings=tuple(_named_finding(variant, f) for f in part.findings),
        evidence=tuple(_named_table(variant, e) for e in part.evidence),
        examined=tuple(Examined(e.count, f"{e.what} ({variant})") for e in part.examined),
        gaps=tuple(Gap(_said(variant, g.what), g.why) for g in part.gaps),
        margins=tuple(replace(m, what=_said(variant, m.what)) for m in part.margins),
    )


def _named_finding(variant: str, finding: Finding) -> Finding:
    return replace(
        finding,
        variant=variant,
        message=_said(variant, finding.message),
        evidence=tuple(f"{name}[{variant}]" for name in finding.evidence),
    )


def _named_table(variant: str, table: Evidence) -> Evidence:
    return replace(table, name=f"{table.name}[{variant}]", title=f"{table.title} ({variant})")


def _said(variant: str, text: str) -> str:
    return f"{variant}: {text}"
