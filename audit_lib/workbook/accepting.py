"""The baseline: findings of an old engine, accepted together, so that new ones stand out."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from audit_lib.exemptions import BASELINE, Accepted, load_baseline
from audit_lib.files import write_whole
from audit_lib.model import CheckResult, Finding, Outcome, breaks
from audit_lib.reporters.text import one_line

#: checks of which findings are about waivers, or about findings that waivers cover
OF_WAIVERS = ("LED901", "LED902")
UNTOLD = (Outcome.NOT_ASSESSED, Outcome.ERROR)
_HEAD = """\
# Findings that were accepted together, written by `workbook baseline`. They count as waived until
# the day named in `expires`; what is not listed here is new, and counts. Owner, reason and expiry
# hold for every entry that does not name its own.
"""


@dataclass(frozen=True)
class BaselineChange:
    """What a new baseline is, beside the one before it.

    Attributes:
        entries: the new one.
        added: entries that the one before it did not have, or had with an expiry in the past.
        dropped: entries that it no longer has.
    """

    entries: tuple[Accepted, ...]
    added: tuple[Accepted, ...]
    dropped: tuple[Accepted, ...]


def accept(
    folder: Path,
    results_of: Mapping[str, Sequence[CheckResult]],
    *,
    owner: str,
    reason: str,
    expires: date,
    today: date,
) -> BaselineChange:
    """The baseline with every open finding of some results added.

    Entries in force stay as they are while their finding is there, or their check could not tell.

    Args:
        results_of: version to its results, waivers applied.
    """
    standing, dropped = _standing(load_baseline(folder), results_of, today)
    seen: dict[str, tuple[Finding, list[str]]] = {}
    for version, results in results_of.items():
        for finding in (f for r in results for f in r.open_findings):
            if breaks(finding) and finding.code not in OF_WAIVERS:
                seen.setdefault(finding.fingerprint, (finding, []))[1].append(version)
    added = tuple(
        Accepted(
            fingerprint=name,
            code=finding.code,
            path=one_line(finding.location.path),
            what=one_line(finding.message, 160),
            seen=tuple(dict.fromkeys(versions)),
            owner=owner,
            reason=reason,
            expires=expires,
        )
        for name, (finding, versions) in seen.items()
    )
    again = {e.fingerprint for e in added}
    gone = tuple(e for e in dropped if e.fingerprint not in again)
    return BaselineChange(_sorted([*standing, *added]), added, gone)


def prune(
    folder: Path, results: Mapping[str, Sequence[CheckResult]], *, today: date
) -> BaselineChange:
    """The baseline without what is past its date or covers nothing any more."""
    standing, dropped = _standing(load_baseline(folder), results, today)
    return BaselineChange(_sorted(standing), (), tuple(dropped))


def write(folder: Path, entries: Sequence[Accepted]) -> Path:
    """Write the file; without entries there is none."""
    file = folder / BASELINE
    if not entries:
        file.unlink(missing_ok=True)
        return file
    first = entries[0]
    shared = {"owner": first.owner, "reason": first.reason, "expires": first.expires}
    parts = [_HEAD + "".join(f"{k} = {toml(v)}\n" for k, v in shared.items())]
    for entry in entries:
        fields = entry.model_dump(exclude_defaults=True)
        own = {k: v for k, v in fields.items() if k not in shared or v != shared[k]}
        parts.append("[[accepted]]\n" + "".join(f"{k} = {toml(v)}\n" for k, v in own.items()))
    write_whole(file, "\n".join(parts).encode("utf-8"))
    return file


def _standing(
    entries: Iterable[Accepted], results_of: Mapping[str, Sequence[CheckResult]], today: date
) -> tuple[list[Accepted], list[Accepted]]:
    """Entries that stay and entries that go."""
    standing: list[Accepted] = []
    dropped: list[Accepted] = []
    for entry in entries:
        stays = entry.expires >= today and any(
            _stands(entry, version, results) for version, results in results_of.items()
        )
        # of a version that nobody looked at now
        elsewhere = bool(set(entry.seen) - set(results_of))
        (standing if stays or (elsewhere and entry.expires >= today) else dropped).append(entry)
    return standing, dropped


def _stands(entry: Accepted, version: str, results: Sequence[CheckResult]) -> bool:
    answers = [r for r in results if r.code == entry.code]
    if not answers:
        return True
    there = any(entry.covers(f, version) for r in answers for f in r.findings)
    return there or any(not r.findings and r.outcome in UNTOLD for r in answers)


def _sorted(entries: Iterable[Accepted]) -> tuple[Accepted, ...]:
    return tuple(sorted(entries, key=lambda e: (e.code, e.path, e.fingerprint)))


def toml(value: object) -> str:
    """A value as TOML writes it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
