"""The files of ``learned_conditions/`` as typed records, from which their JSON Schemas are made."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def finite(value: float | None) -> float | None:
    """The number; None where it is none."""
    return float(value) if value is not None and math.isfinite(value) else None


#: a number; null where there is none
Number = Annotated[float | None, BeforeValidator(finite)]


class Record(BaseModel):
    """Strict, and frozen; made of what has the same attributes, too."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, from_attributes=True
    )


class Measured(Record):
    """A number, its standard error and its 95 % interval; null where rows are too few to tell."""

    value: Number
    error: Number = None
    low: Number = None
    high: Number = None


class Factor(Record):
    """One input of the model, as it stands in the rows that were explained."""

    name: str
    kind: str = Field(description="type of the column")
    unit: str = ""
    least: float | None = None
    low: float | None = Field(None, description="5 % of values are below it")
    median: float | None = None
    high: float | None = Field(None, description="5 % of values are above it")
    most: float | None = None
    missing: float = Field(description="share of values that are missing")


class Inputs(Record):
    """``inputs_schema.json``: what was explained."""

    format: Literal["learned-inputs/1"] = "learned-inputs/1"
    subject: str
    version: str
    source: str = Field(description="where the rows come from")
    rows: int = Field(description="rows that were explained")
    of: int = Field(description="rows that they were drawn from")
    seed: int
    first: str | None = Field(None, description="date of the earliest row")
    last: str | None = None
    sha256: str = Field(description="digest of the values that were explained")
    heads: tuple[str, ...]
    factors: tuple[Factor, ...]
    together: tuple[tuple[str, ...], ...] = Field(
        (), description="factors that hang together; what is attributed among them is arbitrary"
    )


class ConditionRecord(Record):
    """``above < factor <= up_to``; null leaves a side open."""

    factor: str
    above: float | None = None
    up_to: float | None = None
    missing: bool = Field(False, description="a missing value meets it")


class EventRecord(Record):
    """What an answer comes to."""

    kind: Literal["equals", "above", "up_to"]
    value: float


class RuleRecord(Record):
    """One rule, measured on rows that it was not learned on."""

    conditions: tuple[ConditionRecord, ...]
    event: EventRecord
    support: float = Field(description="share of held-out rows")
    rows: int = Field(description="held-out rows")
    precision: Measured = Field(description="share of these rows in which the outcome is so")
    base: float = Field(description="the same share of all held-out rows")
    lift: Measured = Field(description="precision over base")
    mean: Number = Field(None, description="mean answer under the rule")
    stability: float = Field(description="share of trees, grown anew, with a rule of its kind")
    sentence: str = ""


class Rules(Record):
    """``rules_<head>.json``: conditions that one head, or the decision, follows."""

    format: Literal["learned-rules/1"] = "learned-rules/1"
    subject: str
    version: str
    head: str
    kind: Literal["classes", "number", ""] = ""
    unit: str = ""
    train: int
    held: int
    purge: str
    skill: Measured = Field(
        description="share of error spared on held-out rows against the mean or the most frequent"
    )
    learned: bool = Field(description="false where the rules are no better than their baseline")
    why: str = Field("", description="why nothing was learned")
    rules: tuple[RuleRecord, ...] = ()


class TopFactor(Record):
    """One of the strongest factors of a head."""

    factor: str
    importance: Measured
    share: Number = None
    direction: Measured


class Pair(Record):
    """Two factors that do something together."""

    factors: tuple[str, str]
    size: Measured


class Head(Record):
    """One head, or the decision, in a few figures."""

    name: str
    method: str
    perturbation: str
    unit: str
    factors: tuple[TopFactor, ...]
    pairs: tuple[Pair, ...] = ()
    regimes: dict[str, tuple[TopFactor, ...]] = Field({}, description="factors in each regime")


class Summary(Record):
    """``summary.json``: what page one and comparisons read."""

    format: Literal["learned-summary/1"] = "learned-summary/1"
    subject: str
    version: str
    sha256: str = Field(description="digest of the values that were explained")
    rows: int
    of: int
    heads: tuple[Head, ...]
    learned: tuple[Rules, ...] = ()
    together: tuple[tuple[str, ...], ...] = ()
    not_assessed: dict[str, str] = Field({}, description="what could not be told, and why")
    results: list[dict[str, Any]] = Field([], description="findings, as in a task's results")


def schema_of(kind: Any) -> str:
    """JSON Schema 2020-12 of a record, as text."""
    schema = {"$schema": _DIALECT, **TypeAdapter(kind).json_schema()}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def as_json(record: BaseModel) -> bytes:
    """A record as it stands in a file."""
    return (json.dumps(record.model_dump(mode="json"), indent=1) + "\n").encode()
