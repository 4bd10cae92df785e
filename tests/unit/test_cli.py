"""The command's frame: every command exists, says what it is for, and imports late."""

import subprocess
import sys

import click
import pytest

from audit_lib.cli.app import COMMANDS, cli
from audit_lib.cli.codes import FAULT


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_real_help(name):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    text = command.get_help(click.Context(command, info_name=f"workbook {name}"))
    assert len(text.splitlines()) >= 5
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert [o.name for o in options if not o.help] == []


def test_help_imports_no_heavy_library():
    code = (
        "import sys\nfrom audit_lib.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'pandas', 'matplotlib', 'papermill', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
    for name in COMMANDS:
        assert name in done.stdout


def test_a_defect_of_the_workbook_is_never_a_verdict(monkeypatch, capsys):
    from audit_lib.cli import app

    def broken(*_, **__):
        raise ZeroDivisionError("inside")

    monkeypatch.setattr(app.cli, "main", broken)
    with pytest.raises(SystemExit) as stopped:
        app.main(["list"])
    assert stopped.value.code == FAULT
    assert "a defect of it" in capsys.readouterr().err
