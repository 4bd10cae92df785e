"""Gates: named sets of checks with an exit code, run without any notebook.

The plan's seven smoke checks are the sets below; a gate is one or more of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from audit_lib.checks.base import Check
from audit_lib.checks.catalogue import check_class
from audit_lib.engine import Progress, check_parameters, configured, run_checks
from audit_lib.errors import AuditError
from audit_lib.exemptions import apply, load_exemptions
from audit_lib.model import CheckResult, Verdict, verdict_of
from audit_lib.subject.subject import Subject

#: smoke check of the plan -> check codes
SMOKE: dict[str, tuple[str, ...]] = {
    "checkpoint_inventory": ("CHK001", "CHK002", "CHK003", "CHK007", "SEC001"),
    "feature_schema_alignment": ("FEA001", "FEA002", "CHK006"),
    "norm_stats_sanity": ("CHK005",),
    "model_forward_contract": ("HED001", "HED002"),
    "output_distribution": ("HED003",),
    "ruleset_execution_smoke": ("INT002", "INT003"),
    "feature_pipeline_parity": ("FEA003",),
}


@dataclass(frozen=True)
class Gate:
    """A named set of checks that must be kept before something happens."""

    name: str
    before: str
    smoke: tuple[str, ...]
    extra: tuple[str, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the checks, each once, in order."""
        listed = [code for name in self.smoke for code in SMOKE[name]]
        return tuple(dict.fromkeys([*listed, *self.extra]))

    @property
    def checks(self) -> tuple[type[Check], ...]:
        """The checks themselves."""
        return tuple(check_class(code) for code in self.codes)


GATES: dict[str, Gate] = {
    gate.name: gate
    for gate in (
        Gate(
            "train",
            "a training run is accepted",
            ("checkpoint_inventory", "feature_schema_alignment", "norm_stats_sanity"),
            ("SPL001", "SPL002"),
        ),
        Gate(
            "backtest",
            "a backtest",
            (
                "checkpoint_inventory",
                "feature_schema_alignment",
                "norm_stats_sanity",
                "model_forward_contract",
                "ruleset_execution_smoke",
            ),
        ),
        Gate("live", "demo or live trading", tuple(SMOKE), ("INT001", "VER001", "VER002")),
        Gate(
            "pull_request",
            "a change that may affect a model is merged",
            tuple(SMOKE),
            ("LED001", "LED002", "BND001", "BND006", "INT001"),
        ),
    )
}


@dataclass(frozen=True)
class GateResult:
    """What a gate came to."""

    gate: Gate
    version: str
    results: tuple[CheckResult, ...]

    @property
    def verdict(self) -> Verdict:
        """Kept, broken or inconclusive; a gate in which nothing applies is inconclusive."""
        return verdict_of(self.results) or Verdict.INCONCLUSIVE


def gate_named(name: str) -> Gate:
    """The gate of that name.

    Raises:
        AuditError: no such gate; the message lists them.
    """
    if name not in GATES:
        raise AuditError(
            f"no gate is called {name!r}", where="gate", mend=f"use one of: {', '.join(GATES)}"
        )
    return GATES[name]


def run_gate(
    gate: Gate, subject: Subject, *, today: date, progress: Progress | None = None
) -> GateResult:
    """Run the checks of a gate on the subject's version, with the subject's exemptions."""
    check_parameters(subject)
    exemptions = load_exemptions(subject.folder)
    ready = [configured(check, subject) for check in gate.checks]
    results = run_checks(ready, subject, progress=progress)
    applied = apply(results, exemptions, version=subject.version, today=today)
    return GateResult(gate, subject.version, applied.results)
