"""Every command of the first audit runs: from a wheel to packets, a gate and a waiver."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide" / "first_audit.md"
BLOCK = re.compile(r"(?:^<!-- exits (\d) -->\n)?^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRONG = 99


def blocks():
    return [(text, exits or "0") for exits, text in BLOCK.findall(PAGE.read_text("utf-8"))]


def script(folder):
    """All blocks in one shell, which stops at the first that ends otherwise than told."""
    # What pip would fetch stands here already; only the wheel itself is installed.
    site = Path(sysconfig.get_path("purelib"))
    packages = folder / "packages.pth"
    packages.write_text(f"{site}\n")
    known = (
        'cp "$HERE/packages.pth" "$(python -c \'import site; print(site.getsitepackages()[0])\')"\n'
        f'ln -s "{Path(sys.prefix) / "share"}" "$VIRTUAL_ENV/share"'
    )
    lines = []
    for number, (text, exits) in enumerate(blocks()):
        lines.append(f"echo '@@ {number}'\n{text}code=$?")
        lines.append(f'[ $code = {exits} ] || {{ echo "block {number}: $code"; exit {WRONG}; }}')
        if number == 0:
            lines.append(known)
    return "\n".join(lines)


@pytest.fixture
def wheel(tmp_path):
    make = ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(tmp_path)]
    subprocess.run([sys.executable, *make, str(ROOT)], check=True, timeout=300)
    (found,) = tmp_path.glob("*.whl")
    return found


@pytest.mark.slow
def test_the_first_audit_runs(tmp_path, wheel):
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("AUDIT_", "PYTHON", "VIRTUAL"))
    }
    environment = kept | {
        "HERE": str(tmp_path),
        "WHEEL": str(wheel),
        "REPOSITORY": str(ROOT),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
    }
    done = subprocess.run(
        ["bash", "-c", script(tmp_path)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    assert "::error file=models/v2/model.npz,title=CHK006" in done.stdout
    assert re.search(r"^v1 .*✓ kept", done.stdout, re.MULTILINE)
    runs = sorted((tmp_path / "acme" / "audit" / "reports" / "acme").glob("v?/*/run_manifest.json"))
    assert {run.parts[-3] for run in runs} == {"v1", "v2"}
    assert (tmp_path / "env" / "bin" / "workbook").is_file()


def test_every_command_of_the_page_is_in_a_block_that_runs():
    assert re.findall(r"^```(?!bash)\w+", PAGE.read_text("utf-8"), re.MULTILINE) == []
    run = "".join(text for text, _ in blocks())
    for command in ("init", "new-subject", "hooks check", "run", "show", "gate", "verify"):
        assert f"workbook {command} " in run
