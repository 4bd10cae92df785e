from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Scalar, Severity
from audit_lib.probes.lifecycle.metrics import directions
from audit_lib.probes.lifecycle.registries import Resolution, resolution, sample_metrics
from audit_lib.probes.lifecycle.state import ScratchStore, changed, tree_digest
from audit_lib.probes.questions.asking import Reply, ask, ask_many, texts
from audit_lib.subject.registry import read_registry


@dataclass
class _Session:
    """One scratch store that versions are registered in, and what was seen on the way."""

    subject: Subject
    store: Path
    metrics: dict[str, float]
    log: list[tuple[Scalar, ...]] = field(default_factory=list)

    def register(self, version: str, **changes: float) -> Reply[Any]:
        hook = self.subject.hook("registry.register").on(self.store)
        reply = ask(hook, version, {**self.metrics, **changes}, into=lambda raw: raw)
        self.log.append(("register", version, reply.why or "done"))
        return reply

    def register_all(self, versions: list[str]) -> list[Reply[Any]]:
        hook = self.subject.hook("registry.register").on(self.store)
        replies = ask_many(hook, [(v, self.metrics) for v in versions], into=lambda raw: raw)
        self.log += [
            ("register", v, r.why or "done") for v, r in zip(versions, replies, strict=True)
        ]
        return replies

    def resolve(self, request: str | None) -> Reply[Resolution]:
        hook = self.subject.hook("registry.resolve").on(self.store)
        reply = ask(hook, request, into=resolution)
        answer = str(reply.got) if reply.answered else reply.why
        self.log.append(("resolve", request or "(default)", answer))
        return reply

    @property
    def hidden(self) -> bool:
        """True where the registry is kept where hooks alone look, as in a database."""
        artifacts = self.subject.parameters.artifacts
        return artifacts is None or (artifacts.registry is None and artifacts.mlflow is None)

    def pointed(self, role: str) -> str | None:
        """Whom the store names ``champion`` or ``latest`` now; a first may have made itself one."""
        artifacts = self.subject.parameters.artifacts
        if artifacts is None or self.hidden:
            return None
        registry = read_registry(self.store, artifacts, self.subject.registry_key)
        return registry.champion if role == "champion" else registry.latest

    def listed(self) -> list[str]:
        reply = ask(self.subject.hook("registry.versions").on(self.store), into=texts).needed(
            "registry.versions"
        )
        self.log.append(("versions", "", f"{len(reply)} listed"))
        return reply


class RegisteredIsResolved(Check):
    """What is registered resolves to itself, retention spares champion and latest, ids are unique.

    What it checks
        A version registered by one process is listed last and resolved by another; registering
        many never drops the champion, nor the newest; each listed version resolves; a second
        registration of an id is refused or changes nothing; latest is the last that was
        registered, also where its id comes before others as text; hostile ids are refused; and
        nothing is written outside the store.
    Why it matters
        Retention that deletes the champion takes the live model away; an id that can be
        registered twice makes every record of "version X" ambiguous.
    How
        Registers made-up copies of the version in a scratch copy of the store, lists and resolves
        them from other processes, and compares the store's surroundings before and after.
    Limitations
        Writers take turns here; VER004 lets them race.
    Remediation
        Write under a lock, check ids before use, and exempt pointed-to versions from retention.
    Sources
        SR 11-7 section V (model inventory); CWE-22, path traversal.
    """

    code = "VER003"
    severity = Severity.HIGH
    needs = ("registry.resolve", "registry.register", "registry.versions")
    about = "registry.register"
    cites = ("session",)

    store_mb: int = Field(200, ge=1, description="largest store to copy")
    registrations: int = Field(24, ge=3, description="made-up versions")

    def run(self, subject: Subject) -> Answers:
        """Register, list and resolve in one scratch store."""
        scratch = ScratchStore.of(subject, limit_mb=self.store_mb)
        session = _Session(subject, scratch.store, sample_metrics(subject))
        (scratch.store.parent / "beside.txt").write_text("not the registry's", encoding="utf-8")
        around = tree_digest(scratch.store.parent)
        old = session.listed()
        session.resolve(
            None
        )  # what a registry keeps of this answer must not outlive a registration
        ids = [f"audit-{i:04d}" for i in range(self.registrations)]
        session.register(ids[0]).needed("registry.register declines an ordinary version:")
        findings = list(self._one(session, ids[0], old))
        findings += self._twice(session, ids[0])
        champion = session.pointed("champion")
        later = session.register_all(ids[1:])
        failed = [r for r in later if not r.answered]
        if failed:
            yield Gap(f"{len(failed)} of {len(ids)} registrations", failed[0].why)
        ids = [ids[0], *(v for v, r in zip(ids[1:], later, strict=True) if r.answered)]
        champion = session.pointed("champion") or champion  # one that was displaced may go
        findings += self._many(session, ids, champion)
        findings += self._as_text(session, ids[-1])
        findings += self._by_metrics(session, champion)
        if written := self._outside(session, around):
            text = f"registering writes outside the store: {written[0]}"
            findings.append(self.departs(text, key="writes", severity=Severity.CRITICAL))
        findings += self._hostile(session)
        yield Examined(len(session.log), "calls of the registry")
        yield Evidence(
            "session",
            "Registering made-up versions in a scratch store",
            ("call", "version", "answer"),
            tuple(session.log),
        )
        if champion is None and not session.hidden:
            yield Gap("retention of the champion", "the registry names none")
        yield from findings

    def _one(self, session: _Session, version: str, old: list[str]) -> Answers:
        listed = session.listed()
        if not listed or listed[-1] != version:
            last = listed[-1] if listed else "nothing"
            yield self.departs(
                f"after registering {version}, versions() ends with {last}", key="order"
            )
        old_listed = [v for v in listed if v in old]
        if old_listed != [v for v in old if v in listed]:
            yield self.departs("registering reorders the versions before it", key="order")
        reply = session.resolve(version)
        if not reply.answered or reply.got.version != version:
            answer = reply.why or str(reply.got)
            yield self.departs(f"{version} was registered, but resolves to {answer}", key="resolve")

    def _twice(self, session: _Session, version: str) -> Answers:
        before, listed_before = tree_digest(session.store), set(session.listed())
        reply = session.register(version, **{k: v + 1.0 for k, v in session.metrics.items()})
        listed = session.listed()
        if listed.count(version) != 1:
            yield self.departs(
                f"{version} is listed {listed.count(version)} times", key="duplicate"
            )
        elif set(listed) > listed_before:
            return  # the registry gave it an id of its own, and the first is as it was
        elif reply.answered and session.metrics and changed(before, tree_digest(session.store)):
            yield self.departs(
                f"a second registration of {version} with other metrics replaces the first",
                key="duplicate",
                expected="a refusal, or no change",
            )

    def _many(self, session: _Session, ids: list[str], champion: str | None) -> Answers:
        listed = session.listed()
        spared = {"the champion": champion, "the newest version": ids[-1]}
        for name, version in spared.items():
            if version is None:
                continue
            reply = session.resolve(version)
            if version not in listed or not reply.answered:
                yield self.departs(
                    f"after {len(ids)} registrations {name}, {version}, is gone",
                    key=f"retention {name}",
                    severity=Severity.CRITICAL if version == champion else None,
                    hook=self._retains(session),
                )
        default = session.resolve(None)
        expected = (champion, ids[-1])
        if not session.hidden and default.answered and default.got.version not in expected:
            yield self.departs(
                f"after {len(ids)} registrations the default is {default.got.version!r}, neither "
                "champion nor newest",
                key="default",
            )
        hook = session.subject.hook("registry.resolve").on(session.store)
        wanted = [*listed, *(v for v in ids if v not in listed)]
        replies = ask_many(hook, [(v,) for v in wanted], into=resolution)
        for version, reply in zip(wanted, replies, strict=True):
            if version in listed and not reply.answered:
                yield self.departs(
                    f"{version} is listed, but {reply.why}", key="listed and unresolved"
                )
                return
            if reply.answered and reply.got.version != version:
                yield self.departs(
                    f"{version} is answered with {reply.got}",
                    key="substituted",
                    severity=Severity.CRITICAL,
                )
                return

    def _as_text(self, session: _Session, last: str) -> Answers:
        """The newest is the last registered, also where its id comes before others as text."""
        later = f"{last[:-4]}00100"
        if session.pointed("latest") != last or not session.register(later).answered:
            return
        if later in session.listed() and (now := session.pointed("latest")) != later:
            yield self.departs(
                f"{later} was registered after {last}, and latest is {now}: ids go as text",
                key="latest",
            )

    def _by_metrics(self, session: _Session, champion: str | None) -> Answers:
        """The default goes to versions with some numbers, not to others, and to no champion."""
        names = session.metrics
        if not names and session.subject.has("governance.metrics"):
            names = dict.fromkeys(directions(session.subject), 0.5)
        seen: dict[str, bool] = {}
        for made, factor in (("audit-low", 0.5), ("audit-high", 1.5), ("audit-mid", 1.0)):
            numbers = {name: factor * value for name, value in names.items()}
            default = session.resolve(None) if session.register(made, **numbers).answered else None
            if default is None or not default.answered:
                return
            seen[made] = default.got.version == made
        if len(set(seen.values())) < 2 or self._is_seated(session, champion):
            return
        yes, no = (next(v for v, served in seen.items() if served == way) for way in (True, False))
        yield self.departs(
            f"the default follows recorded metrics: {yes}, registered last, is served by default, "
            f"and {no}, registered last with other metrics, is not",
            key="by metrics",
            expected="the newest, or whom governance has seated",
            severity=Severity.MEDIUM,
            hook="registry.resolve",
        )

    @staticmethod
    def _is_seated(session: _Session, champion: str | None) -> bool:
        """True where the default may be a champion: one is named, or promotion moves it."""
        hook = "registry.promote"
        if not session.subject.has(hook):
            return True
        seat = session.subject.hook(hook).on(session.store)
        for version in ("audit-low", "audit-mid"):
            if not ask(seat, version, into=lambda raw: raw).answered:
                return True
            default = session.resolve(None)
            if default.answered and default.got.version == version:
                return True
        return champion is not None and default.answered and default.got.version == champion

    def _hostile(self, session: _Session) -> Answers:
        before, taken = set(session.listed()), False
        around = tree_digest(session.store.parent)
        for odd in ("../escape", "a/b", "..", "", "/escape"):
            reply = session.register(odd)
            taken |= reply.answered
            written = self._outside(session, around)
            if reply.answered and not written:
                yield self.departs(
                    f"the id {odd!r} is registered", key=f"id {odd!r}", expected="a refusal"
                )
            if written:
                issued = session.subject.has("registry.create")  # and nobody else gives ids
                yield self.departs(
                    f"registering {odd!r} writes outside the store: {written[0]}"
                    + ("; the subject issues its ids itself" if issued else ""),
                    key="writes",
                    severity=Severity.MEDIUM if issued else Severity.CRITICAL,
                )
                return  # what is left of the store proves nothing
        if not taken and (lost := before - set(session.listed())):
            yield self.departs(f"a declined registration drops {sorted(lost)[0]}", key="declined")

    @staticmethod
    def _retains(session: _Session) -> str:
        """The hook that retention is seen through: that of pruning, where it stands by itself."""
        hook = "registry.prune"
        if not session.subject.has(hook):
            return "registry.register"
        prune = session.subject.hook(hook).on(session.subject.scratch_store())
        return (
            hook
            if ask(prune, len(session.listed()), into=lambda raw: raw).answered
            else "registry.register"
        )

    @staticmethod
    def _outside(session: _Session, before: dict[str, str]) -> list[str]:
        inside = session.store.name + "/"
        after = tree_digest(session.store.parent)
        return [p for p in changed(before, after) if not p.startswith(inside)]
