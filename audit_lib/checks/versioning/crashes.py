from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.lifecycle.registries import sample_metrics
from audit_lib.probes.lifecycle.registry_history.crashes import Left, died
from audit_lib.probes.lifecycle.state import ScratchStore

SEVERITIES = {
    "another version is served": Severity.CRITICAL,
    "files of a version are changed": Severity.CRITICAL,
    "nobody is served by default": Severity.MEDIUM,
}


class ACrashLeavesOldOrNew(Check):
    """A process that dies while it changes the registry leaves the old state or the new one.

    What it checks
        Wherever registering, promoting, rolling back or pruning is cut off: the registry can still
        be read; what was listed before and would be after is listed; every listed version resolves
        to itself, with files that are there and not empty; files of other versions are what they
        were; and a request without a version gets whoever it got before, or would get after.
    Why it matters
        Trainings are killed: by a scheduler, by the kernel for memory, by a full disk. What was
        half done is then served the next morning.
    How
        Runs each of `registry.register`, `.create`, `.promote`, `.rollback` and `.prune` that
        there is on scratch copies of the store, in a process that ends at one change of a file or
        folder below the store, each in turn: before it, and after a file was opened for writing
        and is empty. The registry is then asked from another process.
    Limitations
        Changes are seen through Python's audit events: those of compiled code (SQLite, Parquet)
        are not, nor that what was written before a loss of power may not be on the disk. Files
        without an owner, and a lock that nobody holds, may stay behind; both are for people. A
        registry file that is written over in place is told once, by VER005.
    Remediation
        Write a version into a folder of its own and rename it before the registry names it; write
        the registry into a new file that takes the old one's name; remove files last.
    Sources
        POSIX rename(2); Pillai and others (2014), All File Systems Are Not Created Equal, OSDI.
    """

    code = "VER006"
    severity = Severity.HIGH
    needs = ("registry.resolve",)
    cites = ("deaths",)

    points: int = Field(20, ge=2, description="deaths of each operation, at most")
    seconds: float = Field(3.0, gt=0, description="for each operation; a slow one dies less often")
    store_mb: int = Field(200, ge=1, description="largest store to copy")

    def run(self, subject: Subject) -> Answers:
        """Let each operation die at each change, and look."""
        if not subject.has("registry.create"):
            subject.hook("registry.register")  # where nothing is registered, nothing applies
        subject.hook("registry.versions")
        scratch = ScratchStore.of(subject, limit_mb=self.store_mb)
        rows: list[tuple[str, str, str, str]] = []
        broken: dict[tuple[str, str], list[Left]] = {}
        metrics = sample_metrics(subject)
        for operation in died(
            subject, scratch.store, metrics, points=self.points, seconds=self.seconds
        ):
            if operation.why:
                yield Gap(f"{operation.hook} that dies", operation.why)
            if operation.blind:
                yield Gap(f"whether versions load after {operation.hook}", operation.blind)
            for left in operation.left:
                rows.append((operation.hook, left.where, left.relation or "old or new", left.how))
                if left.relation:
                    broken.setdefault((operation.hook, left.relation), []).append(left)
        yield Examined(len(rows), "deaths of a process that changes the registry")
        columns = ("operation", "died at change", "what is left", "how")
        yield Evidence("deaths", "What a death leaves", columns, tuple(rows))
        in_place: dict[str, list[tuple[str, Left]]] = {}
        for (hook, relation), cases in broken.items():
            if _opened(subject, cases):
                in_place.setdefault(relation, []).extend((hook, case) for case in cases)
                continue
            number = sum(row[0] == hook for row in rows)
            yield self.departs(
                f"where {hook} dies, {relation}, in {len(cases)} of {number} places: "
                f"{cases[0].where}; {cases[0].how}",
                hook=hook,
                measured=f"{len(cases)} of {number} places",
                expected="the state before, or the state after",
                key=f"{hook}: {relation}",
                severity=SEVERITIES.get(relation),
            )
        for relation, crashes in in_place.items() if not self._reported_elsewhere(subject) else ():
            hooks = list(dict.fromkeys(hook for hook, _ in crashes))
            yield self.departs(
                f"where {' or '.join(hooks)} dies, {relation}: the registry file is opened for "
                f"writing in place, and is empty then; {crashes[0][1].how}",
                hook=hooks[0],
                measured=f"{len(crashes)} of {len(rows)} places",
                expected="the state before, or the state after",
                key=f"in place: {relation}",
                severity=SEVERITIES.get(relation),
            )

    @staticmethod
    def _reported_elsewhere(subject: Subject) -> bool:
        """True where VER005 has found that the registry file is written in place."""
        return any(
            f.key == "the registry file is written in place"
            for r in subject.so_far
            if r.code == "VER005"
            for f in r.findings
        )


def _opened(subject: Subject, cases: list[Left]) -> bool:
    """True where every case is the registry file, opened and so emptied."""
    layout = subject.parameters.registry_layout
    file = layout.file if layout else ""
    return bool(file) and all(c.where.endswith(f": opened {file}") for c in cases)
