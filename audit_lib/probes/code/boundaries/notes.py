"""What the note of a boundary says in plain words, held against the imports.

Judged are how many import edges there are (``10 import edges``), when they happen (``all lazy``),
and places (``data/loader.py:34``).  What else a note demands (``Verify that ...``) is for checks of
behaviour, which ``checks`` of ``boundaries.yaml`` binds to the boundary.
"""

import re
from collections.abc import Iterator

from audit_lib.model import Severity
from audit_lib.probes.code.boundaries.forms import Boundary
from audit_lib.probes.code.boundaries.symbols import Departure, Statement
from audit_lib.subject.code import Code
from audit_lib.subject.imports import Edge

_SENTENCE = re.compile(r"(?<=[.!;])\s+(?=[A-Z(])")
_EDGES = re.compile(r"(?<![:\d])\b(\d+) (?:import )?(?:edges?\b|import sites?\b)", re.I)
_ONE = re.compile(r"^(?:a )?single (?:\S+ )?import\b", re.I)
_KINDS = {
    "top_level": re.compile(r"\btop[- _]level\b", re.I),
    "lazy": re.compile(r"\blazy\b", re.I),
    "conditional": re.compile(r"\bconditional\b", re.I),
}
_ALL = re.compile(r"\ball\b(?!\s+\d)", re.I)
_BUT = re.compile(r"\b(except|mostly|most|some|mix|many|no|not|verify|check)\b", re.I)
_PLACE = re.compile(r"\b([\w./-]+\.py):(\d+)\b")
_DEMAND = re.compile(r"\b(verify|audit|check that|ensure|must|should|never|always|require)\b", re.I)
_LEADS = re.compile(r"\bimport(?:s|ed)?\b.*\b(?:resolve|work|independently)\b", re.I)


def sentences(note: str) -> list[str]:
    """The sentences of a note."""
    return [s.strip() for s in _SENTENCE.split(note) if s.strip()]


def judged(code: Code, boundary: Boundary) -> Iterator[Statement | Departure]:
    """Every statement about imports and places that the note makes, and what does not hold."""
    edges = [
        e
        for e in code.imports.edges
        if boundary.consumes(code.imports, e.source) and boundary.provides(code.imports, e.target)
    ]
    for sentence in sentences(boundary.note):
        yield from _counted(boundary, sentence, edges)
        yield from _timed(boundary, sentence, edges)
        for path, line in _PLACE.findall(sentence):
            lines = [f.content.count(b"\n") for p, f in code.tree.by_path.items() if _ends(p, path)]
            actual = f"{max(lines)} lines" if lines else "no such file"
            yield Statement("note", f"{path}:{line}", actual)
            if max(lines, default=0) < int(line):
                yield _wrong(boundary, f"names {path}:{line}: {actual}", f"place {path}", actual)


def unjudged(boundary: Boundary) -> str:
    """The first sentence that demands something no check of imports can tell; '' for none."""
    parts = sentences(boundary.note)
    return next((s for s in parts if _DEMAND.search(s) and not _LEADS.search(s)), "")


def _counted(
    boundary: Boundary, sentence: str, edges: list[Edge]
) -> Iterator[Statement | Departure]:
    for stated in [*map(int, _EDGES.findall(sentence)), *(1 for _ in _ONE.findall(sentence))][:1]:
        yield Statement("note", f"{stated} import edges", str(len(edges)))
        if stated != len(edges):
            claim = f"counts {stated} import edges, there are {len(edges)}"
            yield _wrong(boundary, claim, "edges", str(len(edges)))


def _timed(boundary: Boundary, sentence: str, edges: list[Edge]) -> Iterator[Statement | Departure]:
    kinds = {kind for kind, word in _KINDS.items() if word.search(sentence)}
    if not kinds or not _ALL.search(sentence) or _BUT.search(sentence) or not edges:
        return
    stated, others = " or ".join(sorted(kinds)), [e for e in edges if e.type.value not in kinds]
    yield Statement("note", f"all imports {stated}", f"{len(others)} others")
    if others:
        first = f"{others[0].source}:{others[0].line} is {others[0].type.value}"
        yield _wrong(boundary, f"calls all imports {stated}: {first}", "types", first)


def _wrong(boundary: Boundary, claim: str, key: str, actual: str) -> Departure:
    return Departure(
        f"its note {claim}",
        f"note {key}",
        boundary.location,
        Severity.LOW,
        actual,
        "as the note says",
    )


def _ends(path: str, named: str) -> bool:
    return path == named or path.endswith(f"/{named}")
