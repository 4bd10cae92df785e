"""Records what a trainer fits on which rows, and where it writes, while it runs.

Watched estimators report every outermost ``fit``, ``transform`` and ``predict`` as one step, with
the rows that went in.  Outputs are learnt too, so that what is fitted on scaled values or on
predictions is traced back to rows.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from .rows import KNOWN_SHARE, Tracer, columns_of, marked, table_of
from .watching import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INPUT, LABEL = -1, -2
"""sources of rows that are no step: the features and the labels given"""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Recorder:
    """The steps of one training."""

    def __init__(self, features: Any, labels: Any) -> None:
        """Learn the values that tell the rows."""
        self.steps: list[dict[str, Any]] = []
        self._objects: list[Any] = []
        self._outputs: list[tuple[int, Any, Any]] = []
        self._tracer, self._label_tracer = Tracer(), Tracer()
        for tracer, frame, source in (
            (self._label_tracer, labels, LABEL),
            (self._tracer, features, INPUT),
        ):
            table = table_of(frame)
            tracer.learn(table, np.arange(len(table)), source)

    # --- what watched methods report --------------------------------------------------------
    def fitted(self, who: Any, x: Any, y: Any, begun: int) -> None:
        """``who`` was fitted on ``x`` and ``y``; steps since ``begun`` happened within."""
        table = table_of(x)
        rows, source = self._trace(table)
        if rows is None and y is not None:
            rows, source = self._label_tracer.rows_of(table_of(y))
        self._step("fit", who, rows, source, table, begun)

    def transformed(self, who: Any, x: Any, out: Any) -> None:
        """``who`` made ``out`` of ``x``."""
        table, made = table_of(x), table_of(out)
        rows, source = self._trace(table)
        number = self._step("transform", who, rows, source, table)
        if rows is not None and made is not None and len(made) == len(rows):
            known = rows >= 0
            self._tracer.learn(made[known], rows[known], number)

    def predicted(self, who: Any, x: Any, out: Any) -> Any:
        """``who`` predicted ``out`` for ``x``; the answer, with its values told apart.

        A shallow tree gives many rows one value.  They are moved by parts in 1e13, far below what
        any model means, so that what is fitted on them can be traced to rows.
        """
        table = table_of(x)
        rows, source = self._trace(table)
        number = self._step("predict", who, rows, source, table)
        answer = {k: marked(v) for k, v in out.items()} if isinstance(out, dict) else marked(out)
        for column in columns_of(answer):
            if rows is not None and len(column) == len(rows):
                order = np.argsort(column)
                self._outputs.append((number, column[order], rows[order]))
        return answer

    def _step(
        self, op: str, who: Any, rows: Any, source: Any, table: Any, begun: int | None = None
    ) -> int:
        # kept alive: an id would be used again
        known = next((i for i, other in enumerate(self._objects) if other is who), None)
        if known is None:
            known = len(self._objects)
            self._objects.append(who)
        kind = who if isinstance(who, type) else type(who)
        count, columns = (0, 0) if table is None else table.shape
        last = self.steps[-1] if self.steps else None
        if (
            op == "predict"
            and last is not None
            and (last["op"], last["object"]) == (op, known)
            and rows is not None
            and last["rows"] is not None
            and np.array_equal(np.sort(last["rows"]), np.sort(rows))
            and np.array_equal(last["source"], source)
        ):
            return len(self.steps) - 1  # the same rows again, as in permutation importance
        self.steps.append(
            {
                "op": op,
                "object": known,
                "class": kind.__name__,
                "rows": rows,
                "source": source,
                "count": count,
                "columns": columns,
                "begun": len(self.steps) if begun is None else begun,
            }
        )
        return len(self.steps) - 1

    def _trace(self, table: Any) -> tuple[Any, Any]:
        """Rows (n,), -1 where unknown, and the step they come from; for scores one for each."""
        if table is None or len(table) == 0:
            return None, None
        rows, source = self._tracer.rows_of(table)
        if rows is None and table.shape[1] == 1:
            return self._from_predictions(table[:, 0])
        return rows, source

    def _from_predictions(self, scores: Any) -> tuple[Any, Any]:
        """Rows of scores that steps before have predicted, in whatever order they stand now."""
        rows = np.full(len(scores), -1, dtype=np.int64)
        sources = np.full(len(scores), -1, dtype=np.int64)
        for number, values, owners in reversed(self._outputs):
            left = np.flatnonzero(sources < 0)
            if len(left) == 0:
                break
            place = np.minimum(np.searchsorted(values, scores[left]), len(values) - 1)
            hit = values[place] == scores[left]
            rows[left[hit]] = owners[place[hit]]
            sources[left[hit]] = number
        return (rows, sources) if (rows >= 0).mean() >= KNOWN_SHARE else (None, None)


def recorded(train: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The hook ``retrain.train``, answering what it fitted on which rows and where it wrote."""

    def call(at: Any, features: Any, labels: Any) -> dict[str, Any]:
        recorder = Recorder(features, labels)
        with watching(recorder), writes(at) as written:
            answer = train(at, features, labels)
        name = answer if isinstance(answer, str) else None
        return {"version": name, "steps": recorder.steps, "writes": sorted(written)}

    return call


@contextmanager
def writes(at: Any) -> Iterator[set[str]]:
    """Paths outside the store and the scratch folders that were opened for writing.

    In vain or not; only what goes through Python is seen.
    """
    home, temporary = os.environ.get("HOME", ""), os.environ.get("TMPDIR", "")
    free = [temporary, home] if os.path.dirname(home) == os.path.dirname(temporary) else []
    allowed = [os.path.realpath(str(p)) + os.sep for p in (at.store, at.scratch, *free)]
    found: set[str] = set()
    active = [True]

    def listen(event: str, args: tuple[Any, ...]) -> None:
        if event != "open" or not active[0] or len(args) < 3:
            return
        path, _, flags = args
        if isinstance(path, (str, bytes)) and isinstance(flags, int) and flags & _WRITING:
            real = os.path.realpath(os.fsdecode(path))
            if not real.startswith((*allowed, "/dev/", "/proc/")) and "__pycache__" not in real:
                found.add(real)

    sys.addaudithook(listen)  # cannot be taken away again, only silenced
    try:
        yield found
    finally:
        active[0] = False
