"""Adding to ``ledger.toml``."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from pydantic import BaseModel

from audit_lib.errors import AuditError
from audit_lib.files import read_words
from audit_lib.ledger.form import FILE, Certification, Ledger, Violation, load
from audit_lib.ledger.judge import fingerprint_of, latest
from audit_lib.subject.subject import Subject


def certify(
    subject: Subject,
    unit: str,
    *,
    criteria: Sequence[str],
    who: str,
    notes: str = "",
    delta: bool = False,
    when: date | None = None,
) -> Certification:
    """Record that a person vouches for a unit as it is now.

    Args:
        subject: the audited subject; only its parameters folder is written.
        unit: ``path::name``.
        criteria: what is vouched for.
        who: by whom.
        notes: what was looked at.
        delta: only the change since the last certification was read.
        when: the day; today where not given.

    Raises:
        AuditError: no such unit, an unknown criterion, or a delta without anything before it.
    """
    ledger = load(subject.folder)
    _known(ledger, criteria)
    fingerprint = fingerprint_of(subject, unit)
    before = latest(ledger, fingerprint)
    if delta and before is None:
        raise AuditError(
            "was never certified, so there is no change to read",
            where=unit,
            mend="certify it whole",
        )
    entry = Certification.model_validate(
        {
            "unit": unit,
            "kind": "delta" if delta else "full",
            "hash": fingerprint.whole,
            "body": fingerprint.body,
            "parts": " ".join(fingerprint.parts),
            "from": before.hash if delta and before else "",
            "criteria": tuple(criteria),
            "who": who.strip() or _nobody(unit),
            "when": when or date.today(),
            "notes": notes,
        }
    )
    _append(subject.folder, "certification", entry)
    return entry


def violation(
    subject: Subject,
    unit: str,
    *,
    criteria: Sequence[str],
    who: str,
    notes: str,
) -> Violation:
    """Record that a unit, as it is now, was found wanting.  It beats every certification.

    Raises:
        AuditError: no such unit, an unknown criterion, or no reason.
    """
    _known(load(subject.folder), criteria)
    fingerprint = fingerprint_of(subject, unit)
    if not notes.strip():
        raise AuditError("a violation needs notes", where=unit, mend="say what is wrong")
    entry = Violation(
        unit=unit,
        hash=fingerprint.whole,
        criteria=tuple(criteria),
        who=who.strip() or _nobody(unit),
        when=date.today(),
        notes=notes,
    )
    _append(subject.folder, "violation", entry)
    return entry


def _known(ledger: Ledger, criteria: Sequence[str]) -> None:
    for name in criteria:
        if name not in ledger.criteria:
            raise AuditError(
                f"criterion {name!r} is not defined",
                where=FILE,
                mend=f"use {', '.join(ledger.criteria) or 'a table [criteria.<name>]'}",
            )
    if not criteria:
        raise AuditError("no criterion is named", where=FILE, mend="say what is vouched for")


def _nobody(unit: str) -> str:
    raise AuditError("an entry needs a name", where=unit, mend="say who vouches for it")


def _append(folder: Path, table: str, entry: BaseModel) -> None:
    lines = [f"\n[[{table}]]"]
    for name, value in entry.model_dump(by_alias=True).items():
        if value not in ("", ()):
            lines.append(f"{name} = {_toml(value)}")
    file = folder / FILE
    before = read_words(file) if file.is_file() else ""
    gap = "" if not before or before.endswith("\n") else "\n"
    file.write_text(before + gap + "\n".join(lines) + "\n", encoding="utf-8")


def _toml(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (tuple, list)):
        return "[" + ", ".join(_toml(v) for v in value) + "]"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    """A TOML basic string (TOML 1.0, "String")."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(
        c if c.isprintable() else f"\\u{ord(c):04x}" if ord(c) < 0x10000 else f"\\U{ord(c):08x}"
        for c in escaped
    ) + '"'  # fmt: skip
