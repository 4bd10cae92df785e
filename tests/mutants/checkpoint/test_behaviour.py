import shutil
from pathlib import Path

import pytest

from audit_lib.model import Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny


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
    swapped = assert_fails(result, path="2020-12/return.txt", key="other predictions")
    assert swapped.severity is Severity.CRITICAL
    assert "swap" in swapped.message
    assert_fails(result, path="2020-12/conformal.npz", key="not noticed")


PREDICTOR = """
@surface("features")
def build(at, panel):
    return each(panel, move=lambda b: b["close"].pct_change(5, fill_method=None))

@surface("predictor")
def required(at):
    return ["move"]

@surface("predictor")
def predict(at, features):
    folder = at.store / at.version
    if not (folder / "weights.npz").is_file():
        raise Refusal("weights.npz is missing")
    weight = float(np.load(folder / "weights.npz")["w"][0])
    return pd.DataFrame({"score": features["move"] * weight}, index=features.index)
"""


@pytest.mark.fails("CHK102")
def test_a_file_that_is_read_without_a_checksum_and_one_that_is_not_read(tmp_path):
    arrays = {"weights.npz": {"w": [2.0]}, "notes.npz": {"n": [1.0]}}
    with tiny(tmp_path, PREDICTOR, meta={"feature_cols": ["move"]}, arrays=arrays) as subject:
        copies = iter(range(1_000))
        host = subject._hosts[None]
        host.scratch_copy = lambda path: Path(
            shutil.copytree(path, tmp_path / f"copy-{next(copies)}")
        )
        result = run_check("CHK102", subject)
    crashed = assert_fails(result, path="v1/weights.npz", key="crashed")
    assert crashed.severity is Severity.LOW
    assert "truncate" in crashed.message
    unread = {f.location.path for f in result.findings if f.key == "unread"}
    assert unread == {"v1/notes.npz", "v1/meta.json"}
