import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Examined, Location, Severity
from audit_lib.subject.artifacts import Artifact, Format
from audit_lib.subject.artifacts.artifact import walk
from audit_lib.subject.documents import Document
from audit_lib.subject.registry import Registry

_LIKE_A_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2})?.*)?")
#: names of moments at which something was done; what is planned may lie ahead
_DONE = re.compile(
    r"(^|_)(created|trained|fitted|built|saved|written|registered|promoted)"
    r"(_?(at|on|date|time|utc))?$",
    re.IGNORECASE,
)
_BEGINS = {"start": "end", "begin": "end", "from": "to", "first": "last", "since": "until"}
_PARENTS = (
    *("parent", "parent_id", "parent_version", "parent_version_id", "base_version", "based_on"),
    *("derived_from", "warm_start_from", "fine_tuned_from", "initialised_from"),
    "initialized_from",
)
#: what readers of text note of a file that reads in more than one way
_AMBIGUOUS = ("keys given twice", "holds NaN", "holds Infinity", "holds -Infinity")
_TEXT = (Format.JSON, Format.JSON_LINES, Format.YAML)


class StoredMetadataCanBeTrue(Check):
    """What is stored of a version reads in one way only, and can be true.

    What it checks
        In the version's metadata and its row of the registry: dates exist, things done do not lie
        ahead, and no span ends before it begins. In the registry: no version descends from itself.
        In the text files of the version and of the store: no key is given twice, and no number is
        NaN or infinite.
    Why it matters
        A date that cannot be was typed, or made by a clock that was wrong, and sorts versions
        wrongly. Of a key given twice one reader takes the first value and another the last, so two
        programs serve two models from one file. NaN is no JSON: other languages refuse the file.
        A lineage that comes back to itself ends in an endless loop, or proves a record made up.
    How
        Reads JSON and YAML without executing anything. Texts that begin like an ISO date are parsed
        as one; a span is two keys that differ by start and end (begin and end, from and to, first
        and last, since and until) alone. Parents are read under common names (`parent`,
        `derived_from`, `warm_start_from`, ...); who was champion before is no parent.
    Limitations
        Only dates written year first. A moment counts as ahead where it is more than two days after
        the run. Lineage kept elsewhere is not seen, nor a parent that is no row.
    Remediation
        Write these files by the code that trains, from one clock, with `json.dump(...,
        allow_nan=False)`, and null for a number that is not known.
    Sources
        RFC 8259, sections 4 and 6; YAML 1.2.2, section 3.2.1.1; ISO 8601.
    """

    code = "CHK011"
    severity = Severity.MEDIUM
    reads = Reads.ARTIFACTS

    def run(self, subject: Subject) -> Answers:
        """Read what is stored, file by file."""
        parts: list[tuple[Document, str, object]] = []
        registry: Registry | None = None
        try:
            metadata = subject.metadata
            parts.append((metadata, "", metadata.data))
        except NotAssessed:
            pass
        try:
            registry = subject.registry
            row = registry.rows.get(subject.version)
            parts.append((registry.document, registry.pointer(subject.version), row))
        except NotAssessed:
            pass
        texts = [a for a in _files(subject) if a.format in _TEXT]
        if not parts and not texts:
            raise NotAssessed("no metadata, no registry and no other text file is stored")
        for document, pointer, data in parts:
            yield from self._dates(document, pointer, data)
        if registry is not None:
            yield from self._lineage(registry)
        for artifact in texts:
            for problem in artifact.problems:
                if problem.startswith(_AMBIGUOUS):
                    twice = problem.startswith(_AMBIGUOUS[0])
                    yield self.finding(
                        Location(artifact.path, base="artifacts"),
                        problem,
                        measured=problem,
                        expected="one value a key" if twice else "numbers, or null",
                        key="twice" if twice else "no number",
                        severity=self.severity if twice else Severity.LOW,
                    )
        yield Examined(len(texts), "text files")

    def _dates(self, document: Document, pointer: str, data: object) -> Answers:
        seen = 0
        for place, value in walk(data):
            if not isinstance(value, Mapping):
                continue
            for key, text in value.items():
                if isinstance(text, str) and _LIKE_A_DATE.fullmatch(text.strip()):
                    seen += 1
                    yield from self._date(document, pointer + place, str(key), text.strip())
            yield from self._spans(document, pointer + place, value)
        yield Examined(seen, "dates")

    def _date(self, document: Document, pointer: str, key: str, text: str) -> Answers:
        moment, why = _moment(text)
        if moment is not None and _DONE.search(key):
            ahead = moment - datetime.now(UTC) > timedelta(days=2)
            why = "lies ahead of this run" if ahead and moment.year < 9999 else ""
        if why:
            yield self.finding(
                document.location(pointer, key),
                f"{key} is {text}, which {why}",
                measured=text,
                expected="a moment that can be",
                key=f"date {pointer}/{key}",
            )

    def _spans(self, document: Document, pointer: str, value: Mapping[str, object]) -> Answers:
        for key, first in value.items():
            words = str(key).split("_")
            for place, word in enumerate(words):
                ends_with = _BEGINS.get(word.lower())
                other = "_".join([*words[:place], ends_with or "", *words[place + 1 :]])
                last = value.get(other) if ends_with else None
                begins, ends = _moment(first)[0], _moment(last)[0]
                if begins is not None and ends is not None and begins > ends:
                    yield self.finding(
                        document.location(pointer, str(key)),
                        f"{key} ({first}) comes after {other} ({last})",
                        measured=f"{first} to {last}",
                        expected="a span that ends after it begins",
                        key=f"span {pointer}/{key}",
                    )

    def _lineage(self, registry: Registry) -> Answers:
        parents: dict[str, list[tuple[str, str]]] = {}
        for version, row in registry.rows.items():
            if isinstance(row, Mapping):
                parents[version] = [
                    (k, str(row[k])) for k in _PARENTS if str(row.get(k)) in registry.rows
                ]
        reported: set[str] = set()
        for version, named in parents.items():
            circle = _circle(parents, version)
            if circle and not reported & set(circle):
                reported |= set(circle)
                yield self.finding(
                    registry.document.location(registry.pointer(version), named[0][0]),
                    f"{version} descends from itself: {' from '.join([*circle, version])}",
                    measured=len(circle),
                    expected="ancestors that were there before",
                    key="lineage",
                    severity=Severity.HIGH,
                )
        yield Examined(sum(map(len, parents.values())), "parents")


def _files(subject: Subject) -> Iterator[Artifact]:
    """Files of this version, and those that belong to no version."""
    try:
        own, every = subject.version_artifacts, subject.artifacts
        folders = {f"{subject.folder_of(v)}/" for v in subject.versions()}
    except NotAssessed:
        return
    yield from own
    for artifact in every:
        if artifact not in own and not artifact.path.startswith(tuple(folders)):
            yield artifact


def _moment(text: object) -> tuple[datetime | None, str]:
    """The moment that a text names, in UTC where it names no zone; or why there is none."""
    if not isinstance(text, str) or not _LIKE_A_DATE.fullmatch(text.strip()):
        return None, ""
    plain = text.strip().replace(" UTC", "+00:00").replace("Z", "+00:00")
    try:
        moment = datetime.fromisoformat(plain)
    except ValueError as error:
        impossible = "must be in" in str(error) or "out of range" in str(error)
        return None, "does not exist" if impossible else ""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)), ""


def _circle(parents: dict[str, list[tuple[str, str]]], start: str) -> list[str]:
    """Versions from one back to itself, along its first parents that lead there; or none."""
    paths = [[start]]
    seen = {start}
    while paths:
        path = paths.pop()
        for _, parent in parents.get(path[-1], []):
            if parent == start:
                return path
            if parent not in seen:
                seen.add(parent)
                paths.append([*path, parent])
    return []
