"""What each factor contributes to each head and to the decision, on drawn rows."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from audit_lib.arrays import Floats, Integers
from audit_lib.errors import NotAssessed
from audit_lib.explain import trees, walks
from audit_lib.explain.answers import HookFunction
from audit_lib.explain.importance import Bootstrap, Estimate, directions, sizes
from audit_lib.explain.rows import Rows
from audit_lib.explain.walks import Contributions
from audit_lib.subject.subject import Subject

#: factors of each head whose interactions are measured, rows on which, and how often each
TOP, PAIRED, MEASURED = 4, 200, 5
#: of the largest contribution, what is rounding
IDLE = 1e-9
#: below that many rows a regime or period has no figures of its own
FEWEST = 50


@dataclass(frozen=True)
class Attributed:
    """One head, or the decision, and what its factors contribute.

    Attributes:
        name: of the head; ``decision`` is the side, ``position`` the signed size.
        answered: what it answers to each row.
        sizes, directions: of each factor, in the order of the columns.
        pairs: interactions of the strongest factors, those that are told from nothing.
    """

    name: str
    answered: Floats
    contributions: Contributions
    sizes: tuple[Estimate, ...]
    directions: tuple[Estimate, ...]
    pairs: tuple[tuple[str, str, Estimate], ...] = ()

    def idle(self, at: int) -> bool:
        """True where a factor contributes nothing but rounding."""
        return not self.sizes[at].value > IDLE * max(s.value for s in self.sizes)

    @property
    def order(self) -> list[int]:
        """Positions of factors, strongest first."""
        return sorted(range(len(self.sizes)), key=lambda i: -np.nan_to_num(self.sizes[i].value))


@dataclass(frozen=True)
class Line:
    """One line of ``attribution_<head>.csv``."""

    head: str
    scope: str
    slice: str
    rows: int
    factor: str
    importance: float
    standard_error: float
    low: float
    high: float
    share: float
    mean: float
    direction: float
    direction_low: float
    direction_high: float
    method: str
    perturbation: str
    unit: str


@dataclass(frozen=True)
class Setting:
    """How much is asked.

    Attributes:
        rows: most rows that are explained.
        seed: for everything that is drawn.
        budget: about how many rows a hook may be asked about by walks.
        surrogate_rows: most rows that rules are learned and judged on.
        seconds: about how long the walks of one hook may take.
    """

    rows: int = 1000
    seed: int = 0
    budget: int = 60_000
    surrogate_rows: int = 8_000
    seconds: float = 300.0


def attribute(
    answers: HookFunction, sample: Rows, setting: Setting, *, subject: Subject | None = None
) -> list[Attributed]:
    """Contributions to every answer of a hook.

    Args:
        subject: whose tree models may serve; None where only the hook is asked.

    Raises:
        NotAssessed: the hook does not answer, nothing that is finite, the same to every row, or so
            slowly that the walks would take longer than they may.
    """
    rng = np.random.default_rng(setting.seed)
    table = sample.table
    begun = time.perf_counter()
    answered = answers.one(table)
    taken = time.perf_counter() - begun
    if not np.isfinite(answered).any():
        raise NotAssessed(f"{answers.hook.name} answers no finite number to {len(table)} rows")
    if len(table) > 1 and (answered == answered[0]).all():
        raise NotAssessed(f"{answers.hook.name} answers the same to all {len(table)} rows")
    heads = {name: answered[:, i] for i, name in enumerate(answers.names)}
    contributions: dict[str, Contributions] = {}
    if subject is not None and trees.available():
        for head, (forest, rows) in trees.served_by(subject, table, heads).items():
            contributions[head] = trees.contributions(forest, rows, sample.columns, head)
    background = table
    if len(contributions) < len(heads):
        for head, parts in walks.linear(answers, table, background, rng).items():
            contributions.setdefault(head, parts)
    if len(contributions) < len(heads):
        passed = table.shape[1] + 1
        if answers.together and taken * passed * walks.FEWEST > setting.seconds:
            taken = _further(answers, table, taken)
        most = int(setting.seconds / max(taken * passed, 1e-9))
        if most < walks.FEWEST:
            raise NotAssessed(
                f"{answers.hook.name} takes {taken:.1f} s for {len(table)} rows; {walks.FEWEST} "
                f"walks through {table.shape[1]} factors would take longer than the "
                f"{setting.seconds:.0f} s that they may"
            )
        sampled = walks.sampled(
            answers, table, background, rng, budget=setting.budget, most=min(most, walks.MOST)
        )
        for head, parts in sampled.items():
            contributions.setdefault(head, parts)
    bootstrap = Bootstrap(sample.blocks, setting.seed)
    named = [
        _with_intervals(name, heads[name], contributions[name], sample, bootstrap) for name in heads
    ]
    pairs = _interactions(answers, sample, named, rng, setting.seed)
    return [replace(t, pairs=tuple(own)) for t, own in zip(named, pairs, strict=True)]


def _further(answers: HookFunction, table: pd.DataFrame, taken: float) -> float:
    """Seconds that the table takes beside others: a call may cost more than its rows do."""
    begun = time.perf_counter()
    answers([table, table])
    return max(time.perf_counter() - begun - taken, taken / 50)


def _with_intervals(
    name: str, answered: Floats, parts: Contributions, sample: Rows, bootstrap: Bootstrap
) -> Attributed:
    values = parts.values
    return Attributed(
        name,
        answered,
        parts,
        tuple(sizes(parts.squares, bootstrap)),
        tuple(directions(numbers(sample.table), values, bootstrap)),
    )


def lines(head: Attributed, sample: Rows, seed: int) -> Iterator[Line]:
    """The lines of one head: over all rows, each regime, each period."""
    for scope, name, chosen in slices(sample):
        part = sample.take(chosen)
        own = head
        if scope != "all":
            bootstrap = Bootstrap(part.blocks, seed)
            parts = replace(head.contributions, walks=head.contributions.walks[:, chosen])
            own = _with_intervals(head.name, head.answered[chosen], parts, part, bootstrap)
        total = float(np.nansum([s.value for s in own.sizes])) or 1.0
        mean = np.nanmean(own.contributions.values, axis=0)
        for i in own.order:
            size, way = own.sizes[i], own.directions[i]
            yield Line(
                head.name,
                scope,
                name,
                len(chosen),
                sample.columns[i],
                size.value,
                size.error,
                size.low,
                size.high,
                size.value / total,
                float(mean[i]),
                way.value,
                way.low,
                way.high,
                head.contributions.method,
                head.contributions.perturbation,
                head.contributions.unit,
            )


def slices(rows: Rows) -> Iterator[tuple[str, str, Integers]]:
    """All rows; rows of each regime; of each year, or third of the time where years are few."""
    yield "all", "", np.arange(len(rows))
    if rows.regimes is not None:
        yield from _each("regime", rows.regimes)
    if rows.dates is None:
        return
    years = pd.DatetimeIndex(rows.dates).year.to_numpy().astype(str)
    distinct = np.unique(years)
    if not 2 <= len(distinct) <= 12:
        distinct_dates = np.unique(rows.dates)
        if len(distinct_dates) < 3:
            return
        third = np.searchsorted(distinct_dates, rows.dates) * 3 // len(distinct_dates)
        first = [
            np.datetime_as_string(distinct_dates[i * len(distinct_dates) // 3], "D")
            for i in range(3)
        ]
        years = np.array([f"from {first[t]}" for t in third])
    yield from _each("period", years)


def _each(scope: str, names: npt.NDArray[np.str_]) -> Iterator[tuple[str, str, Integers]]:
    for name in np.unique(names):
        chosen = np.flatnonzero(names == name)
        if len(chosen) >= FEWEST:
            yield scope, str(name), chosen


def _interactions(
    answers: HookFunction,
    sample: Rows,
    heads: Sequence[Attributed],
    rng: np.random.Generator,
    seed: int,
) -> list[list[tuple[str, str, Estimate]]]:
    """Of each head: by how much two factors together do what neither does alone.

    The second difference f(x) - f(x without a) - f(x without b) + f(x without both), averaged over
    what stands in their place; its root mean square over the rows.
    """
    part = sample.drawn(PAIRED, rng, whole_dates=not answers.together)
    wanted = [
        {p for p in combinations(sorted(t.order[:TOP]), 2) if all(t.sizes[i].value > 0 for i in p)}
        for t in heads
    ]
    pairs = sorted(set().union(*wanted))
    if not pairs or len(part) < 2:
        return [[] for _ in heads]
    measured = [_differences(answers, part.table, pairs, rng) for _ in range(MEASURED)]
    bootstrap = Bootstrap(part.blocks, seed)
    interactions = []
    for number, head in enumerate(heads):
        own = []
        least = 0.02 * max((s.value for s in head.sizes), default=0.0)
        if head.contributions.method == "tree":
            # In the head's own unit here, whatever unit the trees have.
            least = 0.02 * float(np.nanstd(head.answered))
        for i, pair in enumerate(pairs):
            squares = walks.squared(np.stack([m[i][:, number] for m in measured]))
            size = sizes(squares[:, None], bootstrap)[0]
            significant = size.low > 0 if np.isfinite(size.low) else True
            if pair in wanted[number] and size.value > least and significant:
                own.append((part.columns[pair[0]], part.columns[pair[1]], size))
        interactions.append(sorted(own, key=lambda p: -p[2].value))
    return interactions


def _differences(
    answers: HookFunction,
    table: pd.DataFrame,
    pairs: Sequence[tuple[int, int]],
    rng: np.random.Generator,
) -> list[Floats]:
    other = rng.permutation(len(table))
    singles = sorted({i for pair in pairs for i in pair})

    def without(*columns: int) -> pd.DataFrame:
        values = [table.iloc[:, i].to_numpy() for i in range(table.shape[1])]
        parts = {
            name: value[other] if i in columns else value
            for i, (name, value) in enumerate(zip(table.columns, values, strict=True))
        }
        return pd.DataFrame(parts, index=table.index)

    tables = [table, *(without(i) for i in singles), *(without(*p) for p in pairs)]
    got = answers(tables)
    alone = dict(zip(singles, got[1:], strict=False))
    both = got[1 + len(singles) :]
    return [got[0] - alone[a] - alone[b] + ab for (a, b), ab in zip(pairs, both, strict=True)]


def numbers(table: pd.DataFrame) -> Floats:
    """The table as floats; NaN in columns that hold no numbers."""
    values = np.full(table.shape, np.nan)
    for i, kind in enumerate(table.dtypes):
        if pd.api.types.is_numeric_dtype(kind):
            values[:, i] = table.iloc[:, i].to_numpy(dtype=np.float64, na_value=np.nan)
    return values
