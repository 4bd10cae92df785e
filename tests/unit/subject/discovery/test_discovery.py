"""First contact finds what is there, marks it as a guess, and runs nothing."""

import ast
import json
import pickle
import sqlite3
import textwrap
from contextlib import closing
from zipfile import ZipFile

import pytest

from audit_lib.errors import ParameterError
from audit_lib.subject.code import code_of
from audit_lib.subject.discovery import discover, render
from audit_lib.subject.discovery.writing import FORMS_HEAD, module_name
from audit_lib.subject.parameters import SourceParameters, Subsystem, load_parameters
from audit_lib.subject.source import SourceTree
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
        file = root / path
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


@pytest.mark.parametrize(
    ("form", "members"),
    [("npz", ("weights.npy",)), ("torch", ("archive/data.pkl", "archive/data/0"))],
)
def test_models_that_are_zips_make_a_store(engine, form, members):
    for version in ("m1", "m2"):
        with ZipFile(engine / "models" / version / "weights.bin", "w") as archive:
            for member in members:
                archive.writestr(member, b"1")
    (store,) = discover(engine).stores
    assert (store.path, store.registry, store.models) == ("models", "index.json", {form: 2})


@pytest.mark.parametrize("content", [b"PK\x03\x04 cut short", b"zip of notes"])
def test_other_zips_make_none(engine, content):
    for version in ("m1", "m2"):
        file = engine / "models" / version / "weights.bin"
        if content.startswith(b"PK"):
            file.write_bytes(content)
        else:
            with ZipFile(file, "w") as archive:
                archive.writestr("notes.txt", content)
    assert discover(engine).stores == ()


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
    assert parameters.source.package == ""  # the root holds the package and is none itself
    assert parameters.artifacts.registry.versions == "/entries"
    assert written["subject.yaml"].count("# guess") >= 5
    forms = written["subject.yaml"].split(FORMS_HEAD)
    told = forms[0] + forms[1].replace("\n# ", "\n")
    (folder / "subject.yaml").write_text(told)
    assert load_parameters(folder).windows.length == 20
    (folder / "subject.yaml").write_text(written["subject.yaml"])
    ast.parse(written["hooks.py"])
    uncommented = "\n".join(
        line.removeprefix("# ") for line in written["hooks.py"].splitlines() if "@surface" in line
    )
    assert '@surface("drift.psi")' in uncommented
    subject = open_subject("alpha", workspace=tmp_path)
    assert subject.versions() == ["m1", "m2"]
    assert subject.select("latest") == ["m2"]
    assert "Monitor.population_stability" in subject.hooks.missing("drift.psi")


def test_imports_resolve_in_what_is_written(engine, tmp_path):
    """A root that holds the package must not be taken for the package."""
    folder = tmp_path / "parameters" / "alpha"
    folder.mkdir(parents=True)
    for name, text in render(discover(engine), "alpha", root="../../checkout").items():
        (folder / name).write_text(text)
    graph = code_of(open_subject("alpha", workspace=tmp_path).source).imports
    assert graph.broken == ()
    assert [(e.source, e.target) for e in graph.edges] == [
        ("src/alpha/model.py", "src/alpha/features.py")
    ]


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


@pytest.mark.parametrize("root", ["gamma", "elsewhere"])
def test_parts_of_a_package_whatever_the_checkout_is_called(tmp_path, root):
    write(
        tmp_path / root,
        **{"gamma/__init__.py": "", "gamma/a/x.py": "x = 1\n", "gamma/b/y.py": "y = 1\n"},
    )
    found = discover(tmp_path / root)
    assert (found.package, found.is_package) == ("gamma", False)
    assert set(found.parts) == {".", "a", "b"}


def test_console_scripts_of_a_wheel_and_sources_that_are_not_read(tmp_path):
    write(
        tmp_path,
        **{
            "delta/__init__.py": "",
            "delta/fast.pyx": "",
            "delta/fast.c": "",
            "delta-1.0.dist-info/entry_points.txt": "[console_scripts]\ndelta = delta.cli:main\n",
        },
    )
    found = discover(tmp_path)
    assert found.entry_points == ("delta-1.0.dist-info/entry_points.txt delta = delta.cli:main",)
    assert found.unread == {".c": 1, ".pyx": 1}
    assert "1 .pyx" in render(found, "delta", root="")["README.md"]


@pytest.mark.parametrize(
    ("path", "source", "hook"),
    [
        ("drift/a.py", "def psi(reference, current): return reference - current", "drift.psi"),
        ("a.py", "def compute_psi(reference, current): return current", "drift.psi"),
        ("m/kit.py", "def check_if_model_expired(self, stamp): return stamp > 1", "retrain.decide"),
        ("m/trainer.py", "def train_ensemble(self, features, labels): return 1", "retrain.train"),
        ("m/kit.py", "def make_train_test_datasets(self, df): return df[:1]", "splits.folds"),
        ("factors/a.py", "def compute(self, data): return data * 2", "features.build"),
        ("m/handler.py", "def get_label_config(self): return {'a': 1}", "targets.build"),
        ("online/a.py", "def update(self, x, y): self.w = x * y", "online.run"),
        ("labels/a.py", "def fixed_labels_apply(close, n): return close + n", "targets.build"),
        ("process/a.py", "def data_split(df, start): return df[start:]", "splits.folds"),
        ("models/a.py", "def agent_prediction(env): return env * 2", "predictor.predict"),
        (
            "a.py",
            "class TradeBot:\n    def create_trade(self, pair): return pair * 2",
            "decisions.live",
        ),
        (
            "portfolio/a.py",
            "def from_signals(cls, close): return close * 2",
            "decisions.backtest",
        ),
        ("vault.py", "class Vault:\n    def seat(self, version): return version * 2",
         "registry.promote"),
        ("hub.py", "class Hub:\n    def roll_back(self): return self.a.pop()", "registry.rollback"),
        ("registry.py", "def prune(store, keep): return store[:keep]", "registry.prune"),
        ("council.py", "class Council:\n    def prefers(self, old, new): return new > old",
         "governance.promote"),
        ("council.py", "class Council:\n    def hear(self, vault, version): return vault[version]",
         "governance.enter"),
        ("monitor.py", "def shifted(reference, current): return reference != current",
         "drift.shifted"),
        ("market.py", "def to_panel(bars): return bars.stack()", "features.panel"),
        ("events.py", "class BarrierLabeller:\n    def label(self, panel): return panel * 2",
         "targets.build"),
        ("spreads.py", "def backtest(heads, limits): return heads > limits", "decisions.backtest"),
        ("live.py", "class Trader:\n    def on_row(self, row): return row * 2", "decisions.live"),
        ("watch.py", "class Cusum:\n    def first_alarm(self, series): return max(series)",
         "drift.cusum"),
        ("a.py", "def call(fwd, strike, ttm, sigma) -> float: return fwd * ttm", "pricing.price"),
        ("curves.py", "def q(spot, k, tau, iv): return spot * iv * tau", "pricing.price"),
        ("pricing.py", "def black(f, k, t, v): return f * k * t * v", "pricing.price"),
        ("a.py", "def change_points(errors, threshold): return errors > threshold", "drift.cusum"),
        ("refit.py", "class Schedule:\n    def due(self, days, psi): return days > psi",
         "retrain.decide"),
        ("registry.py", "class Registry:\n    def add(self, version, metrics): self.a[version] = 1",
         "registry.register"),
        ("rules/a.py", "def signals(scores, threshold): return scores > threshold",
         "decisions.backtest"),
        ("learner.py", "class Learner:\n    def hear(self, labels, now): return labels[:now]",
         "online.feed"),
    ],
)  # fmt: skip
def test_names_that_speak_for_a_hook(tmp_path, path, source, hook):
    write(tmp_path, **{path: source + "\n"})
    assert [c.hook for c in discover(tmp_path).candidates] == [hook]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("registry.py", "class Registry:\n    def register(self, name, factory): self.a[name] = 1"),
        ("online/manager.py", "def update(self, date, path): return path + date"),
        ("ops.py", "class DayCumsum:\n    def period_cusum(self, df): return df.cumsum()"),
        ("a.py", "def generate_order_for_target_amount(self, position): return position * 2"),
        ("a.py", "def get_unique_classes_of_these_labels(self, df): return df.unique()"),
        ("pkg/_version.py", "def get_versions(version): return {'version': version}"),
        ("robust/norms.py", "class Huber:\n    def psi(self, z): return z * 2"),
        ("a/rl/execution.py", "def generate_trade_decision(self, x): return x * 2"),
        ("portfolio/nb.py", "def get_trades_nb(order_records, close): return close * 2"),
        ("models/a.py", "def save_prediction(self, df): return df * 2"),
        ("labels/a.py", "def plot_labels(self, df): return df * 2"),
        ("report/a.py", "def add_label_to_frame(df): return df.assign(label=1)"),
        ("text/a.py", "def table(rows): return rows * 2"),
        ("theatre.py", "def seat(row, number): return row + number"),
        ("a.py", "def vega(s, k, t, sigma): return s * k * t * sigma"),
        ("a.py", "def region(x, k, t): return x[k:t]"),
        ("strategy.py", "class Strategy:\n    def signals(self): return self.kept * 2"),
        ("billing.py", "def due(invoice, day): return invoice > day"),
        ("clock.py", "def alarm(hour, name): return hour + name"),
        ("registry.py", "class Registry:\n    def add(self, plugin): self.a[plugin] = 1"),
        ("trees.py", "def prune(tree, depth): return tree[:depth]"),
        ("retrain.py", "class Trigger:\n    def backtests(self, state): return state * 2"),
    ],
)
def test_names_that_only_sound_like_a_hook(tmp_path, path, source):
    write(tmp_path, **{path: source + "\n"})
    assert discover(tmp_path).candidates == ()


NETWORKS = """
class Block:
    def forward(self, x): return x * 2

class Net:
    def __init__(self): self.blocks = [Block(1) for _ in range(3)]
    def forward(self, x): return self.blocks[0](x)
"""


def test_a_network_goes_before_the_blocks_it_is_made_of(tmp_path):
    write(tmp_path, **{"torch/net.py": NETWORKS})
    assert [c.name for c in discover(tmp_path).candidates] == ["Net.forward"]
    write(tmp_path, **{"torch/net.py": NETWORKS.partition("class Net")[0]})
    assert [c.name for c in discover(tmp_path).candidates] == ["Block.forward"]


def test_a_candidate_at_the_root_of_a_package_speaks_for_its_own_file(tmp_path):
    write(
        tmp_path,
        **{
            "alpha/__init__.py": "",
            "alpha/tradebot.py": "class TradeBot:\n    def create_trade(self, p): return p * 2\n",
            "alpha/ml/kit.py": "def compute_features(df): return df * 2\n",
            "alpha/ml/ahead.py": "def forward_returns(close): return close.shift(-1)\n",
            "alpha/web.py": "x = 1\n" * 99,
        },
    )
    assert discover(tmp_path).subsystem == ("alpha/ml/*.py", "alpha/tradebot.py")


def test_the_subsystem_takes_in_the_files_of_its_folders(tmp_path):
    write(
        tmp_path,
        **{
            "alpha/__init__.py": "",
            "alpha/ml/deep/net.py": "class Net:\n    def forward(self, x): return x * 2\n",
            "alpha/ml/kit.py": "def compute_features(df): return df * 2\n\n"
            "def forward_returns(close): return close.shift(-1)\n",
            "alpha/ml/run.py": "from alpha.ml.kit import compute_features\n",
            "alpha/web.py": "import alpha.ml.kit\n" + "x = 1\n" * 99,
        },
    )
    found = discover(tmp_path)
    assert found.subsystem == ("alpha/ml/**/*.py",)
    assert found.high_risk == ("alpha/ml/kit.py",)
    tree = SourceTree(tmp_path, SourceParameters(subsystem=Subsystem(files=found.subsystem)))
    assert [f.path for f in tree.subsystem] == [
        "alpha/ml/deep/net.py",
        "alpha/ml/kit.py",
        "alpha/ml/run.py",
    ]


def test_one_candidate_does_not_make_a_subsystem(tmp_path):
    write(
        tmp_path,
        **{"a/features.py": "def compute_features(df): return df * 2\n", "b.py": "x = 1\n" * 99},
    )
    assert discover(tmp_path).subsystem == ("**/*.py",)


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


def test_what_versions_differ_by_and_what_no_file_lists_is_said(tmp_path):
    for number, horizon in enumerate((5, 20, 5)):
        folder = tmp_path / "store" / f"v{number}"
        folder.mkdir(parents=True)
        (folder / "model.pkl").write_bytes(pickle.dumps([1.0]))
        told = {"feature_cols": ["a"], "scope": {"horizon": horizon}, "market": "daily"}
        (folder / "meta.json").write_text(json.dumps(told))
    with closing(sqlite3.connect(tmp_path / "store" / "kept.db")) as base:
        base.execute("create table versions (id text)")
        base.commit()
    write(
        tmp_path, **{"pkg/__init__.py": "", "registry.py": "def prune(store, keep): return keep\n"}
    )
    files = render(discover(tmp_path), "beta", root=str(tmp_path))
    text = files["subject.yaml"]
    assert "registry: null  # guess: kept.db is for hooks" in text
    (tmp_path / "beta").mkdir()
    (tmp_path / "beta" / "subject.yaml").write_text(text)
    keys = load_parameters(tmp_path / "beta").keys
    assert {name: (key.values, key.stored) for name, key in keys.items()} == {
        "horizon": ((5, 20), "/scope/horizon")
    }
    listed = files["hooks.py"].partition("nothing was found that looks like these")[2]
    assert "# `drift.shifted`: " in listed  # every hook there is gets named
    assert "registry.prune" not in listed


def test_versions_that_are_json_alone_make_a_store(tmp_path):
    meta = {"features": ["a", "b", "c"], "n_features": 3}
    files = {"eng.py": "x = 1\n", "tests/v1/meta.json": "{}", "tests/v1/w.json": "{}"}
    for version in ("r1", "r2"):
        files |= {f"kept/{version}/meta.json": json.dumps(meta), f"kept/{version}/w.json": "[1]"}
    write(tmp_path, **files)
    (store,) = discover(tmp_path).stores
    assert (store.path, store.models, store.metadata) == ("kept", {"json": 2}, "meta.json")
    assert store.fields == {"feature_cols": "/features", "input_dim": "/n_features"}
