"""The three descriptions of the environment say the same."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].values()
    return {*project["dependencies"], *(r for extra in extras for r in extra)}


def bare(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement).group().lower().replace("_", "-")


def test_conda_names_the_same_requirements_as_pyproject():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = {entry for entry in listed if isinstance(entry, str)}
    pip = {e for entry in listed if isinstance(entry, dict) for e in entry["pip"]}
    ours = {e for e in conda | pip if bare(e) not in {"python", "pip"} and not e.startswith("-")}
    assert ours == declared()


def test_conda_asks_for_the_same_python():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert f"python{project['requires-python']}" in listed


def test_lock_pins_every_requirement_with_a_hash_and_names_no_index():
    lock = (ROOT / "requirements.lock").read_text()
    pinned = {m.lower().replace("_", "-") for m in re.findall(r"(?m)^([A-Za-z0-9._-]+)==", lock)}
    assert {bare(r) for r in declared()} <= pinned
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    assert [b.split()[0] for b in blocks if "==" in b and "--hash=sha256:" not in b] == []
    assert "://" not in lock


#: import name to distribution, where they differ
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
    assert sorted(imported() - {bare(r) for r in declared()}) == []
