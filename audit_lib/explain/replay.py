"""Recompute traced decisions from the version's artifacts, and say at which stage one departs."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from audit_lib.errors import AuditError, NotApplicable, NotAssessed
from audit_lib.explain.rows import Rows, inputs_of
from audit_lib.explain.traces import Trace, inputs_digest, rows_of, traces_of
from audit_lib.host import HookError
from audit_lib.subject.subject import Subject

#: in the order in which a decision comes about
STAGES = ("inputs", "scaled", "raw", "heads", "gates", "action")
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Departure:
    """The first stage at which a line departs from what is recomputed.

    Attributes:
        stage: of :data:`STAGES`; ``version`` where the line cannot be replayed at all.
    """

    line: int
    stage: str
    what: str
    measured: str = ""
    expected: str = ""


def replayed(subject: Subject, traces: Mapping[int, Trace]) -> Iterator[Departure]:
    """Departures of traces, at most one each; versions are replayed one after the other."""
    by_version: dict[str, dict[int, Trace]] = {}
    for line, trace in traces.items():
        by_version.setdefault(trace.version, {})[line] = trace
    for version, part in by_version.items():
        try:
            again = _again(subject, version, list(part.values()))
        except (NotAssessed, NotApplicable, AuditError, HookError) as error:
            why = str(error).split("\n", maxsplit=1)[0]
            for line in part:
                yield Departure(line, "version", f"cannot be replayed: {why}", version)
            continue
        for (line, trace), other in zip(part.items(), again, strict=True):
            departure = departs(line, trace, other)
            if departure:
                yield departure


def _again(subject: Subject, version: str, traces: list[Trace]) -> list[Trace]:
    bound = subject if version == subject.version else subject.at(version)
    if version not in bound.versions():
        raise NotAssessed(f"version {version} is not there")
    table = rows_of(bound, traces)
    if not inputs_of(bound).table.index.is_monotonic_increasing:
        return list(traces_of(bound, Rows(table)))
    # The subject's rows are sorted, and so it may want them.
    order = table.index.argsort()
    again = list(traces_of(bound, Rows(table.iloc[order])))
    return [again[place] for place in np.argsort(order)]


def departs(line: int, trace: Trace, again: Trace) -> Departure | None:
    """Where a line first departs from its recomputation; None where it does not."""
    digest = inputs_digest(trace.inputs.values)
    if trace.inputs.sha256 is not None and trace.inputs.sha256 != digest:
        what = "the inputs are not those that their digest was taken of"
        return Departure(line, "inputs", what, digest[:12], trace.inputs.sha256[:12])
    names = set(trace.inputs.values) ^ set(again.inputs.values)
    if names:
        return Departure(line, "inputs", f"{min(names)!r} is an input of one alone")
    for stage in ("scaled", "raw", "heads"):
        ours, theirs = getattr(again, stage), getattr(trace, stage)
        if ours is None or theirs is None:
            continue
        off = _differs(theirs, ours)
        if off:
            return Departure(line, stage, *off)
    return _gates(line, trace, again) or _action(line, trace, again)


def _differs(
    traced: Mapping[str, float | None], again: Mapping[str, float | None]
) -> tuple[str, str, str] | None:
    unknown = sorted(set(traced) ^ set(again))
    if unknown:
        return f"{unknown[0]!r} is there in one alone", "", ""
    for name, value in traced.items():
        if not same(value, again[name]):
            return f"{name!r} differs", f"{value}", f"{again[name]}"
    return None


def _gates(line: int, trace: Trace, again: Trace) -> Departure | None:
    if not trace.gates or not again.gates:
        return None
    if [g.gate for g in trace.gates] != [g.gate for g in again.gates]:
        names = [", ".join(g.gate for g in t.gates) for t in (trace, again)]
        return Departure(line, "gates", "other gates, or another order", *names)
    for ours, theirs in zip(again.gates, trace.gates, strict=True):
        if theirs.passed != ours.passed:
            what = f"gate {ours.gate!r} let pass what it stops, or stopped what it lets pass"
            return Departure(line, "gates", what, f"{theirs.passed}", f"{ours.passed}")
        for part in ("value", "threshold"):
            was, now = getattr(theirs, part), getattr(ours, part)
            if was is not None and now is not None and not same(was, now):
                return Departure(line, "gates", f"{part} of {ours.gate!r}", f"{was}", f"{now}")
    return None


def _action(line: int, trace: Trace, again: Trace) -> Departure | None:
    ours, theirs = again.action, trace.action
    if theirs.side != ours.side:
        return Departure(line, "action", "the side differs", f"{theirs.side:g}", f"{ours.side:g}")
    if theirs.size is not None and not same(theirs.size, ours.size):
        return Departure(line, "action", "the size differs", f"{theirs.size}", f"{ours.size}")
    if theirs.gate != ours.gate:
        return Departure(line, "action", "another gate decided", theirs.gate, ours.gate)
    return None


def same(left: float | None, right: float | None) -> bool:
    """True where two numbers are one but for rounding."""
    if left is None or right is None:
        return left is right
    return math.isclose(left, right, rel_tol=TOLERANCE, abs_tol=1e-12)
