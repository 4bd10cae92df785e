"""Where a version's metadata keeps what the contracts ask for is guessed from names and shapes."""

import json

import pytest

from audit_lib.subject.discovery.fields import fields_of
from audit_lib.subject.parameters import CheckpointFields

NAMES = ["ret_1", "vol_24", "trend"]
DIGEST = "9f86d081884c7d65"
USUAL = {
    "feature_cols": NAMES, "input_dim": 3, "version": "v2", "schema_hash": DIGEST,
    "scaler": {"median": [0, 0, 0], "mad": [1, 1, 1]},
}  # fmt: skip


def guessed(tmp_path, meta, name="meta.json"):
    folder = tmp_path / "store" / "v2"
    folder.mkdir(parents=True)
    (folder / name).write_text(json.dumps(meta))
    return fields_of(tmp_path / "store", "{version}", name)


def test_what_stands_where_it_is_looked_for_is_not_said(tmp_path):
    assert guessed(tmp_path, USUAL) == {}


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        (
            {"features": NAMES, "scaler": {"mean": [0.1, 0.2, 0.3], "std": [1.0, 1, 2]}},
            {
                "feature_cols": "/features",
                "scaler_center": "/scaler/mean",
                "scaler_scale": "/scaler/std",
            },
        ),
        (
            {
                "model": {"inputs": NAMES, "n_features": 3},
                "norm": {"center": dict.fromkeys(NAMES, 0.0), "scale": dict.fromkeys(NAMES, 1.0)},
                "model_id": "v2",
                "feature_hash": DIGEST,
                "sha256": {"model.txt": DIGEST},
                "cv": {"folds": [{"train_end": "2020-01-01"}]},
            },
            {
                "feature_cols": "/model/inputs",
                "input_dim": "/model/n_features",
                "scaler_center": "/norm/center",
                "scaler_scale": "/norm/scale",
                "version": "/model_id",
                "schema_hash": "/feature_hash",
                "checksums": "/sha256",
                "folds": "/cv/folds",
            },
        ),
        ({"feature_targets": ["up", "down"], "mean": [0.0, 1.0]}, {}),
        ({"features": NAMES, "mean": [0.1, 0.2]}, {"feature_cols": "/features"}),
        ({"odd/name": {"cols": NAMES}}, {"feature_cols": "/odd~1name/cols"}),
        (["nothing", "by", "name"], {}),
    ],
)
def test_names_and_shapes_tell(tmp_path, meta, expected):
    assert guessed(tmp_path, meta) == expected
    CheckpointFields(**expected)


def test_a_document_that_cannot_be_read_tells_nothing(tmp_path):
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "meta.json").write_text("{")
    assert fields_of(tmp_path, "{version}", "meta.json") == {}
