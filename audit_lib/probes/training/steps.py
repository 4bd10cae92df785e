"""What the subject's own trainer does with rows: driven on made-up data, watched by the host.

Every number of the made-up table stands in one cell only, so that the rows behind each fit,
transformation and prediction are known, whatever the trainer does between (selecting columns,
sorting, scaling).  Labels follow the features closely, so that gates on quality let them pass.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.errors import NotAssessed
from audit_lib.probes.labels.label_facts import horizon_of, horizons_of
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, mapping
from audit_lib.probes.training.made_up_table import made_up
from audit_lib.probes.training.record import Step, Training, files_of
from audit_lib.subject.subject import Subject

HOOK = "retrain.train"
MANY = 20
"""dates that must follow a fit before it is asked whether it reads them"""


def trained(subject: Subject) -> Training:
    """Drive the trainer once for this subject and version.

    Raises:
        NotAssessed: there is no such hook, it does not answer, or nothing that it fitted is known.
    """
    training = attempted(subject)
    if training.failed:
        raise NotAssessed(f"{HOOK} does not train on made-up data: raised {training.failed}")
    if not any(s.op == "fit" and s.rows is not None for s in training.steps):
        raise NotAssessed(
            f"{HOOK} fitted nothing that could be traced: name the subject's own estimators with "
            "audit_lib.hooks.watch, and train on the numbers as they are given"
        )
    return training


def attempted(subject: Subject) -> Training:
    """The same, also where the training failed after it tried to write elsewhere."""
    return samples.once(subject, "training", lambda: _train(subject, *made_up(subject)))


def later_rows_read(subject: Subject, training: Training) -> dict[str, bool | None]:
    """Whether fits known by their labels only read rows long after their own, by their kind.

    Trains again on a table of which the later half of what follows the earliest of these fits is
    altered: what it was fitted on must be the same numbers.  None where that cannot be told: few
    rows follow, predictions came before (which folds may make of later rows), or what is fitted on
    differs from one training to the next.
    """
    unsettled = training.scaling_unknown()
    answers = [s.number for s in training.steps if s.op == "predict"]
    reads_later: dict[str, bool | None] = dict.fromkeys(s.kind for s in unsettled)
    ends = {s.number: int(training.at[s.rows].max()) for s in unsettled if s.rows is not None}
    first, last = min(ends.values(), default=0), int(training.at.max())
    late = training.at > (first + last) // 2
    early = [
        s
        for s in unsettled
        if ends.get(s.number) == first and s.number < min(answers, default=s.number + 1)
    ]
    if not early or last - first < MANY:
        return reads_later
    altered = training.features + late[:, None] * (2.0 * training.features + 1.0)
    other, again = (
        {s.number: s.digest for s in _train(subject, table, training.labels).steps}
        for table in (altered, training.features)
    )
    steady = [s for s in early if again.get(s.number) == s.digest and s.number in other]
    reads_later |= {s.kind: False for s in steady}
    return reads_later | {s.kind: True for s in steady if other[s.number] != s.digest}


def _train(subject: Subject, features: pd.DataFrame, labels: pd.DataFrame) -> Training:
    hook = subject.hook(HOOK)
    horizon, origin = horizon_of(subject)
    store = subject.scratch_store()
    before = files_of(store)
    reply = ask(hook.on(store), features, labels, into=mapping)
    places = {str(store): "<store>", str(subject.root): "<source>"}
    if not reply.answered:
        raise NotAssessed(f"{HOOK} does not train on made-up data: {_placed(reply.why, places)}")
    dates = features.index.get_level_values("date")
    calendar = dates.unique().sort_values()
    return Training(
        features=features,
        labels=labels,
        at=np.asarray(calendar.get_indexer(dates), dtype=np.int64),
        calendar=calendar,
        horizon=horizon,
        known=origin,
        horizons=horizons_of(subject),
        failed=_placed(reply.got["failed"], places),
        steps=tuple(_step(number, raw) for number, raw in enumerate(reply.got["steps"])),
        writes=tuple(Path(p) for p in reply.got["writes"]),
        store=store,
        before=before,
        version=reply.got["version"],
    )


def _placed(text: str, places: dict[str, str]) -> str:
    for path, name in places.items():
        text = text.replace(path, name)
    return text


def _step(number: int, raw: dict[str, Any]) -> Step:
    fields = raw | {k: as_kept(raw[k]) for k, as_kept in _KEPT.items() if raw.get(k) is not None}
    if raw["rows"] is not None:
        owners, source = np.asarray(raw["rows"], dtype=np.int64), raw["source"]
        if isinstance(source, np.ndarray):
            numbers = np.unique(source[source >= 0])
            fields["scores"] = {int(n): np.unique(owners[source == n]) for n in numbers}
            fields["source"] = None
        fields |= {"owners": owners, "rows": np.unique(owners[owners >= 0])}
    return Step(number=number, **fields)


_KEPT: dict[str, Callable[[Any], Any]] = {
    "sources": tuple,
    "order": tuple,
    "stacked": lambda parts: {int(n): np.asarray(r, np.int64) for n, r in parts.items()},
    "values": lambda values: np.asarray(values, np.float64),
    "means": lambda means: np.asarray(means, np.float64),
}
