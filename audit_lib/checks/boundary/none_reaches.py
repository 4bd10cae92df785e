from collections import defaultdict

from pydantic import Field as Option

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.model import Evidence, Examined, Location, Severity
from audit_lib.probes.code.surroundings import is_aside
from audit_lib.probes.code.types.none_flow import NoneFlow, NoneFlows
from audit_lib.probes.code.types.type_checker import type_errors
from audit_lib.subject.code import code_of


class NoneStaysWhereItIsDeclared(Check):
    """No path brings None to a value that is declared without it.

    What it checks
        Calls, returns and assignments of the subsystem, and calls of the subsystem by the files
        that import it: None, or a value that may be None, does not become an argument, a returned
        value, a field or a variable whose annotation has no None. An answer that is declared with
        None is looked at before it is used.
    Why it matters
        The declaration is all that the other side of a boundary reads. Where it promises a model
        and None arrives (training was rejected, nothing matched), the failure comes later, in a
        file that did nothing wrong.
    How
        Asks mypy, which reads the files and runs nothing, with settings of the audit's own; keeps
        the errors that begin or end at an annotation of the repository. Fields and locals that are
        None only until something else fills them are left out: a type checker does not see that
        the other method ran, or the loop; so are names that a function which checks (`assert_…`,
        `require_…`, `is_…`) was called with before, or that a test of several (`all([...])`) holds.
        So are arguments whose receiver asks for None itself, or has it as default. One argument is
        one finding, however many places give it, and one call is one; fields of a class with None
        as their default are told as information; None that a dataclass or a constructor keeps as it
        is, and that fails where it is used, is LOW. All errors about None stand in the table.
    Limitations
        Tests, documents and examples are left out. What libraries return counts as untyped, and a
        line with `# type: ignore` is passed over. An answer that is kept in a variable before it is
        used is told as information, since a flag may rule None out; so is a parameter that is
        handed on under a condition or behind an exit that asks for something else. Functions that
        return None outright are told by BND007.
    Remediation
        Declare the None on the receiving side and handle it there, or raise where it arises.
    Sources
        PEP 484, "Union types"; the documentation of mypy, "None and Optional types".
    """

    code = "BND008"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    seconds: float = Option(120, gt=0, description="how long the type checker may take")

    def run(self, subject: Subject) -> Answers:
        """Ask the type checker, and judge what it says of None."""
        code = code_of(subject.source)
        audited = {f.path for f in subject.source.subsystem}
        users = {p for path in audited for p in code.imports.importers.get(path, ())}
        files = audited | users
        flows = NoneFlows(code)
        rows = []
        flows_by_cause: dict[object, dict[object, NoneFlow]] = {}
        for error in type_errors(subject.source, seconds=self.seconds):
            flow = flows.of(error) if error.path in files and not is_aside(error.path) else None
            crosses = flow is not None and (error.path in audited or flow.path in audited)
            if flow is not None and crosses:
                one = (flow.path, flow.declaration, flow.argument)
                alike: object = one if flow.argument else error
                if not flow.certain and flow.given == "None":
                    alike = (flow.path, flow.symbol)  # all such fields of one class
                same = (error.path, error.line, error.column, flow.what)  # told for each of a union
                flows_by_cause.setdefault((alike, flow.certain), {}).setdefault(same, flow)
            if "None" in error.text and (crosses or error.path in audited):
                where = f"{error.path}:{error.line}"
                rows.append((where, error.code, error.text, "told" if crosses else ""))
        calls: dict[object, list[list[NoneFlow]]] = defaultdict(list)
        for alike_flows in (list(f.values()) for f in flows_by_cause.values()):
            first = alike_flows[0]
            place = (first.said.path, first.line or first.said.line)
            calls[place, first.declaration, first.certain].append(alike_flows)
        names: dict[object, list[list[NoneFlow]]] = defaultdict(list)
        for call, together in calls.items():  # one local of a function, given to several
            first = together[0][0]
            name = first.what.partition(", of type ")[0]
            mark: object = (first.said.path, _symbol(first), name, first.certain)
            names[mark if name.isidentifier() and name != "None" and _symbol(first) else call] += (
                together
            )
        yield from map(self._report, names.values())
        if rows:
            yield Evidence(
                "none",
                "What the type checker says of None",
                ("place", "code", "message", "finding"),
                tuple(rows),
                note="without a finding: a field or local that something else may have filled",
            )
        yield Examined(len(audited), "files under audit")
        yield Examined(len(files) - len(audited), "files that import them")

    def _report(self, together: list[list[NoneFlow]]) -> Answer:
        """One finding an argument, at the first place that gives it None; one for all of a call."""
        alike = together[0]
        flow = alike[0]
        error = flow.said
        more = len(alike) - 1
        others = ", ".join(
            f[0].declaration if f[0].declaration != flow.declaration
            else f"argument {a}" if (a := f[0].argument).isdigit() else a or f[0].what
            for f in together[1:]
        )  # fmt: skip
        wants = f", which is declared {flow.declared}" if flow.declared != "not None" else ""
        return self.finding(
            Location(error.path, line=error.line, symbol=_symbol(flow)),
            f"{flow.what}{wants}"
            + (f"; and at {more} more place{'s' if more > 1 else ''}" if more else "")
            + (f"; so it is with {others}" if others else ""),
            measured=flow.given,
            expected=flow.declared,
            key=f"{flow.path}::{flow.declaration} {error.code} {flow.what}",
            severity=Severity.INFO if not flow.certain else self._weight(together),
            evidence=("none",),
        )

    def _weight(self, together: list[list[NoneFlow]]) -> Severity:
        """Light where all that takes the None keeps it, and asks nothing of it."""
        return Severity.LOW if all(f.kept for alike in together for f in alike) else self.severity


def _symbol(flow: NoneFlow) -> str:
    return "" if flow.symbol == "<module>" else flow.symbol
