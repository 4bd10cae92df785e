"""Orders that differ between backtest and live, or do not follow from the predictions."""

import numpy as np
import pandas as pd

from audit_lib.faults.base import Call, fault
from audit_lib.faults.tables import held, per_asset
from audit_lib.model import Contract

CONTRACT = Contract.INTERPRETATION
LIVE = ("decisions.live", "decisions.rules_live")
BOTH = (*LIVE, "decisions.backtest", "decisions.rules_backtest")


def _orders(call: Call) -> pd.DataFrame | None:
    frame = held(call)
    return frame if frame is not None and {"side", "size"} <= set(frame.columns) else None


@fault(CONTRACT, "INT001", least="one per cent of the size", hooks=LIVE, of=_orders)
def live_orders_are_larger(call: Call, orders: pd.DataFrame) -> None:
    """Live orders are one per cent larger."""
    orders["size"] = orders["size"] * 1.01


@fault(CONTRACT, "INT001", least="one order in a hundred", hooks=LIVE, of=_orders)
def live_threshold_is_a_little_higher(call: Call, orders: pd.DataFrame) -> None:
    """Live leaves out the smallest hundredth of the orders."""
    if (orders["side"] != 0).any():
        sizes = orders.loc[orders["side"] != 0, "size"]
        small = (orders["side"] != 0) & (orders["size"] <= sizes.quantile(0.01))
        orders.loc[small, ["side", "size"]] = 0


@fault(CONTRACT, "INT001", least="one gated order", hooks=LIVE, of=_orders)
def live_has_no_gates(call: Call, orders: pd.DataFrame) -> None:
    """Live trades where the backtest's gates stop, at the usual size."""
    if "gate" in orders:
        stopped = (orders["gate"].fillna("") != "") & (orders["side"] == 0)
        traded = orders.loc[orders["side"] != 0, "size"]
        if stopped.any() and len(traded):
            orders.loc[stopped, "side"] = 1
            orders.loc[stopped, "size"] = float(traded.median())
            orders.loc[stopped, "gate"] = ""


@fault(CONTRACT, "INT001", least="one row", hooks=LIVE, of=_orders)
def live_trades_the_other_way(call: Call, orders: pd.DataFrame) -> None:
    """Live buys what the backtest sells."""
    orders["side"] = -orders["side"]


@fault(CONTRACT, "INT001", least="one bar", hooks="decisions.live", of=_orders)
def live_orders_are_a_bar_late(call: Call, orders: pd.DataFrame) -> None:
    """Live orders are those of the bar before."""
    for column in ("side", "size"):
        per_asset(orders, column, lambda v: v.shift(1).fillna(0))
    orders["side"] = orders["side"].astype(int)


@fault(CONTRACT, "INT001", least="longs alone", hooks=LIVE, of=_orders)
def live_never_sells(call: Call, orders: pd.DataFrame) -> None:
    """Live leaves out short orders."""
    orders.loc[orders["side"] < 0, ["side", "size"]] = 0


@fault(CONTRACT, "INT002", least="one order", hooks=BOTH, of=_orders)
def sizes_are_signed(call: Call, orders: pd.DataFrame) -> None:
    """Sizes carry the side's sign."""
    orders["size"] = orders["size"] * np.sign(orders["side"]).where(lambda s: s != 0, 1)


@fault(CONTRACT, "INT002", least="one order", hooks=BOTH, of=_orders)
def sides_are_probabilities(call: Call, orders: pd.DataFrame) -> None:
    """Sides are fractions in place of -1, 0 and 1."""
    orders["side"] = orders["side"] * 0.5


@fault(CONTRACT, "INT003", least="all rows", hooks=BOTH, of=_orders)
def rules_never_trade(call: Call, orders: pd.DataFrame) -> None:
    """No order is ever made."""
    orders[["side", "size"]] = 0


@fault(CONTRACT, "INT003", "INT001", "INT002", "INT004", least="all rows", hooks=BOTH, of=_orders)
def rules_always_buy(call: Call, orders: pd.DataFrame) -> None:
    """Every row is bought, whatever was predicted."""
    orders["side"], orders["size"] = 1, 0.01


@fault(CONTRACT, "INT004", least="the sign", hooks=BOTH, of=_orders)
def sides_are_against_the_prediction(call: Call, orders: pd.DataFrame) -> None:
    """All paths sell what is predicted to rise."""
    orders["side"] = -orders["side"]
