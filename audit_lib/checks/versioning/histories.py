import shutil
from itertools import count

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Outcome, Severity
from audit_lib.probes.lifecycle.registries import sample_metrics
from audit_lib.probes.lifecycle.registry_history import Failure, Session, search
from audit_lib.probes.lifecycle.state import ScratchStore, tree_digest
from audit_lib.probes.questions.asking import ask

#: relations that an earlier check states too, to its code and the keys of its findings: where it
#: found that, it is one cause, and said there
SAID = {
    "registered and not listed": ("VER003", ("resolve", "order")),
    "a listed version does not load": ("VER003", ("listed and unresolved", "resolve")),
    "another version is answered": ("VER003", ("substituted", "resolve")),
    "the champion is removed": ("VER003", ("retention the champion",)),
    "versions are not listed in order": ("VER003", ("order",)),
    "the default is neither champion nor newest": ("VER003", ("default",)),
    "somebody is served in the champion's place": ("VER002", ()),
}
#: relations that cannot hold where another one does not
FOLLOWS = {
    "rolling back seats another": "a reader does not see what was written",
    "another is champion than was seated": "a reader does not see what was written",
}
FEWEST = 3  # histories that must have come to their end before time may be up
SEVERITIES = {
    "what left the registry stays on disk": Severity.LOW,
    "two versions share a file": Severity.MEDIUM,
    "pruning keeps more than it should": Severity.MEDIUM,
    "the registry file is written in place": Severity.MEDIUM,
    "a damaged registry is taken for an empty one": Severity.CRITICAL,
    "another version is answered": Severity.CRITICAL,
    "pruning removes what must stay": Severity.CRITICAL,
    "the champion is removed": Severity.CRITICAL,
}
SCRIPT = """from pathlib import Path
from audit_lib.subject.subject import open_subject

subject = open_subject({name!r}, workspace=Path.cwd()).at({version!r})
store = subject.scratch_store()

def call(name, *given):
    try:
        return subject.hook(name).on(store)(*given)
    except Exception as error:
        return repr(error)

def apart(name, *given):
    return subject.hook(name).on(store).together()([list(given)])

def around(name, *given):
    return subject.hook(name).on(store).in_turn()(*given)

"""


class RegistryKeepsItsPromises(Check):
    """Whatever is done to a registry, in whatever order, it serves what it says.

    What it checks
        After any history of registering (here and in another process), letting the subject issue
        ids, promoting, rolling back, pruning and damaging: what was registered is listed, oldest
        first, also where ids grow a digit; every listed version loads, with files that nobody
        changed; a version by id is that version or an error; a request without one gets the
        champion, the newest, or whoever it was, also in a process that was asked before another one
        seated somebody; no two versions share a file on disk; ids issued in one breath differ;
        metrics are recorded as the numbers they were; promoting and rolling back seat who they
        say; pruning keeps the newest and what pointers name, no more, and leaves no files behind;
        nobody is served in the place of a champion whose pointer is gone; a damaged registry file
        is an error, and not an empty registry that the next registration saves; and the file is
        replaced, not written over.
    Why it matters
        Each step is right alone, and the model that trades after five of them is another one than
        anybody chose.
    How
        Drives `registry.register`, `.create`, `.resolve`, `.versions`, `.promote`, `.rollback` and
        `.prune`, those there are, on scratch copies of the store: histories are dealt from a
        seed, so that none of the operations comes again before all have come, and one in which
        something breaks is repeated with an operation less, as long as it still does. The
        smallest is shown as a table, and as a script that repeats it.
    Limitations
        Drawn histories are a sample. Registry files are damaged where they are JSON; who reigns
        is cut where seating somebody wrote it (database, log of lines, document, word). Crashes
        inside of a step are VER006's. What VER002 and VER003 found is left to them.
    Remediation
        Read the file anew under a lock for each change, write a new one and rename it, keep the
        order of registration in it, and treat what cannot be read as an error.
    Sources
        Claessen and Hughes (2000), QuickCheck, ICFP; Zeller and Hildebrandt (2002), Simplifying and
        Isolating Failure-Inducing Input, IEEE TSE 28(2); SR 11-7 section V (model inventory).
    """

    code = "VER005"
    severity = Severity.HIGH
    needs = ("registry.resolve",)

    histories: int = Field(12, ge=1, description="histories that are drawn")
    length: int = Field(6, ge=1, description="operations in a history, at most")
    seconds: float = Field(8.0, gt=0, description="after which it stops, with what it has")
    seed: int = Field(0, description="of the histories")
    store_mb: int = Field(200, ge=1, description="largest store to copy")

    def run(self, subject: Subject) -> Answers:
        """Draw histories, and show the smallest that break."""
        if not subject.has("registry.create"):
            subject.hook("registry.register")  # where nothing is registered, nothing applies
        subject.hook("registry.versions")
        scratch = ScratchStore.of(subject, limit_mb=self.store_mb)
        metrics = sample_metrics(subject)
        self._ordinary(subject, scratch, metrics)
        whole, numbers = tree_digest(subject.store), count()
        last = [scratch.store]

        def begin() -> Session:
            shutil.rmtree(last[0], ignore_errors=True)
            last[0] = scratch.store.with_name(f"history-{next(numbers)}")
            shutil.copytree(subject.store, last[0], symlinks=True)
            return Session(subject, last[0], metrics, whole).begun()

        done = search(
            begin,
            subject.has,
            histories=self.histories,
            length=self.length,
            fewest=FEWEST,
            seconds=self.seconds,
            seed=self.seed,
        )
        shutil.rmtree(last[0], ignore_errors=True)
        what = f"operations in {done.histories} histories"
        yield Examined(done.operations, what)
        if not done.ended and not done.found and done.histories <= FEWEST:
            yield Gap(f"histories after the first {done.histories}", f"{self.seconds:g} s were up")
        for relation, failure in done.found.items():
            if FOLLOWS.get(relation) not in done.found and not self._reported_elsewhere(
                subject, relation
            ):
                yield from self._report(subject, relation, failure)

    @staticmethod
    def _ordinary(subject: Subject, scratch: ScratchStore, metrics: dict[str, float]) -> None:
        """Make one version, so that what breaks later is not how the hook is written."""
        named = "registry.register" if subject.has("registry.register") else "registry.create"
        hook = subject.hook(named)
        given: tuple[object, ...] = ("audit-1", metrics)
        if named == "registry.create":
            given = (metrics,)
        ask(hook.on(scratch.store), *given, into=lambda raw: raw).needed(
            f"{hook.name} declines an ordinary version:"
        )

    @staticmethod
    def _reported_elsewhere(subject: Subject, relation: str) -> bool:
        """True where another check has found the same in this run."""
        code, keys = SAID.get(relation, ("", ()))
        return any(
            r.code == code
            and r.outcome is Outcome.FAIL
            and (not keys or any(f.key.startswith(keys) for f in r.findings))
            for r in subject.so_far
        )

    def _report(self, subject: Subject, relation: str, failure: Failure) -> Answers:
        name, departure = relation.replace(" ", "-").replace("'", ""), failure.departure
        rows = tuple((i, *step.row) for i, step in enumerate(failure.steps, start=1))
        columns = ("step", "call", "given", "answer")
        yield Evidence(name, f"Smallest history: {relation}", columns, rows)
        script = SCRIPT.format(name=subject.name, version=subject.version)
        lines = script.splitlines() + [step.line for step in failure.steps]
        yield Evidence(
            f"{name}-script",
            "The same as a script",
            ("line",),
            tuple((line,) for line in lines),
            note="run it in the workspace; it works on a scratch copy of the store",
        )
        yield self.departs(
            f"after {len(failure.steps)} steps: {departure.message}",
            hook=departure.hook,
            measured=departure.message,
            expected=departure.expected,
            key=relation,
            severity=SEVERITIES.get(relation),
            evidence=(name, f"{name}-script"),
        )
