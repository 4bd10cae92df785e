"""A shell is offered subjects, versions and codes."""

from __future__ import annotations

import pytest
import toy_workspace
from click.shell_completion import ShellComplete

from audit_lib.cli.app import cli


@pytest.fixture
def offered(tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIT_WORKSPACE", str(toy_workspace.make(tmp_path)))

    def ask(*words):
        *before, last = words
        made = ShellComplete(cli, {}, "workbook", "_WORKBOOK_COMPLETE")
        return [item.value for item in made.get_completions(list(before), last)]

    return ask


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("run", ""), ["toy"]),
        (("gate", "train", "t"), ["toy"]),
        (("ledger", "status", ""), ["toy"]),
        (("run", "x"), []),
        (("run", "toy", "--version", ""), ["latest", "champion", "all", "v1", "v2"]),
        (("show", "toy", "--version", "v"), ["v1", "v2"]),
        (("run", "nobody", "--version", "l"), ["latest"]),
        (("explain", "spl001"), ["SPL001"]),
        (("explain", "registry.ver"), ["registry.versions"]),
    ],
)
def test_what_is_offered(offered, words, expected):
    assert offered(*words) == expected


def test_nothing_is_offered_without_a_workspace(offered, tmp_path, monkeypatch):
    monkeypatch.delenv("AUDIT_WORKSPACE")
    monkeypatch.chdir(tmp_path.parent)
    assert offered("run", "") == []
