"""Features that read what is not known yet, differ between builders, or lost their meaning."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.faults.base import Call, fault
from audit_lib.faults.tables import ahead, changed, held, level, numeric, per_asset, wild, with_case
from audit_lib.model import Contract

BUILDERS = ("features.build", "features.build_backtest", "features.build_live")
CONTRACT = Contract.FEATURE_VECTOR
SERVED = "served column"
#: in a column that every builder makes and the predictor reads
served = partial(fault, CONTRACT, hooks=BUILDERS, case=SERVED)


@served("FEA101", least="one bar")
def feature_reads_the_next_bar(call: Call) -> Any:
    """A column holds the value of the next bar."""
    return changed(call, ahead, by_asset=True)


@served("FEA101", least="one bar, in a fifth of the bars")
def feature_reads_ahead_in_wild_stretches(call: Call) -> Any:
    """A column holds the value of the next bar where it moves most."""
    return _in_stretches(call, calm=False)


@served("FEA101", least="one bar, in a fifth of the bars")
def feature_reads_ahead_in_calm_stretches(call: Call) -> Any:
    """A column holds the value of the next bar where it moves least."""
    return _in_stretches(call, calm=True)


def _in_stretches(call: Call, *, calm: bool) -> Any:
    frame = held(call)
    if frame is not None and call.case in frame:
        before = frame[call.case].copy()
        chosen = wild(frame, call.case, calm=calm)
        per_asset(frame, call.case, ahead)
        frame[call.case] = frame[call.case].where(chosen, before)
    return call.answer


@served("FEA101", least="one bar of one asset", of=with_case)
def feature_of_one_asset_reads_ahead(call: Call, frame: pd.DataFrame) -> None:
    """A column holds the value of the next bar for one asset."""
    if level(frame):
        assets = frame.index.get_level_values("asset")
        chosen = sorted(set(assets))[call.seed % len(set(assets))]
        before = frame[call.case].copy()
        per_asset(frame, call.case, ahead)
        frame[call.case] = frame[call.case].where(assets == chosen, before)


@served("FEA101", least="a window of three")
def feature_is_smoothed_about_the_bar(call: Call) -> Any:
    """A column is averaged over the bar before, the bar and the bar after."""
    return changed(
        call,
        lambda v: v.rolling(3, center=True, min_periods=1).mean().where(v.notna()),
        by_asset=True,
    )


@served("FEA101", least="the sample's own mean and deviation")
def feature_is_standardised_by_the_whole_sample(call: Call) -> Any:
    """A column is standardised with the mean and deviation of all bars."""
    return changed(call, lambda v: (v - v.mean()) / (v.std() or 1.0), by_asset=True)


@served("FEA101", least="the sample's own ranks")
def feature_is_ranked_over_the_whole_sample(call: Call) -> Any:
    """A column is its rank among all bars of the sample."""
    return changed(call, lambda v: v.rank(pct=True), by_asset=True)


@served("FEA101", least="the first bars")
def feature_is_filled_backwards(call: Call) -> Any:
    """A column's first bars hold its first known value."""
    return changed(call, lambda v: v.bfill(), by_asset=True)


@served("FEA101", least="the next bar of another asset", of=with_case)
def feature_reads_another_assets_next_bar(call: Call, frame: pd.DataFrame) -> None:
    """A column is shifted by a tenth of what the first asset does next."""
    if level(frame):
        first = frame.index.get_level_values("asset")[0]
        leads = ahead(frame.loc[first, call.case])
        dates = frame.index.get_level_values("date")
        frame[call.case] = frame[call.case] + 0.1 * leads.reindex(dates).to_numpy()


@served("FEA102", least="a thousandth", of=with_case)
def feature_is_drawn_anew(call: Call, frame: pd.DataFrame) -> None:
    """A column differs a little each time that it is built."""
    noise = np.random.default_rng().normal(0, 1e-3, len(frame))
    frame[call.case] = frame[call.case] * (1 + noise)


@served("FEA103", least="all bars")
def feature_is_constant(call: Call) -> Any:
    """A column is zero everywhere."""
    return changed(call, lambda v: v * 0.0)


@fault(CONTRACT, "FEA003", least="one per cent", hooks="features.build_live", case=SERVED)
def live_feature_is_scaled(call: Call) -> Any:
    """A column is one per cent larger live."""
    return changed(call, lambda v: v * 1.01)


@fault(CONTRACT, "FEA003", least="one bar", hooks="features.build_live", case=SERVED)
def live_feature_is_a_bar_late(call: Call) -> Any:
    """A column is a bar old live."""
    return changed(call, lambda v: v.shift(1), by_asset=True)


@fault(CONTRACT, "FEA003", least="one blank", hooks="features.build_live", of=held)
def live_blanks_are_zero(call: Call, frame: pd.DataFrame) -> Any:
    """What is not known yet is zero live."""
    return frame.fillna(0.0)


@fault(CONTRACT, "FEA003", least="two columns", hooks="features.build_live")
def live_columns_are_exchanged(call: Call) -> Any:
    """Two columns hold each other's values live."""
    return _exchanged(call)


@fault(
    CONTRACT, "FEA003", least="percent for fraction", hooks="features.build_backtest", case=SERVED
)
def backtest_feature_is_in_percent(call: Call) -> Any:
    """A column is in per cent in the backtest."""
    return changed(call, lambda v: v * 100.0)


@fault(CONTRACT, "FEA003", least="two columns", hooks="features.build_backtest")
def backtest_columns_are_exchanged(call: Call) -> Any:
    """Two columns hold each other's values in the backtest."""
    return _exchanged(call)


def _exchanged(call: Call) -> Any:
    frame = held(call)
    if frame is not None and len(numeric(frame)) > 1:
        one, other = call.rng.choice(numeric(frame), 2, replace=False)
        frame[[one, other]] = frame[[other, one]].to_numpy()
    return call.answer


@served("FEA007", least="the unit of the price")
def feature_has_the_unit_of_the_price(call: Call) -> Any:
    """A column grows with the unit that prices are quoted in."""
    frame, panel = held(call), call.args[0]
    if frame is not None and call.case in frame and isinstance(panel, pd.DataFrame):
        frame[call.case] = frame[call.case] * float(np.nanmedian(panel["close"]))
    return call.answer


@fault(CONTRACT, "FEA002", least="one column", hooks="features.policy", case=SERVED)
def served_feature_is_for_research_only(call: Call) -> Any:
    """The policy keeps a served column for research."""
    if not isinstance(call.answer, dict):
        return call.answer
    return {**call.answer, call.case: "RESEARCH_ONLY"}


@fault(CONTRACT, "FEA002", least="one column", hooks="features.policy", case=SERVED)
def served_feature_has_no_policy(call: Call) -> Any:
    """The policy does not know a served column."""
    if not isinstance(call.answer, dict):
        return call.answer
    return {k: v for k, v in call.answer.items() if k != call.case}


@fault(CONTRACT, "FEA106", least="one bar", hooks=("decisions.backtest", "decisions.live"), of=held)
def orders_are_a_bar_early(call: Call, frame: pd.DataFrame) -> None:
    """Each order is that of the next bar."""
    for column in frame.columns:
        per_asset(frame, column, ahead)
