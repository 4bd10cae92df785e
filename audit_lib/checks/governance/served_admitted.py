from typing import Any

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Location, Severity
from audit_lib.probes.lifecycle.metrics import Metrics, recorded_metrics, text_of
from audit_lib.probes.questions.asking import Reply, ask

Admission = tuple[bool, tuple[str, ...]]


class ServedVersionsPassTheGates(Check):
    """Every version that the registry serves passes the subject's own gates as they are today.

    What it checks
        The metrics that the registry records for each of its versions, put through the subject's
        present promotion or quality gates: none of them is refused.
    Why it matters
        A gate that is tightened after an accident stops the next bad model and leaves the one that
        caused it in service. A version that its own rules would refuse is served because nobody
        asked again.
    How
        Replays `governance.admits` on every row of the registry, champion and latest first, with
        all numbers that the row records, or those below `artifacts.registry.metrics`. The reasons
        are the subject's. Versions that are not pointed to are low: they can be asked for by id.
    Limitations
        Recorded metrics are believed. A gate that needs what is not recorded cannot be replayed,
        which is said as a gap. Gates that compare with a champion are GOV001 to GOV004's.
    Remediation
        Retire the version, or move the pointer to one that passes; replay the gates whenever they
        change, and record every metric that they read.
    Sources
        Federal Reserve SR 11-7, section V (ongoing monitoring and outcomes analysis); the audit
        specification's acceptance of registry and governance.
    """

    code = "GOV005"
    severity = Severity.HIGH
    needs = ("governance.admits",)

    def run(self, subject: Subject) -> Answers:
        """Ask of every version, the ones that are pointed to first."""
        recorded = recorded_metrics(subject)
        if not recorded:
            subject.registry  # noqa: B018 - says so where there is none
            raise NotAssessed("there is no registry whose rows could record metrics")
        roles = {v: role.replace(", ", " and ") for v, role in subject.roles().items()}
        rows = []
        for version in sorted(recorded, key=lambda v: (v not in roles, v)):
            metrics = recorded[version]
            if not metrics:
                yield Gap(version, "the registry records no metrics for it")
                continue
            reply = ask(subject.at(version).hook("governance.admits"), metrics, into=admission)
            rows.append(_row(version, roles.get(version, ""), metrics, reply))
            if not reply.answered:
                yield Gap(version, f"governance.admits {reply.why}")
            elif not reply.got[0]:
                yield self._refused(subject, version, roles.get(version, ""), metrics, reply.got[1])
        yield Evidence(
            "replay",
            "Today's gates, replayed on recorded metrics",
            ("version", "served as", "admitted", "reasons", "metrics"),
            tuple(rows),
        )
        yield Examined(sum(row[2] is not None for row in rows), "versions")

    def _refused(
        self, subject: Subject, version: str, role: str, metrics: Metrics, reasons: tuple[str, ...]
    ) -> Answer:
        layout = subject.parameters.registry_layout
        assert layout is not None
        served = f"served as {role}" if role else "still in the registry"
        why = "; ".join(reasons) or "without a reason"
        return self.finding(
            Location(layout.file, base="artifacts", pointer=subject.registry.pointer(version)),
            f"{version}, {served}, is refused by today's gates: {why} ({text_of(metrics)})",
            measured="refused",
            expected="admitted",
            key=version,
            severity=self.severity if role else Severity.LOW,
            evidence=("replay",),
        )


def _row(
    version: str, role: str, metrics: Metrics, reply: Reply[Admission]
) -> tuple[str | bool | None, ...]:
    admitted = reply.got[0] if reply.answered else None
    reasons = "; ".join(reply.got[1]) if reply.answered else reply.why
    return version, role, admitted, reasons, text_of(metrics)


def admission(raw: Any) -> Admission:
    """The answer of ``governance.admits``: whether it is admitted, and the reasons."""
    if not isinstance(raw, dict) or not isinstance(raw.get("admitted"), bool):
        raise ValueError("wanted a mapping with admitted (True or False) and reasons")
    reasons = raw.get("reasons", ())
    if not isinstance(reasons, list | tuple):
        raise ValueError("reasons must be a list")
    return raw["admitted"], tuple(str(reason) for reason in reasons)
