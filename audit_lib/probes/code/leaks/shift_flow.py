"""Negative shifts that the text does not show at the shift: a name, a constant, an argument.

``lag = -1`` above ``close.shift(lag)``, and ``lagged(close, -1)`` of a function that shifts by its
parameter, move later rows up as surely as ``close.shift(-1)``.
"""

import ast
import re
from collections.abc import Iterator
from functools import cached_property

from audit_lib.probes.code.calls import bound, defaults, own_calls, parameter_names
from audit_lib.probes.code.constants import constant
from audit_lib.probes.code.leaks.later_rows import SHIFTS, negative, shifted_by
from audit_lib.subject.code import Code
from audit_lib.subject.units import Unit
from audit_lib.subject.uses import dotted

_ROUNDS = 3


class ShiftFlow:
    """Which parameters of the repository's functions say by how much rows are shifted."""

    def __init__(self, code: Code) -> None:
        self.code = code

    def judged(self, call: ast.Call) -> str:
        """What a call shifts by a negative number that stands elsewhere; '' for nothing."""
        unit = self._units.get(id(call))
        if unit is None:
            return ""
        by = shifted_by(call)
        if isinstance(by, ast.Name) and self._below_zero(unit, by.id):
            return f"`{ast.unparse(call.func).rpartition('.')[2]}` by {by.id}, which is negative"
        for name, value in self._shifting(unit, call):
            below = negative(value) or (
                isinstance(value, ast.Name) and self._below_zero(unit, value.id)
            )
            if below:
                return f"`{dotted(call.func)}`, which shifts by {name}, with {ast.unparse(value)}"
        return ""

    @cached_property
    def _units(self) -> dict[int, Unit]:
        """Calls to the units in whose text they stand, where a shift may be behind them."""
        names = {key.rpartition("::")[2].rpartition(".")[2] for key in self._parameters}
        words = re.compile("|".join(map(re.escape, (*sorted(names), *SHIFTS))))
        unit_of: dict[int, Unit] = {}
        for file in self.code.files.values():
            for unit in file.units if words.search(file.file.text) else ():
                for call in own_calls(unit):
                    last = dotted(call.func).rpartition(".")[2]
                    if last in names or shifted_by(call) is not None:
                        unit_of[id(call)] = unit
        return unit_of

    @cached_property
    def _parameters(self) -> dict[str, set[str]]:
        """Unit key to its parameters by which it, or what it calls, shifts forwards."""
        parameters: dict[str, set[str]] = {}
        words = re.compile("|".join(SHIFTS))
        for file in self.code.files.values():
            for unit in file.units if words.search(file.file.text) else ():
                for call in own_calls(unit):
                    by = shifted_by(call)
                    if isinstance(by, ast.Name) and by.id in parameter_names(unit.node):
                        parameters.setdefault(unit.key, set()).add(by.id)
        self.__dict__["_parameters"] = parameters
        for _ in range(_ROUNDS if parameters else 0):
            for key in list(parameters):
                for user in self.code.references.sources.get(key, ()):
                    path, _, name = user.partition("::")
                    caller = self.code.references.unit(path, name)
                    if caller is None:
                        continue
                    for call in own_calls(caller):
                        for _, value in self._shifting(caller, call):
                            if isinstance(value, ast.Name) and value.id in parameter_names(
                                caller.node
                            ):
                                parameters.setdefault(caller.key, set()).add(value.id)
        return parameters

    def _shifting(self, unit: Unit, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
        """(parameter, argument) pairs of a call by which its target shifts."""
        text = dotted(call.func)
        target = self.code.references.chain(unit, text).unit if 0 < len(text) < 80 else None
        if target is None or target.key not in self._parameters:
            return
        given = dict(bound(target.node, call))
        for name in sorted(self._parameters[target.key] & given.keys()):
            yield name, given[name]

    def _below_zero(self, unit: Unit, name: str) -> bool:
        """True where all that a name is assigned is negative."""
        assigned = [
            node.value
            for node in (ast.walk(unit.node) if unit.node is not None else ())
            if isinstance(node, (ast.Assign, ast.AnnAssign))
            and node.value is not None
            and name in map(dotted, getattr(node, "targets", [getattr(node, "target", None)]))
        ]
        if assigned:
            return all(map(negative, assigned))
        if name in parameter_names(unit.node):
            return any(a.arg == name and negative(d) for a, d in defaults(unit.node))
        value = constant(self.code.index, unit.path, name)
        return isinstance(value, (int, float)) and value < 0
