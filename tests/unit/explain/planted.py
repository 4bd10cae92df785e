"""A made-up version in which it is known what decides; nothing of it is called by usual names."""

HOOKS = """
N, DAYS = 1200, 240

def _rows():
    rng = np.random.default_rng(11)
    day = np.repeat(pd.date_range("2019-01-01", periods=DAYS, freq="D"), N // DAYS)
    index = pd.MultiIndex.from_arrays(
        [day, np.tile([f"A{i}" for i in range(N // DAYS)], DAYS)], names=["asof", "ric"]
    )
    x = pd.DataFrame(
        rng.normal(size=(N, 6)),
        index=index,
        columns=["alone", "idle", "left", "right", "in storm", "twin"],
    )
    x["twin"] = x["alone"] * 2 + rng.normal(size=N) * 0.01
    x["storm"] = (rng.random(N) < 0.4).astype(float)
    return x

@surface("explain.inputs")
def inputs(at):
    x = _rows()
    regimes = np.where(x["storm"] > 0, "storm", "calm")
    return {"features": x, "regimes": list(regimes)}

def _heads(x):
    return pd.DataFrame(
        {
            "one": np.tanh(2 * x["alone"]),
            "two": x["left"] * x["right"],
            "some": np.where(x["storm"] > 0.5, x["in storm"], 0.0) + 0.2 * np.tanh(x["left"]),
            "sum": 0.5 * x["left"] - 0.25 * x["right"] + 0.1,
            "none": np.zeros(len(x)),
        },
        index=x.index,
    )

@surface("predictor.required")
def required(at):
    return list(_rows().columns)

@surface("predictor.predict")
def predict(at, features):
    return _heads(features)

@surface("decisions.backtest")
def decide(at, features):
    go = (features["alone"] > 0.5) & (features["storm"] < 0.5)
    return pd.DataFrame(
        {"side": go.astype(int), "size": go * 0.1, "gate": ""}, index=features.index
    )
"""
