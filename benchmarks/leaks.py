"""Planted leaks: recall, false alarms, builder calls and time, for us and for others.

    python benchmarks/leaks.py
    python benchmarks/leaks.py --rivals FOLDER
    python benchmarks/leaks.py --freqtrade FT/bin/python --deepchecks DC/bin/python

``--rivals`` makes an environment for each of freqtrade, deepchecks, leakguard-mcp and
backtest-audit in a folder outside the checkout, once, from the package registry; the other options
name interpreters that already have them.  They share no dependency with ours.  Every tool judges
one column at a time, on the same 1,500 hourly bars; the last two read it as a file of its own, and
decoys beside.  Ends with an error where our probe misses a leak or accuses a clean column.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TOOLS = Path(__file__).parent / "leak_tools"
sys.path.insert(0, str(TOOLS))

import linters  # noqa: E402 - beside planted, which it reads
import planted  # noqa: E402 - other interpreters import it too

from audit_lib.probes.market.influence import MeasurementStatus, measure_influence  # noqa: E402
from audit_lib.subject.subject import open_subject  # noqa: E402
from audit_lib.testing import run_check  # noqa: E402

LEAKS = ("LEAKS", "SIGNALS", "PANEL_LEAKS")
ONE_ASSET = ("LEAKS", "SIGNALS", "CLEAN")
READING = ("FEA111", "FEA112", "FEA113", "FEA114")
ACROSS = ("PANEL_LEAKS", "PANEL_CLEAN")
Row = dict[str, Any]
Build = Callable[[pd.DataFrame], Any]


# --- ours ---------------------------------------------------------------------------------------
def ours(
    groups: tuple[str, ...], panel: pd.DataFrame, builder: Callable[[Any], Build]
) -> list[Row]:
    """Our probe on every column of these groups, by itself."""
    found = []
    for group in groups:
        for name, column in getattr(planted, group).items():
            started = time.perf_counter()
            measured = measure_influence(builder(column), panel)
            window = measured.columns["column"]
            found.append(
                {
                    "group": group,
                    "name": name,
                    "said": window.look_ahead > 0,
                    "detail": "whole sample" if window.whole_future else window.look_ahead,
                    "calls": measured.builds,
                    "seconds": time.perf_counter() - started,
                }
            )
    return found


def decoys(panel: pd.DataFrame) -> list[Row]:
    """Our probe on what the decoys serve."""
    found = []
    for group, name, text in linters.texts():
        if group == "DECOYS":
            names: dict[str, Any] = {}
            exec(text, names)  # a text of this benchmark's own
            started = time.perf_counter()

            def served(bars: pd.DataFrame, names: dict[str, Any] = names) -> pd.Series:
                return pd.Series(names["add_features"](bars.copy())["column"])

            measured = measure_influence(one_by_one(served), panel)
            ahead = measured.columns["column"].look_ahead
            seconds = time.perf_counter() - started
            found.append({"group": group, "name": name, "said": ahead > 0, "detail": ahead,
                          "calls": measured.builds, "seconds": seconds})  # fmt: skip
    return found


@contextmanager
def workspace_of(text: str) -> Iterator[Path]:
    """A workspace whose subject ``read`` is one file of that text."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "parameters" / "read"
        place.mkdir(parents=True)
        (Path(folder) / "engine").mkdir()
        (Path(folder) / "engine" / "features.py").write_text(text, encoding="utf-8")
        settings = "subject: read\nsource: {root: ../../engine}\n"
        (place / "subject.yaml").write_text(settings, encoding="utf-8")
        yield Path(folder)


def reading() -> list[Row]:
    """Our checks that read, without a probe to confirm or clear what they suspect."""
    found = []
    for group, name, text in linters.texts():
        with workspace_of(text) as folder:
            started = time.perf_counter()
            subject = open_subject("read", workspace=folder)
            said = any(run_check(c, subject).findings for c in READING)
            found.append({"group": group, "name": name, "said": said, "calls": 0,
                          "seconds": time.perf_counter() - started})  # fmt: skip
    return found


def one_by_one(column: planted.Column) -> Build:
    """A builder of a column that knows one asset."""

    def build(panel: pd.DataFrame) -> pd.DataFrame:
        parts = {}
        for asset, part in panel.groupby(level=0):
            bars = part.droplevel(0).reset_index()
            parts[asset] = column(bars).set_axis(pd.Index(bars["date"], name="date"))
        return pd.concat(parts, names=["asset", "date"]).to_frame("column")

    return build


def side_by_side(column: planted.Wide) -> Build:
    """A builder of a column that looks across assets."""

    def build(panel: pd.DataFrame) -> pd.DataFrame:
        wide = column(panel["close"].unstack(0))
        long = wide.stack(future_stack=True).swaplevel().rename_axis(["asset", "date"])
        return long.reindex(panel.index).to_frame("column")

    return build


def odd_builders() -> dict[str, tuple[Build, pd.DataFrame, Callable[[Any], bool]]]:
    """Builders that neither leak nor are clean: what must be said of them."""
    panel = hourly().iloc[:400]
    move = one_by_one(planted.CLEAN["return"])

    def random(bars: pd.DataFrame) -> pd.DataFrame:
        noise = np.random.default_rng().normal(0, 1e-3, len(bars))
        return move(bars) + noise[:, None]

    def raises(bars: pd.DataFrame) -> pd.DataFrame:
        raise KeyError("adj_close")

    return {
        "nondeterministic": (
            random,
            panel,
            lambda m: m.columns["column"].noise > 0 and m.columns["column"].look_ahead == 0,
        ),
        "too short": (move, panel.iloc[:20], lambda m: m.outcome is MeasurementStatus.TOO_SHORT),
        "raising": (raises, panel, lambda m: m.outcome is MeasurementStatus.RAISES),
        "other rows": (
            lambda bars: move(bars).droplevel(0),
            panel,
            lambda m: m.outcome is MeasurementStatus.OTHER_ROWS,
        ),
    }


def hourly() -> pd.DataFrame:
    """The planted market as a panel of one asset."""
    bars = planted.market()
    return pd.concat({"BTC/USDT": bars.set_index("date")}, names=["asset", "date"])


def daily() -> pd.DataFrame:
    """The planted universe as a panel; no rows before a listing or after an end."""
    closes = planted.universe()
    long = closes.stack(future_stack=True).dropna().rename("close")
    return long.swaplevel().rename_axis(["asset", "date"]).sort_index().to_frame()


# --- others -------------------------------------------------------------------------------------
def environment(folder: Path, package: str) -> str:
    """Interpreter of an environment that has the package; made on the first call."""
    home = folder / package
    interpreter = home / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    if not interpreter.exists():
        print(f"installing {package} into {home}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        install = [str(interpreter), "-m", "pip", "install", "--quiet", package]
        subprocess.run(install, check=True)
    return str(interpreter)


def run(interpreter: str, script: str) -> list[Row]:
    """Lines that a runner printed, parsed."""
    done = subprocess.run(
        [interpreter, str(TOOLS / script)], capture_output=True, text=True, check=False
    )
    lines = [line[2:] for line in done.stdout.splitlines() if line.startswith("@@")]
    if not lines:
        raise SystemExit(f"{script} printed nothing:\n{done.stderr[-800:]}")
    return [json.loads(line) for line in lines]


def as_said(rows: list[Row], key: str, calls: str = "calls", seconds: str = "seconds") -> list[Row]:
    """One of a runner's verdicts as rows of the summary."""
    return [
        {**r, "said": r.get(key), "calls": r.get(calls, 0), "seconds": r.get(seconds, 0.0)}
        for r in rows
    ]


# --- both ---------------------------------------------------------------------------------------
def summary(tool: str, rows: list[Row]) -> str:
    """Recall, false alarms, calls and time of one tool, in a line."""
    leaks = [r for r in rows if r["group"] in LEAKS]
    clean = [r for r in rows if r["group"] not in LEAKS]
    hits = sum(r["said"] is True for r in leaks)
    alarms = sum(r["said"] is True for r in clean)
    unsaid = sum(r["said"] is None for r in rows)
    calls = sum(r["calls"] for r in rows) / len(rows)
    seconds = sum(r["seconds"] for r in rows) / len(rows)
    lines = [
        f"{tool:28} recall {hits:2}/{len(leaks)}  false alarms {alarms}/{len(clean)}  "
        f"no verdict {unsaid:2}  builder calls a column {calls:6.1f}  {seconds:6.2f} s a column"
    ]
    for word, wanted, those in (("missed", True, leaks), ("accused", False, clean)):
        wrong = [r["name"] for r in those if (r["said"] is True) is not wanted]
        lines += [f"{'':30}{word}: {', '.join(wrong)}"] if wrong else []
    return "\n".join(lines)


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rivals", metavar="FOLDER", type=Path, help="install the others there")
    parser.add_argument("--freqtrade", metavar="PYTHON")
    parser.add_argument("--deepchecks", metavar="PYTHON")
    parser.add_argument("--leakguard", metavar="PYTHON")
    parser.add_argument("--backtest-audit", metavar="PYTHON")
    chosen = parser.parse_args()
    if chosen.rivals:
        chosen.freqtrade = chosen.freqtrade or environment(chosen.rivals, "freqtrade")
        chosen.deepchecks = chosen.deepchecks or environment(chosen.rivals, "deepchecks")
        chosen.leakguard = chosen.leakguard or environment(chosen.rivals, "leakguard-mcp")
        chosen.backtest_audit = chosen.backtest_audit or environment(
            chosen.rivals, "backtest-audit"
        )
    return chosen


def _beside(interpreter: str, program: str) -> str:
    """A program of the environment that an interpreter belongs to."""
    return str(Path(interpreter).with_name(program))


def main() -> None:
    """Run the tools that there are, and print."""
    chosen = options()
    tools = {"influence probe": ours(ONE_ASSET, hourly(), one_by_one) + decoys(hourly())}
    tools["reading alone"] = reading()
    if chosen.freqtrade:
        rows = run(chosen.freqtrade, "freqtrade_runner.py")
        tools["freqtrade lookahead-analysis"] = as_said(rows, "lookahead")
        tools["freqtrade recursive-analysis"] = as_said(
            rows, "recursive", "recursive_calls", "recursive_seconds"
        )
    if chosen.deepchecks:
        tools["deepchecks"] = as_said(run(chosen.deepchecks, "deepchecks_runner.py"), "flagged")
    if chosen.leakguard:
        tools["leakguard"] = linters.judged([_beside(chosen.leakguard, "leakguard"), "--no-color"])
    if chosen.backtest_audit:
        program = _beside(chosen.backtest_audit, "backtest-audit")
        # What it says of costs and Sharpe ratios is about strategies and not about columns.
        tools["backtest-audit"] = linters.judged(
            [program, "check", "--format", "json"], ("STAT001", "STAT002")
        )
    across = {"influence probe, panels": ours(ACROSS, daily(), side_by_side)}
    for row in [*tools["influence probe"], *across["influence probe, panels"]]:
        print(f"{row['group']:12} {row['name']:32} ahead {row['detail']}")
    odd = {n: right(measure_influence(b, p)) for n, (b, p, right) in odd_builders().items()}
    for name, right in odd.items():
        print(f"{'ODD':12} {name:32} {'told apart' if right else 'NOT TOLD APART'}")
    print()
    for tool, rows in {**tools, **across}.items():
        print(summary(tool, rows))
    judged = [*tools["influence probe"], *across["influence probe, panels"]]
    wrong = [r["name"] for r in judged if r["said"] is not (r["group"] in LEAKS)]
    wrong += [n for n, right in odd.items() if not right]
    if wrong:
        raise SystemExit(f"wrong about: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
