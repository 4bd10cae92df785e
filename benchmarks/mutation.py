"""Do the tests of the checks notice when a check is broken?

Decision lines of checks and of the probes they share are changed one at a time: a comparison turned
round or moved by one, ``and`` for ``or``, a ``not`` left out, an ``if`` or a ``yield`` dropped, a
number doubled.  After each change the tests that enter the changed function run, fast ones first,
until one fails: the change is *killed*.  What survives is told with its line.

    python benchmarks/mutation.py --seed 0 --draw 200             # a sample of all there are
    python benchmarks/mutation.py RET002 market.prices --draw 60  # of a check, of some modules
    python benchmarks/mutation.py RET002 --draw 999               # all of a check

Every change is drawn with the same chance.  One process collects the tests and imports what they
use.  Each run is a fork of it in which the changed functions were given their new code, wherever
they are bound: no file is changed, nothing is collected or imported again.  Which test enters what
is listened for first, in runs that change nothing; ``--heard FILE`` keeps it for the next time.

What keeps the answer honest: a test that fails with nothing changed is never asked; one that kills
must pass once more, alone, with nothing changed; changed functions tell that they were entered, and
a change that was not ends the run as an error.
"""

from __future__ import annotations

import argparse
import ast
import builtins
import copy
import gc
import importlib
import json
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import NoReturn, TextIO

import pytest

ROOT = Path(__file__).parents[1]
#: tests that ask checks or probes; those of packets, notebooks and commands show what was answered
TESTS = (
    "tests/mutants",
    "tests/unit/probes",
    "tests/unit/test_engine.py",
    "tests/meta/test_vacuous.py",
)
#: whose decisions are changed
ROOMS = ("audit_lib/checks", "audit_lib/probes")
#: made before the first fork, for all of them; no check takes part in it
MADE_ONCE = ("tests.mutants.mutate:built_store", "quick_types:_read_already")
OPPOSITE = {
    ast.Lt: ast.GtE, ast.LtE: ast.Gt, ast.Gt: ast.LtE, ast.GtE: ast.Lt, ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
BESIDE = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
#: calls that say things to people: what stands in them decides nothing
SAYING = {
    "finding",
    "departs",
    "Evidence",
    "Examined",
    "Gap",
    "NotAssessed",
    "NotApplicable",
    "AuditError",
    "join",
    "show",
}
COUNTS = {"len", "sum", "size", "count", "nunique"}
Living = dict[tuple[str, str, int], list[FunctionType]]
BROKEN = 3


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
def changes(tree: ast.Module) -> list[Change]:
    """Every change of a module."""
    return [
        Change(number, kind, node.lineno, _text(node), _text(other))
        for number, node in enumerate(ast.walk(tree))
        if isinstance(node, ast.expr | ast.stmt) and getattr(node, "decides", False)
        for kind, other in _others(node)
    ]


def _text(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0][:90]


def changed(tree: ast.Module, change: Change) -> ast.Module:
    """The module with one change."""
    made = copy.deepcopy(tree)
    place = list(ast.walk(made))[change.number]
    other = ast.copy_location(dict(_others(place))[change.kind], place)
    for parent in ast.walk(made):
        for name, value in ast.iter_fields(parent):
            if value is place:
                setattr(parent, name, other)
            elif isinstance(value, list) and any(v is place for v in value):
                value[next(i for i, v in enumerate(value) if v is place)] = other
    return ast.fix_missing_locations(made)


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
    value = _number(number)
    told = value is not None and (not value or abs(value) > 1e-6)
    option = isinstance(parent, ast.Call) and getattr(parent.func, "id", "") == "Field"
    option &= isinstance(value, float)  # whole ones are seeds and sizes of samples
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
        dropped = copy.copy(node)
        dropped.test = ast.Constant(False)
        yield "if dropped", dropped
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield | ast.YieldFrom):
        yield "yield dropped", ast.Expr(ast.YieldFrom(ast.Tuple([], ast.Load())))
    elif (number := _number(node)) is not None:
        yield "doubled", ast.Constant(number * 2 if number else 1)


def _number(node: ast.AST) -> float | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(node: ast.expr) -> bool:
    """True for what is counted: elsewhere a bound is met by chance only."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    if isinstance(node, ast.Call):
        return getattr(node.func, "id", getattr(node.func, "attr", "")) in COUNTS
    return isinstance(node, ast.Attribute) and node.attr in COUNTS


# --- code given to living functions -------------------------------------------------------------
def listening(tree: ast.Module, file: Path) -> CodeType:
    """Code of the module whose functions tell when they are entered: file and qualified name."""
    made = copy.deepcopy(tree)
    for name, node in functions(made):
        told = ast.parse(f"__import__('builtins').entered.add({f'{file}::{name}'!r})").body
        for inner in ast.walk(told[0]):
            ast.copy_location(inner, node.body[0])
        start = bool(ast.get_docstring(node))
        node.body[start:start] = told
    return compile(ast.fix_missing_locations(made), str(ROOT / file), "exec")


def functions(node: ast.AST, before: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    """Every function of a module with its qualified name, outer ones first."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef):
            yield before + child.name, child
            yield from functions(child, f"{before}{child.name}.<locals>.")
        else:
            named = f"{before}{child.name}." if isinstance(child, ast.ClassDef) else before
            yield from functions(child, named)


def living(files: Iterable[Path]) -> Living:
    """Functions of some files that exist in this process."""
    wanted, found = {str(f) for f in files}, Living()
    gc.unfreeze()  # what is frozen is not told
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename in wanted:
            found.setdefault(_key(thing.__code__), []).append(thing)
    gc.freeze()  # a fork that looked at all of it for garbage would copy all of it
    return found


def _key(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def give(code: CodeType, alive: Living) -> int:
    """Give the code of a changed module to its living functions; how many took another."""
    taken, codes = 0, [code]
    for made in codes:  # which grows
        codes += [c for c in made.co_consts if isinstance(c, CodeType)]
        for function in alive.get(_key(made), ()):
            if function.__code__ != made:
                function.__code__, taken = made, taken + 1
    return taken


def give_option(tree: ast.Module, module: str, line: int) -> int:
    """Give a check the default of the option that stands in a line of the changed module."""
    for top in (t for t in tree.body if isinstance(t, ast.ClassDef)):
        for option in (o for o in top.body if isinstance(o, ast.AnnAssign)):
            if option.lineno <= line <= (option.end_lineno or 0):
                numbers = [_number(n) for n in ast.walk(option)]
                kind = getattr(sys.modules[module], top.name)
                for one in (kind, *kind.__subclasses__()):
                    field = one.model_fields[ast.unparse(option.target)]
                    field.default = next(n for n in numbers if n is not None)
                    one.model_rebuild(force=True)
                return 1
    return 0


# --- running tests ------------------------------------------------------------------------------
@dataclass
class Told:
    """What a fork tells of its tests: how long each took, what it entered, and which failed."""

    seconds: dict[str, float]
    entered: dict[str, list[str]]
    failed: list[str]


class Runner:
    """A plugin of pytest that hands what was collected to some work, which runs it in forks."""

    def __init__(self, work: Callable[[Runner], None]) -> None:
        self.work, self.items = work, dict[str, pytest.Item]()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Do the work in place of this session's tests."""
        self.items = {item.nodeid: item for item in session.items}
        self.session = session
        self.work(self)
        return True

    def fork(
        self, tests: Sequence[str], first: Callable[[], object], most: float, every: bool = False
    ) -> Told:
        """Do something first and then run tests, in a fork, to the first failure or all of them.

        A test that has not ended when time is up, or takes the process with it, failed.
        """
        with tempfile.TemporaryDirectory() as name:
            folder, child, status = Path(name), os.fork(), None
            if child == 0:
                self._child(tests, first, folder, every)
            until = time.monotonic() + most
            while status is None and time.monotonic() < until:
                pid, code = os.waitpid(child, os.WNOHANG)
                status = code if pid else None
                time.sleep(0.002)
            if status is None:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
            elif os.waitstatus_to_exitcode(status) == BROKEN:
                raise RuntimeError((folder / "errors").read_text()[-2000:])
            rows = [json.loads(line) for line in (folder / "told").read_text().splitlines()]
        failed = [r[0] for r in rows if r[1]]
        if status != 0 and len(rows) < len(tests) and (every or not failed):
            failed.append(tests[len(rows)])
        return Told({r[0]: r[2] for r in rows}, {r[0]: r[3] for r in rows}, failed)

    def _child(
        self, tests: Sequence[str], first: Callable[[], object], folder: Path, every: bool
    ) -> NoReturn:
        os.setsid()
        void = os.open(os.devnull, os.O_RDWR)
        told = os.open(folder / "errors", os.O_WRONLY | os.O_CREAT)
        for stream, to in enumerate((void, void, told)):
            os.dup2(to, stream)
        try:
            with (folder / "told").open("w") as rows:
                first()
                self._run([self.items[t] for t in tests], folder, rows, every)
        except BaseException as problem:  # noqa: BLE001 # a fork must never come back
            os.write(told, repr(problem).encode())
            os._exit(BROKEN)
        os._exit(0)

    def _run(self, items: list[pytest.Item], folder: Path, rows: TextIO, every: bool) -> None:
        session, entered = self.session, set[str]()
        builtins.entered = entered  # type: ignore[attr-defined] # what listening code tells
        session.config._tmp_path_factory._given_basetemp = folder / "made"  # type: ignore[attr-defined] # a place of its own
        session.items = items
        for item, then in zip(items, [*items[1:], None], strict=True):
            entered.clear()
            before, begun = session.testsfailed, time.monotonic()
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=then)
            bad, seconds = session.testsfailed > before, round(time.monotonic() - begun, 3)
            print(json.dumps([item.nodeid, bad, seconds, sorted(entered)]), file=rows, flush=True)
            if bad and not every:
                return


# --- a draw -------------------------------------------------------------------------------------
class Module:
    """A module whose decisions are changed."""

    def __init__(self, file: Path) -> None:
        self.file = file.relative_to(ROOT)
        self.name = self.file.with_suffix("").as_posix().replace("/", ".")
        self.tree = marked(file.read_text(encoding="utf-8"))
        importlib.import_module(self.name)

    def around(self, line: int) -> str:
        """What the innermost function around a line tells when it is entered, or nothing."""
        found = [n for n, f in functions(self.tree) if f.lineno <= line <= (f.end_lineno or 0)]
        return f"{self.file}::{found[-1]}" if found else ""


class Draw:
    """Changes drawn from some modules, and what the tests say to each."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.heard: dict[str, tuple[float, list[str]]] = {}
        #: function or file -> tests that enter it, with their seconds
        self.entering: dict[str, list[tuple[float, str]]] = {}
        self.sound: dict[str, bool] = {}
        if given.heard and given.heard.is_file():
            for line in given.heard.read_text().splitlines():
                self.heard.update(json.loads(line))

    def __call__(self, runner: Runner) -> None:
        given, self.runner = self.given, runner
        for place, _, name in (text.partition(":") for text in MADE_ONCE):
            getattr(importlib.import_module(place), name)()
        files = [f for room in ROOMS for f in (ROOT / room).rglob("[a-z]*.py")]
        modules = [Module(f) for f in sorted(files)]
        self.alive = living(ROOT / m.file for m in modules)
        self.listen(modules)
        for test in runner.items:
            seconds, places = self.heard[test]
            for place in {*places, *(p.partition("::")[0] for p in places)}:
                self.entering.setdefault(place, []).append((seconds, test))
        found = [(m, c) for m in modules if _named(m, given.names) for c in changes(m.tree)]
        drawn = random.Random(given.seed).sample(found, min(given.draw, len(found)))
        print(f"{len(drawn)} of {len(found)} changes drawn with seed {given.seed}", flush=True)
        rows = json.loads(given.to.read_text()) if given.to and given.to.is_file() else {}
        for module, change in drawn:
            named = f"{module.file}:{change}"
            if named not in rows:
                by, why = self.judged(module, change)
                rows[named] = {"killed": by, "why": why}
                print(f"{'killed' if by else 'SURVIVED'} {named}  [{by or why}]", flush=True)
            if given.to:
                given.to.write_text(json.dumps(rows, indent=1))
        dead = sum(bool(row["killed"]) for row in rows.values())
        print(f"{dead} of {len(rows)} killed, {dead / max(1, len(rows)):.1%}", flush=True)

    def listen(self, modules: Sequence[Module]) -> None:
        """Run what was not heard yet, file by file, with nothing changed but that it tells."""
        files = dict[str, list[str]]()
        for test in self.runner.items:
            if test not in self.heard:
                files.setdefault(test.partition("::")[0], []).append(test)
        codes = [listening(m.tree, m.file) for m in modules] if files else []
        for file, tests in files.items():
            begun = time.monotonic()
            told = self.runner.fork(
                tests, lambda: [give(c, self.alive) for c in codes], 900, every=True
            )
            for test in tests:
                heard = [] if test in told.failed else told.entered.get(test, [])
                self.heard[test] = told.seconds.get(test, 0), heard
            lost = f"; left out, they fail as they are: {told.failed}" if told.failed else ""
            print(f"{time.monotonic() - begun:.1f} s: {file}{lost}", flush=True)
            if self.given.heard:
                with self.given.heard.open("a") as kept:
                    print(json.dumps({t: self.heard[t] for t in tests}), file=kept)

    def judged(self, module: Module, change: Change) -> tuple[str, str]:
        """The test that kills a change; or nothing, and who was asked."""
        place = module.around(change.line)
        entering, tests = sorted(self.entering.get(place or str(module.file), ())), []
        left = self.given.seconds
        for seconds, test in entering:
            if left > 0:
                tests.append(test)
                left -= seconds
        made = changed(module.tree, change)

        def first() -> None:
            if place:
                taken = give(listening(made, module.file), self.alive)
            else:
                taken = give_option(made, module.name, change.line)
            if not taken:
                raise RuntimeError(f"{module.file}:{change} could be given to nothing")

        while tests:
            told = self.runner.fork(tests, first, 20 + 4 * (self.given.seconds - left))
            if not told.failed:
                if place and not any(place in e for e in told.entered.values()):
                    raise RuntimeError(f"{module.file}:{change} was never entered")
                return "", f"{len(tests)} of {len(entering)} tests that enter it pass"
            if self.passes(told.failed[0]):
                return told.failed[0], ""
            tests.remove(told.failed[0])
        return "", "no test enters it"

    def passes(self, test: str) -> bool:
        """Whether a test passes alone, in a fork, with nothing changed."""
        if test not in self.sound:
            self.sound[test] = not self.runner.fork([test], lambda: None, 300).failed
        return self.sound[test]


def _named(module: Module, names: Sequence[str]) -> bool:
    """Whether a module is one of those named, by code or by part of its name; all, if none is."""
    from audit_lib.checks.catalogue import CATALOGUE, check_class

    wanted = [check_class(n).__module__ if n in CATALOGUE else n for n in names]
    return not wanted or any(f".{w}." in f".{module.name}." for w in wanted)


def main() -> None:
    """Change checks, and tell what nobody noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="codes, or parts of names of modules; else all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--draw", type=int, default=200, help="changes drawn")
    parser.add_argument("--seconds", type=float, default=60, help="of tests asked for one change")
    parser.add_argument("--heard", type=Path, help="file for which test enters what, kept")
    parser.add_argument("--to", type=Path, help="file for the result; what stands there is done")
    parser.add_argument("--tests", nargs="*", help="files of tests; else all that say a name")
    given = parser.parse_args()
    given.heard, given.to = (p.resolve() if p else None for p in (given.heard, given.to))
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    options = ["-q", "-s", "-p", "no:randomly", "-p", "no:cacheprovider", "-m", "not slow"]
    tests = given.tests or saying(given.names)
    raise SystemExit(pytest.main([*options, *tests], plugins=[Runner(Draw(given))]))


def saying(names: Sequence[str]) -> list[str]:
    """Files of tests in which the code, or the last part of the name, of some modules stands."""
    if not names:
        return list(TESTS)
    word = re.compile(rf"\b({'|'.join(re.escape(n.rpartition('.')[2]) for n in names)})\b")
    files = [
        f
        for t in TESTS
        for f in ([ROOT / t] if t.endswith(".py") else (ROOT / t).rglob("test_*.py"))
    ]
    return sorted(str(f) for f in files if word.search(f.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
