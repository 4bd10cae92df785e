"""Looks for the smallest histories in which a relation breaks, with hypothesis.

Derandomised: the same seed tries the same histories.  Where the time is up, the search stops with
what it has found.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from audit_lib.host.limits import crowding
from audit_lib.probes.lifecycle.registry_history.scratch import Departure, Step
from audit_lib.probes.lifecycle.registry_history.session import Session

KEYS = "keys"
#: operation -> the hook it needs, or keys, and values of its argument
OPERATIONS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "register": ("registry.register", ()),
    "register_elsewhere": ("registry.register", ()),
    "register_for_another": (KEYS, (0, 1, 2, 3)),
    "create": ("registry.create", (2, 12)),
    "ask_for": ("registry.resolve", tuple(range(8))),
    "promote": ("registry.promote", tuple(range(4))),
    "promote_nobody": ("registry.promote", ()),
    "roll_back": ("registry.rollback", (False, True)),
    "prune": ("registry.prune", (1, 2, 3)),
    "damage": ("registry.register", ("cut in half", "emptied")),
    "cut_champion": ("registry.resolve", ("removed", "set to null", "emptied", "leading nowhere")),
}


class _TimeIsUp(BaseException):
    """Ends a search from inside; no test framework takes it for a failure."""


class _SmallEnough(BaseException):
    """Ends a search whose history is one operation long: nothing is smaller."""


@dataclass(frozen=True)
class Found:
    """The smallest history seen in which one relation breaks."""

    departure: Departure
    steps: tuple[Step, ...]


@dataclass
class Search:
    """What a search did and found.

    Attributes:
        histories, operations: how many were tried before anything was made smaller.
        ended: whether it came to its end, and not to the end of its time.
        found: relation to its smallest history.
    """

    histories: int = 0
    operations: int = 0
    ended: bool = False
    until: float = math.inf
    last: float = math.inf
    fewest: int = 0
    found: dict[str, Found] = field(default_factory=dict)
    known: frozenset[str] = frozenset()

    def is_late(self) -> bool:
        """Whether to stop; a few histories are told even where each takes long."""
        now = time.monotonic()
        return now > self.last or (
            now > self.until and (bool(self.found) or self.histories > self.fewest)
        )

    def keep(self, departure: Departure, steps: list[Step], smaller: float) -> None:
        """Note a history, if it is smaller than the one that is known.

        The first one leaves ``smaller`` seconds for finding others, and smaller ones.
        """
        if not self.found:
            self.until = min(self.until, time.monotonic() + smaller)
        known = self.found.get(departure.relation)
        if known is None or len(steps) < len(known.steps):
            self.found[departure.relation] = Found(departure, tuple(steps))


def search(
    begin: Callable[[], Session],
    has: Callable[[str], bool],
    *,
    histories: int,
    length: int,
    fewest: int,
    seconds: float,
    longest: float,
    smaller: float,
    seed: int,
) -> Search:
    """Try histories, and make those smaller in which a relation breaks.

    Args:
        begin: a session on a fresh scratch store.
        has: whether the subject offers a hook, or keeps :data:`KEYS` apart.
        histories, length: how many, and operations in each at most.
        fewest: histories that are told after ``seconds`` too, until ``longest``.
        seconds, longest: after which it stops; more where other work keeps the machine busy.
        smaller: seconds after which it stops once something was found.
        seed: of the histories.
    """
    import hypothesis
    from hypothesis import HealthCheck, Phase, Verbosity, settings
    from hypothesis.stateful import run_state_machine_as_test

    now, busy = time.monotonic(), crowding()
    seconds, longest, smaller = seconds * busy, longest * busy, smaller * busy
    done = Search(until=now + seconds, last=now + longest, fewest=fewest)
    chosen = settings(
        max_examples=histories,
        stateful_step_count=length,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=True,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
        print_blob=False,
    )
    # What breaks at every step hides what breaks later: once known, it is passed over.
    while True:
        machine = hypothesis.seed(seed + len(done.known))(_machine(begin, has, done, smaller))
        late = False
        try:
            run_state_machine_as_test(machine, settings=chosen)
        except _TimeIsUp:
            late = True
        except (_SmallEnough, Departure, ExceptionGroup, hypothesis.errors.Flaky):
            pass  # what was found is noted where it was raised
        if done.known == done.found.keys() or time.monotonic() > done.last:
            done.ended = not late
            return done
        done.known = frozenset(done.found)
        done.until = min(done.last, time.monotonic() + smaller)


def _machine(
    begin: Callable[[], Session], has: Callable[[str], bool], done: Search, smaller: float
) -> type:
    """A state machine whose rules are the operations that the subject's hooks allow."""
    from hypothesis import strategies
    from hypothesis.stateful import RuleBasedStateMachine, rule

    class History(RuleBasedStateMachine):
        """One session; what breaks in it is noted."""

        def __init__(self) -> None:
            super().__init__()
            done.histories += not done.found
            self.session, self.broken, self.count = begin(), False, 0
            self.session.known = done.known

        def do(self, operation: str, *given: Any) -> None:
            """One operation."""
            if self.broken:
                return
            if done.is_late():
                raise _TimeIsUp
            done.operations += not done.found
            self.count += 1
            try:
                getattr(self.session, operation)(*given)
            except Departure as departure:
                done.keep(departure, self.session.steps, smaller)
                self.broken = True
                if departure.relation in done.known:
                    return  # what comes after it in this history proves nothing
                if self.count == 1:
                    raise _SmallEnough from None
                raise

        def teardown(self) -> None:
            """Every listed version is asked for at the end."""
            if self.session.steps and not self.broken:
                self.do("ends")

    def made(name: str, values: tuple[Any, ...]) -> Any:
        if not values:
            return rule()(lambda self: self.do(name))
        return rule(given=strategies.sampled_from(values))(lambda self, given: self.do(name, given))

    for name, (hook, values) in OPERATIONS.items():
        if has(hook):
            operation = made(name, values)
            setattr(History, name, operation)
    return History
