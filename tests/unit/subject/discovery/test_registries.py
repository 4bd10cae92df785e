"""Stores and registries of repositories, wherever the registry stands and whatever it is."""

# ruff: noqa: E501

import json
import pickle

import pytest
import yaml

from audit_lib.subject.discovery import discover, render
from audit_lib.subject.subject import open_subject

ROWS = [{"id": f"v{n}", "metrics": {"ic": 0.1}} for n in range(1, 4)]


def repository(root, registry, text, folders):
    (root / "engine.py").parent.mkdir(parents=True, exist_ok=True)
    (root / "engine.py").write_text("x = 1\n")
    (root / registry).parent.mkdir(parents=True, exist_ok=True)
    (root / registry).write_text(text)
    for folder in folders:
        (root / folder).mkdir(parents=True)
        (root / folder / "model.bin").write_bytes(pickle.dumps({"w": [1.0]}, protocol=4))
        (root / folder / "meta.json").write_text("{}")
    return root


def opened(root, tmp_path):
    folder = tmp_path / "parameters" / "made"
    folder.mkdir(parents=True)
    for name, text in render(discover(root), "made", root=str(root)).items():
        (folder / name).write_text(text)
    return open_subject("made", workspace=tmp_path)


@pytest.mark.parametrize(
    ("registry", "text", "folders", "store", "layout"),
    [
        ("m/index.json", json.dumps({"models": ROWS, "latest": "v3"}), ["m/v1", "m/v2"], "m", "{version}"),
        # one version's folder is left: the registry lists all, and is the store
        ("m/index.json", json.dumps({"models": ROWS, "latest": "v3"}), ["m/v2"], "m", "{version}"),
        ("m/index.json", json.dumps({"models": ROWS}), ["m/all/v1"], "m", "all/{version}"),
        ("m/index.json", json.dumps({"models": ROWS}), ["m/model_v1"], "m", "model_{version}"),
        ("m/index.yaml", yaml.safe_dump({"a": {"models": ROWS}}), ["m/v1"], "m", "{version}"),
        ("m/index.json", json.dumps(ROWS), ["m/v1"], "m", "{version}"),
        ("m/index.json", json.dumps({r["id"]: r for r in ROWS}), ["m/v1/deep"], "m", "{version}"),
        ("index.json", json.dumps({"models": ROWS}), ["m/v1"], "m", "{version}"),
        ("m/index.toml", '[versions.v1]\nic = 1\n[versions.v2]\nic = 2\n[versions.v3]\nic = 1\n',
         ["m/v1"], "m", "{version}"),
    ],
)  # fmt: skip
def test_the_registry_speaks_for_the_store(tmp_path, registry, text, folders, store, layout):
    root = repository(tmp_path / "repo", registry, text, folders)
    found = discover(root).store
    assert (found.path, found.version_dir) == (store, layout)
    subject = opened(root, tmp_path)
    assert subject.versions() == ["v1", "v2", "v3"]
    held = folders[0].rpartition("v")[2].partition("/")[0]
    assert subject.at(f"v{held}").version_folder.is_dir()


def test_a_table_that_names_no_folder_is_no_registry(tmp_path):
    prices = json.dumps({"rows": [{"id": "a", "ic": 1}, {"id": "b", "ic": 2}]})
    root = repository(tmp_path, "m/prices.json", prices, ["m/v1", "m/v2"])
    found = discover(root).store
    assert (found.path, found.registry) == ("m", "")


def engine(root, **files):
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_the_method_that_others_call_goes_first(tmp_path):
    helpers = "".join(f"def compute_feature_{n}(df): return df\n" for n in "abcd")
    engine(
        tmp_path,
        **{
            "lib/__init__.py": "",
            "lib/features/pipeline.py": helpers
            + "class Pipeline:\n    def compute(self, df) -> 'pd.DataFrame': return df * 2\n",
            "run_backtest.py": "from lib.features.pipeline import Pipeline\nPipeline().compute(1)\n",
            "run_live.py": "from lib.features.pipeline import Pipeline\nPipeline().compute(2)\n",
        },
    )
    found = {c.hook: c.name for c in reversed(discover(tmp_path).candidates)}
    assert found["features.build"] == "Pipeline.compute"
    assert found["features.build_backtest"] == found["features.build_live"] == "Pipeline.compute"


@pytest.mark.parametrize(
    ("path", "source", "hook"),
    [
        ("data/loader.py", "def load_panel(tickers, start): return 1 + 1", "features.panel"),
        ("splits.py", "class Walk:\n    def rows(self, panel): yield 1, 2", "splits.folds"),
        ("live.py", "def decide(prediction): return prediction * 2", "decisions.live"),
        ("backtest.py", "def decide(prediction): return prediction * 2", "decisions.backtest"),
        ("registry.py", "class Registry:\n    def resolve(self, v): return v + 1", "registry.resolve"),
        ("registry.py", "class Registry:\n    def publish(self, v): return v + 1", "registry.register"),
        ("registry.py", "class Registry:\n    def register(self, metrics): x(metrics)", "registry.create"),
        ("registry.py", "class Registry:\n    def list(self): return [1, 2]", "registry.versions"),
        ("registry.py", "class Registry:\n    def better(new, old): x(new)", "governance.promote"),
        ("feats.py", "def live_features(bars): return bars * 2", "features.build_live"),
        ("feats.py", "def backtest_features(bars): return bars * 2", "features.build_backtest"),
        ("sig.py", "def live_orders(prob): return prob * 2", "decisions.live"),
        ("sig.py", "def orders_for_backtest(prob): return prob * 2", "decisions.backtest"),
        ("retrain.py", "def reasons_to_retrain(state): return [state, 1]", "retrain.decide"),
        ("online.py", "class OnlineModel:\n    def learn(self, batch): self.n = batch", "online.run"),
    ],
)  # fmt: skip
def test_functions_told_by_where_they_stand_and_what_they_take(tmp_path, path, source, hook):
    engine(tmp_path, **{path: source + "\n"})
    assert hook in {c.hook for c in discover(tmp_path).candidates}


def test_live_runners_belong_to_the_subsystem_and_small_packages_are_whole(tmp_path):
    parts = {
        "eng/__init__.py": "",
        "eng/ml/features.py": "def compute_features(df): return df * 2\n",
        "eng/ml/targets.py": "def forward_returns(close): return close.shift(-1)\n",
        "eng/ml/drift.py": "def compute_psi(a, b): return a / b\n",
        "ops/runner.py": "from eng.ml import features, targets, drift\nfeatures.compute_features(1)\n",
    }
    engine(tmp_path, **parts, **{"web.py": "x = 1\n" * 9})
    found = discover(tmp_path).subsystem
    assert found == ("eng/ml/*.py", "ops/runner.py")
    engine(tmp_path, **{f"web/page{n}.py": "x = 1\n" * 9 for n in range(20)})
    assert discover(tmp_path).subsystem == ("**/*.py",)


def test_a_file_store_of_mlflow_is_its_own_registry(tmp_path):
    said = {"name": "up", "version": "1", "run_id": "r1", "source": "runs:/r1/model"}
    root = repository(tmp_path / "repo", "notes.txt", "", ["runs/0/r1/artifacts/model"])
    for folder, text in (("", "name: up\n"), ("version-1/", yaml.safe_dump(said))):
        file = root / f"runs/models/up/{folder}meta.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert (discover(root).store.path, discover(root).store.mlflow) == ("runs", "up")
    subject = opened(root, tmp_path)
    assert subject.versions() == ["1"]
    assert (subject.at("1").version_folder / "model.bin").is_file()


def test_numbers_kept_as_text_without_metadata(tmp_path):
    """Folders with the same files, none of them called so; who is newest, by other words."""
    (tmp_path / "engine.py").write_text("x = 1\n")
    shelf = tmp_path / "shelf"
    for name in ("v1", "v2"):
        (shelf / name).mkdir(parents=True)
        card = {"features": ["a", "b"], "fingerprint": "ab12cd34"}
        (shelf / name / "card.json").write_text(json.dumps(card))
        (shelf / name / "weights.json").write_text(json.dumps({"w": [0.5] * 90}))
    rows = [{"name": "v1"}, {"name": "v2"}]
    data = {"versions": rows, "newest": "v2", "reigning": "v1", "keep": "all"}
    (shelf / "shelf.json").write_text(json.dumps(data))
    found = discover(tmp_path).store
    assert (found.path, found.registry, found.metadata) == ("shelf", "shelf.json", "card.json")
    assert (found.latest, found.champion) == ("/newest", "/reigning")
    assert found.fields == {"feature_cols": "/features", "schema_hash": "/fingerprint"}


def test_settings_beside_settings_are_no_store(tmp_path):
    (tmp_path / "engine.py").write_text("x = 1\n")
    for name in ("dev", "prod"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.json").write_text("{}")
    assert discover(tmp_path).store is None
