"""Tables beside the one that a hook is given: which rows of them a hook joins to which of its own.

One table at a time is put into another order, or gets its values under other labels.  A join by
label does not feel the first, and must feel the second; a join by position is the other way about.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.probes.questions.asking import ask, frame, tables
from audit_lib.probes.questions.frames import differences
from audit_lib.subject.hooks import Hook
from audit_lib.subject.subject import Subject

Tables = dict[str, pd.DataFrame]
LABEL, POSITION = "label", "position"


@dataclass(frozen=True)
class Moved:
    """What to give a hook to see how it joins one table.

    Attributes:
        table: its name.
        join: how the subject says it is joined.
        given: what the hook takes first; in another order too, where tables are joined by position.
        reordered: the tables with this one in another order; answers must stay with their labels.
        relabelled: the tables with this one's values under other labels; answers must change.
    """

    table: str
    join: str
    given: pd.DataFrame
    reordered: Tables
    relabelled: Tables


@dataclass(frozen=True)
class Joined:
    """How a hook was seen to join one table.

    Attributes:
        table, join: as in :class:`Moved`.
        share: of cells that changed though rows kept their labels.
        example: one of them.
        unread: why nothing can be told: the table moves no answer, or was refused in another order.
    """

    table: str
    join: str
    share: float = 0.0
    example: str = ""
    unread: str = ""

    def __str__(self) -> str:
        return (
            f"table {self.table} {'with its rows' if self.join == POSITION else 'alone'} shuffled"
        )


def side_tables(subject: Subject, hook: str, given: pd.DataFrame) -> Tables:
    """The tables that stand beside ``given``; none where the hook is not written.

    Raises:
        NotAssessed: the hook does not answer tables.
    """
    if not subject.has(hook):
        return {}
    return ask(subject.hook(hook), given, into=tables).needed(f"{hook} gives no tables:")


def joined(
    subject: Subject,
    hook: Hook,
    given: pd.DataFrame,
    beside: Tables,
    *,
    seed: int = 0,
    tolerance: float = 1e-9,
) -> Iterator[Joined]:
    """How a hook joins each of the tables beside what it is given.

    Raises:
        NotAssessed: the hook does not answer with the tables as they are.
    """
    base = ask(hook, given, beside, into=frame).needed(
        f"{hook.name} gives no answer with its tables as they are:"
    )
    for moved in _moved_alone(subject, given, beside, seed):
        reply = ask(hook, moved.given, moved.reordered, into=frame)
        other = ask(hook, given, moved.relabelled, into=frame)
        if not reply.answered:
            yield Joined(moved.table, moved.join, unread=reply.why)
            continue
        share, example = moved_share(base, reply.got, tolerance)
        still = other.answered and not moved_share(base, other.got, tolerance)[0]
        unread = "its values under other labels change nothing" if still and not share else ""
        yield Joined(moved.table, moved.join, share, example, unread)


def moved_share(base: pd.DataFrame, got: pd.DataFrame, tolerance: float) -> tuple[float, str]:
    """Share of cells that differ under the same labels, and one of them in words."""
    moves = [
        d
        for d in differences(base, got, tolerance=tolerance)
        if d.kind in ("values", "rows", "columns")
    ]
    if not moves:
        return 0.0, ""
    cells = sum(d.count if d.kind == "values" else len(base) for d in moves)
    return min(1.0, cells / max(base.size, 1)), f"{moves[0].column} {moves[0].text}".strip()


def _moved_alone(
    subject: Subject, given: pd.DataFrame, beside: Tables, seed: int
) -> Iterator[Moved]:
    """Each table in another order, the others as they are; one of a single row tells nothing."""
    for name, table in beside.items():
        if len(table) < 2:
            continue
        join = subject.parameters.sides.get(name, LABEL)
        order = np.random.default_rng(seed).permutation(len(table))
        relabelled = {**beside, name: table.iloc[order].set_axis(table.index, axis=0)}
        if join == LABEL:
            yield Moved(name, join, given, {**beside, name: table.iloc[order]}, relabelled)
        elif len(table) == len(given):
            together = {
                n: t.iloc[order] if subject.parameters.sides.get(n) == POSITION else t
                for n, t in beside.items()
            }
            yield Moved(name, join, given.iloc[order], together, relabelled)
