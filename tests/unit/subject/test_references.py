"""References: which file of a version, in the store or beside the code, a pointer leads into."""

import io
import json
import pickle
import zipfile

import pytest
import yaml
from click.testing import CliRunner

from audit_lib.cli.scripts import artifacts as artifacts_command
from audit_lib.errors import NotAssessed, ParameterError
from audit_lib.subject.checkpoint_fields import field, numbers_in
from audit_lib.subject.pointers import split_reference
from tests.made_repo import lightgbm_text, subject

STORE = {"store": "store", "registry": {"file": "registry.json"}}
REGISTRY = {"versions": [{"version_id": "v1"}, {"version_id": "v2"}], "latest": "v2"}


def torch_file(content):
    """A checkpoint as torch.save writes it, of plain values."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(content, protocol=2))
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


def made(tmp_path, files, version="v1", **store):
    whole = {"m.py": "x = 1\n", "store/registry.json": REGISTRY, **files}
    return subject(tmp_path, whole, version=version, artifacts={**STORE, **store})


@pytest.mark.parametrize(
    ("reference", "parts"),
    [("/a/b", ("", "/a/b")), ("s.json#/a", ("s.json", "/a")), ("s.json", ("s.json", ""))],
)
def test_a_reference_is_a_file_and_a_pointer(reference, parts):
    assert split_reference(reference) == parts


def test_fields_in_files_of_their_own(tmp_path):
    found = made(
        tmp_path,
        {
            "store/v1/meta.json": {"version": "v1"},
            "store/v1/scaler.json": {"median": [0.5], "mad": [2.0]},
            "store/v1/splits.json": [{"train": ["2020-01-01", "2020-06-30"]}],
            "store/v1/deep/heads.toml": '[heads.return]\nkind = "return"\n',
            "policies.yaml": "regimes: {0: calm, 1: wild}\nsince: 2020-01-02\n",
        },
        fields={
            "scaler_scale": "scaler.json#/mad",
            "folds": "splits.json",
            "heads": "deep/heads.toml#/heads",
            "targets": "policies.yaml#/regimes",
            "run": "policies.yaml#/since",
        },
    )
    scale = field(found, "scaler_scale")
    assert (scale.value, str(scale.location)) == ([2.0], "v1/scaler.json /mad")
    assert field(found, "folds").value[0]["train"][0] == "2020-01-01"
    assert field(found, "heads").value == {"return": {"kind": "return"}}
    policy = field(found, "targets")
    assert policy.value == {"0": "calm", "1": "wild"}
    assert (policy.location.base, policy.location.path) == ("documents", "policies.yaml")
    assert field(found, "run").value == "2020-01-02"
    assert found.metadata.location("splits.json", "0").pointer == "/0"


def test_another_version_s_file_is_no_substitute(tmp_path):
    files = {
        "store/v1/meta.json": {}, "store/v2/meta.json": {}, "store/v1/scaler.json": {"mad": [1.0]},
        "store/scaler.json": {"mad": [9.0]}, "scaler.json": {"mad": [9.0]},
    }  # fmt: skip
    found = made(tmp_path, files, version="v2", fields={"scaler_scale": "scaler.json#/mad"})
    missing = field(found, "scaler_scale")
    assert (missing.present, missing.location.path) == (False, "v2/scaler.json")
    assert field(found.at("v1"), "scaler_scale").value == [1.0]


def test_a_file_of_the_store_serves_all_versions(tmp_path):
    files = {"store/v1/meta.json": {}, "store/facts.json": {"v1": {"run": 7}}}
    found = made(tmp_path, files, fields={"run": "facts.json#/v1/run"})
    assert field(found, "run").value == 7


def test_a_file_that_does_not_parse_is_never_called_absent(tmp_path):
    files = {"store/v1/meta.json": {}, "store/v1/scaler.json": b"{"}
    found = made(tmp_path, files, fields={"scaler_scale": "scaler.json#/mad"})
    with pytest.raises(NotAssessed, match=r"v1/scaler\.json does not parse"):
        field(found, "scaler_scale")


def test_no_metadata_file_of_its_own(tmp_path):
    files = {"store/v1/columns.yaml": "order: [a, b]\n"}
    fields = {"feature_cols": "columns.yaml#/order", "heads": None}
    found = made(tmp_path, files, metadata=None, fields=fields)
    assert field(found, "feature_cols").value == ["a", "b"]
    assert field(found, "heads").pointer == ""
    assert not field(found, "version").present


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("", "write null"),
        ("scaler.json#", "named as 'scaler.json'"),
        ("scaler.json#mad", "starts with '/'"),
        ("../scaler.json", "name a pointer"),
        ("/", None),
        ("scaler.json", None),
        (None, None),
    ],
)
def test_an_empty_pointer_is_an_error(tmp_path, value, told):
    if told is None:
        made(tmp_path, {}, fields={"scaler_scale": value})
        return
    with pytest.raises(ParameterError, match=r"artifacts\.fields\.scaler_scale") as error:
        made(tmp_path, {}, fields={"scaler_scale": value})
    assert told in str(error.value)


# --- metadata and registries in other forms -------------------------------------------------------
@pytest.mark.parametrize("ending", ["yaml", "toml"])
def test_registry_and_metadata_in_yaml_and_toml(tmp_path, ending):
    registry = {"versions": [{"version_id": "v1"}, {"version_id": 20240102}], "latest": 20240102}
    text = yaml.safe_dump(registry) if ending == "yaml" else (
        'latest = 20240102\n[[versions]]\nversion_id = "v1"\n[[versions]]\nversion_id = 20240102\n'
    )  # fmt: skip
    meta = "version: v1\n" if ending == "yaml" else 'version = "v1"\n'
    files = {
        "m.py": "",
        f"store/registry.{ending}": text,
        f"store/v1/meta.{ending}": meta,
    }
    layout = {"file": f"registry.{ending}", "champion": None}
    artifacts = {"store": "store", "registry": layout, "metadata": f"meta.{ending}"}
    found = subject(tmp_path, files, version="v1", artifacts=artifacts)
    assert found.versions() == ["v1", "20240102"]
    assert (found.registry.latest, found.registry.champion) == ("20240102", None)
    assert found.metadata.get("/version") == "v1"


CHECKPOINT = {
    "meta": {"version": "v1", "feature_cols": ["a", "b"], "median": [0.0, 1.0], "mad": (1.0, 2.0)},
    "weights": [0.1, 0.2],
}


def test_metadata_within_a_checkpoint(tmp_path):
    files = {"store/v1/model.pt": torch_file(CHECKPOINT)}
    fields = {"scaler_center": "/median", "scaler_scale": "/mad"}
    found = made(tmp_path, files, metadata="*.pt#/meta", fields=fields)
    assert field(found, "feature_cols").value == ["a", "b"]
    scale = field(found, "scaler_scale")
    assert numbers_in(scale.value) == {"0": 1.0, "1": 2.0}
    assert str(scale.location) == "v1/model.pt /meta/mad"
    with pytest.raises(NotAssessed, match=r"v1/model\.pt has nothing at /other"):
        made(tmp_path / "b", files, metadata="model.pt#/other").metadata  # noqa: B018


def test_metadata_within_models_of_libraries(tmp_path):
    attributes = {"feature_cols": '["a", "b"]', "version": "v1"}
    model = {"learner": {"attributes": attributes, "learner_model_param": {"num_feature": "2"}}}
    signature = json.dumps([{"name": "a", "type": "double"}, {"name": "b", "type": "double"}])
    mlmodel = {"flavors": {"python_function": {}}, "signature": {"inputs": signature}}
    files = {
        "store/v1/model.json": model,
        "store/v1/model.txt": lightgbm_text(["a", "b"]),
        "store/v1/MLmodel": yaml.safe_dump(mlmodel),
    }
    fields = {
        "input_dim": "/learner/learner_model_param/num_feature",
        "feature_cols": "/learner/attributes/feature_cols",
        "heads": "model.txt#/feature_names",
        "run": "MLmodel#/signature/inputs",
    }
    found = made(tmp_path, files, metadata="model.json", fields=fields)
    assert field(found, "feature_cols").value == ["a", "b"]
    assert field(found, "input_dim").value == 2
    assert field(found, "heads").value == field(found, "run").value == ["a", "b"]


def test_the_command_prints_fields_with_their_references(tmp_path):
    (tmp_path / "model.pt").write_bytes(torch_file(CHECKPOINT))
    told = CliRunner().invoke(artifacts_command, [str(tmp_path)], env={"COLUMNS": "200"})
    assert told.exit_code == 0, told.output
    assert "model.pt#/meta/feature_cols" in told.output
    assert "weights" not in told.output
    told = CliRunner().invoke(artifacts_command, [str(tmp_path), "--format", "json"])
    assert json.loads(told.output)[0]["fields"]["/meta/version"] == "v1"
