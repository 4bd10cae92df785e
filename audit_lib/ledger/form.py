"""The form of ``ledger.toml``, and reading it."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from audit_lib.errors import ParameterError
from audit_lib.files import read_words

FILE = "ledger.toml"
_HEX = r"^[0-9a-f]{32}$"


class Strict(BaseModel):
    """A frozen model that knows its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Criterion(Strict):
    """What a certification vouches for."""

    description: str = Field(min_length=1)
    implies: tuple[str, ...] = ()


class GatePolicy(Strict):
    """What must be certified for a gate."""

    required: tuple[str, ...] = ()
    high_risk: tuple[str, ...] = ()


class LedgerPolicy(GatePolicy):
    """What must be certified in general, and for each gate."""

    gates: dict[str, GatePolicy] = Field(default={})


class Signed(Strict):
    """An entry that a person answers for."""

    unit: str
    criteria: tuple[str, ...] = Field(min_length=1)
    who: str = Field(min_length=1)
    when: date


class Certification(Signed):
    """A person's word on one unit."""

    kind: Literal["full", "delta"] = "full"
    hash: str = Field(pattern=_HEX)
    body: str = Field("", pattern=r"^([0-9a-f]{32})?$")
    parts: str = ""
    from_hash: str = Field("", alias="from", pattern=r"^([0-9a-f]{32})?$")
    notes: str = ""

    @model_validator(mode="after")
    def _delta_names_its_start(self) -> Certification:
        if (self.kind == "delta") != bool(self.from_hash):
            raise ValueError("a delta, and only a delta, names the hash it starts `from`")
        return self


class Violation(Signed):
    """A person's word that a unit does not meet criteria."""

    hash: str = Field("", pattern=r"^([0-9a-f]{32})?$")
    notes: str = Field(min_length=1)


class LedgerExemption(Strict):
    """A decision not to read something yet."""

    unit: str
    criteria: tuple[str, ...] = Field(min_length=1)
    owner: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    expires: date


class Ledger(Strict):
    """What ``ledger.toml`` holds."""

    criteria: dict[str, Criterion] = Field(default={})
    policy: LedgerPolicy = LedgerPolicy()
    certification: tuple[Certification, ...] = ()
    violation: tuple[Violation, ...] = ()
    exemption: tuple[LedgerExemption, ...] = ()

    def implied(self, criteria: Iterable[str]) -> frozenset[str]:
        """The criteria and everything they imply."""
        closure: set[str] = set()
        queue = list(criteria)
        while queue:
            name = queue.pop()
            if name not in closure:
                closure.add(name)
                queue.extend(self.criteria[name].implies if name in self.criteria else ())
        return frozenset(closure)

    def wanted(self, high_risk: bool, gate: str = "") -> frozenset[str]:
        """Criteria that policy asks of a unit, for a gate ('' for none in particular)."""
        policies: list[GatePolicy] = [self.policy]
        if gate in self.policy.gates:
            policies.append(self.policy.gates[gate])
        named = [c for p in policies for c in (*p.required, *(p.high_risk if high_risk else ()))]
        return frozenset(named)


def load(folder: Path) -> Ledger:
    """Read ``ledger.toml`` of a parameters folder; an empty ledger where there is none.

    Raises:
        ParameterError: it does not parse, or an entry is wrong; the message names entry and mend.
    """
    file = folder / FILE
    if not file.is_file():
        return Ledger()
    try:
        data = tomllib.loads(read_words(file))
        ledger = Ledger.model_validate(data)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ParameterError(f"is no valid TOML: {error}", where=FILE) from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        text = first["msg"].removeprefix("Value error, ")
        raise ParameterError(
            f"key {key!r}: {text}", where=FILE, mend="see audit_lib/ledger.py for the form"
        ) from None
    problems = validate(ledger)
    if problems:
        raise ParameterError("; ".join(problems), where=FILE, mend="correct or remove the entry")
    return ledger


def validate(ledger: Ledger) -> list[str]:
    """What is wrong with a ledger whose form is right: unknown criteria, dates to come."""
    now = date.today()
    defined = set(ledger.criteria)
    problems = []
    for name, criterion in ledger.criteria.items():
        problems += [
            f"criteria.{name} implies {other!r}, which is not defined"
            for other in criterion.implies
            if other not in defined
        ]
    for where, criteria in _named_criteria(ledger):
        problems += [
            f"{where} names criterion {c!r}, which is not defined"
            for c in criteria
            if c not in defined
        ]
    signed: list[Signed] = [*ledger.certification, *ledger.violation]
    for entry in signed:
        if entry.when > now:
            problems.append(f"the entry of {entry.unit} is dated {entry.when}, which is to come")
    return problems


def _named_criteria(ledger: Ledger) -> list[tuple[str, Collection[str]]]:
    named: list[tuple[str, Collection[str]]] = [
        ("policy", [*ledger.policy.required, *ledger.policy.high_risk])
    ]
    for gate, policy in ledger.policy.gates.items():
        named.append((f"policy.gates.{gate}", [*policy.required, *policy.high_risk]))
    signed: list[Signed] = [*ledger.certification, *ledger.violation]
    named += [(f"the entry of {entry.unit}", entry.criteria) for entry in signed]
    return named + [(f"the exemption of {e.unit}", e.criteria) for e in ledger.exemption]
