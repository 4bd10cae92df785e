from collections import defaultdict

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable
from audit_lib.model import Examined, Location, Severity
from audit_lib.probes.code.dead_code import Dead, dead
from audit_lib.probes.code.surroundings import is_aside
from audit_lib.subject.code import code_of
from audit_lib.subject.units import MODULE

_COPIES = 3
"""modules with one function of a name that has the same in it, from which on it was copied"""


class CodeIsReached(Check):
    """What the code says is reached by some run of it.

    What it checks
        Statements after a `return`, `raise`, `break` or `continue` of their block; branches on
        constants, `True` and `0` as well as constants of the source that nothing sets anew; an
        `elif` that asks what was asked before; handlers of errors that a handler above them
        catches. In the files under audit and those that touch them.
    Why it matters
        A limit, a calibration or a fallback that stands behind such a line is read, reviewed and
        believed, and never runs.
    How
        Follows the blocks of each function and module by the text alone. MEDIUM; LOW where a
        constant is what keeps runs away, since a person wrote it or may turn it.
    Limitations
        Conditions that are always true for other reasons are not seen. A `yield` or `raise` that
        makes a function what it is, and definitions, are left out, as are tests and examples.
    Remediation
        Remove what cannot run, or mend the condition that keeps it from running.
    Sources
        The Python Language Reference, chapter 8 (compound statements); CWE-561 (dead code).
    """

    code = "BND015"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Look for what no run reaches."""
        code = code_of(subject.source)
        paths = [p for p in sorted(code.connected) if not is_aside(p) and not p.endswith(".pyi")]
        if not paths:
            raise NotApplicable("every file under audit is a test, a document or an example")
        alike: dict[tuple[str, str], list[Dead]] = defaultdict(list)
        for path in paths:
            for part in dead(code, path):
                name = part.unit.name.rpartition(".")[2]
                copied = (name if name != MODULE else path, _kind(part))
                alike[(path, part.why) if part.name else copied].append(part)
        for together in alike.values():
            several = len({f.unit.path for f in together}) >= _COPIES
            one = together[0].name or several
            yield from map(self._report, [together] if one else [[f] for f in together])
        yield Examined(len(paths), "files")

    def _report(self, alike: list[Dead]) -> Answer:
        """One finding a place; one a constant, or a function that was copied to many modules."""
        first, more = alike[0], len(alike) - 1
        symbol = first.unit.name if first.unit.name != MODULE else ""
        return self.finding(
            Location(first.unit.path, line=first.node.lineno, symbol=symbol),
            f"no run of {symbol or 'the module'} reaches this: {first.why}"
            + (f"; so it is at {more} more place{'s' if more > 1 else ''}" if more else ""),
            measured="never reached",
            expected="reached by some run",
            key=_kind(first),
            severity=Severity.LOW if first.switch else self.severity,
        )


def _kind(found: Dead) -> str:
    return found.why.partition(" at line ")[0]
