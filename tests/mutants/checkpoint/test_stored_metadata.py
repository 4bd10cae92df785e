import copy
import hashlib
import json

import numpy as np
import pytest
import yaml

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import STORE, digest, good_store, lightgbm_text, subject


def check(tmp_path, code, files, artifacts=STORE, **parameters):
    made = subject(tmp_path, files, version="v1", artifacts=artifacts, **parameters)
    return run_check(code, made)


def assert_noted(result):
    assert_passes(result)
    return result.findings


def with_meta(**changes):
    files = copy.deepcopy(good_store())
    meta = files["store/v1/meta.json"]
    for key, value in changes.items():
        if value is ...:
            del meta[key]
        else:
            meta[key] = value
    return files


# --- CHK001 ---------------------------------------------------------------------------------------
@pytest.mark.passes("CHK001")
def test_complete_metadata(tmp_path):
    result = check(tmp_path, "CHK001", good_store())
    assert_passes(result)
    assert result.examined[0].count == 7


@pytest.mark.fails("CHK001")
@pytest.mark.parametrize(
    ("field", "value", "severity", "state"),
    [
        ("feature_cols", ..., Severity.HIGH, "absent"),
        ("feature_cols", [], Severity.HIGH, "empty"),
        ("heads", None, Severity.HIGH, "empty"),
        ("version", "", Severity.HIGH, "empty"),
        ("input_dim", ..., Severity.MEDIUM, "absent"),
        ("run", {}, Severity.MEDIUM, "empty"),
        ("schema_hash", ..., Severity.MEDIUM, "absent"),
    ],
)
def test_a_field_that_is_not_there(tmp_path, field, value, severity, state):
    result = check(tmp_path, "CHK001", with_meta(**{field: value}))
    finding = assert_fails(result, key=field, path="v1/meta.json", pointer=f"/{field}")
    assert (finding.severity, finding.measured) == (severity, state)
    assert len(result.findings) == 1


@pytest.mark.fails("CHK001")
def test_no_scaling_anywhere(tmp_path):
    files = with_meta(scaler=...) | {"m.py": "def scaled(x, scaler):\n    return x / scaler\n"}
    finding = assert_fails(check(tmp_path, "CHK001", files), key="scaler")
    assert finding.location.path == "v1/meta.json"


@pytest.mark.passes("CHK001")
def test_no_scaling_where_the_source_speaks_of_none_is_a_note(tmp_path):
    (found,) = assert_noted(check(tmp_path, "CHK001", with_meta(scaler=...)))
    assert (found.severity, found.key) == (Severity.INFO, "scaler")


@pytest.mark.passes("CHK001")
def test_fields_that_stand_elsewhere_are_told_where(tmp_path):
    moved = with_meta(feature_cols=..., inputs={"features": ["a", "b", "c"]})
    (found,) = assert_noted(check(tmp_path, "CHK001", moved))
    assert "write artifacts.fields.feature_cols: /inputs/features" in found.message


@pytest.mark.passes("CHK001")
def test_scaling_kept_in_a_file_or_declared_away(tmp_path, scaler_pickle):
    files = with_meta(scaler=...)
    kept = {"inputs": {"mean": {"a": 0.1, "b": 1, "c": 2}, "spread": {"a": 1, "b": 1, "c": 2}}}
    assert_passes(check(tmp_path / "c", "CHK001", files | {"store/v1/kept.json": kept}))
    files["store/v1/scaler.pkl"] = scaler_pickle(np.array([1.0, 2.0, 3.0]))
    assert_passes(check(tmp_path / "a", "CHK001", files))
    unscaled = {**STORE, "fields": {"scaler_scale": None, "scaler_center": None}}
    assert_passes(check(tmp_path / "b", "CHK001", with_meta(scaler=...), unscaled))


@pytest.fixture
def scaler_pickle():
    import pickle

    from sklearn.preprocessing import RobustScaler

    def make(scale, center=None):
        scaler = RobustScaler().fit(np.arange(12.0).reshape(4, 3))
        scaler.scale_, scaler.center_ = scale, np.zeros(len(scale)) if center is None else center
        return pickle.dumps(scaler)

    return make


@pytest.mark.parametrize("code", ["CHK001", "CHK002", "CHK004", "CHK005", "CHK006"])
@pytest.mark.parametrize("meta", [b"{", b"", b"[1]", None])
def test_metadata_that_cannot_be_read_is_never_a_pass(tmp_path, code, meta):
    files = good_store()
    if meta is None:
        del files["store/v1/meta.json"]
    else:
        files["store/v1/meta.json"] = meta
    outcome = check(tmp_path, code, files).outcome
    assert outcome in (Outcome.NOT_ASSESSED, Outcome.FAIL)


@pytest.mark.parametrize("code", [f"CHK00{n}" for n in range(1, 10)] + ["SEC001"])
def test_a_subject_without_a_store_is_not_assessed(tmp_path, code):
    made = subject(tmp_path, {"m.py": "x = 1\n"})
    assert run_check(code, made).outcome is Outcome.NOT_ASSESSED
    made = subject(tmp_path / "b", {"m.py": "x = 1\n"}, version="v1", artifacts=STORE)
    assert run_check(code, made).outcome is Outcome.NOT_ASSESSED


# --- CHK002 ---------------------------------------------------------------------------------------
@pytest.mark.passes("CHK002")
@pytest.mark.parametrize("form", ["mapping", "prefixed", "rows", "sha1", "in the registry"])
def test_every_file_is_covered(tmp_path, form):
    files = good_store()
    content = files["store/v1/model.txt"]
    meta, row = files["store/v1/meta.json"], files["store/registry.json"]["versions"][0]
    if form == "prefixed":
        meta["checksums"] = {"model.txt": f"sha256:{digest(content).upper()}"}
    elif form == "rows":
        meta["checksums"] = [{"path": "model.txt", "sha256": digest(content)}]
    elif form == "sha1":
        meta["checksums"] = {"model.txt": hashlib.sha1(content).hexdigest()}
    elif form == "in the registry":
        meta.pop("checksums")
        row["files"] = {
            "model.txt": digest(content), "meta.json": digest(json.dumps(meta).encode())
        }  # fmt: skip
    assert_passes(check(tmp_path, "CHK002", files))


@pytest.mark.fails("CHK002")
def test_no_checksum_at_all(tmp_path):
    finding = assert_fails(check(tmp_path, "CHK002", with_meta(checksums=...)), key="none")
    assert finding.location.pointer == "/checksums"
    assert finding.measured == "0 checksums"


@pytest.mark.fails("CHK002")
def test_a_file_that_nothing_covers(tmp_path):
    files = {**good_store(), "store/v1/extra.npz": b"PK\x05\x06" + bytes(18)}
    result = check(tmp_path, "CHK002", files)
    assert_fails(result, key="uncovered", path="v1/extra.npz", severity=Severity.HIGH)
    assert len(result.findings) == 1
    options = {"CHK002": {"ignore": ["**/extra.npz"]}}
    assert_passes(check(tmp_path / "b", "CHK002", files, options=options))


@pytest.mark.fails("CHK002")
def test_a_file_that_was_altered(tmp_path):
    files = good_store()
    files["store/v1/model.txt"] = files["store/v1/model.txt"].replace(b"0.5", b"0.6")
    finding = assert_fails(check(tmp_path, "CHK002", files), key="mismatch", path="v1/model.txt")
    assert finding.severity is Severity.CRITICAL
    assert finding.measured == digest(files["store/v1/model.txt"])[:16]


@pytest.mark.fails("CHK002")
def test_a_checksum_without_a_file(tmp_path):
    files = good_store()
    files["store/v1/meta.json"]["checksums"]["gone.bin"] = "0" * 64
    finding = assert_fails(check(tmp_path, "CHK002", files), key="missing v1/gone.bin")
    assert finding.location.pointer == "/checksums"


def test_a_checksum_of_no_known_kind_is_a_gap(tmp_path):
    result = check(tmp_path, "CHK002", with_meta(checksums={"model.txt": "crc:1234"}))
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.gaps[0].what == "v1/model.txt"


# --- CHK004 ---------------------------------------------------------------------------------------
@pytest.mark.passes("CHK004")
@pytest.mark.parametrize("spelling", ["\n".join, ",".join, json.dumps, repr])
@pytest.mark.parametrize("length", [64, 12])
def test_consistent_metadata(tmp_path, spelling, length):
    made = digest(spelling(["a", "b", "c"]).encode())[:length]
    result = check(tmp_path, "CHK004", with_meta(schema_hash=made))
    assert_passes(result)
    assert result.examined[0].count == 4


@pytest.mark.fails("CHK004")
@pytest.mark.parametrize(
    ("changes", "key", "said"),
    [
        ({"input_dim": 4}, "input_dim", "input_dim is 4, feature_cols has 3 names"),
        ({"input_dim": "3"}, "input_dim", "input_dim is '3', feature_cols has 3 names"),
        ({"feature_cols": ["a", "b", "a"], "schema_hash": ...}, "repeated a",
         "feature_cols names 'a' 2 times"),
        ({"version": "v2"}, "version", "the metadata calls itself 'v2', it is stored as 'v1'"),
        ({"heads": [{"name": "up"}, {"name": "up"}]}, "repeated up", "heads names 'up' 2 times"),
        ({"feature_cols": {"a": 1}}, "feature_cols type", "feature_cols is not a list of names"),
    ],
)  # fmt: skip
def test_contradictions(tmp_path, changes, key, said):
    result = check(tmp_path, "CHK004", with_meta(**changes))
    assert assert_fails(result, key=key).message == said
    assert len(result.findings) == 1


def two_versions(first, second):
    files = good_store()
    other = copy.deepcopy(files["store/v1/meta.json"])
    files["store/v2/meta.json"] = {**other, "version": "v2", **second}
    files["store/v1/meta.json"].update(first)
    files["store/registry.json"]["versions"].append({"version_id": "v2"})
    return files


@pytest.mark.fails("CHK004")
def test_a_hash_of_other_columns(tmp_path):
    stale = two_versions({"schema_hash": digest(b"a\nb\nz")}, {})
    result = check(tmp_path / "a", "CHK004", stale)
    finding = assert_fails(result, key="schema_hash v2")
    assert finding.message == "version v2 has the same columns and another schema hash"
    other = {"feature_cols": ["a", "b", "x"], "schema_hash": digest(b"a\nb\nx")}
    result = check(tmp_path / "b", "CHK004", two_versions({"schema_hash": "f" * 64}, other))
    finding = assert_fails(result, key="schema_hash")
    assert finding.expected == "sha256 of lines"
    same = two_versions({"schema_hash": "f" * 64}, {**other, "schema_hash": "f" * 64})
    finding = assert_fails(check(tmp_path / "c", "CHK004", same), key="schema_hash v2")
    assert finding.message == "version v2 has other columns and the schema hash"


@pytest.mark.parametrize(
    "other",
    [
        {"schema_hash": None},
        {"schema_hash": ""},
        {"schema_hash": 7},
        {"feature_cols": None},
        {"feature_cols": None, "schema_hash": None},
    ],
)
def test_another_version_without_columns_or_hash_tells_nothing(tmp_path, other):
    result = check(tmp_path, "CHK004", two_versions({"schema_hash": "f" * 64}, other))
    assert (result.outcome, result.findings) == (Outcome.NOT_ASSESSED, ())
    assert [row[0] for row in result.evidence[0].rows] == ["v1"]


def test_a_hash_that_nothing_tells_about_is_a_gap(tmp_path):
    result = check(tmp_path, "CHK004", with_meta(schema_hash="f" * 64))
    assert (result.outcome, result.gaps[0].what) == (Outcome.NOT_ASSESSED, "schema_hash")


# --- CHK005 ---------------------------------------------------------------------------------------
@pytest.mark.passes("CHK005")
def test_sane_statistics_in_metadata_and_pickle(tmp_path, scaler_pickle):
    files = good_store()
    files["store/v1/scaler.pkl"] = scaler_pickle(np.array([1.0, 2.0, 3.0]))
    result = check(tmp_path, "CHK005", files)
    assert_passes(result)
    assert result.examined[0].count == 12
    (margin,) = result.margins
    assert (margin.measured, margin.allowed, margin.least) == (1, 1e-12, True)


def test_scales_are_shown_and_drawn_where_they_have_a_logarithm(tmp_path):
    scaler = {"median": [0, 0, 0], "mad": [100.0, 0.0, float("inf")]}
    scales, bars = check(tmp_path, "CHK005", with_meta(scaler=scaler)).evidence
    assert [row[1] for row in scales.rows] == ["a", "b", "c"]
    assert [row[:2] for row in bars.rows] == [("a", 2.0)]


@pytest.mark.fails("CHK005")
@pytest.mark.parametrize(
    ("scaler", "key", "severity"),
    [
        ({"median": [0, 0, 0], "mad": [1, 0.0, 1]}, "metadata scale b", Severity.CRITICAL),
        ({"median": [0, 0, 0], "mad": [1, -1, 1]}, "metadata scale b", Severity.CRITICAL),
        ({"median": [0, float("nan"), 0], "mad": [1, 1, 1]}, "metadata center b", Severity.HIGH),
        ({"median": [0, 0, 0], "mad": [1, float("inf"), 1]}, "metadata scale b", Severity.CRITICAL),
        ({"mad": [1, 1]}, "scale columns", Severity.HIGH),
        ({"mad": {"a": 1, "b": 1, "z": 1}}, "scale columns", Severity.HIGH),
    ],
)
def test_statistics_that_are_not_sane(tmp_path, scaler, key, severity):
    result = check(tmp_path, "CHK005", with_meta(scaler=scaler))
    finding = assert_fails(result, key=key)
    assert (finding.severity, finding.location.pointer) == (severity, "/scaler/mad")
    assert len(result.findings) == 1


@pytest.mark.fails("CHK005")
def test_a_zero_scale_inside_a_pickle(tmp_path, scaler_pickle):
    files = {**good_store(), "store/v1/scaler.pkl": scaler_pickle(np.array([1.0, 0.0, 3.0]))}
    finding = assert_fails(check(tmp_path, "CHK005", files), key="v1/scaler.pkl scale column 1")
    assert finding.location.path == "v1/scaler.pkl"


@pytest.mark.fails("CHK005")
def test_centers_and_scales_that_do_not_match_inside_a_pickle(tmp_path, scaler_pickle):
    stored = scaler_pickle(np.array([1.0, 2.0]), center=np.zeros(3))
    files = {**good_store(), "store/v1/scaler.pkl": stored}
    finding = assert_fails(check(tmp_path, "CHK005", files), key="v1/scaler.pkl lengths")
    assert finding.measured == "3 and 2"


def test_statistics_that_are_no_numbers_are_a_gap(tmp_path):
    result = check(tmp_path, "CHK005", with_meta(scaler={"mad": ["x"], "median": [1, 2, 3]}))
    assert (result.outcome, result.gaps[0].what) == (Outcome.NOT_ASSESSED, "metadata")


# --- CHK006 ---------------------------------------------------------------------------------------
@pytest.mark.passes("CHK006")
def test_the_declared_columns(tmp_path):
    assert_passes(check(tmp_path / "a", "CHK006", good_store()))
    files = with_meta(regime={"features": ["c", "a"]})
    files["store/v1/regime.txt"] = lightgbm_text(["c", "a"])
    assert_passes(check(tmp_path / "b", "CHK006", files))


@pytest.mark.fails("CHK006")
def test_columns_in_another_order(tmp_path):
    files = good_store()
    files["store/v1/model.txt"] = lightgbm_text(["a", "c", "b"])
    finding = assert_fails(check(tmp_path, "CHK006", files), path="v1/model.txt", key="columns")
    assert finding.severity is Severity.CRITICAL
    assert finding.message == (
        "v1/model.txt was fitted on the columns of /feature_cols in another order: position 1 is "
        "'c', declared 'b'"
    )


OWNED = {
    "key": {"regime": {"features": ["c", "a"]}},
    "file name as key": {"models": {"regime.txt": {"features": ["c", "a"]}}},
    "value beside it": {"models": [{"file": "regime.txt", "features": ["c", "a"]}]},
}


@pytest.mark.fails("CHK006")
@pytest.mark.parametrize("form", OWNED)
@pytest.mark.parametrize(
    ("file", "columns"), [("regime.txt", ["a", "b", "c"]), ("model.txt", ["c", "a"])]
)
def test_the_columns_of_another_model(tmp_path, form, file, columns):
    files = with_meta(**OWNED[form])
    files["store/v1/regime.txt"] = lightgbm_text(["c", "a"])
    assert_passes(check(tmp_path / "good", "CHK006", files))
    files[f"store/v1/{file}"] = lightgbm_text(columns)
    assert_fails(check(tmp_path / "bad", "CHK006", files), path=f"v1/{file}", key="columns")


@pytest.mark.passes("CHK006")
def test_lists_that_are_nobodys_will_do_for_any_model(tmp_path):
    files = with_meta(quiet={"features": ["c", "a"]})
    files["store/v1/regime.txt"] = lightgbm_text(["c", "a"])
    assert_passes(check(tmp_path, "CHK006", files))


@pytest.mark.fails("CHK006")
def test_other_columns(tmp_path):
    files = good_store()
    files["store/v1/model.txt"] = lightgbm_text(["a", "b", "c", "d"])
    assert "differs in d" in assert_fails(check(tmp_path, "CHK006", files)).message


def test_models_that_name_no_columns_are_not_assessed(tmp_path):
    files = good_store()
    files["store/v1/model.txt"] = lightgbm_text(["Column_0", "Column_1", "Column_2"])
    assert check(tmp_path, "CHK006", files).outcome is Outcome.NOT_ASSESSED


# --- checksums elsewhere --------------------------------------------------------------------------
def elsewhere(form, *, spoilt=False):
    files = with_meta(checksums=...)
    meta = json.dumps(files["store/v1/meta.json"]).encode()
    known = {"model.txt": digest(files["store/v1/model.txt"]), "meta.json": digest(meta)}
    if spoilt:
        known["model.txt"] = digest(b"another")
    listed = "".join(f"{hexa}  {name}\n" for name, hexa in known.items())
    files |= {
        "data": {"store/v1/checksums.json": known},
        "nested": {"store/v1/checksums.json": {"algorithm": "sha256", "files": known}},
        "lines": {
            "store/log.jsonl": "".join(
                json.dumps({"did": "shelved", "id": v, "sums": sums}) + "\n"
                for v, sums in (("v0", {"x.bin": "0" * 64}), ("v1", known))
            )
        },
        "yaml": {"store/v1/sums.yaml": yaml.safe_dump({"files": known})},
        "sha256sum": {"store/v1/SHA256SUMS": listed},
        "bsd": {"store/v1/SUMS": "".join(f"SHA256 ({n}) = {h}\n" for n, h in known.items())},
        "root": {"store/sums.json": {f"v1/{n}": h for n, h in known.items()} | {"v0/x": "0" * 64}},
        "apiece": {f"store/v1/{n}.sha256": f"{h}\n" for n, h in known.items()},
    }[form]  # fmt: skip
    return files


FORMS = ["data", "nested", "lines", "yaml", "sha256sum", "bsd", "root", "apiece"]


@pytest.mark.passes("CHK002")
@pytest.mark.parametrize("form", FORMS)
def test_checksums_in_a_file_of_their_own(tmp_path, form):
    assert_passes(check(tmp_path, "CHK002", elsewhere(form)))


@pytest.mark.fails("CHK002")
@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_departs_from_a_checksum_elsewhere(tmp_path, form):
    result = check(tmp_path, "CHK002", elsewhere(form, spoilt=True))
    assert_fails(result, key="mismatch", path="v1/model.txt")
    assert len(result.findings) == 1


@pytest.mark.fails("CHK002")
def test_digests_of_other_things_are_no_checksums(tmp_path):
    files = with_meta(checksums=...)
    files["store/v1/data.json"] = {"prices.parquet": "0" * 64, "schema_hash": "1" * 64}
    assert_fails(check(tmp_path, "CHK002", files), key="none")


@pytest.mark.passes("CHK001")
@pytest.mark.passes("CHK002")
def test_fields_that_stand_in_other_files(tmp_path):
    files = with_meta(scaler=..., heads=..., checksums=...)
    model, meta = files["store/v1/model.txt"], json.dumps(files["store/v1/meta.json"]).encode()
    scaler, heads = {"mad": [1.0, 1.0, 1.0]}, "heads: {return: 0}\n"
    files |= {"store/v1/scaler.json": scaler, "heads.yaml": heads}
    known = {"model.txt": model, "meta.json": meta, "scaler.json": json.dumps(scaler).encode()}
    files["store/v1/checksums.json"] = {"of": {n: digest(c) for n, c in known.items()}}
    fields = {
        "scaler_scale": "scaler.json#/mad", "heads": "heads.yaml#/heads",
        "checksums": "checksums.json#/of",
    }  # fmt: skip
    assert_passes(check(tmp_path / "a", "CHK001", files, {**STORE, "fields": fields}))
    assert_passes(check(tmp_path / "b", "CHK002", files, {**STORE, "fields": fields}))
