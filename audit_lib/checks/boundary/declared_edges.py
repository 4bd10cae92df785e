import os
from collections import Counter

from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Location, Severity
from audit_lib.subject.code import code_of
from audit_lib.subject.documents import Document
from audit_lib.subject.imports import Edge

Pair = tuple[str, str]


class DeclaredEdgesAgree(Check):
    """The declared dependency edges are the imports that the source holds.

    What it checks
        The document `edges` against the imports of the whole repository: pairs of files that are
        declared and gone, that exist and are not declared, and imports that happen at another time
        than declared (top level, conditional, lazy). Differences that do not touch the subsystem
        under audit are told in the table and as information only.
    Why it matters
        Blast radius and review scope are read off this map. An undeclared edge is a way in which
        one part changes another without anyone having looked.
    How
        Extracts edges by syntax: `conditional` where a `try` or `if` encloses the import, else
        `lazy` inside a function, else `top_level`. Compares how many edges of each type every pair
        of files has, so that code which merely moved does not count as a change.
    Limitations
        Imports by `importlib` or `__import__` are not edges. Line numbers are not compared.
    Remediation
        Regenerate the declared map with `workbook edges`, and review the edges that are new.
    Sources
        The Python Language Reference, section 5; the rule of the declared map itself.
    """

    code = "BND002"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    document: str = Field("edges", description="name of the document that declares the edges")

    def run(self, subject: Subject) -> Answers:
        """Compare declared and measured edges pair by pair."""
        if self.document not in subject.parameters.documents:
            raise NotApplicable(f"no map of edges is declared (documents.{self.document})")
        document = subject.document(self.document)
        declared = _declared(document)
        graph = code_of(subject.source).imports
        measured: dict[Pair, list[Edge]] = {}
        for edge in graph.edges:
            measured.setdefault((edge.source, edge.target), []).append(edge)
        under_audit = {f.path for f in subject.source.subsystem}
        rows = []
        for pair in sorted({*declared, *measured}):
            was = Counter(kind for kind, _ in declared.get(pair, []))
            now = Counter(e.type.value for e in measured.get(pair, []))
            if was == now:
                continue
            change = "gone" if not now else "new" if not was else "changed"
            edges = measured.get(pair, [])
            if not edges and any(not subject.source.by_path.get(p) for p in pair):
                change = "outside" if any(map(_leaves, pair)) else "file gone"
            rows.append((change, *pair, _shown(was), _shown(now), bool(under_audit & set(pair))))
            yield self._finding(document, pair, change, declared, edges, under_audit)
        if rows:
            yield Evidence(
                "edges",
                "Edges that differ from the declared map",
                ("change", "from", "to", "declared", "measured", "touches the subsystem"),
                tuple(rows),
            )
        yield Examined(sum(len(v) for v in declared.values()), "declared edges")
        yield Examined(len(graph.edges), "measured edges")

    def _finding(
        self,
        document: Document,
        pair: Pair,
        change: str,
        declared: dict[Pair, list[tuple[str, str]]],
        edges: list[Edge],
        under_audit: set[str],
    ) -> Answer:
        was = Counter(kind for kind, _ in declared.get(pair, []))
        now = Counter(e.type.value for e in edges)
        source, target = pair
        if edges and change == "new":
            place = Location(source, line=edges[0].line, symbol=edges[0].symbol)
        else:
            place = document.location(declared[pair][0][1])
        text = {
            "new": f"{source} imports {target}, which the map does not declare",
            "gone": f"{source} no longer imports {target}, as the map declares",
            "outside": f"the map declares {source} → {target}, which leads out of the repository",
            "file gone": f"the map declares {source} → {target}; one of the files is gone",
            "changed": f"{source} imports {target} as {_shown(now)}, declared {_shown(was)}",
        }[change]
        severity = self.severity if change in ("new", "changed", "outside") else Severity.LOW
        audited = bool(under_audit & set(pair)) or change == "outside"
        return self.finding(
            place,
            text,
            measured=_shown(now) or "no edge",
            expected=_shown(was) or "no edge",
            key=f"{change} {source} {target}",
            cause="" if audited else "edges between files that are not audited",
            severity=severity if audited else Severity.INFO,
            evidence=("edges",),
        )


def _leaves(path: str) -> bool:
    """True for a path that is no name within the repository."""
    return os.path.isabs(path) or os.path.normpath(path).startswith("..")


def _declared(document: Document) -> dict[Pair, list[tuple[str, str]]]:
    rows = document.get("/edges")
    if not isinstance(rows, list):
        raise NotAssessed(f"{document.path} holds no list at /edges")
    edges: dict[Pair, list[tuple[str, str]]] = {}
    for position, row in enumerate(rows):
        if not isinstance(row, dict):
            continue
        source, target = row.get("source_file"), row.get("target_file")
        if isinstance(source, str) and isinstance(target, str):
            kind = str(row.get("import_type", ""))
            edges.setdefault((source, target), []).append((kind, f"/edges/{position}"))
    if not edges:
        raise NotAssessed(f"{document.path} has no rows with source_file and target_file")
    return edges


def _shown(kinds: Counter[str]) -> str:
    return ", ".join(
        kind if times == 1 else f"{times} × {kind}" for kind, times in sorted(kinds.items())
    )
