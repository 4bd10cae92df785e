"""What the subject's own trainer does with rows: driven on made-up data, watched by the host.

Every number of the made-up table stands in one cell only, so that the rows behind each fit,
transformation and prediction are known, whatever the trainer does between (selecting columns,
sorting, scaling).  Labels follow the features closely, so that gates on quality let them pass.
"""

from pathlib import Path
from typing import Any

import numpy as np

from audit_lib.errors import NotAssessed
from audit_lib.probes.labels.label_facts import horizon_of, horizons_of
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, mapping
from audit_lib.probes.training.made_up_table import made_up
from audit_lib.probes.training.record import Step, Training, files_of
from audit_lib.subject.subject import Subject

HOOK = "retrain.train"


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
    return samples.once(subject, "training", lambda: _train(subject))


def _train(subject: Subject) -> Training:
    hook = subject.hook(HOOK)
    horizon, known = horizon_of(subject)
    features, labels = made_up(subject)
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
        known=known,
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
    rows, source = raw["rows"], raw["source"]
    scores, owners = {}, None
    if rows is not None:
        found = np.asarray(rows, dtype=np.int64)
        if isinstance(source, np.ndarray):
            scores = {int(n): np.unique(found[source == n]) for n in np.unique(source[source >= 0])}
            source = None
        owners = found
        rows = np.unique(found[found >= 0])
    return Step(
        number=number,
        op=raw["op"],
        object=raw["object"],
        kind=raw["class"],
        rows=rows,
        source=source,
        count=raw["count"],
        columns=raw["columns"],
        begun=raw["begun"],
        resembles=raw["resembles"],
        below=raw["below"],
        label=raw["label"],
        sources=tuple(raw["sources"]),
        order=tuple(raw["order"]),
        named=raw["named"],
        stateless=raw["stateless"],
        chooses=raw["chooses"],
        scores=scores,
        stacked={int(n): np.asarray(r, dtype=np.int64) for n, r in raw["stacked"].items()},
        values=None if raw["values"] is None else np.asarray(raw["values"], dtype=np.float64),
        owners=owners,
    )
