"""Answers of checks, kept from one run to the next, and from one version to the others.

An answer stands while what it rests on is the same bytes: the subject's data, artifacts, documents
and parameters, the check's options, this library, both environments, and of the source the files
that were read for it (all of them where the check reads code).  It counts for every version where
neither the check nor a hook that it asked wanted to know the version.

- what is hashed is content, never times and sizes, once before the checks run; that nothing has
  changed since is looked at before anything is kept, so that a file which changes under the audit
  leaves nothing behind;
- answers are written while the checks run, so that an interrupted run is taken up where it was;
- what crashed, ran out of time or memory, or was told by another program or from a file that no
  digest holds is asked again, and so is what could not be told without asking a hook;
- a file that is cut short or altered is no answer, and the check runs;
- writing is to a file of its own that is renamed into place, so runs side by side do no harm;
- where hooks may run without isolation nothing is kept: they could write here.

The folder is ``.workbook_cache`` in the workspace; ``AUDIT_CACHE`` names another, or is ``off``.
Deleting it is safe at any time.
"""

import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter

from audit_lib.budget import OUT_OF_BUDGET
from audit_lib.checks.base import Check
from audit_lib.errors import NotAssessed
from audit_lib.files import package_digest, read_sealed, read_words, write_sealed, write_whole
from audit_lib.host import Entered, Measure
from audit_lib.model import CheckResult, Contract, Outcome
from audit_lib.subject.bound import Asked
from audit_lib.subject.digest import Held, subject_held, subject_stamp
from audit_lib.subject.subject import Subject
from audit_lib.subject.told import FORM as TOLD
from audit_lib.subject.told import Told
from audit_lib.workspace import PLACES

VARIABLE = "AUDIT_CACHE"
FOLDER = ".workbook_cache"
_DAYS = 30
_IGNORE = "# Made by the workbook; safe to delete.\n*\n"
#: seconds between two looks at whether the subject is still the same
_PACE = 2.0
#: stands for every file of the source
_ALL = "*"
_TIMES = "times.txt"
_FORMS = ("*.json", "*.code", "*.run", TOLD, ".*.json.*", ".*.told.*")
_SHOWN = 5
_SITES = {"site-packages", "dist-packages"}


@dataclass(frozen=True)
class Kept:
    """One answer, and what it rests on.

    Attributes:
        result: the answer.
        code: files of the source to their SHA-256; under ``*`` that of all of them.
        results: digest of the answers before it; '' where it looked at none.
        heard: hooks to how often they were asked, held something, and were empty.
        entered: hooks to the functions of the source that they enter.
        opened: hooks to the data files that they read.
        isolation: the level that hooks ran at; '' where none was asked.
    """

    result: CheckResult
    code: dict[str, str] = field(default_factory=dict)
    results: str = ""
    heard: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    entered: dict[str, tuple[Entered, ...]] = field(default_factory=dict)
    opened: dict[str, tuple[str, ...]] = field(default_factory=dict)
    isolation: str = ""


class Memory:
    """What is remembered of one subject, at one version.

    Attributes:
        recalled: codes of checks that were answered from before.
        isolations: levels that hooks ran at for these answers, here or at a worker.
        asked: codes of those that were asked now.
        unsteady: of these, those that might say otherwise if they were asked again.
        seconds: codes to how long they took when they were asked last, also where nothing is kept.
        changed: codes of checks that were answered before, to the files that differ since.
    """

    def __init__(
        self, subject: Subject, checks: Iterable[Check] = (), *, folder: Path | None = None
    ) -> None:
        """Look at what is kept.

        Args:
            subject: the subject, bound to the version.
            checks: those that will be asked.
            folder: where to keep answers instead.
        """
        self.subject = subject
        self.recalled: list[str] = []
        self.isolations: dict[str, None] = {}
        self.asked: list[str] = []
        self.unsteady: list[str] = []
        self.changed: dict[str, tuple[str, ...]] = {}
        usual = cache_folder(subject)
        self.folder = folder if usual is not None and folder is not None else usual
        self._own = own_places(subject, usual)
        self._fresh: dict[str, Kept] = {}
        self.seconds = times(self.folder)
        self._took: dict[str, float] = {}
        self._held, self._stamp, self._looked = Held(), "", time.monotonic()
        # What readers of one's own rest on is in no digest; without a check there is no need.
        if self.folder is not None and not subject.readers and any(map(_kept, checks)):
            self._stamp = subject_stamp(subject, but=self._own)
            self._held = subject_held(subject, but=self._own)
            self._library = [library_digest(), environment_digest(subject)]
            self._names = _listed(self.folder)
            self._source = json.dumps(self._held.code, sort_keys=True)
            self._whole = hashlib.sha256(self._source.encode()).hexdigest()
            of = json.dumps([self._held.whole, *self._library])
            subject.inquiry.told = Told(self.folder, of, self._unheld, self.isolations, self.save)

    def keeps(self, check: Check) -> bool:
        """Whether the answer of a check may be kept at all."""
        return bool(self._held.whole) and _kept(check)

    # --- recalling ----------------------------------------------------------------------------
    def recall(self, check: Check) -> CheckResult | None:
        """The answer that was given before; None where there is none."""
        if not _kept(check) or not self._held.whole:
            return None
        started = time.perf_counter()
        differing: tuple[str, ...] = ()
        for version in (self.subject.version_id, ""):
            for name in self._names.get(self._key(check, version), ()):
                record = self._read(name)
                if record is None or not self._fits(record):
                    continue
                differing = self._differing(record)
                if not differing:
                    # It counts as if the hooks had been asked now.
                    self.subject.restore(record.heard, record.entered, record.opened)
                    self.recalled.append(check.code)
                    if record.isolation:
                        self.isolations[record.isolation] = None
                    seconds = round(time.perf_counter() - started, 4)
                    return replace(record.result, seconds=seconds)
        if differing:
            self.changed[check.code] = differing
        return None

    def _read(self, name: str) -> Kept | None:
        assert self.folder is not None
        try:
            return _adapter().validate_json(read_sealed(self.folder / name))
        except (OSError, ValueError):
            return None

    def _fits(self, kept: Kept) -> bool:
        """False where it would leave lines unmeasured, or looked at other answers."""
        measured = self.subject.inquiry.measure is not Measure.NEVER and bool(kept.heard)
        return not measured and kept.results in ("", _answers(self.subject.so_far))

    def _differing(self, kept: Kept) -> tuple[str, ...]:
        """Files of the source that are not what they were; empty where all are."""
        now, then = self._held.code, kept.code
        if _ALL in then:
            if then[_ALL] == self._whole:
                return ()
            then = self._index(then[_ALL])
            return tuple(sorted(p for p in now if now[p] != then.get(p))) or (_ALL,)
        return tuple(sorted(p for p, sha in then.items() if now.get(p) != sha))

    def _index(self, whole: str) -> dict[str, str]:
        """Source files of an earlier state, by its digest; empty where it is not there."""
        assert self.folder is not None
        try:
            index = json.loads(read_words(self.folder / f"{whole}.code"))
        except (OSError, ValueError):
            return {}
        return index if isinstance(index, dict) else {}

    # --- noting -------------------------------------------------------------------------------
    @contextmanager
    def noting(self, check: Check) -> Iterator[list[CheckResult]]:
        """Keep the answer that is put into the list, with what it turns out to rest on."""
        results: list[CheckResult] = []
        if not self._held.whole:
            yield results
            self._note_time(results)
            return
        subject, inquiry, version = self.subject, self.subject.inquiry, self.subject.version_id
        before = inquiry.counted(version)
        shaky, raised = self._shaken()
        with subject.noting() as asked:
            yield results
        if not self._note_time(results) or not _kept(check):
            return
        rests = inquiry.rests(asked)
        heard: dict[str, tuple[int, int, int]] = {}
        for hook, now in inquiry.counted(version).items():
            if now != before.get(hook):
                calls, full, empty = before.get(hook, (0, 0, 0))
                heard[hook] = now[0] - calls, now[1] - full, now[2] - empty
        result = results[0]
        # What could not be told today (a tool that was not there) may be tomorrow.
        now_shaky, now_raised = self._shaken()
        untold = result.outcome is Outcome.NOT_ASSESSED and not (heard and now_raised == raised)
        unsteady = now_shaky != shaky or bool(rests.beyond)
        if unsteady:
            self.unsteady.append(check.code)
        if result.outcome is Outcome.ERROR or untold or unsteady or "tasks" in asked.besides:
            return
        if heard and inquiry.measure is not Measure.NEVER:
            return
        code = self._code(check, asked, rests.files)
        if code is None:
            return
        versioned = rests.version or "version" in asked.besides
        record = Kept(
            result,
            code,
            _answers(subject.so_far) if "results" in asked.besides else "",
            heard,
            *inquiry.followed(asked),
            (subject.host.isolation_so_far or next(iter(self.isolations), "")) if heard else "",
        )
        key = self._key(check, version if versioned else "")
        tail = hashlib.sha256(json.dumps([code, record.results], sort_keys=True).encode())
        self._fresh[f"{key}-{tail.hexdigest()[:16]}.json"] = record
        if time.monotonic() - self._looked > _PACE:
            self.save()

    def _shaken(self) -> tuple[int, int]:
        """How many calls ran out of time or memory or died, and how many raised, so far."""
        rests = self.subject.inquiry.rests()
        return rests.shaky + self.subject.inquiry.allowance.refused, rests.raised

    def _note_time(self, results: list[CheckResult]) -> bool:
        """Note how long the check took; False where it was not asked to its end."""
        for result in results:
            if result.reason != OUT_OF_BUDGET:
                self.asked.append(result.code)
                self._took[result.code] = result.seconds
                return True
            self.unsteady.append(result.code)
        return False

    def _code(self, check: Check, asked: Asked, files: set[str]) -> dict[str, str] | None:
        """Source files that the answer rests on; None where one of them is in no digest."""
        if check.pure or "code" in asked.besides:
            return {_ALL: self._whole}
        held = self._held.code
        return None if self._unheld(files) else {f: held[f] for f in sorted(files) if f in held}

    def _unheld(self, files: Iterable[str]) -> list[str]:
        """Files that stand in no digest."""
        root, held = os.path.realpath(self.subject.root), self._held
        return [f for f in files if f not in held.code and f"{root}/{f}" not in held.files]

    def close(self) -> None:
        """Write what is new, and remove what nobody has asked for in a month."""
        if self.folder is None:
            return
        if self.save():
            _tidy(self.folder)
        if self._took and self.folder.is_dir():
            with suppress(OSError):
                took = {**times(self.folder), **self._took}
                write_whole(self.folder / _TIMES, json.dumps(took).encode())

    def said(self) -> dict[str, str]:
        """What stands in the provenance of a task's results."""
        if not self._held.whole:
            return {}
        facts = {"answers_kept": str(len(self.recalled)), "answers_asked": str(len(self.asked))}
        if self.isolations:
            facts["answers_isolation"] = "; ".join(self.isolations)
        if self.unsteady:
            facts["answers_unsteady"] = ", ".join(self.unsteady)
        files = dict.fromkeys(f for listed in self.changed.values() for f in listed)
        if files:
            more = f" and {len(files) - _SHOWN} more" if len(files) > _SHOWN else ""
            facts["asked_again_for"] = ", ".join(list(files)[:_SHOWN]) + more
            facts["asked_again"] = ", ".join(self.changed)
        return facts

    def save(self) -> bool:
        """Write what is new, if anything; not where the subject has changed meanwhile."""
        fresh, self._fresh, memo = self._fresh, {}, self.subject.inquiry.told
        if self.folder is None or not (fresh or (memo and memo.fresh)):
            return False
        if subject_stamp(self.subject, but=self._own) != self._stamp:
            self._held, self.subject.inquiry.told = Held(), None
            return False
        with suppress(OSError):
            ignore = self.folder / ".gitignore"
            if not ignore.exists():
                write_whole(ignore, _IGNORE.encode())
            index = self.folder / f"{self._whole}.code"
            if not index.exists():
                write_whole(index, self._source.encode())
            for name, record in fresh.items():
                _write(self.folder / name, record)
            if memo:
                memo.save()
        self._looked = time.monotonic()
        return True

    def _key(self, check: Check, version: str) -> str:
        parts = [check.code, check.model_dump_json(), version, self._held.rest, *self._library]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _kept(check: Check) -> bool:
    """True for a check of the workbook's own: what others rest on is in no digest.

    What the ledger's checks say of reviews and waivers depends on the day.
    """
    return not check.origin and (check.pure or check.contract is not Contract.LEDGER)


def times(folder: Path | None) -> dict[str, float]:
    """Seconds that checks took when they were asked last, by code; empty where nobody knows.

    Args:
        folder: where answers are kept; see :func:`cache_folder`.
    """
    try:
        seconds = json.loads(read_words(folder / _TIMES)) if folder else {}
        return {str(code): float(took) for code, took in seconds.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _listed(folder: Path) -> dict[str, list[str]]:
    """Answers there are, by the first part of their names."""
    names: dict[str, list[str]] = {}
    with suppress(OSError):
        for name in os.listdir(folder):
            if name.endswith(".json"):
                names.setdefault(name.partition("-")[0], []).append(name)
    return names


def _answers(results: Iterable[CheckResult]) -> str:
    """A digest over what checks answered, whatever time they took."""
    answers = [(r.code, r.outcome, sorted(f.fingerprint for f in r.findings)) for r in results]
    return hashlib.sha256(json.dumps(answers).encode()).hexdigest()


def cache_folder(subject: Subject) -> Path | None:
    """Where answers are kept; None where they must not be."""
    named = os.environ.get(VARIABLE, "")
    if named == "off" or subject.parameters.policy.allow_unisolated:
        return None
    if named:
        return Path(named).absolute()
    if subject.folder.parent.name != "parameters":
        return None
    usual = subject.folder.parent.parent / FOLDER
    with suppress(NotAssessed):
        if Path(os.path.realpath(usual)).is_relative_to(os.path.realpath(subject.store)):
            return None  # it would be one more artifact
    return usual


def anything_kept(subject: Subject) -> bool:
    """True where some answers are kept, whoever they are of: hooks may not be needed then."""
    folder = cache_folder(subject)
    return folder is not None and next(folder.glob("*.json"), None) is not None


def own_places(subject: Subject, cache: Path | None) -> tuple[Path, ...]:
    """What the workbook writes, which may stand inside the repository that is audited."""
    reports = os.environ.get(PLACES["reports"]) or subject.folder.parent.parent / "reports"
    return (Path(reports) / subject.name, *((cache,) if cache else ()))


@cache
def library_digest() -> str:
    """SHA-256 over this library's own files, Python, and the versions of what it depends on."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    # What stands below a site's folder a package brings along for itself, as ray does.
    places = (Path(p or ".") for p in sys.path if not _SITES & set(Path(p).parts[:-1]))
    installed = {f.name for place in places for f in place.glob("*.*-info")}  # name and version
    parts = [python, package_digest(), *sorted(installed)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def identity(subject: Subject) -> dict[str, str]:
    """What answers of a subject rest on, as digests; '' for a subject of which none are kept."""
    held = subject_held(subject, but=own_places(subject, cache_folder(subject)))
    return {
        "subject": held.whole,
        "library": library_digest(),
        "interpreter": environment_digest(subject),
    }


def environment_digest(subject: Subject) -> str:
    """SHA-256 over the interpreter that runs the version's hooks and what is installed for it."""
    python = subject.interpreter
    parts = [platform.system(), platform.machine(), *platform.libc_ver()]
    if python is not None:
        parts += [str(python), os.path.realpath(python)]
        for site in sorted(python.parent.parent.glob("lib/python*/site-packages")):
            parts += sorted(f.name for f in site.glob("*.*-info"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def _adapter() -> TypeAdapter[Kept]:
    return TypeAdapter(Kept)


def _write(file: Path, kept: Kept) -> None:
    try:
        content = _adapter().dump_json(kept)
        if _adapter().validate_json(content) != kept:
            return  # JSON does not hold it as it is: NaN, a NumPy scalar
    except ValueError:
        return
    write_sealed(file, content)


def _tidy(folder: Path) -> None:
    """Remove what nobody has asked for in a month."""
    oldest = time.time() - _DAYS * 86_400
    for file in (f for form in _FORMS for f in folder.glob(form)):
        with suppress(OSError):
            if file.stat().st_mtime < oldest:
                file.unlink()
