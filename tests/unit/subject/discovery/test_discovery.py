"""First contact finds what is there, marks it as a guess, and runs nothing."""

import ast
import json
import pickle
import textwrap

import pytest

from audit_lib.errors import ParameterError
from audit_lib.subject.discovery import discover, render
from audit_lib.subject.discovery.writing import module_name
from audit_lib.subject.parameters import load_parameters
from audit_lib.subject.subject import UNVERSIONED, open_subject

DRIFT = """
raise SystemExit("the repository was run")

class Monitor:
    def population_stability(self, reference, current, bins=10):
        return 0.0

def helper(x):
    return x
"""


def write(root, **files):
    for path, text in files.items():
        file = root / path.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text))


@pytest.fixture
def engine(tmp_path):
    """A small engine in a src layout, with a store, a registry and an edge list."""
    root = tmp_path / "checkout"
    for path, text in {
        "src/alpha/__init__.py": "",
        "src/alpha/monitoring/drift.py": DRIFT,
        "src/alpha/features.py": "def compute_features(frame):\n    return frame\n",
        "src/alpha/model.py": "import alpha.features\n\ndef forward_returns(close): ...\n",
        "tests/test_features.py": "def build_features(frame):\n    ...\n",
        "pyproject.toml": '[project.scripts]\nalpha = "alpha.cli:main"\n',
        "docs/edges.json": json.dumps({"edges": [{"source_file": "a.py", "target_file": "b.py"}]}),
        "models/index.json": json.dumps(
            {
                "current_latest": "m2",
                "entries": [{"name": "m1", "metrics": {"ic": 0.1}}, {"name": "m2"}],
            }
        ),
        "models/m1/model_meta.json": '{"feature_cols": ["a"]}',
        "models/m2/model_meta.json": '{"feature_cols": ["a"]}',
    }.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for version in ("m1", "m2"):
        (root / "models" / version / "weights.bin").write_bytes(
            pickle.dumps({"w": [1, 2]}, protocol=4)
        )
    return root


def test_package_parts_and_entry_points(engine):
    found = discover(engine)
    assert found.package == "alpha"
    assert set(found.parts) == {"monitoring", "."}
    assert "pyproject.toml alpha = alpha.cli:main" in found.entry_points
    assert found.files == 4


def test_the_store_and_its_registry_are_told_by_content(engine):
    (store,) = discover(engine).stores
    assert (store.path, store.models) == ("models", {"pickle": 2})
    assert (store.registry, store.versions, store.id) == ("index.json", "/entries", "name")
    assert (store.latest, store.champion, store.metrics) == ("/current_latest", "", "metrics")
    assert store.metadata == "*_meta.json"


def test_documents_are_told_by_content(engine):
    assert discover(engine).documents == {"edges": "docs/edges.json"}


def test_candidates_name_file_line_and_signature_and_tests_are_passed_over(engine):
    found = {c.hook: c for c in discover(engine).candidates}
    psi = found["drift.psi"]
    assert (psi.path, psi.line, psi.name) == (
        "src/alpha/monitoring/drift.py",
        5,
        "Monitor.population_stability",
    )
    assert psi.signature == "(self, reference, current, bins=10)"
    assert found["features.build"].path == "src/alpha/features.py"
    assert found["targets.build"].name == "forward_returns"
    assert "neural.forward" not in found


def test_a_vague_name_needs_its_surroundings(tmp_path):
    write(tmp_path, **{"tools.py": "def predict(x):\n    ...\n\ndef split(x):\n    ...\n"})
    assert [c.hook for c in discover(tmp_path).candidates] == []


def test_what_is_written_loads_marks_guesses_and_parses(engine, tmp_path):
    folder = tmp_path / "parameters" / "alpha"
    folder.mkdir(parents=True)
    written = render(discover(engine), "alpha", root="../../checkout")
    for name, text in written.items():
        (folder / name).write_text(text)
    parameters = load_parameters(folder)
    assert parameters.source.package == "alpha"
    assert parameters.artifacts.registry.versions == "/entries"
    assert written["subject.yaml"].count("# guess") >= 5
    ast.parse(written["hooks.py"])
    uncommented = "\n".join(
        line.removeprefix("# ") for line in written["hooks.py"].splitlines() if "@surface" in line
    )
    assert '@surface("drift.psi")' in uncommented
    subject = open_subject("alpha", workspace=tmp_path)
    assert subject.versions() == ["m1", "m2"]
    assert subject.select("latest") == ["m2"]
    assert "Monitor.population_stability" in subject.hooks.missing("drift.psi")


def test_module_names_are_those_the_code_itself_uses(engine):
    found = discover(engine)
    assert module_name(found, "src/alpha/monitoring/drift.py") == "alpha.monitoring.drift"
    assert module_name(found, "src/alpha/__init__.py") == "alpha"


def test_a_repository_that_is_a_package_itself(tmp_path):
    root = tmp_path / "beta"
    for path in ("__init__.py", "core/__init__.py", "core/targets.py"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("def make_labels(df): ...\n")
    found = discover(root)
    assert found.package == "beta"
    assert module_name(found, "core/targets.py") == "beta.core.targets"


def test_without_artifacts_there_is_one_version(tmp_path):
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "a.py").write_text("x = 1\n")
    folder = tmp_path / "parameters" / "bare"
    folder.mkdir(parents=True)
    for name, text in render(
        discover(tmp_path / "checkout"), "bare", root="../../checkout"
    ).items():
        (folder / name).write_text(text)
    subject = open_subject("bare", workspace=tmp_path)
    assert subject.select("latest") == [UNVERSIONED]
    assert subject.select("all") == [UNVERSIONED]


@pytest.mark.parametrize("make", [lambda p: p / "missing", lambda p: p])
def test_a_folder_without_python_is_refused(tmp_path, make):
    with pytest.raises(ParameterError, match="PATH"):
        discover(make(tmp_path))
