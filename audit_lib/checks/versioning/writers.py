from collections.abc import Iterator

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Finding, Severity
from audit_lib.probes.lifecycle.registries import sample_metrics
from audit_lib.probes.lifecycle.state import ScratchStore
from audit_lib.probes.questions.asking import ask, texts
from audit_lib.subject.hooks import Hook

#: which of its signs shows, a crash, a lost row or half a file, is a matter of luck
CAUSE = "two writers are not kept apart"


class ConcurrentWritersLoseNothing(Check):
    """Two processes that register at once both find their version in the registry afterwards.

    What it checks
        Where two registrations at the same time are both answered as done, both versions are
        listed; none of the two crashes, and the registry can still be read afterwards. A refusal
        (a lock that is held too long) is an answer.
    Why it matters
        A scheduler that retrains two horizons, or a run by hand beside it, is enough: each reads
        the registry, adds its row and writes the whole file, and one version is gone, or the file
        is cut in half.
    How
        Drives `registry.register` from two processes that start on one signal, several rounds,
        in a scratch copy of the store. One round in turn comes first, so that retention is not
        taken for loss.
    Limitations
        A race is provoked, not proven absent: a narrow window can pass.
    Remediation
        Take a lock around reading, changing and writing the registry, and replace the file
        atomically.
    Sources
        CWE-362 (race condition) and CWE-367 (time of check, time of use); POSIX rename(2).
    """

    code = "VER004"
    severity = Severity.HIGH
    needs = ("registry.register", "registry.versions")
    cites = ("race",)

    rounds: int = Field(12, ge=1, description="pairs of registrations at once")
    store_mb: int = Field(200, ge=1, description="largest store to copy")

    def run(self, subject: Subject) -> Answers:
        """Register in turn once, then at once, and list."""
        scratch = ScratchStore.of(subject, limit_mb=self.store_mb)
        metrics = sample_metrics(subject)
        register = subject.hook("registry.register").on(scratch.store)
        for version in (first := _pair("00")):
            ask(register, version, metrics, into=lambda raw: raw).needed(
                "registry.register declines an ordinary version:"
            )
        if not set(first) <= set(self._listed(subject, scratch)):
            raise NotAssessed("the registry keeps fewer than two versions, so loss is not told")
        rows: list[tuple[str, str, str]] = []
        lost, unreadable = 0, ""
        crashes: list[str] = []
        for number in range(1, self.rounds + 1):
            versions = _pair(f"{number:02d}")
            done = self._at_once(register, versions, metrics, rows, crashes)
            try:
                listed = self._listed(subject, scratch)
            except NotAssessed as error:
                unreadable = str(error)
                break
            missing = [v for v in done if v not in listed]
            rows += [("listed", v, "no" if v in missing else "yes") for v in done]
            lost += bool(missing)
        yield Evidence(
            "race", "Two registrations at once", ("call", "version", "answer"), tuple(rows)
        )
        yield from self._report(unreadable, lost, crashes)
        yield Examined(self.rounds, "pairs of registrations at once")

    def _report(self, unreadable: str, lost: int, crashes: list[str]) -> Iterator[Finding]:
        if unreadable:
            yield self.departs(
                f"after two registrations at once the registry cannot be read: {unreadable}",
                measured="unreadable",
                expected="a registry that lists both",
                key="unreadable",
                cause=CAUSE,
            )
        if lost:
            yield self.departs(
                f"in {lost} of {self.rounds} rounds, one of two registrations at once was answered "
                "as done and is not listed",
                measured=f"{lost} of {self.rounds} rounds",
                expected="0",
                key="lost",
                cause=CAUSE,
            )
        if crashes:
            yield self.departs(
                f"{len(crashes)} of {2 * self.rounds} registrations crashed beside another: "
                f"{crashes[0]}",
                measured=f"{len(crashes)} crashes",
                expected="done, or a refusal",
                key="crash",
                cause=CAUSE,
            )

    def _at_once(
        self,
        register: Hook,
        versions: list[str],
        metrics: dict[str, float],
        rows: list[tuple[str, str, str]],
        crashes: list[str],
    ) -> list[str]:
        """Versions whose registration was answered as done; others go to ``crashes``."""
        calls = [[version, metrics] for version in versions]
        reply = ask(register.together(), calls, into=list).needed(
            "registry.register cannot be called at once:"
        )
        place = str(register.store)
        ended = [
            (version, {**how, "why": how["why"].replace(place, "<store>")})
            for version, how in zip(versions, reply, strict=True)
        ]
        rows += [("register", v, "done" if how["done"] else how["why"]) for v, how in ended]
        crashes += [how["why"] for _, how in ended if not how["done"] and not how["refused"]]
        return [v for v, how in ended if how["done"]]

    @staticmethod
    def _listed(subject: Subject, scratch: ScratchStore) -> list[str]:
        return ask(subject.hook("registry.versions").on(scratch.store), into=texts).needed(
            "registry.versions"
        )


def _pair(name: str) -> list[str]:
    """Two made-up ids that sort after those of earlier pairs."""
    return [f"audit-{name}-{side}" for side in "ab"]
