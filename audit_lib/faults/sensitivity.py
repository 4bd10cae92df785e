"""What came of the faults that were planted: seen, unseen, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

from pydantic import TypeAdapter

from audit_lib.files import read_whole
from audit_lib.model import Contract

NAME = "sensitivity.json"


class State(StrEnum):
    """What became of one planted fault."""

    SEEN = "seen"
    UNSEEN = "unseen"
    INCONCLUSIVE = "inconclusive"
    """the check could no longer tell, so that nothing passes for kept"""
    HIDDEN = "hidden"
    """behind a finding that stands without it"""
    UNTOLD = "not assessed"
    """the checks that ought to see it are not assessed here, planted or not"""
    SPARED = "spared"
    """this subject has nothing that it could spoil, or no answer changed"""


#: states that say something about sensitivity
PLANTED = (State.SEEN, State.UNSEEN, State.INCONCLUSIVE, State.HIDDEN, State.UNTOLD)


@dataclass(frozen=True)
class Planting:
    """One fault in one case.

    Attributes:
        by: code of the check that saw it, else of those that ought to have.
        why: the finding's message, or why nothing was seen.
        changed, asked: answers that the fault changed, of those it was offered.
    """

    fault: str
    contract: Contract
    case: str
    told: str
    least: str
    state: State
    by: str
    why: str
    changed: int = 0
    asked: int = 0

    @property
    def sentence(self) -> str:
        """For people: what was planted, and what came of it."""
        where = f" ({self.case})" if self.case else ""
        return f"{self.told.rstrip('.')}{where}: {self.state.value}: {self.why}"


@dataclass(frozen=True)
class Sensitivity:
    """All plantings of one version, and harmless changes that were accused."""

    FORM: ClassVar[str] = "sensitivity/2"

    subject: str
    version: str
    seed: int
    plantings: tuple[Planting, ...]
    quiet: tuple[str, ...] = ()
    """harmless changes after which nothing was found, as it should be"""
    idle: tuple[str, ...] = ()
    """harmless changes that changed no answer here"""
    accused: tuple[Planting, ...] = ()
    left: int = 0
    """faults that the budget did not reach"""
    cases: int = 0
    """columns or heads that a fault was planted in, at most"""
    state: str = ""
    """digest of all that the answers rest on: subject, hooks, library; '' where none was taken"""

    @property
    def harmless(self) -> int:
        """How many harmless changes changed an answer."""
        return len(self.quiet) + len(self.accused)

    def settled(self, other: Sensitivity) -> bool:
        """True where what the other holds was measured in the same way on the same state."""
        same = ("subject", "version", "seed", "cases", "state")
        return bool(self.state) and all(getattr(self, k) == getattr(other, k) for k in same)

    def of(self, contract: Contract | None = None) -> tuple[int, int]:
        """How many were planted, and how many of them seen, under a contract or in all."""
        chosen = [
            p
            for p in self.plantings
            if p.state in PLANTED and (contract is None or p.contract is contract)
        ]
        return len(chosen), sum(p.state is State.SEEN for p in chosen)

    @property
    def contracts(self) -> list[Contract]:
        """Contracts under which something was planted."""
        return [c for c in Contract if self.of(c)[0]]

    @property
    def unseen(self) -> list[Planting]:
        """What would have gone unnoticed, and why."""
        return [p for p in self.plantings if p.state in PLANTED and p.state is not State.SEEN]

    @property
    def words(self) -> str:
        """What it comes to, in a line."""
        planted, seen = self.of()
        line = f"{planted} faults planted, {seen} seen"
        line += f" ({self.share:.0%})" if planted else ""
        if self.harmless:
            line += f"; {len(self.accused)} of {self.harmless} harmless changes accused"
        return line + (f"; {self.left} faults and changes not planted yet" if self.left else "")

    @property
    def share(self) -> float:
        """Seen of planted; NaN where nothing was planted."""
        planted, seen = self.of()
        return seen / planted if planted else float("nan")

    def as_data(self) -> dict[str, Any]:
        """JSON data."""
        return {
            "format": self.FORM,
            "subject": self.subject,
            "version": self.version,
            "seed": self.seed,
            "contracts": {
                c.value: dict(zip(("planted", "seen"), self.of(c), strict=True))
                for c in self.contracts
            },
            "plantings": _ROWS.dump_python(list(self.plantings), mode="json"),
            "harmless": {
                "quiet": list(self.quiet),
                "idle": list(self.idle),
                "accused": _ROWS.dump_python(list(self.accused), mode="json"),
            },
            "left": self.left,
            "cases": self.cases,
            "state": self.state,
        }


_ROWS = TypeAdapter(list[Planting])


def from_data(data: dict[str, Any]) -> Sensitivity:
    """Read back what :meth:`Sensitivity.as_data` gave."""
    harmless = data["harmless"]
    return Sensitivity(
        plantings=tuple(_ROWS.validate_python(data["plantings"])),
        quiet=tuple(harmless["quiet"]),
        idle=tuple(harmless["idle"]),
        accused=tuple(_ROWS.validate_python(harmless["accused"])),
        **{key: data[key] for key in ("subject", "version", "seed", "left", "cases", "state")},
    )


def read(file: Path) -> Sensitivity | None:
    """What was written; None where there is no file, or none of this form."""
    try:
        data = json.loads(read_whole(file))
        return from_data(data) if data["format"] == Sensitivity.FORM else None
    except (OSError, ValueError, TypeError, KeyError):
        return None
