"""How often a check is wrong: false alarms on clean data and power against its fault, as measured.

``benchmarks/size_power.py --write`` makes ``size_power.json``; pages of the documentation and
packets show it beside what the check says.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from audit_lib.files import read_words

TABLE = Path(__file__).with_name("size_power.json")


@dataclass(frozen=True)
class Clean:
    """Runs on clean data of one world.

    Attributes:
        alarms: runs that accused; ``untold``: runs that said they could not tell; of ``runs``.
        bound: upper end of the exact 99 % interval of the rate of alarms (one-sided).
        missed: runs that passed although the fault that matters was planted; of ``planted``.
    """

    world: str
    runs: int
    alarms: int
    untold: int
    bound: float
    missed: int = 0
    planted: int = 0


@dataclass(frozen=True)
class Faulty:
    """Runs on data with a fault of one size, in the first world."""

    size: float
    runs: int
    seen: int


@dataclass(frozen=True)
class Measured:
    """One question of one check.

    Attributes:
        fault: what is wrong, with ``{}`` for its size.
        stated: rate of false alarms that the check promises.
        smallest: size of the fault that nine runs of ten see; None where even the largest is not.
        matters: size of the fault that must not pass in more than half of the runs of any world.
    """

    code: str
    fault: str
    stated: float
    clean: tuple[Clean, ...]
    faulty: tuple[Faulty, ...]
    smallest: float | None
    matters: float = float("nan")

    @property
    def words(self) -> str:
        """In a sentence: false alarms in all worlds, and what is seen."""
        runs, alarms = sum(c.runs for c in self.clean), sum(c.alarms for c in self.clean)
        worst = max(self.clean, key=lambda c: c.alarms / c.runs)
        rate = f"{alarms} of {runs:,} runs on clean data accused"
        if alarms and len(self.clean) > 1:
            rate += f", most {worst.alarms / worst.runs:.1%} ({worst.world})"
        if self.smallest is not None:
            return f"{rate}; nine of ten see {self.fault.format(f'{self.smallest:.2g}')}"
        most = max(self.faulty, key=lambda f: f.seen / f.runs)
        share = f"{most.seen / most.runs:.0%}"
        return f"{rate}; {share} of runs see {self.fault.format(f'{most.size:.3g}')}"


@cache
def measured() -> dict[str, tuple[Measured, ...]]:
    """Code to what was measured of its check; codes without a rate have none."""
    rows: list[dict[str, Any]] = json.loads(read_words(TABLE)) if TABLE.is_file() else []
    by_code: dict[str, tuple[Measured, ...]] = {}
    for row in rows:
        one = Measured(
            **{
                **row,
                "clean": tuple(Clean(**c) for c in row["clean"]),
                "faulty": tuple(Faulty(**f) for f in row["faulty"]),
            }
        )
        by_code[one.code] = (*by_code.get(one.code, ()), one)
    return by_code
