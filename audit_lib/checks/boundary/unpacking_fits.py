import ast

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable
from audit_lib.model import Examined, Location, Severity
from audit_lib.probes.code.arity import Unpacked, arities, reached, unpacked
from audit_lib.probes.code.surroundings import is_aside, severity_of, surroundings
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.units import MODULE, Unit


class UnpackingFits(Check):
    """Callers unpack as many values as the function returns.

    What it checks
        Calls of the repository's functions whose answer is unpacked, or indexed by a constant:
        some return of the function, or of an override, has that many values.
    Why it matters
        A third value that one side adds stops every caller that unpacks two, and only when the line
        runs; under a broad handler the fallback is taken instead, every time.
    How
        Counts the elements of every `return` that is a tuple in the text, following a `return f()`
        into `f`, and holds them against the targets of the assignment.
    Limitations
        Functions with one return that is no tuple in the text, generators, unknown decorators, and
        targets with a star that has room are left out. A function that returns now two and now
        three values is believed where one of them fits.
    Remediation
        Unpack what is returned, or return a named tuple that can grow.
    Sources
        The Python Language Reference, section 7.2 (assignment statements).
    """

    code = "BND011"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Hold every unpacked call against the returns it reaches."""
        code = code_of(subject.source)
        count = 0
        for path, file in code.files.items():
            if is_aside(path):
                continue
            for unit in file.units:
                for taken in unpacked(unit):
                    target = reached(code.references, unit, taken.call)
                    if target is None or not {path, target.path} & code.connected:
                        continue
                    held = _arities(code, target, taken.call)
                    if held is None:
                        continue
                    count += 1
                    if not any(_fits(taken, n) for n in held):
                        yield from self._report(code, unit, taken, target, held)
        if not count:
            raise NotApplicable("no call with a known number of values is unpacked")
        yield Examined(count, "unpacked calls with a known number of values")

    def _report(
        self, code: Code, unit: Unit, taken: Unpacked, target: Unit, held: dict[int, int]
    ) -> Answers:
        around = surroundings(code, unit.path)
        if around is None:
            return
        error = "ValueError" if taken.exact else "IndexError"
        handler = around.handler(taken.call, error)
        gives = " or ".join(map(str, sorted(held)))
        line = next(iter(held.values()))
        wants = (
            f"{taken.wanted} are unpacked" if taken.exact else f"no. {taken.wanted} is asked for"
        )
        yield self.finding(
            Location(unit.path, line=taken.call.lineno, symbol=_symbol(unit)),
            f"{target.name} of {target.path} returns {gives} values (line {line}), {wants}; "
            + around.effect(taken.call, error),
            measured=taken.wanted,
            expected=gives,
            key=f"{target.key} {taken.wanted}",
            severity=severity_of(
                code, unit.path, loading=around.loads(taken.call), swallowed=handler is not None
            ),
        )


def _fits(taken: Unpacked, count: int) -> bool:
    return count == taken.wanted if taken.exact else count >= taken.wanted


def _arities(code: Code, target: Unit, call: ast.Call) -> dict[int, int] | None:
    """Those of a function and of every override; None where one of them does not tell."""
    lines: dict[int, int] = {}
    method = isinstance(call.func, ast.Attribute)
    for unit in [target, *(code.references.overrides(target) if method else [])]:
        own = arities(code.references, unit)
        if own is None:
            return None
        lines.update({count: line for count, line in own.items() if count not in lines})
    return lines


def _symbol(unit: Unit) -> str:
    return "" if unit.name == MODULE else unit.name
