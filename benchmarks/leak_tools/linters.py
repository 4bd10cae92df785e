"""Linters that read: each planted column as a file of its own, and what they say of it.

Beside the leaks and the clean columns there are decoys: files whose served column is clean, and
which hold code that looks ahead for another purpose.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).with_name("planted.py")
HEAD = '''"""Features of a strategy."""

import numpy as np
import pandas as pd

'''
SERVED = "\n\ndef add_features(bars):\n    bars['column'] = {call}\n    return bars\n"
CLEAN = "bars['close'].pct_change(fill_method=None)"
#: Code that looks ahead beside a clean column.
DECOYS = {
    "chart helper": "def draw(ax, bars):\n"
    "    ax.plot(bars['close'].rolling(21, center=True).mean())",
    "research only": "def research_forward_returns(bars):\n"
    "    return bars['close'].shift(-5) / bars['close'] - 1",
    "label": "def make_labels(bars):\n    label = bars['close'].shift(-1) > bars['close']\n"
    "    return label.astype(int)",
    "report after the fact": "def report(trades):\n    curve = trades['pnl'].cumsum()\n"
    "    return (curve - curve.mean()) / curve.std()",
    "gap in a calendar": "def names_of(symbols):\n    return symbols['name'].bfill()",
    "a word in a text": "def explain():\n    '''Never use close.shift(-1) here.'''",
}


def texts() -> list[tuple[str, str, str]]:
    """(group, name, text of a file) for every planted column that knows one asset."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    functions = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
    found = []
    for node in tree.body:
        if not isinstance(node, ast.AnnAssign) or not isinstance(node.value, ast.Dict):
            continue
        group = ast.unparse(node.target)
        if group not in ("LEAKS", "SIGNALS", "CLEAN"):
            continue
        for key, value in zip(node.value.keys, node.value.values, strict=True):
            assert isinstance(key, ast.Constant)
            helpers = "\n\n".join(map(ast.unparse, _needed(value, functions)))
            if isinstance(value, ast.Lambda):
                body = f"def column(b):\n    return {ast.unparse(value.body)}"
                text = f"{HEAD}{helpers}\n\n{body}{SERVED.format(call='column(bars)')}"
            else:
                text = f"{HEAD}{helpers}{SERVED.format(call=ast.unparse(value) + '(bars)')}"
            found.append((group, str(key.value), text))
    served = SERVED.format(call=CLEAN)
    return found + [("DECOYS", name, f"{HEAD}{text}{served}") for name, text in DECOYS.items()]


def _needed(node: ast.AST, functions: dict[str, ast.FunctionDef]) -> list[ast.FunctionDef]:
    names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id in functions]
    found: list[ast.FunctionDef] = []
    for name in dict.fromkeys(names):
        found += [f for f in _needed(functions[name], functions) if f not in found]
        found += [functions[name]] if functions[name] not in found else []
    return found


def judged(command: list[str], ignored: tuple[str, ...] = ()) -> list[dict[str, object]]:
    """What a linter says of each file: True where it names any line."""
    rows: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for group, name, text in texts():
            file = Path(folder) / "features.py"
            file.write_text(text, encoding="utf-8")
            started = time.perf_counter()
            done = subprocess.run(
                [*command, str(file)], capture_output=True, text=True, check=False
            )
            seconds = time.perf_counter() - started
            said = _said(done.stdout, ignored)
            rows.append({"group": group, "name": name, "said": said, "calls": 0,
                         "seconds": seconds})  # fmt: skip
    return rows


def _said(text: str, ignored: tuple[str, ...]) -> bool:
    """True for a JSON of any violation, or a line that names a rule."""
    try:
        told = json.loads(text)
    except ValueError:
        return re.search(r"LG\d+ line \d+", text) is not None
    found = [v for violations in told.values() for v in violations]
    return any(v["code"] not in ignored for v in found)
