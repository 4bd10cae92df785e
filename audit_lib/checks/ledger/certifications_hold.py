from collections import defaultdict

from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.ledger import FILE, UnitState, load, states
from audit_lib.model import Evidence, Examined, Location, Severity, View
from audit_lib.subject.code import code_of


class CertificationsHold(Check):
    """What policy wants certified is certified for the code as it is now, and nothing is in breach.

    What it checks
        Each unit under audit against the policy of `ledger.toml`: that the criteria asked for are
        certified for its present fingerprint, that no violation stands against it, and that
        exemptions have not run out.
    Why it matters
        "Reviewed" is true of a text, not of a file name. After the next commit it is a memory, and
        the lines that changed are the ones that nobody has read.
    How
        A certification names the digest of the unit's normalised syntax tree together with what it
        depends on within the subsystem. It is followed along deltas back to a full one. A violation
        beats certifications and exemptions.
    Limitations
        It shows that somebody signed, not that he read. Dependencies are those that resolve in the
        text. Units in files that do not parse cannot be certified.
    Remediation
        Read what `workbook ledger suggest` names and certify it, or exempt it with owner, reason
        and expiry.
    Sources
        cargo-vet's audits, violations and exemptions; the audit specification's acceptance
        criterion of 100 % of lines reviewed.
    """

    code = "LED004"
    severity = Severity.MEDIUM
    reads = Reads.CODE

    gate: str = Field("", description="gate of the ledger's policy to apply on top")

    def run(self, subject: Subject) -> Answers:
        """Judge every unit; report by file."""
        ledger = load(subject.folder)
        policy = ledger.policy
        if not (policy.required or policy.high_risk or policy.gates or ledger.violation):
            raise NotAssessed(f"no policy says what must be certified ({FILE}: [policy])")
        unit_states = states(subject, ledger, gate=self.gate)
        obliged = [s for s in unit_states if s.wanted]
        if not obliged and not any(s.violated for s in unit_states):
            if policy.gates and not (policy.required or policy.high_risk):
                gates = ", ".join(policy.gates)
                raise NotApplicable(f"the policy asks for certifications at gates alone: {gates}")
            raise NotAssessed(f"the policy asks nothing of any of the {len(unit_states)} units")
        wanting: dict[str, list[UnitState]] = defaultdict(list)
        for state in unit_states:
            if state.violated and set(state.violated) & set(state.wanted or state.violated):
                yield self._violated(subject, state)
            elif state.missing:
                wanting[state.path].append(state)
        for path, units in wanting.items():
            yield self._uncertified(subject, path, units)
        yield _table(unit_states)
        yield _shares(unit_states, tuple(ledger.criteria))
        yield Examined(len(obliged), "units of which the policy asks something")

    def _violated(self, subject: Subject, state: UnitState) -> Answer:
        file = code_of(subject.source).files[state.path]
        line = next((u.line for u in file.units if u.key == state.key), 1)
        return self.finding(
            Location(state.path, line=line, symbol=state.name),
            f"{state.name} is recorded as not meeting {', '.join(state.violated)}",
            measured="violation",
            expected="no violation",
            key="violation " + " ".join(state.violated),
            severity=Severity.CRITICAL,
            evidence=("units",),
        )

    def _uncertified(self, subject: Subject, path: str, units: list[UnitState]) -> Answer:
        lines = sum(s.lines for s in units)
        stale = [s for s in units if s.stale]
        criteria = sorted({c for s in units for c in s.missing})
        stale_text = f"; {stale[0].name}: {stale[0].stale}" if stale else ""
        more = f" and {len(stale) - 1} more" if len(stale) > 1 else ""
        return self.finding(
            Location(path),
            f"{len(units)} units ({lines} lines) lack {', '.join(criteria)}{stale_text}{more}",
            measured=f"{lines} lines not certified",
            expected="all lines certified or exempted",
            key=" ".join(criteria),
            severity=Severity.HIGH if subject.source.is_high_risk(path) else self.severity,
            evidence=("units", "shares"),
        )


def _table(units: tuple[UnitState, ...]) -> Evidence:
    return Evidence(
        "units",
        "Certification by unit",
        ("file", "unit", "lines", "held", "missing", "violated", "exempted", "stale", "by"),
        tuple(
            (s.path, s.name, s.lines, *(", ".join(x) for x in (s.held, s.missing, s.violated,
             s.exempted)), s.stale, ", ".join(s.certified_by))
            for s in units
        ),
    )  # fmt: skip


def _shares(units: tuple[UnitState, ...], criteria: tuple[str, ...]) -> Evidence:
    return Evidence(
        "shares",
        "Certified lines by criterion",
        ("label", "value"),
        tuple(
            (c, sum(s.lines for s in units if c in s.held and c not in s.violated))
            for c in criteria
        ),
        View.BARS,
        f"lines, of {sum(s.lines for s in units)}",
    )
