from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Scalar, Severity
from audit_lib.probes.lifecycle.kept_history import History, kept_in
from audit_lib.probes.lifecycle.metrics import Metrics, directions, promoted, recorded, text_of
from audit_lib.probes.lifecycle.state import ScratchStore
from audit_lib.probes.questions.asking import ask, flag
from audit_lib.probes.questions.relations import better

Run = tuple[str, Metrics, bool]
"""a version, with what it ran, and whether it was seated"""
ENTER, PROMOTE = "governance.enter", "governance.promote"
FLAGS = ("True", "False", "true", "false")
STEPS = (0.05, 0.1, 0.3)
#: what runs in turn: one that was declined is followed by one that beats it, and not who reigns
TURNS = ("worse", "equal", "better", "one", "but one", "equal")


class StoredGovernanceDecidesAlike(Check):
    """Over a store, governance decides as its rule does on the metrics of who reigns.

    What it checks
        Versions run for champion one after another, each in a process of its own. Each is seated
        where the rule promotes it over the metrics of the version that was seated last, and not
        where the rule declines it.
    Why it matters
        The rule is tested on dictionaries in memory. In production it reads what an earlier
        process stored: a score that was rounded or kept as text, a flag that came back as the text
        "False", the champion of another horizon, a history that is cut. Then it is another rule.
    How
        Drives `governance.enter` on a scratch copy of the store with seeded metrics that are
        better, worse, mixed and equal, and `governance.promote` with the same metrics. Lists are
        found by the ids in them, and made long, to see how long they may get.
    Limitations
        Who reigns in the store to begin with, with what metrics, is not known: verdicts count from
        the first version that is seated. Rules that look at more than metrics (age, a trial
        period) differ by design.
    Remediation
        Store the metrics as they are compared, numbers as numbers, and read them back in a test.
    Sources
        Round-trip (save, load, decide) as a metamorphic relation; Chen, Cheung and Yiu (1998).
    """

    code = "GOV006"
    severity = Severity.HIGH
    needs = (ENTER, PROMOTE, "governance.metrics")
    offered = (ENTER,)
    cites = ("histories",)

    entries: int = Field(18, ge=4, description="versions that run for champion")
    seed: int = Field(24, description="of their metrics")
    long: int = Field(5_000, ge=10, description="records of a history that must have an end")
    store_mb: int = Field(200, ge=1, description="largest store to copy")

    def run(self, subject: Subject) -> Answers:
        """Let versions run, and ask the rule beside each."""
        names = directions(subject)
        store = ScratchStore.of(subject, limit_mb=self.store_mb).store
        enter = subject.hook(ENTER).on(store)
        rng = np.random.default_rng(self.seed)
        base = recorded(subject, names)
        metrics = base[-1] if base else {n: float(rng.uniform(0.02, 0.2)) for n in names}
        reigning: Metrics | None = None
        wrong: list[str] = []
        silent: list[str] = []
        ran: list[Run] = []
        for number in range(self.entries):
            kind = "better" if reigning is None else TURNS[number % len(TURNS)]
            turn = number // len(TURNS)
            grown = 3.0 if reigning is None else 1.0  # until one beats whoever reigns there
            challenger = self._next(reigning or metrics, names, rng, kind, turn, grown)
            version = f"audit-{number:04d}"
            seated = ask(enter, version, challenger, into=flag)
            if not seated.answered:
                silent.append(seated.why)
                continue
            ran.append((version, challenger, seated.got))
            if seated.got:
                reigning = challenger
            elif reigning is None:
                metrics = challenger
        rows: list[tuple[Scalar, ...]] = []
        for (version, challenger, won), (champion, due) in self._due(subject, ran):
            rows.append((version, text_of(challenger), won, due))
            if due is not None and due != won:
                wrong.append(
                    f"{version} ({text_of(challenger)}) is {'' if won else 'not '}seated "
                    f"over {text_of(champion)}"
                )
        told = [row for row in rows if row[3] is not None]
        yield Examined(len(told), "versions that ran for champion")
        columns = ("version", "metrics", "seated", "by the rule")
        yield Evidence("entries", "Versions that ran for champion", columns, tuple(rows))
        if silent:
            yield Gap(f"{len(silent)} of {self.entries} versions", silent[0])
        if reigning is None:
            yield Gap("the rule beside the store", "no version was ever seated")
        elif len({row[3] for row in told}) == 1:
            yield Gap("the rule beside the store", f"it says {told[0][3]} to all of them")
        if wrong:
            yield self.departs(
                f"in {len(wrong)} of {len(told)} cases the store decides otherwise than the rule, "
                f"first {wrong[0]}",
                measured=f"{len(wrong)} of {len(told)} differ",
                expected="the same decision",
                key="stored",
                evidence=("entries",),
            )

        if reigning is not None:
            ahead = self._next(reigning, names, rng, "better", 0)
            yield from self._histories(subject, store, names, ran, ahead)

    @staticmethod
    def _due(
        subject: Subject, ran: list[Run]
    ) -> Iterator[tuple[Run, tuple[Metrics | None, bool | None]]]:
        """Those who ran, against whom, and how the rule decides, asked of all together.

        None where nobody reigned yet, or the rule is mute.
        """
        reigns: list[Metrics | None] = [None]
        for _, metrics, won in ran:
            reigns.append(metrics if won else reigns[-1])
        duels = [(c, m) for c, (_, m, _) in zip(reigns, ran, strict=False) if c is not None]
        replies = iter(promoted(subject.hook(PROMOTE), duels) if duels else ())
        for one, champion in zip(ran, reigns, strict=False):
            reply = next(replies) if champion is not None else None
            yield one, (champion, reply.got if reply and reply.answered else None)

    def _histories(
        self, subject: Subject, store: Path, names: dict[str, str], ran: list[Run], ahead: Metrics
    ) -> Answers:
        """Lists of the store that name those who ran, or those who were seated."""
        seated, every = [v for v, _, won in ran if won], [v for v, *_ in ran]
        histories = kept_in(store, every, least=2)
        artifacts = subject.parameters.artifacts
        if artifacts and artifacts.registry:
            own = f"{artifacts.registry.file}#{artifacts.registry.versions}"
            histories = [k for k in histories if k.place != own]
        rows: list[tuple[Scalar, ...]] = []
        for log in histories:
            ids = log.ids(every)
            dues = [seated, seated[:-1]] if set(ids) <= set(seated) else [every]
            both = (ids, ids[::-1])
            mixed = "" if any(i == due[-len(i) :] for i in both for due in dues) else "not in turn"
            replayed = "" if mixed else self._replayed(subject, log, names, ran)
            rows.append((log.place, len(log.records), len(ids), mixed or replayed or "as it was"))
            if mixed or replayed.startswith("differs"):
                what = f"names {', '.join(ids)}" if mixed else replayed
                yield self.departs(
                    f"what {log.place} keeps is not what happened: it {what}",
                    measured=what,
                    expected=f"the end of {', '.join(dues[0])}" if mixed else "the same decisions",
                    key=f"history {log.place}",
                    severity=Severity.MEDIUM,
                )
            elif log.lengthened(store, self.long):
                yield from self._bounded(subject, store, log, ahead)
            named = {k for r in log.records if isinstance(r, dict) for k in r if r[k] in FLAGS}
            for name in sorted(named):
                yield self.departs(
                    f"{log.place} keeps {name} as text: 'False' is true once it is read back",
                    measured="text",
                    expected="true or false",
                    key=f"flag {log.place} {name}",
                    severity=Severity.INFO,
                )
        heads = ("list", "records", "of those that ran", "what it tells")
        yield Evidence("histories", "What the store keeps of them", heads, tuple(rows))

    @classmethod
    def _replayed(
        cls, subject: Subject, log: History, names: dict[str, str], ran: list[Run]
    ) -> str:
        """How the rule decides on the numbers that are kept; '' where it decides as it did."""
        held: list[Run] = []
        for version, _, won in ran:
            if (metrics := log.numbers(version, names)) is None:
                break
            held.append((version, metrics, won))
        for (version, _, won), (_, due) in cls._due(subject, held):
            if due is not None and due != won:
                how = "promotes" if due else "declines"
                return f"differs: on the numbers that are kept, the rule {how} {version}"
        return "" if len(held) == len(ran) else "not all numbers that the rule reads"

    def _bounded(self, subject: Subject, store: Path, log: History, ahead: Metrics) -> Answers:
        """Whether a long list gets longer, and keeps its newest."""
        newest = "audit-last"
        reply = ask(subject.hook(ENTER).on(store), newest, ahead, into=flag)
        now = log.again(store)
        if not reply.answered or now is None:
            yield Gap(f"{log.place} of {self.long} records", reply.why or "it is gone")
        elif len(now.records) > self.long:
            yield self.departs(
                f"{log.place} has no end: {self.long} records are kept, and one more",
                measured=f"{len(now.records)} records",
                expected="a bound, or a log that is rotated",
                key=f"unbounded {log.place}",
                severity=Severity.INFO,
            )
        elif newest not in now.ids({newest}):
            yield self.departs(
                f"{log.place} keeps {len(now.records)} of {self.long} records, and drops the "
                "newest of them",
                measured="the newest is dropped",
                expected="the oldest is",
                key=f"history {log.place}",
                severity=Severity.MEDIUM,
            )

    @staticmethod
    def _next(
        base: Metrics,
        names: dict[str, str],
        rng: np.random.Generator,
        kind: str,
        turn: int,
        grown: float = 1.0,
    ) -> Metrics:
        """Metrics near those of who reigns: better, worse or equal; in all, in one, or all but one.

        Which one goes by the turn; ``grown`` is by how much the steps are larger.
        """
        metrics, size = dict(base), float(rng.choice(STEPS)) * grown
        for place, (name, direction) in enumerate(names.items()):
            chosen = place == turn % len(names)
            up = (
                kind == "better" or (kind == "one" and chosen) or (kind == "but one" and not chosen)
            )
            sign = 0.0 if kind == "equal" else 1.0 if up else -1.0
            amount = sign * size * float(rng.uniform(0.5, 1.5)) * (abs(base[name]) or 0.1)
            metrics = better(metrics, name, amount, direction)
        return metrics
