"""Answers of checks that only read, kept from one run to the next.

A check that is *pure* answers by nothing but the subject's files, its parameters and its own
options; while none of these and no line of this library has changed, its answer is the one that
was given before.  Answers are kept as JSON, one file each, under the digest of all of that:

- what is hashed is content, never times and sizes, once before the checks run and once more before
  anything is kept, so that a file which changes under the audit leaves nothing behind;
- a file that is cut short or altered is no answer, and the check runs;
- writing is to a file of its own that is renamed into place, so runs side by side do no harm;
- where hooks may run without isolation nothing is kept: they could write here.

The folder is ``.workbook_cache`` in the workspace; ``AUDIT_CACHE`` names another, or is ``off``.
Deleting it is safe at any time.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from audit_lib.checks.base import Check
from audit_lib.errors import NotAssessed
from audit_lib.files import read_whole, read_words, write_whole
from audit_lib.model import CheckResult, Outcome
from audit_lib.subject.digest import subject_digest
from audit_lib.subject.subject import Subject
from audit_lib.workspace import PLACES

VARIABLE = "AUDIT_CACHE"
FOLDER = ".workbook_cache"
_PACKAGE = Path(__file__).resolve().parent
_DAYS = 30
_IGNORE = "# Made by the workbook; safe to delete.\n*\n"


class Memory:
    """What is remembered of one subject, at one version."""

    def __init__(self, subject: Subject, checks: Iterable[Check] = ()) -> None:
        self.subject = subject
        self.folder = cache_folder(subject)
        self._own = own_places(subject, self.folder)
        self._fresh: dict[str, CheckResult] = {}
        # Without a pure check there is nothing to remember, and nothing to hash for.
        self._digest = ""
        # What readers of one's own rest on is in no digest.
        if self.folder is not None and not subject.readers and any(map(_kept, checks)):
            self._digest = subject_digest(subject, but=self._own)

    def recall(self, check: Check) -> CheckResult | None:
        """The answer that was given before; None where there is none."""
        if not _kept(check) or not self._digest:
            return None
        started = time.perf_counter()
        try:
            head, _, body = read_words(self._file(check)).partition("\n")
            if hashlib.sha256(body.encode()).hexdigest() != head:
                return None
            found = _adapter().validate_json(body)
        except (OSError, ValueError):
            return None
        with suppress(OSError):
            os.utime(self._file(check))
        return replace(found, seconds=round(time.perf_counter() - started, 4))

    def note(self, check: Check, result: CheckResult) -> None:
        """Keep an answer, once :meth:`close` finds that nothing has changed meanwhile."""
        # What could not be told today (a time limit, a tool that was not there) may be tomorrow.
        told = result.outcome not in (Outcome.ERROR, Outcome.NOT_ASSESSED)
        if _kept(check) and self._digest and told:
            self._fresh[self._file(check).name] = result

    def close(self) -> None:
        """Write what is new; nothing where the subject has changed while the checks ran."""
        fresh, self._fresh = self._fresh, {}
        if (
            not fresh
            or self.folder is None
            or subject_digest(self.subject, but=self._own) != self._digest
        ):
            return
        with suppress(OSError):
            ignore = self.folder / ".gitignore"
            if not ignore.exists():
                write_whole(ignore, _IGNORE.encode())
            for name, result in fresh.items():
                _write(self.folder / name, result)
            _tidy(self.folder)

    def _file(self, check: Check) -> Path:
        assert self.folder is not None
        parts = [
            check.code,
            check.model_dump_json(),
            self.subject.version,
            self._digest,
            library_digest(),
        ]
        return self.folder / (hashlib.sha256(json.dumps(parts).encode()).hexdigest() + ".json")


def _kept(check: Check) -> bool:
    """True for a pure check of the workbook's own: what others rest on is in no digest."""
    return check.pure and not check.origin


def cache_folder(subject: Subject) -> Path | None:
    """Where answers are kept; None where they must not be."""
    named = os.environ.get(VARIABLE, "")
    if named == "off" or subject.parameters.policy.allow_unisolated:
        return None
    if named:
        return Path(named).absolute()
    if subject.folder.parent.name != "parameters":
        return None
    made = subject.folder.parent.parent / FOLDER
    with suppress(NotAssessed):
        if Path(os.path.realpath(made)).is_relative_to(os.path.realpath(subject.store)):
            return None  # it would be one more artifact
    return made


def own_places(subject: Subject, cache: Path | None) -> tuple[Path, ...]:
    """What the workbook writes, which may stand inside the repository that is audited."""
    reports = os.environ.get(PLACES["reports"]) or subject.folder.parent.parent / "reports"
    return (Path(reports) / subject.name, *((cache,) if cache else ()))


@cache
def library_digest() -> str:
    """SHA-256 over this library's own files, Python, and the versions of what it depends on."""
    found = hashlib.sha256(
        f"{platform.python_implementation()} {platform.python_version()}".encode()
    )
    for file in sorted(_PACKAGE.rglob("*.py")):
        if "reference_engine" not in file.parts:
            found.update(file.relative_to(_PACKAGE).as_posix().encode() + b"\0")
            found.update(hashlib.sha256(read_whole(file)).digest())
    for place in sys.path:
        installed = (f.name for f in Path(place or ".").glob("*.*-info"))  # name and version
        found.update("\0".join(sorted(installed)).encode())
    return found.hexdigest()


@cache
def _adapter() -> TypeAdapter[CheckResult]:
    return TypeAdapter(CheckResult)


def _write(file: Path, result: CheckResult) -> None:
    try:
        body = _adapter().dump_json(result).decode()
        if _adapter().validate_json(body) != result:
            return  # JSON does not hold it as it is: NaN, a NumPy scalar
    except ValueError:
        return
    write_whole(file, f"{hashlib.sha256(body.encode()).hexdigest()}\n{body}".encode())


def _tidy(folder: Path) -> None:
    """Remove what nobody has asked for in a month."""
    oldest = time.time() - _DAYS * 86_400
    for file in (*folder.glob("*.json"), *folder.glob(".*.json.*")):
        with suppress(OSError):
            if file.stat().st_mtime < oldest:
                file.unlink()
