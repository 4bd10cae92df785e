"""How hooks.py drives the engine from predictions to orders, in backtest and live.

Both sides trade the strategy that the engine's configuration describes, from an empty account
with its starting capital.  Each group of rows is decided on its own, so that an order follows
from its own prediction and not from positions that earlier rows left open.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.hooks import Context

AFTER = 20  # bars kept after the last decision, in which a backtest can leave its position
LENGTH = 120 + AFTER  # bars behind and after a made-up row


def engine(at: Context, module: str) -> Any:
    """A module of the checkout under audit."""
    parent = str(at.root.parent)
    if parent not in sys.path:
        sys.path.insert(0, parent)
    __import__(f"{at.root.name}.{module}")
    return sys.modules[f"{at.root.name}.{module}"]


def horizon_of(at: Context) -> int:
    """Bars that the version, or whatever else is asked for, looks ahead."""
    return int(at.key["horizon"])


def permnos(assets: pd.Index) -> dict[Any, str]:
    """Asset to a number, as the engine accepts no other ids; numbers stay themselves."""
    taken = {str(a) for a in assets}
    free = (str(n) for n in range(10_001, 10**6) if str(n) not in taken)
    return {a: str(a) if str(a).isdigit() else next(free) for a in assets}


def decided(at: Context, path: Any, predictions: pd.DataFrame, bars: dict[str, Any]) -> Any:
    """Orders of `path` (below) for each asset and date alone.

    Probes rename assets when they cut many copies of one series; an unknown name trades on the
    bars of the first asset.
    """
    orders = nothing(predictions.index)
    ids = permnos(predictions.index.get_level_values("asset").unique())
    any_bars = next(iter(bars.values()))
    for asset, rows in predictions.groupby(level="asset", sort=False):
        prices = {ids[asset]: bars.get(str(asset), any_bars)}
        own = keyed(rows, ids)
        alone = ([position] for position in range(len(rows)))
        fill(orders, rows.index, path(at, own, prices, alone))
    return orders


def ruled(at: Context, path: Any, predictions: pd.DataFrame, bars: pd.DataFrame) -> Any:
    """Orders of `path` for made-up predictions, all assets of a date competing for its slots.

    Every asset has another stretch of one real series, redated so that the decision falls on a
    known bar: equal bars would be refused as one correlated bet.
    """
    made = predictions.copy()
    codes = engine(at, "config").REGIME_NAMES
    calm = {f"regime_prob_{code}": float(code == 0) for code in codes}
    made = made.assign(regime=0.0, regime_confidence=1.0, **calm)
    if not isinstance(made.index, pd.MultiIndex):
        day = pd.Timestamp("2024-01-02")
        made.index = pd.MultiIndex.from_product([made.index, [day]], names=["asset", "date"])
    made = made.reorder_levels(["asset", "date"])
    orders = nothing(made.index)
    for date, rows in made.groupby(level="date", sort=False):
        ids = permnos(rows.index.get_level_values("asset").unique())
        last = pd.Timestamp(str(date)) + pd.Timedelta(days=AFTER)
        days = pd.date_range(end=last, periods=LENGTH, freq="D")
        starts = np.linspace(0, len(bars) - LENGTH, len(ids)).astype(int)
        stretches = (bars.iloc[start : start + LENGTH].set_axis(days) for start in starts)
        prices = dict(zip(ids.values(), stretches, strict=True))
        fill(orders, rows.index, path(at, keyed(rows, ids), prices, iter([range(len(rows))])))
    orders.index = predictions.index
    return orders


def backtest(
    at: Context, predictions: pd.DataFrame, prices: dict[str, Any], groups: Iterator[Any]
) -> Iterator[tuple[int, float]]:
    """Position of each row that `run_backtest.py` would buy, and the size it fills.

    Shock vectors depend on bars and regimes, not on the group: the engine computes them once.
    """
    module = engine(at, "backtest.engine")
    compute, kept = module.compute_shock_vectors, {}

    def once(ohlcv: Any, ticker: str, **given: Any) -> Any:
        if ticker not in kept:
            kept[ticker] = compute(ohlcv=ohlcv, ticker=ticker, **given)
        return kept[ticker]

    module.compute_shock_vectors = once
    try:
        module.Backtester(holding_days=horizon_of(at)).run(predictions, prices, verbose=False)
        for group in groups:
            rows = predictions.iloc[list(group)]
            made = module.Backtester(holding_days=horizon_of(at)).run(rows, prices, verbose=False)
            at_row = dict(zip(rows.index, group, strict=True))
            for trade in made.trades:
                days = prices[trade.ticker].index
                signal = days[days.get_loc(pd.Timestamp(trade.entry_date)) - 1]
                yield at_row[trade.ticker, signal], float(trade.position_size)
    finally:
        module.compute_shock_vectors = compute


def live(
    at: Context, predictions: pd.DataFrame, prices: dict[str, Any], groups: Iterator[Any]
) -> Iterator[tuple[int, float]]:
    """Position of each row that the autopilot's cycle buys on paper, and the size it fills."""
    config = engine(at, "config")
    traded = {
        "horizon": horizon_of(at),
        "entry_threshold": config.ENTRY_THRESHOLD,
        "confidence_threshold": config.CONFIDENCE_THRESHOLD,
        "max_positions": config.MAX_POSITIONS,
        "position_size_pct": config.POSITION_SIZE_PCT,
        "use_risk_management": False,
    }
    strategy = engine(at, "autopilot.registry").ActiveStrategy("audit", "", traded, 0.0, {})
    for group in groups:
        rows = predictions.iloc[list(group)]
        date = rows.index[0][1]
        known = {number: bars.loc[:date] for number, bars in prices.items()}
        earlier = predictions[predictions.index.get_level_values(1) <= date]
        trader = _cycle(at, strategy, known, earlier, _latest(rows))
        equity = trader.initial_capital
        held = {p["permno"]: p for p in trader._load_state()["positions"]}
        for place, (number, _) in zip(group, rows.index, strict=True):
            if number in held:
                position = held[number]
                yield place, float(position["shares"]) * float(position["entry_price"]) / equity


def _latest(rows: pd.DataFrame) -> pd.DataFrame:
    """The newest prediction of each asset, as the autopilot passes it on."""
    latest = rows.reset_index(names=["permno", "date"])
    latest["date"] = latest["date"].astype(str)
    if len(latest) >= 2:
        spread = latest["predicted_return"].std()
        centred = latest["predicted_return"] - latest["predicted_return"].mean()
        latest["cs_zscore"] = centred / spread if spread > 0 else 0.0
    return latest


def _cycle(at: Context, strategy: Any, known: Any, history: Any, latest: Any) -> Any:
    """Run `AutopilotEngine.run_cycle` with this strategy active and these predictions.

    Replaced are data loading, training and the search for strategies; what stays is everything
    between predictions and positions.  State and report go to the scratch folder.
    """
    autopilot = engine(at, "autopilot.engine").AutopilotEngine
    trader = engine(at, "autopilot.paper_trader").PaperTrader(state_path=at.scratch / "paper.json")
    trader.state_path.unlink(missing_ok=True)
    pilot = autopilot.__new__(autopilot)
    pilot.__dict__.update(
        horizon=horizon_of(at), years=0, feature_mode="full", max_candidates=0, strict_oos=False,
        survivorship_mode=False, walk_forward=False, verbose=False,
        report_path=at.scratch / "cycle.json", paper_trader=trader,
        discovery=SimpleNamespace(generate=lambda horizon: []),
        registry=SimpleNamespace(apply_promotions=lambda _: [], get_active=lambda: [strategy]),
        meta_labeler=SimpleNamespace(last_train_time=datetime.now()),
        allocator=None,
        _load_data=lambda: known,
        _ensure_predictor=lambda data: None,
        _predict_universe=lambda data, predictor: (history, latest),
        _evaluate_candidates=lambda *_: [],
    )  # fmt: skip
    pilot.run_cycle()
    return trader


def keyed(rows: pd.DataFrame, ids: dict[Any, str]) -> pd.DataFrame:
    """The rows under the ids that the engine uses, with a regime that is a whole number."""
    assets = [ids[a] for a in rows.index.get_level_values("asset")]
    dates = rows.index.get_level_values("date")
    made = rows.set_axis(pd.MultiIndex.from_arrays([assets, dates], names=["permno", "Date"]))
    return made.assign(regime=made["regime"].fillna(-1).astype(int))


def nothing(index: pd.Index) -> pd.DataFrame:
    """No order for any row."""
    return pd.DataFrame({"side": 0, "size": 0.0, "gate": ""}, index=index)


def fill(orders: pd.DataFrame, index: pd.Index, bought: Iterator[tuple[int, float]]) -> None:
    """Write what was bought into the orders; the engine only buys."""
    places = orders.index.get_indexer(index)
    for place, size in bought:
        orders.iloc[places[place], [0, 1]] = np.array([1, size], dtype=object)
