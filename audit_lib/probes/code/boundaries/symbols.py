"""What a boundary declares of its symbols, held against the source."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch

from audit_lib.model import Gap, Location, Severity
from audit_lib.probes.code.boundaries.forms import Boundary, Symbol
from audit_lib.probes.code.signatures import callable_signature, differences, parse_signature
from audit_lib.subject.code import Code
from audit_lib.subject.references import Thing
from audit_lib.subject.units import Unit

_BOUND = (["self"], ["cls"])


@dataclass(frozen=True)
class Statement:
    """One comparison: what it is about, what is declared, what was found."""

    about: str
    declared: str
    found: str


@dataclass(frozen=True)
class Departure:
    """A declaration that does not hold.

    Attributes:
        sentence: the departure, without the boundary's name.
        key: what tells it from others of the boundary.
        location: of the declaration.
        severity: how bad it is; None for that of the check.
        measured, expected: what was found and declared, where that says more than the sentence.
    """

    sentence: str
    key: str
    location: Location
    severity: Severity | None = None
    measured: str = ""
    expected: str = "as declared"


Compared = Statement | Departure | Gap


class SymbolsOf:
    """The symbols of one boundary, compared with the code."""

    def __init__(self, code: Code, boundary: Boundary) -> None:
        self.code, self.boundary = code, boundary

    def compared(self) -> Iterator[Compared]:
        """Every statement about them, and what does not hold."""
        for symbol in self.boundary.symbols:
            for name in symbol.names:
                yield from self._name(symbol, name)
            if symbol.more:
                yield from self._count(symbol)

    def _name(self, symbol: Symbol, name: str) -> Iterator[Compared]:
        things = {f: _look_up(self.code, f, name) for f in symbol.defined_in}
        where = next((f for f, bound in things.items() if bound), "")
        shown = ", ".join(symbol.defined_in)
        if symbol.defined_in:
            yield Statement(name, f"in {shown}", where or "not there")
        if symbol.defined_in and not where:
            if not any(bound is None for bound in things.values()):
                sentence = f"{name} is not defined in {shown}"
                yield Departure(sentence, f"{name} defined", symbol.location)
            return
        yield from self._imported(symbol, name)
        if where and not name.endswith("*"):
            yield from self._shape(symbol, name, where)

    def _imported(self, symbol: Symbol, name: str) -> Iterator[Compared]:
        if not symbol.imported_by:
            return
        edges = [
            e
            for e in self.code.imports.edges
            if e.source in symbol.imported_by and any(fnmatch(s, name) for s in e.symbols)
        ]
        by = ", ".join(symbol.imported_by)
        importers = ", ".join(sorted({f"{e.source}:{e.line} {e.type.value}" for e in edges}))
        yield Statement(name, f"imported by {by}", importers or "not imported")
        kinds = {e.type.value for e in edges}
        if not edges:
            sentence = f"{name} is not imported by {by}"
            yield Departure(sentence, f"{name} imported", symbol.location, Severity.MEDIUM)
        elif symbol.types and not symbol.types & kinds:
            wanted = ", ".join(sorted(symbol.types))
            sentence = f"{name} is imported {', '.join(sorted(kinds))}, declared {wanted}"
            yield Departure(sentence, f"{name} type", symbol.location, Severity.LOW)

    def _shape(self, symbol: Symbol, name: str, where: str) -> Iterator[Compared]:
        thing = self.code.references.module_name(where, name)
        if symbol.value is not None:
            yield from self._value(symbol, name, thing)
        if thing.unit is None or len(symbol.names) > 1:
            return
        if symbol.signature:
            yield from self._signature(symbol, name, thing.unit, symbol.signature)
        if symbol.constructor is not None:
            yield from self._constructor(symbol, name, thing.unit, symbol.constructor)
        for method, text in symbol.methods.items():
            member = self.code.references.member(thing.unit, method)
            about = f"{name}.{method}"
            yield Statement(about, "a method", "there" if member else "not there")
            if member is None:
                sentence = f"{name} has no method {method}"
                yield Departure(sentence, f"{about} method", symbol.location)
            elif text:
                yield from self._signature(symbol, about, member, text)

    def _signature(self, symbol: Symbol, about: str, unit: Unit, text: str) -> Iterator[Compared]:
        declared = parse_signature(text)
        actual = callable_signature(self.code.references, unit)
        if declared is None or actual is None:
            yield Statement(about, text, "cannot be compared")
            why = "is no valid signature" if declared is None else "is decorated or redefined"
            yield Gap(f"{self.boundary.id}: signature of {about}", why)
            return
        if actual.names()[:1] in _BOUND and declared.names()[:1] not in _BOUND:
            actual = actual.without_first()
        yield Statement(about, str(declared), str(actual))
        departures = list(differences(declared, actual))
        if departures:
            said = "; ".join(sentence for _, sentence, _ in departures)
            severity = None if any(breaks for _, _, breaks in departures) else Severity.INFO
            yield Departure(
                f"{about}: {said}", f"{about} signature", symbol.location, severity, str(actual),
                str(declared),
            )  # fmt: skip

    def _constructor(
        self, symbol: Symbol, name: str, unit: Unit, declared: tuple[str, ...]
    ) -> Iterator[Compared]:
        actual = callable_signature(self.code.references, unit)
        shown = f"({', '.join(declared)})"
        if actual is None:
            yield Statement(f"{name}()", shown, "cannot be compared")
            yield Gap(f"{self.boundary.id}: constructor of {name}", "its parameters cannot be read")
            return
        yield Statement(f"{name}()", shown, str(actual))
        present = [p for p in actual.parameters if p.kind not in ("args", "kwargs")]
        gone = [p for p in declared if actual.get(p) is None]
        added = [p for p in present if p.name not in declared]
        if gone or added:
            parts = [f"has no parameter {p!r}" for p in gone]
            parts += [f"takes {p.name!r}, which is not declared" for p in added]
            severity = None if gone or any(p.required for p in added) else Severity.INFO
            yield Departure(
                f"{name}() {'; '.join(parts)}", f"{name} constructor", symbol.location, severity,
                str(actual), shown,
            )  # fmt: skip

    def _value(self, symbol: Symbol, name: str, thing: Thing) -> Iterator[Compared]:
        literal = _literal(self.code, thing)
        yield Statement(name, f"= {symbol.value}", f"= {literal or 'computed'}")
        if literal is not None and literal.strip("'\"") != str(symbol.value).strip("'\""):
            sentence = f"{name} is {literal}, declared {symbol.value}"
            yield Departure(sentence, f"{name} value", symbol.location)

    def _count(self, symbol: Symbol) -> Iterator[Compared]:
        crossing = {
            s
            for e in self.code.imports.edges
            if e.source in symbol.imported_by and e.target in symbol.defined_in
            for s in e.symbols
        }
        yield Statement("names", f"{symbol.more} or more", str(len(crossing)))
        if len(crossing) < symbol.more:
            sentence = f"{len(crossing)} names cross, declared are {symbol.more} or more"
            yield Departure(sentence, "names count", symbol.location, Severity.LOW)


def _look_up(code: Code, path: str, name: str) -> bool | None:
    if path not in code.tree.by_path:
        return False
    if name.endswith("*"):
        return any(fnmatch(n, name) for n in code.index.module(path).bindings)
    return code.index.binds(path, name)


def _literal(code: Code, thing: Thing) -> str | None:
    """The value of a constant as text; None where it is computed, or assigned more than once."""
    if thing.constant is None:
        return None
    path, bound = thing.constant
    nodes = code.index.module(path).bindings.get(bound, [])
    if len(nodes) != 1 or not isinstance(nodes[0], ast.Assign | ast.AnnAssign):
        return None
    try:
        value = ast.literal_eval(nodes[0].value) if nodes[0].value is not None else None
    except (ValueError, TypeError, SyntaxError, RecursionError):
        return None
    return str(value)
