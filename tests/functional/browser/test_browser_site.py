"""The site in a browser: nobody is kept out, and the page of all checks can be narrowed."""

from __future__ import annotations

import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(browser, tmp_path_factory) -> Iterator[str]:
    """The address of the site, built from the documents as they are."""
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)
    answer = partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("name", "theme"),
    [("", "light"), ("gallery/", "dark"), ("checks/", "light"), ("checks/SPL001/", "dark"),
     ("guide/packet/", "light"), ("guide/python/", "dark")],
)  # fmt: skip
def test_the_site_shuts_nobody_out(page_at, violations, site, name, theme):
    page = page_at(f"{site}/{name}", theme=theme)
    # So high that no list at the side is scrolled: an entry cut at its edge is no small one.
    page.set_viewport_size({"width": 1440, "height": 4000})
    assert violations(page) == []


def test_the_page_of_checks_is_narrowed_by_words_task_and_severity(page_at, site):
    page = page_at(f"{site}/checks/")
    told, rows = page.locator(".facets output"), page.locator("tbody tr:has(td a[href]):visible")
    every = rows.count()
    assert told.text_content() == f"{every} of {every} checks"
    page.locator(".facets select[name=task]").select_option("T2")
    page.locator(".facets select[name=severity]").select_option("critical")
    assert 0 < rows.count() < every
    assert page.locator("h2:visible").count() == 3, "T2, and the two lists that are no checks"
    page.locator(".facets input").fill("spl001")
    assert [row.split()[0] for row in rows.all_inner_texts()] == ["SPL001"]
    page.locator(".facets input").fill("no such words")
    assert told.text_content() == f"0 of {every} checks"
