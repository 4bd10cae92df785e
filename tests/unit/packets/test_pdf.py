from __future__ import annotations

import re
import zlib
from dataclasses import replace

import made_up
import pytest

from audit_lib.model import Evidence, Outcome
from audit_lib.packets.document import document
from audit_lib.packets.pdf import _breakable, render_pdf
from audit_lib.packets.sections import Style


def pages(pdf: bytes) -> int:
    """Number of pages; object streams are unpacked to find them."""
    streams = [m.group(1) for m in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S)]
    unpacked = b"".join(_inflate(s) for s in streams)
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf + unpacked))


def _inflate(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error:
        return b""


def test_it_is_a_pdf_of_some_pages_with_its_date(packet_of):
    made = render_pdf(packet_of(made_up.tasks()))
    assert made.startswith(b"%PDF-")
    assert pages(made) >= 8
    assert b"D:20261121220000" in made


def test_the_same_run_gives_the_same_bytes(packet_of):
    assert render_pdf(packet_of(made_up.tasks())) == render_pdf(packet_of(made_up.tasks()))


@pytest.mark.parametrize("keep", [0, 3])
def test_a_run_that_is_not_whole_is_typeset(packet_of, keep):
    assert pages(render_pdf(packet_of(made_up.clean_tasks(), keep=keep))) >= 2


@pytest.mark.parametrize("started", ["", "yesterday", "2026-11-21T22:00:00Z"])
def test_odd_dates_do_not_stop_it(packet_of, started):
    tasks = [replace(t, started=started) for t in made_up.clean_tasks()]
    assert render_pdf(packet_of(tasks, started=started)).startswith(b"%PDF-")


@pytest.mark.parametrize(
    "text",
    [
        *made_up.HOSTILE,
        "#panic()",
        "]#panic()[",
        '"); panic(); ("',
        "a" * 5000,
        "<evidence-SPL001-folds>",
    ],
)
def test_no_text_is_typst(packet_of, text):
    texts = dict.fromkeys(("message", "measured", "expected", "remediation", "key"), text)
    finding = made_up.finding("SEC001", **texts)
    table = Evidence("e", text, (text, "b"), ((text, text),), note=text)
    result = made_up.result(
        "SEC001", Outcome.FAIL, findings=(finding,), title=text, evidence=(table,), reason=text
    )
    tasks = made_up.clean_tasks()
    made = render_pdf(packet_of([replace(tasks[0], results=(result,)), *tasks[1:]], title=text))
    assert made.startswith(b"%PDF-")


def test_many_findings_are_cut_and_the_rest_named(packet_of):
    findings = tuple(made_up.finding("SPL001", key=str(i)) for i in range(400))
    tasks = made_up.clean_tasks()
    result = made_up.result("SPL001", Outcome.FAIL, findings=findings)
    made = render_pdf(packet_of([*tasks[:1], replace(tasks[1], results=(result,)), *tasks[2:]]))
    assert pages(made) < 60


def test_wide_tables_are_typeset(packet_of):
    names = tuple(f"a column with a long name {i}" for i in range(25))
    rows = tuple(tuple(range(25)) for _ in range(40))
    result = made_up.result("CHK001", evidence=(Evidence("wide", "Wide", names, rows),))
    tasks = made_up.clean_tasks()
    assert render_pdf(packet_of([replace(tasks[0], results=(result,)), *tasks[1:]]))


def test_long_words_may_break_and_names_may_not(packet_of):
    data = _breakable(
        {"message": [{"t": "x" * 60, "c": False}], "id": "SPL001-1" * 9, "p": "short"}
    )
    assert data["message"][0]["t"].replace("\u200b", "") == "x" * 60
    assert max(map(len, data["message"][0]["t"].split("\u200b"))) <= 24
    assert data["id"] == "SPL001-1" * 9
    assert data["p"] == "short"


def test_the_data_is_cut_to_what_a_page_holds(packet_of):
    style = Style(lambda _: None, rows=30, passing_rows=30, characters=600)
    data = document(packet_of(made_up.tasks()), style)
    table = next(
        e for t in data["tasks"] for c in t["checks"] for e in c["evidence"] if e["hidden"]
    )
    assert (len(table["rows"]), table["hidden"], table["total"]) == (30, 270, 300)
    long = next(f for f in data["findings"] if f["code"] == "DOC001")
    assert sum(len(part["t"]) for part in long["whole"]) <= 600
