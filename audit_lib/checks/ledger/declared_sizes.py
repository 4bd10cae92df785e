from collections.abc import Iterator

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.files import read_words
from audit_lib.model import Evidence, Examined, Gap, Location, Severity
from audit_lib.probes.code.declared_sizes import DeclaredSize, in_data, in_markdown
from audit_lib.subject.code import Code, code_of
from audit_lib.subject.documents import read_document

#: where, of what, and each number that is wrong: what it counts, what is declared, what is measured
_Wrong = tuple[Location, str, list[tuple[str, int, str]]]
_NAMED = 4


class DeclaredSizesAgree(Check):
    """What documents say about files, lines, definitions and branch points is what is there.

    What it checks
        Every document named in the parameters that states sizes of files under audit: subsystem
        maps and inventories (JSON, YAML) and tables in Markdown.
    Why it matters
        An audit is planned and signed off by these numbers. If "all 6,153 lines" is not what the
        files hold, nobody knows which lines the sign-off left out.
    How
        Finds mappings and table rows that name files beside counts, measures the same files, and
        compares. Branch points may be counted by syntax (statements) or by text (lines that begin
        with a branching word); a declared number that agrees with either is right.
    Limitations
        Numbers in running text are not read. Definitions are classes and functions, nested ones
        included; a document that counts otherwise disagrees here and should state its rule.
    Remediation
        Regenerate the document from the source, or state the commit and the counting rule it holds
        for.
    Sources
        POSIX `wc`; the counting rules of `audit_lib/subject/units.py`.
    """

    code = "LED003"
    severity = Severity.LOW
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Compare each declared size with what is measured."""
        named = dict(subject.parameters.documents)
        if subject.parameters.source.subsystem.map:
            named.setdefault("subsystem map", subject.parameters.source.subsystem.map)
        if not named:
            raise NotAssessed("the parameters name no documents (documents.<name>)")
        code = code_of(subject.source)
        under_audit = {f.path for f in subject.source.subsystem}
        rows: list[tuple[str, str, str, int, str]] = []
        seen = 0
        unread = False
        for path in dict.fromkeys(named.values()):
            try:
                declared = list(_declared(subject, path))
            except NotAssessed as error:
                yield Gap(path, str(error))
                unread = True
                continue
            wrong: list[_Wrong] = []
            for size in declared:
                if under_audit.intersection(size.files):
                    seen += 1
                    wrong += self._wrong(code, size, rows)
            if wrong:
                yield self._report(wrong)
        if not seen and not unread:
            raise NotApplicable("no document states the size of a file under audit")
        if rows:
            yield Evidence(
                "declared",
                "Declared and measured sizes",
                ("document", "about", "what", "declared", "measured"),
                tuple(rows),
            )
        yield Examined(seen, "declared sizes")

    def _wrong(
        self, code: Code, size: DeclaredSize, rows: list[tuple[str, str, str, int, str]]
    ) -> Iterator[_Wrong]:
        about = size.files[0] if len(size.files) == 1 else f"{len(size.files)} files"
        wrong = []
        for what, declared in size.numbers.items():
            measured = _measured(code, size.files, what)
            shown = " or ".join(map(str, sorted(set(measured))))
            rows.append((str(size.location), about, what, declared, shown))
            if declared not in measured:
                wrong.append((what, declared, shown))
        if wrong:
            yield size.location, about, wrong

    def _report(self, wrong: list[_Wrong]) -> Answer:
        """One finding a document: it was made at another commit, or counts in another way."""
        place, about, numbers = wrong[0]
        text = ", ".join(f"{what} declared {due}, measured {is_}" for what, due, is_ in numbers)
        others = [other for _, other, _ in wrong[1:]]
        if others:
            named = ", ".join(others[:_NAMED]) + (", …" if len(others) > _NAMED else "")
            text += f"; so {_are(len(others))} in {place.path}: {named}"
        return self.finding(
            place,
            f"{about}: {text}",
            measured=", ".join(f"{is_} {what}" for what, _, is_ in numbers),
            expected=", ".join(f"{due} {what}" for what, due, _ in numbers),
            key=f"{about} {' '.join(what for what, _, _ in numbers)}",
            cause="sizes that are not those of the source",
            evidence=("declared",),
        )


def _are(count: int) -> str:
    return "is 1 more" if count == 1 else f"are {count} more"


def _declared(subject: Subject, path: str) -> Iterator[DeclaredSize]:
    if path.lower().endswith((".md", ".markdown")):
        try:
            text = read_words(subject.root / path, errors="replace")
        except OSError as error:
            raise NotAssessed(f"cannot be read: {error.strerror}") from None
        yield from in_markdown(path, text)
        return
    yield from in_data(read_document(subject.root / path, path=path, base="documents"))


def _measured(code: Code, files: tuple[str, ...], what: str) -> tuple[int, ...]:
    measured = [code.files[f] for f in files if f in code.files]
    if what == "files":
        return (len(measured),)
    if what == "lines":
        return (sum(f.lines.count for f in measured),)
    if what == "definitions":
        return (sum(f.definitions for f in measured),)
    return (sum(f.branches for f in measured), sum(f.branch_lines for f in measured))
