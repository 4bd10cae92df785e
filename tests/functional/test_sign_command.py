"""A reviewer makes a key, signs a packet; somebody else verifies it."""

from __future__ import annotations

import json
from pathlib import Path

import made_up
import pytest
from click.testing import CliRunner, Result

from audit_lib.cli.app import cli, main
from audit_lib.cli.codes import USAGE
from audit_lib.packets import assemble


def workbook(*arguments: object, said: str = "") -> Result:
    return CliRunner().invoke(cli, [str(a) for a in arguments], input=said)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    tasks = made_up.clean_tasks()
    folder = made_up.lay(tmp_path / "run", tasks)
    assemble(folder, provenance=made_up.provenance(tasks))
    return folder


@pytest.fixture
def key(tmp_path: Path) -> Path:
    made = workbook("sign", "--new-key", tmp_path / "desk.pem", "--name", "model risk desk")
    assert made.exit_code == 0
    (tmp_path / "trusted").write_text(made.output.splitlines()[-1])
    return tmp_path / "desk.pem"


def signed(run: Path, key: Path, decision: str = "release") -> Result:
    return workbook("sign", run, "--key", key, "--name", "model risk desk", "--decision", decision)


def test_a_trusted_signature_is_told_with_name_and_decision(run, key):
    assert signed(run, key, "conditions").exit_code == 0
    done = workbook("verify", run, "--trusted", key.with_name("trusted"))
    assert done.exit_code == 0
    assert "whole: " in done.output
    assert "signed: conditions, by model risk desk (key " in done.output
    assert "trusted)" in done.output


def test_json_says_the_same(run, key):
    signed(run, key)
    done = workbook("verify", run, "--trusted", key.with_name("trusted"), "--format", "json")
    told = json.loads(done.output)
    assert told["whole"] is True
    (one,) = told["signatures"]
    assert (one["name"], one["decision"], one["trusted"]) == ("model risk desk", "release", True)


def test_without_trusted_keys_nobody_is_vouched_for(run, key):
    signed(run, key)
    done = workbook("verify", run)
    assert done.exit_code == 0
    assert "somebody calling themselves model risk desk" in done.output


def test_an_unknown_key_is_not_enough(run, key, tmp_path):
    workbook("sign", "--new-key", tmp_path / "eve.pem")
    signed(run, tmp_path / "eve.pem")
    done = workbook("verify", run, "--trusted", key.with_name("trusted"))
    assert done.exit_code == 1
    assert "no trusted key has signed it; unknown: model risk desk (" in done.output


def test_an_unsigned_packet_is_not_trusted(run, key):
    done = workbook("verify", run, "--trusted", key.with_name("trusted"))
    assert (done.exit_code, "it is not signed" in done.output) == (1, True)
    assert workbook("verify", run).exit_code == 0


@pytest.mark.parametrize("resealed", [False, True])
def test_a_packet_that_was_changed_after_signing_is_not_trusted(run, key, resealed):
    signed(run, key)
    (run / "packet.html").write_text("<p>kept</p>")
    if resealed:  # by somebody who can write the folder, and so the manifest too
        from audit_lib.packets import build, read_run
        from audit_lib.packets.manifest import write_manifest

        write_manifest(run, build(read_run(run), made_up.provenance(made_up.clean_tasks())))
    done = workbook("verify", run, "--trusted", key.with_name("trusted"))
    assert done.exit_code == 1
    said = "is for another run_manifest.json" if resealed else "packet.html: was changed after"
    assert said in done.output


def test_a_packet_that_is_not_whole_is_not_signed(run, key):
    (run / "packet.pdf").unlink()
    done = signed(run, key)
    assert done.exit_code == 1
    assert "packet.pdf: is missing" in done.output
    assert not list(run.glob("signatures*"))


def test_a_key_with_a_passphrase_asks_for_it(run, tmp_path):
    file = tmp_path / "safe.pem"
    workbook("sign", "--new-key", file, "--passphrase", said="horse\nhorse\n")
    options = ("--key", file, "--name", "desk", "--decision", "reject")
    assert "signed: " in workbook("sign", run, *options, said="horse\n").output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("verify", "RUN", "--trusted", "gone"), "gone: cannot be read: No such file"),
        (("verify", "gone"), "gone is not a folder"),
        (("sign", "RUN"), "give RUN, --key, --name and --decision"),
        (
            ("sign", "RUN", "--key", "gone", "--name", "J", "--decision", "reject"),
            "gone: cannot be read: No such file",
        ),
        (("sign", "--new-key", "RUN"), "the file exists already"),
    ],
)
def test_bad_usage_is_one_message_and_a_code_of_its_own(
    run, tmp_path, monkeypatch, capsys, arguments, says
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main([str(run) if a == "RUN" else a for a in arguments])
    assert ended.value.code == USAGE
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said
