from __future__ import annotations

import math

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity
from audit_lib.probes.labels.alignment import entry_and_exit, price_ratio, return_errors
from audit_lib.probes.labels.barriers import Path, as_sides, measured_barriers, paths
from audit_lib.probes.labels.label_facts import HOOK, Declared, declared_labels, label_offsets
from audit_lib.probes.market.influence import manageable
from audit_lib.probes.questions import samples

RETURNS = ("simple_return", "log_return")
CLASSES = ("direction", "class")
BARRIER = "barrier"
FEWEST = 20  # rows in which both barriers are touched at once, which show a habit
SHARE = 0.001
"""rows that a recomputed touch may miss: rounding exactly at a barrier"""


class LabelsAreWhatTheyAreCalled(Check):
    """A label has the declared return type, alignment and thresholds.

    What it checks
        A label declared as a simple or log return equals that return between the prices it was
        measured to read. A class label follows that return (a direction upwards), and its declared
        thresholds lie between the returns of neighbouring classes. A label with take, stop and time
        limit is the first touch of these on the path.
    Why it matters
        Log returns sized as simple ones, entries at a price that was never tradable, and
        thresholds off by a unit change what a signal means without any error.
    How
        Moves single bars in single fields to find which prices a label reads, takes the first as
        entry and the last as exit, recomputes the return, and compares. Between the largest
        return of one class and the smallest of the next lies the measured threshold; thresholds
        may be of simple or of log returns, unless `returns` says which. A touch is recomputed on
        closes, or within the bar where the label reads highs and lows.
    Limitations
        Bars that touch both barriers tell nothing, and that a label takes the profit in all of them
        is a note. At the time limit the middle class and the sign of the return are both accepted.
        Barriers that scale with volatility are not recomputed. Labels of other kinds (volatility,
        ranks) are shown with the bars they read, but not recomputed. Costs subtracted from the
        return make it differ, and are reported.
    Remediation
        Make the declaration say what the label is, or the label what is declared.
    Sources
        Meucci (2010), Linear vs. Compounded Returns, GARP Risk Professional; Lopez de Prado
        (2018), Advances in Financial Machine Learning, section 3.2.
    """

    code = "TGT004"
    severity = Severity.HIGH
    needs = ("features.panel", HOOK)

    tolerance: float = Field(1e-6, gt=0, description="difference of returns that is rounding")

    def run(self, subject: Subject) -> Answers:
        """Recompute every declared return and class."""
        statements = declared_labels(subject)
        panel = manageable(samples.panel(subject))
        labels = samples.labels(subject).reindex(panel.index)
        try:
            offsets = label_offsets(subject)
        except NotAssessed as error:
            yield Gap(HOOK, str(error))
            return
        rows = [
            (name, field, min(bars), max(bars), len(bars))
            for name, by_field in offsets.items()
            for field, bars in by_field.items()
        ]
        heads = ("label", "field", "first bar ahead", "last bar ahead", "bars read")
        yield Evidence("alignment", "Which bars' values each label reads", heads, tuple(rows))
        compared = 0
        for own in statements:
            kind = own.facts.get("kind")
            touch = kind == BARRIER or "take" in own.facts or "stop" in own.facts
            if own.label not in labels or not (touch or kind in RETURNS + CLASSES):
                continue
            ends = entry_and_exit(offsets.get(own.label, {}), panel)
            if ends is None:
                yield Gap(own.label, "reads fewer than two prices")
                continue
            compared += 1
            ratio, label = price_ratio(panel, *ends), labels[own.label]
            if touch:
                yield from self._touch(own, label, panel, offsets[own.label], ends[0])
            elif kind in RETURNS:
                yield from self._returns(own, label, ratio, ends)
            elif self._rises(label, ratio):
                yield from self._classes(own, label, ratio)
            elif kind == "direction" and self._rises(-label, ratio):
                yield self.finding(
                    own.location,
                    f"label {own.label!r} is declared as a direction, and its higher class holds "
                    "the lower returns",
                    measured="falls with the return",
                    expected="rises with the return",
                    key=f"{own.label} inverted",
                    evidence=("alignment",),
                )
            else:
                yield from self._touch(own, label, panel, offsets[own.label], ends[0])
        yield Examined(compared, "labels of a kind that can be recomputed")

    def _rises(self, label: pd.Series[float], ratio: pd.Series[float]) -> bool:
        return all(a <= b + self.tolerance for a, b in _edges(label, ratio))

    def _returns(
        self,
        own: Declared,
        label: pd.Series[float],
        ratio: pd.Series[float],
        ends: tuple[tuple[str, int], tuple[str, int]],
    ) -> Answers:
        off = return_errors(label, ratio)
        declared = str(own.facts["kind"])
        yield Margin(f"distance from the return, {own.label}", off[declared], self.tolerance)
        if off[declared] <= self.tolerance:
            return
        fits = [kind for kind, error in off.items() if error <= self.tolerance]
        (first, entry), (last, exit_) = ends
        span = f"from {first} {entry} bars ahead to {last} {exit_} bars ahead"
        what = (
            f"is the {fits[0]}" if fits else f"differs by up to {off[declared]:.3g} from the return"
        )
        yield self.finding(
            own.location,
            f"label {own.label!r} is declared as {declared} but {what} {span}",
            measured=fits[0] if fits else f"largest difference {off[declared]:.3g}",
            expected=declared,
            key=f"{own.label} kind",
            evidence=("alignment",),
        )

    def _classes(self, own: Declared, label: pd.Series[float], ratio: pd.Series[float]) -> Answers:
        edges = _edges(label, ratio)
        overlap = max((a - b for a, b in edges if a > b), default=0.0)
        yield Margin(f"overlap of two classes, {own.label}", overlap, self.tolerance)
        declared = [float(t) for t in own.facts.get("thresholds", [])]
        if declared and len(declared) != len(edges):
            yield self.finding(
                own.location,
                f"label {own.label!r} has {len(edges) + 1} classes; its {len(declared)} declared "
                f"thresholds make {len(declared) + 1}",
                measured=len(edges) + 1,
                expected=len(declared) + 1,
                key=f"{own.label} classes",
            )
            return
        of = own.facts.get("returns")
        for threshold, (low, high) in zip(sorted(declared), edges, strict=False):
            readings = [threshold] if of != "log_return" else []
            readings += [math.expm1(threshold)] if of != "simple_return" else []
            below, above = low - 1.0, high - 1.0
            away = min(max(below - t, t - above, 0.0) for t in readings)
            yield Margin(f"threshold beyond its classes, {own.label}", away, self.tolerance)
            if away > self.tolerance:
                yield self.finding(
                    own.location,
                    f"label {own.label!r} changes class between returns {below:.6f} and "
                    f"{above:.6f}; the declared threshold is {threshold:g}",
                    measured=f"between {below:.6g} and {above:.6g}",
                    expected=threshold,
                    key=f"{own.label} threshold {threshold:g}",
                )

    def _touch(
        self,
        own: Declared,
        label: pd.Series[float],
        panel: pd.DataFrame,
        offsets: dict[str, tuple[int, ...]],
        entry: tuple[str, int],
    ) -> Answers:
        """Recompute which barrier is touched first, under every reading of the declaration."""
        barriers, sides = _barriers(own), as_sides(label)
        if barriers is None or sides is None:
            yield Gap(own.label, "its classes overlap in the return, and no take, stop and limit "
                                  "are declared to recompute a first touch")  # fmt: skip
            return
        take, stop, limit = barriers
        candidates = paths(panel, entry, frozenset(offsets), limit or _horizon(own, offsets))
        tried = [(path, *path.agrees(sides, take, stop)) for path in candidates]
        tried = [t for t in tried if t[1]]
        if not tried:
            yield Gap(own.label, "no path of closes from its entry can be recomputed")
            return
        path, rows, wrong = min(tried, key=lambda t: t[2] / t[1])
        yield Margin(f"rows off the first touch, {own.label}", wrong / rows, SHARE, "of them")
        if wrong <= SHARE * rows:
            gained = sides[path.at_once(take, stop) & np.isfinite(sides)]
            if len(gained) >= FEWEST and (gained > 0).all():
                yield self.finding(
                    own.location,
                    f"in {len(gained)} rows one bar touches both barriers, and label {own.label!r} "
                    "takes the profit in all: nobody knows which was touched first",
                    measured=f"{len(gained)} rows",
                    expected="the stop, or no label",
                    key=f"{own.label} at once",
                    severity=Severity.INFO,
                    evidence=("alignment",),
                )
            return
        own_rule = _told_apart(candidates, sides, take, stop)
        if not own_rule and own.facts.get("kind") != BARRIER:
            yield Gap(own.label, "its classes are neither those of a return nor of a first touch")
            return
        yield self.finding(
            own.location,
            f"label {own.label!r} is not the first touch of +{take:g} and -{stop:g} that is "
            f"declared: {wrong} of {rows} rows differ ({path.text})"
            + (f"; its own is {own_rule}" if own_rule else ""),
            measured=own_rule or f"{wrong} of {rows} rows differ",
            expected=f"+{take:g} and -{stop:g}",
            key=f"{own.label} touch",
            evidence=("alignment",),
        )


def _edges(label: pd.Series[float], ratio: pd.Series[float]) -> list[tuple[float, float]]:
    """Largest price ratio of each class and the smallest of the next."""
    both = label.notna() & ratio.notna()
    groups = ratio[both].groupby(label[both])
    low, high = groups.min(), groups.max()
    return list(zip(high.iloc[:-1].tolist(), low.iloc[1:].tolist(), strict=True))


def _barriers(own: Declared) -> tuple[float, float, int] | None:
    """Take, stop and time limit (0: not said); two thresholds on either side of zero are such."""
    facts = own.facts
    take, stop = facts.get("take"), facts.get("stop")
    edges = facts.get("thresholds") or []
    if take is None and stop is None and len(edges) == 2 and min(edges) < 0 < max(edges):
        take, stop = max(edges), -min(edges)
    if not isinstance(take, int | float) or not isinstance(stop, int | float):
        return None
    limit = facts.get("limit", 0)
    return float(take), abs(float(stop)), limit if isinstance(limit, int) else 0


def _horizon(own: Declared, offsets: dict[str, tuple[int, ...]]) -> int:
    """Bars that a label without a declared time limit may read: as declared, else as seen."""
    stated = own.facts.get("horizon")
    if isinstance(stated, int):
        return stated
    return max((max(bars) for bars in offsets.values() if bars), default=0)


def _told_apart(candidates: list[Path], sides: Floats, take: float, stop: float) -> str:
    """The barriers that do explain every row, in words; '' where none do."""
    for path in candidates:
        (low_up, up), (low_down, down) = measured_barriers(path, sides)
        if not (math.isfinite(up) and math.isfinite(down) and up > 0 and down > 0):
            continue
        rows, wrong = path.agrees(sides, up, down)
        if rows and wrong <= SHARE * rows:
            parts = [f"+{low_up:.4g} to +{up:.4g}"] if not low_up <= take <= up else []
            parts += [f"-{down:.4g} to -{low_down:.4g}"] if not low_down <= stop <= down else []
            return f"{' and '.join(parts) or 'another time limit'} ({path.text})"
    return ""
