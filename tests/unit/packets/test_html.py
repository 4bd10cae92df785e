from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import made_up
import pytest

from audit_lib.model import (
    Evidence,
    Exercised,
    FileReview,
    Location,
    Outcome,
    Review,
    Severity,
    View,
)
from audit_lib.model.closure import compare
from audit_lib.packets.html import LARGEST, render_html
from audit_lib.packets.packet import build
from audit_lib.packets.run import read_run

VOID = {"meta", "br", "input", "path", "use", "rect", "image", "hr"}


class Page(HTMLParser):
    """Elements, ids and links of a page, and whether what was opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.ids, self.links, self.stack, self.text = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.ids += [v for k, v in attrs if k == "id"]
        self.links += [v for k, v in attrs if k in ("href", "xlink:href", "src")]
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.stack.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.stack.pop() == tag

    def handle_data(self, data):
        if not self.stack or self.stack[-1] != "style":
            self.text.append(data)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return rendered(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def rendered(folder):
    tasks = made_up.tasks()
    run = read_run(made_up.lay(folder, tasks))
    champion = compare(made_up.clean_tasks(version="2022-06"), tasks, label="champion 2022-06")
    return render_html(build(run, made_up.provenance(tasks), [champion]))


def test_it_is_whole_and_stands_alone(page, text):
    assert page.stack == []
    for link in page.links:
        assert link.startswith(("#", "data:image/png;base64,"))
    assert not re.search(r"""url\(\s*['"]?(?!#)""", text)
    assert "@import" not in re.findall(r"<style>(.*?)</style>", text, re.S)[0]


def test_nothing_runs_but_the_one_script_that_the_policy_pins(page, text):
    tags = Counter(tag for tag, _ in page.elements)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.S)
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert "innerHTML" not in script
    assert "{{" not in script
    assert not set(tags) & {"iframe", "object", "embed", "form", "base", "link"}
    assert not [a for _, attrs in page.elements for a in attrs if a.startswith("on")]
    assert tags["img"] == 0
    policy = [a["content"] for t, a in page.elements if a.get("http-equiv")]
    assert policy == [
        f"default-src 'none'; script-src 'sha256-{digest}'; img-src data:; "
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    ]
    first = [tag for tag, _ in page.elements[:4]]
    assert first == ["html", "head", "meta", "meta"]


@pytest.mark.parametrize("hostile", made_up.HOSTILE)
def test_hostile_text_is_shown_as_text(page, hostile):
    shown = " ".join("".join(page.text).replace("`", "").split())
    harmless = re.sub(
        "[\x00-\x1f\u202a-\u202e\ud800-\udfff\ufffe]", "�", hostile.replace("\r\n", " ")
    )
    assert " ".join(harmless.replace("`", "").split()) in shown


def test_links_lead_somewhere_and_ids_are_unique(page):
    assert [i for i, n in Counter(page.ids).items() if n > 1] == []
    anchors = {link[1:] for link in page.links if link.startswith("#")}
    assert anchors
    assert anchors <= set(page.ids)


def test_every_finding_has_an_anchor_and_every_view_its_picture(page):
    for code in ("SPL001-1", "HED001-1", "SEC001-14", "DRF001-1"):
        assert code in page.ids
    drawings = [a for t, a in page.elements if t == "svg" and "aria-hidden" not in a]
    assert len(drawings) == len(View) - 1
    assert all(a["role"] == "img" and a["aria-label"] for a in drawings)


def test_page_one_says_the_verdict_first(page):
    said = " ".join(" ".join(page.text).split())
    at = [
        said.index(x)
        for x in (
            "✗ broken",
            "live reads output 1",
            "5 broken · 3 inconclusive · 6 kept",
            "LED001-1",
        )
    ]
    assert at == sorted(at)
    assert "against champion 2022-06 : 18 new · 0 persisting · 1 exempted · 0 fixed" in said
    assert "3 of 15 checks: governance, pricing, online" in said


def test_a_run_that_is_not_whole_says_so_on_page_one(packet_of):
    page = Page(render_html(packet_of(made_up.clean_tasks(), keep=4)))
    said = " ".join(" ".join(page.text).split())
    assert said.index("This run is not whole.") < said.index("Contracts", said.index("whole"))
    assert "T5 did not finish: it left no results" in said
    assert "? inconclusive" in said


def test_a_run_without_any_results_is_still_a_page(packet_of):
    said = "".join(Page(render_html(packet_of(made_up.clean_tasks(), keep=0))).text)
    assert "No check had anything to say." in said


def test_tables_have_headers_for_those_who_cannot_see(page):
    assert all(a.get("scope") in ("col", "row") for t, a in page.elements if t == "th")


def test_it_stays_under_two_megabytes(packet_of):
    tasks = made_up.clean_tasks()
    wide = Evidence("big", "Big", tuple("abcdefgh"), (("x" * 300,) * 8,) * 500)
    results = tuple(
        made_up.result("CHK001", evidence=(replace(wide, name=f"big{i}"),)) for i in range(9)
    )
    text = render_html(packet_of([replace(tasks[0], results=results), *tasks[1:]]))
    assert len(text.encode()) <= LARGEST
    assert re.search(r"first \d+ of 500 rows; the results file has all", text)


def test_thousands_of_findings_still_fit(packet_of):
    findings = tuple(made_up.finding("SPL001", key=str(i)) for i in range(4000))
    tasks = made_up.clean_tasks()
    result = made_up.result("SPL001", Outcome.FAIL, findings=findings)
    made = render_html(packet_of([*tasks[:1], replace(tasks[1], results=(result,)), *tasks[2:]]))
    assert len(made.encode()) <= LARGEST
    page = Page(made)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert re.search(r"\d+ further findings stand in findings.csv", "".join(page.text))
    assert "and 3999 more like it" in "".join(page.text)


def test_notes_are_not_among_the_findings(packet_of):
    notes = tuple(
        made_up.finding("BND001", key=str(i), severity=Severity.INFO, message=f"note number {i}")
        for i in range(30)
    )
    tasks = made_up.clean_tasks()
    tasks[5] = replace(tasks[5], results=(made_up.result("BND001", findings=notes),))
    page = Page(render_html(packet_of(tasks)))
    said = " ".join(" ".join(page.text).split())
    assert "None is open." in said
    assert "30 findings that only inform" in said
    assert "note number 29" in said
    assert "BND001-30" in page.ids
    assert not [a for t, a in page.elements if t == "article"]


def one(packet_of, **fields):
    """A packet with one finding, and its page's markup."""
    tasks = made_up.clean_tasks()
    result = made_up.result("SPL001", Outcome.FAIL, findings=(made_up.finding("SPL001", **fields),))
    return packet_of([*tasks[:1], replace(tasks[1], results=(result,)), *tasks[2:]])


def test_a_finding_shows_the_lines_around_its_place(packet_of):
    asked = []

    def lines(location):
        asked.append((location.line, location.end_line))
        return "x = '<b>'\n\tpurge = 1\nz"

    packet = one(packet_of, location=Location("train.py", line=12))
    text = render_html(packet, lines)
    assert asked == [(11, 16)]
    assert "<i>11</i>x = &#39;&lt;b&gt;&#39;" in text
    assert '<span class="hit"><i>12</i>    purge = 1' in text
    assert '<pre class="source">' not in render_html(packet)


def test_what_stands_elsewhere_in_a_list_is_marked(packet_of):
    packet = one(packet_of, measured="a, c, b, d", expected="a, b, c, d")
    text = render_html(packet)
    assert "<dd>a, <mark>c</mark>, <mark>b</mark>, d</dd>" in text
    assert "<dd>a, <mark>b</mark>, <mark>c</mark>, d</dd>" in text
    assert "<mark>" not in render_html(one(packet_of, measured="6 bars", expected="2, not 6"))


def test_the_same_run_gives_the_same_page(tmp_path, text):
    assert rendered(tmp_path) == text


def test_lines_under_audit_are_a_picture_by_file(packet_of):
    tasks = made_up.tasks()
    files = (FileReview("a.py", 9, 9, 6, 2), FileReview("b.py", 1, 1, 1, 1))
    review = Review(files, (Exercised("drift.psi", "a.py", "2-3", "1"),), calls=1)
    text = render_html(packet_of([replace(tasks[0], review=review), *tasks[1:]]))
    assert 'id="evidence-review"' in text
    assert "exercised: 3 of 7 statements: 1 hook executed them" in text
    assert "Lines under audit, by file" in text
