import ast
from collections import defaultdict

from pydantic import Field as Option

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Examined, Gap, Location, Severity
from audit_lib.probes.code.surroundings import severity_of, surroundings
from audit_lib.probes.code.types.attributes import Attributes, Missing, symbol_of
from audit_lib.probes.code.types.type_checker import type_errors
from audit_lib.subject.code import Code, code_of


class AttributesExist(Check):
    """Attributes that are read of the repository's modules and classes are defined.

    What it checks
        `module.name` where the module is a file of the repository that does not bind the name; and
        `object.name` where the object's class is one of the repository's and neither it nor any
        other class of the repository has the attribute, and nothing assigns one of that name. In
        every file that imports the subsystem or is imported by it.
    Why it matters
        A symbol that was removed or renamed is missed only when the line runs. Where a handler
        swallows the error, the fallback is served from then on.
    How
        Modules are looked up by the text alone. Classes are those that mypy infers, which reads the
        files and runs nothing; its word is taken where nothing else could define the attribute. All
        that one function misses of one owner is one finding.
    Limitations
        Objects whose class the text does not tell, classes that make attributes at run time
        (`setattr`, `__getattr__`, unknown decorators), and attributes that any class of the
        repository has are left out.
    Remediation
        Spell the attribute as it is defined, or define it.
    Sources
        The Python Language Reference, section 6.3.1 (attribute references).
    """

    code = "BND010"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    seconds: float = Option(120, gt=0, description="how long the type checker may take")

    def run(self, subject: Subject) -> Answers:
        """Look up modules' names, then what the type checker says of classes."""
        code = code_of(subject.source)
        attributes = Attributes(code)
        by_attribute: dict[tuple[str, str, str], list[Missing]] = defaultdict(list)
        paths = sorted(p for p in code.connected if not p.endswith(".pyi"))
        for path in paths:
            for missing in attributes.of_modules(path):
                by_attribute[path, missing.owner, missing.node.attr].append(missing)
        try:
            for diagnostic in type_errors(subject.source, seconds=self.seconds):
                if (missing_one := attributes.of_classes(diagnostic)) is not None:
                    key = (diagnostic.path, missing_one.owner, missing_one.node.attr)
                    by_attribute[key].append(missing_one)
        except NotAssessed as error:
            yield Gap("attributes of classes", str(error))
        places: dict[tuple[str, str, str], list[list[Missing]]] = defaultdict(list)
        for alike in by_attribute.values():
            first = min(alike, key=lambda m: m.node.lineno)
            around = surroundings(code, first.path)
            plain = around is not None and not around.loads(first.node)
            plain = plain and first.owner.endswith(".py")  # names of a module that moved together
            if (
                plain
                and around is not None
                and around.handler(first.node, "AttributeError") is None
            ):
                apart = ""
            else:
                apart = symbol_of(code, first) or first.node.attr
            places[first.path, first.owner, apart].append(alike)
        for together in places.values():
            yield from self._report(code, together)
        yield Examined(len(paths), "files")

    def _report(self, code: Code, together: list[list[Missing]]) -> Answers:
        """One finding for all that a definition reads of a class, or a file of a module."""
        alike = together[0]
        rest = ", ".join(a[0].node.attr for a in together[1:])
        first = min(alike, key=lambda m: m.node.lineno)
        around = surroundings(code, first.path)
        if around is None or around.in_annotation(first.node):
            return
        handler = around.handler(first.node, "AttributeError")
        if handler is not None and handler.type is not None and _asks(handler.type):
            return
        name = first.node.attr
        again = f", read {len(alike)} times" if len(alike) > 1 else ""
        near = f"; it has {first.near}" if first.near else ""
        loading = around.loads(first.node)
        yield self.finding(
            Location(first.path, line=first.node.lineno, symbol=symbol_of(code, first)),
            f"{first.owner} has no {name}{again}{near}; "
            + around.effect(first.node, "AttributeError")
            + (f"; so is it with {rest}" if rest else ""),
            measured=name,
            expected=f"{first.owner} defines it",
            key=f"{first.owner} {name}",
            severity=severity_of(code, first.path, loading=loading, swallowed=handler is not None),
        )


def _asks(caught: ast.expr) -> bool:
    """True where a handler is there for the very error."""
    return "AttributeError" in ast.unparse(caught)
