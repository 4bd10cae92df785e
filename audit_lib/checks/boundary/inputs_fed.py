import ast

from pydantic import Field as Option

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.files import read_whole
from audit_lib.model import Examined, Location, Severity
from audit_lib.probes.code.reachable import Reachable
from audit_lib.probes.code.unfed import Unfed, UnfedInput, UnfedState
from audit_lib.subject.code import code_of
from audit_lib.subject.places import definition_line
from audit_lib.subject.units import Unit


class WhatIsReadIsFed(Check):
    """What the audit drives, the engine feeds: no input that every caller leaves out.

    What it checks
        Functions and classes under audit that hooks name. An optional input that is looked at only
        where it is given, and that no caller in the repository gives; one that hooks work out, and
        that every caller gives as False, None or 0; and state that begins empty,
        is read by code that runs, and is filled only by code that nothing in the repository comes
        to.
    Why it matters
        A hook hands a drift monitor its reference and a trigger its errors, and both do as they
        promise. In the engine nobody does, so that in production neither ever fires, and the
        verdict on them says nothing about the model that trades.
    How
        Reads the source alone. From module level, scripts, decorated functions and entry points it
        follows every mention, resolved where the text tells, by name where not; then compares
        parameters that default to None with all calls, and attributes with all assignments.
    Limitations
        Callers outside the repository are not seen: name what they call in `called_from_outside`.
        What only they come to is not asked about. An input that a caller passes on and was not
        given itself counts as given. Keys of dictionaries are not followed.
    Remediation
        Give the input where the function is called in production, call what fills the state, or
        delete what cannot happen.
    Sources
        Sculley and others (2015), Hidden Technical Debt in Machine Learning Systems, sections 4
        and 6 (dead experimental codepaths, monitoring).
    """

    code = "BND019"
    severity = Severity.MEDIUM
    reads = Reads.CODE

    called_from_outside: tuple[str, ...] = Option(
        (), description="functions and classes that others call, such as `Detector.set_reference`"
    )

    def run(self, subject: Subject) -> Answers:
        """Compare what hooks name with what the engine does to it."""
        names, given = _named(subject)
        if not names:
            raise NotApplicable("there are no hooks that drive anything")
        unfed = Unfed(Reachable(code_of(subject.source)), names, given)
        if not unfed.asked:
            raise NotAssessed("nothing in the repository comes to what the hooks drive")
        for case in unfed.inputs():
            if not self._outside(case.unit):
                yield self._input(case)
        for state in unfed.state():
            if not any(self._outside(unit) for unit in (state.cls, *state.writers)):
                yield self._state(state)
        yield Examined(unfed.asked, "definitions that hooks name")

    def _outside(self, unit: Unit) -> bool:
        return any(unit.name == n or unit.name.endswith("." + n) for n in self.called_from_outside)

    def _input(self, case: UnfedInput) -> Answer:
        function = _short(case.unit)
        what, they = _several(case.names)
        places = [f"{path}:{line}" for path, line in case.callers]
        calls = (
            f"none of its {len(places)} calls gives" if len(places) > 1 else "its one call lacks"
        )
        if case.always:
            calls = (
                f"all of its {len(places)} calls give" if len(places) > 1 else "its one call gives"
            )
            return self.finding(
                Location(case.unit.path, line=definition_line(case.unit), symbol=case.unit.name),
                f"{function} takes {what}, which hooks work out, and {calls} {case.always}: "
                f"{_some(places)}",
                measured=f"always {case.always}",
                expected="what there is to tell",
                key=f"inputs {' '.join(case.names)}",
            )
        return self.finding(
            Location(case.unit.path, line=definition_line(case.unit), symbol=case.unit.name),
            f"{function} looks at {what} where {they} given, and {calls} "
            f"{'them' if len(case.names) > 1 else 'it'}: {_some(places)}",
            measured="never given",
            expected="given where it is called, or gone",
            key=f"inputs {' '.join(case.names)}",
        )

    def _state(self, state: UnfedState) -> Answer:
        what, _ = _several(state.names)
        readers = " and ".join(_short(u) for u in state.readers[:2])
        more = f" and {len(state.readers) - 2} more" if len(state.readers) > 2 else ""
        writers, alone = " and ".join(_short(u) for u in state.writers[:3]), len(state.writers) == 1
        return self.finding(
            Location(state.cls.path, line=definition_line(state.writers[0]),
                     symbol=state.writers[0].name),
            f"{readers}{more} {'read' if len(state.readers) > 1 else 'reads'} {what}, which only "
            f"{writers} {'fills' if alone else 'fill'}; nothing in the repository comes to "
            f"{'that' if alone else 'these'}, so it is always as it began",
            measured="never filled",
            expected="filled where the engine runs, or gone",
            key=f"state {' '.join(state.names)}",
        )  # fmt: skip


def _named(subject: Subject) -> tuple[frozenset[str], frozenset[str]]:
    """Names that the hooks, and the files beside them, spell; and inputs that they work out."""
    names, given = set[str](), set[str]()
    for file in sorted(subject.folder.glob("*.py")):
        try:
            tree = ast.parse(read_whole(file))
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute):
                names.add(node.attr)
            elif isinstance(node, ast.Name):
                names.add(node.id)
            elif isinstance(node, ast.alias):
                names.add(node.name.rpartition(".")[2])
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                names |= {node.value} if node.value.isidentifier() else set()
            elif isinstance(node, ast.keyword) and not isinstance(node.value, ast.Constant):
                given |= {node.arg} if node.arg else set()
    return frozenset(names), frozenset(given)


def _short(unit: Unit) -> str:
    return unit.name.removesuffix(".__init__")


def _several(names: tuple[str, ...]) -> tuple[str, str]:
    if len(names) == 1:
        return names[0], "it is"
    return f"{', '.join(names[:-1])} and {names[-1]}", "they are"


def _some(places: list[str], most: int = 4) -> str:
    more = f" and {len(places) - most} more" if len(places) > most else ""
    return ", ".join(places[:most]) + more
