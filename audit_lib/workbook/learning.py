"""What a version learned, beside the checks of a task: files in the run, pictures, verdicts."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.exemptions import apply, load_exemptions
from audit_lib.explain.run import explain_against_champion
from audit_lib.explain.whatif import what_if
from audit_lib.host import HookError
from audit_lib.model import TaskResult
from audit_lib.reporters.report import remarks
from audit_lib.subject.subject import Subject
from audit_lib.workbook import pictures
from audit_lib.workbook.display import Note, Part, Sheet
from audit_lib.workbook.pictures import drawn
from audit_lib.workbook.places import nameless

#: that taking one decision apart may take in a notebook
_SECONDS = 120.0


def taken_apart(subject: Subject, asset: str = "", date: str = "") -> list[Part]:
    """One decision: its waterfall, the rule that covers it, what would have turned it.

    Raises:
        ParameterError: there is no such row; the message names the nearest.
    """
    try:
        decision = what_if(subject, asset=asset, date=date, seconds=_SECONDS)
    except (NotAssessed, NotApplicable, HookError) as error:
        return [Note(f"One decision: not assessed: {error}", tone="not assessed")]
    picture = pictures.picture(decision.waterfall)
    turned = tuple((c.decision, c.distance, c.words) for c in decision.opposite)
    return [
        Note(decision.waterfall.title, heading=True),
        *([picture] if picture else []),
        Sheet(
            "Contributions",
            ("factor", "value", "contribution", "standard error"),
            tuple((c.factor, c.value, c.contribution, c.error) for c in decision.contributions),
        ),
        Note(decision.rule or "No learned rule covers this row and foretells its decision."),
        Sheet(
            f"What would have turned it, of {decision.tried:,} changes tried",
            ("decision", "distance", "change"),
            turned,
            "distance in interquartile ranges of the factors, within what was observed",
        ),
    ]


def explained(
    subject: Subject, result: TaskResult, folder: Path, words: Iterable[tuple[str, str]]
) -> tuple[TaskResult, list[Part]]:
    """The task's results with those of the explanation, and what to show of it.

    Args:
        folder: of the run, where ``learned_conditions/`` is written.
        words: what stands in place of this machine's folders.
    """
    try:
        explanation, changes = explain_against_champion(subject)
    except (NotAssessed, NotApplicable, HookError) as error:
        return result, [Note(f"not assessed: {error}", tone="not assessed")]
    explanation.write(folder)
    today = datetime.now(UTC).date()
    waived = apply(
        explanation.results, load_exemptions(subject.folder), version=subject.version, today=today
    )
    own = {r.code for r in waived.results}
    others = [r for r in result.results if r.code not in own]
    whole = nameless(replace(result, results=(*others, *waived.results)), words)
    parts: list[Part] = [Note(changes.words)] if changes else []
    for answer in whole.results[len(others) :]:
        for finding in answer.open_findings:
            parts.append(Note(f"{answer.code}: {finding.message}", tone="fail"))
        for table in answer.evidence:
            parts.extend(drawn(answer, table))
        parts += [Note(f"{answer.code}: {remark}") for remark in remarks(answer)]
    silent = [(one.head, one.why) for one in explanation.summary.learned if one.why]
    silent += explanation.summary.not_assessed.items()
    if silent:
        parts.append(Sheet("Not told", ("what", "why"), tuple(silent)))
    return whole, parts
