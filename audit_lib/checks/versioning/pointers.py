import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NoRegistry
from audit_lib.files import read_words
from audit_lib.model import Evidence, Examined, Scalar, Severity
from audit_lib.probes.lifecycle.registries import Resolution, resolution, rewritten
from audit_lib.probes.lifecycle.state import ScratchStore
from audit_lib.probes.questions.asking import Reply, ask, ask_many
from audit_lib.probes.questions.domain import control
from audit_lib.subject.registry import Registry

NOWHERE = "points-nowhere"


class PointersLeadWhereTheySay(Check):
    """Champion and latest lead to the versions they name, and to nothing else when those are gone.

    What it checks
        Both pointers of the registry file name listed versions that resolve; a request without a
        version is answered with one of the two; with that version's files gone, or with pointers
        that lead nowhere, it is refused.
    Why it matters
        The default is what live trading loads. If it slides to "whatever is there" when its
        version is missing, a clean-up of old folders becomes a change of model.
    How
        Reads the pointers from the registry file, drives `registry.resolve` without a version on
        a copy of the store, on one without the default's folder, and one whose pointers are
        rewritten to a version that does not exist. A store whose registry hooks alone speak for
        is asked without its default's folder.
    Limitations
        Pointers are rewritten in JSON registries only, and not in other files than the registry's:
        VER005 cuts those that a promotion writes.
    Remediation
        Resolve a pointer to an id first, then treat the id as an explicit request.
    Sources
        SR 11-7 section V (model inventory); principle of least astonishment.
    """

    code = "VER002"
    severity = Severity.HIGH
    needs = ("registry.resolve",)

    store_mb: int = Field(200, ge=1, description="largest store to copy")

    def run(self, subject: Subject) -> Answers:
        """Follow the pointers, then cut them."""
        scratch = ScratchStore.of(subject, limit_mb=self.store_mb)
        hook = subject.hook("registry.resolve").on(scratch.store)  # it may keep what it answered
        named: dict[str, str | None] = {}
        pointers: dict[str, str] = {}
        rows: list[tuple[Scalar, ...]] = []
        findings: list[Answer] = []
        ordinary: list[str | None] = [subject.version]
        with suppress(NoRegistry):  # hooks alone speak for it
            registry = subject.registry
            named = {"latest": registry.latest, "champion": registry.champion}
            ordinary, pointers = list(registry.rows), registry.roles
            yield from self._unlisted(registry, named, pointers)
        questions = [(version,) for version in ordinary or [None]]
        control("registry.resolve", ask_many(hook, questions, into=resolution))
        for name, version in named.items():
            if version is None:
                continue
            reply = ask(hook, version, into=resolution)
            rows.append((name, version, self._answer(reply)))
            if not reply.answered or reply.got.version != version:
                findings.append(self._wrong(f"{name} ({version})", reply, version))
        default = ask(hook, None, into=resolution)
        rows.append(("no version", None, self._answer(default)))
        allowed = [v for v in named.values() if v is not None]
        strange = default.answered and pointers and default.got.version not in allowed
        if default.failure is not None or strange:
            due = " or ".join(allowed) or "a refusal"
            findings.append(self._wrong("a request without a version", default, due))
        if default.answered:
            for name, reply in self._cut(subject, scratch, default.got.version, pointers):
                rows.append((f"no version, {name}", None, self._answer(reply)))
                if reply.refusal is None:
                    what = f"a request without a version, {name},"
                    findings.append(self._wrong(what, reply, "a refusal"))
        yield Examined(len(rows), "requests")
        yield Evidence("pointers", "Where pointers lead", ("request", "id", "answer"), tuple(rows))
        yield from findings

    def _unlisted(
        self, registry: Registry, named: dict[str, str | None], pointers: dict[str, str]
    ) -> Answers:
        for name, version in named.items():
            if version is not None and version not in registry.rows:
                yield self.finding(
                    registry.document.location(pointers[name]),
                    f"{name} points to {version!r}, which the registry does not list",
                    measured=version,
                    expected=f"one of {', '.join(registry.rows) or 'no versions'}",
                    key=name,
                )

    def _cut(
        self, subject: Subject, scratch: ScratchStore, default: str, pointers: dict[str, str]
    ) -> Iterator[tuple[str, Reply[Resolution]]]:
        hook = subject.hook("registry.resolve")
        folder = scratch.version_folder(default)
        if folder.parts and (scratch.store / folder).is_dir():
            with scratch.damaged(folder, "delete") as store:
                yield f"the folder of {default} gone", ask(hook.on(store), None, into=resolution)
        if not pointers or (file := Path(subject.registry.document.path)).suffix != ".json":
            return
        lost = json.loads(read_words(scratch.store / file, encoding="utf-8-sig"))
        for pointer in pointers.values():
            if pointer.startswith("/"):
                lost = rewritten(lost, pointer, NOWHERE) or lost
        replacement = scratch.store.parent / "pointers.json"
        replacement.write_text(json.dumps(lost), encoding="utf-8")
        with scratch.damaged(file, "swap", other=replacement) as store:
            yield "both pointers leading nowhere", ask(hook.on(store), None, into=resolution)

    def _wrong(self, what: str, reply: Reply[Resolution], due: str) -> Answer:
        crashed = reply.failure is not None
        how = "ends in a crash" if crashed else "is answered with"
        return self.departs(
            f"{what} {how} {self._answer(reply)}" if reply.answered else f"{what}: {reply.why}",
            measured=self._answer(reply),
            expected=due,
            key=what,
            severity=Severity.LOW if crashed else None,
            evidence=("pointers",),
        )

    @staticmethod
    def _answer(reply: Reply[Resolution]) -> str:
        return str(reply.got) if reply.answered else reply.why
