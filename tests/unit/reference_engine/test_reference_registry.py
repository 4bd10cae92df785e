import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit_lib.reference_engine.checkpoint import Checkpoint
from audit_lib.reference_engine.errors import ArtifactRefused, Refused, RegistryRefused
from audit_lib.reference_engine.governance import CANDIDATE_STAGE
from audit_lib.reference_engine.predictor import Predictor
from audit_lib.reference_engine.registry import FILE, KEPT, LOCK, Registry
from tests.mutants.mutate import CANDIDATE, CLEAN


@pytest.fixture
def copy(store: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(store, tmp_path / "store"))


@pytest.fixture
def rows(champion) -> pd.DataFrame:
    columns = champion.checkpoint.feature_cols
    values = np.random.default_rng(7).normal(0, 0.05, (30, len(columns)))
    return pd.DataFrame(values, columns=list(columns))


def test_what_is_asked_for_is_what_comes(store):
    registry = Registry(store)
    assert registry.versions() == [*CLEAN, CANDIDATE]
    for version in registry.versions():
        assert registry.resolve(version).version == registry.load(version).version == version
    assert registry.resolve().version == registry.resolve("champion").version == "2020-12"
    assert registry.resolve("latest").version == "2021-12"


@pytest.mark.parametrize("request_", ["2019-12", "2020", "", "../2020-12", "2020-12/", "2020-12rc"])
def test_an_unknown_version_is_refused(store, request_):
    with pytest.raises(RegistryRefused, match="not registered"):
        Registry(store).resolve(request_)


def test_an_empty_store_refuses(tmp_path):
    registry = Registry(tmp_path)
    assert registry.versions() == []
    with pytest.raises(RegistryRefused, match="no version is champion"):
        registry.resolve()
    (tmp_path / FILE).write_text("{")
    with pytest.raises(ArtifactRefused, match="not JSON"):
        registry.versions()
    (tmp_path / FILE).write_text('{"schema_version": 99}')
    with pytest.raises(RegistryRefused, match="schema"):
        registry.versions()


FILES = (
    "calibration.npz",
    "calibrator.json",
    "conformal.npz",
    "decisions.json",
    "direction.txt",
    "meta.json",
    "neural.npz",
    "reference.npz",
    "return.txt",
    "surface.json",
    "volatility.txt",
)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["delete", "flip", "swap"])
def test_every_file_is_guarded(copy, name, damage):
    path = copy / "2020-12" / name
    if damage == "delete":
        path.unlink()
    elif damage == "flip":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(bytes(content))
    else:
        shutil.copy(copy / "2021-12" / name, path)
        if path.read_bytes() == (copy / "2018-12" / name).read_bytes():
            return  # decisions.json is the same in every released version
    for use in (Registry(copy).resolve, Registry(copy).load, lambda v: Predictor.load(copy, v)):
        with pytest.raises(ArtifactRefused, match=name.split(".")[0]):
            use("2020-12")
    assert Registry(copy).load("2018-12").version == "2018-12"


def test_a_file_nobody_knows_is_refused(copy):
    (copy / "2020-12" / "extra.txt").write_text("hello")
    with pytest.raises(ArtifactRefused, match=r"extra\.txt"):
        Registry(copy).resolve("2020-12")


def test_a_version_in_anothers_folder_is_refused(copy):
    registry = json.loads((copy / FILE).read_bytes())
    rows = {row["version_id"]: row for row in registry["versions"]}
    rows["2020-12"]["files"] = rows["2021-12"]["files"]
    (copy / FILE).write_text(json.dumps(registry))
    shutil.rmtree(copy / "2020-12")
    shutil.copytree(copy / "2021-12", copy / "2020-12")
    with pytest.raises(ArtifactRefused, match="is of version 2021-12"):
        Registry(copy).load("2020-12")


def test_the_candidate_loads_only_as_a_candidate(copy):
    checkpoint = Registry(copy).load(CANDIDATE)
    assert len(checkpoint.contract_problems()) == 8
    with pytest.raises(ArtifactRefused, match="RESEARCH_ONLY"):
        Checkpoint.load(copy / CANDIDATE)
    with pytest.raises(ArtifactRefused, match="cannot be released"):
        Registry(copy).publish(checkpoint.renamed("2022-03"))
    with pytest.raises(RegistryRefused, match="candidate"):
        Registry(copy).promote(CANDIDATE)
    (copy / CANDIDATE / "surface.json").write_text("[]")
    with pytest.raises(ArtifactRefused, match="checksum"):
        Registry(copy).load(CANDIDATE)


def test_publishing_registers_and_moves_latest_only(copy):
    registry, other = Registry(copy), Registry(copy)
    checkpoint = registry.load("2018-12")
    registry.publish(checkpoint.renamed("2023-01"), {"auc": 0.5})
    assert other.versions()[-1] == other.pointer("latest") == "2023-01"
    assert other.pointer("champion") == "2020-12"
    assert other.metrics("2023-01") == {"auc": 0.5}
    assert other.load("2023-01").models == checkpoint.models
    other.publish(checkpoint.renamed("2023-02rc"), stage=CANDIDATE_STAGE)
    assert registry.pointer("latest") == "2023-01"


def test_an_id_is_taken_for_good(copy):
    registry = Registry(copy)
    before = (copy / FILE).read_bytes()
    with pytest.raises(RegistryRefused, match="cannot be replaced"):
        registry.publish(registry.load("2018-12").renamed("2020-12"))
    assert (copy / FILE).read_bytes() == before
    assert registry.load("2020-12").version == "2020-12"


@pytest.mark.parametrize(
    "version", ["", "../x", "a/b", "latest", "champion", ".x", "a..b", "x" * 80]
)
def test_ids_that_are_no_names_are_refused(copy, version):
    around = sorted(path.name for path in copy.parent.iterdir())
    with pytest.raises(RegistryRefused, match="cannot be a version id"):
        Registry(copy).publish(Registry(copy).load("2018-12").renamed(version))
    assert sorted(path.name for path in copy.parent.iterdir()) == around


def test_retention_spares_champion_and_candidates(copy):
    registry = Registry(copy)
    source = registry.load("2021-12")
    for number in range(KEPT + 3):
        registry.publish(source.renamed(f"n{number:02}"))
    kept = registry.versions()
    assert kept == ["2020-12", CANDIDATE, *(f"n{number:02}" for number in range(3, KEPT + 3))]
    assert {path.name for path in copy.iterdir()} == {FILE, *kept}
    with pytest.raises(RegistryRefused, match="2018-12"):
        registry.load("2018-12")
    assert registry.load().version == "2020-12"


def test_concurrent_writers_lose_nothing(copy):
    checkpoint = Registry(copy).load("2020-12")
    names = ["w1", "w2", "w3", "w4"]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: Registry(copy).publish(checkpoint.renamed(name)), names))
    assert set(names) <= set(Registry(copy).versions())
    assert Registry(copy).pointer("latest") == Registry(copy).versions()[-1]
    assert not (copy / LOCK).exists()


def test_a_lock_that_stays_is_told(copy, monkeypatch):
    monkeypatch.setattr("audit_lib.reference_engine.registry.LOCK_SECONDS", 0.05)
    (copy / LOCK).touch()
    with pytest.raises(RegistryRefused, match="delete it if no writer"):
        Registry(copy).promote("2021-12")


def test_leftovers_of_a_writer_that_died_are_replaced(copy):
    (copy / "2023-01").mkdir()
    (copy / "2023-01" / "half.txt").touch()
    registry = Registry(copy)
    registry.publish(registry.load("2020-12").renamed("2023-01"))
    assert registry.load("2023-01").version == "2023-01"


@pytest.mark.parametrize("version", [*CLEAN, CANDIDATE])
def test_saving_and_loading_change_nothing(store, tmp_path, version):
    checkpoint = Registry(store).load(version)
    sums = checkpoint.save(tmp_path / version)
    again = Checkpoint.load(tmp_path / version, candidate=version == CANDIDATE)
    assert again.save(tmp_path / "twice") == sums
    for path in (store / version).iterdir():
        assert (tmp_path / version / path.name).read_bytes() == path.read_bytes()


def test_predictions_follow_names(champion, rows):
    expected = champion.predict(rows)
    assert list(expected) == ["return", "direction", "volatility", "volatility_neural"]
    shuffled = rows[rows.columns[::-1]].assign(extra="text").sample(frac=1.0, random_state=5)
    pd.testing.assert_frame_equal(champion.predict(shuffled), expected.reindex(shuffled.index))
    pd.testing.assert_frame_equal(champion.predict(rows.iloc[[4]]), expected.iloc[[4]])
    assert expected["direction"].between(0, 1).all()
    assert (expected[["volatility", "volatility_neural"]] > 0).all(axis=None)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_with_a_hole_gets_no_prediction(champion, rows, value):
    expected = champion.predict(rows)
    rows.iloc[3, 2] = value
    answer = champion.predict(rows)
    assert answer.iloc[3].isna().all()
    pd.testing.assert_frame_equal(answer.drop(index=3), expected.drop(index=3))
    assert champion.predict(rows.iloc[:0]).shape == (0, 4)


def test_inputs_that_cannot_be_are_refused(champion, rows):
    with pytest.raises(Refused, match="momentum_21"):
        champion.predict(rows.drop(columns="momentum_21"))
    with pytest.raises(Refused, match="twice"):
        champion.predict(pd.concat([rows, rows[["change_1"]]], axis=1))
    with pytest.raises(Refused, match="numeric"):
        champion.predict(rows.astype({"change_1": str}))


def test_intervals_hold_the_prediction(champion, rows):
    bounds = champion.intervals(rows, alpha=0.2)
    centre = champion.predict(rows)["return"]
    assert (bounds["lower"] < centre).all()
    assert (centre < bounds["upper"]).all()
    wider = champion.intervals(rows, alpha=0.05)
    assert (wider["upper"] > bounds["upper"]).all()
