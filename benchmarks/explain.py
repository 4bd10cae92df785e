"""What ``explain-model`` finds of planted structure, over many seeds; how fast it is.

    python benchmarks/explain.py [--seeds 200] [--only NAME ...]

Each line says how often something planted was found, or something absent invented, with the 95 %
interval of that rate (Clopper and Pearson).  Ends with an error where a bound is missed.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "2")

import numpy as np
import pandas as pd
from scipy import stats

from audit_lib.explain.answers import Answers
from audit_lib.explain.attribution import Attributed, Setting, attribute, lines
from audit_lib.explain.conditions import Learned, split_in_time
from audit_lib.explain.importance import groups
from audit_lib.explain.rows import Rows
from audit_lib.explain.rules import learn
from audit_lib.explain.trees import contributions, forests_in
from audit_lib.model import Location

ROWS, DATES = 1500, 300
NAMES = ("alone", "idle", "left", "right", "in storm", "storm", "twin")
#: bounds on the upper or lower end of the interval of each rate
FOUND, INVENTED, COVERED = 0.90, 0.05, 0.90


class Function:
    """Heads called in this process, as a hook."""

    name = "predictor.predict"

    def __init__(self, heads: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        self.heads = heads

    def __call__(self, table: pd.DataFrame) -> pd.DataFrame:
        return self.heads(table)

    def many(self, calls: Any) -> list[pd.DataFrame]:
        return [self(*call) for call in calls]


def version(seed: int) -> tuple[Rows, Answers, np.ndarray]:
    """Rows that hang together in time, and a version in which it is known what decides."""
    rng = np.random.default_rng(seed)
    place = np.arange(ROWS) * DATES // ROWS
    common = np.zeros((DATES, len(NAMES)))
    for day in range(1, DATES):  # what a date has in common lasts about a week
        common[day] = 0.8 * common[day - 1] + rng.normal(size=len(NAMES)) * 0.6
    x = 0.5 * common[place] + rng.normal(size=(ROWS, len(NAMES))) * 0.87
    table = pd.DataFrame(x, columns=list(NAMES))
    table["storm"] = (table["storm"] > 0.3).astype(float)
    table["twin"] = table["alone"] + 0.05 * rng.normal(size=ROWS)
    scale = rng.uniform(0.5, 2.0, 3)

    def heads(t: pd.DataFrame) -> pd.DataFrame:
        go = (t["alone"] > 0.4) & (t["storm"] < 0.5)
        return pd.DataFrame(
            {
                "one": np.tanh(scale[0] * t["alone"]),
                "two": scale[1] * t["left"] * t["right"],
                "regime": np.where(t["storm"] > 0.5, scale[2] * t["in storm"], 0.0),
                "linear": scale[0] * t["left"] - scale[1] * t["right"],
                "side": go.astype(float),
                "noise": np.sin(1e4 * t["idle"] + 3e4 * t["left"]),
            }
        )

    dates = pd.date_range("2015-01-01", periods=DATES, freq="B").to_numpy()[place]
    rows = Rows(table, dates, regimes=np.where(table["storm"] > 0, "storm", "calm"), of=ROWS)
    hook: Any = Function(heads)
    answers = Answers(hook, ("one", "two", "regime", "linear", "side", "noise"), lambda a: a, True)
    return rows, answers, scale


def outcomes(seed: int) -> dict[str, list[bool]]:
    """What was found, invented and covered with one seed."""
    rows, answers, scale = version(seed)
    sample = rows.drawn(400, np.random.default_rng(seed))
    heads = {a.name: a for a in attribute(answers, sample, Setting(seed=seed, budget=8000))}
    told: dict[str, list[bool]] = {}

    def said(what: str, *answer: bool) -> None:
        told.setdefault(what, []).extend(bool(a) for a in answer)

    def size(head: str, factor: str) -> Any:
        return heads[head].sizes[NAMES.index(factor)]

    said("found: the factor that decides is first", NAMES[heads["one"].order[0]] == "alone")
    pairs = {name: {frozenset(p[:2]) for p in a.pairs} for name, a in heads.items()}
    said("found: two factors that interact", frozenset(("left", "right")) in pairs["two"])
    said("found: a factor with its regime", frozenset(("in storm", "storm")) in pairs["regime"])
    storm = _share(heads["regime"], sample, seed, "storm")
    said("found: acts more in its own regime", storm["storm"] > storm["calm"])
    said("found: a copy stands in one group", ("alone", "twin") in groups(sample.table))
    said(
        "invented: a factor that does nothing",
        *(not heads[h].idle(NAMES.index("idle")) for h in ("one", "two", "regime", "side")),
    )
    said("invented: an interaction of a sum", bool(pairs["linear"]), bool(pairs["one"]))
    truth = _truth(rows, scale)
    for (head, factor), value in truth.items():
        found = size(head, factor)
        said(f"covered: 95 % interval of {head} by {factor}", found.low <= value <= found.high)
    for name, answer in _rules(rows, answers, seed).items():
        said(name, answer)
    return told


def _share(head: Attributed, sample: Rows, seed: int, _: str) -> dict[str, float]:
    return {
        line.slice: line.importance
        for line in lines(head, sample, seed)
        if line.scope == "regime" and line.factor == "in storm"
    }


def _truth(rows: Rows, scale: np.ndarray) -> dict[tuple[str, str], float]:
    """Root mean square of exact contributions over all rows, against all rows."""
    t = rows.table
    one = np.tanh(scale[0] * t["alone"])
    a, b = t["left"].to_numpy(), t["right"].to_numpy()
    left = (a * b.mean() - (a * b).mean() + a * b - a.mean() * b) / 2
    return {
        ("one", "alone"): float(one.std()),
        ("two", "left"): float(scale[1] * np.sqrt((left**2).mean())),
        ("linear", "right"): float(scale[1] * t["right"].std()),
    }


def _rules(rows: Rows, answers: Answers, seed: int) -> dict[str, bool]:
    answered = answers.one(rows.table)
    split = split_in_time(rows, 20)
    group = {"twin": "alone", "alone": "alone"}

    def of(head: str) -> Learned:
        at = answers.names.index(head)
        return learn(head, answered[:, at], rows, split, seed=seed, group=group)

    side, noise = of("side"), of("noise")
    enters = [r for r in side.rules if r.event.value == 1.0]
    named = {c.factor for r in side.rules for c in r.conditions}
    return {
        "found: the rule of the decision": any(
            {group.get(c.factor, c.factor) for c in r.conditions} == {"alone", "storm"}
            and r.precision.value > 0.9
            for r in enters
        ),
        "invented: a factor in the decision's rules": bool(named - {"alone", "twin", "storm"}),
        "invented: rules of an answer that has none": bool(noise.rules),
    }


def speed() -> None:
    """1,000 rows, 60 factors, 4 heads; and trees against LightGBM's own contributions."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(1000, 60)), columns=[f"f{i}" for i in range(60)])
    weights = rng.normal(size=(60, 4))

    def heads(t: pd.DataFrame) -> pd.DataFrame:
        values = np.tanh(t.to_numpy() @ weights / 8)
        return pd.DataFrame(values, columns=["a", "b", "c", "d"], index=t.index)

    hook: Any = Function(heads)
    answers = Answers(hook, ("a", "b", "c", "d"), lambda answer: answer, True)
    dates = pd.date_range("2015-01-01", periods=1000).to_numpy()
    started = time.perf_counter()
    found = attribute(answers, Rows(table, dates, of=1000), Setting())
    for head in found:
        list(lines(head, Rows(table, dates, of=1000), 0))
    taken = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"1,000 rows x 60 factors x 4 heads: {taken:.1f} s, {memory:.0f} MB at most")
    _trees(table)
    if taken > 30 or memory > 1024:
        sys.exit("slower than 30 s, or more than 1 GB")


def _trees(table: pd.DataFrame) -> None:
    import lightgbm

    y = np.tanh(table["f0"]) + table["f1"] * table["f2"]
    told = {"verbose": -1, "num_leaves": 31, "num_threads": 2}
    model = lightgbm.train(told, lightgbm.Dataset(table, y), 300)
    rows = table.to_numpy()
    (forest,) = forests_in(model.model_to_string(), Location("model.txt", base="artifacts"))
    forest.explainer()  # shap's import is not what is compared
    taken = []
    for made in (
        lambda: model.predict(rows, pred_contrib=True),
        lambda: contributions(forest, rows, list(table.columns), "head"),
    ):
        started = time.perf_counter()
        made()
        taken.append(time.perf_counter() - started)
    off = np.abs(
        contributions(forest, rows, list(table.columns), "head").walks[0]
        - model.predict(rows, pred_contrib=True)[:, :-1]
    ).max()
    print(f"trees: {taken[1]:.2f} s, pred_contrib {taken[0]:.2f} s, largest difference {off:.1e}")


def main() -> None:
    """Count, print, and hold rates against their bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--only", nargs="*", choices=["structure", "speed"], default=None)
    asked = parser.parse_args()
    if not asked.only or "speed" in asked.only:
        speed()
    if asked.only and "structure" not in asked.only:
        return
    counted: dict[str, list[bool]] = {}
    for seed in range(asked.seeds):
        for what, answer in outcomes(seed).items():
            counted.setdefault(what, []).extend(answer)
    missed = []
    for what, said in sorted(counted.items()):
        hits, of = sum(said), len(said)
        low = stats.beta.ppf(0.025, hits, of - hits + 1) if hits else 0.0
        high = stats.beta.ppf(0.975, hits + 1, of - hits) if hits < of else 1.0
        print(f"{hits:4d} of {of:4d}  {hits / of:6.1%}  ({low:.1%} to {high:.1%})  {what}")
        kind = what.split(":")[0]
        bad = {
            "found": hits / of < FOUND,
            "invented": hits / of > INVENTED,
            "covered": high < COVERED,
        }[kind]
        missed += [what] if bad else []
    if missed:
        sys.exit(f"bounds are missed: {'; '.join(missed)}")


if __name__ == "__main__":
    main()
