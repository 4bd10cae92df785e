"""The account as a circumstance of decisions: states of it, and what orders become in each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.probes.prediction.orders import (
    PATHS,
    RULES,
    feature_scenarios,
    orders,
    prediction_grid,
)
from audit_lib.probes.questions.asking import Reply, ask, ask_many, mapping, number
from audit_lib.probes.questions.samples import spread
from audit_lib.subject.hooks import Hook
from audit_lib.subject.parameters import AccountField
from audit_lib.subject.subject import Subject

State = Mapping[str, float]
AT_REST = "decisions.account"
ROWS = 200
"""rows among which orders are looked for"""


@dataclass(frozen=True)
class Decided:
    """Orders, and the state that they leave behind where the hook tells it."""

    orders: pd.DataFrame
    after: dict[str, float] | None = None


@dataclass(frozen=True)
class Path:
    """A path that takes the account, and rows on which it trades while the account is at rest.

    Attributes:
        name: its hook.
        hook: the same, to call.
        table: the rows.
        sizes: side times size of each at rest.
        idle: a row on which it wants no order at all; None where there is no such row.
    """

    name: str
    hook: Hook
    table: pd.DataFrame
    sizes: Floats
    idle: pd.DataFrame | None = None

    def ask(self, *states: State) -> list[Reply[Decided]]:
        """What it decides about the rows in each state."""
        return ask_many(self.hook, [(self.table, None, dict(s)) for s in states], into=decided)


def decided(raw: object) -> Decided:
    """Orders alone, or with the state that they leave behind."""
    if isinstance(raw, dict) and "orders" in raw:
        after = raw.get("account")
        state = None if after is None else {k: number(v) for k, v in mapping(after).items()}
        return Decided(orders(raw["orders"]), state)
    return Decided(orders(raw))


def at_rest(subject: Subject) -> dict[str, float]:
    """The account in which nothing is lost and nothing open.

    Raises:
        NotApplicable: no decision of the subject looks at an account.
        NotAssessed: the account is declared in part only, or not answered.
    """
    fields, written = subject.parameters.account, subject.has(AT_REST)
    if not fields and not written:
        raise NotApplicable("decisions look at no account (no `account` in subject.yaml)")
    if not fields:
        raise NotAssessed(
            f"{AT_REST} is written; say in subject.yaml what limits look at: "
            "`account: {drawdown: {worst: 0.5, limit: 0.2}}`"
        )
    reply = ask(subject.hook(AT_REST), into=mapping).needed(AT_REST)
    missing = [name for name in fields if name not in reply]
    if missing:
        raise NotAssessed(f"{AT_REST} answers no {missing[0]!r}, which `account` declares")
    return {name: number(value) for name, value in reply.items()}


def paths(subject: Subject, rest: State, *, rows: int, seed: int) -> Iterator[Path | str]:
    """Paths that take the account, on rows that they trade; why not, for the others written."""
    for group in (PATHS, RULES):
        written = [hook for hook in group if subject.has(hook)]
        taking = [hook for hook in written if subject.takes(hook, "account")]
        if not taking:
            continue
        yield from (
            f"{h} takes no account, and {taking[0]} does; where it looks at none, let it take one"
            for h in written
            if h not in taking
        )
        tables = (
            (given for _, given in feature_scenarios(subject, rows=ROWS, seed=seed))
            if group == PATHS
            else iter([prediction_grid(subject, rows=ROWS, seed=seed)])
        )
        yield from _trading(subject, taking, tables, rest, rows)


def _trading(
    subject: Subject, taking: list[str], tables: Iterator[pd.DataFrame], rest: State, rows: int
) -> Iterator[Path | str]:
    """Paths on rows that all of them trade alike, where there are such; else on their own.

    Args:
        tables: rows to look for orders in; the next one where the last has none.
    """
    traded: dict[str, Floats] = {}
    idle: dict[str, pd.DataFrame] = {}
    for given in tables:
        silent: dict[str, str] = {}
        for name in taking:
            reply = ask(subject.hook(name), given, None, dict(rest), into=decided)
            if reply.answered and np.any(traded_sizes := sizes(reply.got, given.index)):
                traded[name] = traded_sizes
                gate = reply.got.orders["gate"].reindex(given.index)
                still = (traded_sizes == 0) & (gate == "").to_numpy()
                idle |= {name: given.iloc[[int(np.argmax(still))]]} if still.any() else {}
            else:
                silent[name] = reply.why or "it places no order while the account is at rest"
        if traded:
            break
    yield from (f"{name}: {why}" for name, why in silent.items())
    if not traded:
        return
    first, *others = traded.values()
    alike = (first != 0) & np.all([np.isclose(first, o) for o in [first, *others]], axis=0)
    for name, traded_sizes in traded.items():
        table = spread(given[alike if alike.any() else traded_sizes != 0], rows)
        reply = ask(subject.hook(name), table, None, dict(rest), into=decided)
        if reply.answered:
            rest_sizes = sizes(reply.got, table.index)
            yield Path(name, subject.hook(name), table, rest_sizes, idle.get(name))
        else:
            yield f"{name}: {reply.why}"


def sizes(decision: Decided, index: pd.Index) -> Floats:
    """Side times size of each row; 0 where there is no order."""
    signed = decision.orders["side"] * decision.orders["size"]
    return signed.reindex(index).fillna(0.0).to_numpy(np.float64)


def levels(rest: float, field: AccountField, *, draws: int, rng: np.random.Generator) -> Floats:
    """Values of one field from rest to its worst, drawn, with those around its limit."""
    drawn = rest + (field.worst - rest) * np.sort(rng.uniform(0, 1, draws))
    around = []
    if field.limit is not None:
        step = 1.0 if field.whole else 1e-6 * abs(field.worst - rest)
        around = [field.limit - step, field.limit, field.limit + step]
    values = np.concatenate([drawn, around, [field.worst]])
    values = np.round(values) if field.whole else values
    low, high = sorted((rest, field.worst))
    return _towards(np.unique(values[(values >= low) & (values <= high)]), rest)


def _towards(values: Floats, rest: float) -> Floats:
    return values[np.argsort(np.abs(values - rest), kind="stable")]


def threshold(
    path: Path, rest: State, name: str, low: float, high: float, field: AccountField, within: float
) -> float | None:
    """Value of one field from which the orders are others, between one at which they are not.

    Args:
        within: how near it has to be told.
    """
    while abs(high - low) > within:
        middle = (low + high) / 2
        middle = float(np.round(middle)) if field.whole else middle
        if middle in (low, high):
            break
        (reply,) = path.ask({**rest, name: middle})
        if not reply.answered:
            return None
        same = np.allclose(sizes(reply.got, path.table.index), path.sizes, rtol=1e-9, atol=0)
        low, high = (middle, high) if same else (low, middle)
    return high
