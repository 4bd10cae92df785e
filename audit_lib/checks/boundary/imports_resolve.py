from __future__ import annotations

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.probes.code.surroundings import severity_of
from audit_lib.subject.code import code_of
from audit_lib.subject.imports import Broken, ImportType


class ImportsResolve(Check):
    """Every module and name that the repository imports from itself exists.

    What it checks
        Each import between files of the repository, wherever it stands: the module has a file, and
        the file binds the name. High where one side is under audit, else medium; low in tests,
        documents, examples and templates.
    Why it matters
        An import at the top level fails at once. One inside a function fails when a user reaches
        it, and one inside `try` never fails: the handler's fallback is then taken every time, and a
        constant or an empty answer goes out as if it had been computed.
    How
        Resolves names as Python would, without importing: module-level bindings, re-exports, star
        imports, submodules, extension modules. An import whose failure is caught and not raised
        again is reported with the fallback that always runs. Modules that one file, or several of
        one folder, do not find are one finding: it was moved.
    Limitations
        A module that makes names at run time (`__getattr__`, `globals()`, `exec`) is believed.
        Installed packages are not looked into. Imports under `TYPE_CHECKING` are left out.
    Remediation
        Import the name from where it is defined, or define it; do not catch ImportError for a
        module of the same repository.
    Sources
        The Python Language Reference, section 5 (the import system) and 7.11.
    """

    code = "BND001"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Report imports that cannot succeed."""
        code = code_of(subject.source)
        graph = code.imports
        yield Examined(len(graph.imports), "import statements")
        yield Examined(len(graph.edges), "edges within the repository")
        rows = []
        statements: dict[tuple[str, int, str], list[Broken]] = {}
        for broken in graph.broken:
            imported = broken.imported
            rows.append(
                (str(imported.location), imported.statement, broken.reason, imported.type.value,
                 _effect(broken))
            )  # fmt: skip
            mark = (imported.path, imported.node.lineno, broken.target)
            statements.setdefault(mark, []).append(broken)
        # A file that was moved finds none of its modules: one cause.
        files: dict[tuple[str, str, str], list[list[Broken]]] = {}
        for alike in statements.values():
            broken = alike[0]
            place = broken.imported
            apart = broken.target or (str(place.location) if place.symbol or place.caught else "")
            files.setdefault((place.path, apart, _effect(broken)), []).append(alike)
        files = _by_folder(files)
        for together in files.values():
            alike = together[0]
            broken, more, also = alike[0], len(alike) - 1, len(together) - 1
            imported = broken.imported
            others = ", ".join(b.name.rpartition(":")[2] for b in alike[1:])
            effect = (f"nor {others}; " if more else "") + _effect(broken)
            where = len({t[0].imported.path for t in together})
            of = "the file" if where == 1 else f"{where} files of its folder"
            effect += f"; so with {also} more imports of {of}" if also else ""
            top = imported.type is ImportType.TOP_LEVEL and not imported.typing_only
            level = severity_of(code, imported.path, loading=top)
            yield self.finding(
                imported.location,
                f"`{_short(imported.statement)}`: {broken.reason}; {effect}",
                measured=broken.reason,
                expected=f"{broken.name} exists",
                key=f"{broken.target} {broken.name}".strip(),
                severity=level,
                evidence=("broken",),
            )
        if rows:
            yield Evidence(
                "broken",
                "Imports that cannot succeed",
                ("place", "statement", "reason", "type", "effect"),
                tuple(rows),
            )


def _by_folder(
    files: dict[tuple[str, str, str], list[list[Broken]]],
) -> dict[tuple[str, str, str], list[list[Broken]]]:
    """The same, with one entry for a folder of which several files find no modules."""
    folders: dict[tuple[str, str, str], list[tuple[str, str, str]]] = {}
    for path, apart, effect in files:
        if not apart:
            folder = path.rpartition("/")[0]
            folders.setdefault((folder, "", effect), []).append((path, apart, effect))
    moved = {old: folder for folder, olds in folders.items() if len(olds) > 2 for old in olds}
    by_folder: dict[tuple[str, str, str], list[list[Broken]]] = {}
    for mark, together in files.items():
        by_folder.setdefault(moved.get(mark, mark), []).extend(together)
    return by_folder


def _effect(broken: Broken) -> str:
    handler = broken.imported.caught
    if handler is not None:
        return f"the handler at line {handler.lineno} swallows it, so its fallback always runs"
    if broken.imported.type is ImportType.TOP_LEVEL:
        return "importing the module fails"
    where = broken.imported.symbol
    return f"{where} fails when it gets there" if where else "importing the module may fail"


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:117] + "..."
