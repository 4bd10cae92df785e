"""A run that would only say again what a published one says.

Noted of a published run is a digest of everything that its answer rests on: every byte of the
subject and its parameters, both environments, this library, the notebooks, what was selected, the
proof that it shows, and the day where waivers or reviews run out.  While that is the same and the
packet is whole, the answer is the one that was given.
"""

import hashlib
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from audit_lib.errors import AuditError
from audit_lib.execution.layout import RunFolder
from audit_lib.execution.plan import Job, Plan
from audit_lib.execution.runner import RunOutcome
from audit_lib.files import digest_of, read_words, write_whole
from audit_lib.memory import cache_folder, environment_digest, library_digest, own_places
from audit_lib.model import Outcome, TaskResult
from audit_lib.subject.digest import subject_held
from audit_lib.subject.subject import Subject, open_subject

_MANIFEST = "run_manifest.json"
#: files of the parameters folder whose meaning depends on the day
_DATED = ("exemptions.toml", "ledger.toml")


class Before:
    """What is known of runs before, for the jobs of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._subjects: dict[tuple[str, Path | None], tuple[Subject, str]] = {}

    def outcome_of(self, job: Job) -> RunOutcome | None:
        """The published run that says what this one would; None where there is none."""
        started = time.perf_counter()
        file = self._file(job)
        if file is None:
            return None
        try:
            run_id, manifest = read_words(file).split()
            folder = job.place.published(run_id)
            if digest_of(folder.path / _MANIFEST) != manifest:
                return None
            results = tuple(folder.load(task) for task in self.plan.tasks)
        except (OSError, ValueError, AuditError):
            return None
        if [t.task for t in results] != list(self.plan.tasks) or _damaged(folder):
            return None
        seconds = round(time.perf_counter() - started, 3)
        return RunOutcome(
            replace(job, run_id=run_id), folder.path, results, None, seconds, "", same=True
        )

    def note(self, outcome: RunOutcome) -> None:
        """Note a published run; not one in which anything crashed or was cut short."""
        file = self._file(outcome.job)
        if file is None or outcome.folder is None or outcome.same or _unsteady(outcome.results):
            return
        with suppress(OSError):
            manifest = digest_of(outcome.folder / _MANIFEST)
            write_whole(file, f"{outcome.job.run_id} {manifest}\n".encode())

    def close(self) -> None:
        """Close the subjects."""
        for subject, _ in self._subjects.values():
            subject.close()

    def _file(self, job: Job) -> Path | None:
        """Where the run of these bytes is noted; None where nothing is kept."""
        subject, held = self._subject(job)
        folder = cache_folder(subject)
        if folder is None or not held or subject.readers:
            return None
        proofs = sorted(f for f in job.place.folder.glob("*.json") if f.is_file())
        parts = [
            held,
            library_digest(),
            environment_digest(subject.at(job.version)),
            [digest_of(n) for n in self.plan.notebooks.values()],
            [digest_of(f) for f in proofs],
            [job.version, job.select, job.ignore, *self.plan.tasks],
            str(job.place.reports),
            _day(subject.folder),
        ]
        name = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return folder / f"{name}.run"

    def _subject(self, job: Job) -> tuple[Subject, str]:
        key = (job.reference, job.root)
        if key not in self._subjects:
            subject = open_subject(job.reference, workspace=self.plan.workspace, root=job.root)
            own = own_places(subject, cache_folder(subject))
            reports = job.place.reports / subject.name
            whole = subject_held(subject, but=(*own, reports)).whole
            self._subjects[key] = (subject, whole)
        return self._subjects[key]


def _damaged(folder: RunFolder) -> bool:
    """True where a file of the packet is not what its manifest says."""
    listed = json.loads(read_words(folder.path / _MANIFEST)).get("files", [])
    return any(digest_of(folder.path / f["path"]) != f["sha256"] for f in listed)


def _unsteady(tasks: Iterable[TaskResult]) -> bool:
    """True where something was told that another try might tell otherwise."""
    return any(
        t.provenance.get("answers_unsteady") or any(r.outcome is Outcome.ERROR for r in t.results)
        for t in tasks
    )


def _day(folder: Path) -> str:
    dated = any((folder / name).is_file() for name in _DATED)
    return datetime.now(UTC).date().isoformat() if dated else ""
