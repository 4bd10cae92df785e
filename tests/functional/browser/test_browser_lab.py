"""The console as a researcher has it: a real JupyterLab, its widgets clicked in a browser."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import made_up
import nbformat
import pytest
import toy_workspace
from nbformat import v4

from audit_lib.execution.layout import Place
from audit_lib.workbook.sheets import identified

CELLS = (
    "from audit_lib import console\nconsole('toy', 'v1')",
    "from audit_lib.workbook import Workbook\n"
    "audit = Workbook.open('T1', {'subject': 'toy', 'version': 'v1', 'select': 'LED001 CHK001'})\n"
    "audit.run()",
)
#: running a cell before that asks which kernel is meant
CONNECTED = (
    "window.jupyterapp.shell.currentWidget?.sessionContext?.session?.kernel?.connectionStatus"
    " === 'connected'"
)
LEDGER = """\
[criteria.read]
description = "Read line by line."
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a published run of a toy, and a notebook that opens its console."""
    made = toy_workspace.make(tmp_path_factory.mktemp("lab"))
    (made / "parameters" / "toy" / "ledger.toml").write_text(LEDGER, encoding="utf-8")
    place = Place(made / "reports", "toy", "v1")
    run = made_up.tasks(subject="toy", version="v1", run_id="20261121T220000Z-7f3a")
    folder = made_up.lay(place.folder / run[0].run_id, run)
    (folder / "packet.html").write_text("<p>packet</p>", encoding="utf-8")
    (place.folder / "latest").symlink_to(folder.name)
    notebook = v4.new_notebook(cells=[v4.new_code_cell(c) for c in CELLS])
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["kernelspec"] = kernel
    nbformat.write(notebook, made / "console.ipynb")
    return made


@pytest.fixture(scope="module")
def server(workspace: Path) -> Iterator[str]:
    """The address of a JupyterLab that serves the workspace."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = workspace / "home"
    options = {
        "ServerApp.port": port, "ServerApp.root_dir": workspace, "IdentityProvider.token": "",
        "ServerApp.allow_root": True, "LabApp.expose_app_in_browser": True,
        "ServerApp.open_browser": False, "LabApp.extension_manager": "readonly",
        "LabApp.news_url": None,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *(f"--{k}={v}" for k, v in options.items())],
        env=os.environ | {"AUDIT_WORKSPACE": str(workspace), "HOME": str(home)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None
                time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(120)  # a busy machine takes its time


@pytest.fixture
def lab(page_at: Any, server: str) -> Any:
    """The notebook, run."""
    page = page_at(f"{server}/lab/tree/console.ipynb?reset")
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.wait_for_function(CONNECTED, timeout=60_000)
    page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells') }")
    page.wait_for_selector(".jp-OutputArea .widget-select option", timeout=60_000)
    return page


def pressed(lab: Any, button: str, said: Any) -> None:
    """Press a button until that is said: a press overtakes what was typed just before it."""
    for _ in range(15):
        lab.get_by_role("button", name=button).click()
        for _ in range(10):
            if said.count():
                return
            lab.wait_for_timeout(200)
    said.wait_for()


def test_a_researcher_lives_in_the_console(lab, workspace, violations):
    found = identified(r for t in made_up.tasks() for r in t.results)
    listed = lab.locator(".widget-select option")
    assert listed.count() == len(found)
    assert "critical" in listed.first.inner_text()
    output = lab.locator(".jp-OutputArea").first

    # What is searched for is what is left, and the first of it is shown.
    lab.get_by_placeholder("words to search for").fill("SPL001")
    lab.keyboard.press("Tab")
    lab.wait_for_function(
        "!document.querySelector('.widget-select option').innerText.indexOf('SPL001')"
    )
    assert 0 < listed.count() < len(found)
    output.locator("a[href$='packet.html#SPL001-1']").wait_for()
    assert output.get_by_text("of this finding").is_visible()

    # A waiver is drafted, and written only when that is asked for.
    file = workspace / "parameters" / "toy" / "exemptions.toml"
    lab.get_by_role("tab", name="Waiver").click()
    lab.get_by_label("owner").fill("desk")
    lab.get_by_label("reason").fill("known")
    pressed(lab, "Draft", output.get_by_text("[[exemption]]"))
    assert not file.exists()

    # A task that runs says what it found, and ends with a sentence.
    lab.locator(".jp-CodeCell").nth(1).get_by_text("T1: ").wait_for()

    # A definition is vouched for.
    lab.get_by_role("tab", name="Certify").click()
    lab.get_by_label("definition").fill("engine.py::decide")
    lab.get_by_label("who").fill("model risk")
    said = output.get_by_text("certified engine.py::decide")
    pressed(lab, "Write it into ledger.toml", said)
    assert 'who = "model risk"' in (workspace / "parameters/toy/ledger.toml").read_text()

    shots = os.environ.get("WORKBOOK_SHOTS")
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        change = "theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})"
        lab.evaluate(change, theme)
        light = str(theme.endswith("Light")).lower()
        lab.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
        lab.wait_for_timeout(500)
        lab.get_by_role("tab", name="Finding").click()
        if shots:
            lab.screenshot(path=f"{shots}/console-{light}.png")
        wrong = violations(lab, ".jp-OutputArea")
        assert [v for v in wrong if v.startswith("color-contrast")] == []
