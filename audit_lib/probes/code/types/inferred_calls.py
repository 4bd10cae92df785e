"""Calls of methods on objects whose class only a type checker infers.

What it says of arguments is held against the parameters that the text shows, and believed where
both agree: a type checker that sees no package takes options of decorators for mistakes.
"""

import ast
import re
from collections.abc import Iterator

from audit_lib.probes.code.signatures import (
    Signature,
    callable_signature,
    decorators,
    fits_an_override,
)
from audit_lib.probes.code.surroundings import surroundings, unit_at
from audit_lib.probes.code.types.attributes import is_plain_first
from audit_lib.probes.code.types.type_checker import Diagnostic
from audit_lib.subject.code import Code
from audit_lib.subject.modules import DEFINITIONS
from audit_lib.subject.units import Unit

_CALL = re.compile(r'(?:in call to|for|of) "(?P<name>\w+)"(?: of "(?P<owner>\w+)[^"]*")?')


class InferredCalls:
    """Judges a type checker's errors about arguments."""

    def __init__(self, code: Code) -> None:
        self.code = code
        self._classes: dict[str, list[Unit]] = {}
        for file in code.files.values():
            for unit in file.units:
                if isinstance(unit.node, ast.ClassDef):
                    self._classes.setdefault(unit.node.name, []).append(unit)

    def misfits(self, error: Diagnostic) -> Iterator[tuple[ast.Call, Unit, Signature]]:
        """The call, what it reaches and the signature that it does not fit; nothing if unsure."""
        match = _CALL.search(error.text)
        around = surroundings(self.code, error.path)
        if error.code != "call-arg" or match is None or around is None:
            return
        methods = self._methods(match["name"], match["owner"] or "")
        signatures = [_bound(self.code, m) for m in methods]
        for node in around.at(error.line, error.column):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            refused = [s for s in signatures if s is not None and s.refusal(node)]
            if node.func.attr != match["name"] or not refused or len(refused) < len(methods):
                continue
            unit = unit_at(self.code, error.path, error.line)
            cls = self.code.references.owner_class(unit) if unit is not None else None
            if cls is not None and is_plain_first(node.func.value, cls.node):
                continue
            if not any(fits_an_override(self.code.references, m, node) for m in methods):
                yield node, methods[0], refused[0]

    def _methods(self, name: str, owner: str) -> list[Unit]:
        """Methods of that name: of the class where it is told, else of every class."""
        classes = self._classes.get(owner, [])
        if owner:
            member = self.code.references.member(classes[0], name) if len(classes) == 1 else None
            return [member] if member is not None else []
        return [
            method
            for units in self._classes.values()
            for cls in units
            if (method := self.code.references.unit(cls.path, f"{cls.name}.{name}")) is not None
        ]


def _bound(code: Code, method: Unit) -> Signature | None:
    """Parameters of a method as an object's caller sees them."""
    signature = callable_signature(code.references, method)
    kinds = decorators(method.node) if isinstance(method.node, DEFINITIONS) else []
    if signature is None or {"abstractmethod", "property"} & set(kinds):
        return None
    if isinstance(method.node, ast.ClassDef):
        return None
    return signature if "staticmethod" in kinds else signature.without_first()
