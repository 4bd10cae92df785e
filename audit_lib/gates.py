"""Gates: named sets of checks with an exit code, run without any notebook.

The plan's seven smoke checks are the sets below; a gate is one or more of them.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from audit_lib.engine import Progress, run_checks
from audit_lib.errors import ParameterError
from audit_lib.exemptions import apply, load_exemptions
from audit_lib.model import CheckResult, Verdict, verdict_of
from audit_lib.selection import (
    Roster,
    Selection,
    check_parameters,
    configured,
    expanded,
    roster_of,
    selected,
)
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


#: the plan's names, numbered in its order
NUMBERED = {f"{i:02d}_{name}": name for i, name in enumerate(SMOKE, start=1)}


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


def gates_of(subject: Subject | None = None) -> dict[str, Gate]:
    """The gates there are: ours with the foreign checks that join them, then a subject's own.

    Raises:
        ParameterError: an own gate has a name of ours, holds itself, or names no check.
    """
    roster = roster_of(subject)
    gates = {n: replace(g, extra=(*g.extra, *roster.joining(n))) for n, g in GATES.items()}
    if subject is None:
        return gates
    where = f"{subject.folder / 'subject.yaml'}: gates"
    for name in subject.parameters.gates:
        if name in GATES:
            raise ParameterError(
                f"gate {name!r} is one of the workbook's own, which stay as they are",
                where=where,
                mend=f"choose another name; it may hold that gate: `mine: [{name}, ...]`",
            )
        codes = _members(name, subject, gates, roster, f"{where}.{name}", ())
        gates[name] = Gate(name, "what the subject's owners decide", (), codes)
    return gates


def _members(
    name: str,
    subject: Subject,
    known: dict[str, Gate],
    roster: Roster,
    where: str,
    inside: tuple[str, ...],
) -> tuple[str, ...]:
    """Codes of an own gate, whose members are codes, beginnings of codes, and other gates."""
    if name in inside:
        raise ParameterError(
            f"gate {name!r} holds itself", where=where, mend="take it out of what it names"
        )
    own, codes = subject.parameters.gates, list[str]()
    for member in own[name]:
        if member in own:
            codes += _members(member, subject, known, roster, where, (*inside, name))
        elif member in known:
            codes += known[member].codes
        elif member == member.lower():
            raise _unknown(member, [*known, *own], where)
        else:
            codes += expanded([member], roster, where)
    joined = [*codes, *roster.joining(name)]
    return tuple(code for code in roster.codes if code in joined)


def gate_named(name: str, subject: Subject | None = None) -> Gate:
    """The gate of that name, of ours or of the subject's own.

    Raises:
        AuditError: no such gate; the message lists them.
    """
    gates = gates_of(subject)
    if name not in gates:
        raise _unknown(name, list(gates), "gate")
    return gates[name]


def smoke_named(name: str) -> Gate:
    """A smoke check of the plan as a gate of its own, or all seven.

    Args:
        name: as in :data:`NUMBERED`, its number or its name alone, or ``all``.

    Raises:
        ParameterError: there is none; the message lists them.
    """
    if name == "all":
        return Gate("smoke", "a backtest or live trading", tuple(SMOKE))
    for full, short in NUMBERED.items():
        if name in (full, short, full[:2], full[1:2]):
            return Gate(full, "a backtest or live trading", (short,))
    raise _unknown(name, [*NUMBERED, "all"], "smoke", what="smoke check")


def checks_named(codes: Sequence[str], subject: Subject) -> Gate:
    """Checks by codes, or beginnings of codes, with blanks or commas between, as their own gate.

    Raises:
        ParameterError: one of them fits no check; the message says what is near.
    """
    named = [code for code in ",".join(codes).upper().replace(" ", "").split(",") if code]
    return Gate("check", "anything", (), expanded(named or codes, roster_of(subject), "CODE"))


def smoke_verdicts(result: GateResult) -> dict[str, Verdict]:
    """What each smoke check of a gate came to, by its numbered name."""
    verdicts = {}
    for full, short in NUMBERED.items():
        if short in result.gate.smoke:
            own = [r for r in result.results if r.code in SMOKE[short]]
            verdicts[full] = verdict_of(own) or Verdict.INCONCLUSIVE
    return verdicts


def _unknown(name: str, known: list[str], where: str, what: str = "gate") -> ParameterError:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return ParameterError(
        f"no {what} is called {name!r}", where=where, mend=f"{hint}use one of: {', '.join(known)}"
    )


#: beginnings of codes of checks that read and never drive a hook
_READING = ("LED", "SEC", "DOC", "BND", "CHK0")


def may_drive_hooks(gate: Gate) -> bool:
    """False where every check of a gate only reads; told without importing them."""
    return any(not code.startswith(_READING) for code in gate.codes)


def run_gate(
    gate: Gate,
    subject: Subject,
    *,
    today: date,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    progress: Progress | None = None,
) -> GateResult:
    """Run the checks of a gate on the subject's version, with the subject's exemptions.

    Args:
        select, ignore: selectors of checks; what they leave out is not assessed.

    Raises:
        ParameterError: they fit no check, or leave none of the gate.
    """
    check_parameters(subject)
    exemptions = load_exemptions(subject.folder)
    roster = roster_of(subject)
    selection = selected(subject, roster, select=select, ignore=ignore)
    _leaves_some(gate, selection)
    ready = [configured(roster.get(code), subject) for code in gate.codes]
    results = run_checks(ready, subject, selection=selection, progress=progress)
    applied = apply(results, exemptions, version=subject.version, today=today)
    return GateResult(gate, subject.version, applied.results)


def _leaves_some(gate: Gate, selection: Selection) -> None:
    if all(selection.left_out(code) for code in gate.codes):
        raise ParameterError(
            f"no check of the gate is left: {selection.left_out(gate.codes[0])}",
            where=f"gate {gate.name}",
            mend=f"it holds {', '.join(gate.codes)}",
        )
