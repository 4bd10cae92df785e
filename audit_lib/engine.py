"""Runs checks.  A crash is an ``error`` of its own check; findings before it are kept."""

import math
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from audit_lib.budget import OUT_OF_BUDGET, budget_until
from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import AuditError, NotApplicable, NotAssessed
from audit_lib.hooks import with_variant
from audit_lib.host import HookError, HostUnavailable, IsolationUnavailable
from audit_lib.memory import Memory
from audit_lib.model import (
    CheckResult,
    Evidence,
    Examined,
    Finding,
    Gap,
    Margin,
    Outcome,
    Severity,
    Task,
    TaskResult,
    breaks,
    ranked,
)
from audit_lib.model.causes import gathered
from audit_lib.model.several import combined
from audit_lib.selection import Selection, check_parameters, configured, rated, roster_of, selected
from audit_lib.subject.places import placed
from audit_lib.subject.subject import Subject
from audit_lib.subject.variants import each_variant, in_use

# Who runs checks by hand takes all that it needs from here.
__all__ = ["Progress", "check_parameters", "configured", "run_check", "run_checks", "run_task"]

Part = TypeVar("Part")
Progress = Callable[[type[Check], CheckResult | None], None]


def run_check(check: Check, subject: Subject) -> CheckResult:
    """Run one check on the subject's version: on each variant of the hooks that it asks for.

    Never raises for what the subject does.
    """
    parts: list[tuple[str, CheckResult]] = []
    subject.inquiry.allowance.begin(subject.parameters.limits.check_seconds)
    for bound, hooks_asked in each_variant(subject):
        ready = _for_variants(check, bound, in_use(bound, check.needs))
        result = _run_once(ready, bound)
        used = in_use(bound, hooks_asked)
        meant = _for_variants(check, bound, used)
        parts.append((", ".join(used), result if meant == ready else _run_once(meant, bound)))
    subject.inquiry.allowance.begin(None)
    return combined(parts)


def _for_variants(check: Check, subject: Subject, variants: Sequence[str]) -> Check:
    """The check with the options that the subject sets for these variants."""
    keys = [with_variant(check.code, variant) for variant in variants]
    given = [subject.parameters.options[k] for k in keys if k in subject.parameters.options]
    extra = {name: value for options in given for name, value in options.items()}
    return type(check)(**{**check.model_dump(exclude_unset=True), **extra}) if extra else check


def _run_once(check: Check, subject: Subject) -> CheckResult:
    started = time.perf_counter()
    answers: list[Answer] = []
    outcome, reason = Outcome.PASS, ""
    try:
        decided = (hook for hook in check.offered if subject.has(hook) or subject.lacks(hook))
        if check.offered and next(decided, None) is None:
            raise NotApplicable(f"not written: {', '.join(check.offered)}")
        for hook in check.needs:
            subject.hook(hook)
        for answer in check.run(subject):
            answers.append(placed(subject, answer) if isinstance(answer, Finding) else answer)
    except NotApplicable as error:
        outcome, reason = Outcome.NOT_APPLICABLE, str(error)
    except (NotAssessed, HostUnavailable, IsolationUnavailable) as error:
        outcome, reason = Outcome.NOT_ASSESSED, str(error)
    except (HookError, AuditError) as error:
        outcome, reason = Outcome.ERROR, str(error)
    except Exception as error:  # noqa: BLE001 - a crash of one check must not end the audit
        outcome, reason = Outcome.ERROR, _crash(error)
    findings, tables = gathered(list(_of(Finding, answers)))
    evidence = _of(Evidence, answers)
    bounded = (e.margin for e in evidence)
    examined, gaps = _looked_at(check, _of(Examined, answers)), _of(Gap, answers)
    if any(breaks(f) for f in findings):
        outcome = Outcome.FAIL
    elif outcome is Outcome.PASS:
        outcome, reason = _assessed(examined, gaps, _silent(check, subject))
    return check.result(
        outcome,
        reason,
        findings=tuple(ranked(findings)),
        evidence=(*evidence, *tables),
        examined=examined,
        gaps=gaps,
        margins=(*_tightest(_of(Margin, answers)), *(m for m in bounded if m)),
        seconds=round(time.perf_counter() - started, 4),
    )


def _tightest(margins: Iterable[Margin]) -> Iterator[Margin]:
    """Of margins of the same measure, the one that leaves the least room, where it is a number."""
    by_room = sorted(margins, key=lambda m: m.room, reverse=True)
    kept = {margin.what.partition(", ")[0]: margin for margin in by_room}
    return (m for m in kept.values() if math.isfinite(m.measured))


def _looked_at(check: Check, parts: Iterable[Examined]) -> tuple[Examined, ...]:
    """What a check looked at, counted once a kind, with the seed that it was drawn from."""
    counts: dict[str, int] = {}
    for part in parts:
        counts[part.what] = counts.get(part.what, 0) + part.count
    examined = [Examined(count, what) for what, count in counts.items()]
    seed = getattr(check, "seed", None)
    if seed is not None and examined:
        examined[0] = replace(examined[0], what=f"{examined[0].what} (seed {seed})")
    return tuple(examined)


def run_checks(
    checks: Sequence[Check],
    subject: Subject,
    *,
    selection: Selection | None = None,
    progress: Progress | None = None,
    memory: Memory | None = None,
) -> tuple[CheckResult, ...]:
    """Run checks in order; answers that cannot have changed are those of before.

    Under a budget those that decide most are asked first, and what is left when it is used up is
    not assessed, but for what is grave and only reads.

    Args:
        selection: what it leaves out is not asked, and its result says so.
        progress: called with (check, None) before and (check, result) after each check.
        memory: of earlier answers; by default what is kept of this subject.
    """
    chosen = selection or selected(subject, roster_of(subject))
    memory = memory or Memory(subject, checks)
    until = budget_until()
    done: dict[int, CheckResult] = {}
    for place in _order(checks, memory, until):
        check = checks[place]
        if progress:
            progress(type(check), None)
        subject.inquiry.so_far = tuple(done[n] for n in sorted(done))
        result = chosen.result(type(check)) or memory.recall(check)
        if result is None:
            with memory.noting(check) as noted:
                result = _within(until, check, subject)
                noted.append(result)
        done[place] = rated(result, subject)
        if progress:
            progress(type(check), done[place])
    memory.close()
    return tuple(done[n] for n in sorted(done))


def _within(until: float | None, check: Check, subject: Subject) -> CheckResult:
    """Run a check while there is time; after a refusal nothing that it said holds."""
    if until is None:
        return run_check(check, subject)
    if time.time() >= until and not _decides_by_reading(check):
        return _unasked(check)
    subject.inquiry.allowance.budget, before = until, subject.inquiry.allowance.refused
    try:
        result = run_check(check, subject)
    finally:
        subject.inquiry.allowance.budget = None
    over = subject.inquiry.allowance.refused > before and time.time() >= until
    return _unasked(check, result.seconds) if over else result


def _order(checks: Sequence[Check], memory: Memory, until: float | None) -> list[int]:
    """As they stand; under a budget the gravest first, of those what reads, then the quickest."""

    def turn(n: int) -> tuple[int, bool, float, int]:
        check = checks[n]
        asks, took = check.reads is Reads.BEHAVIOUR, memory.seconds.get(check.code, 0.0)
        return -int(check.severity), asks, took, n

    places = range(len(checks))
    return list(places) if until is None else sorted(places, key=turn)


def _decides_by_reading(check: Check) -> bool:
    """True for one that is grave and asks the subject's code nothing: no budget is too small."""
    return check.severity >= Severity.HIGH and check.reads is not Reads.BEHAVIOUR


def _unasked(check: Check, seconds: float = 0.0) -> CheckResult:
    """The answer of a check for which no time was left: whatever it had begun to say is dropped."""
    return check.result(Outcome.NOT_ASSESSED, OUT_OF_BUDGET, seconds=seconds)


def run_task(
    task: Task,
    subject: Subject,
    checks: Iterable[type[Check]],
    *,
    run_id: str,
    selection: Selection | None = None,
    progress: Progress | None = None,
) -> TaskResult:
    """Run the checks of one task, in order.

    Args:
        selection: what it leaves out is not asked, and its result says so.
        progress: called with (check, None) before and (check, result) after each check.

    Raises:
        ParameterError: some check's options do not fit; nothing has run then.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    ready = [configured(check, subject) for check in checks]
    memory = Memory(subject, ready)
    results = run_checks(ready, subject, selection=selection, progress=progress, memory=memory)
    return TaskResult(
        subject=subject.name,
        version=subject.version,
        run_id=run_id,
        task=task,
        results=results,
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.perf_counter() - clock, 4),
        provenance=memory.said(),
    )


def _of(kind: type[Part], answers: Iterable[object]) -> tuple[Part, ...]:
    """Answers of one kind, in order."""
    return tuple(answer for answer in answers if isinstance(answer, kind))


def _assessed(
    examined: Sequence[Examined], gaps: Sequence[Gap], silent: str
) -> tuple[Outcome, str]:
    if gaps:
        return Outcome.NOT_ASSESSED, "; ".join(f"{g.what}: {g.why}" for g in gaps)
    if not any(e.count > 0 for e in examined):
        seen = ", ".join(f"{e.count} {e.what}" for e in examined) or "nothing"
        return Outcome.NOT_ASSESSED, f"examined {seen}"
    return (Outcome.NOT_ASSESSED, silent) if silent else (Outcome.PASS, "")


def _silent(check: Check, subject: Subject) -> str:
    """Which hook that the check needs was asked and never gave anything that can be judged.

    Counted where hooks are called, over all checks of the version, since probes share answers.
    """
    heard = {hook: subject.heard(hook) for hook in check.needs}
    sentences = [
        f"{hook} was asked {h.asked} times and gave nothing to judge"
        + (f" ({h.empty} empty answers, the others refused or failed)" if h.empty else "")
        for hook, h in heard.items()
        if h.asked and not h.held
    ]
    return "; ".join(sentences)


def _crash(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
    return f"the check crashed: {type(error).__name__}: {error} ({where})"
