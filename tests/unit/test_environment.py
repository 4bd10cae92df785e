"""The three descriptions of the environment say the same."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import rattler
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rattler.package.build_string import BuildString

ROOT = Path(__file__).parents[2]


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    return {*project["dependencies"], *(r for extra in extras for r in extra)}


#: machines that the lock is for, as markers see them
MACHINES = [
    {
        "python_version": version,
        "python_full_version": f"{version}.1",
        "sys_platform": platform,
        "platform_system": system,
        "platform_machine": processor,
    }
    for version in ("3.11", "3.12", "3.13")
    for platform, system, processor in (
        ("linux", "Linux", "x86_64"),
        ("darwin", "Darwin", "arm64"),
        ("win32", "Windows", "AMD64"),
    )
]


def pins(machine: dict[str, str]) -> dict[str, str]:
    """What the lock pins on a machine, by normalised name."""
    lock = (ROOT / "requirements.lock").read_text()
    lines = [Requirement(m) for m in re.findall(r"(?m)^([A-Za-z0-9._-]+==[^\\]+)\\?$", lock)]
    return {
        canonicalize_name(r.name): str(r.specifier).removeprefix("==")
        for r in lines
        if r.marker is None or r.marker.evaluate(machine)
    }


PINNED = pins(MACHINES[0])


def bare(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement).group().lower().replace("_", "-")


#: conda-forge's name where it is not PyPI's; conda, unlike pip, tells "-" from "_"
CONDA = {"jupyter-client": "jupyter_client", "jupyter-core": "jupyter_core"}


def conda_entries() -> tuple[list[str], set[str]]:
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    pip = {e for entry in listed if isinstance(entry, dict) for e in entry["pip"]}
    return [entry for entry in listed if isinstance(entry, str)], pip


def test_conda_names_the_same_requirements_as_pyproject():
    conda, pip = conda_entries()
    names = {theirs: ours for ours, theirs in CONDA.items()}
    ours = {e.replace(m := re.match(r"[\w.-]+", e).group(), names.get(m, m)) for e in conda}
    ours = {e for e in ours | pip if bare(e) not in {"python", "pip"} and not e.startswith("-")}
    assert ours == declared()


def test_conda_would_find_every_package_under_that_name_at_the_version_of_the_lock():
    no_build = BuildString("0")
    for entry in conda_entries()[0]:
        spec = rattler.MatchSpec(entry, strict=True)
        ours = bare(entry)
        version = PINNED.get(ours, "3.11.7" if ours == "python" else "23.2")
        name = CONDA.get(ours, ours)
        record = rattler.PackageRecord(name, version, no_build, 0, "noarch")
        assert spec.matches(record), f"{entry} does not match {name} {version}"


def test_conda_asks_for_the_same_python():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert f"python{project['requires-python']}" in listed


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-gate.lock"])
def test_locks_pin_with_hashes_and_name_no_index(name: str):
    lock = (ROOT / name).read_text()
    blocks = [b for b in re.split(r"(?m)^(?=[A-Za-z0-9])", lock) if "==" in b]
    assert len(blocks) > 10
    assert [b.split()[0] for b in blocks if "--hash=sha256:" not in b] == []
    assert "://" not in lock


def unpinned(pinned: dict[str, str], machine: dict[str, str]) -> list[str]:
    """What installed packages ask for, and the lock does not pin to a version that they accept."""
    todo = [("ours", Requirement(text)) for text in declared()]
    wrong, seen = [], set()
    while todo:
        asker, wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        version = pinned.get(name)
        if version is None or not wanted.specifier.contains(version, prereleases=True):
            wrong.append(f"{asker} asks for {wanted}; the lock has {version or 'nothing'}")
            continue
        for extra in {"", *wanted.extras} - {e for n, e in seen if n == name}:
            seen.add((name, extra))
            todo += [(name, a) for a in asks(name, version, {**machine, "extra": extra})]
    return sorted(wrong)


def asks(name: str, version: str, machine: dict[str, str]) -> list[Requirement]:
    """Requirements of a package on a machine; none where that version is not installed here."""
    try:
        if metadata.version(name) != version:
            return []
        parsed = map(Requirement, metadata.requires(name) or [])
        return [r for r in parsed if r.marker is None or r.marker.evaluate(machine)]
    except metadata.PackageNotFoundError:
        return []


@pytest.mark.parametrize(
    "machine", MACHINES, ids=lambda m: f"{m['python_version']}-{m['sys_platform']}"
)
def test_lock_is_complete_so_that_nothing_needs_to_be_resolved(machine: dict[str, str]):
    assert unpinned(pins(machine), machine) == []


def test_a_gap_in_the_lock_is_seen():
    without = {k: v for k, v in PINNED.items() if k != "kiwisolver"}  # matplotlib asks for it
    wrong = unpinned({**without, "traitlets": "4.0"}, MACHINES[0])
    assert any("kiwisolver" in line and "nothing" in line for line in wrong)
    assert any("traitlets" in line and "4.0" in line for line in wrong)


def test_the_group_of_gates_is_the_first_part_of_the_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    group = project["dependency-groups"]["gate"]
    assert group == project["project"]["dependencies"][: len(group)]


#: what a machine that only runs gates does not have
NOT_FOR_GATES = [
    *(
        "ipykernel",
        "IPython",
        "jinja2",
        "jupyter_client",
        "jupyter_core",
        "jupyterlab",
        "markupsafe",
    ),
    *("matplotlib", "matplotlib_inline", "mypy", "nbclient", "nbconvert", "nbformat", "papermill"),
    *("markupsafe", "shap", "typst"),
]


@pytest.mark.slow
def test_a_gate_runs_without_what_notebooks_need():
    program = f"""import sys
sys.modules.update(dict.fromkeys({NOT_FOR_GATES}))
from audit_lib.cli import main
sys.argv = ["workbook", "gate", "backtest", "reference_engine", "--version", "latest"]
main()"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


#: import name to distribution, where they differ
#: asked for by name at run time (`--backend ray`); who has a cluster of it has it installed
BROUGHT = {"ray"}
DISTRIBUTIONS = {"sklearn": "scikit-learn", "yaml": "pyyaml", "IPython": "ipython"}


def imported() -> set[str]:
    names = set()
    for file in (ROOT / "audit_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names.add(node.module.partition(".")[0])
    own = {"audit_lib", *sys.stdlib_module_names}
    return {DISTRIBUTIONS.get(n, n).lower().replace("_", "-") for n in names - own}


def test_everything_imported_is_declared():
    assert sorted(imported() - {bare(r) for r in declared()} - BROUGHT) == []
