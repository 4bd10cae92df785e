from __future__ import annotations

from dataclasses import replace

import made_up
import pytest

from audit_lib.model import Exempted, Gap, Location, Outcome, Severity, TaskResult
from audit_lib.packets import compare


def run(*results, version="v1"):
    task = made_up.tasks(version=version)[1]
    return [replace(task, results=results)]


def spl(*keys, outcome=Outcome.FAIL, exempt=(), **changes):
    findings = tuple(made_up.finding("SPL001", key=k, **changes) for k in keys)
    waived = tuple(
        Exempted(f.fingerprint, "o", "r", "2026-12-31") for f in findings if f.key in exempt
    )
    return made_up.result("SPL001", outcome, findings=findings, exempted=waived)


def keys(findings):
    return [f.key for f in findings]


def test_new_persisting_and_fixed():
    made = compare(run(spl("a", "b")), run(spl("b", "c")))
    assert keys(made.new) == ["c"]
    assert keys(made.persisting) == ["b"]
    assert keys(made.fixed) == ["a"]
    assert made.untold == made.regressed == made.exempted == ()


def test_a_moved_or_remeasured_finding_persists():
    before = run(spl("a", location=Location("m.py", line=1, symbol="f"), measured="1"))
    after = run(spl("a", location=Location("m.py", line=99, symbol="f"), measured="2"))
    made = compare(before, after)
    assert keys(made.persisting) == ["a"]
    assert made.new == ()


def test_a_finding_in_the_versions_own_folder_persists_across_versions():
    runs = [
        run(
            spl(v, location=Location(f"{v}/meta.json", base="artifacts", pointer=f"/{v}")),
            version=v,
        )
        for v in ("2022-06", "2023-12rc")
    ]
    made = compare(*runs)
    assert keys(made.persisting) == ["2023-12rc"]
    assert made.new == made.fixed == ()


def test_nothing_is_fixed_by_a_check_that_did_not_answer():
    crashed = spl(outcome=Outcome.ERROR)
    gapped = replace(spl("b"), gaps=(Gap("fold 1", "no data"),))
    for after in (run(crashed), run(gapped), run(), []):
        made = compare(run(spl("a")), after)
        assert keys(made.untold) == ["a"]
        assert made.fixed == ()


def test_a_finding_that_was_gone_and_is_back_has_regressed():
    made = compare(run(spl("b")), run(spl("a", "b", "c")), earlier=[run(spl("a"))])
    assert keys(made.regressed) == ["a"]
    assert keys(made.new) == ["c"]


def test_a_waiver_that_ended_is_no_new_finding():
    made = compare(run(spl("a", exempt=("a",))), run(spl("a")))
    assert keys(made.regressed) == ["a"]


def test_waived_findings_are_neither_fixed_nor_persisting():
    made = compare(run(spl("a")), run(spl("a", exempt=("a",))))
    assert keys(made.exempted) == ["a"]
    assert made.fixed == made.persisting == made.new == ()


def test_info_is_left_out():
    made = compare(run(spl()), run(spl("a", severity=Severity.INFO)))
    assert made.new == ()


def test_states_are_known_by_finding():
    after: list[TaskResult] = run(spl("a", "b"))
    made = compare(run(spl("a")), after)
    states = {finding.key: state for finding, state in made.states().items()}
    assert states == {"a": "persisting", "b": "new"}


def test_every_finding_is_in_one_place():
    before, after = made_up.tasks(version="a"), made_up.tasks(version="b")
    made = compare(before, after)
    assert len(made.persisting) == 18
    assert (made.new, made.fixed, len(made.exempted)) == ((), (), 1)


@pytest.mark.parametrize(
    "versions", [("a", "b"), ("1", "2"), ("v1", "v2"), ("2024-03", "2024-03rc")]
)
def test_an_id_inside_other_text_is_no_id(versions):
    places = [
        Location("data/a1v1.json", base="artifacts", pointer="/heads/1"),
        Location("engine/a.py", symbol="b.a1"),
    ]
    runs = [
        run(*(spl(str(i), location=p) for i, p in enumerate(places)), version=v) for v in versions
    ]
    made = compare(*runs)
    assert (len(made.persisting), made.new, made.fixed) == (2, (), ())


def test_a_numbered_folder_is_a_version():
    runs = [run(spl("k", location=Location(f"models/{v}/m.json")), version=v) for v in ("1", "2")]
    assert len(compare(*runs).persisting) == 1
