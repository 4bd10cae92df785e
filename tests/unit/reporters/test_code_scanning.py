"""SARIF held against what code scanning documents that it takes."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace

import made_up
import pytest

from audit_lib.checks.catalogue import all_checks
from audit_lib.model import Exempted, Location, Outcome, Severity
from audit_lib.reporters import Report, report_of, sarif_limits, sarif_rules
from audit_lib.reporters.sarif import everything_to_sarif, to_sarif


def here(base, path):
    """A repository that holds the source below src/ and the parameters below audit/."""
    return {"source": f"src/{path}", "parameters": f"audit/engine/{path}"}.get(base, "")


def report(*findings, code="SPL001", version="v1", locate=here, **fields):
    result = made_up.result(code, Outcome.FAIL if findings else Outcome.PASS, findings=findings)
    return Report("engine", version, "gate live", (result,), locate=locate, **fields)


def runs(*reports, write=to_sarif):
    return json.loads(write(*reports))["runs"]


def first(*findings, **fields):
    return runs(report(*findings, **fields))[0]["results"][0]


def physical(result):
    return result["locations"][0]["physicalLocation"]


def whole_catalogue():
    """A report in which every check of the catalogue fails in more ways than a host shows."""
    results = []
    for check in all_checks():
        made = made_up.result("SPL001", Outcome.FAIL)
        named = {"code": check.code, "contract": check.contract, "task": check.task}
        findings = tuple(
            replace(made_up.finding("SPL001", key=str(i), message="x" * 3_000), **named)
            for i in range(60)
        )
        results.append(
            replace(made, **named, name=check.__name__, title=check.title(), findings=findings)
        )
    return Report("engine", "v1", "T1 to T6", tuple(results), locate=here)


# --- the documented limits ------------------------------------------------------------------------
def test_the_limits_are_those_that_are_documented():
    assert sarif_limits.RUNS_A_FILE == 20
    assert sarif_limits.RESULTS_A_RUN == 25_000
    assert sarif_limits.MEGABYTES_GZIPPED == 10


@pytest.mark.slow
@pytest.mark.parametrize("write", [to_sarif, everything_to_sarif])
def test_a_run_of_the_whole_catalogue_is_within_them(write):
    text = write(whole_catalogue())
    assert len(gzip.compress(text.encode())) < sarif_limits.MEGABYTES_GZIPPED * 1_000_000
    (run,) = json.loads(text)["runs"]
    assert len(run["results"]) <= sarif_limits.RESULTS_A_RUN
    rules = run["tool"]["driver"]["rules"]
    assert len(rules) <= sarif_limits.RULES_A_RUN
    for rule in rules:
        assert len(rule["properties"]["tags"]) <= 10
        assert len(rule["name"]) <= 255
        assert len(rule["shortDescription"]["text"]) <= 1_024
        assert len(rule["fullDescription"]["text"]) <= 1_024
        assert rule["help"]["text"]
    for result in run["results"]:
        assert 1 <= len(result["locations"]) <= sarif_limits.LOCATIONS_A_RESULT


@pytest.mark.parametrize(("versions", "expected"), [(1, 1), (20, 20), (21, 1), (45, 1)])
def test_a_file_holds_no_more_runs_than_a_host_takes(versions, expected):
    made = runs(*(report(made_up.finding("SPL001"), version=f"v{n}") for n in range(versions)))
    assert len(made) == expected
    assert made[0]["invocations"][0]["exitCode"] == 1
    assert len({r["automationDetails"]["id"].rpartition("/")[0] for r in made}) == expected


def test_what_many_versions_have_in_common_is_one_result_that_stands_where_one_does_not_waive_it():
    shared = made_up.finding("SPL001")
    waiver = Exempted(shared.fingerprint, "desk", "known", "2030-01-01")

    def joined(waived):
        made = [report(shared, version=f"v{n}") for n in range(25)]
        results = [
            replace(m, results=(replace(m.results[0], exempted=(waiver,)),)) if n in waived else m
            for n, m in enumerate(made)
        ]
        (run,) = runs(*results)
        (result,) = run["results"]
        return len(result["suppressions"]), run["invocations"][0]["exitCode"]

    assert joined(range(25)) == (1, 0)
    assert joined(range(24)) == (0, 1)


def test_results_beyond_the_limit_are_the_mildest_and_their_number_is_said(monkeypatch):
    monkeypatch.setattr("audit_lib.reporters.sarif.RESULTS_A_RUN", 2)
    ranks = (Severity.LOW, Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM)
    findings = [made_up.finding("SPL001", key=s.label, severity=s) for s in ranks]
    (run,) = runs(report(*findings))
    assert [r["properties"]["severity"] for r in run["results"]] == ["critical", "high"]
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("2 results left out")


# --- where results are shown ----------------------------------------------------------------------
def test_a_file_of_the_repository_is_named_from_its_root():
    location = physical(first(made_up.finding("SPL001", location=Location("a.py", line=3))))
    assert location["artifactLocation"] == {"uri": "src/a.py", "uriBaseId": "%SRCROOT%"}


def test_an_artifact_that_the_repository_holds_is_named_from_its_root():
    place = Location("v3/meta.json", base="artifacts", pointer="/a")
    found = made_up.finding("SPL001", location=place)
    result = first(found, locate=lambda base, path: f"trained/{path}")
    assert physical(result)["artifactLocation"]["uri"] == "trained/v3/meta.json"


def test_an_artifact_that_is_not_in_the_repository_is_shown_on_the_file_that_names_the_store():
    place = Location("v3/meta.json", base="artifacts", pointer="/a")
    result = first(made_up.finding("SPL001", location=place))
    assert physical(result)["artifactLocation"] == {
        "uri": "audit/engine/subject.yaml",
        "uriBaseId": "%SRCROOT%",
    }
    assert result["message"]["text"].startswith("artifacts: v3/meta.json /a: fold 3")


def test_two_findings_in_one_artifact_are_told_apart():
    place = Location("v3/meta.json", base="artifacts")
    pair = [made_up.finding("SPL001", location=place, key=key) for key in "ab"]
    results = runs(report(*pair))[0]["results"]
    prints = [r["partialFingerprints"]["primaryLocationLineHash"] for r in results]
    assert len(set(prints)) == 2


def test_lines_are_quoted_and_cut():
    place = Location("a.py", line=3, end_line=4)
    found = made_up.finding("SPL001", location=place)
    region = physical(first(found, snippet=lambda _: "x = 1\ny = 2"))["region"]
    assert region == {"startLine": 3, "endLine": 4, "snippet": {"text": "x = 1\ny = 2"}}
    long = physical(first(found, snippet=lambda _: "x" * 9_999))["region"]["snippet"]["text"]
    assert len(long) == sarif_limits.SNIPPET_CHARACTERS
    assert long.endswith("…")


# --- what results say -----------------------------------------------------------------------------
def test_only_failures_and_notes_are_results_and_what_nobody_could_tell_is_notified():
    results = (
        made_up.result("SPL001", Outcome.FAIL, findings=(made_up.finding("SPL001"),)),
        made_up.result("GOV001"),
        made_up.result("ONL001", Outcome.NOT_ASSESSED, reason="no hook"),
        made_up.result("DRF001", Outcome.NOT_APPLICABLE, reason="absent"),
    )
    (run,) = runs(Report("engine", "v1", "gate", results))
    assert [r["ruleId"] for r in run["results"]] == ["SPL001"]
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert (note["level"], note["message"]["text"]) == ("warning", "no hook")
    assert note["associatedRule"]["id"] == "ONL001"


def test_a_later_version_is_the_same_analysis_where_a_file_holds_one():
    def category(*versions, **fields):
        made = runs(*(report(version=v, **fields) for v in versions))
        return [r["automationDetails"]["id"].rpartition("/")[0] for r in made]

    assert category("v1") == category("v2") == ["model-audit/gate live/engine"]
    assert category("v1", "v2") == [f"model-audit/gate live/engine/v{n}" for n in (1, 2)]
    assert category("v1", run_id="20260101") == category("v2", run_id="20260102")


def test_the_state_since_an_earlier_run_is_said_where_it_is_known():
    found = made_up.finding("SPL001")
    assert first(found, states={found.fingerprint: "unchanged"})["baselineState"] == "unchanged"
    assert "baselineState" not in first(found)


def test_a_rule_names_its_page_where_the_package_declares_a_site(monkeypatch):
    site = "https://example.org/workbook/"
    monkeypatch.setattr(sarif_rules, "documentation_site", lambda: site)
    (rule,) = runs(report())[0]["tool"]["driver"]["rules"]
    assert rule["helpUri"] == "https://example.org/workbook/checks/SPL001/"
    monkeypatch.setattr(sarif_rules, "documentation_site", lambda: "")
    assert "helpUri" not in runs(report())[0]["tool"]["driver"]["rules"][0]


def test_a_packets_tasks_make_one_run():
    (run,) = runs(report_of(made_up.tasks()))
    assert {r["kind"] for r in run["results"]} <= {"fail", "informational"}
