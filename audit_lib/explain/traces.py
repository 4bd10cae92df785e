"""Decision traces: one JSON line a decision, with all that led to it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.explain.existing import locate
from audit_lib.explain.orders import decisions_hook, orders_of, stages_of
from audit_lib.explain.records import Record, finite
from audit_lib.explain.rows import Rows, inputs_of
from audit_lib.files import opened, read_whole
from audit_lib.model import Location
from audit_lib.model.results import digest_of
from audit_lib.probes.questions.asking import ask, frame
from audit_lib.subject.documents import resolve_pointer
from audit_lib.subject.pointers import MISSING
from audit_lib.subject.subject import Subject

Value = float | str | None
Numbers = dict[str, float | None]
#: bytes of one line beyond which it is not read
MOST_BYTES = 4 << 20


class TracedInputs(Record):
    """The factors as the model was given them, by name, before scaling."""

    values: dict[str, Value] = Field(min_length=1)
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="of the values")


class TracedGate(Record):
    """One gate that the decision met."""

    gate: str = Field(min_length=1)
    value: float | None = None
    threshold: float | None = None
    passed: bool | None = None


class TracedAction(Record):
    """What was decided."""

    side: float
    size: float | None = None
    gate: str = ""


class Versions(Record):
    """What decided: digests or revisions of model, code and data; null where not recorded."""

    model: str | None = None
    code: str | None = None
    data: str | None = None


class Trace(Record):
    """One decision: a line of a decision trace."""

    format: Literal["decision-trace/1"] = "decision-trace/1"
    subject: str = ""
    version: str = Field(min_length=1)
    time: str = Field("", description="ISO 8601; '' where the subject's rows have no dates")
    asset: str = ""
    inputs: TracedInputs
    scaled: Numbers | None = Field(None, description="the vector after scaling, by name")
    raw: Numbers | None = Field(None, description="outputs before calibration, by head")
    heads: Numbers = Field(min_length=1, description="outputs by the head's name")
    gates: tuple[TracedGate, ...] = ()
    action: TracedAction
    versions: Versions = Versions()

    @property
    def key(self) -> tuple[str, str]:
        """What the decision is known by."""
        return self.time, self.asset


@dataclass(frozen=True)
class Broken:
    """A line that is no trace, and why."""

    line: int
    why: str


@dataclass(frozen=True)
class TraceFile:
    """A file of traces.

    Attributes:
        where: the file, as findings name it.
        traces: line number to trace.
        broken: lines that are none.
    """

    where: Location
    traces: dict[int, Trace]
    broken: tuple[Broken, ...]


def inputs_digest(values: Mapping[str, Value]) -> str:
    """SHA-256 of the canonical JSON of named values."""
    return digest_of(dict(values))


def traces_of(subject: Subject, rows: Rows) -> Iterator[Trace]:
    """Traces of what the version decides on these rows, through its hooks.

    Raises:
        NotAssessed, NotApplicable: it does not predict or decide.
    """
    heads = _heads(subject, rows.table)
    orders = orders_of(subject, decisions_hook(subject), rows)
    stages = stages_of(subject, rows.table) if subject.has("explain.stages") else {}
    table = stages.get("gates")
    gates = {} if table is None else dict(iter(table.groupby("row")))
    versions = Versions(model=model_digest(subject), code=subject.revision or None)
    for row in range(len(rows)):
        values = {str(c): plain(rows.table.iloc[row, i]) for i, c in enumerate(rows.table.columns)}
        yield Trace(
            subject=subject.name,
            version=subject.version,
            time=rows.time_of(row),
            asset=rows.asset_of(row),
            inputs=TracedInputs(values=values, sha256=inputs_digest(values)),
            scaled=_row(stages.get("scaled"), row),
            raw=_row(stages.get("raw"), row),
            heads=_row(heads, row) or {},
            gates=tuple(gates_of(gates[row])) if row in gates else (),
            action=TracedAction(
                side=float(np.nan_to_num(orders.side[row])),
                size=finite(orders.size[row]),
                gate=orders.gate[row],
            ),
            versions=versions,
        )


def exported(subject: Subject, rows: Rows) -> list[Trace]:
    """Traces in the order of time, whatever the order of the rows is."""
    return sorted(traces_of(subject, rows), key=lambda trace: trace.key)


def gates_of(table: pd.DataFrame) -> Iterator[TracedGate]:
    """The gates of one row."""
    for gate in table.to_dict("records"):
        passed = plain(gate["passed"])
        value, threshold = plain(gate["value"]), plain(gate["threshold"])
        yield TracedGate(
            gate=str(gate["gate"]),
            value=value if isinstance(value, float) else None,
            threshold=threshold if isinstance(threshold, float) else None,
            passed=None if passed is None else bool(passed),
        )


def read(subject: Subject, file: Path | None) -> TraceFile:
    """Traces of a file; of the subject's own file, through its mapping, where none is given.

    Raises:
        NotApplicable: no file is given, and the subject names none.
        NotAssessed: it cannot be read.
    """
    fields: Mapping[str, str] = {}
    if file is None:
        named = subject.parameters.explain.traces
        if not named:
            raise NotApplicable("no file is given, and the subject names none (explain.traces)")
        located = locate(subject, named)
        if located is None or not located[0].is_file():
            raise NotAssessed(f"{named} is no file of the version or below the root")
        file, base, top = located
        where = Location(file.relative_to(top).as_posix(), base=base)
        fields = subject.parameters.explain.trace_fields
    else:
        where = Location(file.name, base="documents")
    traces: dict[int, Trace] = {}
    broken: list[Broken] = []
    try:
        with opened(file) as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                trace = _line(line, number, fields)
                if isinstance(trace, Broken):
                    broken.append(trace)
                else:
                    traces[number] = trace
    except OSError as error:
        raise NotAssessed(f"{file.name} cannot be read: {error.strerror}") from None
    return TraceFile(where, traces, tuple(broken))


def _line(line: bytes, number: int, fields: Mapping[str, str]) -> Trace | Broken:
    if len(line) > MOST_BYTES:
        return Broken(number, "longer than a decision can be")
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        return Broken(number, f"no JSON: {error}")
    data = mapped(data, fields) if fields else data
    heads = data.get("heads") if isinstance(data, dict) else None
    if isinstance(heads, list) or (isinstance(heads, dict) and heads and all(map(_index, heads))):
        return Broken(number, "heads by index: which output is which is not told")
    try:
        return Trace.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "(whole)"
        return Broken(number, f"key {key!r}: {first['msg']}")


def mapped(data: Any, fields: Mapping[str, str]) -> dict[str, Any]:
    """A line of the subject's own as one of ours, by the mapping of its parameters."""
    nested: dict[str, Any] = {}
    for name, pointer in fields.items():
        value = resolve_pointer(data, pointer)
        if value is MISSING:
            continue
        *path, last = name.split("/")
        place = nested
        for step in path:
            place = place.setdefault(step, {})
        place[last] = value
    return nested


def rows_of(subject: Subject, traces: list[Trace]) -> pd.DataFrame:
    """The inputs of traces as the predictor takes them, on an index like that of its rows."""
    inputs = inputs_of(subject).table
    columns = [str(c) for c in inputs.columns]
    values = {c: [t.inputs.values.get(c) for t in traces] for c in columns}
    table = pd.DataFrame(values).astype(
        dict(zip(columns, inputs.dtypes, strict=True)), errors="ignore"
    )
    table.columns = inputs.columns
    levels = [_level(inputs.index.get_level_values(i), traces) for i in range(inputs.index.nlevels)]
    if len(levels) == 1:
        table.index = levels[0]
    else:
        table.index = pd.MultiIndex.from_arrays(levels, names=inputs.index.names)
    return table


def _level(level: pd.Index, traces: list[Trace]) -> pd.Index:
    if isinstance(level, pd.DatetimeIndex):
        times = pd.DatetimeIndex([t.time or None for t in traces], name=level.name)
        return times.tz_localize("UTC").tz_convert(level.tz) if level.tz else times
    if pd.api.types.is_numeric_dtype(level.dtype):
        return pd.RangeIndex(len(traces), name=level.name)
    return pd.Index([t.asset for t in traces], name=level.name)


def model_digest(subject: Subject) -> str | None:
    """SHA-256 over the files of the version; None where it has none."""
    try:
        folder = subject.version_folder
    except (NotAssessed, NotApplicable):
        return None
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    parts = [
        (f.relative_to(folder).as_posix(), hashlib.sha256(read_whole(f)).hexdigest()) for f in files
    ]
    return digest_of(parts) if parts else None


def plain(value: Any) -> Value:
    """A cell as JSON holds it."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (bool, np.bool_, int, float, np.number)):
        return finite(float(value))
    return str(value)


def _heads(subject: Subject, table: pd.DataFrame) -> pd.DataFrame:
    reply = ask(subject.hook("predictor.predict", again=False), table, into=frame)
    if not reply.answered or len(reply.got) != len(table):
        raise NotAssessed(f"predictor.predict does not answer: {reply.why or 'other rows'}")
    return reply.got


def _row(table: pd.DataFrame | None, row: int) -> Numbers | None:
    if table is None:
        return None
    values = {str(c): plain(table.iloc[row, i]) for i, c in enumerate(table.columns)}
    return {name: v for name, v in values.items() if not isinstance(v, str)}


def _index(name: str) -> bool:
    return name.removeprefix("output_").isdigit()
