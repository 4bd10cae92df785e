"""A workspace is made where the user wants it, and nothing is written anywhere else."""

from __future__ import annotations

import subprocess
import sys

import made_up
import pytest
import toy_workspace

from audit_lib.cli import main
from audit_lib.cli.codes import USAGE
from audit_lib.execution.layout import Place
from audit_lib.host.digest import tree_digest
from audit_lib.packets.assembly import assemble

SHIPPED = toy_workspace.REPOSITORY / "notebooks"


@pytest.fixture
def workbook(monkeypatch, capsys, tmp_path):
    """Call the command in a folder of its own; answers exit code, standard output and error."""
    monkeypatch.delenv("AUDIT_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return call


@pytest.fixture
def engine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere") / "engine"
    folder.mkdir()
    (folder / "model.py").write_text("def fit(x):\n    return x\n")
    return folder


def files(folder):
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_init_makes_a_workspace_and_says_what_is_next(workbook, tmp_path, engine):
    code, out, _ = workbook("init", "an audit")
    assert code == 0
    assert "next: cd 'an audit' && workbook new-subject PATH" in out
    made = {".workbook", ".gitignore", "parameters/README.md", "reports/README.md"}
    assert files(tmp_path / "an audit") == made
    assert workbook("new-subject", engine, "--workspace", "an audit")[0] == 0
    assert (tmp_path / "an audit/parameters/engine/subject.yaml").is_file()


def test_init_again_changes_nothing(workbook, tmp_path):
    (tmp_path / ".gitignore").write_text("*.pyc\n/lab/\n")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/README.md").write_text("mine\n")
    workbook("init", "--notebooks")
    (tmp_path / "notebooks/T1_ledger_and_artifacts.ipynb").write_text("mine\n")
    before = {f: (tmp_path / f).read_bytes() for f in files(tmp_path)}
    code, out, _ = workbook("init", "--notebooks")
    assert (code, "a workspace already" in out) == (0, True)
    assert {f: (tmp_path / f).read_bytes() for f in files(tmp_path)} == before
    assert before["reports/README.md"] == b"mine\n"
    assert before[".gitignore"].decode().splitlines()[:2] == ["*.pyc", "/lab/"]
    assert before[".gitignore"].decode().count("/lab/") == 1
    assert len(list((tmp_path / "notebooks").glob("T?_*.ipynb"))) == 6


@pytest.mark.skipif(sys.platform == "win32", reason="a folder of the system's own")
def test_init_where_nothing_can_be_written(workbook):
    code, _, err = workbook("init", "/proc/audit")
    assert code == USAGE
    assert "/proc/audit" in err
    assert "mend: name a folder that can be written to" in err


def test_new_subject_makes_one_in_an_empty_folder_and_nowhere_else(workbook, tmp_path, engine):
    code, out, _ = workbook("new-subject", engine)
    assert code == 0
    assert "made a workspace here" in out
    assert (tmp_path / "parameters/engine/subject.yaml").is_file()
    assert files(engine) == {"model.py"}


def test_new_subject_among_other_files_says_how_to_make_one(workbook, tmp_path, engine):
    (tmp_path / "something.txt").write_text("x")
    code, _, err = workbook("new-subject", engine)
    assert code == USAGE
    assert "`workbook init` makes one here" in err
    assert files(tmp_path) == {"something.txt"}


def test_a_new_subject_that_is_interrupted_leaves_nothing_behind(
    workbook, tmp_path, engine, monkeypatch
):
    from audit_lib.cli import new_subject

    def stopped(folder):
        raise KeyboardInterrupt

    workbook("init")
    with monkeypatch.context() as patched:
        patched.setattr(new_subject, "load_parameters", stopped)
        assert workbook("new-subject", engine)[0] == 130
    assert files(tmp_path / "parameters") == {"README.md"}
    assert workbook("new-subject", engine)[0] == 0


@pytest.mark.parametrize(
    "command",
    [
        ("run", "reference_engine"),
        ("gate", "train", "reference_engine"),
        ("show", "reference_engine"),
        ("lab",),
    ],
)
def test_the_checkout_of_the_tool_is_not_written_to(workbook, tmp_path, command):
    (tmp_path / "something.txt").write_text("x")
    before = tree_digest(SHIPPED.parent / "notebooks"), tree_digest(SHIPPED.parent / "parameters")
    code, _, err = workbook(*command)
    assert code == USAGE
    assert f"no workspace at or above {tmp_path}" in err
    assert before == (
        tree_digest(SHIPPED.parent / "notebooks"),
        tree_digest(SHIPPED.parent / "parameters"),
    )


def test_lab_opens_copies_and_keeps_them(workbook, tmp_path, monkeypatch):
    calls = []

    def ran(command, **options):
        calls.append((command, options["env"]["AUDIT_WORKSPACE"]))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(subprocess, "run", ran)
    workbook("init")
    assert workbook("lab", "--", "--no-browser")[0] == 0
    copy = tmp_path / "lab" / "T1_ledger_and_artifacts.ipynb"
    assert copy.read_bytes() == (SHIPPED / copy.name).read_bytes()
    copy.write_text("mine")
    assert workbook("lab")[0] == 0
    assert copy.read_text() == "mine"
    assert workbook("lab", "--fresh")[0] == 0
    assert copy.read_bytes() == (SHIPPED / copy.name).read_bytes()
    [first, *_] = calls
    assert first[0][1:] == ["-m", "jupyterlab", "--no-browser", str(tmp_path / "lab")]
    assert first[1] == str(tmp_path)


@pytest.mark.parametrize(("asked", "version"), [("latest", "v2"), ("champion", "v1")])
def test_show_finds_what_the_registry_points_to(workbook, tmp_path, asked, version):
    toy_workspace.make(tmp_path)
    code, _, err = workbook("show", "toy", "--version", asked)
    assert code == USAGE
    assert f"workbook run toy --version {version}" in err
    run = Place(tmp_path / "reports", "toy", version).published("r1").path
    tasks = made_up.clean_tasks()
    made_up.lay(run, tasks)
    assemble(run, provenance=made_up.provenance(tasks))
    code, out, _ = workbook("show", "toy", "--version", asked, "--run", "r1")
    assert (code, "kept" in out) == (0, True)


def test_open_hands_a_packet_to_the_browser_and_tells_where_it_is(workbook, tmp_path, monkeypatch):
    handed: list[str] = []
    monkeypatch.setattr("click.launch", handed.append)
    toy_workspace.make(tmp_path)
    code, _, err = workbook("open")
    assert (code, "no packet has been published yet" in err) == (USAGE, True)
    code, _, err = workbook("open", "toy", "--version", "v2")
    assert (code, "`workbook run toy --version v2` makes one" in err) == (USAGE, True)
    run = Place(tmp_path / "reports", "toy", "v2").published("r1").path
    tasks = made_up.clean_tasks()
    made_up.lay(run, tasks)
    assemble(run, provenance=made_up.provenance(tasks))
    (tmp_path / "reports" / "index.html").write_text("all")
    assert handed == []
    for words, file in (
        (("toy", "--run", "r1"), run / "packet.html"),
        (("toy", "--run", "r1", "--pdf"), run / "packet.pdf"),
        ((), tmp_path / "reports" / "index.html"),
    ):
        code, out, _ = workbook("open", *words)
        assert (code, out.strip()) == (0, str(file))
        assert handed.pop() == file.as_uri()
