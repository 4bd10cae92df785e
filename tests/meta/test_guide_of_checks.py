"""The worked example of docs/guide/check.md is the files of the repository, as they are."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from audit_lib.checks.catalogue import check_class
from audit_lib.cli.app import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guide" / "check.md").read_text(encoding="utf-8")
FENCES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_blocks_of_code_stand_in_the_repository():
    check = check_class("GOV001").__module__.replace(".", "/")
    files = [f"{check}.py", "tests/mutants/governance/test_governance.py"]
    source = "".join((ROOT / file).read_text(encoding="utf-8") for file in files)
    assert len(FENCES) == 5
    assert [fence for fence in FENCES if fence not in source] == []


def test_commands_of_the_page_are_there():
    for command in re.findall(r"^workbook (\S+)", PAGE, re.MULTILINE):
        assert CliRunner().invoke(cli, [command, "--help"]).exit_code == 0
    for script in re.findall(r"`(benchmarks/\w+\.py|tests/[\w/]+\.py)", PAGE):
        assert (ROOT / script).is_file()


def test_files_that_pages_for_contributors_name_are_there():
    for page in ("check.md", "reader.md", "picture.md"):
        text = (ROOT / "docs" / "guide" / page).read_text(encoding="utf-8")
        named = set(re.findall(r"`((?:audit_lib|tests|benchmarks)/[\w/]+\.\w+)`", text))
        assert named
        assert [name for name in named if not (ROOT / name).is_file()] == []
