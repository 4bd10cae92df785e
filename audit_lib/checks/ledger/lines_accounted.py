from collections import defaultdict

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import AuditError
from audit_lib.model import Evidence, Examined, Location, Severity, View
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.documents import read_document
from audit_lib.subject.lines import LineKind
from audit_lib.subject.source import matches
from audit_lib.subject.units import FileUnits

#: Tests beside the code they test; maps of a system leave them out.
_TESTS = ("**/tests/**", "**/test/**", "**/test_*.py", "**/*_test.py", "**/conftest.py")


class EveryLineIsAccountedFor(Check):
    """Every line of every file under audit belongs to exactly one unit, and no file is left out.

    What it checks
        That the lines of the units add up to the newline bytes of each file (what `wc -l` prints);
        that every file the subsystem is declared to consist of exists; and, where a subsystem map
        divides the repository, that every file but tests stands in exactly one subsystem.
    Why it matters
        "All lines reviewed" means nothing if lines can fall between the parts that are reviewed, or
        if a new file joins the repository without joining anyone's audit.
    How
        Splits each file into module level, classes, functions and what is nested in them, by syntax
        tree; classifies each line as code, comment, docstring or blank; counts newlines in the raw
        bytes apart from that and compares. The tables give size, branch points, cyclomatic and
        cognitive complexity, fan-in, fan-out and risk rank a unit; the counting rules stand in
        `audit_lib/subject/lines.py` and `units.py`. Risk is cyclomatic complexity times
        log2(2 + fan-in), doubled in high-risk files.
    Limitations
        Python only. Fan-in counts references that resolve in the text, so it is a lower bound. A
        file that does not parse is one unit of module level (see LED002).
    Remediation
        Add the file to the subsystem map, or remove the entry that leads nowhere.
    Sources
        T. J. McCabe, A complexity measure, IEEE TSE 1976; G. A. Campbell, Cognitive complexity,
        SonarSource 2018; POSIX `wc`.
    """

    code = "LED001"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    shown: int = Field(25, ge=1, description="how many units the risk picture shows")

    def run(self, subject: Subject) -> Answers:
        """Count twice, compare; then look for files that nobody declared."""
        code = code_of(subject.source)
        for file in code.subsystem:
            wanted = file.file.content.count(b"\n")
            counted = sum(unit.lines for unit in file.units)
            if counted != wanted:
                raise AuditError(
                    f"{file.file.path}: {counted} lines belong to units, the file has {wanted}: "
                    "a fault of the workbook; report it"
                )
        yield from self._left_out(subject)
        yield _file_table(code)
        yield _unit_table(code)
        yield _risk_picture(code, self.shown)
        lines = sum(f.lines.count for f in code.subsystem)
        yield Examined(len(code.subsystem), "files")
        yield Examined(lines, "lines")
        yield Examined(sum(len(f.units) for f in code.subsystem), "units")

    def _left_out(self, subject: Subject) -> Answers:
        declared = subject.parameters.source.subsystem
        present = subject.source.by_path
        if not declared.map:
            for glob in declared.files:
                if not any(matches(path, glob) for path in present):
                    yield self.finding(
                        Location(
                            "subject.yaml", base="parameters", pointer="/source/subsystem/files"
                        ),
                        f"no file matches {glob!r}",
                        measured="0 files",
                        expected="at least 1",
                        key=glob,
                    )
            return
        document = read_document(subject.root / declared.map, path=declared.map, base="documents")
        owners: dict[str, list[str]] = defaultdict(list)
        entries = document.get("/subsystems")
        for name, entry in (entries if isinstance(entries, dict) else {}).items():
            files = entry.get("files") if isinstance(entry, dict) else None
            for position, path in enumerate(files if isinstance(files, list) else []):
                owners[str(path)].append(str(name))
                if name == declared.id and path not in present:
                    yield self.finding(
                        document.location("/subsystems", name, "files", str(position)),
                        f"{path} is declared part of {name} and does not exist",
                        measured="no such file",
                        expected=path,
                        key=f"missing {path}",
                    )
        yield from self._unowned(subject, declared.map, declared.id, owners)

    def _unowned(
        self, subject: Subject, where: str, own: str, owners: dict[str, list[str]]
    ) -> Answers:
        folders = {p.rpartition("/")[0] for p, names in owners.items() if own in names} - {""}
        elsewhere: list[str] = []
        for file in code_of(subject.source).imports.files:
            if any(matches(file.path, glob) for glob in _TESTS):
                continue
            names = owners.get(file.path, [])
            location = Location(where, base="documents", pointer="/subsystems")
            if not names and file.path.rpartition("/")[0] in folders:
                yield self.finding(
                    location,
                    f"{file.path} belongs to no subsystem",
                    measured="0 subsystems",
                    expected="1",
                    key=f"unowned {file.path}",
                )
            elif not names:
                elsewhere.append(file.path)
            elif len(names) > 1 and own in names:
                yield self.finding(
                    location,
                    f"{file.path} belongs to {len(names)} subsystems: {', '.join(names)}",
                    measured=len(names),
                    expected=1,
                    key=f"shared {file.path}",
                    severity=Severity.MEDIUM,
                )
        if elsewhere:
            shown = ", ".join(elsewhere[:8]) + (", ..." if len(elsewhere) > 8 else "")
            yield self.finding(
                Location(where, base="documents", pointer="/subsystems"),
                f"{len(elsewhere)} files outside of the audited folders belong to no subsystem: "
                + shown,
                measured=f"{len(elsewhere)} files",
                expected="0 files",
                key="unowned elsewhere",
                severity=Severity.LOW,
            )


def _file_table(code: Code) -> Evidence:
    return Evidence(
        "files",
        "Lines by file",
        ("file", "lines", "code", "comment", "docstring", "blank", "tail", "definitions",
         "branch points", "branch lines", "cyclomatic", "dependents", "high risk"),
        tuple(_file_row(code, file) for file in code.subsystem),
        note="tail: text after the last newline; dependents: files that import it, through others "
        "too",
    )  # fmt: skip


def _file_row(code: Code, file: FileUnits) -> tuple[str | int | bool, ...]:
    counts = file.counts()
    return (
        file.file.path,
        file.lines.count,
        counts[LineKind.CODE],
        counts[LineKind.COMMENT],
        counts[LineKind.DOCSTRING],
        counts[LineKind.BLANK],
        int(file.lines.has_tail),
        file.definitions,
        file.branches,
        file.branch_lines,
        sum(u.cyclomatic or 0 for u in file.units),
        code.imports.dependent_counts[file.file.path],
        code.tree.is_high_risk(file.file.path),
    )


def _unit_table(code: Code) -> Evidence:
    rows = tuple(
        (rank, u.path, u.name, u.kind, u.line, u.end_line, u.lines, u.branches, u.cyclomatic,
         code.files[u.path].cognitive(u), code.fan_in(u), code.fan_out(u), code.risk(u))
        for rank, u in enumerate(code.ranked, start=1)
    )  # fmt: skip
    return Evidence(
        "units",
        "Units by risk",
        ("rank", "file", "unit", "kind", "line", "end", "lines", "branch points", "cyclomatic",
         "cognitive", "fan-in", "fan-out", "risk"),
        rows,
        note="risk: cyclomatic × log2(2 + fan-in), doubled in high-risk files",
    )  # fmt: skip


def _risk_picture(code: Code, shown: int) -> Evidence:
    return Evidence(
        "risk",
        f"The {min(shown, len(code.ranked))} riskiest units",
        ("label", "value", "group"),
        tuple(
            (u.name if u.kind != "module" else u.path, code.risk(u), u.path)
            for u in code.ranked[:shown]
        ),
        View.BARS,
        "cyclomatic × log2(2 + fan-in), doubled in high-risk files",
    )
