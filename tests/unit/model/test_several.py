from dataclasses import replace

import made_up

from audit_lib.model import CheckResult, Finding, Outcome, Severity
from audit_lib.model.several import combined


def result(*findings: Finding) -> CheckResult:
    outcome = Outcome.FAIL if findings else Outcome.PASS
    return made_up.result("TGT001", outcome, findings=findings)


def found(text: str, *, about: str = "reach", severity: Severity = Severity.HIGH) -> Finding:
    return replace(made_up.finding("TGT001"), message=text, key=about, severity=severity)


def test_a_cause_that_shows_at_every_key_is_one_finding_with_its_worst_case():
    whole = combined(
        [
            ("horizon=5", result(found("reads 6"))),
            ("horizon=10", result()),
            ("horizon=20", result(found("reads 30", severity=Severity.CRITICAL))),
        ]
    )
    (one,) = whole.findings
    assert one.message == "horizon=20: reads 30 (so also at horizon=5)"
    assert (one.variant, one.severity, one.evidence[-1]) == ("", Severity.CRITICAL, "keys-1")
    table = next(e for e in whole.evidence if e.name == "keys-1")
    assert [row[:2] for row in table.rows] == [("horizon=5", "high"), ("horizon=20", "critical")]


def test_labels_that_are_named_after_their_horizon_are_the_same_one():
    whole = combined(
        [(f"horizon={n}", result(found("late", about=f"target_{n}d"))) for n in (5, 15, 20)]
    )
    assert [f.message for f in whole.findings] == [
        "horizon=5: late (so also at horizon=15 and horizon=20)"
    ]


def test_what_one_key_shows_keeps_its_name_and_variants_stay_apart():
    alone = combined([("horizon=5", result(found("late"))), ("horizon=10", result())])
    assert [f.variant for f in alone.findings] == ["horizon=5"]
    parts = [("fast", result(found("late"))), ("slow", result(found("late")))]
    assert [f.variant for f in combined(parts).findings] == ["fast", "slow"]
    both = [(f"{name}, horizon={n}", result(found("late"))) for name in ("a", "b") for n in (5, 10)]
    assert [f.variant for f in combined(both).findings] == ["a", "b"]


def test_causes_that_differ_stay_apart():
    parts = [(f"horizon={n}", result(found("late"), found("early", about="past"))) for n in (5, 10)]
    assert len(combined(parts).findings) == 2
