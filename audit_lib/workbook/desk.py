"""What a researcher does with what was found: look it through, ask again, take a case, waive."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import ValidationError

from audit_lib.engine import run_check
from audit_lib.errors import AuditError, NotApplicable, NotAssessed, ParameterError
from audit_lib.execution.layout import Place
from audit_lib.exemptions import FILE, Exemption, load_exemptions
from audit_lib.files import read_words, write_whole
from audit_lib.host import HookError
from audit_lib.model import CheckResult, Finding, Scalar, effective_outcome, weight
from audit_lib.model.merging import akin, identity
from audit_lib.selection import configured, roster_of
from audit_lib.subject.subject import Subject
from audit_lib.workbook import pictures
from audit_lib.workbook.accepting import toml
from audit_lib.workbook.display import Link, Note, Part, Sheet, views
from audit_lib.workbook.findings import located
from audit_lib.workbook.sheets import finding_sheet, words

if TYPE_CHECKING:
    import pandas as pd

    from audit_lib.workbook.looking import Looking

Findings = Mapping[str, tuple[Finding, CheckResult]]
#: what findings are narrowed down by
FACETS = ("severity", "contract", "check", "file")
#: days that a drafted waiver holds where nobody says
HOLDS = 90


def facet(name: str, finding: Finding) -> str:
    """A finding's value of one of :data:`FACETS`."""
    return {
        "severity": finding.severity.label,
        "contract": finding.contract.value,
        "check": finding.code,
        "file": finding.location.path,
    }[name]


def matching(
    findings: Findings, search: str = "", dependents: Mapping[str, int] | None = None, **chosen: str
) -> list[str]:
    """Ids of the findings that hold every word and fit every facet, worst first."""
    wanted = search.lower().split()

    def fits(name: str, finding: Finding) -> bool:
        texts = (name, finding.message, finding.location, finding.location.symbol, finding.contract)
        held = " ".join([*map(str, texts), finding.measured, finding.expected]).lower()
        facets = all(facet(k, finding) == v for k, v in chosen.items() if v)
        return facets and all(word in held for word in wanted)

    names = [name for name, (finding, _) in findings.items() if fits(name, finding)]
    return sorted(names, key=lambda n: weight(findings[n][0], dependents or {}))


def overview(audit: Looking) -> list[Part]:
    """All findings, and the worst of them with its place: what a console shows without widgets."""
    findings = audit.all_findings()
    names = matching(findings, dependents=audit.dependents)
    parts: list[Part] = [finding_sheet(f"Findings: {len(findings)}", findings, audit.dependents)]
    return [*parts, *about(audit, names[0])] if names else parts


def about(audit: Looking, name: str) -> list[Any]:
    """A finding, its place in the engine, its neighbours by cause and its evidence."""
    view, findings = audit.finding(name), audit.all_findings()
    parts: list[Any] = [view]
    try:
        parts.append(view.source())
    except AuditError as error:
        parts.append(Note(error.message))
    parts += links(audit, name) if "console" in views else []
    names = {f: n for n, (f, _) in findings.items()}
    if near := [names[f] for f in akin(names)[view.finding]]:
        parts.append(Note(f"perhaps of the same root: {', '.join(near)}"))
    with suppress(NotAssessed, NotApplicable):  # there is no list of versions
        over = history(audit, name)
        parts += [over] if any(row[1] for row in over.rows) else []
    for table in view.evidence():
        parts.extend(pictures.drawn(view.result, table))
    return parts


def links(audit: Looking, name: str) -> list[Link]:
    """Where to open a finding's place in an editor, and its card in the packet of its run.

    ``AUDIT_EDITOR`` names another editor than VS Code: ``"idea://open?file={path}&line={line}"``.
    """
    view, addresses = audit.finding(name), []
    with suppress(AuditError):
        path, line = located(audit.subject, view.finding.location), view.finding.location.line or 1
        editor = os.environ.get("AUDIT_EDITOR", "vscode://file{path}:{line}")
        address = editor.replace("{path}", quote(str(path))).replace("{line}", str(line))
        addresses.append(Link(f"open {view.finding.location} in the editor", address))
    packet = audit.place.published(audit.ran.run_id).path / "packet.html"
    if packet.is_file():
        addresses.append(Link("in the packet", f"{packet.as_uri()}#{view.name}"))
    return addresses


def unit_of(finding: Finding) -> str:
    """The definition that a finding stands in, as the ledger names it.

    Raises:
        AuditError: it stands in none.
    """
    place = finding.location
    if place.base != "source" or not place.symbol:
        raise AuditError(
            "stands in no definition of the source",
            where=str(place),
            mend="name one: audit.certify('path.py::name', ...)",
        )
    return f"{place.path}::{place.symbol}"


def history(audit: Looking, name: str) -> Sheet:
    """A finding over the versions, in the newest published run of each.

    Raises:
        AuditError: no such finding.
    """
    view, subject = audit.finding(name), audit.subject
    task = roster_of(subject).get(view.result.code).task
    wanted = identity(view.finding, subject.version)
    rows: list[tuple[Scalar, ...]] = []
    for version in subject.versions():
        run = Place(audit.place.reports, subject.name, version).latest()
        if run is None or run.check(task):
            rows.append((version, None, "no run", None, None))
            continue
        same = next((r for r in run.load(task).results if r.code == view.result.code), None)
        alike = [f for f in same.findings if identity(f, version) == wanted] if same else []
        state = "found" if alike else words(effective_outcome(same)) if same else "not asked"
        measured = alike[0].measured if alike else None
        rows.append(
            (version, run.run_id, state, alike[0].severity.label if alike else None, measured)
        )
    columns = ("version", "run", "state", "severity", "measured")
    return Sheet(f"{view.name} over the versions", columns, tuple(rows))


def again(
    subject: Subject, code: str, before: CheckResult | None, options: Mapping[str, Any]
) -> tuple[CheckResult, list[Part]]:
    """Run one check once more, and say what is different.

    Args:
        subject: bound to the version that is asked.
        before: what the check answered in the run; None where it was not asked.
        options: of the check, over those of the parameters.

    Raises:
        AuditError: no such check.
        ParameterError: it has no such option, or not that value.
    """
    ready = configured(roster_of(subject).get(code), subject)
    try:
        ready = type(ready)(**{**ready.model_dump(exclude_unset=True), **options})
    except ValidationError as error:
        problem = error.errors()[0]
        options_here = ", ".join(type(ready).model_fields) or "none"
        raise ParameterError(
            f"option {'.'.join(map(str, problem['loc']))!r}: {problem['msg']}",
            where=f"audit.again({code!r})",
            mend=f"options of {code}: {options_here}",
        ) from None
    after = run_check(ready, subject)
    return after, list(_difference(before, after, subject.version))


def _difference(before: CheckResult | None, after: CheckResult, version: str) -> Iterator[Part]:
    rows: list[tuple[Scalar, ...]] = [
        ("outcome", *(words(effective_outcome(r)) if r else None for r in (before, after))),
        ("findings", *(len(r.findings) if r else None for r in (before, after))),
        ("seconds", *(round(r.seconds, 2) if r else None for r in (before, after))),
    ]
    was, now = ({f.message: f for f in r.findings} if r else {} for r in (before, after))
    rows += [
        (message, *(_measured(findings.get(message)) for findings in (was, now)))
        for message in dict.fromkeys([*was, *now])
    ]
    yield Sheet(
        f"{after.code} again, of {version}",
        ("what", "in the run", "now"),
        tuple(rows),
        after.reason,
    )


def _measured(finding: Finding | None) -> str | None:
    return None if finding is None else finding.measured or "found"


def case(subject: Subject, row: Mapping[str, Any], around: int) -> pd.DataFrame:
    """Bars, features, predictions and labels about the asset and date that a row names.

    The row itself where it names neither.

    Args:
        row: by column.
        around: bars on each side.

    Raises:
        NotAssessed: nothing of the sample stands behind it.
    """
    import pandas as pd

    from audit_lib.probes.questions import samples

    pieces: dict[str, pd.DataFrame] = {}
    for name in ("panel", "inputs", "predictions", "labels"):
        with suppress(NotAssessed, NotApplicable, HookError, ValueError):
            pieces[name] = getattr(samples, name)(subject)
    if not pieces:
        raise NotAssessed("no hook gives a sample (features.panel)")
    once = [t[~t.index.duplicated()].add_prefix(f"{n}/") for n, t in pieces.items()]
    joined = pd.concat(once, axis=1).sort_index()
    levels = [joined.index.get_level_values(i) for i in range(joined.index.nlevels)]
    dates = next((v for v in levels if isinstance(v, pd.DatetimeIndex)), None)
    texts = {str(v) for v in row.values() if v is not None}
    for level in levels:
        named = level.astype(str).isin(texts)
        if level is not dates and named.any():
            joined = joined[named]
            dates = None if dates is None else dates[named]
            break
    when = [d for d in map(_moment, row.values()) if d is not None]
    if dates is None or not when:
        return joined if len(joined) < len(levels[0]) else pd.DataFrame([dict(row)])
    calendar = dates.unique().sort_values()
    naive = calendar.tz_localize(None)
    at = naive.searchsorted(pd.DatetimeIndex(when))
    near = calendar[max(0, at.min() - around) : at.max() + around + 1]
    return joined[dates.isin(near)]


def _moment(value: Any) -> pd.Timestamp | None:
    import pandas as pd

    if not isinstance(value, str) or not value[:4].isdigit():
        return None
    with suppress(ValueError):
        stamp = pd.Timestamp(value)
        return stamp.tz_convert("UTC").tz_localize(None) if stamp.tzinfo else stamp
    return None


def waiver(
    finding: Finding, version: str, owner: str, reason: str, expires: date | str | None
) -> str:
    """A table of ``exemptions.toml`` for one finding, as text.

    Raises:
        ParameterError: nobody answers for it, no reason is given, or the date is none.
    """
    last = expires or datetime.now(UTC).date() + timedelta(days=HOLDS)
    try:
        exemption = Exemption(
            fingerprint=finding.fingerprint, version=version, owner=owner, reason=reason,
            expires=last,
        )  # fmt: skip
    except ValidationError as error:
        problem = error.errors()[0]
        raise ParameterError(
            f"a waiver's {'.'.join(map(str, problem['loc']))}: {problem['msg']}",
            where="audit.waiver",
            mend='name an owner, a reason and a last day, such as expires="2026-12-31"',
        ) from None
    fields = exemption.model_dump(exclude_defaults=True)
    head = f"# {finding.code} at {finding.location}: {' '.join(finding.message.split())}\n"
    return head + "[[exemption]]\n" + "".join(f"{k} = {toml(v)}\n" for k, v in fields.items())


def waived(subject: Subject, text: str) -> Note:
    """Put a drafted waiver into the parameters; the file is as it was where that fails.

    Raises:
        ParameterError: the file holds something that is no waiver.
    """
    load_exemptions(subject.folder)
    file = subject.folder / FILE
    before = read_words(file) if file.is_file() else ""
    write_whole(file, f"{before.rstrip()}\n\n{text}".lstrip().encode())
    try:
        load_exemptions(subject.folder)
    except ParameterError:
        write_whole(file, before.encode())
        raise
    return Note(f"written to {FILE} of the parameters; the next run counts it as waived")
