"""Many questions to one hook in few round trips, and whether a row's answer is its own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.errors import NotAssessed
from audit_lib.explain.rows import Rows
from audit_lib.probes.questions.asking import Reply, ask, ask_many, frame
from audit_lib.subject.hooks import Hook

#: most cells that are sent in one call: 32 MB of numbers
CELLS = 4_000_000
#: rows on which it is tried whether a row's answer depends on the rows beside it
TRIED = 40


@dataclass(frozen=True)
class HookFunction:
    """A hook as a function of tables: ``(n, columns)`` to ``(n, names)``.

    Attributes:
        names: of the answers, such as the heads.
        together: True where rows of several tables may be asked about in one table, since a row's
            answer does not depend on the rows beside it.
    """

    hook: Hook
    names: tuple[str, ...]
    read: Callable[[pd.DataFrame], pd.DataFrame]
    together: bool

    def __call__(self, tables: Sequence[pd.DataFrame]) -> list[Floats]:
        """HookFunction to each table, one array of shape (rows, names) each."""
        if not self.together:
            replies = ask_many(self.hook, [(t,) for t in tables], into=lambda raw: raw)
            return [self._taken(r, len(t)) for r, t in zip(replies, tables, strict=True)]
        whole = pd.concat(tables) if len(tables) > 1 else tables[0]
        step = max(1, CELLS // max(whole.shape[1], 1))
        parts = [whole.iloc[i : i + step] for i in range(0, len(whole), step)]
        got = [self._taken(ask(self.hook, p, into=lambda raw: raw), len(p)) for p in parts]
        ends = np.cumsum([len(t) for t in tables])[:-1]
        return np.split(np.concatenate(got), ends)

    def one(self, table: pd.DataFrame) -> Floats:
        """HookFunction to one table."""
        return self([table])[0]

    def _taken(self, reply: Reply[pd.DataFrame], rows: int) -> Floats:
        reply.needed(f"{self.hook.name} does not answer:")
        return _numbers(self.hook.name, self.read(frame(reply.got)), self.names, rows)


def heads_of(hook: Hook, rows: Rows, rng: np.random.Generator) -> HookFunction:
    """The heads of a predictor, as many as answer numbers.

    Raises:
        NotAssessed: it does not answer, or no head answers numbers.
    """
    return _answers(hook, rows, rng, _numeric_columns)


def decisions_of(hook: Hook, rows: Rows, rng: np.random.Generator) -> HookFunction:
    """Side and signed size of the decisions.

    Raises:
        NotAssessed: they do not answer, or give no side.
    """
    return _answers(hook, rows, rng, _sided)


def _answers(
    hook: Hook,
    rows: Rows,
    rng: np.random.Generator,
    read: Callable[[pd.DataFrame], pd.DataFrame],
) -> HookFunction:
    first = rows.drawn(TRIED, rng, whole_dates=True)
    some = first.table.iloc[: 4 * TRIED]
    reply = ask(hook, some, into=frame).needed(f"{hook.name} does not answer:")
    answer = read(reply)
    names = tuple(map(str, answer.columns))
    if not names:
        raise NotAssessed(f"{hook.name} answers no column of numbers")
    apart = HookFunction(hook, names, read, together=False)
    mixed = some.iloc[rng.permutation(len(some))].set_axis(some.index)
    alone = apart([some, mixed])
    try:
        beside = HookFunction(hook, names, read, together=True)([some, mixed])
    except NotAssessed:
        return apart
    same = all(np.allclose(a, b, 1e-9, 1e-12, True) for a, b in zip(alone, beside, strict=True))
    return HookFunction(hook, names, read, together=same)


def _numeric_columns(answer: pd.DataFrame) -> pd.DataFrame:
    kinds = answer.dtypes
    return answer.loc[:, [pd.api.types.is_numeric_dtype(k) for k in kinds]]


def _sided(answer: pd.DataFrame) -> pd.DataFrame:
    if "side" not in answer:
        raise NotAssessed("the decisions have no column 'side'")
    side = pd.to_numeric(answer["side"], errors="coerce")
    columns = {"decision": side}
    if "size" in answer:
        columns["position"] = side * pd.to_numeric(answer["size"], errors="coerce")
    return pd.DataFrame(columns, index=answer.index)


def _numbers(hook: str, answer: pd.DataFrame, names: tuple[str, ...], rows: int) -> Floats:
    if len(answer) != rows:
        raise NotAssessed(f"{hook} answers {len(answer)} rows to {rows}")
    answer = answer.rename(columns=str)
    missing = [n for n in names if n not in answer]
    if missing:
        raise NotAssessed(f"{hook} answers without {missing[0]!r}, which it had before")
    # Minus zero is zero, and so it is called.
    return answer.loc[:, list(names)].to_numpy(dtype=np.float64, na_value=np.nan) + 0.0
