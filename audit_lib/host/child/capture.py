"""Records what a trainer fits on which rows, and where it writes, while it runs.

Watched estimators report every outermost ``fit``, ``transform`` and ``predict`` as one step, with
the rows that went in.  Outputs are learnt too, so that what is fitted on scaled values or on
predictions is traced back to rows.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from .changes import changed
from .rows import KNOWN_SHARE, Tracer, columns_of, marked, ranks, table_of
from .watching import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INPUT, LABEL = -1, -2
"""sources of rows that are no step: the features and the labels given"""
_ALIKE, _APART, _FEW = 0.8, 0.1, 20
"""rank correlation that is likeness, its lead over that of other rows, and the fewest scores"""
_SAID = 2000
_STACKED = 8
"""columns of scores of a stack that are looked at"""
_WIDE, _COMPARED, _SAME = 256, 200, 0.95
"""columns that are told apart, rows by which, and the rank correlation of a column with itself"""
_SAME_ORDER = 0.999
"""rank correlation of a prediction, or its size, with a column made of it"""
_NAMING = ("sklearn.", "lightgbm.", "xgboost.")
"""packages whose models keep the names of the columns they were fitted on"""
#: events that change what is said of a file, and not what stands in it or where it is
_METADATA = ("os.chown", "os.lchown", "os.chflags", "os.lchflags", "os.removexattr", "os.setxattr",
             "os.utime")  # fmt: skip


class Recorder:
    """The steps of one training."""

    def __init__(self, features: Any, labels: Any) -> None:
        """Learn the values that tell the rows."""
        self.steps: list[dict[str, Any]] = []
        self._objects: list[Any] = []
        self._outputs: list[_Output] = []
        self._means: list[_Output] = []
        self._members: list[Any] = []
        self._members_rows: Any = None
        self._marked = 0
        self._tracer = Tracer()
        table, answers = table_of(features), table_of(labels)
        self._given = table
        self._tracer.learn(table, np.arange(len(table)), INPUT)
        self._labels = [Tracer() for _ in range(answers.shape[1])]
        for tracer, label in zip(self._labels, answers.T):  # noqa: B905 - the child may be 3.9
            tracer.learn(label[:, None], np.arange(len(label)), LABEL)

    # --- what watched methods report --------------------------------------------------------
    def fitted(self, who: Any, x: Any, y: Any, begun: int, *, more: bool = False) -> None:
        """``who`` was fitted on ``x`` and ``y``; steps since ``begun`` happened within.

        Args:
            more: rows are added to those of its last fit, as ``partial_fit`` does.
        """
        if y is not None and self._label_of(x)[1] is not None:
            x, y = y, x  # outcomes before their scores
        table = table_of(x)
        rows, source = self._trace(table)
        resembles = 0.0
        if rows is None and table is not None and table.shape[1] == 1:
            rows, source, resembles = self._resembling(table[:, 0])
        label, by_label = self._label_of(y)
        if rows is None and by_label is not None:
            rows, source = by_label, LABEL
        before = self._last_fit(who) if more else None
        if before is not None and rows is not None and before["rows"] is not None:
            rows = np.concatenate([before["rows"], rows])
        number = self._step("fit", who, rows, source, table, begun)
        order = self._order(table, rows)
        self.steps[number] |= {
            "resembles": resembles,
            "below": self._frozen(who),
            "label": label,
            "sources": [] if table is None else self._tracer.sources_of(table),
            "order": order,
            "stacked": self._stacked(table, rows, [i for i, o in enumerate(order) if o < 0]),
            "named": hasattr(x, "columns") and type(who).__module__.startswith(_NAMING),
            "values": table if rows is None and table is not None and table.shape[1] == 1 else None,
            "chooses": hasattr(who, "get_support"),
            "digest": "" if table is None else blake2b(table.tobytes()).hexdigest(),
        }

    def _order(self, table: Any, rows: Any) -> list[int]:
        """Which given column each column follows, up to scale and sign; -1 for none, [] unknown."""
        if rows is None or table is None or len(rows) != len(table):
            return []  # known by its labels alone
        if not 2 <= table.shape[1] <= _WIDE:
            return []
        compared = np.flatnonzero(rows >= 0)[:_COMPARED]
        given = np.array([ranks(column) for column in self._given[rows[compared]].T])
        alike = np.abs(np.array([ranks(column) for column in table[compared].T]) @ given.T)
        best = alike.argmax(axis=1)
        return [int(b) if alike[i, b] >= _SAME else -1 for i, b in enumerate(best)]

    def _stacked(self, table: Any, rows: Any, places: list[int]) -> dict[str, Any]:
        """Predictions that columns beside features follow, by their number, for which rows."""
        followed: dict[str, Any] = {}
        for column in (table[:, place] for place in places[:_STACKED]):
            for output in self._outputs:
                both, here, there = np.intersect1d(rows, output.rows, return_indices=True)
                if len(both) > _FEW:
                    wanted, values = ranks(column[here]), output.values[there]
                    if (
                        max(abs(wanted @ ranks(values)), abs(wanted @ ranks(np.abs(values))))
                        >= _SAME_ORDER
                    ):
                        followed[str(output.number)] = both
        return followed

    def transformed(self, who: Any, x: Any, out: Any) -> Any:
        """``who`` made ``out`` of ``x``; the answer, with its values told apart."""
        number, rows = self._used("transform", who, x)
        answer = self._mark(out)
        columns = table_of(answer)
        if rows is not None and columns is not None and len(columns) == len(rows):
            traced = rows >= 0
            self._tracer.learn(columns[traced], rows[traced], number)
        return answer

    def predicted(self, who: Any, x: Any, out: Any) -> Any:
        """``who`` predicted ``out`` for ``x``; the answer, with its values told apart.

        A shallow tree gives many rows one value, and an imputer leaves values as they are.  Marks
        far below what any model means tell them apart, so that what is fitted on them can be
        traced.
        """
        number, rows = self._used("predict", who, x)
        heads = isinstance(out, dict)
        answer = {k: self._mark(v) for k, v in out.items()} if heads else self._mark(out)
        columns = [c for c in columns_of(answer) if rows is not None and len(c) == len(rows)]
        self._outputs += [_Output(number, column, rows) for column in columns]
        if columns and np.array_equal(rows, self.steps[number]["rows"]):
            self.steps[number]["values"] = np.column_stack(columns[:_STACKED])
        self._averaged(number, columns, rows)
        return answer

    def _averaged(self, number: int, columns: list[Any], rows: Any) -> None:
        """Learn the means of this prediction and those just before it of the same rows."""
        if len(columns) != 1 or not np.array_equal(self._members_rows, rows):
            self._members, self._members_rows = [], rows
        if len(columns) != 1:
            return
        self._members.append(columns[0])
        many = len(self._members)
        counts = {*range(2, min(many, _STACKED) + 1), many} - {1}
        means = [np.mean(self._members[-k:], axis=0) for k in sorted(counts)]
        self._means += [_Output(number, mean, rows) for mean in means]
        if means and np.array_equal(rows, self.steps[number]["rows"]):
            self.steps[number]["means"] = np.column_stack(means)

    def judged(self, who: Any, x: Any) -> None:
        """``who`` was judged on ``x`` while it was fitted, and maybe stopped by it."""
        rounds = getattr(who, "best_iteration_", None) or getattr(who, "best_iteration", None)
        self.steps[self._used("predict", who, x)[0]]["stops"] = bool(rounds and rounds > 0)

    def unseen(self, name: str) -> None:
        """Something was fitted where it cannot be watched."""
        self.steps.append(_record("fit", len(self._objects), name, len(self.steps)))
        self._objects.append(name)

    def _used(self, op: str, who: Any, x: Any) -> tuple[int, Any]:
        """Note that ``who`` was given ``x``: number of the step, and the rows of ``x``."""
        table = table_of(x)
        rows, source = self._trace(table)
        return self._step(op, who, rows, source, table), rows

    def _mark(self, out: Any) -> Any:
        answer = marked(out, self._marked)
        self._marked += len(out) if answer is not out else 0
        return answer

    def _step(
        self, op: str, who: Any, rows: Any, source: Any, table: Any, begun: int | None = None
    ) -> int:
        number = self._number(who)
        if number is None:
            number = len(self._objects)
            self._objects.append(who)  # kept alive: an id would be used again
        kind = who if isinstance(who, type) else type(who)
        count, columns = (0, 0) if table is None else table.shape
        last = self.steps[-1] if self.steps else None
        if (
            op == "predict"
            and last is not None
            and (last["op"], last["object"], last.get("stops", False)) == (op, number, False)
            and rows is not None
            and last["rows"] is not None
            and np.array_equal(np.sort(last["rows"]), np.sort(rows))
            and np.array_equal(last["source"], source)
        ):
            return len(self.steps) - 1  # the same rows again, as in permutation importance
        begun = len(self.steps) if begun is None else begun
        seen = {"rows": rows, "source": source, "count": count, "columns": columns}
        self.steps.append(_record(op, number, kind.__name__, begun) | seen)
        return len(self.steps) - 1

    def _number(self, who: Any) -> int | None:
        return next((i for i, other in enumerate(self._objects) if other is who), None)

    def _last_fit(self, who: Any) -> dict[str, Any] | None:
        number = self._number(who)
        own = [s for s in self.steps if s["op"] == "fit" and s["object"] == number]
        return own[-1] if own else None

    def _frozen(self, who: Any) -> int | None:
        """The fitted model that a calibrator of scikit-learn is put on, if there is one."""
        if not type(who).__module__.startswith("sklearn.calibration"):
            return None
        inner = getattr(who, "estimator", None)
        inner = getattr(inner, "estimator", inner)
        return self._number(inner) if self._last_fit(inner) is not None else None

    def _trace(self, table: Any) -> tuple[Any, Any]:
        """Rows (n,), -1 where unknown, and the step they come from; for scores one for each."""
        if table is None or len(table) == 0:
            return None, None
        rows, source = self._tracer.rows_of(table)
        for column in table.T[:_STACKED] if rows is None else ():
            rows, source = self._from_predictions(column)
            if rows is not None:
                break
        return rows, source

    def _label_of(self, y: Any) -> tuple[int | None, Any]:
        """Which label a model learns, and the rows of its values; both None where unknown."""
        table = None if y is None else table_of(y)
        if table is None or len(table) == 0:
            return None, None
        for number, tracer in enumerate(self._labels):
            rows, _ = tracer.rows_of(table)
            if rows is not None:
                return number, rows
        return None, None

    def _from_predictions(self, scores: Any) -> tuple[Any, Any]:
        """Rows of scores that steps before have predicted, in whatever order they stand now."""
        rows = np.full(len(scores), -1, dtype=np.int64)
        sources = np.full(len(scores), -1, dtype=np.int64)
        for output in (*reversed(self._outputs), *reversed(self._means)):
            left = np.flatnonzero(sources < 0)
            if len(left) == 0:
                break
            place = np.minimum(np.searchsorted(output.ordered, scores[left]), len(output.rows) - 1)
            hit = output.ordered[place] == scores[left]
            rows[left[hit]] = output.owners[place[hit]]
            sources[left[hit]] = output.number
        return (rows, sources) if (rows >= 0).mean() >= KNOWN_SHARE else (None, None)

    def _resembling(self, scores: Any) -> tuple[Any, Any, float]:
        """Rows of scores that were changed on the way, where one prediction alone is like them.

        Magnitudes, distances from one half and averages of models keep the order of a prediction,
        or nearly; its first or its last rows are tried.
        """
        n = len(scores)
        wanted, other = ranks(scores), 0.0
        best: tuple[float, _Output | None, int] = (0.0, None, 0)
        for output in self._outputs:
            for start in {0, len(output.rows) - n} if len(output.rows) >= n > _FEW else ():
                part = output.values[start : start + n]
                alike = max(
                    abs(float(wanted @ ranks(p))) for p in (part, np.abs(part), np.abs(part - 0.5))
                )
                rows = output.rows[start : start + n]
                same = best[1] is not None and np.array_equal(
                    np.sort(best[1].rows[best[2] : best[2] + n]), np.sort(rows)
                )
                if alike > best[0]:
                    other = other if same else max(other, best[0])
                    best = (alike, output, start)
                elif not same:
                    other = max(other, alike)
        alike, found, start = best
        if found is None or alike < _ALIKE or other > alike - _APART:
            return None, None, 0.0
        return found.rows[start : start + n], np.full(n, found.number), alike


class _Output:
    """One column of a prediction, and whose it is."""

    def __init__(self, number: int, values: Any, rows: Any) -> None:
        order = np.argsort(values)
        self.number, self.values, self.rows = number, values, rows
        self.ordered, self.owners = values[order], rows[order]


def _record(op: str, number: int, name: str, begun: int) -> dict[str, Any]:
    """A step of an object, of which no rows are known."""
    step = {"op": op, "object": number, "kind": name, "begun": begun}
    return {**step, "rows": None, "source": None, "count": 0, "columns": 0}


def recorded(train: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """The hook ``retrain.train``, answering what it fitted on which rows and where it wrote.

    Where it fails after it tried to write elsewhere, that is still answered, with how it failed.
    """

    def call(at: Any, features: Any, labels: Any) -> dict[str, Any]:
        recorder = Recorder(features, labels)
        name, failed = None, ""
        with watching(recorder), writes(at) as written:
            try:
                answer = train(at, features, labels)
                name = answer if isinstance(answer, str) else None
            except Exception as error:
                if not written:
                    raise
                failed = f"{type(error).__name__}: {error}"[:_SAID]
        steps = recorder.steps
        return {"version": name, "steps": steps, "writes": sorted(written), "failed": failed}

    return call


@contextmanager
def writes(at: Any) -> Iterator[set[str]]:
    """Paths outside the store and the scratch folders that something was written to.

    In vain or not; only what goes through Python is seen.
    """
    home, temporary = os.environ.get("HOME", ""), os.environ.get("TMPDIR", "")
    free = [temporary, home] if os.path.dirname(home) == os.path.dirname(temporary) else []
    folders = [os.path.realpath(str(p)) for p in (at.store, at.scratch, *free)]
    allowed = [folder + os.sep for folder in folders]
    written: set[str] = set()
    active = [True]

    def listen(event: str, args: tuple[Any, ...]) -> None:
        for path in _written(event, args) if active[0] else ():
            real = os.path.realpath(path)
            if real in folders or "__pycache__" in real:
                continue
            if not real.startswith((*allowed, "/dev/", "/proc/")):
                written.add(real)

    sys.addaudithook(listen)  # cannot be taken away again, only silenced
    try:
        yield written
    finally:
        active[0] = False


def _written(event: str, args: tuple[Any, ...]) -> list[str]:
    """Paths that an audit event is about to write, make, move or remove."""
    if event in _METADATA:
        return []
    if event == "sqlite3.connect":
        paths = [] if isinstance(args[0], int) else [os.fsdecode(args[0])]
    else:
        paths = changed(event, args)
    if event in ("os.mkdir", "sqlite3.connect"):  # what is there already is not made
        return [path for path in paths if not os.path.exists(path)]
    # A file by its descriptor was opened before, and was seen then.
    return [path for path in paths if os.path.dirname(path) != "/proc/self/fd"]
