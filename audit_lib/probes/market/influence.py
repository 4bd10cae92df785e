"""Influence windows, measured: how far back and ahead each output column reads its inputs.

A builder (panel in, columns out) is run on the panel and on changed copies of it.  A row at or
before a cut that answers differently when only rows after the cut were changed reads the future;
the distance to the first changed bar says how far.  Noise before a cut gives the look-back.

The number of builds is fixed, whatever the length of the data: 3 where each asset's columns depend
on that asset alone, since one build cuts many clones of the series at different dates; 24 where
columns look across assets, which takes a build for each common date.

Source: the prefix-invariance relation of metamorphic testing (Chen et al., 2018, "Metamorphic
Testing: A Review of Challenges and Opportunities", ACM Computing Surveys 51(1)).
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Flags, Floats
from audit_lib.probes.market.experiments import Designer, Experiment
from audit_lib.probes.market.perturbation import (
    IDLE,
    LOUD,
    Change,
    gentle,
    join_assets,
    split_assets,
)
from audit_lib.probes.market.responses import RowsDifferError, Scale, Table, as_table
from audit_lib.probes.market.tally import ColumnInfluence, Tally

Build = Callable[[pd.DataFrame], Any]
Many = Callable[[Sequence[pd.DataFrame]], Sequence[Any]]

SHORTEST = 30
"""bars below which nothing can be cut"""


class MeasurementStatus(StrEnum):
    """What became of the measurement as a whole."""

    MEASURED = "measured"
    RAISES = "the builder raises on the plain panel"
    TOO_SHORT = "the panel is too short for the builder"
    OTHER_ROWS = "the builder answers other rows than the panel's"


@dataclass(frozen=True)
class InfluenceMap:
    """What the probe found.

    Attributes:
        problems: what could not be looked at, in words (refused gaps, vanished rows, ...).
        builds: how often the builder was called.
    """

    outcome: MeasurementStatus
    columns: dict[str, ColumnInfluence] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    builds: int = 0
    assets: int = 0
    bars: int = 0
    reason: str = ""

    def leaking(self) -> list[ColumnInfluence]:
        """Columns that read the future, deepest first."""
        ahead = [c for c in self.columns.values() if c.look_ahead > 0]
        return sorted(ahead, key=lambda c: (-c.look_ahead, c.column))


def measure_influence(
    build: Build,
    panel: pd.DataFrame,
    *,
    many: Many | None = None,
    seed: int = 0,
    cuts: int = 24,
    fields: Iterable[str] | None = None,
    plain: Any = None,
) -> InfluenceMap:
    """Measure the influence window of every column that a builder answers.

    Args:
        build: panel to frame on (a part of) the panel's rows; it may raise.
        panel: index ``(asset, date)``, one column a field.
        many: the same for many panels at once; a failed one's answer is its exception.
        seed: of the noise and of where random cuts fall.
        cuts: ordinary cuts (each twice, prices up and down); events and gaps come on top.
        fields: perturb only these input columns; None for all.
        known: what the builder answers to the panel, where it was asked before.
    """
    panel = panel.sort_index()
    chosen = frozenset(fields) if fields is not None else None
    plan = Designer(split_assets(panel), seed, cuts, chosen)
    return _Probe(build, many, plan).measure(plain)


def manageable(panel: pd.DataFrame, rows: int = 40_000) -> pd.DataFrame:
    """The panel, or its newest bars where it is long: whole assets first, evenly chosen."""
    if len(panel) <= rows:
        return panel
    assets = list(panel.index.get_level_values(0).unique())
    some_assets = assets[:: max(1, len(assets) // 12)][:12] if len(assets) > 12 else assets
    part = panel[panel.index.get_level_values(0).isin(some_assets)]
    bars = max(500, rows // len(some_assets))
    return part.groupby(level=0, group_keys=False).tail(bars)


class _Probe:
    def __init__(self, build: Build, many: Many | None, plan: Designer) -> None:
        self.build = build
        self.many = many
        self.plan = plan
        self.builds = 0
        self.problems: list[str] = []

    # --- building -----------------------------------------------------------------------------
    def answers(self, panels: Sequence[pd.DataFrame]) -> list[Any]:
        self.builds += len(panels)
        if self.many is not None:
            return list(self.many(panels))
        builds: list[Any] = []
        for panel in panels:
            try:
                builds.append(self.build(panel))
            except Exception as error:  # noqa: BLE001 - whatever the builder raises is an outcome
                builds.append(error)
        return builds

    def table(self, answer: Any, panel: pd.DataFrame, like: Table | None = None) -> Table | str:
        """Answer as numbers, or why not."""
        if isinstance(answer, Exception):
            return f"raises {_brief(answer)}"
        try:
            index = panel.index
            assert isinstance(index, pd.MultiIndex)
            return as_table(answer, index, like.columns if like else None)
        except RowsDifferError as error:
            return str(error)

    # --- the measurement ----------------------------------------------------------------------
    def measure(self, plain_answer: Any) -> InfluenceMap:
        plain = join_assets(self.plan.frames)
        bars = max(len(f) for f in self.plan.frames.values())
        if bars < SHORTEST:
            return self._nothing(MeasurementStatus.TOO_SHORT, f"{bars} bars; {SHORTEST} are needed")
        self.builds += plain_answer is not None
        answer = self.answers([plain])[0] if plain_answer is None else plain_answer
        base = self.table(answer, plain)
        if isinstance(base, str):
            raised = isinstance(answer, Exception)
            return self._nothing(
                MeasurementStatus.RAISES if raised else MeasurementStatus.OTHER_ROWS, base
            )
        if not np.isfinite(base.values).any():
            return self._nothing(MeasurementStatus.TOO_SHORT, f"no value in {bars} bars")
        self._note_rows(answer, plain)
        assert isinstance(plain.index, pd.MultiIndex)
        tally = Tally(base, bars, plain.index)
        scale = Scale.of(base)
        built = self._clone_builds(base)
        reference = _rows_of(base, plain)
        moved = np.full(len(base.columns), not built)
        for experiment, table in built:
            moved |= _moved(experiment, _rows_of(table, experiment.panel), reference, scale)
        if moved.any():
            tally.noise = self._noise(base, plain, scale)
            scale = scale.widened(tally.noise)
            tally.across = moved & (tally.noise == 0)
        for experiment, table in built:
            _tally_clones(experiment, table, scale, tally)
        if moved.any():
            self._common(base, plain, scale, tally)
        return InfluenceMap(
            MeasurementStatus.MEASURED,
            tally.columns(),
            tuple(dict.fromkeys([*self.problems, *tally.problems])),
            self.builds,
            len(self.plan.frames),
            bars,
        )

    def _nothing(self, outcome: MeasurementStatus, reason: str) -> InfluenceMap:
        return InfluenceMap(outcome, builds=self.builds, reason=reason)

    def _note_rows(self, answer: Any, plain: pd.DataFrame) -> None:
        extra = len(answer.index.difference(plain.index))
        if extra:
            self.problems.append(f"{extra} rows answered that the panel does not have")

    def _clone_builds(self, base: Table) -> list[tuple[Experiment, Table]]:
        """Clone experiments that the builder answers; gentler where it refuses loud noise."""
        builds = []
        designs: dict[str, Callable[[], Experiment]] = {
            "clones": partial(self.plan.clones, base),
            "made-up gaps": self.plan.gap_clones,
        }
        for name, design in designs.items():
            table: Table | str = ""
            for strength in (IDLE, LOUD, gentle(join_assets(self.plan.frames), self.plan.price)):
                self.plan.strength = strength
                experiment = design()
                table = self.table(self.answers([experiment.panel])[0], experiment.panel, base)
                if isinstance(table, Table):
                    builds.append((experiment, table))
                    break
            if isinstance(table, str):
                self.problems.append(f"{name} refused: {table}")
        return builds

    def _noise(self, base: Table, plain: pd.DataFrame, scale: Scale) -> Floats:
        again = self.table(self.answers([plain])[0], plain, base)
        if isinstance(again, str):
            self.problems.append(f"the second equal build {again}")
            return np.zeros(len(base.columns))
        spread: Floats = scale.difference(base.values, again.values).max(axis=0, initial=0.0)
        return spread

    def _common(self, base: Table, plain: pd.DataFrame, scale: Scale, tally: Tally) -> None:
        holed, in_gaps = self.plan.common_gaps()
        experiments = [*self.plan.common(), *in_gaps]
        answers = self.answers([holed, *(e.panel for e in experiments)])
        gap_base = self.table(answers[0], holed, base)
        if isinstance(gap_base, str):
            self.problems.append(f"made-up gaps refused: {gap_base}")
        for experiment, answer in zip(experiments, answers[1:], strict=True):
            before = gap_base if experiment.reference is not None else base
            after = self.table(answer, experiment.panel, base)
            if isinstance(before, str):
                continue
            if isinstance(after, str):
                self.problems.append(f"{experiment.trials[0].how}: {after}")
                continue
            panel = plain if experiment.reference is None else experiment.reference
            old, new = _rows_of(before, panel), _rows_of(after, experiment.panel)
            usable = np.ones(len(base.columns), dtype=bool)
            if experiment.trials[0].how is Change.TRUNCATE:
                usable = ~tally.positional
            for trial in experiment.trials:
                if trial.cut >= 0:
                    tally.add(trial, old[trial.reference], new[trial.clone], scale, usable)


Rows = dict[Hashable, tuple[Floats, pd.Index]]


def _rows_of(table: Table, panel: pd.DataFrame) -> Rows:
    """Values and dates of each asset of a sorted panel."""
    codes = panel.index.get_level_values(0)
    dates = panel.index.get_level_values(1)
    starts = np.flatnonzero(np.append(True, codes[1:] != codes[:-1]))
    ends = np.append(starts[1:], len(codes))
    bounds = zip(starts.tolist(), ends.tolist(), strict=True)
    return {codes[a]: (table.values[a:b], dates[a:b]) for a, b in bounds}


def _moved(experiment: Experiment, rows: Rows, base: Rows, scale: Scale) -> Flags:
    """Columns in which an unchanged series answers differently than in the plain build."""
    moved = np.zeros(len(scale.size), dtype=bool)
    for copy, original in experiment.unchanged:
        moved |= (scale.difference(base[original][0], rows[copy][0]) > 0).any(axis=0)
    return moved


def _tally_clones(experiment: Experiment, table: Table, scale: Scale, tally: Tally) -> None:
    rows = _rows_of(table, experiment.panel)
    for one, other in experiment.twins:
        differs = scale.difference(rows[one][0], rows[other][0]) > 0
        tally.positional |= differs.any(axis=0)
    for trial in experiment.trials:
        tally.add(trial, rows[trial.reference], rows[trial.clone], scale, ~tally.positional)


def _brief(error: Exception) -> str:
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[-1][:200] if first else ''}".rstrip(": ")
