"""BND006."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Examined, Location, Severity, Task
from audit_lib.probes.signatures import called, fits_an_override, own_calls
from audit_lib.subject.code import code_of
from audit_lib.subject.source import matches
from audit_lib.subject.subject import Subject

_TESTS = ("**/tests/**", "**/test/**", "**/test_*.py", "**/*_test.py", "**/conftest.py")


class CallsFitSignatures(Check):
    """Calls into, out of and within the subsystem fit the signatures they reach.

    What it checks
        Calls whose target is known from the text: number of positional arguments, names of keyword
        arguments, required parameters; of functions, methods, constructors and dataclasses. Calls
        between files that are not under audit are told as information only.
    Why it matters
        Python finds out only when the line runs. Branches that run once a quarter (a retrain, a
        fallback, an error path) are where such calls survive.
    How
        Resolves the callee through imports, re-exports, `self`, and objects whose class is visible,
        reads its parameters from the syntax tree and binds the arguments to them.
    Limitations
        Calls with `*args` or `**kwargs`, callees behind unknown decorators, metaclasses or bases
        outside the repository, and names with several definitions are left out. A method's call
        that fits an override in a subclass is believed, whatever the class of the object; a
        subclass that narrows a method is not considered. Test files are not read.
    Remediation
        Pass what the signature asks for, or change it together with all callers.
    Sources
        The Python Language Reference, section 6.3.4 (calls).
    """

    code = "BND006"
    contract = Contract.BOUNDARY
    task = Task.T6
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Bind the arguments of every call whose target is known."""
        code = code_of(subject.source)
        under_audit = {f.path for f in subject.source.subsystem}
        count = 0
        same: Counter[tuple[str, str, str, str]] = Counter()
        for path, file in code.files.items():
            if any(matches(path, glob) for glob in _TESTS):
                continue  # tests call wrongly on purpose
            for unit in file.units:
                calls = sorted(own_calls(unit), key=lambda c: (c.lineno, c.col_offset))
                for call in calls:
                    reached = called(code.references, unit, call)
                    if reached is None:
                        continue
                    target, signature = reached
                    touches = bool(under_audit & {path, target.path})
                    count += touches
                    refusal = signature.refusal(call)
                    if refusal and not fits_an_override(code.references, target, call):
                        about = f"{target.key} {refusal}"
                        same[path, unit.key, unit.name, about] += 1
                        times = same[path, unit.key, unit.name, about]
                        reach = len(code.imports.dependents(path))
                        yield self.finding(
                            Location(path, line=call.lineno, symbol=unit.name),
                            f"{target.name}{signature} of {target.path} {refusal}",
                            measured=refusal,
                            expected=str(signature),
                            key=about if times == 1 else f"{about} #{times}",
                            # It crashes wherever it stands; few are hurt where nothing imports it.
                            severity=self.severity if touches or reach else Severity.MEDIUM,
                        )
        yield Examined(count, "calls with a known target")
