"""Faults of the source planted in any package, one at a time, and what the checks that read see.

    python benchmarks/code_faults.py PACKAGE_FOLDER [--seed 1] [--only undefined,arity]

The folder holds the package (an unpacked wheel will do); nothing of it is run, and faults are
planted in a copy.  Where the code has a place for a fault (a call to spoil, a symbol to remove), a
seeded one is taken; faults that need a writer and a reader, or feature code, are added to a seeded
module.  Ends with an error where a fault goes unseen.
"""

from __future__ import annotations

import argparse
import ast
import random
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from audit_lib.model import Finding
from audit_lib.probes.code.arity import reached, unpacked
from audit_lib.probes.code.calls import own_calls
from audit_lib.probes.code.signatures import called
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.subject import Subject, open_subject
from audit_lib.testing import run_check

CODES = ("BND001", "BND006", "BND009", "BND010", "BND011", "BND012", "BND013", "BND014", "BND015",
         "BND016", "SEC002", "FEA111", "FEA112", "FEA113", "FEA114", "FEA115")  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """A fault in a copy: what was changed, and the codes that are right to see it."""

    path: str
    line: int
    what: str
    right: tuple[str, ...]


Plant = Callable[[Code, Path, random.Random], Planted]


def _opened(root: Path, work: Path) -> Subject:
    place = work / "parameters" / "planted"
    place.mkdir(parents=True, exist_ok=True)
    settings = {"subject": "planted", "source": {"subsystem": {"files": ["**/*.py"]}}}
    (place / "subject.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return open_subject("planted", workspace=work, root=root)


def _lines(root: Path, path: str) -> list[str]:
    return (root / path).read_text(encoding="utf-8").splitlines(keepends=True)


def _edit(root: Path, path: str, node: ast.expr, text: str) -> None:
    """Put a text in the place of an expression of one line."""
    lines = _lines(root, path)
    line = lines[node.lineno - 1].encode()
    changed = line[: node.col_offset] + text.encode() + line[node.end_col_offset :]
    lines[node.lineno - 1] = changed.decode()
    (root / path).write_text("".join(lines), encoding="utf-8")


def _one_line(node: ast.expr) -> bool:
    return node.lineno == node.end_lineno


def _chosen(code: Code, rng: random.Random) -> str:
    """A module with functions that is no test."""
    known = [p for p, f in code.files.items() if f.definitions > 2 and "test" not in p
             and not p.startswith("docs") and "__init__" not in p]  # fmt: skip
    return rng.choice(sorted(known))


def _added(code: Code, root: Path, rng: random.Random, text: str, at: str, what: str,
           *right: str) -> Planted:  # fmt: skip
    path = _chosen(code, rng)
    old = (root / path).read_text(encoding="utf-8")
    before = old.count("\n") + 3
    (root / path).write_text(old.rstrip("\n") + "\n\n\n" + text, encoding="utf-8")
    lines = (root / path).read_text(encoding="utf-8").splitlines()
    line = next(i for i, t in enumerate(lines[before - 3 :], before - 2) if at in t)
    return Planted(path, line, what, right)


# --- faults in the code that is there -------------------------------------------------------------
def undefined(code: Code, root: Path, rng: random.Random) -> Planted:
    """A name that is read in a function is misspelt."""
    found = []
    for path, file in sorted(code.files.items()):
        for unit in file.units:
            if unit.kind == "function" and "test" not in path:
                calls = [c for c in own_calls(unit) if isinstance(c.func, ast.Name)]
                found += [(path, c.func) for c in calls if _one_line(c.func)]
    path, node = rng.choice(found)
    assert isinstance(node, ast.Name)
    _edit(root, path, node, f"{node.id}_x")
    return Planted(path, node.lineno, f"{node.id} is called {node.id}_x", ("BND009",))


def removed(code: Code, root: Path, rng: random.Random) -> Planted:
    """A function that another file uses is renamed where it is defined."""
    found = []
    for file in code.files.values():
        for unit in file.units:
            others = [k for k in code.references.sources.get(unit.key, ())
                      if k.partition("::")[0] != unit.path]  # fmt: skip
            single = len(code.index.module(unit.path).bindings.get(unit.name, [])) == 1
            if others and single and unit.kind == "function" and "." not in unit.name:
                found.append((unit, others))
    unit, _ = rng.choice(sorted(found, key=lambda f: f[0].key))
    assert isinstance(unit.node, (ast.FunctionDef, ast.AsyncFunctionDef))
    lines = _lines(root, unit.path)
    head = unit.node.lineno - 1
    lines[head] = lines[head].replace(f"def {unit.name}", f"def gone_{unit.name}", 1)
    (root / unit.path).write_text("".join(lines), encoding="utf-8")
    return Planted("", 0, f"{unit.key} is gone", ("BND001", "BND010", "BND009"))


def argument(code: Code, root: Path, rng: random.Random) -> Planted:
    """A call loses an argument that it must give."""
    found = []
    for path, file in sorted(code.files.items()):
        for unit in file.units if "test" not in path else ():
            for call in own_calls(unit):
                hit = called(code.references, unit, call)
                plain = call.args and not call.keywords and _one_line(call)
                if hit and plain and not hit[1].refusal(call):
                    short = ast.Call(call.func, call.args[:-1], [])
                    if hit[1].refusal(short):
                        found.append((path, call, short))
    path, call, short = rng.choice(found)
    _edit(root, path, call, ast.unparse(short))
    return Planted(path, call.lineno, f"{ast.unparse(call)} loses an argument", ("BND006",))


def arity(code: Code, root: Path, rng: random.Random) -> Planted:
    """A caller unpacks one value more than is returned."""
    found = []
    for path, file in sorted(code.files.items()):
        for unit in file.units if "test" not in path else ():
            for taken in unpacked(unit):
                target = reached(code.references, unit, taken.call)
                if target is not None and taken.exact:
                    found.append((path, unit, taken))
    rng.shuffle(found)
    for path, unit, taken in found:
        for node in ast.walk(unit.node) if unit.node is not None else ():
            whole = isinstance(node, ast.Assign) and node.value is taken.call
            names = node.targets[0] if isinstance(node, ast.Assign) and whole else None
            if isinstance(names, ast.Tuple) and _one_line(names):
                _edit(root, path, names, f"{ast.unparse(names).strip('()')}, more")
                return Planted(path, names.lineno, "one value more is unpacked", ("BND011",))
    text = "def _planted_pair(x):\n    return x, 1\n\n\ndef _planted_use(x):\n"
    text += "    a, b, c = _planted_pair(x)\n    return a + b + c\n"
    return _added(code, root, rng, text, "a, b, c", "three of two are unpacked", "BND011")


# --- faults that are added ------------------------------------------------------------------------
def unwritten(code: Code, root: Path, rng: random.Random) -> Planted:
    """A checkpoint's reader asks for a key that its writer does not write."""
    text = (
        "class PlantedKeeper:\n    def save(self, folder):\n        import json\n"
        "        with open(folder + '/planted_state.json', 'w') as file:\n"
        "            json.dump({'mean': self.mean, 'scale': 1.0}, file)\n\n"
        "    def load(self, folder):\n        import json\n"
        "        with open(folder + '/planted_state.json') as file:\n"
        "            state = json.load(file)\n"
        "        self.mean = state['mean']\n        self.threshold = state['threshold']\n"
    )
    return _added(code, root, rng, text, "state['threshold']", "a key never written", "BND014")


def misspelt(code: Code, root: Path, rng: random.Random) -> Planted:
    """A limit of the configuration is read under another spelling, with a default."""
    text = (
        "def planted_limit():\n    import yaml\n"
        "    with open('planted_limits.yaml') as file:\n        limits = yaml.safe_load(file)\n"
        "    return limits.get('max_drawdwn', 1.0)\n"
    )
    (root / "planted_limits.yaml").write_text("max_drawdown: 0.2\nwindow: 5\n", encoding="utf-8")
    return _added(code, root, rng, text, "max_drawdwn", "a misspelt key", "BND014")


def later(code: Code, root: Path, rng: random.Random) -> Planted:
    """A feature reads the next bar."""
    text = (
        "def planted_features(bars):\n    bars['gap'] = bars['close'].shift(-1) / bars['close']\n"
    )
    return _added(code, root, rng, text + "    return bars\n", "shift(-1)", "shift(-1)", "FEA111")


def centred(code: Code, root: Path, rng: random.Random) -> Planted:
    """A feature is smoothed by a centred window."""
    text = (
        "def planted_smooth(bars):\n"
        "    bars['level'] = bars['close'].rolling(9, center=True).mean()\n    return bars\n"
    )
    return _added(code, root, rng, text, "center=True", "a centred window", "FEA113")


def fitted(code: Code, root: Path, rng: random.Random) -> Planted:
    """A scaler is fitted in one function, and the rows are split in another."""
    text = (
        "def planted_scale(rows):\n    from sklearn.preprocessing import StandardScaler\n\n"
        "    return StandardScaler().fit_transform(rows)\n\n\n"
        "def planted_split(rows):\n    cut = int(0.8 * len(rows))\n"
        "    train, test = rows[:cut], rows[cut:]\n    return train, test\n\n\n"
        "def planted_run(rows):\n    scaled = planted_scale(rows)\n"
        "    return planted_split(scaled)\n"
    )
    at = "scaled = planted_scale(rows)"
    return _added(code, root, rng, text, at, "fitted before the split", "FEA115")


def pickled(code: Code, root: Path, rng: random.Random) -> Planted:
    """An array file is loaded with pickles allowed."""
    text = "def planted_read(path):\n    import numpy\n\n"
    text += "    return numpy.load(path, allow_pickle=True)\n"
    return _added(code, root, rng, text, "allow_pickle", "np.load with pickle", "SEC002")


def undeclared(code: Code, root: Path, rng: random.Random) -> Planted:
    """A package that nothing declares is imported."""
    path = _chosen(code, rng)
    lines = _lines(root, path)
    tree = code.tree.by_path[path].tree
    assert tree is not None
    imports = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
    last = max((n.end_lineno or 0 for n in imports), default=0)
    lines.insert(last, "import plantedpkg\n")
    (root / path).write_text("".join(lines), encoding="utf-8")
    return Planted(path, last + 1, "an undeclared import", ("BND013",))


def optional(code: Code, root: Path, rng: random.Random) -> Planted:
    """A name is None where its import failed, and is called all the same."""
    text = (
        "try:\n    from plantedpkg import Booster\nexcept ImportError:\n    Booster = None\n\n\n"
        "def planted_fit(rows):\n    return Booster(rows)\n"
    )
    return _added(code, root, rng, text, "return Booster(rows)", "None is called", "BND012")


def unread(code: Code, root: Path, rng: random.Random) -> Planted:
    """A limit that the configuration defines and nothing reads."""
    text = (
        "def planted_window():\n    import yaml\n    with open('planted_risk.yaml') as file:\n"
        "        limits = yaml.safe_load(file)\n    return limits['planted_window']\n"
    )
    (root / "planted_risk.yaml").write_text(
        "planted_window: 5\nplanted_max_loss: 2\n", encoding="utf-8"
    )
    return _added(code, root, rng, text, "limits['planted_window']", "an unread limit", "BND014")


def variable(code: Code, root: Path, rng: random.Random) -> Planted:
    """An environment variable is read under another spelling."""
    (root / ".env").write_text("PLANTED_MAX_LOSS=2\n", encoding="utf-8")
    text = "def planted_loss():\n    import os\n\n    return os.environ['PLANTED_MAX_LOS']\n"
    return _added(code, root, rng, text, "PLANTED_MAX_LOS'", "a misspelt variable", "BND016")


def constants(code: Code, root: Path, rng: random.Random) -> Planted:
    """A constant with another value in a second module."""
    first = _chosen(code, rng)
    with (root / first).open("a", encoding="utf-8") as file:
        file.write("\n\nPLANTED_TRADING_DAYS = 252\n")
    while (second := _chosen(code, rng)) == first:
        pass
    with (root / second).open("a", encoding="utf-8") as file:
        file.write("\n\nPLANTED_TRADING_DAYS = 365\n")
    return Planted("", 0, "252 here, 365 there", ("BND016",))


#: Name to (what, text, the words at whose line it is seen, codes).
TEXTS: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "unreachable": ("code after a return", "def planted_cap(x):\n    return x\n    x = min(x, 1)\n",
                    "x = min(x, 1)", ("BND015",)),
    "switched": ("a branch on a constant", "PLANTED_ON = False\n\n\ndef planted_limit(x):\n"
                 "    if PLANTED_ON:\n        x = min(x, 1)\n    return x\n",
                 "x = min(x, 1)", ("BND015",)),
    "defaults": ("two defaults for one key", "def planted_a(config):\n"
                 "    return config.get('planted_stop', 0.1)\n\n\ndef planted_b(config):\n"
                 "    return config.get('planted_stop', 0.3)\n", "0.3)", ("BND016",)),
    "diff": ("a negative diff", "def planted_gap(bars):\n    bars['gap'] = bars['close'].diff(-1)\n"
             "    return bars\n", "diff(-1)", ("FEA111",)),
    "pct": ("a negative pct_change by a name", "def planted_gap(bars):\n    lag = -2\n"
            "    bars['gap'] = bars['close'].pct_change(lag)\n    return bars\n",
            "pct_change(lag)", ("FEA111",)),
    "argument_shift": ("a negative lag as an argument", "def planted_lag(x, n):\n"
                       "    return x.shift(n)\n\n\ndef planted_gap(bars):\n"
                       "    bars['gap'] = planted_lag(bars['close'], -1)\n    return bars\n",
                       "planted_lag(bars", ("FEA111",)),
    "roll": ("np.roll backwards", "def planted_gap(bars):\n    import numpy as np\n\n"
             "    bars['gap'] = np.roll(bars['close'], -1)\n    return bars\n", "np.roll",
             ("FEA111",)),
    "sliced": ("an array without its first row", "def planted_gap(close):\n"
               "    import numpy as np\n\n    return np.append(close[1:], np.nan)\n",
               "np.append", ("FEA111",)),
    "polars": ("shift(n=-1)", "def planted_gap(bars):\n    import polars as pl\n\n"
               "    return bars.with_columns(gap=pl.col('close').shift(n=-1))\n", "shift(n=-1)",
               ("FEA111",)),
    "polars_centred": ("a centred mean", "def planted_gap(bars):\n    import polars as pl"
                       "\n\n    return bars.select(pl.col('c').rolling_mean(9, center=True))\n",
                       "center=True", ("FEA113",)),
    "reversed": ("a window on turned rows", "def planted_gap(close):\n"
                 "    return close[::-1].rolling(5).mean()[::-1]\n", "[::-1]", ("FEA113",)),
    "reindex": ("reindex with bfill", "def planted_gap(close, days):\n"
                "    return close.reindex(days, method='bfill')\n", "bfill", ("FEA112",)),
    "resample": ("bars labelled at their beginning", "def planted_gap(close, days):\n"
                 "    hours = close.resample('1h').last().reindex(days, method='ffill')\n"
                 "    return hours\n", "resample", ("FEA112",)),
    "group": ("a statistic of the whole sample", "def planted_gap(bars):\n"
              "    bars['level'] = bars.groupby('asset')['close'].transform('mean')\n"
              "    return bars\n", "transform", ("FEA114",)),
    "torch": ("torch.load without weights_only", "def planted_read(path):\n    import torch\n\n"
              "    return torch.load(path)\n", "torch.load", ("SEC002",)),
    "yaml": ("yaml.load", "def planted_read(path):\n    import yaml\n\n"
             "    return yaml.load(open(path), Loader=yaml.Loader)\n", "yaml.load", ("SEC002",)),
    "evaluated": ("eval on data", "def planted_rule(config):\n    return eval(config['rule'])\n",
                  "eval(", ("SEC002",)),
    "shell": ("a shell on data", "def planted_run(name):\n    import subprocess\n\n"
              "    subprocess.run(f'tar xf {name}', shell=True)\n", "subprocess.run", ("SEC002",)),
}  # fmt: skip


def _of_text(name: str) -> Plant:
    what, text, at, right = TEXTS[name]

    def plant(code: Code, root: Path, rng: random.Random) -> Planted:
        return _added(code, root, rng, text, at, what, *right)

    plant.__name__ = name
    return plant


PLANTS: tuple[Plant, ...] = (
    undefined, removed, argument, arity, unwritten, misspelt, later, centred, fitted, pickled,
    undeclared, optional, unread, variable, constants, *map(_of_text, TEXTS),
)  # fmt: skip


def seen(found: list[Finding], before: set[str], planted: Planted) -> Finding | None:
    """The finding that tells of a fault: of a right code, new, and at its place."""
    for finding in found:
        place = finding.location
        here = not planted.path or (place.path == planted.path and place.line == planted.line)
        if finding.code in planted.right and finding.fingerprint not in before and here:
            return finding
    return None


def _all(subject: Subject, codes: tuple[str, ...]) -> Iterator[Finding]:
    for code in codes:
        yield from run_check(code, subject).findings


def main() -> int:
    """Plant each fault in a copy and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("package", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    only = set(filter(None, options.only.split(",")))
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        before = {f.fingerprint for f in _all(_opened(options.package.resolve(), work), CODES)}
        for plant in PLANTS:
            if only and plant.__name__ not in only:
                continue
            copy = work / plant.__name__
            shutil.copytree(options.package, copy, symlinks=True)
            code = code_of(_opened(copy, work).source)
            try:
                planted = plant(code, copy, random.Random(options.seed))
            except IndexError:  # of a choice among nothing
                print(f"{plant.__name__:11} the package has no place for it")
                continue
            found = seen(list(_all(_opened(copy, work), planted.right)), before, planted)
            missed += found is None
            said = f"{found.code} {found.severity.label}: {found.message}" if found else "MISSED"
            print(f"{plant.__name__:11} {planted.path}:{planted.line} {planted.what}\n    {said}")
            shutil.rmtree(copy)
    print(f"{missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
