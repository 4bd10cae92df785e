"""Two engines in the style of public ones, made up, and the hooks that expose them.

Neither was written for the workbook: a bot that knows one candle at a time, with an account; and a
hub of models by horizon whose networks answer one array.
"""

BOT = '''
"""A momentum bot: candles come one at a time, an account says what may still be opened."""
import math
from collections import deque
from dataclasses import dataclass, field


class Indicators:
    """Rolling numbers of one symbol."""

    def __init__(self):
        self.closes, self.volumes = deque(maxlen=21), deque(maxlen=20)

    def update(self, close, volume):
        self.closes.append(close)
        self.volumes.append(volume)
        nan = math.nan
        done = len(self.closes) == 21
        mean = sum(self.volumes) / len(self.volumes)
        moves = [math.log(b / a) for a, b in zip(self.closes, list(self.closes)[1:])]
        middle = sum(moves) / len(moves) if moves else nan
        spread = math.sqrt(sum((m - middle) ** 2 for m in moves) / 20) if done else nan
        return {
            "momentum": math.log(close / self.closes[0]) if done else nan,
            "noise": spread,
            "surge": volume / mean if len(self.volumes) == 20 else nan,
        }


@dataclass
class Account:
    equity: float = 1.0
    peak: float = 1.0
    open: dict = field(default_factory=dict)

    @property
    def drawdown(self):
        return 1 - self.equity / self.peak

    @property
    def gross(self):
        return sum(abs(size) for size in self.open.values())


class Risk:
    MAX_DRAWDOWN, MAX_OPEN, MAX_GROSS, MAX_NOISE = 0.15, 6, 1.2, 0.05

    def veto(self, account, row, size):
        if account.drawdown >= self.MAX_DRAWDOWN:
            return "kill switch"
        if len(account.open) >= self.MAX_OPEN:
            return "slots"
        if account.gross + size > self.MAX_GROSS:
            return "gross"
        return "noise" if row["noise"] > self.MAX_NOISE else ""


class Bot:
    """Decides one row; books what it opens."""

    def __init__(self, account):
        self.account, self.risk = account, Risk()

    def score(self, row):
        return math.tanh(row["momentum"] / (4 * row["noise"])) if row["noise"] > 0 else math.nan

    def on_row(self, symbol, row):
        score = self.score(row)
        if not (math.isfinite(score) and math.isfinite(row["surge"])) or abs(score) < 0.2:
            return 0, 0.0, ""
        size = min(0.25, 0.2 * abs(score))
        gate = self.risk.veto(self.account, row, size)
        if gate:
            return 0, 0.0, gate
        self.account.open[f"{symbol}-{len(self.account.open)}"] = math.copysign(size, score)
        return int(math.copysign(1, score)), size, ""
'''

VECTORISED = '''
"""The same strategy for whole tables, as back-tests run it."""
import numpy as np
import pandas as pd

from engine_bot.bot import Risk


def indicators(panel):
    parts = []
    for asset, bars in panel.groupby(level="asset"):
        logs = np.log(bars["close"])
        parts.append(pd.DataFrame({
            "momentum": logs.diff(20),
            "noise": logs.diff().rolling(20).std(ddof=0),
            "surge": bars["volume"] / bars["volume"].rolling(20).mean(),
        }))
    return pd.concat(parts).reindex(panel.index)


def orders(frame, drawdown, slots, gross):
    score = np.tanh(frame["momentum"] / (4 * frame["noise"].where(frame["noise"] > 0)))
    wanted = (score.abs() >= 0.2) & frame["surge"].notna()
    size = np.minimum(0.25, 0.2 * score.abs()).where(wanted, 0.0)
    gates = [
        ("kill switch", wanted & (drawdown >= Risk.MAX_DRAWDOWN)),
        ("slots", wanted & (slots >= Risk.MAX_OPEN)),
        ("gross", wanted & (gross + size > Risk.MAX_GROSS)),
        ("noise", wanted & (frame["noise"] > Risk.MAX_NOISE)),
    ]
    gate = np.select([hit for _, hit in gates], [name for name, _ in gates], "")
    free = wanted & (gate == "")
    side, size = np.where(free, np.sign(score), 0.0), np.where(free, size, 0.0)
    return pd.DataFrame({"side": side, "size": size, "gate": gate}, index=frame.index)
'''

BOT_YAML = """
clock: {opens: 9h30min, closes: 16h}
account:
  drawdown: {worst: 0.5, limit: 0.15, gate: kill switch}
  slots: {worst: 20, limit: 6, whole: true, gate: slots}
  gross: {worst: 3.0}
heads: {score: {kind: real}}
"""

BOT_HOOKS = """
import sys

COLUMNS = ["momentum", "noise", "surge"]


def modules(at):
    if str(at.root) not in sys.path:
        sys.path.insert(0, str(at.root))
    from engine_bot import bot, vectorised
    return bot, vectorised


def account_of(bot, told):
    made = bot.Account(equity=1 - told["drawdown"], peak=1.0)
    slots = int(told["slots"])
    made.open = {f"before-{i}": told["gross"] / slots for i in range(slots)}
    if not slots and told["gross"]:
        made.open = {"before": told["gross"]}
    return made


@surface("features.build")
def build(at, panel):
    return modules(at)[1].indicators(panel)


@surface("features.build_live")
def build_live(at, panel, now):
    bot, _ = modules(at)
    if now is not None:
        panel = panel[panel.index.get_level_values("date") + pd.Timedelta("16h") <= now]
    known, rows = {}, []
    for (asset, _), bar in zip(panel.index, panel[["close", "volume"]].to_numpy()):
        rows.append(known.setdefault(asset, bot.Indicators()).update(*bar))
    return pd.DataFrame(rows, index=panel.index, columns=COLUMNS)


@surface("predictor.required")
def required(at):
    return COLUMNS


@surface("predictor.predict", each="row")
def predict(at):
    bot, _ = modules(at)
    one = bot.Bot(bot.Account())
    return lambda row: {"score": one.score(row.iloc[0])}


@surface("decisions.account")
def account(at):
    return {"drawdown": 0.0, "slots": 0, "gross": 0.0}


@surface("decisions.backtest")
def backtest(at, features, account):
    return modules(at)[1].orders(features[COLUMNS], **account)


@surface("decisions.live", each="row")
def live(at, account):
    bot, _ = modules(at)

    def one(row):
        trader = bot.Bot(account_of(bot, account))
        side, size, gate = trader.on_row(row.index[0][0], row.iloc[0])
        after = trader.account
        left = {"drawdown": after.drawdown, "slots": len(after.open), "gross": after.gross}
        order = pd.DataFrame({"side": [side], "size": [size], "gate": [gate]}, index=row.index)
        return {"orders": order, "account": left}

    return one
"""

HUB = '''
"""A hub of models by horizon: ids are issued here, each horizon has its latest and its champion."""
import json
import shutil
from pathlib import Path

import numpy as np


class UnknownModel(Exception):
    pass


class Hub:
    def __init__(self, store):
        self.store, self.file = Path(store), Path(store) / "hub.json"

    def read(self):
        try:
            return json.loads(self.file.read_text())
        except (OSError, ValueError) as error:
            raise UnknownModel(f"the hub cannot be read: {error}") from None

    def _write(self, state):
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(state))
        part.replace(self.file)

    def ids(self, horizon):
        return [v["id"] for v in self.read()["models"] if v["horizon"] == horizon]

    def resolve(self, horizon, request):
        state = self.read()
        name = state["latest"].get(str(horizon)) if request is None else request
        if name not in self.ids(horizon) or not (self.store / name / "meta.json").is_file():
            raise UnknownModel(f"no model {name} for {horizon}")
        return name

    def publish(self, source, horizon, metrics):
        state = self.read()
        if source not in [v["id"] for v in state["models"]]:
            raise UnknownModel(source)
        name = f"m{len(state['models']) + 1:04d}"
        shutil.copytree(self.store / source, self.store / name)
        meta = json.loads((self.store / name / "meta.json").read_text())
        meta.update(version=name, horizon=horizon)
        (self.store / name / "meta.json").write_text(json.dumps(meta))
        state["models"].append({"id": name, "horizon": horizon, "metrics": metrics})
        state["latest"][str(horizon)] = name
        self._write(state)
        return name

    def champion(self, horizon, name):
        state = self.read()
        if name not in self.ids(horizon):
            raise UnknownModel(name)
        history = state["champions"].setdefault(str(horizon), [])
        if not history or history[-1] != name:
            history.append(name)
        self._write(state)
        return True

    def rollback(self, horizon):
        state = self.read()
        history = state["champions"].get(str(horizon), [])
        if len(history) < 2:
            raise UnknownModel("there was no champion before")
        history.pop()
        self._write(state)
        return history[-1]


def outputs(meta, features):
    """The network: an array, two columns."""
    center, scale = np.array(meta["scaler"]["median"]), np.array(meta["scaler"]["mad"])
    z = (features[meta["feature_cols"]].to_numpy() - center) / (1.4826 * scale)
    return np.tanh(z) @ np.array(meta["weights"])
'''

HUB_YAML = """
artifacts:
  store: models
  registry:
    {file: hub.json, versions: /models, id: id, latest: "/latest/{horizon}", champion: null}
keys:
  horizon: {values: [5, 20], stored: /horizon}
heads:
  move: {kind: real, output: 1}
  up: {kind: probability, output: 0}
"""

HUB_HOOKS = """
import json
import sys

COLUMNS = ["momentum", "range", "traded", "longer"]


def hub(at):
    if str(at.root) not in sys.path:
        sys.path.insert(0, str(at.root))
    from engine_hub import hub
    return hub


def meta(at):
    return json.loads((at.store / at.version / "meta.json").read_text())


@surface("features.scale")
def scale(at, features):
    kept = meta(at)["scaler"]
    return (features[COLUMNS] - kept["median"]) / [1.4826 * m for m in kept["mad"]]


@surface("targets.build")
def targets(at, panel):
    ahead = panel.groupby(level="asset")["close"].shift(-at.key["horizon"])
    return (ahead / panel["close"] - 1).to_frame("move")


@surface("targets.declared")
def declared(at):
    return {"move": {"horizon": at.key["horizon"], "kind": "simple_return", "calendar": "own"}}


@surface("predictor.required")
def required(at):
    return COLUMNS


@surface("predictor.outputs")
def outputs(at, features):
    return hub(at).outputs(meta(at), features)


@surface("predictor.decode")
def decode(at, outputs):
    up, move = 1 / (1 + np.exp(-np.clip(outputs[:, 0], -50, 50))), 0.01 * outputs[:, 1]
    return pd.DataFrame({"move": move, "up": up})


def asked(at, act):
    made = hub(at)
    try:
        return act(made.Hub(at.store), at.key["horizon"])
    except made.UnknownModel as error:
        raise Refusal(str(error)) from None


@surface("registry.resolve")
def resolve(at, request):
    found = asked(at, lambda h, horizon: h.resolve(horizon, request))
    return {"version": found, "files": [f"{found}/meta.json"]}


@surface("registry.versions")
def versions(at):
    return asked(at, lambda h, horizon: h.ids(horizon))


@surface("registry.create")
def create(at, metrics):
    return asked(at, lambda h, horizon: h.publish(at.version, horizon, metrics))


@surface("registry.promote")
def promote(at, version):
    return asked(at, lambda h, horizon: h.champion(horizon, version))


@surface("registry.rollback")
def rollback(at):
    return asked(at, lambda h, horizon: h.rollback(horizon))
"""
