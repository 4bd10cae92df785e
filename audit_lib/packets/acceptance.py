"""The audit's acceptance criteria and must-nots, each answered from the results.

They are those of the audit specification and plan, said for any subject.  A criterion that rests
on contracts is met where all of them are kept, not met where one is broken, and not told where
nothing applies or something could not be assessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from audit_lib.model import CheckResult, Contract, Task, Verdict, verdict_of
from audit_lib.packets.packet import Packet

C = Contract


@dataclass(frozen=True)
class Answer:
    """One criterion, answered.

    Attributes:
        text: the criterion.
        verdict: kept where it is met, broken where not, inconclusive where nobody can tell.
        rests_on: what the answer rests on, in a few words.
    """

    text: str
    verdict: Verdict
    rests_on: str


#: criterion -> contracts that must all be kept
_CONTRACTS: tuple[tuple[str, tuple[Contract, ...]], ...] = (
    ("Every line of the subsystem is accounted for", (C.LEDGER,)),
    ("Checkpoint metadata is present and consistent", (C.CHECKPOINT,)),
    ("Feature contracts of trainer and predictor are validated", (C.FEATURE_VECTOR,)),
    ("Labels and folds leak nothing from the future", (C.TARGET_LABEL, C.SPLITS)),
    ("Outputs are named, and backtest and live agree", (C.HEAD_MAPPING, C.INTERPRETATION)),
    ("Versioning and governance are deterministic", (C.VERSIONING, C.GOVERNANCE)),
    ("Retraining answers drift", (C.RETRAIN, C.DRIFT)),
    ("Documents say what the code does", (C.DOCS,)),
)
_MUST_NOT = "No serious finding stands open in a high-risk file"
_CLOSURE = "LED901"


def answers(packet: Packet) -> list[Answer]:
    """Every criterion, answered for the packet."""
    made = [_of_contracts(text, contracts, packet.results) for text, contracts in _CONTRACTS]
    return [*made, _boundaries(packet), _must_not(packet), _untouched(packet)]


def _of_contracts(
    text: str, contracts: tuple[Contract, ...], results: Iterable[CheckResult]
) -> Answer:
    # The closing task's ledger checks speak of findings and waivers, not of lines.
    held = [r for r in results if r.contract in contracts and not _closes(r)]
    # A contract that no check looked at is not one that was validated.
    unseen = [c for c in contracts if verdict_of(r for r in held if r.contract is c) is None]
    verdict = verdict_of(held) or Verdict.INCONCLUSIVE
    if unseen and verdict is Verdict.KEPT:
        verdict = Verdict.INCONCLUSIVE
    names = ", ".join(c.title.lower() for c in contracts)
    said = f"contract{'s' if len(contracts) > 1 else ''} {names}"
    if unseen:
        said += f" ({', '.join(c.title.lower() for c in unseen)}: nothing applies)"
    return Answer(text, verdict, said)


def _closes(result: CheckResult) -> bool:
    return result.contract is Contract.LEDGER and result.task is Task.T6


def _boundaries(packet: Packet) -> Answer:
    text = "Every high-risk boundary has an explicit pass or fail"
    risky = [b for b in packet.boundaries if b.risk.lower() in ("high", "critical")]
    open_ = [b.boundary for b in risky if b.verdict is Verdict.INCONCLUSIVE]
    if not risky:
        return Answer(text, Verdict.INCONCLUSIVE, "no high-risk boundary is declared")
    if open_:
        return Answer(text, Verdict.BROKEN, f"undecided: {', '.join(open_)}")
    return Answer(text, Verdict.KEPT, f"{len(risky)} high-risk boundaries")


def _must_not(packet: Packet) -> Answer:
    closing = [r for r in packet.results if r.code == _CLOSURE]
    verdict = verdict_of(closing) or Verdict.INCONCLUSIVE
    why = closing[0].reason if closing else "the closing task did not run"
    return Answer(_MUST_NOT, verdict, f"check {_CLOSURE}" + (f": {why}" if why else ""))


def _untouched(packet: Packet) -> Answer:
    text = "The audit retrained, replaced and wrote nothing of the subject"
    if packet.void:
        return Answer(text, Verdict.BROKEN, "the subject's digest changed")
    if not packet.provenance.subject_before:
        return Answer(text, Verdict.INCONCLUSIVE, "no digest was taken")
    return Answer(text, Verdict.KEPT, "the subject's digest before and after")
