"""GOV005: today's gates, replayed on what the registry recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.subject.subject import Subject
from audit_lib.testing import assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

EMPTY_CHAIR = "    if champion is None:\n        return True\n"
GATES = """
@surface("governance")
def admits(at, metrics):
    if "gap" not in metrics:
        raise Refusal("records no gap")
    reasons = [f"gap {metrics['gap']:.2f} exceeds 0.15"] if metrics["gap"] > 0.15 else []
    if metrics.get("r2", 0.0) < 0:
        reasons.append("r2 below 0")
    return {"admitted": not reasons, "reasons": reasons}
"""


@contextmanager
def served(folder: Path, registry: object, gates: str = GATES, key: str = "") -> Iterator[Subject]:
    layout = f'registry: {{file: registry.json, metrics: "{key}"}}'
    with tiny(folder, gates, parameters=f"artifacts: {{store: store, {layout}}}") as subject:
        (subject.root / "store").mkdir()
        (subject.root / "store" / "registry.json").write_text(json.dumps(registry))
        yield subject


@pytest.mark.passes("GOV005")
def test_the_reference_engine_serves_what_it_would_promote(reference):
    result = run_check("GOV005", reference)
    assert_passes(result)
    assert result.examined[0].count == len(reference.registry.rows)


@pytest.mark.fails("GOV005")
def test_a_gate_that_was_tightened_after_the_champion_was_promoted(engine):
    tightened = EMPTY_CHAIR.replace("True", 'challenger["auc"] >= CHAMPION')
    registry = json.loads((engine.store / "registry.json").read_text())
    champion = registry["champion"]
    auc = {row["version_id"]: row["metrics"]["auc"] for row in registry["versions"]}
    edit_source(
        engine,
        "governance.py",
        EMPTY_CHAIR,
        tightened.replace("CHAMPION", f"{auc[champion] + 1e-6:.8f}"),
    )
    with mutant(engine) as subject:
        result = run_check("GOV005", subject)
    found = next(f for f in result.findings if f.key == champion)
    assert found.severity is Severity.HIGH
    assert found.message.startswith(
        f"{champion}, served as champion, is refused by today's gates: "
        "governance does not promote it even into an empty chair (auc "
    )
    assert {f.key for f in result.findings} == {v for v, got in auc.items() if got <= auc[champion]}


@pytest.mark.passes("GOV005")
def test_versions_that_pass_are_silent(tmp_path):
    rows = [{"version_id": "a", "gap": 0.1}, {"version_id": "b", "gap": 0.0, "r2": 0.2}]
    with served(tmp_path, {"versions": rows, "latest": "b"}) as subject:
        result = run_check("GOV005", subject)
    assert_passes(result)
    assert [row[:3] for row in result.evidence[0].rows] == [("b", "latest", True), ("a", "", True)]


@pytest.mark.fails("GOV005")
def test_what_is_served_weighs_more_than_what_is_kept(tmp_path):
    rows = [
        {"version_id": "a", "scores": {"gap": 0.66, "r2": -0.13, "name": "x", "ok": True}},
        {"version_id": "b", "scores": {"gap": 0.66}},
        {"version_id": "c", "scores": {"gap": 0.1}},
    ]
    registry = {"versions": rows, "latest": "a", "champion": "a"}
    with served(tmp_path, registry, key="scores") as subject:
        result = run_check("GOV005", subject)
    first, second = result.findings
    assert (first.key, first.severity, first.location.pointer) == (
        "a",
        Severity.HIGH,
        "/versions/0",
    )
    assert first.message == (
        "a, served as champion and latest, is refused by today's gates: "
        "gap 0.66 exceeds 0.15; r2 below 0 (gap 0.66, r2 -0.13)"
    )
    assert (second.key, second.severity) == ("b", Severity.LOW)
    assert "b, still in the registry, is refused" in second.message


def test_missing_metrics_are_gaps_and_no_pass(tmp_path):
    rows = [{"version_id": "a"}, {"version_id": "b", "r2": 0.1}, {"version_id": "c", "gap": 0.0}]
    with served(tmp_path, {"versions": rows, "latest": "a"}) as subject:
        result = run_check("GOV005", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert {g.what: g.why for g in result.gaps} == {
        "a": "the registry records no metrics for it",
        "b": "governance.admits refused: records no gap",
    }
    assert result.examined[0].count == 1


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("True", "wanted a mapping with admitted"),
        ('{"admitted": 1, "reasons": []}', "wanted a mapping with admitted"),
        ('{"admitted": False, "reasons": "gap"}', "reasons must be a list"),
    ],
)
def test_an_answer_of_another_form_is_a_gap(tmp_path, answer, why):
    gates = f'\n@surface("governance")\ndef admits(at, metrics):\n    return {answer}\n'
    with served(tmp_path, {"versions": [{"version_id": "a", "gap": 0.1}]}, gates) as subject:
        result = run_check("GOV005", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert why in result.gaps[0].why


def test_without_a_registry_nothing_is_assessed(tmp_path):
    with tiny(tmp_path, GATES) as subject:
        result = run_check("GOV005", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "declares no artifact store" in result.reason
