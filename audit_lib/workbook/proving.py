"""What this audit would have seen, beside its verdicts: the last proof of the same state."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from audit_lib.faults import kept
from audit_lib.faults.catalogue import all_faults
from audit_lib.faults.harmless import harmless
from audit_lib.faults.prove import CASES, prove
from audit_lib.faults.sensitivity import Sensitivity
from audit_lib.model import CheckResult, by_contract, verdict_of
from audit_lib.subject.subject import Subject
from audit_lib.workbook.display import Note, Part, Sheet
from audit_lib.workbook.places import nameless


def proof(
    subject: Subject, runs: Path, run: Path, budget: float | None, words: Iterable[tuple[str, str]]
) -> tuple[Sensitivity | None, str]:
    """The proof of a subject as it is now, which is put into a run; else why there is none.

    Args:
        runs: folder of the version's runs, where the last proof was written.
        run: folder of the run.
        budget: seconds in which to plant what is not settled; None plants nothing.
        words: what stands in place of this machine's folders.
    """
    file = runs / kept.NAME
    last, state = kept.read(file), kept.state_of(subject)
    if budget is not None:
        last = prove(
            subject,
            all_faults(),
            harmless=harmless(),
            cases=CASES,
            budget=budget,
            state=state,
            known=last,
            keep=lambda settled: kept.write(file, settled),
        )
    mend = f"`workbook prove {subject.name} --version {subject.version}` measures it"
    if last is None:
        return None, f"never measured: {mend}"
    if not state or last.state != state:
        return None, f"measured on another state of the subject or of this library: {mend}"
    last = nameless(last, words)
    kept.write(run / kept.NAME, last)
    return last, ""


def proof_parts(sensitivity: Sensitivity, results: Sequence[CheckResult]) -> list[Part]:
    """What was planted and seen under each contract, and what stayed unseen and why."""
    verdicts = {c: verdict_of(rs) for c, rs in by_contract(results).items()}
    rows = []
    for contract in sensitivity.contracts:
        planted, seen = sensitivity.of(contract)
        verdict = verdicts.get(contract)
        rows.append((contract.title, verdict.value if verdict else None, planted, seen))
    unseen = [
        (p.contract.title, p.told + (f" ({p.case})" if p.case else ""), p.state.value, p.why)
        for p in sensitivity.unseen
    ]
    parts: list[Part] = [
        Sheet(
            f"What this audit would have seen: {sensitivity.words}",
            ("contract", "verdict", "planted", "seen"),
            tuple(rows),
            empty="nothing could be planted",
        )
    ]
    if unseen:
        columns = ("contract", "had this been so", "it would have been", "why")
        parts.append(Sheet("What would have stayed unseen", columns, tuple(unseen)))
    parts += [
        Note(f"accused although harmless: {p.told}: {p.by}: {p.why}", tone="fail")
        for p in sensitivity.accused
    ]
    return parts
