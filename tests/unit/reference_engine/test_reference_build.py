import json
import os
import subprocess
import sys

import pytest

from audit_lib.reference_engine import build as builder
from audit_lib.reference_engine import contract
from audit_lib.reference_engine.__main__ import main
from audit_lib.reference_engine.checkpoint import Checkpoint
from audit_lib.reference_engine.features import RELEASED
from audit_lib.reference_engine.recipes import RECIPES
from audit_lib.reference_engine.registry import Registry
from audit_lib.reference_engine.rules import DecisionConfig
from tests.mutants.mutate import CANDIDATE, CLEAN, SOURCE, copy_engine, rebuild


def test_training_again_gives_the_same_bytes(store, tmp_path):
    engine = copy_engine(tmp_path)
    rebuild(engine, "2020-12")
    assert {path.name for path in engine.store.iterdir()} == {"registry.json", "2020-12"}
    for path in (store / "2020-12").iterdir():
        assert (engine.store / "2020-12" / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_build_that_is_up_to_date_is_left_alone(store, capsys):
    before = {p: p.stat().st_mtime_ns for p in store.rglob("*")}
    assert main(["build", "--out", str(store.parent)]) == 0
    assert "up to date" in capsys.readouterr().out
    assert {p: p.stat().st_mtime_ns for p in store.rglob("*")} == before


def test_the_digest_knows_sources_data_and_versions(monkeypatch, tmp_path):
    whole = builder.digest(["a", "b"])
    assert builder.digest(["a", "b"]) == whole != builder.digest(["a"])
    copy = copy_engine(tmp_path).root
    monkeypatch.setattr(builder, "HERE", copy)
    assert builder.digest(["a", "b"]) == whole
    (copy / "rules.py").write_text("changed")
    assert builder.digest(["a", "b"]) != whole


def test_a_build_that_fails_leaves_the_old_one(store, tmp_path, monkeypatch):
    engine = copy_engine(tmp_path)
    before = {p.name: p.read_bytes() for p in engine.store.rglob("*.json")}

    def fail(recipe: object) -> Checkpoint:
        raise RuntimeError("the power went")

    monkeypatch.setattr("audit_lib.reference_engine.train_version.train", fail)
    with pytest.raises(RuntimeError, match="power"):
        builder.build(engine.store.parent)
    assert {p.name: p.read_bytes() for p in engine.store.rglob("*.json")} == before
    assert [p.name for p in engine.store.parent.iterdir()] == ["store"]


def test_an_unknown_version_is_a_clear_error(tmp_path, capsys):
    assert main(["build", "--out", str(tmp_path), "--version", "1999"]) == 2
    assert "no recipe is called '1999'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_serving_needs_no_training_library():
    code = (
        "import importlib, pathlib, sys\n"
        "for file in sorted(pathlib.Path('reference_engine').glob('[a-z]*.py')):\n"
        "    importlib.import_module('reference_engine.' + file.stem)\n"
        "loaded = {'lightgbm', 'sklearn', 'audit_lib'} & set(sys.modules)\n"
        "sys.exit(str(loaded) if loaded else 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=SOURCE.parent,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_versions_read_nothing_after_their_last_date(store):
    for recipe in RECIPES:
        checkpoint = Registry(store).load(recipe.version)
        assert checkpoint.created.startswith(recipe.end)
        assert checkpoint.folds[-1]["test_end"] == recipe.end
        assert str(checkpoint.calibration["dates"].max()) < recipe.end


@pytest.mark.parametrize("version", CLEAN)
def test_released_versions_keep_the_contract(store, version):
    derived = contract.derive()
    checkpoint = Registry(store).load(version)
    meta = json.loads((store / version / "meta.json").read_bytes())
    assert checkpoint.contract_problems() == []
    assert list(checkpoint.feature_cols) == derived["features"]["order"]
    assert checkpoint.schema_hash == derived["features"]["schema_hash"]
    assert meta["heads"] == derived["heads"]
    assert list(meta) == derived["checkpoint"]["fields"]
    assert {k: meta["splits"][k] for k in ("folds", "purge", "embargo", "opening")} == {
        k: derived["splits"][k] for k in ("folds", "purge", "embargo", "opening")
    }
    for name, target in derived["targets"].items():
        assert {k: meta["targets"][name][k] for k in ("kind", "horizon", "thresholds")} == {
            k: target[k] for k in ("kind", "horizon", "thresholds")
        }
    assert json.loads((store / version / "decisions.json").read_bytes()) == derived["decisions"]
    rows = meta["run"]["rows"]
    assert rows["scaler"] == rows["train"]
    assert rows["calibrator"]["last"] < rows["judged"]["first"]


def test_the_candidate_has_the_mistakes_that_the_readme_names(store):
    checkpoint = Registry(store).load(CANDIDATE)
    rows = checkpoint.run["rows"]
    assert checkpoint.splits["purge"] == 2 < checkpoint.splits["horizon"]
    assert "trend_centred_21" in checkpoint.feature_cols
    assert rows["scaler"]["last"] > rows["train"]["last"]
    assert rows["calibrator"]["last"] == rows["judged"]["last"]
    assert checkpoint.calibration["fitted"].all()
    assert list(checkpoint.feature_cols) == sorted(checkpoint.feature_cols)
    assert checkpoint.heads["direction"].output == checkpoint.outputs.index("volatility")
    assert checkpoint.unlisted == ("conformal.npz",)
    assert checkpoint.decisions["live"] != checkpoint.decisions["backtest"]
    readme = (SOURCE / "README.md").read_text()
    for named in ("SHORT_PURGE", "trend_centred_21", "scaler_rows", "calibrator_rows"):
        assert named in readme
    for named in ("column_order", "heads=", "conformal.npz", "max_return_short"):
        assert named in readme


def test_the_contract_document_is_fresh():
    assert contract.drifted() == []


def test_the_contract_says_where_it_drifted(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(contract, "FILE", tmp_path / "PIPELINE_CONTRACT.json")
    assert main(["contract", "--write"]) == 0
    data = json.loads(contract.FILE.read_bytes())
    data["splits"]["purge"] = 2
    data["features"]["order"].reverse()
    del data["gates"]
    data["weather"] = "fine"
    contract.FILE.write_text(json.dumps(data))
    assert main(["contract"]) == 1
    said = capsys.readouterr().out
    assert "/splits/purge: 2 but code has 6" in said
    assert "/features/order" in said
    assert "/gates: only in code" in said
    assert "/weather: only in document" in said


def test_the_contract_for_people_says_the_same():
    text = (SOURCE / "PIPELINE_CONTRACT.md").read_text()
    derived = contract.derive()
    rows = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert tuple(rows[: len(RELEASED)]) == RELEASED
    for name in RELEASED:
        first, last = derived["features"]["reads_bars"][name]
        assert f"| `{name}` | {derived['features']['policy'][name]} | {first} to {last} |" in text
    for name, value in DecisionConfig().as_data().items():
        assert f"| `{name}` | {value:g} |" in text
    for said in (derived["features"]["schema_hash"], "8 judged blocks", "purge 6", "embargo 6"):
        assert said in text
