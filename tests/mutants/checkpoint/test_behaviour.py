import hashlib
import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from audit_lib.model import Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import MOVE, tiny


@pytest.mark.passes("CHK101", "CHK102")
def test_the_reference_engines_checkpoints_pass(reference):
    for code in ("CHK101", "CHK102"):
        assert_passes(run_check(code, reference))


@pytest.mark.fails("CHK101")
def test_scaler_statistics_that_are_rounded_when_saved(engine):
    edit_source(
        engine,
        "checkpoint.py",
        '"median": list(self.scaler.median),',
        '"median": [round(m, 4) for m in self.scaler.median],',
    )
    with mutant(engine) as subject:
        result = run_check("CHK101", subject)
    found = assert_fails(result, key="values volatility_neural")
    assert found.anchor.symbol == "checkpoint_io.round_trip"
    assert found.severity is Severity.HIGH


@pytest.mark.fails("CHK102")
def test_checksums_that_nobody_compares(engine):
    edit_source(
        engine,
        "files.py",
        "if expected is not None and sha256(content) != expected:",
        "if False:",
    )
    with mutant(engine) as subject:
        result = run_check("CHK102", subject)
    swapped = assert_fails(result, key="other predictions")
    assert swapped.severity is Severity.CRITICAL
    assert "more files: " in swapped.message
    assert_fails(result, key="not noticed")
    (table,) = (e.rows for e in result.evidence)
    met = {(row[0], row[1]): row[2] for row in table}
    assert met["2020-12/return.txt", "swap"] == "other predictions"
    assert "not noticed" in {met[k] for k in met if k[0] == "2020-12/conformal.npz"}


PREDICTOR = (
    MOVE
    + """
@surface("predictor")
def predict(at, features):
    folder = at.store / at.version
    if not (folder / "weights.npz").is_file():
        raise Refusal("weights.npz is missing")
    weight = float(np.load(folder / "weights.npz")["w"][0])
    return pd.DataFrame({"score": features["move"] * weight}, index=features.index)
"""
)


@pytest.mark.fails("CHK102")
def test_a_file_that_is_read_without_a_checksum_and_one_that_is_not_read(tmp_path):
    arrays = {"weights.npz": {"w": [2.0]}, "notes.npz": {"n": [1.0]}}
    with tiny(tmp_path, PREDICTOR, meta={"feature_cols": ["move"]}, arrays=arrays) as subject:
        copies = iter(range(1_000))
        host = subject.inquiry.hosts[None]
        host.scratch_copy = lambda path: Path(
            shutil.copytree(path, tmp_path / f"copy-{next(copies)}")
        )
        result = run_check("CHK102", subject)
    crashed = assert_fails(result, path="v1/weights.npz", key="crashed")
    assert crashed.severity is Severity.LOW
    assert "truncate" in crashed.message
    unread = {f.location.path for f in result.findings if f.key == "unread"}
    assert unread == {"v1/notes.npz", "v1/meta.json"}


SHARED = """
import hashlib, json

def shared(at):
    file = at.store / "slope.txt"
    if not file.exists():
        raise Refusal("no slope")
    content = file.read_text()
    CHECKED
    return float(content)

@surface("features")
def build(at, panel):
    return each(panel, move=lambda b: b["close"].pct_change(5, fill_method=None))

@surface("predictor")
def required(at):
    return ["move"]

@surface("predictor")
def predict(at, features):
    file = at.store / "v1" / "meta.json"
    meta = file.read_bytes() if file.exists() else b""
    if hashlib.sha256(meta).hexdigest() != SEAL:
        raise Refusal("altered")
    return features[["move"]] * shared(at)
"""
SEALED = 'if hashlib.sha256(content.encode()).hexdigest() != json.loads(meta)["slope"]:\n        '
SEALED += 'raise Refusal("altered")'


def with_shared(folder, checked):
    slope = "2.5000"
    meta = {"slope": hashlib.sha256(slope.encode()).hexdigest()}
    seal = hashlib.sha256(json.dumps(meta).encode()).hexdigest()
    text = SHARED.replace("SEAL", repr(seal)).replace("CHECKED", checked)
    text = text.replace("shared(at)\n", "shared(at, meta)\n").replace(
        "def shared(at):", "def shared(at, meta):"
    )
    source = {"store/slope.txt": slope, "store/README": "models of the desk"}
    with tiny(folder, text, meta=meta, source=source) as subject:
        return run_check("CHK102", subject)


@pytest.mark.fails("CHK102")
def test_a_file_that_versions_share_is_read_unchecked(tmp_path):
    result = with_shared(tmp_path, "pass")
    found = assert_fails(result, path="slope.txt", key="other predictions")
    assert found.severity is Severity.CRITICAL
    assert {f.location.path for f in result.findings} == {"slope.txt"}


@pytest.mark.passes("CHK102")
def test_a_file_that_versions_share_is_sealed_by_each(tmp_path):
    assert_passes(with_shared(tmp_path, SEALED))


DATABASE = (
    MOVE
    + """
import hashlib, sqlite3

@surface("predictor")
def predict(at, features):
    file = at.store / "models.db"
    if not file.exists():
        raise Refusal("no models")
    try:
        rows = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
        (weights, seal), = rows.execute("select weights, seal from models where id = 'v1'")
        rows.close()
    except (sqlite3.Error, ValueError) as error:
        raise Refusal(f"models.db: {error}") from None
    if SEALED:
        raise Refusal("altered")
    return features[["move"]] * float(weights)
"""
)
COMPARED = "hashlib.sha256(weights.encode()).hexdigest() != seal"


@pytest.mark.passes("CHK102")
def test_a_bit_of_a_database_that_no_prediction_depends_on_is_a_note(tmp_path):
    text = DATABASE.replace("SEALED", "hashlib.sha256(weights.encode()).hexdigest() != seal")
    rows = [("v1", "2.50000000", hashlib.sha256(b"2.50000000").hexdigest())]
    rows += [(f"old{n}", "1.5" * 200, "") for n in range(60)]
    with tiny(tmp_path, text, meta={}) as subject:
        with closing(sqlite3.connect(subject.store / "models.db")) as database, database:
            database.execute("create table models (id text primary key, weights text, seal text)")
            database.executemany("insert into models values (?, ?, ?)", rows)
        result = run_check("CHK102", subject)
    assert_passes(result)
    noted = {f.key: f.severity for f in result.findings}
    assert noted["beyond what is read"] is Severity.INFO
