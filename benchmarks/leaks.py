"""Planted leaks: recall, false alarms, builder calls and time, for us and for others.

    python benchmarks/leaks.py
    python benchmarks/leaks.py --freqtrade FT/bin/python --deepchecks DC/bin/python

``--freqtrade`` and ``--deepchecks`` name interpreters of environments in which these are
installed; they share no dependency with ours.  Every tool judges one column at a time, on the same
1,500 hourly bars.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import planted  # noqa: E402 - a sibling that other interpreters import too

from audit_lib.probes.influence import measure_influence  # noqa: E402

GROUPS = ("LEAKS", "SIGNALS", "CLEAN")
Row = dict[str, Any]


def ours() -> list[Row]:
    """Our probe on every column, by itself."""
    bars = planted.market()
    panel = pd.concat({"BTC/USDT": bars.set_index("date")}, names=["asset", "date"])
    found = []
    for group in GROUPS:
        for name, column in getattr(planted, group).items():
            started = time.perf_counter()
            measured = measure_influence(_builder(column), panel)
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


def _builder(column: planted.Column) -> Any:
    def build(panel: pd.DataFrame) -> pd.DataFrame:
        parts = {}
        for asset, part in panel.groupby(level=0):
            bars = part.droplevel(0).reset_index()
            parts[asset] = column(bars).set_axis(pd.Index(bars["date"], name="date"))
        return pd.concat(parts, names=["asset", "date"]).to_frame("column")

    return build


def run(interpreter: str, script: str) -> list[Row]:
    """Lines that a runner printed, parsed."""
    done = subprocess.run(
        [interpreter, str(HERE / script)], capture_output=True, text=True, check=False
    )
    lines = [line[2:] for line in done.stdout.splitlines() if line.startswith("@@")]
    if not lines:
        raise SystemExit(f"{script} printed nothing:\n{done.stderr[-800:]}")
    return [json.loads(line) for line in lines]


def as_said(rows: list[Row], key: str, calls: str = "calls") -> list[Row]:
    """One of a runner's verdicts as rows of the summary."""
    return [
        {**r, "said": r.get(key), "calls": r.get(calls, 1), "detail": r.get("signals", "")}
        for r in rows
    ]


def summary(tool: str, rows: list[Row]) -> str:
    """Recall, false alarms, calls and time of one tool, in a line."""
    planted_rows = [r for r in rows if r["group"] in ("LEAKS", "SIGNALS")]
    clean = [r for r in rows if r["group"] == "CLEAN"]
    hits = sum(r["said"] is True for r in planted_rows)
    alarms = sum(r["said"] is True for r in clean)
    unsaid = sum(r["said"] is None for r in rows)
    calls = sum(r["calls"] for r in rows) / len(rows)
    seconds = sum(r.get("seconds", 0.0) for r in rows) / len(rows)
    missed = [r["name"] for r in planted_rows if r["said"] is not True]
    return (
        f"{tool:28} recall {hits:2}/{len(planted_rows)}  false alarms {alarms}/{len(clean)}  "
        f"no verdict {unsaid:2}  builder calls a column {calls:6.1f}  {seconds:6.2f} s a column"
        + (f"\n{'':30}missed: {', '.join(missed)}" if missed else "")
    )


def main() -> None:
    """Run the tools that there are, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--freqtrade", metavar="PYTHON")
    parser.add_argument("--deepchecks", metavar="PYTHON")
    chosen = parser.parse_args()
    tools = {"influence probe": ours()}
    if chosen.freqtrade:
        rows = run(chosen.freqtrade, "freqtrade_runner.py")
        tools["freqtrade lookahead-analysis"] = as_said(rows, "lookahead")
        tools["freqtrade recursive-analysis"] = as_said(rows, "recursive", "recursive_calls")
    if chosen.deepchecks:
        tools["deepchecks"] = as_said(run(chosen.deepchecks, "deepchecks_runner.py"), "flagged")
    for row in tools["influence probe"]:
        print(f"{row['group']:8} {row['name']:30} ahead {row['detail']}")
    print()
    for tool, rows in tools.items():
        print(summary(tool, rows))


if __name__ == "__main__":
    main()
