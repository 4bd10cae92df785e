"""Runs freqtrade's lookahead-analysis and recursive-analysis on the planted columns.

Run by freqtrade's own interpreter (``leaks.py`` does).  Each column becomes a strategy that its
users could have written; the exchange is the only thing replaced, since its markets come from the
network.  Prints one JSON object a column, on a line that begins with ``@@``; freqtrade prints its
tables in between.
"""

from __future__ import annotations

import builtins
import json
import logging
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import PropertyMock, patch

HERE = Path(__file__).parent
PAIR = "BTC/USDT"
INDICATOR = """
        frame["feature"] = planted.{group}[{name!r}](frame)
        return frame

    def populate_entry_trend(self, frame, metadata):
        level = frame["feature"].rolling(50).mean()
        above = frame["feature"] > level
        frame.loc[above & ~above.shift(1, fill_value=False), "enter_long"] = 1
        return frame

    def populate_exit_trend(self, frame, metadata):
        level = frame["feature"].rolling(50).mean()
        frame.loc[frame["feature"] < level, "exit_long"] = 1
        return frame
"""
SIGNAL = """
        return frame

    def populate_entry_trend(self, frame, metadata):
        frame.loc[planted.{group}[{name!r}](frame) > 0, "enter_long"] = 1
        return frame

    def populate_exit_trend(self, frame, metadata):
        frame.loc[planted.{group}[{name!r}](frame) == 0, "exit_long"] = 1
        return frame
"""
STRATEGY = """
import builtins, sys
sys.path.insert(0, {here!r})
import planted
from freqtrade.strategy import IStrategy

class {title}(IStrategy):
    INTERFACE_VERSION = 3
    timeframe = "1h"
    minimal_roi = {{}}
    stoploss = -0.99
    startup_candle_count = 100
    process_only_new_candles = True

    def populate_indicators(self, frame, metadata):
        builtins.builder_calls += 1
"""


def main() -> None:
    """Every planted column, one after another."""
    sys.path.insert(0, str(HERE))
    import planted

    logging.disable(logging.CRITICAL)
    for group in ("LEAKS", "SIGNALS", "CLEAN"):
        for number, name in enumerate(getattr(planted, group)):
            with tempfile.TemporaryDirectory() as folder:
                found = judge(Path(folder), group, name, f"Planted{group.title()}{number}")
            print("@@" + json.dumps({"group": group, "name": name, **found}), flush=True)


def judge(folder: Path, group: str, name: str, title: str) -> dict[str, object]:
    """What both analyses say of one column."""
    from freqtrade.optimize.analysis.lookahead_helpers import LookaheadAnalysisSubFunctions
    from freqtrade.optimize.analysis.recursive_helpers import RecursiveAnalysisSubFunctions

    config = prepare(folder, group, name, title)
    builtins.builder_calls = 0
    started = time.perf_counter()
    said: dict[str, object] = {}
    with offline():
        try:
            table = "text_table_lookahead_analysis_instances"
            with patch.object(LookaheadAnalysisSubFunctions, table) as shown:
                LookaheadAnalysisSubFunctions.start(config)
            (instance,) = shown.call_args.args[1]
            analysis = instance.current_analysis
            enough = analysis.total_signals >= config["minimum_trade_amount"]
            said["lookahead"] = analysis.has_bias if enough else None
            said["signals"] = analysis.total_signals
            said["columns"] = analysis.false_indicators
        except Exception as error:  # noqa: BLE001 - told as the answer
            said["lookahead"], said["error"] = None, repr(error)[:200]
        said["calls"] = builtins.builder_calls
        said["seconds"] = round(time.perf_counter() - started, 2)
        builtins.builder_calls, started = 0, time.perf_counter()
        try:
            with patch("freqtrade.optimize.analysis.recursive.logger.info") as log:
                RecursiveAnalysisSubFunctions.start(prepare(folder, group, name, title))
            said["recursive"] = any(
                "found lookahead in indicator" in str(c) for c in log.mock_calls
            )
        except Exception as error:  # noqa: BLE001 - told as the answer
            said["recursive"], said["error"] = None, repr(error)[:200]
        said["recursive_calls"] = builtins.builder_calls
        said["recursive_seconds"] = round(time.perf_counter() - started, 2)
    return said


def prepare(folder: Path, group: str, name: str, title: str) -> dict[str, object]:
    """Data, strategy and configuration, as ``freqtrade`` itself would read them."""
    import planted
    from freqtrade.configuration import Configuration
    from freqtrade.enums import RunMode

    data, strategies = folder / "data" / "binance", folder / "strategies"
    data.mkdir(parents=True, exist_ok=True)
    strategies.mkdir(exist_ok=True)
    bars = planted.market()
    bars.to_feather(data / "BTC_USDT-1h.feather")
    body = SIGNAL if group == "SIGNALS" or name.startswith("signal") else INDICATOR
    text = STRATEGY.format(here=str(HERE), title=title) + body.format(group=group, name=name)
    (strategies / f"{title}.py").write_text(text)
    settings = {
        "stake_currency": "USDT",
        "stake_amount": 100,
        "dry_run": True,
        "dry_run_wallet": 1000,
        "max_open_trades": 1,
        "timeframe": "1h",
        "fee": 0.0,
        "exchange": {"name": "binance", "key": "", "secret": "", "pair_whitelist": [PAIR]},
        "pairlists": [{"method": "StaticPairList"}],
        "entry_pricing": {"price_side": "other"},
        "exit_pricing": {"price_side": "other"},
    }
    (folder / "config.json").write_text(json.dumps(settings))
    arguments = {
        "config": [str(folder / "config.json")],
        "user_data_dir": str(folder),
        "datadir": str(data),
        "strategy": title,
        "strategy_path": str(strategies),
        "timerange": "-".join(str(int(bars.date.iloc[at].timestamp())) for at in (100, -1)),
        "minimum_trade_amount": 10,
        "targeted_trade_amount": 20,
        "lookahead_analysis_exportfilename": None,
        "startup_candle": [100, 200],
    }
    config = Configuration(arguments, RunMode.BACKTEST).get_config()
    config["pairs"] = [PAIR]
    return config


def offline():
    """Replaces what an exchange would load from the network."""
    from contextlib import ExitStack

    from freqtrade.exchange import Exchange
    from freqtrade.exchange.binance import Binance

    market = {
        "id": "BTCUSDT", "symbol": PAIR, "base": "BTC", "quote": "USDT", "active": True,
        "spot": True, "type": "spot", "linear": None, "contract": False, "margin": True,
        "swap": False, "future": False, "contractSize": None, "taker": 0.0, "maker": 0.0,
        "precision": {"price": 1e-8, "amount": 1e-8, "cost": 1e-8},
        "limits": {k: {"min": 1e-9, "max": 1e12} for k in ("amount", "price", "cost", "leverage")},
        "info": {},
    }  # fmt: skip
    stack = ExitStack()
    for name in ("reload_markets", "validate_config", "_load_async_markets", "validate_timeframes"):
        stack.enter_context(patch.object(Exchange, name, lambda self, *a, **k: None, create=True))
    stack.enter_context(patch.object(Binance, "additional_exchange_init", lambda self: None))
    stack.enter_context(
        patch.object(Exchange, "markets", PropertyMock(return_value={PAIR: market}))
    )
    stack.enter_context(patch.object(Exchange, "get_fee", lambda self, *a, **k: 0.0))
    stack.enter_context(patch.object(Exchange, "precisionMode", PropertyMock(return_value=4)))
    stack.enter_context(
        patch.object(Exchange, "precision_mode_price", PropertyMock(return_value=4))
    )
    return stack


if __name__ == "__main__":
    main()
