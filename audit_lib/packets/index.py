"""``index.html`` of the reports: versions by tasks and verdicts, with links to the packets."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from audit_lib.errors import RunError
from audit_lib.files import write_whole
from audit_lib.model import Contract, Task, Verdict, verdict_words, worst_verdict
from audit_lib.packets import history
from audit_lib.packets.learned import proved
from audit_lib.packets.manifest import NAME, Manifest, read_manifest
from audit_lib.packets.sign import last_decisions, signatures
from audit_lib.reporters.text import one_line

#: versions on a page, and earlier runs of one that are listed
VERSIONS_SHOWN, RUNS_SHOWN = 60, 25


@dataclass(frozen=True)
class IndexedRun:
    """One published run.

    Attributes:
        link: its folder relative to the subject's index, as a URL.
        decisions: what its signatures say, by whom in their own words.
        proved: how many of the faults that were planted its audit saw; '' where none were.
    """

    manifest: Manifest
    folder: Path
    link: str
    decisions: str = ""
    proved: str = ""

    @property
    def when(self) -> str:
        """Start, to the minute."""
        return self.manifest.started[:16].replace("T", " ")

    @property
    def words(self) -> str:
        """The verdict as people read it; a partial run is never kept."""
        return verdict_words(self.manifest.verdict, self.manifest.not_run)

    @property
    def partial(self) -> bool:
        """True where some task has no results."""
        return bool(self.manifest.not_run)

    @property
    def tone(self) -> Verdict:
        """The verdict that colours it."""
        green = self.manifest.verdict is Verdict.KEPT
        return Verdict.INCONCLUSIVE if green and self.partial else self.manifest.verdict

    @property
    def cells(self) -> list[str]:
        """Verdict of each task T1 to T6; '' where it was not run."""
        held = self.manifest.tasks
        words = {t: v.value if v else "not applicable" for t, v in held.items()}
        planned = self.manifest.planned
        return [words.get(t, "inconclusive" if t in planned else "") for t in Task]

    def held(self, contract: Contract) -> str:
        """Verdict of a contract; '' where nothing was asked of it, or the run does not tell."""
        if contract not in self.manifest.contracts:
            return ""
        verdict = self.manifest.contracts[contract]
        return verdict.value if verdict else "not applicable"

    @property
    def findings(self) -> str:
        """Open findings that break a contract, by severity, worst first."""
        counted = self.manifest.findings.items()
        return " · ".join(f"{n} {name}" for name, n in counted if name != "info")


def update_index(reports: Path, subject: str) -> Path:
    """Write the index of a subject's reports, and that of all subjects.

    Runs without a valid manifest are not packets and are left out.

    Returns:
        path of the subject's index.
    """
    from audit_lib.packets.html import page  # gates import this package, and need no jinja2

    versions = _versions(reports / subject)
    file = reports / subject / "index.html"
    pages = _pages(versions)
    for number, shown in enumerate(pages, start=1):
        newest = [runs[0] for runs in shown.values()]
        content = page(
            "index.html.j2",
            subject=subject,
            versions=shown,
            tasks=list(Task),
            contracts=[c for c in Contract if any(c in run.manifest.contracts for run in newest)],
            whole=whole,
            number=number,
            pages=[_name(n) for n in range(1, len(pages) + 1)],
            total=len(versions),
            months=_months(versions) if number == 1 else {},
            past={version: _past(runs, versions) for version, runs in shown.items()},
            most=RUNS_SHOWN,
        )
        write_whole(file.with_name(_name(number)), content.encode("utf-8"))
    _remove_pages(file.parent, len(pages) + 1)
    subjects = []
    for folder in sorted(p for p in reports.iterdir() if (p / "index.html").is_file()):
        every = list((versions if folder.name == subject else _versions(folder)).values())
        standing = [e for runs in every for e in (runs[0], whole(runs)) if e]
        tones = [e.tone for e in standing]
        subjects.append(
            {
                "name": folder.name,
                "link": f"{quote(folder.name)}/index.html",
                "versions": len(every),
                "verdict": worst_verdict(tones).value if tones else "inconclusive",
                "partial": sum(runs[0].partial for runs in every),
                "when": max((runs[0].when for runs in every), default=""),
            }
        )
    content = page("subjects.html.j2", subjects=subjects)
    write_whole(reports / "index.html", content.encode("utf-8"))
    return file


def _past(runs: list[IndexedRun], versions: dict[str, list[IndexedRun]]) -> dict[str, Any]:
    """What the runs of a version say over time."""
    newest = max((e.manifest for held in versions.values() for e in held), key=_started)
    lately = runs[:RUNS_SHOWN]
    whole = [e for e in lately if not e.partial]
    return {
        "trend": history.trend([e.manifest for e in lately]) if len(lately) > 1 else [],
        "since": history.standing_since([e.folder for e in whole], [e.when[:10] for e in whole]),
        "due": history.due(runs[0].manifest, newest),
        "against": history.against(runs[0].folder),
    }


def _started(manifest: Manifest) -> tuple[str, str]:
    return manifest.started, manifest.run_id


def _pages(versions: dict[str, list[IndexedRun]]) -> list[dict[str, list[IndexedRun]]]:
    """Versions in pages, those that were audited last on the first; within one, in order."""
    if len(versions) <= VERSIONS_SHOWN:
        return [versions]
    lately = sorted(versions, key=lambda v: versions[v][0].manifest.started, reverse=True)
    parts = [lately[i : i + VERSIONS_SHOWN] for i in range(0, len(lately), VERSIONS_SHOWN)]
    return [{v: versions[v] for v in versions if v in set(part)} for part in parts]


def _name(number: int) -> str:
    return "index.html" if number == 1 else f"index-{number}.html"


def _remove_pages(folder: Path, number: int) -> None:
    """Remove pages from that number on: there were more versions once."""
    while (stale := folder / _name(number)).is_file():
        stale.unlink()
        number += 1


def _months(versions: dict[str, list[IndexedRun]]) -> dict[str, dict[Verdict, int]]:
    """Month to how its runs ended, the newest first; empty where everything is shown anyway."""
    runs = [entry for listed in versions.values() for entry in listed]
    if len(runs) <= VERSIONS_SHOWN:
        return {}
    months: dict[str, dict[Verdict, int]] = {}
    for entry in runs:
        counted = months.setdefault(entry.when[:7], dict.fromkeys(Verdict, 0))
        counted[entry.tone] += 1
    return {month: months[month] for month in sorted(months, reverse=True)}


def whole(runs: list[IndexedRun]) -> IndexedRun | None:
    """Behind a newest run that is partial, the newest whole one, which it does not undo."""
    if not runs[0].partial:
        return None
    return next((e for e in runs if not e.partial), None)


def _versions(folder: Path) -> dict[str, list[IndexedRun]]:
    """Runs by version, newest run first; versions in the order people count."""
    runs_of: dict[str, list[IndexedRun]] = {}
    for file in folder.glob(f"*/*/{NAME}"):
        run = file.parent
        if run.is_symlink() or run.parent.name.startswith("."):
            continue
        try:
            manifest = read_manifest(run)
        except RunError:
            continue
        link = f"{quote(run.parent.name)}/{quote(run.name)}"
        last = last_decisions(signatures(run))
        decisions = [f"{s.decision} by {one_line(s.name, 60)}" for s in last]
        entry = IndexedRun(manifest, run, link, " · ".join(decisions), _proved(run, manifest))
        runs_of.setdefault(run.parent.name, []).append(entry)
    for runs in runs_of.values():
        runs.sort(key=lambda e: _started(e.manifest), reverse=True)
    return {version: runs_of[version] for version in sorted(runs_of, key=_natural)}


def _proved(run: Path, manifest: Manifest) -> str:
    sensitivity = proved(run, manifest.subject, manifest.version)
    planted, seen = sensitivity.of() if sensitivity else (0, 0)
    return f"{seen} of {planted} planted faults seen" if planted else ""


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]
