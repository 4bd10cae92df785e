"""The audit's acceptance criteria and must-nots, each answered from the results.

They are those of the audit specification and plan, said for any subject.  A criterion is met where
everything that it rests on is kept, not met where some of it is broken, and not answered where
nothing applies or something could not be assessed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audit_lib.model import (
    CheckResult,
    Contract,
    Outcome,
    Severity,
    Task,
    Verdict,
    breaks,
    effective_outcome,
    verdict_of,
    worst_verdict,
)
from audit_lib.model.reviews import shares
from audit_lib.packets.packet import Packet
from audit_lib.reporters.report import severities
from audit_lib.reporters.text import count

C = Contract
WORDS = {
    Verdict.KEPT: "met",
    Verdict.BROKEN: "not met",
    Verdict.INCONCLUSIVE: "not answered",
}


@dataclass(frozen=True)
class Answer:
    """One criterion, answered.

    Attributes:
        verdict: kept where it is met, broken where not, inconclusive where nobody can tell.
        rests_on: what the answer rests on, in a few words.
        must_not: it forbids something, rather than asks for it.
    """

    text: str
    verdict: Verdict
    rests_on: str
    must_not: bool = False

    @property
    def word(self) -> str:
        """``met``, ``not met`` or ``not answered``."""
        return WORDS[self.verdict]


_ACCOUNTED = ("LED001", "LED002")
_CERTIFIED = "LED004"
#: criterion -> contracts that must all be kept
_CONTRACTS: tuple[tuple[str, tuple[Contract, ...]], ...] = (
    ("Checkpoint metadata is present and consistent", (C.CHECKPOINT,)),
    ("Feature contracts of trainer and predictor are validated", (C.FEATURE_VECTOR,)),
    ("Labels and folds leak nothing from the future", (C.TARGET_LABEL, C.SPLITS)),
    ("Outputs are named, and backtest and live agree", (C.HEAD_MAPPING, C.INTERPRETATION)),
    ("Versioning and governance are deterministic", (C.VERSIONING, C.GOVERNANCE)),
    ("Retraining answers drift", (C.RETRAIN, C.DRIFT)),
    ("Documents say what the code does", (C.DOCS,)),
)
_CLOSURE = "LED901"
#: checks that tell whether what is stored has the format that it is versioned as
_FORMAT = ("CHK004", "FEA001")
#: the check of what must be recorded, without which nobody can tell
_RECORDED = "CHK001"


def answers(packet: Packet) -> list[Answer]:
    """Every criterion, then every must-not, answered for the packet."""
    results = packet.results
    return [
        # What is low there concerns files outside of the audited folders.
        _of_checks(
            "Every line of the subsystem is accounted for and scanned",
            _ACCOUNTED,
            results,
            Severity.MEDIUM,
        ),
        _certified(packet),
        _exercised(packet),
        *(_of_contracts(text, contracts, results) for text, contracts in _CONTRACTS),
        _boundaries(packet),
        Answer(
            "The audit retrained, replaced and wrote nothing of the subject",
            *_digest(packet),
            must_not=True,
        ),
        _format(packet),
        _high_risk(packet),
    ]


def _of_checks(
    text: str,
    codes: Sequence[str],
    results: Sequence[CheckResult],
    least: Severity = Severity.LOW,
) -> Answer:
    """Answered by checks; findings below ``least`` are about less than the criterion asks."""
    held = [r for r in results if r.code in codes]
    missing = [code for code in codes if code not in {r.code for r in held}]
    lesser = [r for r in held if _only_below(r, least)]
    verdict = verdict_of(r for r in held if r not in lesser)
    if verdict is None:
        verdict = Verdict.KEPT if lesser else Verdict.INCONCLUSIVE
    unclear = missing or any(r.gaps for r in lesser)
    if unclear and verdict is Verdict.KEPT:
        verdict = Verdict.INCONCLUSIVE
    parts = [_outcome_words([r for r in held if r not in lesser], missing)]
    parts += [f"{r.code}: {_severities([r])}, not about this" for r in lesser]
    counted = (f"{e.count:,} {e.what}" for r in held for e in r.examined if e.count)
    parts += [", ".join(dict.fromkeys(counted))]
    return Answer(text, verdict, "; ".join(filter(None, parts)))


def _severities(results: Iterable[CheckResult]) -> str:
    return severities(f for r in results for f in r.open_findings if breaks(f))


def _only_below(result: CheckResult, least: Severity) -> bool:
    broken = effective_outcome(result) is Outcome.FAIL
    return broken and all(f.severity < least for f in result.open_findings)


def _certified(packet: Packet) -> Answer:
    """Whether every line is certified, under each criterion, and not only what policy asks."""
    policy = _of_checks("Every line is certified by a person", (_CERTIFIED,), packet.results)
    review = packet.review
    if review is None:
        why = f"no task has taken stock of the lines; {policy.rests_on}"
        return Answer(policy.text, worst_verdict([policy.verdict, Verdict.INCONCLUSIVE]), why)
    signed = [s for s in shares(review) if s.kind == "certified"]
    whole = all(s.lines == s.of for s in signed)
    counted = "; ".join(f"{s.lines or 0:,} of {s.of:,} {s.said}" for s in signed)
    verdict = policy.verdict if whole else Verdict.BROKEN
    asked = policy.rests_on or "none asks for it"
    return Answer(policy.text, verdict, f"{counted}; the policy: {asked}")


def _exercised(packet: Packet) -> Answer:
    """Whether probes executed every statement, over all tasks that measured."""
    text = "Every line of the subsystem is exercised by a probe"
    review = packet.review
    if review is None:
        return Answer(text, Verdict.INCONCLUSIVE, "no task has taken stock of the lines")
    (ran,) = (part for part in shares(review) if part.kind == "exercised")
    if ran.lines is None:
        return Answer(text, Verdict.INCONCLUSIVE, ran.said)
    rests_on = "; ".join((f"{ran.lines:,} of {ran.of:,} {ran.said}", *review.missing[:3]))
    return Answer(text, Verdict.KEPT if ran.lines == ran.of else Verdict.BROKEN, rests_on)


def _of_contracts(
    text: str, contracts: tuple[Contract, ...], results: Iterable[CheckResult]
) -> Answer:
    held = [r for r in results if r.contract in contracts]
    # A contract that no check looked at is not one that was validated.
    unseen = [c for c in contracts if verdict_of(r for r in held if r.contract is c) is None]
    verdict = verdict_of(held) or Verdict.INCONCLUSIVE
    if unseen and verdict is Verdict.KEPT:
        verdict = Verdict.INCONCLUSIVE
    inapplicable = "; ".join(f"{c.title.lower()}: nothing applies" for c in unseen)
    return Answer(text, verdict, "; ".join(filter(None, (_outcome_words(held), inapplicable))))


def _outcome_words(held: Sequence[CheckResult], missing: Sequence[str] = ()) -> str:
    """What checks came to: broken and silent ones by code, the others by number."""
    outcomes = {r.code: effective_outcome(r) for r in held}
    broken = [r for r in held if outcomes[r.code] is Outcome.FAIL]
    untold = [r.code for r in held if outcomes[r.code] in (Outcome.ERROR, Outcome.NOT_ASSESSED)]
    met = [r.code for r in held if outcomes[r.code] is Outcome.PASS]
    parts = []
    if broken:
        parts.append(f"broken: {', '.join(r.code for r in broken)} ({_severities(broken)})")
    if untold:
        parts.append(f"not told: {', '.join(untold)}")
    if missing:
        parts.append(f"not run: {', '.join(missing)}")
    if met:
        parts.append(f"kept: {', '.join(met) if len(met) <= 3 else count(len(met), 'check')}")
    return "; ".join(parts)


def _boundaries(packet: Packet) -> Answer:
    text = "Every high-risk boundary has an explicit pass or fail"
    risky = [b for b in packet.boundaries if b.risk.lower() in ("high", "critical")]
    open_ = [b.boundary for b in risky if b.verdict is Verdict.INCONCLUSIVE]
    if not risky:
        ran = any(t.task is Task.T6 for t in packet.tasks)
        why = "no high-risk boundary is declared" if ran else "the closing task did not run"
        return Answer(text, Verdict.INCONCLUSIVE, why)
    if open_:
        return Answer(text, Verdict.BROKEN, f"undecided: {', '.join(open_)}")
    failed = [b.boundary for b in risky if b.verdict is Verdict.BROKEN]
    passed = f"{len(risky)} high-risk boundaries: {len(risky) - len(failed)} pass"
    named = f" ({', '.join(failed)})" if failed else ""
    return Answer(text, Verdict.KEPT, f"{passed}, {len(failed)} fail{named}")


def _high_risk(packet: Packet) -> Answer:
    text = "No serious finding stands open in a high-risk file"
    closing = [r for r in packet.results if r.code == _CLOSURE]
    verdict = verdict_of(closing) or Verdict.INCONCLUSIVE
    if not closing:
        return Answer(text, verdict, "the closing task did not run", must_not=True)
    result = closing[0]
    rests_on = f"check {_CLOSURE}"
    if result.open_findings:
        rests_on += f": {'; '.join(f.message for f in result.open_findings)}"
    elif result.reason:
        rests_on += f": {result.reason}"
    elif result.examined:
        rests_on += ": none among " + ", ".join(f"{e.count:,} {e.what}" for e in result.examined)
    return Answer(text, verdict, rests_on, must_not=True)


def _digest(packet: Packet) -> tuple[Verdict, str]:
    if packet.void:
        return Verdict.BROKEN, "the subject's digest changed"
    if not packet.provenance.subject_before:
        return Verdict.INCONCLUSIVE, "no digest was taken"
    return Verdict.KEPT, "the subject's digest before and after"


def _format(packet: Packet) -> Answer:
    text = "No artifact's format changed without its version"
    verdict, why = _digest(packet)
    # A field that is missing shows no change; it only keeps one from being seen.
    held = _of_checks(text, _FORMAT, packet.results, Severity.HIGH)
    recorded = _of_checks(text, (_RECORDED,), packet.results)
    seen = Verdict.KEPT if recorded.verdict is Verdict.KEPT else Verdict.INCONCLUSIVE
    worst = worst_verdict([verdict, held.verdict, seen])
    rests_on = f"{why}; {held.rests_on}; what is recorded: {recorded.rests_on}"
    return Answer(text, worst, rests_on, must_not=True)
