"""Model files of the real libraries, and the same with one part that would crash a loader."""

from __future__ import annotations

import io
import json
import stat
import struct
import zipfile
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from watched import read, read_bytes

from audit_lib.subject.artifacts import Format, Safety, inventory

WRITTEN = Path(__file__).parent / "written"
#: Written by XGBoost 3.2, CatBoost 1.2.10, statsmodels 0.14, LightGBM 4.7, joblib, pandas 3.1.
NAMES = sorted(path.name for path in WRITTEN.iterdir())


@pytest.mark.parametrize("name", [name for name in NAMES if "formula" not in name])
def test_files_of_the_real_libraries_are_not_refused(name: str) -> None:
    artifact = read(WRITTEN / name)
    assert not artifact.safety.refused, [str(reason) for reason in artifact.reasons]
    assert artifact.problems == ()


def test_a_model_by_formula_would_evaluate_it() -> None:
    artifact = read(WRITTEN / "sm_formula.5.pkl")
    assert [reason.why for reason in artifact.reasons] == ["evaluates its formula as code"]


@pytest.mark.parametrize("name", ["x.json", "x.ubj"])
def test_xgboost_says_its_columns(name: str) -> None:
    assert read(WRITTEN / name).feature_names == ("mom", "vol", "carry")


# --- trees that reach outside ---------------------------------------------------------------------
def _bent(path: str, at: int, value: Any) -> bytes:
    document = json.loads((WRITTEN / "x.json").read_text())
    tree = document["learner"]["gradient_booster"]["model"]["trees"][1]
    *way, last = path.split("/")
    for key in way:
        tree = tree[key]
    if at < 0:
        tree[last] = value
    else:
        tree[last][at] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("path", "at", "value"),
    [
        ("left_children", 0, 99),
        ("right_children", 0, 99),
        ("left_children", 0, -7),
        ("left_children", 1, 0),
        ("right_children", 0, 1),
        ("left_children", 0, 1.5),
        ("split_indices", 0, 3),
        ("split_indices", 0, -1),
        ("parents", 1, 50),
        ("split_indices", -1, [0]),
        ("tree_param/num_nodes", -1, "9999"),
        ("categories_nodes", -1, [5]),
        ("left_children", -1, "none"),
    ],
)
def test_xgboost_trees_that_reach_outside(path: str, at: int, value: Any, tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, _bent(path, at, value), "model.json")
    assert artifact.safety is Safety.UNKNOWN
    assert any("crash" in reason.why and "tree 1" in reason.why for reason in artifact.reasons)


def test_xgboost_categories_outside_their_list(tmp_path: Path) -> None:
    content = (WRITTEN / "xcat.ubj").read_bytes()
    assert not read_bytes(tmp_path, content).safety.refused
    marked = content.replace(b"categories_segments", b"categories_segmentz")
    assert read_bytes(tmp_path, marked).safety.refused


def _lightgbm(old: str, new: str) -> bytes:
    text = (WRITTEN / "l.txt").read_text()
    assert old in text
    bent = text.replace(old, new, 1)
    # The sizes are kept right, so that only what was bent is wrong.
    parts = bent.partition("end of trees")[0].split("Tree=")[1:]
    sizes = " ".join(str(len(f"Tree={part}")) for part in parts)
    before, _, rest = bent.partition("tree_sizes=")
    return f"{before}tree_sizes={sizes}\n{rest.partition(chr(10))[2]}".encode()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("left_child=1 ", "left_child=77 "),
        ("left_child=1 ", "left_child=0 "),
        ("left_child=1 ", "left_child=-99 "),
        ("left_child=1 ", "left_child=x "),
        ("right_child=2 ", "right_child=1 "),
        ("split_feature=0 ", "split_feature=3 "),
        ("decision_type=2 ", "decision_type=1 "),
    ],
)
def test_lightgbm_trees_that_reach_outside(old: str, new: str, tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, _lightgbm(old, new), "model.txt")
    assert artifact.safety is Safety.UNKNOWN
    assert any("crash" in reason.why for reason in artifact.reasons)


def test_lightgbm_sizes_that_lie(tmp_path: Path) -> None:
    text = (WRITTEN / "l.txt").read_text()
    lying = text.replace("tree_sizes=1061", "tree_sizes=9061")
    assert lying != text
    artifact = read_bytes(tmp_path, lying.encode())
    assert any("bytes, which they have not" in reason.why for reason in artifact.reasons)


def test_trees_that_lightgbm_writes_add_up(tmp_path: Path) -> None:
    generator = np.random.default_rng(5)
    for seed, options in enumerate(({}, {"linear_tree": True}, {"categorical_feature": [0]})):
        table = np.c_[generator.integers(0, 4, 300), generator.normal(size=(300, 2))]
        data = lightgbm.Dataset(table, table[:, 0] + table[:, 1])
        parameters = {"verbose": -1, "num_leaves": 5 + seed, **options}
        text = lightgbm.train(parameters, data, 4).model_to_string()
        assert read_bytes(tmp_path, text.encode()).reasons == ()


# --- ONNX: values in another file -----------------------------------------------------------------
def _field(number: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return bytes((number << 3, value))
    return bytes((number << 3 | 2, len(value))) + value


def _onnx(**place: str) -> bytes:
    entries = b"".join(
        _field(13, _field(1, key.encode()) + _field(2, value.encode()))
        for key, value in place.items()
    )
    tensor = _field(1, 4) + _field(2, 1) + _field(8, b"weights") + entries + _field(14, 1)
    return (
        _field(1, 8)
        + _field(2, b"made")
        + _field(7, _field(5, tensor))
        + _field(8, _field(1, b"") + _field(2, 17))
    )


@pytest.mark.parametrize(
    ("place", "refused"),
    [
        ({"location": "w.bin"}, False),
        ({"location": "w.bin", "offset": "0", "length": "16"}, False),
        ({"location": "w.bin", "offset": "8", "length": "16"}, True),
        ({"location": "w.bin", "offset": "-8", "length": "16"}, True),
        ({"location": "w.bin", "offset": "0", "length": "1e9"}, True),
        ({"location": "gone.bin"}, True),
        ({"location": "../w.bin"}, True),
        ({"location": "/etc/passwd"}, True),
        ({"location": "link.bin"}, True),
        ({"offset": "0"}, True),
    ],
)
def test_onnx_values_beside_the_model(place: dict[str, str], refused: bool, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes(range(240, 256)))
    (tmp_path / "link.bin").symlink_to("/etc/hostname")
    (tmp_path / "m.onnx").write_bytes(_onnx(**place))
    found = {artifact.path: artifact for artifact in inventory(tmp_path)}
    assert found["m.onnx"].format is Format.ONNX
    assert found["m.onnx"].safety.refused is refused, found["m.onnx"].reasons
    assert found["w.bin"].format is (
        Format.ONNX_VALUES if place.get("location", "").endswith("w.bin") else Format.UNKNOWN
    )


# --- zips -----------------------------------------------------------------------------------------
def _zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_a_member_that_is_a_link(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo("weights")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    artifact = read_bytes(tmp_path, buffer.getvalue(), "m.zip")
    assert any("is a link" in reason.why for reason in artifact.reasons)


def test_an_archive_within_the_comment(tmp_path: Path) -> None:
    inner = _zip(evil=b"cos\nsystem\n.")
    content = _zip(a=b"1")[:-2] + struct.pack("<H", len(inner)) + inner
    artifact = read_bytes(tmp_path, content, "m.zip")
    assert artifact.safety.refused
    outer = _zip(a=b"1")
    hidden = outer[:-2] + struct.pack("<H", len(outer) + 2) + outer + b".."
    assert read_bytes(tmp_path, hidden, "m.zip").safety.refused


def test_a_member_that_the_directory_does_not_list(tmp_path: Path) -> None:
    first, second = _zip(evil=b"cos\nsystem\n."), _zip(a=b"1")
    artifact = read_bytes(tmp_path, first + second, "m.zip")
    assert any("does not list" in reason.why for reason in artifact.reasons)


def test_an_honest_zip_is_left_alone(tmp_path: Path) -> None:
    assert not read_bytes(tmp_path, _zip(a=b"1", b=b'{"x": 1}'), "m.zip").safety.refused


# --- MLflow ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("flavor", "refused"),
    [
        ("python_function: {loader_module: mlflow.sklearn, model_path: model.pkl}", False),
        ("python_function: {loader_module: mlflow.sklearn, model_path: ../../evil.pkl}", True),
        ("sklearn: {pickled_model: /tmp/evil.pkl}", True),
        ("python_function: {loader_module: mlflow.pyfunc, data: 'C:/evil'}", True),
        ("pytorch: {model_data: data, code: a/../../b}", True),
        ("python_function: {env: {conda: conda.yaml, virtualenv: python_env.yaml}}", False),
        ("python_function: {artifacts: {m: {path: ../x, uri: 'runs:/1/x'}}}", True),
    ],
)
def test_mlflow_paths_stay_within_the_folder(flavor: str, refused: bool, tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, f"flavors:\n  {flavor}\n".encode(), "MLmodel")
    assert artifact.format is Format.MLFLOW_MODEL
    assert artifact.safety.refused is refused


# --- named like a model ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"not a model\n", "text"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>\n", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
    ],
)
@pytest.mark.parametrize("ending", ["pkl", "joblib", "pt", "onnx", "ubj", "npz"])
def test_named_like_a_model_and_none(
    content: bytes, words: str, ending: str, tmp_path: Path
) -> None:
    artifact = read_bytes(tmp_path, content, f"model.{ending}")
    assert any(words in problem for problem in artifact.problems)
    assert any(words in reason.why for reason in artifact.reasons)
    assert not read_bytes(tmp_path, content, "notes.txt").safety.refused
