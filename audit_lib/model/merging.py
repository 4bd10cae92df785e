"""The findings of a run, merged: one a matter, with an identity that outlives runs and versions.

Measured values, line numbers and the version's own id do not enter the identity.  ``INFO``
findings break nothing, so there is nothing to close, and they are left out.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from audit_lib.model.results import CheckResult, Exempted, Finding, Location, TaskResult, digest_of
from audit_lib.model.verdicts import breaks, weight
from audit_lib.model.vocabulary import Task


@dataclass(frozen=True)
class Merged:
    """One matter of a run: the findings that share an identity.

    Attributes:
        identity: what it is known by across runs and versions.
        finding: the worst of them.
        tasks: tasks that reported it.
        blast: how many files depend on the file it stands in, directly or through others; None
            where it stands in no source file, or where nobody counted.
        waiver: what names it, in force or ended; None where it stands unwaived.
        waived: the waiver is in force for every one of them.
        title: the property that its check asks for.
    """

    identity: str
    finding: Finding
    tasks: tuple[Task, ...]
    blast: int | None = None
    waiver: Exempted | None = None
    waived: bool = False
    title: str = ""

    @property
    def path(self) -> str:
        """Of the file it stands in."""
        return self.finding.location.path

    @property
    def weight(self) -> tuple[int, bool, int, str, str, str]:
        """Sorts the weightiest first, as :func:`weight` does."""
        return weight(self.finding, {self.path: self.blast or 0})


def identity(finding: Finding, version: str) -> str:
    """Identity of a finding across versions: its fingerprint with the version id taken out.

    The id is taken out where it stands by itself (``models/v7/meta.json``), never inside a word;
    a short one like ``2`` only where it names a folder, since elsewhere it is an index as likely.
    """
    return digest_of(identity_marks(finding, version, path=_path(finding.anchor, version)))


def identity_place(finding: Finding, version: str) -> tuple[str, str, str, str]:
    """Where a finding stands, whatever the version: base, path, line, symbol or pointer."""
    place = finding.location
    inner = _nameless(place.symbol or place.pointer, version)
    return (place.base, _path(place, version), str(place.line or ""), inner)


def _path(place: Location, version: str) -> str:
    parts = place.path.split("/")
    return "/".join("{version}" if p == version else _nameless(p, version) for p in parts)


def identity_marks(finding: Finding, version: str, *, path: str) -> list[str]:
    """What an identity is made of, for a finding that is anchored at ``path``."""
    place = finding.anchor
    inner = _nameless(place.symbol or place.pointer, version)
    named = [finding.variant] if finding.variant else []
    return [finding.code, place.base, path, inner, _nameless(finding.about, version), *named]


def merged(tasks: Iterable[TaskResult]) -> tuple[Merged, ...]:
    """The matters of a run, the weightiest first; findings of one identity are one."""
    run = list(tasks)
    sizes = dependents(run)
    groups: dict[str, list[tuple[TaskResult, CheckResult, Finding]]] = defaultdict(list)
    for task in run:
        for result in task.results:
            for finding in filter(breaks, result.findings):
                groups[identity(finding, task.version)].append((task, result, finding))
    matters = []
    for name, group in groups.items():
        worst = max((f for _, _, f in group), key=lambda f: f.severity)
        waivers = [_waiver(r, f) for _, r, f in group]
        source = worst.location.base == "source"
        matters.append(
            Merged(
                name,
                worst,
                tuple(dict.fromkeys(t.task for t, _, _ in group)),
                sizes.get(worst.location.path) if source else None,
                next((w for w, _ in waivers if w), None),
                all(in_force for _, in_force in waivers),
                group[0][1].title,
            )
        )
    return tuple(sorted(matters, key=lambda m: m.weight))


def akin(findings: Iterable[Finding]) -> dict[Finding, list[Finding]]:
    """Each finding to those of other checks that may have its root: one place, cause or matter."""
    groups: dict[object, list[Finding]] = defaultdict(list)
    marks = {
        f: {(f.location.path, f.location.symbol or f.location.pointer or f.location.line),
            *filter(None, (f.cause, f.key))}
        for f in findings
    }  # fmt: skip
    for finding, own in marks.items():
        for mark in own:
            groups[mark].append(finding)
    near = {f: dict.fromkeys(g for mark in own for g in groups[mark]) for f, own in marks.items()}
    return {f: [g for g in others if g.code != f.code] for f, others in near.items()}


def dependents(tasks: Iterable[TaskResult]) -> Mapping[str, int]:
    """Every source file to how many files depend on it, as the closing task counted them."""
    return {path: number for task in tasks for path, number in task.dependents.items()}


def _nameless(text: str, version: str) -> str:
    if len(version) < 3 or (version.isdigit() and len(version) < 4):
        return text
    token = rf"(?<![A-Za-z0-9]){re.escape(version)}(?![A-Za-z0-9])"
    return re.sub(token, "{version}", text)


def _waiver(result: CheckResult, finding: Finding) -> tuple[Exempted | None, bool]:
    """What waives a finding, and whether it is in force."""
    for waivers, in_force in ((result.exempted, True), (result.lapsed, False)):
        for waiver in waivers:
            if waiver.fingerprint == finding.fingerprint:
                return waiver, in_force
    return None, False
