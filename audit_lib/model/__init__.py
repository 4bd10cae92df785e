"""The nouns: frozen dataclasses and enums that all else speaks in.  Standard library only."""

from audit_lib.model.results import (
    Bound,
    BoundaryVerdict,
    CheckResult,
    Evidence,
    Examined,
    Exempted,
    Exercised,
    FileReview,
    Finding,
    Gap,
    Location,
    Margin,
    Review,
    Scalar,
    TaskResult,
    digest_of,
)
from audit_lib.model.verdicts import (
    WORST_FIRST,
    breaks,
    by_contract,
    effective_outcome,
    not_run,
    noted,
    ranked,
    run_verdict,
    verdict_of,
    verdict_words,
    weight,
    worst_verdict,
)
from audit_lib.model.vocabulary import Contract, Outcome, Severity, Task, Verdict, View

__all__ = [
    "WORST_FIRST", "Bound", "BoundaryVerdict", "CheckResult", "Contract", "Evidence", "Examined",
    "Exempted", "Exercised", "FileReview", "Finding", "Gap", "Location", "Margin", "Outcome",
    "Review", "Scalar", "Severity", "Task", "TaskResult", "Verdict", "View", "breaks",
    "by_contract", "digest_of", "effective_outcome", "not_run", "noted", "ranked", "run_verdict",
    "verdict_of", "verdict_words", "weight", "worst_verdict",
]  # fmt: skip
