"""GOV006."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.model import Contract, Evidence, Examined, Gap, Scalar, Severity, Task
from audit_lib.probes.lifecycle.metrics import Metrics, directions, promoted, recorded, text_of
from audit_lib.probes.lifecycle.state import ScratchStore
from audit_lib.probes.questions.asking import ask, flag
from audit_lib.probes.questions.relations import better
from audit_lib.subject.subject import Subject

ENTER, PROMOTE = "governance.enter", "governance.promote"
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
        better, worse, mixed and equal, and `governance.promote` with the same metrics.
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
    contract = Contract.GOVERNANCE
    task = Task.T4
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR
    needs = (ENTER, PROMOTE, "governance.metrics")
    offered = (ENTER,)

    entries: int = Field(18, ge=4, description="versions that run for champion")
    seed: int = Field(24, description="of their metrics")
    store_mb: int = Field(200, ge=1, description="largest store to copy")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Let versions run, and ask the rule beside each."""
        names = directions(subject)
        enter = subject.hook(ENTER).on(ScratchStore.of(subject, limit_mb=self.store_mb).store)
        rng = np.random.default_rng(self.seed)
        known = recorded(subject, names)
        metrics = known[-1] if known else {n: float(rng.uniform(0.02, 0.2)) for n in names}
        reigning: Metrics | None = None
        rows: list[tuple[Scalar, ...]] = []
        wrong: list[str] = []
        silent: list[str] = []
        for number in range(self.entries):
            kind = "better" if reigning is None else TURNS[number % len(TURNS)]
            turn = number // len(TURNS)
            challenger = self._next(reigning or metrics, names, rng, kind, turn)
            version = f"audit-{number:04d}"
            seated = ask(enter, version, challenger, into=flag)
            if not seated.answered:
                silent.append(seated.why)
                continue
            due: bool | None = None
            if reigning is not None:
                (reply,) = promoted(subject.hook(PROMOTE), [(reigning, challenger)])
                due = reply.got if reply.answered else None
            rows.append((version, text_of(challenger), seated.got, due))
            if due is not None and due != seated.got:
                wrong.append(
                    f"{version} ({text_of(challenger)}) is {'' if seated.got else 'not '}seated "
                    f"over {text_of(reigning)}"
                )
            if seated.got:
                reigning = challenger
            elif reigning is None:
                metrics = challenger
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
            yield self.finding(
                subject.where(ENTER),
                f"in {len(wrong)} of {len(told)} cases the store decides otherwise than the rule, "
                f"first {wrong[0]}",
                measured=f"{len(wrong)} of {len(told)} differ",
                expected="the same decision",
                key="stored",
                evidence=("entries",),
            )

    @staticmethod
    def _next(
        base: Metrics, names: dict[str, str], rng: np.random.Generator, kind: str, turn: int
    ) -> Metrics:
        """Metrics near those of who reigns: better, worse or equal; in all, in one, or all but one.

        Which one goes by the turn.
        """
        found, size = dict(base), float(rng.choice(STEPS))
        for place, (name, direction) in enumerate(names.items()):
            chosen = place == turn % len(names)
            up = (
                kind == "better" or (kind == "one" and chosen) or (kind == "but one" and not chosen)
            )
            sign = 0.0 if kind == "equal" else 1.0 if up else -1.0
            amount = sign * size * float(rng.uniform(0.5, 1.5)) * (abs(base[name]) or 0.1)
            found = better(found, name, amount, direction)
        return found
