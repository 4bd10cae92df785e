"""Asking a task whole: its checks, the review of lines, waivers, boundaries, where it ran."""

import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from audit_lib import __version__
from audit_lib.budget import OUT_OF_BUDGET, used_up
from audit_lib.engine import Progress, run_task
from audit_lib.errors import AuditError, NotAssessed
from audit_lib.exemptions import apply, load_exemptions
from audit_lib.host import HookError, Measure
from audit_lib.ledger import review
from audit_lib.model import Review, Task, TaskResult
from audit_lib.probes.code.boundaries.verdicts import boundary_verdicts
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.selection import roster_of, selected
from audit_lib.subject.code import code_of
from audit_lib.subject.subject import Subject
from audit_lib.workbook.places import nameless


def ask(
    task: Task,
    subject: Subject,
    *,
    run_id: str,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    earlier: tuple[TaskResult, ...] = (),
    words: Iterable[tuple[str, str]] = (),
    details: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> TaskResult:
    """Run a task's checks, and add what closes it.

    Args:
        subject: the subject, bound to a version.
        select, ignore: selectors of checks; what they leave out is not assessed.
        earlier: results of the tasks before it in the same run, over which T6 closes.
        words: what stands in place of this machine's folders, as ``words_for`` says.
        details: more of where it ran, for the provenance.
        progress: told before and after each check.

    Raises:
        ParameterError: options, selectors or exemptions of the subject do not fit.
    """
    waivers, roster = load_exemptions(subject.folder), roster_of(subject)
    selection = selected(subject, roster, select=select, ignore=ignore)
    subject.inquiry.earlier = earlier
    subject.inquiry.measure = _measure(task, subject)
    raw = run_task(
        task, subject, roster.of(task), run_id=run_id, selection=selection, progress=progress
    )
    held = list(words)
    raw = nameless(replace(raw, review=_review(task, subject)), held)
    today = datetime.now(UTC).date()
    applied = apply(raw.results, waivers, version=subject.version, today=today)
    closes = task is Task.T6
    before = [r for t in earlier for r in t.results]
    return replace(
        raw,
        results=applied.results,
        boundaries=boundary_verdicts(subject, [*before, *applied.results]) if closes else (),
        provenance={**nameless(_provenance(subject, details or {}), held), **raw.provenance},
        dependents=code_of(subject.source).imports.dependent_counts if closes else {},
    )


def ask_all(
    subject: Subject,
    tasks: Iterable[Task] = tuple(Task),
    *,
    run_id: str,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    words: Iterable[tuple[str, str]] = (),
    details: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> tuple[TaskResult, ...]:
    """Run tasks one after the other in this process, T6 over those before it."""
    done: tuple[TaskResult, ...] = ()
    held = list(words)
    for task in sorted(set(tasks)):
        if subject.inquiry.measure is not _measure(task, subject):
            subject.close()  # a host measures from its first call on, or never
        answer = ask(
            task,
            subject,
            run_id=run_id,
            select=select,
            ignore=ignore,
            earlier=done if task is Task.T6 else (),
            words=held,
            details=details,
            progress=progress,
        )
        done = (*done, answer)
    return done


def _measure(task: Task, subject: Subject) -> Measure:
    """Whether calls of hooks have their lines measured in this task."""
    setting = subject.parameters.exercise
    wanted = setting == "every_call" or (setting == "sample" and task is Task.T1)
    return Measure.ALWAYS if wanted else Measure.NEVER


def _review(task: Task, subject: Subject) -> Review | None:
    """What is known of the lines: in T1 with one call of each hook; else of its own calls."""
    if task is not Task.T1:
        measured = subject.inquiry.measure is not Measure.NEVER
        return review(subject) if measured and subject.inquiry.exercised.calls else None
    why = ""
    if subject.inquiry.measure is Measure.NEVER:
        why = "the parameters say `exercise: never`"
    elif used_up():
        why = OUT_OF_BUDGET
    else:
        try:
            try_hooks(subject)
        except (AuditError, HookError, NotAssessed) as error:
            why = str(error)
    return review(subject, why=why)


def _provenance(subject: Subject, details: Mapping[str, str]) -> dict[str, str]:
    entries = {
        "workbook": __version__,
        "python": platform.python_version(),
        **_host_provenance(subject),
        **details,
    }
    return {key: value for key, value in entries.items() if value}


def _host_provenance(subject: Subject) -> dict[str, str]:
    """What the child is, and what it was seen not to be able to do."""
    try:
        if not subject.hooks.lines:
            return {"isolation": "not needed: no hook is written"}
        return {
            "isolation": subject.isolation,
            "isolation_stopped": ", ".join(sorted(subject.host.probed.stopped)) or "nothing",
            "hooks_refused": "; ".join(
                f"{path} ({', '.join(sorted(hooks))})"
                for path, hooks in sorted(subject.host.refused.items())
            ),
            "subject_environment": ", ".join(f"{k} {v}" for k, v in subject.host.versions.items()),
        }
    except (AuditError, HookError, NotAssessed) as error:
        return {"isolation": f"unavailable: {error}"}
