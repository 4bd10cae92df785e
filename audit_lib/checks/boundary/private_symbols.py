import ast
from collections import defaultdict
from pathlib import PurePosixPath

from pydantic import Field as Option

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable
from audit_lib.model import Evidence, Examined, Finding, Location, Severity
from audit_lib.subject.code import code_of
from audit_lib.subject.imports import Edge, ImportGraph


class NoPrivateSymbolsCross(Check):
    """No part of the repository imports another part's private names.

    What it checks
        Imports between two parts (first folder) of names or modules that begin with one underscore,
        where either side is under audit.
    Why it matters
        An underscore tells the owner that nobody else depends on a name. Its signature is changed
        without a thought, and the caller in the other part breaks, or trains on other folds than it
        believes.
    How
        Reads the symbols of every cross-module edge. All that is imported of one file is one
        finding. A name that several parts import, or that its own part never reads, is the
        package's own helper whatever it is called: that is told as information. Names in
        `__all__`, and those that a package's `__init__` imports from within, are offered by their
        owner. Where many files are used so, it is the repository's habit: one finding, LOW, with
        the table.
    Limitations
        Private attributes of objects that are passed across are not followed. Files of the same
        part may share private names; so may the files that stand at the root, and a private
        module there is the whole package's.
    Remediation
        Give the name a public spelling with a documented signature, or move the caller.
    Sources
        PEP 8, section "Public and Internal Interfaces".
    """

    code = "BND004"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    shared: int = Option(
        3, ge=1, description="how many other parts must import a private name for it to be shared"
    )
    habit: int = Option(6, ge=2, description="files whose private names cross that make a habit")

    def run(self, subject: Subject) -> Answers:
        """Report private names on cross-module edges."""
        under_audit = {f.path for f in subject.source.subsystem}
        graph = code_of(subject.source).imports
        crossing = [
            edge
            for edge in graph.edges
            if edge.cross_module
            and under_audit & {edge.source, edge.target}
            and not _of_the_package(graph, edge)
        ]
        if all(graph.at_root(path) for path in under_audit) and not crossing:
            raise NotApplicable("every file under audit stands at the root, which is one part")
        users = _users(graph)
        few: dict[str, list[tuple[Edge, str]]] = defaultdict(list)
        helpers: dict[str, list[str]] = defaultdict(list)
        for edge in crossing:
            for name in _private_names(edge):
                if _offered(graph, edge.target, name):
                    continue
                many = len(users[edge.target, name]) >= self.shared
                if many or not _read_at_home(graph, edge.target, name):
                    helpers[edge.target].append(name)
                else:
                    few[edge.target].append((edge, name))
        findings = [self._report(uses) for uses in few.values()]
        yield from [self._habit(findings, few)] if len(findings) >= self.habit else findings
        for path, names in helpers.items():
            yield self._shared(path, list(dict.fromkeys(names)), users)
        if findings:
            rows = [(e.source, e.line, name, e.target) for f in few.values() for e, name in f]
            heads = ("importer", "line", "name", "owner")
            yield Evidence("private", "Private names across parts", heads, tuple(sorted(rows)))
        yield Examined(len(crossing), "imports across parts")

    def _report(self, uses: list[tuple[Edge, str]]) -> Finding:
        """One finding for all that is imported of one file."""
        edge = min((e for e, _ in uses), key=lambda e: (e.source, e.line))
        name = ", ".join(dict.fromkeys(n for _, n in uses))
        again = len({(e.source, e.line) for e, _ in uses}) - 1
        places = "place" if again == 1 else "places"
        return self.finding(
            Location(edge.source, line=edge.line, symbol=edge.symbol),
            f"imports {name}, private to {edge.target}"
            + (f" (here and at {again} more {places})" if again else ""),
            measured=name,
            expected="a public name",
            key=edge.target,
            evidence=("private",),
        )

    def _habit(self, findings: list[Finding], few: dict[str, list[tuple[Edge, str]]]) -> Finding:
        first = min(findings, key=lambda f: (f.location.path, f.location.line or 0))
        return self.finding(
            first.location,
            f"{first.message}; so are private names of {len(few) - 1} more files: in this "
            "repository an underscore does not keep other parts away",
            measured=f"{len(few)} files",
            expected="public names across parts",
            key="habit",
            severity=Severity.LOW,
            evidence=("private",),
        )

    def _shared(
        self, path: str, names: list[str], users: dict[tuple[str, str], set[str]]
    ) -> Finding:
        parts = sorted(set().union(*(users[path, name] for name in names)))
        has = "has a private name and is" if len(names) == 1 else "have private names and are"
        by = f"{len(parts)} other part{'s' if len(parts) > 1 else ''}"
        return self.finding(
            Location(path),
            f"{', '.join(names)} {has} imported by {by}",
            measured=", ".join(parts),
            expected="a public name",
            key="shared",
            severity=Severity.INFO,
        )


def _read_at_home(graph: ImportGraph, path: str, name: str) -> bool:
    """True where the owner's file reads the name, or another file of its part imports it."""
    tree = graph.index.module(path).source.tree
    if tree is not None and any(
        isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)
        for n in ast.walk(tree)
    ):
        return True
    return any(
        edge.target == path and not edge.cross_module and name in _private_names(edge)
        for edge in graph.edges
    )


def _private_names(edge: Edge) -> list[str]:
    """Names of one underscore that an edge brings; ``import x as _x`` is the importer's own."""
    names = [name.rpartition(".")[2] for name in edge.symbols]
    return [
        n
        for n in names
        if n.startswith("_") and not n.startswith("__") and f" as {n}" not in edge.statement
    ]


def _users(graph: ImportGraph) -> dict[tuple[str, str], set[str]]:
    """(file, private name) to the other parts of the repository that import it."""
    groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for edge in graph.edges:
        if edge.cross_module:
            for name in _private_names(edge):
                groups[edge.target, name].add(edge.source_group)
    return groups


def _offered(graph: ImportGraph, path: str, name: str) -> bool:
    """True where the owner shows a private name on purpose: by ``__all__``, or from a package."""
    module = graph.index.module(path)
    if module.is_package and any(
        isinstance(n, ast.ImportFrom) for n in module.bindings.get(name, [])
    ):
        return True
    return any(
        isinstance(part, ast.Constant) and part.value == name
        for node in module.bindings.get("__all__", [])
        for part in ast.walk(node)
    )


def _of_the_package(graph: ImportGraph, edge: Edge) -> bool:
    """True where both files stand at the root, or the target is a private module there."""
    if graph.at_root(edge.source) and graph.at_root(edge.target):
        return True
    stem = PurePosixPath(edge.target).stem
    private = stem.startswith("_") and stem != "__init__"
    if graph.private_part(edge.target):
        return True
    whole = stem == "__init__" and all(_compiled_module(graph, edge, n) for n in edge.symbols)
    return graph.at_root(edge.target) and (private or whole)


def _compiled_module(graph: ImportGraph, edge: Edge, name: str) -> bool:
    folder = PurePosixPath(edge.target).parent.as_posix().removeprefix(".")
    return graph.index.has_compiled(folder, name)
