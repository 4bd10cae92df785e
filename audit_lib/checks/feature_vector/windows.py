import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity
from audit_lib.probes.market.windows import (
    moved_rows,
    other_asset,
    stored_length,
    stretch,
    torn,
    window_length,
)
from audit_lib.probes.questions.asking import Reply, ask, ask_many, frame
from audit_lib.probes.questions.frames import relative

HOOK = "predictor.predict"


class WindowsAreAsLongAsDeclared(Check):
    """A window holds as many rows as the version says, all of one asset, and stands by itself.

    What it checks
        Where predictions rest on windows (`windows` in `subject.yaml`): the rows that move a
        prediction are the newest `length` rows of its own asset, and no others; the rows of a
        window alone give the prediction that they give within the batch; the length that the
        version stores is the declared one; predicted rows are `stride` rows apart; and a window
        that a gap in time makes longer than `span` is not predicted.
    Why it matters
        A consumer that cuts windows of another length feeds a network sequences that it never
        saw; one that cuts them from a stacked table lets the first windows of an asset begin in
        another. Neither fails, both trade.
    How
        Drives `predictor.predict` on unbroken stretches of a few assets. One row at a time is put
        far off, around the end of the declared window and at drawn places; the farthest row that
        moves the prediction is the measured length. Then the last rows of the asset before.
    Limitations
        A model that forgets old rows entirely is measured as one with shorter windows. Without a
        `span`, gaps in time within a window are not judged.
    Remediation
        Cut windows in one function, by asset, with the length that the version stores.
    Sources
        Metamorphic relations of locality (Segura et al. 2016, doi:10.1109/TSE.2016.2532875).
    """

    code = "FEA009"
    severity = Severity.CRITICAL
    needs = (HOOK, "predictor.required")

    seed: int = Field(12, description="of everything random")
    draws: int = Field(24, ge=1, description="rows besides those at the window's end")
    tolerance: float = Field(1e-9, ge=0, description="relative to the prediction")

    def run(self, subject: Subject) -> Answers:
        """Measure the reach of one prediction of every asset."""
        length = window_length(subject)
        yield from self._stored(subject, length)
        features = stretch(subject, length)
        hook = subject.hook(HOOK)
        base = ask(hook, features, into=frame).needed(
            f"{HOOK} gives no predictions for the sample:"
        )
        rows: list[tuple[str, int, int, bool, bool]] = []
        for asset in features.index.get_level_values("asset").unique():
            places = self._answered(features, base, asset)
            if not len(places):
                yield Gap(f"windows of {asset}", "none of its rows is predicted")
                continue
            at = int(places[-1])
            moved = moved_rows(features, at, length, draws=self.draws, seed=self.seed)
            foreign = other_asset(features, at, length)
            first = features.iloc[at - length + 1 : at + 1]
            questions = [(m.features,) for m in moved] + [(first,)]
            questions += [] if foreign is None else [(foreign,)]
            replies = ask_many(hook, questions, into=frame)
            change = [_change(base, r, features.index[[at]]) for r in replies[: len(moved) + 1]]
            reach = [m.back for m, c in zip(moved, change, strict=False) if c > self.tolerance]
            own = base.index[base.index.get_level_values("asset") == asset]
            answered = foreign is not None and replies[-1].answered
            strange = _change(base, replies[-1], own) if answered else 0.0
            alone, crossed = change[-1] > self.tolerance, strange > self.tolerance
            measured = max(reach) + 1 if reach else 0
            if measured == length:
                beyond = [c for m, c in zip(moved, change, strict=False) if m.back >= length]
                what = f"change with rows beyond the window, {asset}"
                yield Margin(what, max(change[-1], strange, *beyond), self.tolerance, "of itself")
            yield from self._strides(subject, features, base, asset)
            yield from self._span(subject, features, at, length)
            rows.append((str(asset), length, measured, alone, crossed))
            yield Examined(len(questions), "windows changed")
        heads = ("asset", "declared", "measured", "alone differs", "holds another asset")
        yield Evidence("windows", "Rows behind a prediction", heads, tuple(rows))
        yield from self._report(length, rows)

    def _stored(self, subject: Subject, length: int) -> Answers:
        windows = subject.parameters.windows
        stored = stored_length(subject)
        if windows and stored is not None and stored != length:
            yield self.finding(
                subject.metadata.location(windows.stored),
                f"the version stores windows of {stored} rows, and {length} are declared",
                measured=stored,
                expected=length,
                key="stored",
            )

    def _strides(
        self, subject: Subject, features: pd.DataFrame, got: pd.DataFrame, asset: object
    ) -> Answers:
        """Rows between predicted rows."""
        windows = subject.parameters.windows
        apart = np.diff(self._answered(features, got, asset))
        if windows and len(apart) and (apart != windows.stride).any():
            step = int(np.median(apart))
            step = step if step != windows.stride else int(apart[apart != step][0])
            yield self.departs(
                f"predictions of {asset} are {step} rows apart, and {windows.stride} are declared",
                measured=step,
                expected=windows.stride,
                key=f"{asset} stride",
                cause="stride",
            )

    def _span(self, subject: Subject, features: pd.DataFrame, at: int, length: int) -> Answers:
        """Windows across a gap in time."""
        windows = subject.parameters.windows
        if not windows or windows.span is None or "date" not in features.index.names:
            return
        given, across = torn(features, at, length, pd.Timedelta(windows.span))
        reply = ask(subject.hook(HOOK), given, into=frame)
        if not reply.answered:
            if reply.failure is not None:
                yield Gap("windows across a gap in time", reply.why)
            return
        got = reply.got.reindex(across).notna().all(axis=1)
        yield Examined(len(across), "windows across a gap in time")
        if got.any():
            yield self.departs(
                f"{int(got.sum())} of {len(across)} windows that hold a gap of more than "
                f"{windows.span} are predicted as if it were not there",
                measured=f"{int(got.sum())} predicted",
                expected=f"none that spans more than {windows.span}",
                key=f"{features.index[at][0]} span",
                cause="span",
            )

    def _report(self, length: int, rows: list[tuple[str, int, int, bool, bool]]) -> Answers:
        for asset, _, measured, alone, crossed in rows:
            if measured == 0:
                yield Gap(f"windows of {asset}", "no row moves the prediction")
            elif measured != length:
                yield self.departs(
                    f"predictions of {asset} rest on {measured} rows, and {length} are declared",
                    measured=measured,
                    expected=length,
                    key=asset,
                    cause="length",
                    evidence=("windows",),
                )
            if crossed:
                yield self.departs(
                    f"the first windows of {asset} hold rows of another asset",
                    measured="rows of another asset",
                    expected="rows of one asset",
                    key=asset,
                    cause="crosses assets",
                    evidence=("windows",),
                )
            if alone and measured == length:
                yield self.departs(
                    f"the {length} rows of a window of {asset} alone give another prediction",
                    measured="another prediction",
                    expected="the prediction of the batch",
                    key=asset,
                    cause="alone",
                    evidence=("windows",),
                )

    @staticmethod
    def _answered(features: pd.DataFrame, got: pd.DataFrame, asset: object) -> npt.NDArray[np.intp]:
        """Positions of an asset's rows that have a prediction."""
        own = features.index.get_level_values("asset") == asset
        answered = got.reindex(features.index).notna().all(axis=1).to_numpy()
        return np.flatnonzero(own & answered)


def _change(base: pd.DataFrame, reply: Reply[pd.DataFrame], rows: pd.Index) -> float:
    """Largest change of the predictions of rows, relative to them."""
    if not reply.answered:
        return float("inf")
    was, now = (t.reindex(rows).to_numpy(np.float64) for t in (base, reply.got))
    return float(relative(was, now, 0.0).max(initial=0.0))
