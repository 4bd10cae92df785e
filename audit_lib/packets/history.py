"""What the runs of a version say over time: how findings came and went, since when, what is due."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from audit_lib.files import read_whole
from audit_lib.model import Severity
from audit_lib.packets.manifest import Manifest
from audit_lib.reporters.text import one_line

#: severities that a trend shows, worst first, and the height of its picture
_SHOWN = tuple(s.label for s in sorted(Severity, reverse=True) if s is not Severity.INFO)
HIGH = 24.0


@dataclass(frozen=True)
class Bar:
    """A part of a run's bar in a trend: a severity, where it begins from above, how high it is."""

    severity: str
    top: float
    high: float


def trend(runs: Sequence[Manifest]) -> list[tuple[str, list[Bar]]]:
    """Open findings by severity of each run, the oldest first: what it says, and its bars.

    Args:
        runs: manifests of one version, the newest first.
    """
    totals = [sum(m.findings.get(s, 0) for s in _SHOWN) for m in runs]
    unit = HIGH / max([*totals, 1])
    points = []
    for manifest, total in reversed(list(zip(runs, totals, strict=True))):
        bars, top = [], HIGH - total * unit
        for severity in _SHOWN:
            if number := manifest.findings.get(severity, 0):
                bars.append(Bar(severity, round(top, 2), round(number * unit, 2)))
                top += number * unit
        counts = " · ".join(f"{manifest.findings[b.severity]} {b.severity}" for b in bars)
        points.append((f"{manifest.started[:10]}: {counts or 'none'}", bars))
    return points


def standing_since(folders: Sequence[Path], days: Sequence[str]) -> str:
    """Since when the findings that are open now have been, the oldest first; '' where all are new.

    A finding's age ends at the run that did not have it open, so that one which came back is young.

    Args:
        folders: of the runs of one version, the newest first.
        days: the day of each.
    """
    open_now = _open(folders[0]) if folders else set()
    held, since = open_now, days[0] if days else ""
    for folder, day in list(zip(folders, days, strict=True))[1:]:
        still = held & _open(folder)
        if not still:
            break
        held, since = still, day
    if not open_now or since == days[0]:
        return ""
    return f"{len(held)} of {len(open_now)} open since {since}"


def due(run: Manifest, newest: Manifest) -> list[str]:
    """Why a version's newest run no longer speaks for it.

    Args:
        run: the version's newest run.
        newest: the newest run of any version of the subject.
    """
    reasons = []
    if run.not_run:
        reasons.append(f"{', '.join(run.not_run)} not run")
    if _source(run) != _source(newest):
        reasons.append(f"the source is another since {newest.started[:10]}")
    if run.environment.get("library") != newest.environment.get("library"):
        reasons.append(f"audited by workbook {one_line(run.environment.get('library', '?'), 20)}")
    return reasons


def against(folder: Path) -> list[str]:
    """What became of findings against each run that this one was compared with."""
    try:
        held = json.loads(read_whole(folder / "closure.json"))
        return [
            f"{one_line(str(other['label']), 60)}: "
            + (
                " · ".join(f"{n} {fate}" for fate, n in other["counts"].items() if n)
                or "no difference"
            )
            for other in held["against"]
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def _source(run: Manifest) -> str:
    trees = dict(t.partition(":")[::2] for t in run.subject_digest.after.split())
    return trees.get("source", "")


def _open(folder: Path) -> set[str]:
    """Fingerprints of the findings that a run left open; what cannot be read has none."""
    try:
        text = read_whole(folder / "findings.csv").decode("utf-8-sig")
        rows = csv.DictReader(text.splitlines())
        return {
            row["fingerprint"]
            for row in rows
            if row["state"] == "open" and row["severity"] in _SHOWN
        }
    except (OSError, ValueError, KeyError, csv.Error):
        return set()
