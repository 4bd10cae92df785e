"""Selecting and ignoring checks by code or by the beginning of a code, as ruff does with rules.

The most specific selector decides: ``--select FEA101`` with ``--ignore FEA`` asks FEA101, and
``--select FEA`` with ``--ignore FEA111`` asks the others; of two that are alike, the one that
ignores wins.  A check that is left out is not assessed, and says why.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from audit_lib.checks.base import Check
from audit_lib.errors import ParameterError
from audit_lib.model import CheckResult, Outcome, Severity, breaks
from audit_lib.selection.roster import Roster
from audit_lib.subject.subject import Subject

ALL = "ALL"


@dataclass(frozen=True)
class Selection:
    """What was asked for.

    Attributes:
        select: selectors of what is asked; empty for all.
        ignore: selector to the reason why what it names is not asked.
        source: who selected, for people, such as ``--select``.
    """

    select: tuple[str, ...] = ()
    ignore: Mapping[str, str] = field(default_factory=dict)
    source: str = "select"

    def left_out(self, code: str) -> str:
        """Why a check is not asked; '' where it is."""
        chosen = _strongest(self.select or (ALL,), code)
        spared = _strongest(self.ignore, code)
        if chosen is None:
            return f"not selected: {self.source} names {', '.join(self.select)}"
        if spared is not None and _reach(spared) >= _reach(chosen):
            return f"ignored: {self.ignore[spared]}"
        return ""

    def result(self, check: type[Check]) -> CheckResult | None:
        """The answer for a check that is left out; None for one that is asked."""
        why = self.left_out(check.code)
        if not why:
            return None
        return check.result(Outcome.NOT_ASSESSED, why, asked=False, about={})


def selected(
    subject: Subject, roster: Roster, *, select: Iterable[str] = (), ignore: Iterable[str] = ()
) -> Selection:
    """What a command and the subject's parameters select and ignore together.

    What the command selects stands in place of what the parameters select; both ignore.

    Raises:
        ParameterError: a selector that fits no check; the message names the nearest.
    """
    chosen, spared, own = tuple(select), tuple(ignore), subject.parameters
    where = str(subject.folder / "subject.yaml")
    _checked(chosen, roster, "--select")
    _checked(spared, roster, "--ignore")
    _checked(own.select, roster, f"{where}: select")
    _checked(own.ignore, roster, f"{where}: ignore")
    _checked(own.severity, roster, f"{where}: severity")
    by_hand = {code: f"--ignore {code}" for code in spared}
    source = "--select" if chosen else "`select` of subject.yaml"
    return Selection(chosen or own.select, {**own.ignore, **by_hand}, source)


def rated(result: CheckResult, subject: Subject) -> CheckResult:
    """A result with the severity that the subject's parameters give its check."""
    named = _strongest(subject.parameters.severity, result.code)
    if named is None:
        return result
    severity = Severity.parse(subject.parameters.severity[named])
    if severity == result.severity and all(f.severity == severity for f in result.findings):
        return result
    return replace(
        result,
        severity=severity,
        declared=result.severity,
        findings=tuple(replace(f, severity=severity) if breaks(f) else f for f in result.findings),
    )


def listed(text: str) -> tuple[str, ...]:
    """``CHK, FEA101`` as selectors."""
    return tuple(dict.fromkeys(p.upper() for p in re.split(r"[,\s]+", text) if p))


def expanded(selectors: Iterable[str], roster: Roster, where: str) -> tuple[str, ...]:
    """Codes that selectors name, in the roster's order.

    Raises:
        ParameterError: a selector that fits no check; the message names the nearest.
    """
    chosen = tuple(selectors)
    _checked(chosen, roster, where)
    return tuple(code for code in roster.codes if _strongest(chosen, code) is not None)


def _checked(selectors: Iterable[str], roster: Roster, where: str) -> None:
    for selector in selectors:
        if not any(_fits(selector, code) for code in roster.codes):
            raise ParameterError(
                f"no check is called {selector!r}, and none begins so",
                where=where,
                mend=f"did you mean {_near(selector, roster)}? `workbook list --checks` shows all",
            )


def _near(selector: str, roster: Roster) -> str:
    word = selector.upper()
    families = list(dict.fromkeys(code[:3] for code in roster.codes))
    alike = [c for c in roster.codes if c[:3] == word[:3]] or families
    nearest = difflib.get_close_matches(word if len(word) > 3 else word[:3], alike, n=3)
    nearest = nearest or difflib.get_close_matches(word[:3], alike, n=3, cutoff=0.3)
    return ", ".join(nearest or alike[:3])


def _fits(selector: str, code: str) -> bool:
    return selector == ALL or (selector != "" and code.startswith(selector))


def _reach(selector: str) -> int:
    return 0 if selector == ALL else len(selector)


def _strongest(selectors: Iterable[str], code: str) -> str | None:
    return max((s for s in selectors if _fits(s, code)), key=_reach, default=None)
