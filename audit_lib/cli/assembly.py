"""Makes a run's packet: what execution calls once the notebooks of a version are complete."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from audit_lib.cli.places import shown
from audit_lib.errors import NotAssessed, RunError
from audit_lib.execution.digests import changes, digests, joined, own_places
from audit_lib.execution.plan import Job, Plan
from audit_lib.exemptions import load_exemptions
from audit_lib.files import digest_of
from audit_lib.host.digest import TreeDigest, tree_digest
from audit_lib.ledger import load as load_ledger
from audit_lib.packets.assembly import assemble
from audit_lib.packets.packet import Input, Provenance
from audit_lib.packets.run import ISOLATION, provenance_of, read_run
from audit_lib.plugins import own_files
from audit_lib.selection import check_parameters
from audit_lib.subject.subject import Subject, open_subject
from audit_lib.workbook.baselines import baselines


class Assembly:
    """Knows what the subjects were before a plan runs, and makes the packets of its runs.

    Args:
        plan: what runs, or has run.
        noted: digests of the subjects before it ran, by name, where it has run already.
    """

    def __init__(self, plan: Plan, noted: Mapping[str, str] | None = None) -> None:
        self.plan = plan
        self.started = _now()
        self.subjects = {
            job.subject: open_subject(job.reference, workspace=plan.workspace, root=job.root)
            for job in plan.jobs
        }
        for subject in self.subjects.values():
            check_parameters(subject)
            load_exemptions(subject.folder)
            load_ledger(subject.folder)
        self.noted = noted or {}
        reports = plan.jobs[0].place.reports
        self.own = {
            name: own_places(reports, plan.workspace, subject, self.subjects)
            for name, subject in self.subjects.items()
        }
        self.before = {n: digests(s, self.own[n]) for n, s in self.subjects.items()}
        self.jobs = {job.run_id: job for job in plan.jobs}

    def __call__(self, run_dir: Path) -> None:
        """Write the packet into a run's folder, the manifest last.

        Raises:
            RunError: the subject is not what it was when the plan began, which voids the run.
        """
        job = self.jobs[run_dir.name]
        subject = self.subjects[job.subject]
        before, after = self.before[job.subject], digests(subject, self.own[job.subject])
        noted = self.noted.get(job.subject, joined(before))
        changed = changes(before, after) or ("" if noted == joined(after) else "subject")
        if changed:
            raise RunError(
                f"the {changed} changed while it was audited; the run is void",
                where=f"{job.subject} {job.version}",
                mend="audit a checkout that nothing else writes to",
            )
        assemble(
            run_dir,
            provenance=self._provenance(job, subject, run_dir, noted, after),
            baselines=baselines(job.place, subject, but=job.run_id),
            **shown(subject, self.plan.workspace),
        )

    def _provenance(
        self, job: Job, subject: Subject, run_dir: Path, before: str, after: dict[str, TreeDigest]
    ) -> Provenance:
        run = read_run(run_dir, self.plan.tasks)
        return Provenance(
            subject=job.subject,
            version=job.version,
            run_id=job.run_id,
            tasks=self.plan.tasks,
            title=subject.parameters.title,
            role=subject.roles().get(job.version, ""),
            revision=subject.revision,
            started=min((t.started for t in run.tasks), default=self.started),
            ended=_now(),
            isolation=provenance_of(run.tasks, *ISOLATION),
            stopped=provenance_of(run.tasks, "isolation_stopped"),
            refused=provenance_of(run.tasks, "hooks_refused"),
            subject_environment=provenance_of(run.tasks, "subject_environment"),
            kernel=provenance_of(run.tasks, "kernel"),
            subject_before=before,
            subject_after=joined(after),
            inputs=tuple(_inputs(self.plan, subject.at(job.version), after)),
            parameters={"subject": job.subject, "version": job.version, "run_id": job.run_id},
        )


def _inputs(plan: Plan, subject: Subject, trees: dict[str, TreeDigest]) -> Iterable[Input]:
    for name, digest in trees.items():
        yield Input(name, "subject", digest.sha256)
    with suppress(NotAssessed):
        if (folder := subject.version_folder).is_dir():
            yield Input(subject.version, "version", tree_digest(folder).sha256)
    for file in sorted(subject.folder.iterdir()):
        if file.is_file() and not file.name.startswith("."):
            yield Input(file.name, "parameters", digest_of(file))
    for file in own_files(subject.folder):
        yield Input(f"{file.parent.name}/{file.name}", "parameters", digest_of(file))
    for notebook in plan.notebooks.values():
        yield Input(notebook.name, "notebook", digest_of(notebook))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
