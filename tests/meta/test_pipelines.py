"""What users copy into their pipelines fits the schemas of the hosts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guide" / "pipelines.md").read_text(encoding="utf-8")


def fits(schema: str, file: Path) -> None:
    words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run([*words, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_action_fits_its_schema():
    fits("github-actions", ROOT / "action.yml")


@pytest.mark.parametrize(
    ("schema", "begins"), [("github-workflows", "name: Model audit"), ("gitlab-ci", "audit:")]
)
def test_what_the_guide_offers_fits_its_schema(schema, begins, tmp_path):
    blocks = re.findall(r"```yaml\n(.*?)```", GUIDE, flags=re.DOTALL)
    (block,) = [b for b in blocks if b.startswith(begins)]
    file = tmp_path / "copied.yml"
    file.write_text(block, encoding="utf-8")
    fits(schema, file)


#: the guide says where to put commits for tags; nobody can know those of the user's day
PINS = "rules: {unpinned-uses: {disable: true}}\n"


def test_linted_for_what_attackers_use(tmp_path):
    (workflow,) = re.findall(r"```yaml\n(name: Model audit.*?)```", GUIDE, flags=re.DOTALL)
    file = tmp_path / ".github/workflows/audit.yml"
    file.parent.mkdir(parents=True)
    file.write_text(workflow, encoding="utf-8")
    config = tmp_path / "zizmor.yml"
    config.write_text(PINS, encoding="utf-8")
    zizmor = [str(Path(sys.executable).with_name("zizmor")), "--offline", "--persona", "pedantic"]
    words = [*zizmor, "--config", str(config), str(file), str(ROOT / "action.yml")]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hook_runs_a_command_that_exists():
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert hook["entry"] == "workbook gate"
    assert hook["pass_filenames"] is False
