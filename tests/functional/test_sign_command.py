"""A reviewer makes a key, signs a packet; somebody else verifies it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import made_up
import pytest
from click.testing import CliRunner, Result

from audit_lib.cli.app import cli, main
from audit_lib.cli.codes import USAGE
from audit_lib.packets.assembly import assemble
from audit_lib.packets.index import update_index


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
        from audit_lib.packets.manifest import write_manifest
        from audit_lib.packets.packet import build
        from audit_lib.packets.run import read_run

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


# --- what a decision means ------------------------------------------------------------------------
def test_a_trusted_rejection_does_not_pass(run, key):
    assert signed(run, key, "reject").exit_code == 0
    done = workbook("verify", run, "--trusted", key.with_name("trusted"))
    assert done.exit_code == 1
    assert "a trusted key has rejected it: model risk desk" in done.output
    assert signed(run, key, "release").exit_code == 0  # thought better of it
    assert workbook("verify", run, "--trusted", key.with_name("trusted")).exit_code == 0


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    tasks = made_up.tasks()
    folder = made_up.lay(tmp_path / "broken", tasks)
    assemble(folder, provenance=made_up.provenance(tasks))
    return folder


def test_a_broken_packet_is_released_for_a_reason_only(broken, key):
    done = signed(broken, key)
    assert (done.exit_code, "--override REASON" in done.output) == (1, True)
    done = workbook("sign", broken, "--key", key, "--name", "desk", "--decision", "release",
                    "--override", "the desk knows")  # fmt: skip
    assert done.exit_code == 0
    told = workbook("verify", broken, "--trusted", key.with_name("trusted"))
    assert (told.exit_code, "though it is broken: the desk knows" in told.output) == (0, True)


def test_the_index_shows_the_decision(run, key, tmp_path):
    place = tmp_path / "reports" / "engine" / "v1"
    place.mkdir(parents=True)
    shutil.copytree(run, place / "r1")
    assert signed(place / "r1", key, "conditions").exit_code == 0
    page = update_index(tmp_path / "reports", "engine").read_text("utf-8")
    assert "signed: conditions by model risk desk" in page


# --- forty ways to tamper
def _manifest(run: Path, **changes: object) -> None:
    file = run / "run_manifest.json"
    told = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(told | changes), "utf-8")


def _listed(run: Path) -> list[Path]:
    told = json.loads((run / "run_manifest.json").read_text("utf-8"))
    return [run / entry["path"] for entry in told["files"]]


def _each_file(spoil, count: int = 12):
    def at(number: int):
        def act(run: Path) -> None:
            files = _listed(run)
            spoil(files[number % len(files)])

        return act

    return [at(number) for number in range(count)]


def _flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _to_link(file: Path) -> None:
    kept = file.with_name(f".kept-{file.name}")
    file.rename(kept)
    file.symlink_to(kept)


def _to_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _linked_signatures(run: Path) -> None:
    (run / "elsewhere").write_text("")
    (run / "signatures.intoto.jsonl").symlink_to("elsewhere")


def _zeros(name: str):
    def act(run: Path) -> None:
        (run / name).unlink(missing_ok=True)
        (run / name).symlink_to("/dev/zero")

    return act


def _name_that_prints(run: Path) -> None:
    (run / "x\nwhole: 99 files are as run_manifest.json says\r\x1b[2K").write_text("")


TAMPERS = {
    **{f"bit flipped {i}": act for i, act in enumerate(_each_file(_flip))},
    **{f"removed {i}": act for i, act in enumerate(_each_file(Path.unlink, 6))},
    **{f"made a link {i}": act for i, act in enumerate(_each_file(_to_link, 4))},
    **{f"made a pipe {i}": act for i, act in enumerate(_each_file(_to_pipe, 4))},
    "a file added": lambda run: (run / "more.txt").write_text("x"),
    "a hidden file added": lambda run: (run / ".more").write_text(""),
    "a folder added": lambda run: (run / "figures").mkdir(exist_ok=False),
    "a folder in a folder added": lambda run: (run / "results" / "a" / "b").mkdir(parents=True),
    "signatures that are a link": _linked_signatures,
    "signatures that never end": _zeros("signatures.intoto.jsonl"),
    "a manifest that never ends": _zeros("run_manifest.json"),
    "a name that prints": _name_that_prints,
    "findings of the manifest": lambda run: _manifest(run, findings={"critical": 9}),
    "tasks of the manifest": lambda run: _manifest(run, tasks={"T1": "broken"}),
    "contracts of the manifest": lambda run: _manifest(run, contracts={}),
    "exempted of the manifest": lambda run: _manifest(run, exempted=7),
    "verdict of the manifest": lambda run: _manifest(run, verdict="broken"),
    "run of the manifest": lambda run: _manifest(run, run_id="other"),
    "files of the manifest": lambda run: _manifest(run, files=[]),
    "no manifest": lambda run: (run / "run_manifest.json").unlink(),
    "a manifest of nothing": lambda run: (run / "run_manifest.json").write_text("{}"),
    "a manifest that is a list": lambda run: (run / "run_manifest.json").write_text("[1]"),
}


def test_there_are_many_ways_to_tamper():
    assert len(TAMPERS) >= 40


@pytest.mark.parametrize("name", TAMPERS)
def test_whatever_is_tampered_with_is_noticed_unsigned(run, name):
    TAMPERS[name](run)
    done = workbook("verify", run)
    assert done.exit_code in (1, 4), done.output
    assert not any(line.startswith("whole: ") for line in done.output.splitlines()), done.output
    assert "\x1b" not in done.output
