import ast
import builtins
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pydantic import Field as Option

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.model import Evidence, Examined, Location, Severity
from audit_lib.probes.code.linter import Diagnostic, lint
from audit_lib.probes.code.local_names import bound_elsewhere, half_bound, put_in_later, shadowed
from audit_lib.probes.code.surroundings import (
    AS_SCRIPT,
    Surroundings,
    severity_of,
    surroundings,
    symbol_at,
)
from audit_lib.subject.code import Code, code_of

#: More names than this in one file have one cause: its imports are gone.
_APART = 4
_STAR = "`from"
_UNBOUND = ("F821", "F405")


@dataclass(frozen=True)
class _Case:
    line: int
    symbol: str
    name: str
    what: str
    effect: str
    severity: Severity


class NamesAreBound(Check):
    """Every name that the code reads is bound by then.

    What it checks
        Names that nothing binds; locals that are read before they are bound, or bound on one branch
        only although a module-level name of the same spelling was meant; locals that one `if` alone
        binds and that are read anyway (LOW, since it may always hold); names in `__all__` that
        the module lacks; texts with `%` or `.format` that cannot be filled. In every file of the
        repository: CRITICAL where a module that touches the subsystem cannot be imported, HIGH
        where a function of such a module fails, MEDIUM where nothing ties the file to the
        subsystem, LOW in tests, documents and examples.
    Why it matters
        Python finds out only when the line runs: when a model is saved, when a fallback is taken.
        Where a handler swallows the error, nobody finds out, and the fallback is served.
    How
        Asks ruff, which reads the files and runs nothing, with settings of the audit's own; follows
        star imports through the repository; follows each function for names that its own import or
        assignment hides. What happens where it fails is read off the statements around it.
    Limitations
        Annotations that are never evaluated, modules that make names at run time (`globals()`,
        `exec`), and star imports of libraries are left out, as are lines with `# noqa`, and scripts
        that an engine runs with names of its own put into them.
    Remediation
        Import or define the name, or rename the local that hides it.
    Sources
        The Python Language Reference, section 4.2 (naming and binding); the rules F821 to F823 of
        ruff, after pyflakes.
    """

    code = "BND009"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    seconds: float = Option(60, gt=0, description="how long the linter may take")

    def run(self, subject: Subject) -> Answers:
        """Ask the linter, and judge what it says by what breaks."""
        code = code_of(subject.source)
        files = [f for f in subject.source.files if not f.path.endswith(".pyi")]
        cases: dict[str, list[_Case]] = defaultdict(list)
        for diagnosis in lint(files, seconds=self.seconds):
            if (case := _judged(code, diagnosis)) is not None:
                cases[diagnosis.path].append(case)
        for file in files:
            reported = {(c.symbol, c.name) for c in cases[file.path]}
            hidden = _hidden(code, file.path)
            cases[file.path] += [c for c in hidden if (c.symbol, c.name) not in reported]
        for path, cases_here in sorted(cases.items()):
            yield from self._report(path, cases_here)
        yield Examined(len(files), "files")

    def _report(self, path: str, cases: list[_Case]) -> Answers:
        by_name: dict[str, list[_Case]] = defaultdict(list)
        for case in sorted(cases, key=lambda c: c.line):
            by_name[case.what].append(case)
        if len(by_name) <= _APART:
            places: dict[tuple[str, str], list[list[_Case]]] = defaultdict(list)
            for alike in by_name.values():
                first = alike[0]
                whole = first.effect == AS_SCRIPT or first.effect.startswith(_STAR)
                alone = "" if whole else first.what
                places[first.symbol or alone, first.effect].append(alike)
            for together in places.values():
                rest = ", ".join(f[0].name for f in together[1:])
                yield self._one(path, together[0], f"; so is it with {rest}" if rest else "")
            return
        rows = tuple(
            (c.line, c.name, c.what, c.effect) for alike in by_name.values() for c in alike
        )
        table = Evidence(f"unbound {path}", f"What {path} reads and nothing binds",
                         ("line", "name", "what", "effect"), rows)  # fmt: skip
        yield table
        worst = max((f for alike in by_name.values() for f in alike), key=lambda c: c.severity)
        rest = ", ".join(dict.fromkeys(c.name for c in cases if c.name != worst.name))
        yield self._one(
            path, [worst], f"; so is it with {len(by_name) - 1} more: {rest}", table.name
        )

    def _one(self, path: str, cases: list[_Case], more: str, table: str = "") -> Answer:
        worst = max(cases, key=lambda c: c.severity)
        again = f", and {len(cases) - 1} times more" if len(cases) > 1 else ""
        return self.finding(
            Location(path, line=worst.line, symbol=worst.symbol),
            f"{worst.what}{again}; {worst.effect}{more}",
            measured=worst.name,
            expected=f"{worst.name} is bound" if worst.name.isidentifier() else "it can be filled",
            key="names that nothing binds" if table else worst.what,
            severity=worst.severity,
            evidence=(table,) if table else (),
        )


def _judged(code: Code, said: Diagnostic) -> _Case | None:
    """A departure with what it breaks; None where it breaks nothing."""
    around = surroundings(code, said.path)
    if around is None:
        return None
    nodes = around.at(said.line, said.column - 1)
    node = next((n for n in nodes if isinstance(n, ast.Name)), nodes[0] if nodes else None)
    name = node.id if isinstance(node, ast.Name) else _quoted(said.text)
    if said.rule in _UNBOUND and not _unbound(code, said, name, node, around):
        return None
    if said.rule == "F823" and node is not None and around.in_annotation(node):
        return None
    what = {"F821": f"{name} is nowhere bound", "F405": f"{name} is nowhere bound",
            "F822": f"__all__ names {name}, which the module lacks",
            "F823": f"the local {name} is read before it is bound",
            }.get(said.rule, said.text.replace("`", "").rstrip("."))  # fmt: skip
    made_later = code.index.module(said.path).open or put_in_later(code, said.path, name)
    if said.rule == "F822" and made_later:
        return None
    if said.rule == "F822":
        effect = f"{_STAR} {said.path} import *` fails"
        return _Case(said.line, "", name, what, effect, Severity.MEDIUM)
    error = {"F821": "NameError", "F405": "NameError", "F823": "UnboundLocalError"}
    return _case(code, around, node, said.line, name, what, error.get(said.rule, "TypeError"))


def _case(code: Code, around: Surroundings, node: ast.AST | None, line: int, name: str, what: str,
          error: str) -> _Case | None:  # fmt: skip
    path = around.file.path
    symbol = symbol_at(code, path, line)
    if node is None:
        return _Case(line, symbol, name, what, "it fails there", severity_of(code, path))
    asked = f"{name!r} in globals()"
    if any(isinstance(p, (ast.If, ast.IfExp)) and ast.unparse(p.test) == asked
           for _, p in around.above(node)):  # fmt: skip
        return None
    handler = around.handler(node, error)
    if handler is not None and error == "NameError" and "NameError" in ast.unparse(handler):
        return None  # asked for on purpose
    level = severity_of(code, path, loading=around.loads(node), swallowed=handler is not None)
    return _Case(line, symbol, name, what, around.effect(node, error), level)


def _unbound(
    code: Code, error: Diagnostic, name: str, node: ast.AST | None, around: Surroundings
) -> bool:
    """True where a name is certain to be missing when it is read."""
    module = code.index.module(error.path)
    if not name.isidentifier() or hasattr(builtins, name):
        return False
    if node is None or not isinstance(node, ast.Name) or around.in_annotation(node):
        return False  # a name in a text: an annotation that nothing evaluates
    if error.rule == "F405":
        return code.index.binds(error.path, name) is False
    return not (module.open or bound_elsewhere(code, error.path, node, around))


def _hidden(code: Code, path: str) -> Iterator[_Case]:
    """Names of the module that a local hides on a path where it is unbound."""
    around = surroundings(code, path)
    if around is None or path not in code.files:
        return
    seen = set()
    units = code.files[path].units
    for use, function, line in shadowed(code.index.module(path), units):
        if (use.id, function) in seen:
            continue
        seen.add((use.id, function))
        what = f"{use.id} is bound in {function} at line {line} only, on one branch, which hides "
        what += "the module's own on every other"
        case = _case(code, around, use, use.lineno, use.id, what, "UnboundLocalError")
        if case is not None:
            light = _asked_alike(around, use.lineno, line)
            yield replace(case, severity=Severity.LOW) if light else case
    for use, function, condition in half_bound(units):
        if (use.id, function) not in seen:
            seen.add((use.id, function))
            line, test = condition.lineno, ast.unparse(condition.test)
            what = f"{use.id} is bound in {function} at line {line} only, "
            what += "on some of its branches" if condition.orelse else f"where `{test}` holds"
            what += ", and read whatever holds"
            case = _case(code, around, use, use.lineno, use.id, what, "UnboundLocalError")
            if case is not None:  # the condition may always hold
                yield replace(case, severity=Severity.LOW)


def _asked_alike(around: Surroundings, one: int, other: int) -> bool:
    """True where two lines stand under two conditions that ask for the same."""
    asked = [n for n in ast.walk(around.tree) if isinstance(n, ast.If)]
    above, beside = (
        {n for n in asked if n.lineno < line <= (n.end_lineno or 0)} for line in (one, other)
    )
    tests = ({ast.unparse(n.test) for n in s} for s in (above - beside, beside - above))
    return bool(set.intersection(*tests))


def _quoted(text: str) -> str:
    return text.split("`")[1] if text.count("`") > 1 else text
