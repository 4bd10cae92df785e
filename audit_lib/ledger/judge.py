"""What the certifications amount to for the source as it is."""

from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatch
from typing import Any

from audit_lib.errors import AuditError
from audit_lib.ledger.form import Certification, Ledger, Strict, load
from audit_lib.model import Review
from audit_lib.model.reviews import executed, on_loading, shares
from audit_lib.subject.code import code_of
from audit_lib.subject.fingerprints import Fingerprint, fingerprints
from audit_lib.subject.source import matches
from audit_lib.subject.subject import Subject
from audit_lib.subject.units import Unit


class UnitState(Strict):
    """How one unit stands.

    Attributes:
        held: criteria that certifications of the present fingerprint vouch for.
        violated: criteria that a violation denies it.
        exempted: criteria that an exemption in force excuses.
        wanted: criteria that policy asks for.
        stale: why an earlier certification no longer holds; '' where there is none.
        certified_by: who, by whom ``held`` stands.
    """

    key: str
    path: str
    name: str
    lines: int
    held: tuple[str, ...]
    violated: tuple[str, ...]
    exempted: tuple[str, ...]
    wanted: tuple[str, ...]
    stale: str = ""
    certified_by: tuple[str, ...] = ()

    @property
    def missing(self) -> tuple[str, ...]:
        """Wanted criteria that are neither held nor excused; a violation beats both."""
        fulfilled = (set(self.held) | set(self.exempted)) - set(self.violated)
        return tuple(c for c in self.wanted if c not in fulfilled)


def states(
    subject: Subject, ledger: Ledger, *, gate: str = "", today: date | None = None
) -> tuple[UnitState, ...]:
    """How every unit under audit stands, in file and source order."""
    code = code_of(subject.source)
    prints = fingerprints(code)
    now = today or date.today()
    return tuple(
        _state(subject, ledger, unit, prints.get(unit.key), gate, now)
        for file in code.subsystem
        for unit in file.units
        if unit.lines or unit.node is not None
    )


def status(subject: Subject, *, gate: str = "", exercised: Review | None = None) -> dict[str, Any]:
    """Lines of the subsystem by the three kinds of review, as JSON-ready data.

    Args:
        subject: the audited subject.
        gate: whose policy applies on top of the general one.
        exercised: what probes executed (see ``review.py``); None where it was not measured.

    Raises:
        ParameterError: ``ledger.toml`` is wrong.
    """
    ledger = load(subject.folder)
    code = code_of(subject.source)
    units = states(subject, ledger, gate=gate)
    total = sum(f.lines.count for f in code.subsystem)
    lines = {f.file.path: f.lines.count for f in code.subsystem}
    return {
        "subject": subject.name,
        "files": len(code.subsystem),
        "units": sum(len(f.units) for f in code.subsystem),
        "lines": total,
        "by_file": lines,
        "scanned": _share(sum(f.lines.count for f in code.subsystem if not f.error), total),
        **_exercised(exercised),
        "certified": {
            name: _share(
                sum(s.lines for s in units if name in s.held and name not in s.violated), total
            )
            for name in ledger.criteria
        },
        "gate": gate,
        "missing": [
            {"unit": s.key, "lines": s.lines, "criteria": list(s.missing), "stale": s.stale}
            for s in units
            if s.missing
        ],
        "violations": [
            {"unit": s.key, "criteria": list(s.violated)} for s in units if s.violated
        ],
        "exempted": [
            {"unit": s.key, "criteria": list(s.exempted)} for s in units if s.exempted
        ],
    }  # fmt: skip


def suggest(
    subject: Subject, *, criteria: Sequence[str] = (), gate: str = "", limit: int = 10
) -> list[dict[str, Any]]:
    """What to read next: the smallest unread part first, the riskier one where two are equal.

    A unit that was certified before counts only the statements that changed since; one whose
    dependencies alone changed counts none of its own.

    Args:
        subject: the audited subject.
        criteria: which are to be reached; where none is given those of the policy, and where that
            asks for none, all that the ledger knows.
        gate: whose policy applies.
        limit: how many.
    """
    ledger = load(subject.folder)
    code = code_of(subject.source)
    prints = fingerprints(code)
    units = {u.key: u for f in code.subsystem for u in f.units}
    rows: list[tuple[int, float, dict[str, Any]]] = []
    held = states(subject, ledger, gate=gate)
    if not criteria and not any(state.wanted for state in held):
        criteria = tuple(ledger.criteria)
    for state in held:
        wanted = [c for c in criteria if c not in state.held] if criteria else list(state.missing)
        if not wanted or state.key not in prints:
            continue
        fingerprint = prints[state.key]
        before = latest(ledger, fingerprint)
        changed = _changed_lines(fingerprint, before)
        statements = len(changed) if before else len(fingerprint.parts)
        risk = code.risk(units[state.key])
        row = {
            "unit": state.key,
            "read": "delta" if before else "full",
            "statements": statements,
            "lines": state.lines,
            "changed_lines": changed if before else [],
            "criteria": wanted,
            "risk": risk,
            "why": state.stale or "never certified",
        }
        rows.append((statements, -risk, row))
    rows.sort(key=lambda r: (r[0], r[1], r[2]["unit"]))
    return [row for _, _, row in rows[:limit]]


def diff(subject: Subject, unit: str) -> dict[str, Any]:
    """What changed in a unit since it was last certified.

    Raises:
        AuditError: no such unit, or it was never certified.
    """
    fingerprint = fingerprint_of(subject, unit)
    before = latest(load(subject.folder), fingerprint)
    if before is None:
        raise AuditError(
            "was never certified", where=unit, mend="read it whole: `workbook ledger suggest`"
        )
    old = before.parts.split()
    gone = [p for p in old if p not in fingerprint.parts]
    changed = _changed_lines(fingerprint, before)
    source = code_of(subject.source).files[unit.partition("::")[0]].file.text.splitlines()
    return {
        "unit": unit,
        "certified": before.hash,
        "now": fingerprint.whole,
        "by": before.who,
        "when": before.when.isoformat(),
        "same": before.hash == fingerprint.whole,
        "body_changed": before.body != fingerprint.body,
        "dependencies_changed": before.body == fingerprint.body
        and before.hash != fingerprint.whole,
        "removed_statements": len(gone),
        "changed": [{"line": n, "text": source[n - 1]} for n in changed],
    }


def export(subject: Subject) -> dict[str, Any]:
    """The ledger with every unit's fingerprint and state, as JSON-ready data."""
    ledger = load(subject.folder)
    prints = fingerprints(code_of(subject.source))
    return {
        "subject": subject.name,
        "ledger": ledger.model_dump(mode="json", by_alias=True),
        "units": [
            {
                **state.model_dump(mode="json"),
                "missing": list(state.missing),
                "hash": prints[state.key].whole if state.key in prints else "",
                "body": prints[state.key].body if state.key in prints else "",
            }
            for state in states(subject, ledger)
        ],
    }


def _state(
    subject: Subject,
    ledger: Ledger,
    unit: Unit,
    fingerprint: Fingerprint | None,
    gate: str,
    today: date,
) -> UnitState:
    wanted = ledger.wanted(subject.source.is_high_risk(unit.path), gate)
    whole = fingerprint.whole if fingerprint else ""
    held = {c: _who(ledger, unit.name, whole, c) for c in ledger.criteria} if whole else {}
    violated = {
        c
        for v in ledger.violation
        if _names(v.unit, unit) and (not v.hash or v.hash == whole)
        for c in ledger.criteria
        if ledger.implied([c]) & set(v.criteria)
    }
    exempted = {
        c
        for e in ledger.exemption
        if _names(e.unit, unit) and e.expires >= today
        for c in e.criteria
    }
    stale = ""
    if fingerprint and not any(held.values()):
        before = latest(ledger, fingerprint)
        if before is not None:
            same = before.body == fingerprint.body
            stale = "what it depends on changed" if same else "it changed"
            stale += f" since {before.who} certified it on {before.when}"
    return UnitState(
        key=unit.key,
        path=unit.path,
        name=unit.name,
        lines=unit.lines,
        held=tuple(sorted(c for c, who in held.items() if who)),
        violated=tuple(sorted(violated)),
        exempted=tuple(sorted(exempted)),
        wanted=tuple(sorted(wanted)),
        stale=stale,
        certified_by=tuple(sorted({w for who in held.values() for w in who})),
    )


def _who(ledger: Ledger, name: str, whole: str, criterion: str) -> frozenset[str]:
    """Who vouches for a fingerprint: along deltas back to something certified whole."""
    last = name.rpartition(".")[2]
    edges = [
        c
        for c in ledger.certification
        if criterion in ledger.implied(c.criteria)
        and c.unit.rpartition("::")[2].rpartition(".")[2] == last
    ]
    seen: set[str] = set()
    queue = [whole]
    people: set[str] = set()
    while queue:
        here = queue.pop()
        if here in seen:
            continue
        seen.add(here)
        for edge in edges:
            if edge.hash == here:
                people.add(edge.who)
                if edge.kind == "full":
                    return frozenset(people)
                queue.append(edge.from_hash)
    return frozenset()


def latest(ledger: Ledger, fingerprint: Fingerprint) -> Certification | None:
    """The last certification of a unit by its name; the later entry where dates are equal."""
    own = [c for c in ledger.certification if c.unit == fingerprint.key]
    return max(reversed(own), key=lambda c: c.when, default=None)


def _changed_lines(fingerprint: Fingerprint, before: Certification | None) -> list[int]:
    if before is None:
        return list(fingerprint.lines)
    left = before.parts.split()
    changed = []
    for part, line in zip(fingerprint.parts, fingerprint.lines, strict=True):
        if part in left:
            left.remove(part)
        else:
            changed.append(line)
    return changed


def fingerprint_of(subject: Subject, unit: str) -> Fingerprint:
    """The fingerprint of a unit by its key.

    Raises:
        AuditError: no such unit; the message names the nearest ones.
    """
    known_units = fingerprints(code_of(subject.source))
    if unit not in known_units:
        import difflib

        near = difflib.get_close_matches(unit, known_units, n=3, cutoff=0.4)
        raise AuditError(
            "no such unit under audit",
            where=unit,
            mend=f"did you mean {', '.join(near)}?" if near else "write it as path::Class.method",
        )
    return known_units[unit]


def _names(pattern: str, unit: Unit) -> bool:
    path, _, name = pattern.partition("::")
    if not matches(unit.path, path):
        return pattern == unit.key
    return not name or fnmatch(unit.name, name)


def _share(lines: int, total: int) -> dict[str, Any]:
    return {"lines": lines, "share": round(lines / total, 6) if total else 1.0}


def _exercised(review: Review | None) -> dict[str, Any]:
    """What probes executed, of statements; null with the reason where that is not known."""
    if review is None or review.unmeasured:
        why = review.unmeasured if review else "not asked for"
        return {"exercised": None, "exercised_reason": why}
    (ran,) = (s for s in shares(review) if s.kind == "exercised")
    by_line = executed(review)
    return {
        "exercised": {
            "statements": ran.of,
            "executed": ran.lines,
            "on_loading": on_loading(review),
            "share": round(ran.share or 0.0, 6),
            "calls": review.calls,
            "missing": list(review.missing),
            "by_file": {
                f.path: {"statements": f.executable, "executed": len(by_line.get(f.path, {}))}
                for f in review.files
            },
        },
        "exercised_reason": "",
    }
