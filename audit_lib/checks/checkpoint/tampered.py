from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.files import ANY, read_whole
from audit_lib.model import Evidence, Examined, Gap, Location, Severity
from audit_lib.probes.lifecycle.state import ScratchStore
from audit_lib.probes.questions.asking import Reply, ask, frame
from audit_lib.probes.questions.frames import differences
from audit_lib.probes.questions.samples import few
from audit_lib.subject.artifacts import Format
from audit_lib.subject.artifacts.detect import detect

DAMAGE = ("delete", "truncate", "flip early", "flip", "flip late")


@dataclass(frozen=True)
class Tampering:
    """One file, one damage, and what the predictor made of it."""

    path: Path
    how: str
    word: str  # refused, crashed, other predictions, not noticed, beyond what is read
    said: str = ""


class TamperedIsRefused(Check):
    """A version with a damaged, missing or swapped file must be refused, not used.

    What it checks
        With one file of the version deleted, cut in half, altered by one bit, or replaced by the
        file of that name from another version, prediction is refused. A file that prediction does
        not read is listed. The same holds for files beside the versions' folders that prediction
        reads: a calibrator or a scaler that all versions share.
    Why it matters
        A half-written checkpoint or a mixed-up copy predicts, and nothing in the predictions says
        so. Substituting another version is worse: everything looks right.
    How
        Damages one file at a time in a scratch copy of the store and drives `predictor.predict`
        on it. A one-bit change keeps text readable, so that only a checksum can notice.
    Limitations
        Three places a file for the one-bit change. In a database, which its writers change all the
        time, a bit that no prediction depends on is a note: no checksum of the whole could hold,
        and what is read of it is as it was. Whoever can rewrite both a file and the
        checksums is stopped by signatures only.
    Remediation
        Store a SHA-256 of every file that is loaded (metadata too, in the registry), and verify
        it before loading.
    Sources
        SLSA v1.0, verifying artifacts; NIST SP 800-53 SI-7, software and information integrity.
    """

    code = "CHK102"
    severity = Severity.HIGH
    needs = ("predictor.predict",)
    cites = ("damage",)

    rows: int = Field(16, ge=1, description="rows of the sample that are used")
    store_mb: int = Field(200, ge=1, description="largest store to copy")
    files: int = Field(40, ge=1, description="most files to damage")

    def run(self, subject: Subject) -> Answers:
        """Damage each file in turn."""
        features = few(subject, self.rows)
        scratch = ScratchStore.of(subject, limit_mb=self.store_mb)
        whole = self._predicted(subject, scratch.store, features).needed(
            "predictor.predict on a copy of the store"
        )
        listed = scratch.version_files(subject.version)
        if len(listed) > self.files:
            yield Gap(f"{len(listed) - self.files} of {len(listed)} files", "option files")
        trials: list[Tampering] = []
        shared = _shared(subject, scratch)[: self.files]
        for path in [*listed[: self.files], *shared]:
            trials += self._trials(subject, scratch, path, features, whole)
        idle = [t.path for t in trials if t.word == "not noticed" and t.how == "delete"]
        trials = [t for t in trials if t.path not in idle or t.path not in shared]
        unread = [path for path in idle if path not in shared]
        yield Examined(len(trials), "damaged copies")
        yield Evidence(
            "damage",
            "What the predictor does with a damaged file",
            ("file", "damage", "reaction", "said"),
            tuple((t.path.as_posix(), t.how, t.word, t.said) for t in trials),
        )
        for path in unread:
            yield self.finding(
                Location(path.as_posix(), base="artifacts"),
                "prediction does not read this file: without it nothing changes",
                measured="not noticed",
                expected="every file of a version serves a purpose",
                key="unread",
                severity=Severity.INFO,
            )
        yield from self._judged([t for t in trials if t.path not in unread])

    def _predicted(
        self, subject: Subject, store: Path, features: pd.DataFrame
    ) -> Reply[pd.DataFrame]:
        return ask(subject.hook("predictor.predict").on(store), features, into=frame)

    def _trials(
        self,
        subject: Subject,
        scratch: ScratchStore,
        path: Path,
        features: pd.DataFrame,
        whole: pd.DataFrame,
    ) -> Iterator[Tampering]:
        other = self._namesake(subject, scratch, path)
        whole_file = read_whole(scratch.store / path, most=ANY)
        database = detect(whole_file[:8192], len(whole_file)) is Format.SQLITE
        damages: list[tuple[str, Path | None]] = [(how, None) for how in DAMAGE]
        if other is not None:
            damages.append(("swap", other))
        for how, replacement in damages:
            with scratch.damaged(path, how, other=replacement) as store:
                reply = self._predicted(subject, store, features)
            if reply.refusal is not None:
                yield Tampering(path, how, "refused", reply.refusal)
            elif reply.failure is not None:
                yield Tampering(path, how, "crashed", reply.failure)
            else:
                moved = differences(whole, reply.got, tolerance=1e-12)
                detail = f"head {moved[0].column} {moved[0].text}" if moved else ""
                beyond = database and how.startswith("flip")
                missed = "beyond what is read" if beyond else "not noticed"
                yield Tampering(path, how, "other predictions" if moved else missed, detail)
            if how == "delete" and reply.answered:
                return

    def _judged(self, trials: list[Tampering]) -> Answers:
        """One finding a reaction: files that meet it are read by the same loader."""
        levels = {
            "other predictions": (Severity.CRITICAL, "other predictions are served"),
            "not noticed": (Severity.MEDIUM, "the damage is not noticed"),
            "crashed": (Severity.LOW, "prediction crashes instead of refusing"),
            "beyond what is read": (Severity.INFO, "nothing that is read of the database differs"),
        }
        for word, (severity, text) in levels.items():
            met = [t for t in trials if t.word == word]
            if not met:
                continue
            first, *others = dict.fromkeys(t.path for t in met)
            here = [t for t in met if t.path == first]
            detail = f": {here[0].said}" if here[0].said else ""
            names = ", ".join(p.name for p in others[:3]) + (", …" if len(others) > 3 else "")
            more = f" (and with {len(others)} more files: {names})" if others else ""
            yield self.finding(
                Location(first.as_posix(), base="artifacts"),
                f"with this file damaged ({', '.join(t.how for t in here)}) {text}{detail}{more}",
                measured=word,
                expected="refused",
                key=word,
                severity=severity,
            )

    @staticmethod
    def _namesake(subject: Subject, scratch: ScratchStore, path: Path) -> Path | None:
        folder = scratch.version_folder(subject.version)
        if not path.is_relative_to(folder):
            return None
        inside = path.relative_to(folder)
        own = read_whole(scratch.store / path, most=ANY)
        for version in subject.versions():
            other = subject.store / scratch.version_folder(version) / inside
            if (
                version != subject.version
                and other.is_file()
                and read_whole(other, most=ANY) != own
            ):
                return other
        return None


def _shared(subject: Subject, scratch: ScratchStore) -> list[Path]:
    """Files of the store that belong to no version, apart from the registry's."""
    layout = subject.parameters.registry_layout
    registry = layout.file if layout else ""
    folders = [scratch.version_folder(v) for v in {*subject.versions(), subject.version}]
    every = (p.relative_to(scratch.store) for p in sorted(scratch.store.rglob("*")) if p.is_file())
    return [
        p
        for p in every
        if p.as_posix() != registry and not any(p.is_relative_to(f) for f in folders)
    ]
