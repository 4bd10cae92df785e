import re

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.probes.prediction.heads import Head, declared_heads
from audit_lib.probes.questions.samples import predictions

NUMBERED = re.compile(r"(output|head|y|pred|prediction|col|column)?[_-]?\d+")


class HeadsAreNamed(Check):
    """Output heads are named in the checkpoint, and the predictor answers exactly those.

    What it checks
        The checkpoint names its heads, each once and by a word rather than a number; each reads
        an output of its own where positions are recorded, and the output of its own name where
        outputs are named; and the predictor's columns are those names. Heads that the parameters
        declare (`heads` in `subject.yaml`) stand for a checkpoint that names none.
    Why it matters
        A head that is found by its index is right until somebody adds one in the middle; then
        volatility is traded as direction, and every number still looks plausible.
    How
        Reads the head map from the version's metadata and compares it with the columns that
        `predictor.predict` answers for the sample.
    Limitations
        Whether a head means what its name says is measured by HED004.
    Remediation
        Store a mapping from head name to output with the model, and look outputs up by it.
    Sources
        Sculley et al. (2015), Hidden Technical Debt in Machine Learning Systems, section 3.
    """

    code = "HED001"
    severity = Severity.HIGH
    needs = ("predictor.predict", "predictor.required")
    cites = ("heads",)

    outputs: str = Field(
        "/outputs", description="JSON pointer to output names in stored order, where there are any"
    )

    def run(self, subject: Subject) -> Answers:
        """Compare declared heads with predicted columns."""
        artifacts = subject.parameters.artifacts
        pointer = artifacts.fields.heads if artifacts else ""
        try:
            # Heads of the parameters stand for a checkpoint without any, of which CHK001 tells.
            heads = declared_heads(subject)
        except NotAssessed as error:
            if artifacts is None or "metadata file" in str(error):
                raise
            yield self.finding(
                subject.metadata.location(pointer),
                f"the checkpoint of {subject.version} names no heads: outputs are told by position",
                measured="no heads",
                expected="a mapping from head name to output",
                key="heads",
                evidence=(),
            )
            heads = []
        answered = [str(c) for c in predictions(subject).columns]
        yield Examined(len(answered) + len(heads), "heads")
        yield Evidence(
            "heads",
            "Heads of the checkpoint and columns of the predictor",
            ("head", "kind", "label", "output", "predicted"),
            tuple((h.name, h.kind.value, h.label, h.position, h.name in answered) for h in heads),
        )
        yield from self._columns(heads, answered)
        yield from self._positions(subject, heads)

    def _columns(self, heads: list[Head], answered: list[str]) -> Answers:
        names = [h.name for h in heads]
        doubled = sorted({c for c in answered if answered.count(c) > 1})
        numbered = [c for c in answered if NUMBERED.fullmatch(c.lower())]
        for kind, columns in (
            ("stand more than once in the predictions", doubled),
            ("are numbered, not named", numbered),
            ("are predicted, and no head of the checkpoint", self._beyond(answered, names)),
            ("are heads of the checkpoint, and not predicted", self._beyond(names, answered)),
        ):
            if columns:
                yield self.departs(
                    f"{len(columns)} outputs {kind}: {', '.join(columns[:5])}",
                    measured=", ".join(answered),
                    expected=", ".join(names) or "named heads",
                    key=kind,
                )

    @staticmethod
    def _beyond(some: list[str], others: list[str]) -> list[str]:
        return [name for name in dict.fromkeys(some) if name not in others] if others else []

    def _positions(self, subject: Subject, heads: list[Head]) -> Answers:
        outputs = subject.metadata.get(self.outputs)
        names = outputs if isinstance(outputs, list) else []
        by_position: dict[int, list[Head]] = {}
        for head in heads:
            if head.position is not None:
                by_position.setdefault(head.position, []).append(head)
        for position, sharing in by_position.items():
            for head in sharing[1:]:
                yield self.finding(
                    head.location,
                    f"heads {sharing[0].name} and {head.name} read the same output {position}",
                    measured=position,
                    expected="an output of its own",
                    key=head.name,
                    severity=Severity.CRITICAL,
                )
        wrong = [
            (head, str(names[head.position]))
            for head in heads
            if head.position is not None
            and 0 <= head.position < len(names)
            and isinstance(names[head.position], str)
            and names[head.position] != head.name in names
        ]
        if wrong:
            yield self.finding(
                wrong[0][0].location,
                "; ".join(
                    f"head {head.name} reads output {head.position}, which the checkpoint names "
                    f"{read}"
                    for head, read in wrong[:5]
                )
                + (f"; and {len(wrong) - 5} others" if len(wrong) > 5 else ""),
                measured=", ".join(read for _, read in wrong),
                expected=", ".join(head.name for head, _ in wrong),
                key=f"{' '.join(head.name for head, _ in wrong)} output",
                severity=Severity.CRITICAL,
            )
