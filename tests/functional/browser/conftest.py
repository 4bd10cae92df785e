"""A browser of the system's, driven without a window: promised in CI, elsewhere maybe missing."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

#: of the axe rules, those by which accessibility is judged; "best-practice" is advice
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


# Not longer than a module: while it is open an event loop runs in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    program = shutil.which("chromium")
    try:
        driver = importlib.import_module("playwright.sync_api")
        importlib.import_module("axe_playwright_python")
        missing = "" if program else "chromium is not installed"
    except ImportError as error:
        driver, missing = None, f"{error}: pip install -r .ci/browser.lock"
    promised = "browser" in os.environ.get("WORKBOOK_PROMISED", "").split(",")
    if missing or driver is None:
        (pytest.fail if promised else pytest.skip)(missing)
    with driver.sync_playwright() as running:
        words = ["--no-sandbox", "--disable-dev-shm-usage"]  # as root, and in a small container
        try:
            opened = running.chromium.launch(executable_path=program, args=words)
        except driver.Error as error:
            (pytest.fail if promised else pytest.skip)(f"chromium does not start: {error}")
        yield opened
        opened.close()


@pytest.fixture
def page_at(browser: Any) -> Iterator[Callable[..., Any]]:
    """A page at an address or file; an error of one of its scripts fails the test."""
    opened: list[Any] = []
    errors: list[str] = []

    def at(where: Path | str, *, width: int = 1440, theme: str = "light") -> Any:
        size = {"width": width, "height": 900}
        page = browser.new_page(viewport=size, color_scheme=theme)
        opened.append(page)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.set_default_timeout(20_000)
        page.goto(where.as_uri() if isinstance(where, Path) else where)
        return page

    yield at
    for page in opened:
        page.close()
    # itables asks for its bundle before it displays it; its tables ask again.
    assert not [e for e in errors if "set_or_remove_dark_class" not in e]


@pytest.fixture
def violations(browser: Any) -> Callable[..., list[str]]:
    """What axe finds: rule, the element, and what is wrong with it."""
    axe = importlib.import_module("axe_playwright_python.sync_playwright").Axe()

    def found(page: Any, context: str | None = None) -> list[str]:
        asked = {"runOnly": {"type": "tag", "values": RULES}}
        told = axe.run(page, context=context, options=asked).response["violations"]
        return [
            f"{rule['id']}: {node['html'][:200]}: {node['failureSummary'][:300]}"
            for rule in told
            for node in rule["nodes"][:3]
        ]

    return found
