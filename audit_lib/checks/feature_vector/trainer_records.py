from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats, Integers
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.training.provenance import STATISTICS
from audit_lib.probes.training.record import Training
from audit_lib.probes.training.steps import HOOK, trained
from audit_lib.subject.documents import read_document
from audit_lib.subject.pointers import pointer_to

Statistics = list[tuple[str, pd.Index, Floats]]
CLOSE = 1e-7
"""relative difference of a recorded number that is the same; another set of rows differs more"""


class RecordedNumbersComeFromTrainRows(Check):
    """Statistics that training records for serving are those of train rows.

    What it checks
        No number in what the trainer stores (medians for imputation, scales, the spread of the
        label that predictions are clipped to) is a statistic of all rows, where every model was
        fitted on fewer.
    Why it matters
        Such a number was made before the split. It lets the judged period shape what is served,
        and often shows that more was made there.
    How
        Drives the trainer once on made-up data (`retrain.train`), reads the JSON and YAML that it
        stores, and recomputes mean, median, deviations and range of every label and feature on
        all rows and on the rows of every model. A number that only all rows reproduce, to seven
        digits, names its origin.
    Limitations
        Reads text metadata; statistics of other transformations of a column are not recognised.
        What the version says of its labels (artifacts.fields.targets) is left out.
        A number may be there for the record only: the finding says which it is.
    Remediation
        Compute what is stored for serving after the split, from the rows of the final fit.
    Sources
        Kaufman et al. (2012), Leakage in Data Mining, ACM TKDD 6(4); Kapoor and Narayanan (2023),
        Patterns 4(9), L1.2.
    """

    code = "FEA122"
    severity = Severity.MEDIUM
    needs = (HOOK,)

    def run(self, subject: Subject) -> Answers:
        """Recompute what training stored."""
        training = trained(subject)
        numbers = []
        for file in [p for p in training.written() if p.suffix in (".json", ".yaml", ".yml")]:
            try:
                numbers += [(file, p, v) for p, v in _numbers(subject, training, file)]
            except NotAssessed as error:
                yield Gap(file.as_posix(), str(error))
        if not numbers:
            raise NotAssessed(f"{HOOK} stored no JSON or YAML with numbers to recompute")
        whole, parts = _sets(training)
        if not parts or any(len(part) == len(whole) for part in parts):
            raise NotAssessed("a model was fitted on all rows, so their statistics prove nothing")
        of_all = _statistics(training, whole)
        of_parts = [_statistics(training, part) for part in parts]
        rows = []
        places: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for file, pointer, value in numbers:
            origin = _origin(of_all, value)
            if origin is None or any(_origin(part, value) for part in of_parts):
                continue
            names = ("{version}" if part == training.version else part for part in file.parts)
            shown = "/".join(names)
            rows.append((shown, pointer, value, origin, len(whole)))
            places.setdefault((shown, pointer.rpartition("/")[0]), []).append((pointer, origin))
        for (shown, above), cases in places.items():
            pointer, origin = cases[0]
            many = f"{len(cases)} numbers below {above}" if len(cases) > 1 else pointer
            such = f"such as {pointer}, " if len(cases) > 1 else ""
            yield self.departs(
                f"{many} in {shown}, {such}the {origin}, "
                f"come{'s' * (len(cases) == 1)} from all {len(whole)} rows; models were fitted on "
                f"at most {max(map(len, parts))}",
                measured=f"{origin} of all rows",
                expected="train rows",
                key=f"{shown} {above if len(cases) > 1 else pointer}",
                cause=f"{origin} of all rows",
                evidence=("numbers",),
            )
        heads = ("file", "number", "value", "is the", "rows")
        yield Evidence("numbers", "Recorded statistics that only all rows give", heads, tuple(rows))
        yield Examined(len(numbers), "recorded numbers")


def _numbers(subject: Subject, training: Training, file: Path) -> Iterator[tuple[str, float]]:
    """Every number with a fraction in a document, by its pointer; not what describes the labels."""
    artifacts = subject.parameters.artifacts
    described = artifacts.fields.targets if artifacts else None
    document = read_document(training.store / file, path=file.as_posix(), base="artifacts")
    for pointer, value in _leaves(document.get(""), ""):
        if described is None or not pointer.startswith(f"{described}/"):
            yield pointer, value


def _leaves(data: Any, pointer: str) -> Iterator[tuple[str, float]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, pointer + pointer_to(str(key)))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _leaves(value, f"{pointer}/{number}")
    elif isinstance(data, float) and np.isfinite(data) and data != round(data):
        yield pointer, data


def _sets(training: Training) -> tuple[Integers, list[Integers]]:
    """All rows that were used, and those of every model; a last fit for serving among them."""
    whole = np.unique(np.concatenate([s.rows for s in training.steps if s.rows is not None]))
    scaling = {s.object for s in training.steps if s.op == "transform"}
    fits = [s.rows for s in training.steps if s.op == "fit" and s.object not in scaling]
    distinct = {rows.tobytes(): rows for rows in fits if rows is not None}
    return whole, list(distinct.values())


def _statistics(training: Training, rows: Integers) -> Statistics:
    """Every statistic of every label and feature over these rows: its name, and the values."""
    return [
        (f"{statistic} of {what}", frame.columns, make(frame.to_numpy(np.float64)[rows]))
        for what, frame in (("label", training.labels), ("feature", training.features))
        for statistic, make in STATISTICS.items()
    ]


def _origin(statistics: Statistics, value: float) -> str | None:
    """Which of the statistics the value is."""
    for name, columns, values in statistics:
        near = np.flatnonzero(np.abs(values - value) <= CLOSE * np.abs(value))
        if len(near):
            return f"{name} {columns[near[0]]}"
    return None
