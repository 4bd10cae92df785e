import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable
from audit_lib.model import Evidence, Examined, Location, Scalar, Severity

_FEWEST = 2
"""names that a map in the code shares with the declared ones, at least"""


@dataclass(frozen=True)
class CodeMap:
    """Codes and names as some place of the source has them."""

    path: str
    line: int
    pairs: dict[int, str]


class CodesMeanTheSame(Check):
    """A code of a regime, class or side has the same name wherever the source names it.

    What it checks
        Every map of codes to names in the source (a dictionary either way round, an enumeration)
        that uses names of `codes` in `subject.yaml`: no code has another of these names there.
    Why it matters
        Training writes 3 and means high volatility; a screen, a policy or a report reads 3 as
        mean reversion. Numbers agree everywhere, and decisions are taken on another regime.
    How
        Reads dictionary displays and class bodies of all files; names are compared without case
        and punctuation.
    Limitations
        A name that is spelled quite another way is not recognised, and accuses nobody. Maps that
        are put together at run time are not seen.
    Remediation
        Keep one map, and import it.
    Sources
        ISO/IEC 11179 on value domains; the audit plan's head mapping contract.
    """

    code = "DOC003"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Compare every map with the declared one that it shares names with."""
        declared = subject.parameters.codes
        if not declared:
            raise NotApplicable("the parameters declare no `codes`")
        maps = [table for file in subject.source.files for table in _maps(file.path, file.tree)]
        rows: list[tuple[Scalar, ...]] = []
        for kind, names in declared.items():
            code_of = {_plain(name): code for code, name in names.items()}
            for table in maps:
                shared = {c: n for c, n in table.pairs.items() if _plain(n) in code_of}
                if len(shared) < _FEWEST:
                    continue
                other = {c: n for c, n in shared.items() if code_of[_plain(n)] != c}
                rows.append((kind, table.path, table.line, len(shared), len(other)))
                for code, name in other.items():
                    due = names.get(code, "no code")
                    yield self.finding(
                        Location(table.path, line=table.line),
                        f"{kind} {code} is {name!r} here, and {due!r} as declared",
                        measured=name,
                        expected=due,
                        key=f"{kind} {code}",
                        cause=f"another map of {kind}",
                        evidence=("maps",),
                    )
        yield Examined(len(rows), "maps of codes")
        heads = ("codes", "file", "line", "names shared", "differ")
        yield Evidence("maps", "Maps of codes to names in the source", heads, tuple(rows))


def _maps(path: str, tree: ast.Module | None) -> Iterator[CodeMap]:
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Dict):
            pairs = dict(filter(None, map(_pair, node.keys, node.values)))
        elif isinstance(node, ast.ClassDef):
            assigned = (n for n in node.body if isinstance(n, ast.Assign) and len(n.targets) == 1)
            pairs = dict(filter(None, (_pair(n.targets[0], n.value) for n in assigned)))
        else:
            continue
        if len(pairs) >= _FEWEST:
            yield CodeMap(path, node.lineno, pairs)


def _pair(one: ast.expr | None, other: ast.expr) -> tuple[int, str] | None:
    """A code and a name, whichever comes first; codes may be text."""
    values = [_value(one), _value(other)]
    codes = [int(v) for v in values if re.fullmatch(r"-?\d+", v)]
    names = [v for v in values if re.search(r"[A-Za-z]", v)]
    return (codes[0], names[0]) if len(codes) == len(names) == 1 else None


def _value(node: ast.expr | None) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return f"-{_value(node.operand)}"
    if isinstance(node, ast.Constant) and not isinstance(node.value, bool):
        return str(node.value) if isinstance(node.value, (int, str)) else ""
    return ""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
