"""Do the tests of a check notice when the check is broken?

Decision lines of checks (and, with ``--probes``, of the instruments they share) are changed one at
a time: a comparison turned round or moved by one, ``and`` for ``or``, a ``not`` left out, an ``if``
or a ``yield`` dropped, a number doubled.  After each change the tests of
``tests/mutants`` that name the check (of a probe, first the files of ``tests`` that import it) run
until one fails: the change is *killed*.  Asked are the tests that enter the changed function, the
fastest first.  What survives is told with its line.

    python benchmarks/mutation.py --seed 0 --each 6 --budget 1800     # a sample of all checks
    python benchmarks/mutation.py RET002 PRC002 --each 100            # all there is of two
    python benchmarks/mutation.py --probes --each 3                   # the instruments they share

The sample is seeded: checks are taken in a drawn order, and each gives ``--each`` of its changes.
Tests run in forks of one process that has imported what they share; no file is changed.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import copy
import importlib.abc
import importlib.util
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
OPPOSITE = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
BESIDE = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
#: calls that say things to people: what stands in them decides nothing
SAYING = {
    "finding",
    "Evidence",
    "Examined",
    "Gap",
    "NotAssessed",
    "NotApplicable",
    "AuditError",
    "join",
    "show",
}
CODE = re.compile(r"[A-Z]{3}\d{3}")
COUNTS = {"len", "sum", "size", "count", "nunique"}


@dataclass(frozen=True)
class Change:
    """One change of a module: which node, how, and what it reads like."""

    number: int
    kind: str
    line: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.line}: {self.kind}: {self.before}  ->  {self.after}"


# --- changes ------------------------------------------------------------------------------------
def changes(tree: ast.Module) -> list[tuple[Change, ast.Module]]:
    """Every change of a module, with the module changed."""
    made = []
    for number, node in enumerate(ast.walk(tree)):
        if getattr(node, "decides", False):
            for kind, other in _others(node):
                made.append(_changed(tree, number, kind, node, other))
    return made


def marked(source: str) -> ast.Module:
    """The module with nodes that decide something marked."""
    tree = ast.parse(source)
    for top in tree.body:
        if isinstance(top, ast.ClassDef | ast.FunctionDef):
            _mark(top)
    return tree


def _mark(node: ast.AST) -> None:
    """Mark what decides; leave out annotations, words for people and plain text."""
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "bases", "keywords_of_class"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _says(child):
                sized = isinstance(child, ast.Constant) and not _weighs(node, name, child)
                child.decides = not sized  # type: ignore[attr-defined] # our own mark
                _mark(child)


def _weighs(parent: ast.AST, name: str, number: ast.Constant) -> bool:
    """True for numbers that something is compared with or reckoned by, and for options.

    Indices, sizes of made-up samples and the last digits of tolerances decide nothing when doubled.
    """
    told = type(number.value) in (int, float) and (not number.value or abs(number.value) > 1e-6)
    option = isinstance(parent, ast.Call) and getattr(parent.func, "id", "") == "Field"
    option &= type(number.value) is float  # whole ones are seeds and sizes of samples
    return told and (option or isinstance(parent, ast.Compare | ast.BinOp | ast.AugAssign))


def _says(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr):
        return True
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name in SAYING


def _others(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """What a node could wrongly be."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        kind = type(node.ops[0])
        yield "turned", ast.Compare(node.left, [OPPOSITE[kind]()], node.comparators)
        if kind in BESIDE and any(map(_whole, (node.left, *node.comparators))):
            yield "off by one", ast.Compare(node.left, [BESIDE[kind]()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield (
            "and/or",
            ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values),
        )
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not left out", node.operand
    elif isinstance(node, ast.If | ast.IfExp):
        changed = copy.copy(node)
        changed.test = ast.Constant(False)
        yield "if dropped", changed
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom):
        yield "yield dropped", ast.Expr(ast.YieldFrom(ast.Tuple([], ast.Load())))
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield "doubled", ast.Constant(node.value * 2 if node.value else 1)


def _whole(node: ast.expr) -> bool:
    """True for what is counted: elsewhere a bound is met by chance only."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", getattr(node.func, "attr", "")) in COUNTS
    return isinstance(node, ast.Attribute) and node.attr in COUNTS


def _changed(
    tree: ast.Module, number: int, kind: str, node: Any, other: Any
) -> tuple[Change, ast.Module]:
    made = copy.deepcopy(tree)
    place = list(ast.walk(made))[number]
    other = ast.copy_location(copy.deepcopy(other), node)
    for parent in ast.walk(made):
        for name, value in ast.iter_fields(parent):
            if value is place:
                setattr(parent, name, other)
            elif isinstance(value, list) and any(v is place for v in value):
                value[next(i for i, v in enumerate(value) if v is place)] = other
    ast.fix_missing_locations(made)
    texts = [ast.unparse(n).splitlines()[0][:90] for n in (node, other)]
    return Change(number, kind, node.lineno, *texts), made


# --- running tests ------------------------------------------------------------------------------
class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module changed."""

    def __init__(self, name: str, code: CodeType, file: Path) -> None:
        self.name, self.code, self.file = name, code, file

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """Its spec, for that module alone."""
        if name != self.name:
            return None
        return importlib.util.spec_from_file_location(name, self.file, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed code."""
        exec(self.code, module.__dict__)


class Entered:
    """A plugin of pytest: which functions of a module each test enters, and how long it takes."""

    def __init__(self, to: Path) -> None:
        self.to, self.tests = to, dict[str, tuple[float, list[int]]]()
        self.lines = builtins.entered_lines = set[int]()  # type: ignore[attr-defined] # ours

    def pytest_runtest_logstart(self) -> None:
        """Listen from here to the end of the test."""
        self.begun = time.monotonic()
        self.lines.clear()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Keep what was entered."""
        self.tests[nodeid] = (time.monotonic() - self.begun, sorted(self.lines))

    def pytest_sessionfinish(self) -> None:
        """Write it, for the process that asked."""
        self.to.write_text(json.dumps(self.tests))


def listening(tree: ast.Module) -> ast.Module:
    """The module with functions that tell when they are entered, by their line."""
    made = copy.deepcopy(tree)
    for node in ast.walk(made):
        if isinstance(node, ast.FunctionDef):
            told = ast.parse(f"__import__('builtins').entered_lines.add({node.lineno})").body
            start = bool(ast.get_docstring(node))
            node.body[start:start] = told
    return ast.fix_missing_locations(made)


def asked(tree: ast.Module, line: int, entered: dict[str, Any]) -> list[str]:
    """The tests that enter the function around a line, fastest first; all outside functions."""
    around = [
        n.lineno
        for n in ast.walk(tree)
        if isinstance(n, ast.FunctionDef) and n.lineno <= line <= (n.end_lineno or 0)
    ]
    chosen = [
        (seconds, test)
        for test, (seconds, lines) in entered.items()
        if not around or max(around) in lines
    ]
    return [test for _, test in sorted(chosen)]


def killed(
    name: str, file: Path, tree: ast.Module, tests: Sequence[str], most: float, *plugins: Any
) -> bool:
    """Whether a test fails once the module is changed; taking too long is failing."""
    child = os.fork()
    if child == 0:
        os.setsid()
        void = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(void, stream)
        sys.meta_path.insert(0, Changed(name, compile(tree, str(file), "exec"), file))
        import pytest

        options = ["-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", "--no-header"]
        os._exit(int(pytest.main([*options, *tests], plugins=list(plugins))))
    until = time.monotonic() + most
    while time.monotonic() < until:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) != 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def shared() -> None:
    """Import what all tests need and no check is part of."""
    for name in ("numpy", "pandas", "scipy.stats", "pydantic", "hypothesis", "pytest", "yaml",
                 "audit_lib.model", "audit_lib.host"):  # fmt: skip
        importlib.import_module(name)
    for name in [n for n in sys.modules if n.startswith(("audit_lib.checks", "audit_lib.probes"))]:
        raise SystemExit(f"{name} is imported already, and could not be changed")


# --- what is tested by what ---------------------------------------------------------------------
def modules() -> dict[str, str]:
    """Codes to modules, read from the catalogue's source, which is not imported here."""
    tree = ast.parse((ROOT / "audit_lib/checks/catalogue.py").read_text())
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                    found[key.value] = "audit_lib.checks." + value.value.partition(":")[0]
    return found


def users(probe: str, known: dict[str, str]) -> list[str]:
    """Codes of the checks that import a probe, themselves or through the probes they import."""
    wanted, found = {probe}, set()
    sources = {n: _imported(n) for n in [*probes(), *known.values()]}
    for _ in sources:
        more = {n for n, imported in sources.items() if imported & wanted} - wanted
        if not more or (found := {c for c, m in known.items() if m in wanted | more}):
            break
        wanted |= more
    return sorted(found)


def probes() -> list[str]:
    """Modules of the instruments that checks share."""
    files = sorted((ROOT / "audit_lib" / "probes").rglob("[a-z]*.py"))
    return [f.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for f in files]


@cache
def _imported(module: str) -> set[str]:
    """Modules that a module imports from, by name."""
    tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
    return found


def own_tests() -> dict[str, list[str]]:
    """Codes to the tests that name them in a mark or in their body, those on the engine last."""
    found: dict[str, set[tuple[bool, str]]] = {}
    for file in sorted((ROOT / "tests" / "mutants").rglob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            named = isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
            if not named or "mark.slow" in ast.unparse(node):
                continue
            test = f"{file.relative_to(ROOT).as_posix()}::{node.name}"
            slow = "reference" in [a.arg for a in node.args.args]
            for text in (n.value for n in ast.walk(node) if isinstance(n, ast.Constant)):
                if isinstance(text, str) and CODE.fullmatch(text):
                    found.setdefault(text, set()).add((slow, test))
    return {code: [t for _, t in sorted(pairs)] for code, pairs in found.items()}


def importing(probe: str) -> list[str]:
    """Files of tests that import a module, or something of it."""
    parent, _, name = probe.rpartition(".")
    wanted = re.compile(rf"{re.escape(probe)}\b|from {re.escape(parent)} import .*\b{name}\b")
    files = sorted((ROOT / "tests" / "unit").rglob("test_*.py"))
    files += sorted((ROOT / "tests" / "mutants").rglob("test_*.py"))
    found = [f for f in files if wanted.search(f.read_text(encoding="utf-8"))]
    return [f.relative_to(ROOT).as_posix() for f in found]


def judged(
    name: str, tests: Sequence[str], rng: random.Random, each: int, most: float
) -> dict[Change, bool]:
    """Some changes of a module, and whether each was killed; none where its tests fail as it is."""
    file = ROOT / (name.replace(".", "/") + ".py")
    tree = marked(file.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        begun, note = time.monotonic(), Path(folder) / "entered.json"
        if killed(name, file, listening(tree), tests, most, Entered(note)):
            return {}
        most = 30 + 3 * (time.monotonic() - begun)
        entered = json.loads(note.read_text())
    found, here = changes(tree), {}
    drawn = rng.sample(found, min(each, len(found)))
    for change, changed in sorted(drawn, key=lambda c: c[0].line):
        chosen = asked(tree, change.line, entered)
        here[change] = bool(chosen) and killed(name, file, changed, chosen, most)
        if not here[change]:
            print(f"  survived {file.relative_to(ROOT)}:{change}", flush=True)
    return here


def main() -> None:
    """Change checks, and tell what nobody noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("codes", nargs="*", help="checks; else all, in a drawn order")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, default=6, help="changes of each check")
    parser.add_argument("--budget", type=float, default=1800, help="seconds in all")
    parser.add_argument("--probes", action="store_true", help="change probes in place of checks")
    parser.add_argument("--tests", type=int, default=999, help="most tests asked, fast ones first")
    parser.add_argument("--to", type=Path, help="file for the result, as JSON")
    given = parser.parse_args()
    os.chdir(ROOT)
    shared()
    known, marks = modules(), own_tests()
    rng = random.Random(given.seed)
    if not given.probes:
        subjects = {c: (known[c], [c]) for c in given.codes or sorted(known)}
    else:
        subjects = {n: (n, users(n, known)) for n in given.codes or probes()}
    order = list(subjects)
    rng.shuffle(order)
    until, counts, rows = time.monotonic() + given.budget, Counter[bool](), []
    for subject in order:
        if time.monotonic() > until:
            break
        name, codes = subjects[subject]
        ranked = (t for code in codes for t in enumerate(marks.get(code, ())))
        tests = list(dict.fromkeys(t for _, t in sorted(ranked)))[: given.tests]
        tests = [*(importing(name) if given.probes else ()), *tests]
        here = judged(name, tests, rng, given.each, given.budget) if tests else {}
        if not here:
            print(f"{subject}: its tests do not pass as they are, or take too long", flush=True)
            continue
        rows += [{"subject": subject, "change": str(c), "killed": d} for c, d in here.items()]
        counts.update(here.values())
        dead = sum(here.values())
        print(f"{subject}: {dead} of {len(here)} killed by {len(tests)} tests", flush=True)
        if given.to:
            given.to.write_text(json.dumps(rows, indent=1))
    total = max(1, sum(counts.values()))
    print(f"all: {counts[True]} of {total} killed, {counts[True] / total:.0%}")


if __name__ == "__main__":
    main()
