"""One finding, and the place it is about."""

import json
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from audit_lib.errors import AuditError, NotAssessed, refused
from audit_lib.files import read_words
from audit_lib.model import CheckResult, Evidence, Finding, Location
from audit_lib.subject.documents import read_document
from audit_lib.subject.subject import Subject
from audit_lib.workbook.display import Listing, Part, Sheet
from audit_lib.workbook.sheets import state

_COMMIT, _AUTHOR = re.compile(r"[0-9a-f]{40} \d"), 12
_BODY = 30
"""lines shown below the head of a function whose behaviour is in question"""


@dataclass(frozen=True, repr=False)
class FindingView:
    """A finding as a notebook shows it.

    Attributes:
        name: its id within the run, such as ``SPL003-1``.
    """

    name: str
    finding: Finding
    result: CheckResult
    subject: Subject

    def source(self, around: int = 8) -> Part:
        """The lines in question, with some around them; for data, the value at the pointer.

        Beside each line stands the commit that changed it last, where git knows.

        Raises:
            AuditError: the file cannot be read any more.
        """
        location = self.finding.location
        file = located(self.subject, location)
        if location.line is None:
            return _value(file, location)
        with refused(AuditError, "cannot be read", where=file):
            lines = read_words(file, errors="replace").splitlines()
        last = max(location.line, location.end_line or location.line)
        first = max(1, location.line - around)
        below = around if self.finding.related is None else max(around, _BODY)
        until = min(len(lines), min(last, location.line + 40) + below)
        title = f"{location} {location.symbol}".rstrip()
        marked = frozenset(range(location.line, last + 1))
        shown, by = tuple(lines[first - 1 : until]), blamed(file, lines, first, until)
        return Listing(title, first, shown, marked, by)

    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence tables it rests on."""
        return tuple(e for e in self.result.evidence if e.name in self.finding.evidence)

    def _sheet(self) -> Sheet:
        f = self.finding
        rows = {
            "severity": f.severity.label,
            "contract": f.contract.title,
            "property": self.result.title,
            "where": f"{f.location} {f.location.symbol}".rstrip(),
            "seen through": f"{f.related} {f.related.symbol}".rstrip() if f.related else "",
            "what": f.message,
            "measured": f.measured,
            "expected": f.expected,
            "mend": f.remediation,
            "evidence": ", ".join(f"{f.code}/{name}" for name in f.evidence),
            "state": state(f, self.result),
            "fingerprint": f.fingerprint,
        }
        filled = tuple((k, v) for k, v in rows.items() if v)
        return Sheet(self.name, ("", "of this finding"), filled, record=True)

    def __repr__(self) -> str:
        return repr(self._sheet())

    def _repr_html_(self) -> str:
        return self._sheet()._repr_html_()


def located(subject: Subject, location: Location) -> Path:
    """The file that a location names.

    Raises:
        AuditError: it names a place outside what its base stands for, or there is no such base.
    """
    try:
        bases = {"source": subject.root, "documents": subject.root, "parameters": subject.folder}
        base = subject.store if location.base == "artifacts" else bases[location.base]
    except (NotAssessed, KeyError) as error:
        raise AuditError(f"cannot be shown: {error}", where=str(location)) from None
    file = (base / location.path).resolve()
    if not file.is_relative_to(base.resolve()):
        raise AuditError("leads outside the subject", where=str(location))
    if not file.is_file():
        raise AuditError(f"there is no such file in the {location.base}", where=str(location))
    return file


def blamed(file: Path, lines: Sequence[str], first: int, last: int) -> tuple[str, ...]:
    """Of each line: commit, date and author of its last change; '' where as of the line above.

    Nothing where there is no git, or the file is not as it was committed.  Only what is committed
    is read, so that no filter of the repository's own settings runs.
    """

    def git(*arguments: str) -> str:
        quiet = ("-c", "core.fsmonitor=false", "-c", "core.pager=cat", "--no-optional-locks")
        done = subprocess.run(
            ["git", *quiet, "-C", str(file.parent), *arguments],
            capture_output=True, encoding="utf-8", errors="replace", timeout=20, check=True,
        )  # fmt: skip
        return done.stdout

    try:
        if git("cat-file", "blob", f"HEAD:./{file.name}").splitlines() != list(lines):
            return ()
        where = ("HEAD", "--", file.name)
        porcelain = git("blame", "--porcelain", "--no-textconv", f"-L{first},{last}", *where)
    except (OSError, subprocess.SubprocessError):
        return ()
    commits: dict[str, str] = {}
    authors, who, commit = [], "", ""
    for line in porcelain.splitlines():
        if line.startswith("\t"):
            authors.append(commits[commit])
        elif _COMMIT.match(line):
            commit = line.split()[0]
        elif line.startswith("author "):
            who = line.removeprefix("author ")[:_AUTHOR]
        elif line.startswith("author-time "):
            day = datetime.fromtimestamp(int(line.split()[1]), UTC).date()
            commits[commit] = f"{commit[:8]} {day} {who}"
    return tuple("" if by == above else by for above, by in pairwise(["", *authors]))


def _value(file: Path, location: Location) -> Part:
    if file.suffix not in (".json", ".yaml", ".yml"):
        size = file.stat().st_size
        return Listing(str(location), 1, (f"{size:,} bytes; not text, so not shown",))
    try:
        document = read_document(file, path=location.path, base=location.base)
    except NotAssessed as error:
        raise AuditError(str(error), where=str(location)) from None
    pointer = location.pointer
    while not document.has(pointer):  # a finding may be about something that is not there
        pointer = pointer.rpartition("/")[0]
    text = json.dumps(document.get(pointer), indent=2, ensure_ascii=False, default=str)
    lines = text.splitlines()
    more = [f"… {len(lines) - 60:,} more lines"] if len(lines) > 60 else []
    missing = f" (nothing at {location.pointer})" if pointer != location.pointer else ""
    return Listing(f"{location.path} {pointer or '/'}{missing}", 1, (*lines[:60], *more))
