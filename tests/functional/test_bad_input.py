"""A user's mistake gets one clear message and a code of its own; nothing is half-written."""

import json
import shutil
from pathlib import Path

import pytest

from audit_lib.cli import main
from audit_lib.cli.codes import USAGE
from audit_lib.host import HookError
from audit_lib.subject.subject import open_subject

ROOT = Path(__file__).parents[2]
SUBJECT = """\
subject: tiny
source:
  root: ../../engine
  package: engine
artifacts:
  store: store
  registry: {file: registry.json}
"""
HOOKS = """\
from audit_lib.hooks import surface

@surface("drift.psi")
def psi(at, reference, current):
    raise RuntimeError("the engine fell over")
"""


@pytest.fixture
def place(tmp_path):
    """A workspace with one small engine: two versions, one hook that raises."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    parameters, engine = tmp_path / "parameters" / "tiny", tmp_path / "engine"
    parameters.mkdir(parents=True)
    (parameters / "subject.yaml").write_text(SUBJECT)
    (parameters / "hooks.py").write_text(HOOKS)
    for version in ("v1", "v2"):
        folder = engine / "store" / version
        folder.mkdir(parents=True)
        (folder / "meta.json").write_text(json.dumps({"version": version}))
    (engine / "model.py").write_text("def fit(x):\n    return x\n")
    rows = [{"version_id": "v1"}, {"version_id": "v2"}]
    registry = {"versions": rows, "latest": "v2", "champion": "v1"}
    (engine / "store" / "registry.json").write_text(json.dumps(registry))
    return tmp_path


@pytest.fixture
def run(place, capfd):
    """Call the command in the workspace; answers exit code, standard output and error."""

    def call(*arguments):
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, "--workspace", str(place)])
        said = capfd.readouterr()
        assert "Traceback" not in said.err + said.out
        return stopped.value.code, said.out, said.err

    return call


def no_run_was_kept(place):
    return not (place / "reports").exists() or not list((place / "reports").rglob("packet.html"))


def edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    "command", [("run", "missing"), ("gate", "train", "missing"), ("list", "missing")]
)
def test_a_missing_subject(run, place, command):
    code, _, said = run(*command)
    assert code == USAGE
    assert "no subject is called 'missing'" in said
    assert "tiny" in said
    assert no_run_was_kept(place)


def test_a_misspelt_key(run, place):
    edit(place / "parameters/tiny/subject.yaml", "  store:", "  stor:")
    code, _, said = run("run", "tiny")
    assert code == USAGE
    assert "subject.yaml" in said
    assert "'artifacts.stor' is not known; did you mean 'store'?" in " ".join(said.split())
    assert no_run_was_kept(place)


@pytest.mark.parametrize("command", [("run",), ("gate", "pull_request")])
def test_a_misspelt_key_of_a_boundary(run, place, command):
    file = place / "parameters/tiny/boundaries.yaml"
    file.write_text("boundaries:\n  model:\n    riks: high\n")
    code, _, said = run(*command, "tiny")
    assert code == USAGE
    flat = " ".join(said.split())
    assert "boundaries.yaml" in flat
    assert "'boundaries.model.riks' is not known; did you mean 'risk'?" in flat
    assert no_run_was_kept(place)


@pytest.mark.parametrize(
    "source",
    [
        "  subsystem: {files: [modles/*.py]}",
        "  exclude: ['**']",
        "  subsystem: {map: map.json, id: a}",
    ],
)
def test_parameters_whose_source_has_no_files(run, place, source):
    edit(place / "parameters/tiny/subject.yaml", "  package: engine", source)
    code, _, said = run("run", "tiny")
    assert code == USAGE
    flat = " ".join(said.split())
    assert "subject.yaml: source.subsystem" in flat
    assert "mend: name" in flat
    assert no_run_was_kept(place)


@pytest.mark.parametrize("version", ["v3", "../../etc", "..", "/etc/passwd", "", "a/b", "v1\n"])
def test_a_version_that_is_not_there_or_not_safe(run, place, version):
    code, _, said = run("run", "tiny", "--version", version)
    assert code == USAGE
    assert "version" in said
    assert no_run_was_kept(place)


def test_latest_that_points_nowhere(run, place):
    edit(place / "engine/store/registry.json", '"latest": "v2"', '"latest": "v9"')
    code, _, said = run("run", "tiny", "--version", "latest")
    assert code == USAGE
    assert "latest points to 'v9'" in said
    assert "v1, v2" in said


def test_an_empty_store(run, place):
    shutil.rmtree(place / "engine/store")
    (place / "engine/store").mkdir()
    code, _, said = run("run", "tiny")
    assert code == USAGE
    assert "registry.json does not exist" in " ".join(said.split())
    assert no_run_was_kept(place)


def test_no_checkout(run, place):
    code, _, said = run("run", "tiny", "--root", str(place / "nowhere"))
    assert code == USAGE
    assert "--root" in said
    assert "is not a folder" in said


def test_an_unknown_task(run):
    code, _, said = run("run", "tiny", "--tasks", "T7")
    assert code == USAGE
    assert "no task is called 'T7'" in said


def test_a_notebook_without_a_parameters_cell(run, place):
    file = next((place / "notebooks").glob("T4_*.ipynb"))
    edit(file, '"parameters"', '"other"')
    code, _, said = run("run", "tiny", "--tasks", "T4", "--version", "v1")
    assert code == USAGE
    assert file.name in said
    assert "parameters" in said
    assert no_run_was_kept(place)


def test_a_hook_that_raises_costs_its_checks_only(run):
    code, out, _ = run("gate", "live", "tiny", "--version", "v1", "--format", "json")
    assert code in (1, 2)
    assert json.loads(out)


def test_a_hooks_file_that_does_not_parse(run, place):
    (place / "parameters/tiny/hooks.py").write_text("def broken(:\n")
    code, out, said = run("gate", "live", "tiny", "--version", "v1")
    assert code in (1, 2)
    assert "hooks.py:1 does not parse" in " ".join((out + said).split())


def test_a_source_file_with_a_syntax_error_is_a_finding(run, place):
    (place / "engine/broken.py").write_text("def broken(:\n")
    code, out, _ = run("gate", "pull_request", "tiny", "--version", "v1", "--format", "json")
    assert code == 1
    assert "broken.py" in out


def test_options_of_a_check_that_does_not_exist(run, place):
    with (place / "parameters/tiny/subject.yaml").open("a") as file:
        file.write("options: {DRF01: {seed: 1}}\n")
    for command in (("gate", "train", "tiny"), ("run", "tiny")):
        code, _, said = run(*command)
        assert code == USAGE
        assert "'options.DRF01' names no check" in " ".join(said.split())
        assert "did you mean 'DRF001'?" in said
    assert no_run_was_kept(place)


def test_options_of_a_check_that_the_gate_does_not_run(run, place):
    with (place / "parameters/tiny/subject.yaml").open("a") as file:
        file.write("options: {DRF001: {sede: 1}}\n")
    code, _, said = run("gate", "train", "tiny")
    assert code == USAGE
    assert "options.DRF001.sede" in said


def test_a_misspelt_hook(run, place):
    edit(place / "parameters/tiny/hooks.py", '"drift.psi"', '"drift.pis"')
    code, _, said = run("gate", "live", "tiny", "--version", "v1")
    assert code == USAGE
    assert "no hook is called 'drift.pis'" in said
    assert "did you mean 'drift.psi'?" in said


def test_a_misspelt_ledger(run, place):
    (place / "parameters/tiny/ledger.toml").write_text('[criteria.read]\ndescripion = "x"\n')
    code, _, said = run("run", "tiny")
    assert code == USAGE
    assert "ledger.toml" in said
    assert no_run_was_kept(place)


def test_a_hook_that_hangs_is_asked_twice_and_no_more(run, place):
    with (place / "parameters/tiny/subject.yaml").open("a") as file:
        file.write("limits: {seconds: 1}\n")
    hooks = place / "parameters/tiny/hooks.py"
    edit(hooks, 'raise RuntimeError("the engine fell over")', "\n    while True: pass")
    found = open_subject("tiny", workspace=place).at("v1")
    psi = found.hook("drift.psi")
    answers = psi.many([([0.0], [1.0])] * 20)
    assert [a.detail for a in answers[:3]] == [
        "no answer within 1 s; killed",
        "no answer within 1 s; killed",
        "not asked: it hung 2 times before",
    ]
    with pytest.raises(HookError, match="did not answer in time before"):
        psi([0.0], [1.0])
    found.close()


def test_a_misspelt_command_and_option(run):
    for arguments in (("rnu",), ("run", "tiny", "--verison", "v1"), ("gate", "lvie", "tiny")):
        code, _, said = run(*arguments)
        assert code == USAGE
        assert "Usage" in said or "mend:" in said


def test_explain_of_an_unknown_code(capfd):
    with pytest.raises(SystemExit) as stopped:
        main(["explain", "XYZ999"])
    assert stopped.value.code == USAGE
    assert "no check is called 'XYZ999'" in capfd.readouterr().err


def test_a_key_twice_is_refused(place, run):
    file = place / "parameters" / "tiny" / "subject.yaml"
    file.write_text(SUBJECT + "title: one\ntitle: two\n")
    code, _, said = run("list", "tiny")
    assert code == USAGE
    assert "key 'title' stands here twice" in said
    assert "subject.yaml:9" in said


def test_a_check_that_is_not_there_is_told_its_neighbours(capfd):
    with pytest.raises(SystemExit) as stopped:
        main(["explain", "SPL999"])
    assert stopped.value.code == USAGE
    assert "did you mean SPL" in capfd.readouterr().err


def test_an_interpreter_that_runs_no_python_is_named(place, run):
    file = place / "parameters" / "tiny" / "subject.yaml"
    file.write_text(SUBJECT + "environment: {python: /bin/false}\n")
    _, out, said = run("hooks", "check", "tiny")
    assert "does not run Python" in out + said
    assert "allow_unisolated" not in out + said
