"""Every command of the tutorial runs, with the exit code that it tells."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide" / "tutorial.md"
BLOCK = re.compile(r"(?:^<!-- exits ([\d,]+) -->\n)?^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks():
    return [
        (text, {int(code) for code in (exits or "0").split(",")})
        for exits, text in BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    ]


@pytest.mark.slow
def test_the_tutorial_runs(tmp_path):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "AUDIT_WORKSPACE": str(tmp_path)}
    said = ""
    for text, exits in blocks():
        done = subprocess.run(
            ["bash", "-c", text],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode in exits, f"{text}\n{done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        said += done.stdout
    assert "good    features.build" in said
    assert list(tmp_path.glob("reports/skfolio/unversioned/*/packet.html"))


def test_every_command_of_the_page_is_in_a_block_that_runs():
    page = PAGE.read_text(encoding="utf-8")
    run = "".join(text for text, _ in blocks())
    fenced = re.findall(r"^```(?!bash)\w+", page, re.MULTILINE)
    assert fenced == []
    assert run.count("workbook ") >= 7
