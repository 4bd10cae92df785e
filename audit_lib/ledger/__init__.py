"""Certifications: which definitions a person has read and signed, and whether that still holds.

Kept in ``ledger.toml`` beside ``subject.yaml``, in the manner of cargo-vet::

    [criteria.read]
    description = "Read line by line; does what its name and docstring say."

    [criteria.safe]
    description = "Also free of look-ahead and of silent defaults."
    implies = ["read"]

    [policy]
    required = ["read"]          # of every unit under audit
    high_risk = ["safe"]         # of units in high-risk files

    [policy.gates.live]
    required = ["safe"]

    [[certification]]
    unit = "trainer.py::Trainer.fit"
    kind = "full"                # or "delta", from the fingerprint `from`
    hash = "..."                 # the unit and what it depends on (fingerprints.py)
    body = "..."                 # the unit alone
    parts = "..."                # a short digest a statement, so that a diff needs no old source
    criteria = ["read"]
    who = "model risk"
    when = 2026-11-21
    notes = "..."

    [[violation]]                # found wanting: beats certification and exemption
    unit = "rules.py::*"
    criteria = ["safe"]
    who = "model risk"
    when = 2026-11-21
    notes = "..."

    [[exemption]]                # not read yet, by decision
    unit = "legacy/**"
    criteria = ["read"]
    owner = "research"
    reason = "..."
    expires = 2027-03-31

A certification holds for a unit whose fingerprint it names, wherever the unit stands: it carries
over white space, comments, docstrings and moves, and falls when the code, its decorators or
defaults, or what it depends on within the subsystem change.
"""

from audit_lib.ledger.form import (
    FILE,
    Certification,
    Criterion,
    GatePolicy,
    Ledger,
    LedgerExemption,
    LedgerPolicy,
    Violation,
    load,
    validate,
)
from audit_lib.ledger.judge import UnitState, diff, export, states, status, suggest
from audit_lib.ledger.review import UnitExercise, least_exercised, review
from audit_lib.ledger.write import certify, violation

__all__ = [
    "FILE", "Certification", "Criterion", "GatePolicy", "Ledger", "LedgerExemption", "LedgerPolicy",
    "UnitExercise", "UnitState", "Violation", "certify", "diff", "export", "least_exercised",
    "load", "review", "states", "status", "suggest", "validate", "violation",
]  # fmt: skip
