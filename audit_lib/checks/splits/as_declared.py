"""SPL003."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answer, Check, Reads
from audit_lib.errors import NotAssessed
from audit_lib.model import Contract, Examined, Location, Severity, Task
from audit_lib.probes.asking import ask, mapping
from audit_lib.probes.folds import HOOK, DrivenFold, drive_folds
from audit_lib.probes.label_facts import horizon_of
from audit_lib.subject.subject import Subject


class SplitsAreAsDeclared(Check):
    """Purge and embargo are what is declared, and the declared purge follows the label's horizon.

    What it checks
        The declared purge reaches at least one bar short of the measured horizon; the declared
        horizon is the measured one; and the folds leave out at least the declared purge before,
        and the declared embargo after, each test stretch.
    Why it matters
        Reviewers and later code rely on the declared numbers. A purge that stayed at 5 while the
        label grew to 10 bars leaks in every fold; an embargo that nothing applies protects nobody.
    How
        Reads `splits.declared` and the splits in the version's metadata, measures the horizon by
        perturbing prices, and counts the bars between train and test in the folds.
    Limitations
        Where no folds can be driven, only the declared numbers are compared with the horizon.
    Remediation
        Derive purge and embargo from the label's horizon in one place, and record what was used.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.4.
    """

    code = "SPL003"
    contract = Contract.SPLITS
    task = Task.T2
    severity = Severity.HIGH
    reads = Reads.BEHAVIOUR

    pointer: str = Field("/splits", description="pointer to the splits in the metadata")

    def run(self, subject: Subject) -> Iterator[Answer]:
        """Compare declarations with horizon and folds."""
        horizon, known = horizon_of(subject)
        said = self._declared(subject)
        for source, facts, where in said:
            purge, own = facts.get("purge"), facts.get("horizon")
            if isinstance(purge, int) and purge < horizon - 1:
                yield self.finding(
                    where,
                    f"the {source} declares a purge of {purge} bars for labels that read "
                    f"{horizon} bars ahead ({known})",
                    measured=f"purge {purge}",
                    expected=f"purge of at least {horizon - 1}",
                    key=f"{source} purge",
                )
            if known == "measured" and isinstance(own, int) and own != horizon:
                yield self.finding(
                    where,
                    f"the {source} declares a horizon of {own} bars; the labels read {horizon}",
                    measured=horizon,
                    expected=own,
                    key=f"{source} horizon",
                )
        compared = len(said)
        if subject.has(HOOK) and subject.has("features.panel"):
            driven = drive_folds(subject, horizon)
            for fold in driven.folds:
                yield from self._fold(subject, fold, said)
            compared += len(driven.folds)
        yield Examined(compared, "declarations and folds")

    def _declared(self, subject: Subject) -> list[tuple[str, dict[str, Any], Location]]:
        found: list[tuple[str, dict[str, Any], Location]] = []
        if subject.has("splits.declared"):
            reply = ask(subject.hook("splits.declared"), into=mapping)
            if reply.answered:
                found.append(("code", reply.got, subject.where("splits.declared")))
        try:
            facts = subject.metadata.get(self.pointer) if subject.parameters.artifacts else None
        except NotAssessed:
            facts = None
        if isinstance(facts, dict):
            found.append(("metadata", facts, subject.metadata.location(self.pointer)))
        if not found:
            raise NotAssessed(
                f"neither splits.declared nor the metadata at {self.pointer} declares the splits"
            )
        return found

    def _fold(
        self,
        subject: Subject,
        fold: DrivenFold,
        said: list[tuple[str, dict[str, Any], Location]],
    ) -> Iterator[Answer]:
        before, after = _gaps(fold)
        for source, facts, _ in said:
            for what, gap in (("purge", before), ("embargo", after)):
                wanted = facts.get(what)
                if isinstance(wanted, int) and gap is not None and gap < wanted:
                    side = "before" if what == "purge" else "after"
                    yield self.finding(
                        subject.where(HOOK),
                        f"fold {fold.number} leaves out {gap} bars {side} its test period; the "
                        f"{source} declares {what} {wanted}",
                        measured=f"{gap} bars",
                        expected=f"at least {wanted} bars",
                        key=f"fold {fold.number} {what} {source}",
                    )


def _gaps(fold: DrivenFold) -> tuple[int | None, int | None]:
    """Fewest bars left out before and after a test stretch; None where no train row is there."""
    before: list[int] = []
    after: list[int] = []
    for start, end in fold.stretches():
        earlier = fold.train_at[fold.train_at < start]
        later = fold.train_at[fold.train_at > end]
        before += [start - int(np.max(earlier)) - 1] if len(earlier) else []
        after += [int(np.min(later)) - end - 1] if len(later) else []
    return min(before, default=None), min(after, default=None)
