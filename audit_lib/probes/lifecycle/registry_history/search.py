"""Looks for the smallest histories in which a relation breaks.

Histories are dealt like cards from a seed: no operation comes again before each of the others has
come, so that few histories hold all of them.  The same seed tries the same histories.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from audit_lib.host.limits import crowding
from audit_lib.probes.lifecycle.registry_history.scratch import Departure, Step
from audit_lib.probes.lifecycle.registry_history.session import Session

#: operation -> the hook it needs, and values of its argument, the simplest first
OPERATIONS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "register": ("registry.register", ()),
    "register_elsewhere": ("registry.register", ()),
    "create": ("registry.create", (2, 12)),
    "ask_for": ("registry.resolve", tuple(range(8))),
    "promote": ("registry.promote", tuple(range(4))),
    "promote_nobody": ("registry.promote", ()),
    "promote_while_serving": ("registry.promote", ()),
    "roll_back": ("registry.rollback", (False, True)),
    "prune": ("registry.prune", (1, 2, 3)),
    "damage": ("registry.register", ("cut in half", "emptied")),
    "cut_champion": ("registry.promote", ("removed", "set to null", "emptied", "leading nowhere")),
}
Operation = tuple[str, tuple[Any, ...]]


class _TimeIsUp(Exception):  # noqa: N818 - it is no error
    """Ends a search from inside."""


@dataclass(frozen=True)
class Failure:
    """The smallest history seen in which one relation breaks."""

    departure: Departure
    steps: tuple[Step, ...]


@dataclass
class Search:
    """What a search did and found.

    Attributes:
        histories, operations: how many were tried, those that made others smaller included.
        ended: whether it came to its end, and not to the end of its time.
        found: relation to its smallest history.
    """

    histories: int = 0
    operations: int = 0
    ended: bool = False
    found: dict[str, Failure] = field(default_factory=dict)


def search(
    begin: Callable[[], Session],
    has: Callable[[str], bool],
    *,
    histories: int,
    length: int,
    fewest: int,
    seconds: float,
    seed: int,
) -> Search:
    """Try histories, and make those smaller in which a relation breaks.

    Args:
        begin: a session on a fresh scratch store.
        has: whether the subject offers a hook.
        histories, length: how many, and operations in each.
        fewest: histories that are told whatever time they take.
        seconds: after which it stops; more where other work keeps the machine busy.
        seed: of the histories.
    """
    done, until = Search(), time.monotonic() + seconds * crowding()

    def late() -> bool:
        return done.histories >= fewest and time.monotonic() > until

    try:
        for operations in _dealt(has, histories, length, seed):
            broken = list(_played(begin, operations, set(done.found), done, late))
            done.found |= {d.relation: Failure(d, steps) for d, _, steps in broken}
            for departure, count, _ in broken:
                for failure in _smaller(begin, operations[:count], departure.relation, done, late):
                    done.found[departure.relation] = failure
        done.ended = True
    except _TimeIsUp:
        pass
    return done


def _dealt(
    has: Callable[[str], bool], histories: int, length: int, seed: int
) -> Iterator[list[Operation]]:
    """Histories of the operations that the subject's hooks allow."""
    draw, deck = random.Random(seed), list[str]()
    names = [name for name, (hook, _) in OPERATIONS.items() if has(hook)]
    ways = ((), ("create",), ("register", "register_elsewhere"))  # how the two sort is not promised
    apart = {name for kind in ways for name in kind} <= set(names)
    for number in range(histories):
        left_out, chosen = ways[number % len(ways)] if apart else (), list[str]()
        while len(chosen) < length:
            deck = deck or draw.sample(names, len(names))
            if (name := deck.pop()) not in left_out:
                chosen.append(name)
        values = (OPERATIONS[name][1] for name in chosen)
        yield [(n, (draw.choice(v),) if v else ()) for n, v in zip(chosen, values, strict=True)]


def _played(
    begin: Callable[[], Session],
    operations: Sequence[Operation],
    reported: set[str],
    done: Search,
    late: Callable[[], bool],
) -> Iterator[tuple[Departure, int, tuple[Step, ...]]]:
    """Do the operations, then ask for every listed version; what breaks that is not ``known``.

    With the operations and steps up to there.  What breaks spoils what comes after it in this
    history, unless the relation is one that the session notes and goes on.
    """
    if late():
        raise _TimeIsUp
    session = begin()
    done.histories += 1
    for count, (name, given) in enumerate([*operations, ("ends", ())], 1):
        done.operations += 1
        broken: list[tuple[Departure, int]] = []
        try:
            getattr(session, name)(*given)
        except Departure as departure:
            broken = [(departure, len(session.steps))]
        for broke, upto in session.noted + broken:
            if broke.relation not in reported:
                reported.add(broke.relation)
                yield broke, count, tuple(session.steps[:upto])
        session.noted.clear()
        if broken:
            return


def _smaller(
    begin: Callable[[], Session],
    operations: list[Operation],
    relation: str,
    done: Search,
    late: Callable[[], bool],
) -> Iterator[Failure]:
    """Ever smaller histories in which the same relation breaks: an operation less, or simpler."""
    place = len(operations) - 1
    while place >= 0:
        name, given = operations[place]
        simplest = OPERATIONS[name][1][:1] if name in OPERATIONS else ()
        tries = [operations[:place] + operations[place + 1 :]] if len(operations) > 1 else []
        if simplest and given != simplest:
            tries.append([*operations[:place], (name, simplest), *operations[place + 1 :]])
        for fewer in tries:
            others = set(done.found) - {relation}
            shorter = (
                t for t in _played(begin, fewer, others, done, late) if t[0].relation == relation
            )
            if (how := next(shorter, None)) is not None:
                operations = fewer[: how[1]]
                yield Failure(how[0], how[2])
                break
        place = min(place - 1, len(operations) - 1)
