"""What a decision trace must be: well formed, whole, of what there was, and replayable."""

from collections import Counter
from typing import Any, ClassVar

from pydantic import ConfigDict

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.explain.orders import decisions_hook, orders_of
from audit_lib.explain.replay import replayed, same
from audit_lib.explain.rows import Rows, inputs_of
from audit_lib.explain.traces import TraceFile, inputs_digest, model_digest, plain
from audit_lib.model import Contract, Examined, Finding, Gap, Severity, Task


class Traced(Check):
    """A check of traces that were read before it is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    contract: ClassVar[Contract] = Contract.INTERPRETATION
    task: ClassVar[Task] = Task.T3
    severity: ClassVar[Severity] = Severity.HIGH
    seen: TraceFile

    def of_trace(self, message: str, **said: Any) -> Finding:
        """A finding at the file of traces."""
        return self.finding(self.seen.where, message, **said)


class LinesAreTraces(Traced):
    """Every line of a decision trace is in the published form.

    What it checks
        Each line against the JSON Schema of `decision-trace/1`; heads are named.
    Why it matters
        A line that nobody can read is a decision without a record.
    How
        Lines are parsed and validated one by one; the subject's own go through
        `explain.trace_fields`.
    Limitations
        None known.
    Remediation
        Write what the schema names; name heads as the checkpoint does.
    Sources
        docs/schema/decision_trace.schema.json.
    """

    code = "TRC001"

    def run(self, subject: Subject) -> Answers:
        """Say which lines are none."""
        yield Examined(len(self.seen.traces) + len(self.seen.broken), "lines")
        for broken in self.seen.broken:
            yield self.of_trace(
                f"line {broken.line} is no trace: {broken.why}",
                key=f"line {broken.line}",
                cause=broken.why,
            )


class TimesAreWhole(Traced):
    """A trace misses no decision in time, and holds none twice.

    What it checks
        Order of times, decisions that occur twice, and times at which an asset has no line though
        it has lines before and after and others have theirs.
    Why it matters
        What is missing is most often what went wrong.
    How
        Times of all assets make the calendar; each asset's lines are held against it.
    Limitations
        Times at which no asset has a line are not missed; an asset that did not trade then is.
    Remediation
        Write a line for each decision, refusals and nothing-to-do included, once.
    Sources
        None.
    """

    code = "TRC002"

    def run(self, subject: Subject) -> Answers:
        """Hold times against each other."""
        traces = self.seen.traces
        keys = [t.key for t in traces.values()]
        if not any(time for time, _ in keys):
            raise NotAssessed("no line has a time")
        yield Examined(len(keys), "times")
        for (time, asset), count in Counter(keys).items():
            if count > 1:
                yield self.of_trace(
                    f"the decision of {asset or 'all'} at {time} is there {count} times",
                    key=f"{time} {asset}",
                    cause="decisions are there more than once",
                )
        last = ""
        for line, trace in traces.items():
            if trace.time < last:
                yield self.of_trace(
                    f"line {line} goes back in time",
                    measured=trace.time,
                    expected=f"{last} or later",
                    key=f"line {line}",
                    cause="lines go back in time",
                )
            last = max(last, trace.time)
        yield from self._gaps(keys)

    def _gaps(self, keys: list[tuple[str, str]]) -> Answers:
        calendar = sorted({time for time, _ in keys})
        by_asset: dict[str, set[str]] = {}
        for time, asset in keys:
            by_asset.setdefault(asset, set()).add(time)
        for asset, times in by_asset.items():
            first, last = min(times), max(times)
            for time in (t for t in calendar if first < t < last and t not in times):
                yield self.of_trace(
                    f"no decision of {asset} at {time}, between others of it",
                    key=f"{time} {asset}",
                    cause="decisions are missing in time",
                )


class ValuesWereThere(Traced):
    """Traced inputs are those that the version had.

    What it checks
        The digest of each line's inputs, and their values against the rows that the subject gives
        for that time and asset.
    Why it matters
        A trace of values that the model never had explains nothing.
    How
        Values are compared within rounding with `explain.inputs`, else the sample of features.
    Limitations
        Times outside the rows at hand are not compared, and counted.
    Remediation
        Trace the row that is handed to the model, not one that is built again.
    Sources
        None.
    """

    code = "TRC003"

    def run(self, subject: Subject) -> Answers:
        """Hold values against rows."""
        rows = inputs_of(subject)
        row_of = {_key(rows, i): i for i in range(len(rows))} if rows.dates is not None else {}
        compared = 0
        for line, trace in self.seen.traces.items():
            inputs = trace.inputs
            if inputs.sha256 is not None and inputs.sha256 != inputs_digest(inputs.values):
                yield self.of_trace(
                    f"line {line}: the inputs are not those that their digest was taken of",
                    key=f"line {line} digest",
                    cause="inputs do not have their digest",
                )
            at = row_of.get(trace.key)
            if at is None:
                continue
            compared += 1
            for i, name in enumerate(rows.columns):
                ours, theirs = plain(rows.table.iloc[at, i]), inputs.values.get(name)
                if isinstance(ours, str) or isinstance(theirs, str):
                    equal = ours == theirs
                else:
                    equal = same(theirs, ours)
                if not equal:
                    yield self.of_trace(
                        f"line {line}: {name} is a value that the version never had",
                        measured=theirs,
                        expected=ours,
                        key=f"line {line} {name}",
                        cause="values that the version never had",
                    )
                    break
        yield Examined(compared, "lines with a row of their time and asset")
        left = len(self.seen.traces) - compared
        if left:
            yield Gap("inputs", f"{left} lines are of no time and asset in the rows at hand")


class VersionIsServed(Traced):
    """Traces are of versions that there are.

    What it checks
        The version of each line among those of the registry, and its digest of the model.
    Why it matters
        A decision by a version that nobody serves cannot be repeated, nor blamed.
    How
        Ids are compared; so is the digest of the version's files where the line records one.
    Limitations
        Which version was served at that time is the registry's history, if it keeps one.
    Remediation
        Record the id under which the model was loaded.
    Sources
        None.
    """

    code = "TRC004"

    def run(self, subject: Subject) -> Answers:
        """Hold versions against the registry."""
        served = set(subject.versions()) | {subject.version}
        yield Examined(len(self.seen.traces), "lines")
        digests: dict[str, str | None] = {}
        for line, trace in self.seen.traces.items():
            if trace.version not in served:
                yield self.of_trace(
                    f"line {line} is of version {trace.version}, which is not served",
                    measured=trace.version,
                    expected=", ".join(sorted(served)),
                    key=f"line {line}",
                    cause=f"version {trace.version} is not served",
                )
                continue
            if trace.version not in digests:
                digests[trace.version] = model_digest(subject.at(trace.version))
            own = digests[trace.version]
            if trace.versions.model and own and trace.versions.model != own:
                yield self.of_trace(
                    f"line {line} was decided by other files than those of {trace.version}",
                    measured=trace.versions.model[:12],
                    expected=own[:12],
                    key=f"line {line} model",
                    cause=f"other files than those of {trace.version}",
                )


class ActionsAreTraced(Traced):
    """Every order has a trace.

    What it checks
        Orders that the version places on the rows between the first and last time of the trace.
    Why it matters
        An order without a trace is one that nobody can explain.
    How
        Rows of traced assets and that span are decided anew; each order needs a line.
    Limitations
        State that the hook does not see (an open position, a drawdown) may have stopped an order.
    Remediation
        Write the line before the order is sent.
    Sources
        None.
    """

    code = "TRC005"

    def run(self, subject: Subject) -> Answers:
        """Decide anew, and look for lines."""
        rows = inputs_of(subject)
        keys = {t.key for t in self.seen.traces.values()}
        times = sorted(time for time, _ in keys)
        if rows.dates is None or not times or not times[0]:
            raise NotAssessed("rows or lines have no times")
        assets = {asset for _, asset in keys}
        chosen = [
            i
            for i in range(len(rows))
            if times[0] <= rows.time_of(i) <= times[-1] and rows.asset_of(i) in assets
        ]
        if not chosen:
            raise NotAssessed("no row is of the times of the trace")
        import numpy as np

        part = rows.take(np.array(chosen))
        orders = orders_of(subject, decisions_hook(subject), part)
        yield Examined(len(part), "decisions")
        for row, action in enumerate(orders.action):
            time, asset = _key(part, row)
            if action == "order" and (time, asset) not in keys:
                yield self.of_trace(
                    f"the order of {asset or 'all'} at {time} has no trace",
                    measured="no line",
                    expected=f"side {orders.side[row]:g}",
                    key=f"{time} {asset}",
                    cause="orders have no trace",
                )


class TracesReplay(Traced):
    """Traced decisions come about again from the same inputs.

    What it checks
        Each stage of each line: inputs, scaled vector, raw outputs, heads, gates, action.
    Why it matters
        What cannot be repeated cannot be audited.
    How
        The line's inputs go through the version's own hooks; the first stage that departs by more
        than rounding is named.
    Limitations
        Stages that the line or `explain.stages` lack are passed over.
    Remediation
        Look at the stage that is named: what stands before it is the same.
    Sources
        None.
    """

    code = "TRC006"

    def run(self, subject: Subject) -> Answers:
        """Replay every line."""
        if not self.seen.traces:
            raise NotApplicable("no line is a trace")
        yield Examined(len(self.seen.traces), "lines replayed")
        for departure in replayed(subject, self.seen.traces):
            yield self.of_trace(
                f"line {departure.line} departs at {departure.stage}: {departure.what}",
                measured=departure.measured,
                expected=departure.expected,
                key=f"line {departure.line}",
                cause=f"departs at {departure.stage}",
            )


WHOLE = (LinesAreTraces, TimesAreWhole, ValuesWereThere, VersionIsServed, ActionsAreTraced)
REPLAY = (LinesAreTraces, TracesReplay)
CHECKS = (*WHOLE, TracesReplay)


def _key(rows: Rows, row: int) -> tuple[str, str]:
    return rows.time_of(row), rows.asset_of(row)
