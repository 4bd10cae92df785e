"""Formats other than pickles: what they say is read, what is wrong with them is said."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
from assembler import call, items, named, npy, number, pairs, pickle_of, proto, text
from watched import SMALL, read, read_bytes, watched

from audit_lib.subject.artifacts import (
    ArrayInfo,
    Artifact,
    Budget,
    Format,
    Safety,
    inventory,
    resolve,
)


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _holds(artifact: Artifact, words: str) -> bool:
    return any(words in said for said in (*artifact.problems, *artifact.notes))


# --- NumPy ----------------------------------------------------------------------------------------
def test_npy_and_npz(tmp_path: Path) -> None:
    values = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    artifact = read_bytes(tmp_path, npy(values))
    assert (artifact.format, artifact.safety) == (Format.NPY, Safety.NOT_EXECUTABLE)
    assert artifact.arrays == (ArrayInfo("", "<f8", (2, 3), True),)
    assert resolve(artifact.document, "/values") == values.tolist()
    buffer = io.BytesIO()
    np.savez_compressed(buffer, mean=values, names=np.array(["a", None], dtype=object))
    artifact = read_bytes(tmp_path, buffer.getvalue())
    assert (artifact.format, artifact.safety) == (Format.NPZ, Safety.SAFE)
    assert [a.name for a in artifact.arrays] == ["mean", "names"]
    assert resolve(artifact.document, "/names/values") == ["a", None]


@pytest.mark.parametrize("kind", [str, object])
def test_columns_named_in_npz(tmp_path: Path, kind: type) -> None:
    buffer = io.BytesIO()
    names = np.array(["b", "a"], dtype=kind)
    np.savez(buffer, weights=np.ones(2), feature_names=names, notes=names, features=np.ones(2))
    artifact = read_bytes(tmp_path, buffer.getvalue())
    assert artifact.feature_sets == {"/feature_names": ("b", "a")}


def test_npy_cut_short_or_too_long(tmp_path: Path) -> None:
    content = npy(np.arange(5000.0))
    cut = read_bytes(tmp_path, content[:-1])
    assert cut.safety is Safety.UNKNOWN
    assert _holds(cut, "fewer left")
    assert _holds(read_bytes(tmp_path, content + b"more"), "4 bytes follow")


@pytest.mark.parametrize(
    "header",
    [
        "__import__('os').system('x')",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<f8', 'fortran_order': False}",
        "{'descr': 'no dtype', 'fortran_order': False, 'shape': (1,)}",
        "(" * 5000,
    ],
)
def test_npy_with_a_header_that_is_none(header: str, tmp_path: Path) -> None:
    data = header.encode()
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(data)) + data
    assert read_bytes(tmp_path, content).safety is Safety.UNKNOWN


# --- PyTorch --------------------------------------------------------------------------------------
def _tensor(key: str, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    pid = items(text("storage"), named("torch", "FloatStorage"), text(key), text("cpu"), number(6))
    return call(
        named("torch._utils", "_rebuild_tensor_v2"),
        pid + b"Q",
        number(offset),
        items(*map(number, shape)),
        items(*map(number, strides)),
        b"\x89",
        call(named("collections", "OrderedDict")),
    )


STATE = pairs(
    weight=_tensor("0", (2, 3), (3, 1)),
    turned=_tensor("0", (3, 2), (1, 3)),
    part=_tensor("0", (2,), (1,), 4),
    feature_cols=b"](" + text("b") + text("a") + b"e",
    input_dim=number(2),
)
STORAGE = np.arange(6, dtype="<f4").tobytes()


def test_torch_checkpoint(tmp_path: Path) -> None:
    members = {
        "archive/data.pkl": pickle_of(STATE, 2),
        "archive/byteorder": b"little",
        "archive/data/0": STORAGE,
        "archive/version": b"3\n",
    }
    artifact = read_bytes(tmp_path, _zip(members))
    assert (artifact.format, artifact.safety) == (Format.TORCH, Safety.SAFE)
    assert artifact.arrays[0] == ArrayInfo("/weight", "<f4", (2, 3))
    assert resolve(artifact.document, "/weight/values") == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert resolve(artifact.document, "/part/values") == [4.0, 5.0]
    assert "values" not in resolve(artifact.document, "/turned")
    assert artifact.feature_names == ("b", "a")
    assert resolve(artifact.document, "/input_dim") == 2
    del members["archive/data/0"]
    assert _holds(read_bytes(tmp_path, _zip(members)), "storage '0' of a tensor is missing")


def test_torch_before_zip(tmp_path: Path) -> None:
    magic = proto(2) + b"\x8a\x0a" + (0x1950A86A20F9469CFC6C).to_bytes(10, "little") + b"."
    parts = [pickle_of(number(1001), 2), pickle_of(pairs(little_endian=b"\x88"), 2)]
    parts += [pickle_of(STATE, 2), pickle_of(b"](" + text("0") + b"e", 2)]
    artifact = read_bytes(tmp_path, magic + b"".join(parts) + struct.pack("<q", 6) + STORAGE)
    assert (artifact.format, artifact.safety) == (Format.TORCH_LEGACY, Safety.SAFE)
    assert artifact.arrays[0].shape == (2, 3)
    assert artifact.feature_names == ("b", "a")
    evil = pickle_of(call(named("os", "system"), text("x")), 2)
    parts[2] = evil
    assert read_bytes(tmp_path, magic + b"".join(parts)).safety is Safety.UNSAFE


# --- skops and Keras ------------------------------------------------------------------------------
def test_skops(tmp_path: Path) -> None:
    node = {
        "__class__": "StandardScaler",
        "__module__": "sklearn.preprocessing._data",
        "__loader__": "ObjectNode",
        "content": {
            "__class__": "dict",
            "__module__": "builtins",
            "__loader__": "DictNode",
            "content": {
                "with_mean": {
                    "__class__": "str",
                    "__module__": "builtins",
                    "__loader__": "JsonNode",
                    "content": "true",
                },
                "mean_": {
                    "__class__": "ndarray",
                    "__module__": "numpy",
                    "__loader__": "NdArrayNode",
                    "type": "numpy",
                    "file": "1.npy",
                },
            },
        },
        "protocol": 2,
        "_skops_version": "0.11",
    }
    members = {"schema.json": json.dumps(node).encode(), "1.npy": npy([1.0])}
    artifact = read_bytes(tmp_path, _zip(members))
    assert (artifact.format, artifact.safety) == (Format.SKOPS, Safety.SAFE)
    assert artifact.written_by["skops"] == "0.11"
    assert artifact.parameters == {"with_mean": True}
    assert artifact.arrays == (ArrayInfo("1.npy", "<f8", (1,)),)
    node["__module__"], node["__class__"] = "engine", "Scaler"
    members["schema.json"] = json.dumps(node).encode()
    assert read_bytes(tmp_path, _zip(members)).reasons[0].global_name == "engine.Scaler"


def test_keras(tmp_path: Path) -> None:
    config = {"class_name": "Dense", "module": "keras.layers", "config": {"units": 3}}
    members = {
        "config.json": json.dumps(config).encode(),
        "metadata.json": b'{"keras_version": "3.5.0"}',
        "model.weights.h5": b"\x89HDF\r\n\x1a\n",
    }
    artifact = read_bytes(tmp_path, _zip(members))
    assert (artifact.format, artifact.safety) == (Format.KERAS, Safety.SAFE)
    assert artifact.written_by["keras"] == "3.5.0"


# --- safetensors ----------------------------------------------------------------------------------
def _safetensors(header: dict[str, Any], data: bytes) -> bytes:
    text_ = json.dumps(header).encode()
    return struct.pack("<Q", len(text_)) + text_ + data


def _entry(kind: str, shape: list[int], begin: int, end: int) -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def test_safetensors(tmp_path: Path) -> None:
    header = {
        "__metadata__": {"features": "a,b"},
        "w": _entry("F32", [2, 1], 0, 8),
        "b": _entry("BF16", [2], 8, 12),
    }
    artifact = read_bytes(tmp_path, _safetensors(header, bytes(12)))
    assert (artifact.format, artifact.safety) == (Format.SAFETENSORS, Safety.NOT_EXECUTABLE)
    assert artifact.arrays == (ArrayInfo("w", "<f4", (2, 1)), ArrayInfo("b", "BF16", (2,)))
    assert resolve(artifact.document, "/__metadata__/features") == "a,b"
    assert artifact.problems == ()


@pytest.mark.parametrize(
    ("header", "size", "words"),
    [
        ({"w": _entry("F32", [2], 0, 8)}, 7, "truncated"),
        ({"w": _entry("F32", [2], 0, 8)}, 9, "1 bytes follow"),
        ({"w": _entry("F32", [3], 0, 8)}, 8, "another number"),
        ({"w": _entry("F32", [2], 0, 8), "v": _entry("F32", [2], 4, 12)}, 12, "overlap"),
        ({"w": _entry("F32", [1], 4, 8)}, 8, "holes"),
    ],
)
def test_safetensors_that_do_not_add_up(
    header: dict[str, Any], size: int, words: str, tmp_path: Path
) -> None:
    assert _holds(read_bytes(tmp_path, _safetensors(header, bytes(size))), words)


# --- ONNX -----------------------------------------------------------------------------------------
def _field(number_: int, value: bytes | int) -> bytes:
    if isinstance(value, int):
        return bytes((number_ << 3, value))
    return bytes((number_ << 3 | 2, len(value))) + value


def _onnx(domain: bytes = b"", location: bytes = b"") -> bytes:
    axes = _field(1, _field(2, b"batch")) + _field(1, _field(1, 4))
    kind = _field(2, _field(1, _field(1, 1) + _field(2, axes)))
    tensor = _field(1, 4) + _field(1, 2) + _field(2, 11) + _field(8, b"w")
    if location:
        tensor += _field(13, _field(1, b"location") + _field(2, location))
    graph = _field(1, _field(4, b"MatMul") + _field(7, domain)) + _field(2, b"main")
    graph += _field(5, tensor) + _field(11, _field(1, b"x") + kind) + _field(12, _field(1, b"y"))
    model = _field(1, 9) + _field(2, b"skl2onnx") + _field(3, b"1.17")
    return model + _field(7, graph) + _field(8, _field(1, domain) + _field(2, 18))


def test_onnx(tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, _onnx())
    assert (artifact.format, artifact.safety) == (Format.ONNX, Safety.NOT_EXECUTABLE)
    assert artifact.written_by == {"onnx": "IR 9", "opset ai.onnx": "18", "skl2onnx": "1.17"}
    assert artifact.arrays == (ArrayInfo("w", "<f8", (4, 2)),)
    assert resolve(artifact.document, "/graph/inputs/0") == {
        "name": "x",
        "dtype": "<f4",
        "shape": ["batch", 4],
    }


def test_onnx_that_needs_more_than_a_runtime(tmp_path: Path) -> None:
    assert "com.evil" in str(read_bytes(tmp_path, _onnx(b"com.evil")).reasons[0])
    outside = read_bytes(tmp_path, _onnx(location=b"../../etc/passwd"))
    assert "outside its folder" in str(outside.reasons[0])
    assert _holds(read_bytes(tmp_path, _onnx(location=b"w.bin")), "w.bin")


def test_bytes_that_only_begin_like_onnx_are_unknown(tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, _onnx()[:30])
    assert (artifact.format, artifact.safety) == (Format.UNKNOWN, Safety.UNKNOWN)


# --- LightGBM and XGBoost -------------------------------------------------------------------------
@pytest.fixture(scope="module")
def lightgbm_text() -> str:
    generator = np.random.default_rng(1)
    data = lightgbm.Dataset(
        generator.normal(size=(200, 3)),
        generator.normal(size=200),
        feature_name=["momentum", "value", "carry"],
    )
    parameters = {"num_leaves": 4, "verbose": -1, "learning_rate": 0.05}
    return lightgbm.train(parameters, data, 3).model_to_string()


def test_lightgbm_text(lightgbm_text: str, tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, lightgbm_text.encode())
    assert (artifact.format, artifact.safety) == (Format.LIGHTGBM, Safety.NOT_EXECUTABLE)
    assert artifact.feature_names == ("momentum", "value", "carry")
    assert artifact.parameters["learning_rate"] == "0.05"
    assert resolve(artifact.document, "/trees") == 3
    assert resolve(artifact.document, "/header/num_class") == "1"
    assert artifact.written_by["lightgbm"].startswith("model format v")
    assert artifact.problems == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("max_feature_idx=2", "max_feature_idx=7", "indices up to 7"),
        ("end of trees", "", "truncated"),
        ("feature_names=momentum value", "feature_names=momentum", "names 2 features"),
        ("num_leaves=4", "num_leaves=40", "tree 0"),
        ("num_leaves=4", "num_leaves=x", "how many leaves"),
        ("\nTree=1", "\nBush=1", "announces 3 trees and holds 2"),
        ("split_feature=", "split_feature=9 ", "split_feature"),
    ],
)
def test_lightgbm_text_that_does_not_add_up(
    lightgbm_text: str, old: str, new: str, words: str, tmp_path: Path
) -> None:
    assert old in lightgbm_text
    artifact = read_bytes(tmp_path, lightgbm_text.replace(old, new, 1).encode())
    assert _holds(artifact, words), artifact.problems


XGBOOST = {
    "learner": {
        "feature_names": ["a", "b"],
        "gradient_booster": {"name": "gbtree", "model": {"trees": [{}, {}]}},
        "learner_model_param": {"num_feature": "2", "base_score": "5E-1"},
        "objective": {"name": "reg:squarederror"},
    },
    "version": [2, 1, 3],
}


def _ubj(value: Any) -> bytes:
    def length(count: int) -> bytes:
        return b"L" + struct.pack(">q", count)

    if isinstance(value, dict):
        inner = b"".join(length(len(k)) + k.encode() + _ubj(v) for k, v in value.items())
        return b"{" + inner + b"}"
    if isinstance(value, str):
        return b"S" + length(len(value)) + value.encode()
    if isinstance(value, list) and value and isinstance(value[0], int):
        return b"[$l#" + length(len(value)) + struct.pack(f">{len(value)}i", *value)
    if isinstance(value, list):
        return b"[#" + length(len(value)) + b"".join(map(_ubj, value))
    raise TypeError(value)


@pytest.mark.parametrize("kind", ["json", "ubj"])
def test_xgboost(kind: str, tmp_path: Path) -> None:
    content = json.dumps(XGBOOST).encode() if kind == "json" else _ubj(XGBOOST)
    artifact = read_bytes(tmp_path, content)
    assert artifact.format is (Format.XGBOOST_JSON if kind == "json" else Format.XGBOOST_UBJ)
    assert artifact.safety is Safety.NOT_EXECUTABLE
    assert artifact.feature_names == ("a", "b")
    assert artifact.written_by == {"xgboost": "2.1.3"}
    assert artifact.parameters["objective"] == "reg:squarederror"
    assert resolve(artifact.document, "/learner/gradient_booster/model/trees") == {"count": 2}


def test_ubj_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = _ubj(XGBOOST)
    for end in range(3, len(content) - 1, 7):
        artifact = read_bytes(tmp_path, content[:end])
        assert artifact.safety is Safety.UNKNOWN, end
    bomb = b"{L" + struct.pack(">q", 1) + b"a[$U#L" + struct.pack(">q", 1 << 50)
    assert read_bytes(tmp_path, bomb).safety is Safety.UNKNOWN
    assert read_bytes(tmp_path, b"{L" + struct.pack(">q", 1) + b"a" + b"[" * 5000).safety.refused


# --- metadata -------------------------------------------------------------------------------------
def test_json_metadata(tmp_path: Path) -> None:
    meta = {
        "feature_cols": ["b", "a"],
        "params": {"depth": 3},
        "sklearn_version": "1.5.2",
        "regimes": {"0": {"features": ["c"]}},
    }
    artifact = read_bytes(tmp_path, json.dumps(meta).encode())
    assert (artifact.format, artifact.safety) == (Format.JSON, Safety.NOT_EXECUTABLE)
    assert artifact.feature_names == ("b", "a")
    assert artifact.feature_sets["/regimes/0/features"] == ("c",)
    assert artifact.parameters == {"depth": 3}
    assert artifact.written_by == {"sklearn": "1.5.2"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a": NaN}', "NaN, which is not JSON"),
        (b'{"a": 1, "a": 2}', "keys given twice"),
        (b'{"a": 1', "not JSON at line 1"),
        (b'{"a": "\xff"}', "not utf-8"),
        (b"[" * 200 + b"]" * 200, "nested deeper"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
    ],
)
def test_json_that_is_none(content: bytes, words: str, tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, content)
    assert artifact.safety is not Safety.SAFE
    problems = [*artifact.problems, *map(str, artifact.reasons)]
    assert any(words in p or "too deep" in p or "not known" in p for p in problems), problems


def test_json_over_budget_is_said(tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, json.dumps([1] * 100).encode(), budget=Budget(text_bytes=50))
    assert artifact.document is None
    assert _holds(artifact, "more than the budget")


def test_json_lines(tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, b'{"a": 1}\n\n{"a": 2}\n')
    assert artifact.format is Format.JSON_LINES
    assert artifact.document == [{"a": 1}, {"a": 2}]


def test_yaml(tmp_path: Path) -> None:
    content = b"trained: 2024-01-31\nfeatures: [b, a]\n1: one\nbase: &b {x: 1}\nagain: *b\n"
    artifact = read_bytes(tmp_path, content)
    assert (artifact.format, artifact.safety) == (Format.YAML, Safety.NOT_EXECUTABLE)
    assert resolve(artifact.document, "/trained") == "2024-01-31"
    assert resolve(artifact.document, "/again/x") == 1
    assert resolve(artifact.document, "/1") == "one"
    assert artifact.feature_names == ("b", "a")


def test_yaml_bombs_stop_at_the_budget(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    artifact = read_bytes(tmp_path, "\n".join(lines).encode())
    assert artifact.document is None
    assert _holds(artifact, "budget")
    assert _holds(read_bytes(tmp_path, b"a: " + b"[" * 5000), "budget")


def test_text_is_text(tmp_path: Path) -> None:
    for content in (
        b"cos\n0.1\n0.2\n",
        b"N\nI think.\n",
        b"Trained on daily bars.\nSee the notes.\n",
        b"1.2.3\n",
        "naïve\n".encode(),
    ):
        artifact = read_bytes(tmp_path, content)
        assert (artifact.format, artifact.safety) == (Format.TEXT, Safety.NOT_EXECUTABLE)


@pytest.mark.parametrize("words", ["x ", "x^2 and more of it\n", "x\\ is a letter\n" * 900])
def test_a_text_that_begins_like_zlib_is_a_text(words: str, tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, (words + "columns a, b").encode())
    assert (artifact.format, artifact.compression) == (Format.TEXT, "")


def test_zlib_that_is_damaged_is_no_text(tmp_path: Path) -> None:
    packed = zlib.compress(b"columns: a, b\n" * 90)
    for content in (packed[:-9], packed[:4] + b"\x7f\x00" + packed[6:]):
        assert read_bytes(tmp_path, content).compression == "zlib"


def test_source_code_in_a_store_is_refused(tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, b"import os\n", "loader.py")
    assert (artifact.format, artifact.safety) == (Format.PROGRAM, Safety.UNKNOWN)
    assert read_bytes(tmp_path, b"#!/bin/sh\nls\n").format is Format.PROGRAM


# --- tables ---------------------------------------------------------------------------------------
def test_csv(tmp_path: Path) -> None:
    content = b'date,close,"note, long"\n2024-01-01,1.5,a\n2024-01-02,1.6,"b, c"'
    artifact = read_bytes(tmp_path, content)
    assert (artifact.format, artifact.safety) == (Format.CSV, Safety.NOT_EXECUTABLE)
    assert artifact.document == {
        "columns": ["date", "close", "note, long"],
        "rows": 2,
        "delimiter": ",",
    }
    packed = read_bytes(tmp_path, gzip.compress(content))
    assert (packed.format, packed.compression) == (Format.CSV, "gzip")
    numbers = read_bytes(tmp_path, b"1;2\n3;4\n")
    assert numbers.document == {"columns": None, "rows": 2, "delimiter": ";"}


def _parquet(metadata: bytes = b"") -> bytes:
    def text_(field: int, value: bytes) -> bytes:
        return bytes((field << 4 | 8, len(value))) + value

    root = text_(4, b"schema") + b"\x15\x02\x00"
    columns = b"".join(text_(4, name) + b"\x00" for name in (b"close", b"volume"))
    pair = text_(1, b"note") + bytes((0x18, len(metadata))) + metadata + b"\x00"
    footer = b"\x15\x02" + b"\x19\x3c" + root + columns + b"\x16\x14" + b"\x29\x1c" + pair
    footer += text_(1, b"test 1.0") + b"\x00"
    return b"PAR1data" + footer + struct.pack("<I", len(footer)) + b"PAR1"


def test_parquet(tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, _parquet())
    assert (artifact.format, artifact.safety) == (Format.PARQUET, Safety.NOT_EXECUTABLE)
    assert resolve(artifact.document, "/columns") == ["close", "volume"]
    assert resolve(artifact.document, "/rows") == 10
    assert artifact.written_by == {"parquet": "test 1.0"}
    assert read_bytes(tmp_path, _parquet()[:-6]).safety is Safety.UNKNOWN
    evil = read_bytes(tmp_path, _parquet(b"arrow.py_extension_type"))
    assert evil.safety is Safety.UNSAFE


# --- MLflow ---------------------------------------------------------------------------------------
MLMODEL = """
artifact_path: model
flavors:
  python_function:
    loader_module: mlflow.sklearn
    python_version: 3.11.7
  sklearn:
    pickled_model: model.pkl
    serialization_format: cloudpickle
    sklearn_version: 1.5.2
mlflow_version: 2.16.0
signature:
  inputs: '[{"type": "double", "name": "value"}, {"type": "double", "name": "carry"}]'
"""


def test_mlflow_folders(tmp_path: Path) -> None:
    run = tmp_path / "0" / "abc"
    for folder in ("params", "metrics", "artifacts/model"):
        (run / folder).mkdir(parents=True)
    (run / "meta.yaml").write_text("run_id: abc\nexperiment_id: '0'\nstatus: 3\n")
    (run / "params" / "depth").write_text("3")
    (run / "metrics" / "sharpe").write_text("1700000000000 0.5 0\n1700000001000 0.7 1\n")
    (run / "artifacts" / "model" / "MLmodel").write_text(MLMODEL)
    (run / "artifacts" / "model" / "model.pkl").write_bytes(pickle.dumps({"a": 1}))
    with watched():
        found = {artifact.path.removeprefix("0/abc/"): artifact for artifact in inventory(tmp_path)}
    assert found["meta.yaml"].format is Format.MLFLOW_RUN
    assert found["params/depth"].parameters == {"depth": "3"}
    assert found["metrics/sharpe"].document == {"metrics": {"sharpe": 0.7}}
    model = found["artifacts/model/MLmodel"]
    assert (model.format, model.safety) == (Format.MLFLOW_MODEL, Safety.NOT_EXECUTABLE)
    assert model.feature_names == ("value", "carry")
    assert model.written_by == {"mlflow": "2.16.0", "python": "3.11.7", "sklearn": "1.5.2"}
    assert _holds(model, "cloudpickle")
    assert found["artifacts/model/model.pkl"].safety is Safety.SAFE


def test_mlflow_with_a_loader_of_its_own_is_refused(tmp_path: Path) -> None:
    content = MLMODEL.replace("mlflow.sklearn", "my_loader").encode()
    artifact = read_bytes(tmp_path, content)
    assert [reason.global_name for reason in artifact.reasons] == ["my_loader"]


# --- containers and the rest ----------------------------------------------------------------------
def test_a_zip_of_no_known_format_says_what_is_in_it(tmp_path: Path) -> None:
    members = {"meta.json": b"{}", "deep/model.pkl": pickle_of(b"N"), "x.npy": npy([1.0])}
    artifact = read_bytes(tmp_path, _zip(members))
    assert (artifact.format, artifact.safety) == (Format.ZIP, Safety.SAFE)
    assert resolve(artifact.document, "/deep~1model.pkl/format") == "pickle"
    assert artifact.arrays[0].name == "x.npy:"


def test_damaged_zips_are_refused(tmp_path: Path) -> None:
    content = _zip({"a.npy": npy(np.arange(100.0)), "b.npy": npy([1.0])})
    assert read_bytes(tmp_path, content[:-30]).safety is Safety.UNKNOWN
    assert read_bytes(tmp_path, content[: len(content) // 2]).safety is Safety.UNKNOWN
    # Offsets that point before the beginning.
    assert read_bytes(tmp_path, content[:4] + content[60:]).safety is Safety.UNKNOWN


def test_the_same_bytes_give_the_same_answer(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(_zip({"archive/data.pkl": pickle_of(STATE, 2), "archive/data/0": STORAGE}))
    assert read(path) == read(path)
    assert read(path, budget=SMALL) == read(path)
