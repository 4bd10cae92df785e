from collections import deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.subject.code import code_of
from audit_lib.subject.imports import ImportType


class NoImportCycles(Check):
    """No files import each other in a circle while they are being loaded.

    What it checks
        Cycles among imports that run when a module is loaded (top level, or under `if` or `try` at
        module level), where one of the files is under audit. Cycles that close only through lazy
        imports are listed in the table, not reported.
    Why it matters
        In a cycle it depends on who is imported first which names exist. The engine then starts
        under one entry point and fails, or takes a fallback, under another.
    How
        Strongly connected components of the graph of loading-time edges; one finding a component,
        with a shortest circle through its first file under audit. LOW where the `__init__` of the
        package that holds the whole cycle is part of it: that file always loads first.
    Limitations
        The implicit load of a package's `__init__` is not an edge. A cycle may be harmless where
        every name is used late; it is reported all the same.
    Remediation
        Move what both sides need into a third module.
    Sources
        R. Tarjan, Depth-first search and linear graph algorithms, SIAM J. Comput. 1972.
    """

    code = "BND005"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Find cycles with and without lazy imports."""
        graph = code_of(subject.source).imports
        edges = [e for e in graph.edges if not e.typing_only and e.source != e.target]
        loading: dict[str, set[str]] = {}
        every: dict[str, set[str]] = {}
        lines: dict[tuple[str, str], int] = {}
        for edge in edges:
            every.setdefault(edge.source, set()).add(edge.target)
            in_function = edge.symbol and _is_function(subject, edge.source, edge.symbol)
            if edge.type is not ImportType.LAZY and not in_function:
                loading.setdefault(edge.source, set()).add(edge.target)
                lines.setdefault((edge.source, edge.target), edge.line)
        under_audit = {f.path for f in subject.source.subsystem}
        for cycle in components(loading):
            if not under_audit & set(cycle):
                continue
            first = next(p for p in cycle if p in under_audit)
            circle = shortest_circle(loading, first, set(cycle))
            one = "" if len(circle) == len(cycle) + 1 else "; one circle is"
            sentence = f"{len(cycle)} files import each other while loading{one}"
            head = _head(cycle)
            yield self.finding(
                graph.tree.by_path[first].location(lines[first, circle[1]]),
                f"{sentence}: {' → '.join(circle)}"
                + (f"; {head} always loads first, so the order is the same" if head else ""),
                measured=len(cycle),
                expected="no cycle",
                key=" ".join(sorted(cycle)),
                severity=Severity.LOW if head else self.severity,
            )
        lazy = [c for c in components(every) if under_audit & set(c)]
        if lazy:
            yield Evidence(
                "cycles",
                "Cycles that close through lazy imports",
                ("files", "members"),
                tuple((len(c), ", ".join(c)) for c in lazy),
            )
        yield Examined(len(edges), "edges")


def _head(cycle: list[str]) -> str:
    """The ``__init__`` of a package that holds all of a cycle, which Python loads first, or ''."""
    for path in cycle:
        folder = path.removesuffix("__init__.py")
        if folder != path and folder and all(p.startswith(folder) for p in cycle):
            return path
    return ""


def _is_function(subject: Subject, path: str, symbol: str) -> bool:
    unit = code_of(subject.source).references.unit(path, symbol)
    return unit is None or unit.kind != "class"


def shortest_circle(
    graph: Mapping[str, set[str]], start: str, members: AbstractSet[str]
) -> list[str]:
    """A shortest way from a node of a component through its members back to the node."""
    came: dict[str, str] = {}
    queue = deque([start])
    while start not in came:
        node = queue.popleft()
        for target in sorted(graph.get(node, ())):
            if target in members and target not in came:
                came[target] = node
                queue.append(target)
    way = [start, came[start]]
    while way[-1] != start:
        way.append(came[way[-1]])
    return way[::-1]


def components(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of two or more nodes, members sorted; without recursion."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    waiting: list[str] = []
    cycles = []
    for root in sorted(graph):
        if root in order:
            continue
        work = [(root, iter(sorted(graph.get(root, ()))))]
        order[root] = low[root] = len(order)
        waiting.append(root)
        while work:
            node, targets = work[-1]
            for target in targets:
                if target not in order:
                    order[target] = low[target] = len(order)
                    waiting.append(target)
                    work.append((target, iter(sorted(graph.get(target, ())))))
                    break
                if target in waiting:
                    low[node] = min(low[node], order[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    position = waiting.index(node)
                    if len(waiting) - position > 1:
                        cycles.append(sorted(waiting[position:]))
                    del waiting[position:]
    return cycles
