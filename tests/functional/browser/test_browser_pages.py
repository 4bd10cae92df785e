"""Packet and notebook pages in a browser: nobody is kept out, nothing runs off the paper."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import made_runs
import made_up
import nbformat
import pytest
from nbformat import v4

from audit_lib.execution.render import render
from audit_lib.model import Outcome, Severity, Task
from audit_lib.model.closure import compare
from audit_lib.packets.html import render_html
from audit_lib.packets.packet import build
from audit_lib.packets.run import read_run
from audit_lib.workbook.display import TONES, Listing, Note
from audit_lib.workbook.sheets import finding_sheet, identified, verdict_sheet


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    fate = compare(made_runs.before(), made_runs.after(), label="champion 2023-06")
    made = {}
    for name, tasks, against in (
        ("every", made_up.tasks(), ()),
        ("kept", made_up.clean_tasks(), ()),
        ("compared", made_runs.after(), (fate,)),
    ):
        run = read_run(made_up.lay(folder / name, tasks), tuple(Task))
        text = render_html(build(run, made_up.provenance(tasks), against))
        made[name] = folder / f"{name}.html"
        made[name].write_text(text, encoding="utf-8")
    return made


@pytest.mark.parametrize(
    ("name", "width", "theme"),
    [("every", 1440, "light"), ("compared", 1440, "dark"), ("kept", 390, "light")],
)
def test_a_packet_shuts_nobody_out(page_at, violations, pages, name, width, theme):
    assert violations(page_at(pages[name], width=width, theme=theme)) == []


@pytest.mark.parametrize("name", ["every", "kept", "compared"])
def test_a_packet_fits_its_paper(page_at, pages, name):
    page = page_at(pages[name])
    for width in (390, 768, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_what_a_kept_promise_rests_on_is_folded_and_a_link_opens_it(page_at, pages):
    page = page_at(pages["every"])
    folded = page.locator("details.check:not([open]) figure.evidence")
    assert folded.count() > 0
    assert not folded.first.is_visible()
    name = folded.first.get_attribute("id")
    page.evaluate("name => { location.hash = name; }", name)
    assert page.locator(f"#{name}").is_visible()
    page.emulate_media(media="print")
    assert folded.last.bounding_box()["height"] > 0, "paper shows what is folded"


def test_a_check_is_a_row_and_a_card_holds_its_evidence(page_at, pages):
    page = page_at(pages["every"])
    assert page.locator("#check-CHK001").is_hidden()
    page.evaluate("location.hash = 'check-CHK001'")
    assert page.locator("#check-CHK001").is_visible()
    assert page.locator("#SPL001-1 figure.evidence").count() == 1
    assert page.locator("#check-SPL001 figure.evidence").count() == 0


def _shown(part):
    return v4.new_output("display_data", {"text/html": part._repr_html_()})


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_executed_notebook_shuts_nobody_out(page_at, violations, tmp_path, theme):
    told = made_up.tasks()[1]
    parts = [*(Note(t, tone=t) for t in TONES), verdict_sheet(told.results)]
    parts.append(finding_sheet("Findings", identified(told.results), {}))
    parts.append(Listing('engine/"serve".py', 7, ("wide = " + "x" * 300,), frozenset({7})))
    cells = [v4.new_code_cell("show()", outputs=[_shown(p)]) for p in parts]
    made = v4.new_notebook(cells=[v4.new_markdown_cell("# T2"), *cells])
    nbformat.write(made, tmp_path / "T2.ipynb")
    (file,) = render(tmp_path)
    assert violations(page_at(file, theme=theme)) == []


def test_findings_are_searched_narrowed_and_linked_to(page_at, pages):
    page = page_at(pages["every"])
    shown = page.locator("#findings article.finding:visible")
    every = shown.count()
    page.locator("#find select[name=contract]").select_option(index=1)
    assert 0 < shown.count() < every
    page.locator("#find input[type=search]").fill("no such words at all")
    assert shown.count() == 0
    link = page.locator("ol.top .say a").first
    link.click()
    target = page.evaluate("location.hash.slice(1)")
    assert page.locator(f"[id='{target}']").is_visible()


def test_a_packet_of_5000_findings_opens_at_once(page_at, tmp_path):
    several = [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM]
    found = {
        code: tuple(
            made_up.finding(code, key=str(i), message=f"column {i} of {code} reads ahead",
                            severity=several[i % 3])
            for i in range(500)
        )
        for code in ("FEA001", "SPL001", "CAL001", "HED001", "GOV001", "DRF001", "PRC001",
                     "TGT001", "DOC001", "ONL001")
    }  # fmt: skip
    answers = [made_up.result(c, Outcome.FAIL, findings=f) for c, f in found.items()]
    tasks = [
        replace(t, results=(*t.results, *(r for r in answers if r.task is t.task)))
        for t in made_up.clean_tasks()
    ]
    run = read_run(made_up.lay(tmp_path / "run", tasks), tuple(Task))
    file = tmp_path / "many.html"
    file.write_text(render_html(build(run, made_up.provenance(tasks))), encoding="utf-8")
    assert file.stat().st_size < 10_000_000
    page = page_at(file)
    took = []
    for _ in range(4):  # other tests run beside
        took.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
        page.reload()
    assert min(took) < 2_000
