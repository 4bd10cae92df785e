import ast
from collections import defaultdict
from collections.abc import Iterator

from pydantic import Field as Option

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Examined, Gap, Location, Severity
from audit_lib.probes.code.calls import own_calls
from audit_lib.probes.code.signatures import Signature, called, fits_an_override
from audit_lib.probes.code.surroundings import severity_of, surroundings, unit_at
from audit_lib.probes.code.types.inferred_calls import InferredCalls
from audit_lib.probes.code.types.type_checker import type_errors
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.source import matches
from audit_lib.subject.units import Unit

_Misfit = tuple[Unit, ast.Call, Unit, Signature]
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
        reads its parameters from the syntax tree and binds the arguments to them. Where mypy is
        installed, methods of objects whose class it infers are bound likewise; an error of its own
        is told where both agree. Where it gives up, nothing passes, unless `inferred: false`.
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
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    inferred: bool = Option(True, description="ask the type checker for the classes of objects")
    seconds: float = Option(120, gt=0, description="how long the type checker may take")

    def run(self, subject: Subject) -> Answers:
        """Bind the arguments of every call whose target is known."""
        code = code_of(subject.source)
        under_audit = {f.path for f in subject.source.subsystem}
        count = 0
        misfits: list[_Misfit] = []
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
                    count += bool(under_audit & {path, target.path})
                    overridden = fits_an_override(code.references, target, call)
                    if signature.refusal(call) and not overridden:
                        misfits.append((unit, call, target, signature))
        if self.inferred:
            try:
                misfits += self._inferred(subject, code, misfits)
            except NotAssessed as error:  # what the text shows is judged all the same
                yield Gap("methods of objects whose class the text does not show", str(error))
        alike: dict[tuple[str, str, str], list[_Misfit]] = defaultdict(list)
        for unit, call, target, signature in misfits:
            about = (unit.path, target.key, signature.refusal(call))
            alike[about].append((unit, call, target, signature))
        for together in alike.values():
            yield self._report(code, together)
        yield Examined(count, "calls with a known target")

    def _inferred(self, subject: Subject, code: Code, misfits: list[_Misfit]) -> Iterator[_Misfit]:
        """Methods of objects whose class a type checker knows and the text does not show."""
        calls, seen = InferredCalls(code), {(u.path, c.lineno) for u, c, _, _ in misfits}
        for error in type_errors(subject.source, seconds=self.seconds):
            if any(matches(error.path, glob) for glob in _TESTS):
                continue
            for call, target, signature in calls.misfits(error):
                unit = unit_at(code, error.path, call.lineno)
                if unit is not None and (error.path, call.lineno) not in seen:
                    seen.add((error.path, call.lineno))
                    yield unit, call, target, signature

    def _report(self, code: Code, together: list[_Misfit]) -> Answer:
        """One finding for all calls of a file that one change to them would mend."""
        unit, call, target, signature = together[0]
        refusal = signature.refusal(call)
        around = surroundings(code, unit.path)
        handler = around.handler(call, "TypeError") if around is not None else None
        then = f"; {around.effect(call, 'TypeError')}" if around is not None and handler else ""
        again = f" ({len(together)} calls)" if len(together) > 1 else ""
        others = dict.fromkeys(u.name for u, *_ in together if u is not unit)
        again += f"; so in {', '.join(others)}" if others else ""
        loading = around is not None and around.loads(call)
        return self.finding(
            Location(unit.path, line=call.lineno, symbol=unit.name),
            f"{target.name}{signature} of {target.path} {refusal}{again}{then}",
            measured=refusal,
            expected=str(signature),
            key=f"{target.key} {refusal}",
            severity=severity_of(code, unit.path, loading=loading, swallowed=handler is not None),
        )
