"""``run_manifest.json``: what proves a packet whole.

It lists every file of the run with its size and SHA-256, every input, the environment, and the
digest of the subject before and after.  It is written last and atomically: a folder without one
is no packet.  It holds no machine's paths.
"""

import contextlib
import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audit_lib.errors import RunError
from audit_lib.files import digest_of, read_whole, write_whole
from audit_lib.model import Contract, Severity, Task, Verdict, verdict_of
from audit_lib.packets.files import empty_below, files_below
from audit_lib.packets.packet import Input, Packet, Provenance, build
from audit_lib.packets.provenance import environment, packages
from audit_lib.packets.run import ISOLATION, provenance_of, read_run
from audit_lib.reporters.json_report import dumps
from audit_lib.reporters.text import one_line

NAME = "run_manifest.json"
#: signatures over the manifest; they come after it, so the manifest cannot list them
SIGNATURES = "signatures.intoto.jsonl"
#: fields that a manifest takes over from the provenance as they are
_AS_GIVEN = (
    "subject", "version", "run_id", "role", "revision", "started", "ended", "isolation", "stopped",
    "refused", "subject_environment", "kernel",
)  # fmt: skip
_MEND = "the packet cannot be relied on; run the audit again"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(_Part):
    """One file of the run: path relative to its folder, size in bytes, digest."""

    path: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class InputEntry(_Part):
    """One file or tree that the run read."""

    kind: str
    name: str
    sha256: str


class SubjectDigest(_Part):
    """Digest of the subject's trees before and after the run; '' where none was taken."""

    before: str
    after: str


class Manifest(_Part):
    """What ``run_manifest.json`` holds."""

    format: Literal["run-manifest/1"] = "run-manifest/1"
    subject: str
    version: str
    run_id: str
    role: str
    revision: str
    started: str
    ended: str
    verdict: Verdict
    planned: tuple[Task, ...]
    tasks: dict[Task, Verdict | None]
    not_run: tuple[Task, ...] = Field(
        default_factory=lambda held: tuple(t for t in Task if t not in held["tasks"])
    )
    contracts: dict[Contract, Verdict | None] = Field(default_factory=dict)
    findings: dict[str, int]
    exempted: int
    problems: tuple[str, ...]
    isolation: str
    stopped: str = ""
    refused: str = ""
    subject_environment: str = ""
    kernel: str
    subject_digest: SubjectDigest
    environment: dict[str, str]
    packages: dict[str, str]
    parameters: dict[str, str]
    inputs: tuple[InputEntry, ...]
    files: tuple[FileEntry, ...]


@dataclass(frozen=True)
class Problem:
    """One way in which a packet is not what its manifest says.

    Attributes:
        path: the file, relative to the run's folder; '' for the run as a whole.
        message: what is wrong with it.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{one_line(self.path)}: {self.message}" if self.path else self.message


def write_manifest(run_dir: Path, packet: Packet) -> Manifest:
    """Write the manifest of everything that is in the run's folder now.  Call it last.

    Raises:
        RunError: the folder holds a link; a packet must stand on its own.
    """
    for folder in empty_below(run_dir):  # the manifest cannot list them
        (run_dir / folder).rmdir()
    manifest = _manifest(packet, _entries(run_dir))
    write_whole(run_dir / NAME, dumps(manifest.model_dump(mode="json")).encode("utf-8"))
    return manifest


def read_manifest(run_dir: Path) -> Manifest:
    """The manifest of a run.

    Raises:
        RunError: there is none, or it is malformed; the message names the key.
    """
    file = run_dir / NAME
    where = f"{run_dir.name}/{NAME}"
    try:
        content = read_whole(file)
        with contextlib.suppress(ValueError, RecursionError):  # told below
            json.loads(content, object_pairs_hook=_once)
        return Manifest.model_validate_json(content)
    except FileNotFoundError:
        raise RunError("there is no manifest: the run is not complete", where=where,
                       mend=_MEND) from None  # fmt: skip
    except OSError as error:
        raise RunError(f"cannot be read: {error.strerror}", where=where, mend=_MEND) from None
    except _Twice as error:
        raise RunError(f"gives {error} twice", where=where, mend=_MEND) from None
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(map(str, problem["loc"])) or "(whole)"
        raise RunError(f"key {key!r}: {problem['msg']}", where=where, mend=_MEND) from None


def verify(run_dir: Path) -> list[Problem]:
    """Everything in which a run's folder departs from its manifest; empty for a whole packet."""
    try:
        manifest = read_manifest(run_dir)
    except RunError as error:
        return [Problem(NAME, error.message)]
    problems = [*_files_problems(run_dir, manifest), *_results_problems(run_dir, manifest)]
    if manifest.subject_digest.before != manifest.subject_digest.after:
        problems.append(Problem("", "the subject changed while it was audited"))
    return problems


def _manifest(packet: Packet, entries: tuple[FileEntry, ...]) -> Manifest:
    provenance = packet.provenance
    return Manifest(
        **_counted(packet),
        **{name: getattr(provenance, name) for name in _AS_GIVEN},
        verdict=packet.verdict,
        planned=provenance.tasks,
        problems=packet.problems,
        subject_digest=SubjectDigest(
            before=provenance.subject_before, after=provenance.subject_after
        ),
        environment=environment(),
        packages=packages(),
        parameters=dict(sorted(provenance.parameters.items())),
        inputs=tuple(InputEntry(**asdict(i)) for i in provenance.inputs),
        files=entries,
    )


class _Twice(Exception):  # noqa: N818 - told as a fault of the manifest
    """A key that stands twice, of which readers take one or the other."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise _Twice(next(k for i, (k, _) in enumerate(pairs) if k in dict(pairs[:i])))
    return mapping


def _counted(packet: Packet) -> dict[str, Any]:
    """What a manifest says that follows from the results."""
    counted = Counter(f.finding.severity for f in (*packet.open, *packet.notes))
    return {
        "tasks": {t.task: verdict_of(t.results) for t in packet.tasks},
        "not_run": packet.not_run,
        "contracts": {contract: verdict for contract, verdict, _ in packet.contracts},
        "findings": {s.label: counted[s] for s in sorted(Severity, reverse=True) if counted[s]},
        "exempted": len(packet.exempted),
    }


def _entries(run_dir: Path) -> tuple[FileEntry, ...]:
    entries = []
    for path, file in files_below(run_dir):
        if path in (NAME, SIGNATURES):
            continue
        if file.is_symlink() or not file.is_file():
            raise RunError(
                "is no regular file, and a packet must stand on its own",
                where=path,
                mend="write a copy in its place",
            )
        entries.append(FileEntry(path=path, size=file.stat().st_size, sha256=digest_of(file)))
    return tuple(entries)


def _files_problems(run_dir: Path, manifest: Manifest) -> list[Problem]:
    there = dict(files_below(run_dir))
    problems = [Problem(path, "is an empty folder, added after the run")
                for path in empty_below(run_dir)]  # fmt: skip
    for name in (NAME, SIGNATURES):
        file = there.pop(name, None)
        if file is not None and file.is_symlink():
            problems.append(Problem(name, "is a link, not a file of its own"))
    listed = [entry.path for entry in manifest.files]
    for path in sorted({p for p in listed if listed.count(p) > 1}):
        problems.append(Problem(path, "is listed twice"))
    for entry in manifest.files:
        file = there.pop(entry.path, None)
        if not _inside(entry.path):
            problems.append(Problem(entry.path, "is listed, but lies outside the run's folder"))
        elif file is None:
            problems.append(Problem(entry.path, "is missing"))
        elif file.is_symlink():
            problems.append(Problem(entry.path, "is a link, not a file of its own"))
        elif file.stat().st_size != entry.size or digest_of(file) != entry.sha256:
            problems.append(Problem(entry.path, "was changed after the run"))
    problems += [Problem(path, "was added after the run") for path in there]
    return problems


def _inside(path: str) -> bool:
    parts = PurePosixPath(path)
    return not parts.is_absolute() and ".." not in parts.parts and path != ""


def _results_problems(run_dir: Path, manifest: Manifest) -> list[Problem]:
    """Where results, sentinels and verdict do not agree with each other."""
    run = read_run(run_dir, manifest.planned)
    provenance = Provenance(
        manifest.subject,
        manifest.version,
        manifest.run_id,
        tasks=manifest.planned,
        subject_before=manifest.subject_digest.before,
        subject_after=manifest.subject_digest.after,
        inputs=tuple(Input(i.name, i.kind, i.sha256) for i in manifest.inputs),
    )
    packet = build(run, provenance)
    problems = [
        Problem(f"results/{task.value}.json", why)
        for task, why in run.problems.items()
        if f"{task.value} {why}" not in manifest.problems
    ]
    for task in run.tasks:
        if task.run_id != manifest.run_id:
            where = f"results/{task.task.value}.json"
            problems.append(Problem(where, f"is of run {task.run_id!r}, not {manifest.run_id!r}"))
    for key, value in _counted(packet).items():
        if run.tasks and not run.problems and getattr(manifest, key) != value:
            problems.append(Problem(NAME, f"says other {key} than the results come to"))
    ran_at = provenance_of(run.tasks, *ISOLATION)
    if ran_at and manifest.isolation != ran_at:
        problems.append(Problem(NAME, "says another isolation than the results"))
    if packet.verdict is not manifest.verdict and not (
        manifest.problems and manifest.verdict is Verdict.INCONCLUSIVE
    ):
        problems.append(
            Problem(
                NAME,
                f"says {manifest.verdict.value}, but the results come to {packet.verdict.value}",
            )
        )
    return problems


def manifest_schema() -> str:
    """JSON Schema of ``run_manifest.json``, as text."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps({"$schema": dialect, **Manifest.model_json_schema()}, indent=1) + "\n"
