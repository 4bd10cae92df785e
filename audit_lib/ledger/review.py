"""The three kinds of review, file by file: scanned, exercised, certified.

*Exercised* is said of statements, as coverage counts them: each stands on its first line, and
nothing is excluded on the subject's own word (``# pragma: no cover`` counts like any other line).
A statement is exercised where a call of a hook executed it.  What loading ``hooks.py`` executes
does not count.  What a call imports does, and is told apart as *loading*: it says that a module
was loaded, and nothing about what it computes.

Two measures were timed on the reference engine (coverage's C tracer, a busy machine; seconds of
processor time in the child).  One pass that calls each of 33 hooks once: 2.6 instead of 1.4.
Every call of T3 to T5: 22 instead of 13, which is 40 ms for each of 235 processes and hardly
anything for a line.  So T1 makes the one pass by default, and ``exercise: every_call`` in
``subject.yaml`` has all tasks measure all calls, which T6 and the packet merge.
"""

import ast
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from audit_lib import host
from audit_lib.ledger.form import Ledger, load
from audit_lib.ledger.judge import UnitState, states
from audit_lib.model import Exercised, FileReview, Review
from audit_lib.model.reviews import executed, ranges
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.subject import Subject
from audit_lib.subject.units import FileUnits


@dataclass(frozen=True)
class Statements:
    """Statements of one file, by their first lines.

    Attributes:
        all: every one that is executable.
        loading: those that run when the module is loaded.
        ran: hook to those that its calls executed.
    """

    all: frozenset[int]
    loading: frozenset[int]
    ran: Mapping[str, frozenset[int]]


@dataclass(frozen=True)
class UnitExercise:
    """How much of a function probes executed.

    Attributes:
        unit: ``path::name``.
        risk: as the ledger ranks.
        high_risk: its file is declared so.
        statements, ran: within it, without what is nested in it, and of them executed.
        hooks: whose calls executed them.
    """

    unit: str
    path: str
    line: int
    risk: float
    high_risk: bool
    statements: int
    ran: int
    hooks: tuple[str, ...]


def review(subject: Subject, seen: host.ExercisedLines | None = None, *, why: str = "") -> Review:
    """Take stock of every file under audit.

    Args:
        subject: the audited subject.
        seen: lines that calls executed; those of the subject's own calls by default.
        why: why nothing was measured, where the caller knows.

    Raises:
        ParameterError: ``ledger.toml`` is wrong.
    """
    exercised = subject.inquiry.exercised if seen is None else seen
    code = code_of(subject.source)
    ledger = load(subject.folder)
    by_path: dict[str, list[UnitState]] = {}
    for state in states(subject, ledger):
        by_path.setdefault(state.path, []).append(state)
    try:
        counted = {f.file.path: _statements(subject, f, exercised) for f in code.subsystem}
    except ImportError as error:
        counted, why = {}, f"coverage cannot be imported here: {error}"
    empty = Statements(frozenset(), frozenset(), {})
    files = tuple(
        _file(f, counted.get(f.file.path, empty), by_path.get(f.file.path, []), ledger)
        for f in code.subsystem
    )
    return Review(
        files=files,
        exercised=tuple(
            Exercised(
                hook, path, ranges(ran - statements.loading), ranges(ran & statements.loading)
            )
            for path, statements in counted.items()
            for hook, ran in sorted(statements.ran.items())
            if ran
        ),
        calls=exercised.calls.total(),
        unmeasured=_why_not(exercised, why),
        missing=_missing(exercised),
    )


def least_exercised(subject: Subject, review: Review) -> tuple[UnitExercise, ...]:
    """Functions that probes did not execute whole: in high-risk files first, then by risk."""
    code = code_of(subject.source)
    ran = executed(review)
    rows = [
        row
        for file in code.subsystem
        for row in _units(code, file, ran.get(file.file.path, {}))
        if row.ran < row.statements
    ]
    rows.sort(key=lambda r: (not r.high_risk, -r.risk * (1 - r.ran / r.statements), r.unit))
    return tuple(rows[:20])


def _units(
    code: Code, file: FileUnits, ran: Mapping[int, tuple[str, ...]]
) -> Iterator[UnitExercise]:
    every, loading = _counted(file)
    own: dict[int, set[int]] = {}
    for line in every - loading:
        own.setdefault(file.owners[line - 1], set()).add(line)
    for position, lines in own.items():
        unit = file.units[position]
        hooks = sorted({h for line in lines for h in ran.get(line, ())})
        yield UnitExercise(
            unit.key,
            unit.path,
            unit.line,
            code.risk(unit),
            code.tree.is_high_risk(unit.path),
            len(lines),
            sum(line in ran for line in lines),
            tuple(hooks),
        )


def _file(
    file: FileUnits, counted: Statements, states: Collection[UnitState], ledger: Ledger
) -> FileReview:
    return FileReview(
        path=file.file.path,
        lines=file.lines.count,
        scanned=0 if file.error else file.lines.count,
        executable=len(counted.all),
        loading=len(counted.loading),
        certified={
            c: sum(s.lines for s in states if c in s.held and c not in s.violated)
            for c in ledger.criteria
        },
    )


def _statements(subject: Subject, file: FileUnits, seen: host.ExercisedLines) -> Statements:
    """Statements of a file, and which of them ran."""
    every, loading = _counted(file)
    path = Path(subject.root, file.file.path)
    below = os.path.relpath(os.path.realpath(path), os.path.realpath(subject.root))
    ran = {}
    for hook, files in seen.lines.items():
        raw = files.get(below.replace(os.sep, "/"))
        if raw:
            _, first = _parsed(file.file.text)
            ran[hook] = frozenset({first.get(line, line) for line in raw} & every)
    return Statements(every, loading, ran)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> tuple[frozenset[int], dict[int, int]]:
    """First lines of all executable statements, and each line's; coverage decides."""
    from coverage.exceptions import CoverageException
    from coverage.parser import PythonParser

    if not text:  # coverage takes no text for a mistake of its caller
        return frozenset(), {}
    parser = PythonParser(text=text)
    try:
        parser.parse_source()
    except CoverageException:  # it parses and does not compile, so that nothing of it can run
        return frozenset(), {}
    numbers = range(1, text.count("\n") + 2)
    return frozenset(parser.statements), {line: parser.first_line(line) for line in numbers}


def _counted(file: FileUnits) -> tuple[frozenset[int], frozenset[int]]:
    """First lines of all executable statements, and of those that run on loading."""
    if file.error:
        return frozenset(), frozenset()
    every, _ = _parsed(file.file.text)
    return every, every - _called(file)


def _called(file: FileUnits) -> frozenset[int]:
    """Lines within bodies of functions; a body on the line of its ``def`` is left out."""
    tree = file.units[0].node
    assert isinstance(tree, ast.Module)
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = max(node.body[0].lineno, node.lineno + 1)
            lines.update(range(first, (node.end_lineno or first) + 1))
    return frozenset(lines)


def _why_not(exercised: host.ExercisedLines, why: str) -> str:
    if why or exercised.calls:
        return why
    if exercised.unmeasured:
        return "; ".join(exercised.unmeasured)
    return "every call was lost with its process" if exercised.lost else "no hook was called"


def _missing(exercised: host.ExercisedLines) -> tuple[str, ...]:
    lines = [
        f"{n} calls of {hook} were lost with their process" for hook, n in exercised.lost.items()
    ]
    lines += [
        f"{hook} forked {n} processes, and what they executed was not seen"
        for hook, n in exercised.forked.items()
    ]
    lines += [f"{hook} put another tracer in place" for hook in sorted(exercised.replaced)]
    if exercised.calls:
        lines += [f"{n} calls were not measured: {why}" for why, n in exercised.unmeasured.items()]
    return tuple(lines)
