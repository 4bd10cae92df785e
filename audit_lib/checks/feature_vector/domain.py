import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Scalar, Severity
from audit_lib.probes.market.markets import short, spoilt
from audit_lib.probes.questions.asking import frame
from audit_lib.probes.questions.domain import REACTION_COLUMNS, kind_of
from audit_lib.probes.questions.samples import builds, built, numeric, panel, still

GAP, ALIKE = "a gap of NaN", 1e-6
PATHS = ("features.build_backtest", "features.build_live")


class FeaturesStayInTheirDomain(Check):
    """Odd but possible market data give finite features, NaN or a refusal; never infinity.

    What it checks
        Prices that stand still, a gap of NaN, days without volume, a crash of 99.9 per cent, a
        single asset and three bars are built without infinite values and without a crash, and the
        same columns come back. What stands for a gap in every row of it lies within what the
        feature ever is, and is the same in training, backtest and live.
    Why it matters
        A ratio with a zero denominator is infinite once in years, on the day when a stock is
        halted; a tree puts it into the largest leaf, a scaler turns it into NaN for everyone. A gap
        that training leaves out and live fills with 0 or -999 is a market that nobody has seen.
    How
        Drives `features.build` on a short piece of the sample panel with one oddity at a time, and
        the builders of backtest and live on the one with a gap.
    Limitations
        Oddities are placed in the first asset; fields other than OHLCV are only put to NaN. Flags,
        which hold two values at most, may take a value of their own in a gap.
    Remediation
        Guard every denominator, and answer NaN where a feature is not defined.
    Sources
        IEEE 754-2019 section 7.3 (division by zero).
    """

    code = "FEA006"
    severity = Severity.MEDIUM
    needs = ("features.panel", "features.build")
    about = "features.build"
    cites = ("oddities",)

    assets: int = Field(4, ge=1, description="assets of the piece")
    bars: int = Field(400, ge=20, description="bars of each asset")

    def run(self, subject: Subject) -> Answers:
        """Build each spoilt panel."""
        usual = built(subject)
        if len(still(usual)) == len(usual.columns):
            raise NotAssessed(
                "every feature holds one value in all rows: the builder reads no bars"
            )
        yield from self._infinite("the sample", usual)
        spoilt_panels = dict(spoilt(short(panel(subject), assets=self.assets, bars=self.bars)))
        replies = builds(subject, "features.build", list(spoilt_panels.values()))
        rows = []
        for name, reply in zip(spoilt_panels, replies, strict=True):
            if reply.refusal is not None:
                rows.append((name, "refused", reply.why))
            elif reply.failure is not None:
                rows.append((name, "crashed", reply.why))
                yield self.departs(
                    f"{name}: the builder crashes: {reply.why}",
                    measured=reply.why,
                    expected="features, NaN or a refusal",
                    key=name,
                    cause=f"crash of {kind_of(reply.why)}",
                    severity=Severity.LOW,
                )
            else:
                cells = numeric(reply.got.select_dtypes("number"))
                shown = (
                    f"{len(cells)} rows, {np.isnan(cells).mean():.0%} NaN" if cells.size else "-"
                )
                rows.append((name, "answered", shown))
                yield from self._infinite(name, reply.got)
                lost = [str(c) for c in usual.columns if c not in reply.got.columns]
                if lost and len(reply.got):
                    yield self.departs(
                        f"{name}: {len(lost)} columns are gone, first {lost[0]}",
                        measured=f"{len(reply.got.columns)} columns",
                        expected=f"{len(usual.columns)} columns",
                        key=f"columns {name}",
                        cause="columns are gone",
                    )
        filled = dict(zip(spoilt_panels, replies, strict=True))[GAP]
        if filled.answered:
            yield from self._filled(subject, usual, spoilt_panels[GAP], filled.got)
        yield Examined(len(spoilt_panels) + 1, "panels")
        yield Evidence("oddities", "Odd market data", REACTION_COLUMNS, tuple(rows))

    def _filled(
        self, subject: Subject, usual: pd.DataFrame, given: pd.DataFrame, built_now: pd.DataFrame
    ) -> Answers:
        """What stands where the market data are missing, here and in the other paths."""
        blank = given.index[given.isna().all(axis=1)].intersection(built_now.index)
        dates = usual.index.get_level_values(-1)
        late = usual[dates >= dates.unique().sort_values()[dates.nunique() // 2]]
        ranges = {  # of the later half: a warm-up may be filled like a gap
            str(c): (float(late[c].min()), float(late[c].max()))
            for c in late.select_dtypes("number")
            if late[c].nunique() > 2 and c in built_now
        }
        rows: list[tuple[Scalar, ...]] = []
        for name, (low, high) in ranges.items():
            fill = _constant(built_now.loc[blank, name])
            if fill is None:
                continue
            others = usual[name][usual[name] != fill]  # an early level that is carried on
            least, most = min(low, float(others.min())), max(high, float(others.max()))
            rows.append((name, "training", fill, least, most))
            slack = ALIKE * (most - least)
            if not least - slack <= fill <= most + slack:
                yield self.departs(
                    f"{name} is {fill:.6g} where its market data are missing, and from {least:.6g} "
                    f"to {most:.6g} in the sample",
                    measured=fill,
                    expected=f"{least:.6g} to {most:.6g}, or NaN",
                    key=f"fill {name}",
                    cause="gaps are filled with what a feature never is",
                    evidence=("fills",),
                )
        for hook in (h for h in PATHS if subject.has(h)):
            (reply,) = builds(subject, hook, [given])
            shared = blank.intersection(reply.got.index) if reply.answered else blank[:0]
            for name, (low, high) in ranges.items() if len(shared) else ():
                if name not in reply.got:
                    continue
                here, there = (numeric(t.loc[shared, [name]])[:, 0] for t in (built_now, reply.got))
                apart = ~np.isclose(
                    here, there, rtol=1e-6, atol=ALIKE * (high - low), equal_nan=True
                )
                if apart.any():
                    first = int(np.flatnonzero(apart)[0])
                    rows.append((name, hook, float(np.nan_to_num(there[first])), low, high))
                    yield self.departs(
                        f"{name} is {there[first]:.6g} in a gap of the market data, and "
                        f"{here[first]:.6g} in training ({int(apart.sum())} of {len(apart)} rows)",
                        hook=hook,
                        measured=f"{there[first]:.6g}",
                        expected=f"{here[first]:.6g}, as in training",
                        key=f"fill {name} {hook}",
                        cause="gaps are filled otherwise than in training",
                        severity=Severity.HIGH,
                        evidence=("fills",),
                    )
        heads = ("feature", "path", "in the gap", "least", "most")
        yield Evidence("fills", "What stands for a gap", heads, tuple(rows))

    def _infinite(self, name: str, features: object) -> Answers:
        table = frame(features).select_dtypes("number")
        counts = np.isinf(numeric(table)).sum(axis=0)
        for column, count in zip(table.columns, counts, strict=True):
            if count:
                yield self.departs(
                    f"{name}: {column} is infinite in {count} of {len(table)} rows",
                    measured=f"{count} infinite",
                    expected="finite, or NaN",
                    key=f"{column} on {name}",
                    cause=f"{column} is infinite",
                )


def _constant(values: pd.Series) -> float | None:
    """The one finite value that all rows of a gap hold; None where there is none."""
    held = numeric(values.to_frame())[:, 0]
    alike = len(held) > 2 and np.isfinite(held).all() and np.ptp(held) == 0
    return float(held[0]) if alike else None
