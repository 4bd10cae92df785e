from itertools import product
from pathlib import Path

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Scalar, Severity
from audit_lib.probes.lifecycle.registries import Resolution, resolution, sample_metrics
from audit_lib.probes.lifecycle.state import ScratchStore
from audit_lib.probes.questions.asking import Reply, ask
from audit_lib.subject.keys import Key, combinations, text_of

#: fields of a registry's rows that tell versions apart which must not stand in for one another
TELLING = ("horizon", "instrument", "symbol", "ticker", "asset", "regime", "market", "timeframe")

REFUSED = "a refusal"


#: what may change a default, and how several of it are called
CHANGES = {"registry.register": "registrations", "registry.promote": "promotions"}


def _default(subject: Subject, store: Path, key: Key) -> str:
    """What a request without a version is answered with, in words that can be compared."""
    reply = ask(subject.hook("registry.resolve").for_key(key).on(store), None, into=resolution)
    if reply.answered:
        return str(reply.got)
    return "a crash" if reply.failure is not None else REFUSED


class EachKeyIsServedItsOwn(Check):
    """A request for one horizon, instrument or regime is never answered with another's version.

    What it checks
        Where versions are made for one key each (`keys` with `stored` in `subject.yaml`): a
        request without a version is answered with a version of the key that is asked for, or
        refused; a request for an id under another key gets that id, or a refusal, never the
        other key's version; and registering or seating a version of one key leaves what the
        others are served by default.
    Why it matters
        One global `latest` beside several horizons serves whichever was trained last: a ranking
        for five days is traded as one for twenty, and nothing fails; or training one horizon
        takes the other's default away.
    How
        Drives `registry.resolve` with every declared key in `at.key`, and compares what the
        answered version says of itself, in its row of the registry or in its metadata. With
        `registry.register`, a made-up version of each key is registered in a scratch copy of the
        store, one after another, and each key is asked for its default again.
    Limitations
        A version that does not say what it is for is a gap.
    Remediation
        Keep `latest` and `champion` for each key, and compare the key of what is about to be
        loaded with the one that was asked for.
    Sources
        SR 11-7 section V (model inventory).
    """

    code = "VER011"
    severity = Severity.HIGH
    needs = ("registry.resolve",)

    versions: int = Field(8, ge=1, description="newest versions that are asked for by id")
    store_mb: int = Field(200, ge=1, description="largest store to copy")

    def run(self, subject: Subject) -> Answers:
        """Ask for every key, without a version and by id."""
        keys = subject.parameters.keys
        if not any(by.stored for by in keys.values()):
            raise self._nothing_kept_apart(subject)
        rows: list[tuple[Scalar, ...]] = []
        wrong: dict[str, list[str]] = {"without a version": [], "for an id": []}
        requests = [None, *subject.versions()[-self.versions :]]
        for key in combinations(keys):
            for request in requests:
                reply, served = self._resolved(subject, key, request)
                rows.append((text_of(key), request or "none", served))
                if not reply.answered:
                    if reply.failure is not None:
                        yield Gap(f"{request or 'no version'}, {text_of(key)}", reply.why)
                    continue
                version = reply.got.version
                own = subject.at(version).own_key if version in subject.versions() else {}
                if not own:
                    yield Gap(f"version {version}", "does not say what it is for")
                elif request is None and not own.items() <= key.items():
                    sentence = f"{text_of(key)} gets {version}, which is for {text_of(own)}"
                    wrong["without a version"].append(sentence)
                elif request is not None and version != request:
                    wrong["for an id"].append(f"{request} under {text_of(key)} gets {version}")
        yield Examined(len(rows), "requests")
        columns = ("key", "version asked for", "answer")
        yield Evidence("keys", "What each key is served", columns, tuple(rows))
        for kind, cases in wrong.items():
            if cases:
                yield self.departs(
                    f"{len(cases)} requests {kind} are answered with another's: {cases[0]}",
                    measured=f"{len(cases)} of {len(rows)} requests",
                    expected="a version of the key that is asked for, or a refusal",
                    key=kind,
                    evidence=("keys",),
                )
        if subject.has("registry.register"):
            yield from self._in_turn(subject)

    def _in_turn(self, subject: Subject) -> Answers:
        """Register and seat a version of each key, and see whose default each takes away."""
        store = ScratchStore.of(subject, limit_mb=self.store_mb).store
        metrics = sample_metrics(subject)
        keys = combinations(subject.parameters.keys)
        rows: list[tuple[Scalar, ...]] = []
        lost: dict[str, list[str]] = {}
        before = [_default(subject, store, other) for other in keys]
        for (turn, key), hook in product(enumerate(keys), CHANGES):
            if not subject.has(hook):
                continue
            given = (f"audit-{turn:04d}", *((metrics,) if hook == "registry.register" else ()))
            bound = subject.hook(hook).for_key(key).on(store)
            change = ask(bound, *given, into=lambda raw: raw)
            if not change.answered:
                yield Gap(f"{CHANGES[hook][:-1]} under {text_of(key)}", change.why)
                continue
            for place, (other, was) in enumerate(zip(keys, before, strict=True)):
                before[place] = now = _default(subject, store, other)
                rows.append((hook, text_of(key), text_of(other), was, now))
                if other != key and was not in (now, REFUSED):
                    sentence = f"after one of {text_of(key)}, {text_of(other)} gets {now}"
                    lost.setdefault(hook, []).append(sentence)
        yield Examined(len(rows), "defaults after a registration")
        columns = ("call", "under", "asked for", "before", "after")
        yield Evidence("in turn", "Defaults, as versions are registered", columns, tuple(rows))
        for hook, cases in lost.items():
            yield self.departs(
                f"{len(cases)} {CHANGES[hook]} change what another key is served: {cases[0]}",
                hook=hook,
                measured=f"{len(cases)} of {len(rows)} defaults",
                expected="one changes the default of its own key only",
                key="seated" if hook == "registry.promote" else "registered",
                evidence=("in turn",),
            )

    @staticmethod
    def _resolved(subject: Subject, key: Key, request: str | None) -> tuple[Reply[Resolution], str]:
        hook = subject.hook("registry.resolve").for_key(key)
        reply = ask(hook, request, into=resolution)
        return reply, str(reply.got) if reply.answered else reply.why

    @staticmethod
    def _nothing_kept_apart(subject: Subject) -> Exception:
        """Why there is nothing to ask: not declared, though the registry has it, or not there."""
        if subject.parameters.keys:
            return NotApplicable("every version serves every key (keys without `stored`)")
        try:
            rows = [row for row in subject.registry.rows.values() if isinstance(row, dict)]
        except NotAssessed:
            rows = []
        for name in TELLING:
            values = sorted({str(row[name]) for row in rows if row.get(name) is not None})
            if len(values) > 1:
                return NotAssessed(
                    f"versions in the registry differ by {name} ({', '.join(values[:4])}); say so "
                    f"in subject.yaml: keys: {{{name}: {{values: [...], stored: /{name}}}}}"
                )
        return NotApplicable("the parameters declare no keys: versions are served by id alone")
