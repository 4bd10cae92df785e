"""Every command of the guide on explanations runs on the reference engine."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutants.mutate import built_store

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide" / "explain.md"
BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_guide_runs(tmp_path):
    built_store()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "AUDIT_WORKSPACE": str(ROOT)}
    for text in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        done = subprocess.run(
            ["bash", "-ec", text],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
    folder = tmp_path / "explained" / "learned_conditions"
    summary = json.loads((folder / "summary.json").read_text())
    methods = {h["name"]: h["method"] for h in summary["heads"]}
    assert methods["direction"] == "tree"
    assert methods["volatility_neural"] == "sampled"
    named = set(re.findall(r"`(\w+\.(?:json|csv|md))`", PAGE.read_text())) - {"between.json"}
    assert {n for n in named if not n.startswith("learned_")} <= {f.name for f in folder.iterdir()}
    assert len((tmp_path / "traces.jsonl").read_text().splitlines()) == 60
