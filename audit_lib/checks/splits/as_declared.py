from typing import Any

import numpy as np
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Examined, Location, Severity
from audit_lib.probes.labels.folds import HOOK, DrivenFold, DrivenFolds, drive_folds
from audit_lib.probes.labels.label_facts import horizon_of
from audit_lib.probes.labels.label_reach import with_ends
from audit_lib.probes.questions.asking import ask, mapping

Declaration = tuple[str, dict[str, Any], Location]
"""who declares (code or metadata), what, and where"""


class SplitsAreAsDeclared(Check):
    """Purge and embargo are what is declared, and the declared purge follows the label's horizon.

    What it checks
        The declared purge reaches at least one bar short of the measured horizon; the declared
        horizon is the measured one; and the folds leave out at least the declared purge before
        each test stretch, and the declared embargo after the end of its last label.
    Why it matters
        Reviewers and later code rely on the declared numbers. A purge that stayed at 5 while the
        label grew to 10 bars leaks in every fold; an embargo that nothing applies protects nobody.
    How
        Reads `splits.declared` and the splits in the version's metadata, measures the horizon by
        perturbing prices, and counts the bars between train and test in the folds. An embargo
        begins where the purge ends: bars that the last test labels span are no embargo.
    Limitations
        Where no folds can be driven, only the declared numbers are compared with the horizon.
    Remediation
        Derive purge and embargo from the label's horizon in one place, and record what was used.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, section 7.4.
    """

    code = "SPL003"
    severity = Severity.HIGH

    pointer: str = Field("/splits", description="pointer to the splits in the metadata")

    def run(self, subject: Subject) -> Answers:
        """Compare declarations with horizon and folds."""
        horizon, origin = horizon_of(subject)
        declarations = self._declared(subject)
        driven = self._driven(subject, horizon, declarations)
        for source, facts, where in declarations:
            purge, own = facts.get("purge"), facts.get("horizon")
            vary = driven is not None and driven.varying  # then SPL001 judges row by row
            if isinstance(purge, int) and purge < horizon - 1 and not vary:
                yield self.finding(
                    where,
                    f"the {source} declares a purge of {purge} bars for labels that read "
                    f"{horizon} bars ahead ({origin})",
                    measured=f"purge {purge}",
                    expected=f"purge of at least {horizon - 1}",
                    key=f"{source} purge",
                )
            if origin == "measured" and isinstance(own, int) and own != horizon:
                yield self.finding(
                    where,
                    f"the {source} declares a horizon of {own} bars; the labels read {horizon}",
                    measured=horizon,
                    expected=own,
                    key=f"{source} horizon",
                )
        compared = len(declarations)
        if driven is not None:
            yield from self._folds(driven, declarations)
            compared += len(driven.folds)
        yield Examined(compared, "declarations and folds")

    def _declared(self, subject: Subject) -> list[Declaration]:
        declarations: list[Declaration] = []
        if subject.has("splits.declared"):
            reply = ask(subject.hook("splits.declared"), into=mapping)
            if reply.answered:
                declarations.append(("code", reply.got, subject.where("splits.declared")))
        try:
            facts = subject.metadata.get(self.pointer) if subject.parameters.artifacts else None
        except NotAssessed:
            facts = None
        if isinstance(facts, dict):
            declarations.append(("metadata", facts, subject.metadata.location(self.pointer)))
        if not declarations:
            raise NotAssessed(
                f"neither splits.declared nor the metadata at {self.pointer} declares the splits"
            )
        return declarations

    @staticmethod
    def _driven(
        subject: Subject, horizon: int, declarations: list[Declaration]
    ) -> DrivenFolds | None:
        if not (subject.has(HOOK) and subject.has("features.panel")):
            return None
        stated = (facts.get("embargo") for _, facts, _ in declarations)
        embargo = max((e for e in stated if isinstance(e, int)), default=0)
        return with_ends(subject, drive_folds(subject, horizon), embargo)

    def _folds(self, driven: DrivenFolds, declarations: list[Declaration]) -> Answers:
        gaps = {fold.number: _gaps(fold) for fold in driven.folds}
        for source, facts, _ in declarations:
            for k, (what, side) in enumerate((("purge", "before"), ("embargo", "after"))):
                wanted = facts.get(what)
                if not isinstance(wanted, int) or (what == "purge" and driven.varying):
                    continue  # rows whose label ended early may stay: SPL001 judges them
                short = {n: g for n, pair in gaps.items() if (g := pair[k]) is not None}
                short = {n: g for n, g in short.items() if g < wanted}
                if short:
                    least = min(short.values())
                    place = "a test period" if what == "purge" else "its last label ends"
                    yield self.departs(
                        f"{len(short)} of {len(gaps)} folds leave out as few as {least} "
                        f"bar{'s' * (least != 1)} {side} {place}; the {source} declares {what} "
                        f"{wanted}: fold {', '.join(map(str, short))}",
                        hook=HOOK,
                        measured=f"{least} bars",
                        expected=f"at least {wanted} bars",
                        key=f"{what} {source}",
                    )


def _gaps(fold: DrivenFold) -> tuple[int | None, int | None]:
    """Fewest bars left out before a test stretch, and after the end of its last label.

    None where no train row is there.  A train row may stand at the very bar at which the last test
    label ends, so what lies between them is what the embargo leaves out.
    """
    before: list[int] = []
    after: list[int] = []
    for start, end in fold.stretches():
        earlier = fold.train_at[fold.train_at < start]
        later = fold.train_at[fold.train_at > end]
        before += [start - int(np.max(earlier)) - 1] if len(earlier) else []
        inside = (fold.test_at >= start) & (fold.test_at <= end)
        last = int(fold.test_ends[inside].max(initial=end))
        after += [max(0, int(np.min(later)) - last)] if len(later) else []
    return min(before, default=None), min(after, default=None)
