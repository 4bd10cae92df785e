from __future__ import annotations

import csv
import io
import json

import made_runs
import made_up
import pytest

from audit_lib.model.closure import compare
from audit_lib.packets.closing import closure_csv, closure_doc, closure_json
from audit_lib.packets.html import render_html
from audit_lib.packets.sections import Style

FATES = {
    ("HED001", "open"): "new",
    ("DOC001", "open"): "regressed",
    ("CAL001", "open"): "expired",
    ("FEA001", "open"): "better",
    ("SPL001", "open"): "persisting",
    ("GOV001", "unknown"): "unknown",
    ("PRC001", "exempted"): "exempted",
    ("DRF001", "fixed"): "fixed",
}


@pytest.fixture
def packet(packet_of):
    after = made_runs.after()
    against = [
        compare(made_runs.before(), after, label="the previous run", earlier=[made_runs.long_ago()])
    ]
    return packet_of(after, comparisons=against)


def test_scripts_read_fates_and_reach_from_json(packet):
    read = json.loads(closure_json(packet))
    assert (read["format"], read["version"], read["verdict"]) == (
        "closure/1",
        "2024-03rc",
        "broken",
    )
    (against,) = read["against"]
    assert (against["label"], against["run_id"]) == ("the previous run", "20261120T090000Z-aaaa")
    assert against["counts"]["unknown"] == 5
    assert [u["code"] for u in against["untold"]] == ["GOV001", "TGT001"]
    found = {(f["code"], f["standing"]): f for f in read["findings"]}
    assert {k: f["fates"]["the previous run"] for k, f in found.items()} == FATES
    first = read["findings"][0]
    assert (first["rank"], first["id"], first["dependents"]) == (1, "HED001-1", 4)
    assert first["tasks"] == ["T3", "T6"]
    assert found["PRC001", "exempted"]["exemption"] == {
        "owner": "risk desk",
        "reason": "known; mended in Q1",
        "expires": made_runs.UNTIL,
        "in_force": True,
    }
    assert found["CAL001", "open"]["exemption"]["in_force"] is False
    assert found["DRF001", "fixed"]["id"] == ""
    answers = {a["criterion"]: a["answer"] for a in read["acceptance"]}
    assert answers["No serious finding stands open in a high-risk file"] == "not answered"


def test_the_same_stands_in_csv(packet):
    rows = list(csv.DictReader(io.StringIO(closure_csv(packet))))
    read = json.loads(closure_json(packet))["findings"]
    assert [r["identity"] for r in rows] == [f["identity"] for f in read]
    assert [r["fate against the previous run"] for r in rows] == [
        f["fates"]["the previous run"] for f in read
    ]
    held = {(r["code"], r["standing"]): r for r in rows}
    assert held["HED001", "open"]["dependents"] == "4"
    assert held["HED001", "open"]["tasks"] == "T3 T6"
    assert held["CAL001", "open"]["exemption_in_force"] == "no"
    assert held["PRC001", "exempted"]["exempted_by"] == "risk desk"
    assert held["SPL001", "open"]["moved_from"] == "old/splits.py:10"
    assert held["FEA001", "open"]["exempted_by"] == ""


def test_no_cell_of_the_csv_starts_a_formula(packet_of):
    text = closure_csv(packet_of(made_up.tasks()))
    for row in csv.reader(io.StringIO(text)):
        assert [c for c in row if c.lstrip()[:1] in ("=", "@", "|")] == []


def test_long_groups_are_folded_and_what_is_new_is_not_among_them(packet):
    made = closure_doc(packet, Style(lambda e: None))
    (open_, unknown, exempted, fixed) = made["parts"]
    assert [p["name"] for p in made["parts"]] == ["open", "unknown", "exempted", "fixed"]
    assert (open_["count"], open_["folded"], len(open_["all"])) == (13, 5, 13)
    cut = [(r["code"], r["more"]) for r in open_["rows"] if r["more"]]
    assert cut == [("FEA001", 5)]
    assert unknown["count"] == 5
    assert unknown["folded"] == 0
    assert (exempted["count"], fixed["count"]) == (1, 1)


def test_the_html_shows_fate_reach_tasks_move_and_waiver(packet):
    text = render_html(packet)
    table = text[text.index('<section id="closure"') : text.index('<section id="findings"')]
    for said in (
        "Against the previous run",
        "1 new · 1 regressed · 1 expired · 9 persisting · 1 better · 5 unknown",
        "moved from old/splits.py:10",
        "exempted until 2026-12-31 by risk desk: known; mended in Q1",
        "exemption EXPIRED on 2026-11-01 by risk desk",
        "2 checks told before and not now",
        "5 findings of unknown fate.",
        "T3 T6",
    ):
        assert said in table


def test_a_first_run_calls_nothing_new(packet_of):
    packet = packet_of(made_runs.after())
    made = json.loads(closure_json(packet))
    assert made["against"] == []
    assert {json.dumps(f["fates"]) for f in made["findings"]} == {"{}"}
    text = render_html(packet)
    assert "There is no published run to compare with" in text


def test_a_waived_finding_is_called_exempted_once(packet):
    (waived,) = packet.exempted
    assert (waived.finding.code, waived.state) == ("PRC001", "")
    assert {f.state for f in packet.open if f.finding.code == "HED001"} == {"new"}
