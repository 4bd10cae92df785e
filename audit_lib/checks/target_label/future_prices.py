from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Location, Severity
from audit_lib.probes.code.columns_made import where_made
from audit_lib.probes.labels.label_facts import HOOK
from audit_lib.probes.market.measured import LOUDEST_NOISE, influence_of
from audit_lib.probes.market.perturbation import is_price
from audit_lib.probes.market.tally import ColumnInfluence
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.samples import declared_targets

#: kinds of labels that are prices alone, and bars from which a look-back may be a volatility's
_PLAIN, _SCALE = ("simple_return", "log_return", "direction"), 5


class LabelsReadFuturePricesOnly(Check):
    """A label follows from the prices after its bar, and from nothing else.

    What it checks
        Every label moves when later prices move; it does not move with volume or other fields,
        nor with bars before its own; and equal builds agree.
    Why it matters
        A label that does not move with prices is not a label of the market: a wrong join, a
        constant, a stale file. One that reads fields or bars which features also read can be
        predicted from its own recipe, and looks like skill.
    How
        Alters prices after and before cuts, and, in a second run, only the fields that are no
        prices. The response of each label tells what it reads.
    Limitations
        Barriers and labels scaled by past volatility read bars before their own by design: five
        or more of them are a note where the label is declared as no plain return, or not at all,
        and nothing where it is named in `scaled`. Fields are told to be prices by name.
    Remediation
        Compute the label from prices at and after the entry; keep scaling by known quantities in
        the features or in the sizing.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 3.
    """

    code = "TGT002"
    severity = Severity.HIGH
    needs = ("features.panel", HOOK)
    cites = ("reacts",)

    scaled: tuple[str, ...] = Field((), description="labels scaled by past data on purpose")

    def run(self, subject: Subject) -> Answers:
        """Look at what moves each label."""
        panel = samples.panel(subject)
        influence = influence_of(subject, HOOK)
        others = [str(c) for c in panel.columns if not is_price(panel[c])]
        aside = influence_of(subject, HOOK, fields=others).columns if others else {}
        declared, rows = declared_targets(subject), []
        for name, column in influence.columns.items():
            if column.empty:
                yield Gap(name, "holds no value on the sample panel")
                continue
            where, hook = where_made(subject, name, HOOK), subject.where(HOOK)
            moved = name in aside and aside[name].reacts and column.noise == 0
            rows.append((name, column.look_ahead, column.look_back, moved, column.noise))
            kind = declared.get(name, {}).get("kind", "")
            yield from self._judge(name, column, where, hook, kind)
            if moved:
                yield self.finding(
                    where,
                    f"label {name!r} moves with {', '.join(others)}",
                    measured=f"moves with {', '.join(others)}",
                    expected="moves with prices only",
                    related=hook,
                    key=f"{name} fields",
                )
        heads = ("label", "look ahead", "look back", "moves with other fields", "noise")
        yield Evidence("reacts", "What moves each label", heads, tuple(rows))
        yield Examined(len(rows), "labels")

    def _judge(
        self, name: str, column: ColumnInfluence, where: Location, hook: Location, kind: str
    ) -> Answers:
        if column.noise > LOUDEST_NOISE:
            yield self.finding(
                where,
                f"label {name!r} differs between equal builds by {column.noise:.2g} of its scale",
                measured=column.noise,
                expected=0,
                related=hook,
                key=f"{name} noise",
            )
        elif column.look_ahead == 0:
            yield self.finding(
                where,
                f"label {name!r} moves with no later price",
                measured="look-ahead 0 bars",
                expected="look-ahead of at least 1 bar",
                related=hook,
                key=f"{name} future",
                severity=Severity.CRITICAL,
            )
        if column.look_back > 0 and name not in self.scaled:
            by_design = column.look_back >= _SCALE and kind not in _PLAIN
            yield self.finding(
                where,
                f"label {name!r} reads {column.look_back} bars before its own"
                + (", as one that is scaled by past volatility does" if by_design else ""),
                measured=f"look-back {column.look_back} bars",
                expected="look-back 0 bars",
                related=hook,
                key=f"{name} past",
                severity=Severity.INFO if by_design else Severity.MEDIUM,
            )
