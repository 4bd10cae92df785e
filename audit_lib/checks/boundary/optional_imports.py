from collections import defaultdict
from dataclasses import replace

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.model import Examined, Finding, Location, Severity
from audit_lib.probes.code.optional_imports import Optional, Use, optionals, unguarded
from audit_lib.probes.code.surroundings import is_aside, severity_of, surroundings
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.dependencies import Dependencies
from audit_lib.subject.units import MODULE


class OptionalImportsAreAskedFor(Check):
    """A name that a failed import leaves without a value is asked for before it is used.

    What it checks
        Names whose import stands under `try` with a handler that makes them None, or nothing, and
        goes on: each call and each attribute of them comes after a condition that asks for the name
        or for a flag that is set beside it.
    Why it matters
        On the machine of the author the package is there. Where it is not, the module loads as if
        all were well, and the first prediction fails with an error that names neither the package
        nor the remedy.
    How
        Reads the text: conditions around the use, in its function, its class's constructor, a
        helper that it calls, and in everything that calls it. HIGH where the module belongs to the
        repository, so that the import always fails, or where a module uses the name while it loads;
        LOW where the package is declared, as required or in an extra. All uses of what one `try`
        imports are one finding.
    Limitations
        A guard that stands elsewhere (a registry that hides the class, a plug-in that is never
        loaded) is not seen.
    Remediation
        Raise an ImportError that names the package where the name is used first, or require it.
    Sources
        The Python Language Reference, section 7.11 (the import statement).
    """

    code = "BND012"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Follow every optional import to its uses."""
        code = code_of(subject.source)
        declared = Dependencies(subject.source.root)
        count = 0
        alike: dict[tuple[str, Severity], list[Finding]] = defaultdict(list)
        for path in sorted(code.connected):
            if is_aside(path) or path.endswith(".pyi"):
                continue
            uses_by_try: dict[int, list[Use]] = defaultdict(list)
            for optional in optionals(code, path):
                count += 1
                for use in unguarded(code, optional):
                    uses_by_try[optional.tried].append(use)
            for uses in uses_by_try.values():
                answer = self._report(code, declared, uses)
                light = answer.severity < Severity.HIGH
                one = uses[0].optional.package if light else f"{path}:{uses[0].optional.tried}"
                alike[one, answer.severity].append(answer)
        for first, *rest in alike.values():
            files = len({f.location.path for f in rest} - {first.location.path})
            more = f"; so it is in {files} more file{'s' * (files > 1)}" if files else ""
            yield replace(first, message=first.message + more)
        yield Examined(len(code.connected), "files")
        yield Examined(count, "names that an import may leave without a value")

    def _report(self, code: Code, declared: Dependencies, uses: list[Use]) -> Finding:
        """One finding for all names of one ``try``, wherever they are used."""
        use = min(uses, key=lambda u: self._worst_first(code, u))
        unit, optional = use.unit, use.optional
        around = surroundings(code, unit.path)
        left = "None" if optional.none else "unbound"
        does = "calls it" if use.called else "reads an attribute of it"
        where = unit.name if unit.name != MODULE else "the module"
        again = f", as do {len(uses) - 1} more places" if len(uses) > 1 else ""
        level, when = self._level(code, declared, optional)
        loading = around is not None and around.loads(use.node)
        if loading and not declared.requires(optional.package):
            level = max(level, Severity.HIGH)
        return self.finding(
            Location(
                unit.path, line=use.node.lineno, symbol="" if where == "the module" else where
            ),
            f"{optional.name} is {left} where {optional.package} cannot be imported (line "
            f"{optional.line}{'' if unit.path == optional.path else ' of ' + optional.path}), and "
            f"{where} {does} without asking{again}; {when}",
            measured=left,
            expected=f"a condition that asks for {optional.name}",
            key=f"{optional.path} {optional.name}",
            severity=level,
        )

    @staticmethod
    def _worst_first(code: Code, use: Use) -> tuple[bool, bool, str, int, int]:
        """Order of uses: what a module does while it loads, then the module of the import."""
        around = surroundings(code, use.unit.path)
        loads = around is not None and around.loads(use.node)
        elsewhere = use.unit.path != use.optional.path
        return not loads, elsewhere, use.unit.path, use.node.lineno, use.node.col_offset

    @staticmethod
    def _level(code: Code, declared: Dependencies, optional: Optional) -> tuple[Severity, str]:
        """How bad it is, and when it happens."""
        if any(
            b.imported.path == optional.path and b.imported.node.lineno == optional.line
            for b in code.imports.broken
        ):
            return severity_of(code, optional.path), "the repository has no such module, so always"
        if declared.requires(optional.package):
            return Severity.LOW, "the package is declared as required"
        if declared.declares(optional.package):
            return Severity.LOW, "the package is declared as optional"
        return Severity.MEDIUM, "nothing requires the package"
