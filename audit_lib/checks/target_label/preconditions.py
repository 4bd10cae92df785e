from collections.abc import Generator
from contextlib import suppress

from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Scalar, Severity
from audit_lib.probes.labels.alignment import entry_and_exit, price_ratio, return_errors
from audit_lib.probes.labels.label_facts import HOOK, declared_labels, label_offsets
from audit_lib.probes.market.influence import manageable
from audit_lib.probes.questions import samples
from audit_lib.probes.questions.asking import ask, mapping

PRECONDITIONS = "targets.preconditions"
LABELS = "targets.build"
WORDS = {
    "holding": "bars from entry to exit",
    "entry": "bars from decision to entry",
    "price": "field paid at entry",
    "kind": "kind of return",
}


class PreconditionsHoldForTheLabels(Check):
    """The labels the version learns are those that the subject's preconditions lock.

    What it checks
        Holding period, entry bar, entry price and kind of return of every label, as measured, are
        those that the subject's preconditions fix for training and backtests.
    Why it matters
        A precondition that is enforced everywhere and holds nowhere is worse than none: research
        is reviewed under terms (log return over five bars from the next open) that the model was
        never trained for.
    How
        Moves single bars in single fields to find which prices a label reads; the first is its
        entry, the last its exit. Recomputes simple and log return between them. Compares with the
        answer of `targets.preconditions`.
    Limitations
        Terms that the subject does not fix are not judged. The kind of return is told for labels
        that are a return between two prices.
    Remediation
        Derive labels from the same constants that the preconditions check, or change what is
        locked.
    Sources
        Meyer (1992), Applying "Design by Contract", IEEE Computer 25(10); Lopez de Prado (2018),
        Advances in Financial Machine Learning, chapter 3.
    """

    code = "TGT007"
    severity = Severity.HIGH
    needs = ("features.panel", HOOK, PRECONDITIONS)

    tolerance: float = Field(1e-6, gt=0, description="difference of returns that is rounding")

    def run(self, subject: Subject) -> Answers:
        """Measure the terms of each label, and compare."""
        reply = ask(subject.hook(PRECONDITIONS), into=mapping).needed(
            f"{PRECONDITIONS} gives no terms:"
        )
        locked = {term: reply[term] for term in WORDS if term in reply}
        if not locked:
            raise NotAssessed(f"{PRECONDITIONS} fixes none of {', '.join(WORDS)}")
        measured = yield from self._measured(subject, str(locked.get("kind")))
        rows = [
            (label, WORDS[term], terms.get(term, "not told"), locked[term])
            for label, terms in measured.items()
            for term in locked
        ]
        heads = ("label", "term", "measured", "locked")
        yield Evidence("terms", "Terms of the labels, measured and locked", heads, tuple(rows))
        for label, terms in measured.items():
            if not terms:
                yield Gap(label, "reads fewer than two prices")
            for term, value in terms.items():
                if term in locked and value != locked[term]:
                    yield self.departs(
                        f"label {label!r}: {WORDS[term]} is {value}; the preconditions lock "
                        f"{locked[term]}",
                        hook=LABELS,
                        measured=value,
                        expected=locked[term],
                        key=f"{label} {term}",
                        cause="labels on other terms than the preconditions lock",
                        evidence=("terms",),
                    )
        yield Examined(sum(map(len, measured.values())), "terms of labels")

    def _measured(
        self, subject: Subject, due: str
    ) -> Generator[Answer, None, dict[str, dict[str, Scalar]]]:
        """Terms of every label that the version declares; of every label where it declares none."""
        offsets, panel = label_offsets(subject), manageable(samples.panel(subject))
        labels = samples.labels(subject).reindex(panel.index)
        names = [str(name) for name in labels]
        with suppress(NotAssessed):
            names = [d.label for d in declared_labels(subject) if d.label in labels]
        facts: dict[str, dict[str, Scalar]] = {}
        for name in dict.fromkeys(names):
            ends = entry_and_exit(offsets.get(name, {}), panel)
            facts[name] = {}
            if ends is None:
                continue
            (field, entry), (_, leave) = ends
            facts[name] = {"holding": leave - entry, "entry": entry, "price": field}
            errors = return_errors(labels[name], price_ratio(panel, *ends))
            fits = [kind for kind, error in errors.items() if error <= self.tolerance]
            if fits:
                facts[name]["kind"] = fits[0]
            if fits and due in errors:
                yield Margin(f"distance from the return, {name}", errors[due], self.tolerance)
        return facts
