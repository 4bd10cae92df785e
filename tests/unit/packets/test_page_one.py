from __future__ import annotations

import re
from dataclasses import replace

import made_up
import pytest

from audit_lib.model import BoundaryVerdict, Evidence, Outcome, Task, Verdict, View
from audit_lib.packets import page_one
from audit_lib.packets.document import document
from audit_lib.packets.html import render_html
from audit_lib.packets.packet import Input
from audit_lib.packets.sections import Style


def line(packet, label):
    (found,) = [x for x in page_one.strip(packet) if x["label"] == label]
    return found


def with_boundaries(*verdicts):
    made = tuple(
        BoundaryVerdict(f"b{i}", "high" if i % 2 else "low", v, "why")
        for i, v in enumerate(verdicts)
    )
    return [replace(t, boundaries=made if t.task is Task.T6 else ()) for t in made_up.clean_tasks()]


def test_broken_contracts_are_named_before_those_that_could_not_be_told(packet_of):
    contracts = line(packet_of(made_up.tasks()), "contracts")
    words = [c["verdict"] for c in contracts["chips"]]
    assert words == sorted(words)
    assert words.count("broken") == 5
    assert {"Splits", "Head mapping"} <= {c["name"] for c in contracts["chips"]}
    assert contracts["text"] == "5 broken · 3 inconclusive · 6 kept"


def test_the_picture_has_a_cell_for_every_check_and_the_worst_come_first(packet_of):
    packet = packet_of(made_up.tasks())
    shown = {c["name"]: c for c in page_one.overview(packet)}
    assert sum(len(c["cells"]) for c in shown.values()) == len(packet.results)
    splits = shown["Splits"]
    assert splits["verdict"] == "broken"
    assert splits["cells"][0] == "fail"
    assert "broken" in splits["words"]
    nothing_broken = page_one.overview(packet_of(made_up.clean_tasks()))
    assert {o for c in nothing_broken for o in c["cells"]} <= {"pass", "not_applicable"}


def test_the_first_findings_that_can_be_drawn_show_the_picture_they_rest_on(packet_of):
    packet = packet_of(made_up.tasks())
    style = Style(lambda evidence: f'<svg viewBox="0 0 10 20">{evidence.name}</svg>')
    drawn = [f["picture"] for f in page_one.top(packet, style) if f["picture"]]
    assert 0 < len(drawn) <= page_one.DECIDING
    assert {(p["wide"], p["high"]) for p in drawn} == {("10", "20")}
    assert not [f for f in page_one.top(packet, Style(lambda _: None)) if f["picture"]]


def words(runs):
    return "".join(part["t"] for part in runs)


def test_those_that_decide_say_why_they_matter_and_what_to_do(packet_of):
    shown = page_one.top(packet_of(made_up.tasks()), Style(lambda _: None))
    assert [bool(f["why"]) for f in shown] == [i < page_one.DECIDING for i in range(len(shown))]
    assert all(words(f["mend"]) for f in shown[: page_one.DECIDING])


def test_it_says_how_sure_the_audit_is_and_what_to_do_first(packet_of):
    packet = packet_of(made_up.tasks())
    sure, first = page_one.brief(packet)
    told = len(packet.results) - len(packet.untold)
    assert words(sure["text"]).startswith(f"{told} of {len(packet.results)} checks gave a whole")
    assert "what it would miss was not tried" in words(sure["text"])
    assert packet.open[0].finding.code in words(first["text"])
    kept = page_one.brief(packet_of(made_up.clean_tasks()))
    assert [b["label"] for b in kept] == ["How sure:"]


def test_all_lists_of_a_packet_are_in_one_order(packet_of):
    tasks = made_up.tasks()
    paths = [f.location.path for t in tasks for r in t.results for f in r.findings]
    tasks = [replace(t, dependents={p: i for i, p in enumerate(sorted(set(paths)))}) for t in tasks]
    packet = packet_of(tasks)
    closing = [row.matter.finding for row in packet.closing if row.rank]
    assert [f.finding for f in packet.open] == closing
    told = [f for f in packet.report.breaking if f in closing]
    assert sorted(closing, key=told.index) == told
    assert told == [f.finding for f in packet.findings if f.finding in closing]


def test_a_page_shows_a_picture_twice_and_holds_it_once(packet_of):
    page = render_html(packet_of(made_up.tasks()))
    again = re.findall(r'<use href="#(figure-[0-9a-f]+)"', page)
    assert again
    assert [page.count(f'id="{name}"') for name in again] == [1] * len(again)


def test_broken_boundaries_are_named_high_risk_first_and_a_crowd_is_cut(packet_of):
    some = line(packet_of(with_boundaries(*[Verdict.BROKEN] * 4, Verdict.KEPT)), "boundaries")
    assert [c["name"] for c in some["chips"]] == ["b1", "b3", "b0", "b2"]
    assert some["text"] == "4 broken · 1 kept"
    many = line(packet_of(with_boundaries(*[Verdict.BROKEN] * 40)), "boundaries")
    assert len(many["chips"]) == page_one.NAMES + 1
    assert many["chips"][-1] == {"name": "and 28 more", "verdict": "", "anchor": "boundaries"}


def test_it_says_exactly_what_was_audited(packet_of):
    trees = f"source:{'ab' * 32} artifacts:{'cd' * 32}"
    packet = packet_of(made_up.tasks(), subject_before=trees, subject_after=trees)
    assert {i["label"]: i["text"] for i in page_one.identity(packet)} == {
        "revision": "5e1f0c2",
        "sha256": "source abababababab · artifacts cdcdcdcdcdcd",
        "version": "2024-03rc (latest)",
        "run": "20261121T220000-7f3a",
        "isolation": "bubblewrap",
    }


def test_a_version_is_known_by_its_own_files(packet_of):
    own = Input("2024-03rc", "version", "12" * 32)
    packet = packet_of(made_up.tasks(), inputs=(own, Input("hooks.py", "parameters", "34" * 32)))
    said = {i["label"]: i["text"] for i in page_one.identity(packet)}
    assert said["version"] == "2024-03rc (latest) · files 121212121212"


def test_a_promise_that_no_figure_measures_says_that_nothing_broke_it(packet_of):
    told = {
        c["code"]: c["examined"]
        for task in document(packet_of(made_up.tasks()), Style(lambda _: None))["tasks"]
        for c in task["checks"]
    }
    assert told["TGT001"] == "0 findings in 12 columns; 0 allowed"
    assert told["SPL001"] == "", "one that fails promises nothing"


def test_what_nobody_recorded_is_said_to_be_so(packet_of):
    packet = packet_of(
        made_up.clean_tasks(), revision="", isolation="", subject_before="", subject_after=""
    )
    said = {i["label"]: i["text"] for i in page_one.identity(packet)}
    assert "revision" not in said
    assert said["sha256"] == "no digest was taken"
    assert said["isolation"] == "not recorded"
    assert line(packet, "subject")["text"] == "no digest of it was taken"


@pytest.mark.parametrize("codes", [1, 7, 30])
def test_every_check_with_open_findings_is_counted_once(packet_of, codes):
    tasks = made_up.clean_tasks()
    broken = tuple(
        made_up.result(
            f"SPL{i:03}",
            Outcome.FAIL,
            findings=tuple(made_up.finding(f"SPL{i:03}", key=k) for k in "ab"),
        )
        for i in range(codes)
    )
    packet = packet_of([replace(t, results=broken if t.task is Task.T2 else ()) for t in tasks])
    assert page_one.codes(packet) == codes
    shown = page_one.top(packet, Style(lambda _: None))
    assert len(shown) == min(codes, page_one.TOP)
    assert {f["more"] for f in shown} == {1}


def test_unmet_criteria_are_named(packet_of):
    acceptance = line(packet_of(made_up.tasks()), "acceptance")
    assert acceptance["rest"].startswith("not met: ")
    assert f"{acceptance['rest'].count('; ') + 1} not met" in acceptance["text"]


def with_champion(*rows):
    """Clean tasks whose SPL006 holds the metrics of two versions."""
    heads = ("label", "value", "group", "low", "high")
    held = (Evidence("champion", "Out of sample", heads, rows, View.BARS),)
    told = made_up.result("SPL006", evidence=held)
    return [
        replace(t, results=(*t.results, told)) if t.task is Task.T2 else t
        for t in made_up.clean_tasks()
    ]


def test_a_metric_that_parts_candidate_and_champion_comes_first(packet_of):
    rows = [
        ("auc", 0.55, "2022", 0.52, 0.58),
        ("auc", 0.54, "champion 2020", 0.51, 0.57),
        ("sharpe", 2.5, "2022", 2.0, 3.0),
        ("sharpe", 1.0, "champion 2020", 0.5, 1.5),
        ("hits", 0.5, "2022", None, None),
        ("hits", 0.6, "champion 2020", None, None),
    ]
    told = line(packet_of(with_champion(*rows)), "metrics")
    assert told["text"] == "sharpe 2.5 (2 to 3), champion 2020 1 (0.5 to 1.5)"
    assert told["rest"].startswith("auc 0.55 (0.52 to 0.58), champion 2020 0.54 (0.51 to 0.57)")
    assert told["rest"].endswith("hits 0.5, champion 2020 0.6")
    assert told["anchor"] == "evidence-SPL006-champion"
    assert f'id="{told["anchor"]}"' in render_html(packet_of(with_champion(*rows)))


def test_without_metrics_of_both_nothing_is_said_of_them(packet_of):
    for rows in ([], [("auc", 0.55, "2022", None, None)]):
        packet = packet_of(with_champion(*rows))
        assert not [x for x in page_one.strip(packet) if x["label"] == "metrics"]
