"""Metadata that lacks a field, with checksums that fit."""

import hashlib
import json

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

META = {"version": "v1", "note": "spring", "scale": {"mean": 100.0, "spread": 4.0}, "decimals": 9}
PREDICT = """
import hashlib, json

@surface("features")
def build(at, panel):
    return panel[["close"]]

@surface("predictor")
def required(at):
    return ["close"]

@surface("predictor")
def predict(at, features):
    content = (at.store / "v1/meta.json").read_bytes()
    seal = json.loads((at.store / "seals.json").read_text())
    if hashlib.sha256(content).hexdigest() != seal["v1/meta.json"]:
        raise Refusal("altered")
    meta = json.loads(content)
    READ
    return ((features - mean) / spread).round(decimals)
"""
WRITTEN = "mean, spread, decimals = meta['scale']['mean'], meta['scale']['spread'], 9"


def answered(folder, read):
    content = json.dumps(META)
    seals = {"v1/meta.json": hashlib.sha256(content.encode()).hexdigest()}
    source = {"store/v1/meta.json": content, "store/seals.json": json.dumps(seals)}
    layout = "artifacts: {store: store, registry: null, metadata: meta.json}\n"
    with tiny(folder, PREDICT.replace("READ", read), source=source, parameters=layout) as subject:
        return run_check("CHK103", subject)


@pytest.mark.fails("CHK103")
@pytest.mark.parametrize(
    ("read", "field"),
    [
        (WRITTEN.replace("meta['scale']['spread']", "meta['scale'].get('spread', 1.0)"), "spread"),
        (WRITTEN.replace("meta['scale']['mean']", "dict(meta['scale']).pop('mean', 0.0)"), "mean"),
        (
            "scale = meta.get('scale') or {'mean': 0.0, 'spread': 1.0}\n"
            "    mean, spread, decimals = scale['mean'], scale['spread'], 9",
            "scale",
        ),
    ],
)
def test_a_field_that_is_guessed(tmp_path, read, field):
    found = assert_fails(answered(tmp_path, read), key=f"/{'scale/' * (field != 'scale')}{field}")
    assert found.measured == "other predictions"


@pytest.mark.passes("CHK103")
@pytest.mark.parametrize(
    "read",
    [
        WRITTEN,
        WRITTEN.replace(", 9", ", meta.get('decimals', 9)"),
        "scale = meta.get('scale', {})\n    if set(scale) != {'mean', 'spread'}:\n"
        "        raise Refusal('no scale')\n"
        "    mean, spread, decimals = *scale.values(), 9",
        "scale = meta.get('scale', {})\n    mean = scale.get('mean', np.nan)\n"
        "    spread, decimals = scale.get('spread', np.nan), 9",
    ],
)
def test_fields_that_are_refused_or_do_no_harm(tmp_path, read):
    assert_passes(answered(tmp_path, read))


@pytest.mark.passes("CHK103")
def test_the_reference_engine_guesses_nothing(reference):
    assert_passes(run_check("CHK103", reference))


@pytest.mark.fails("CHK103")
def test_a_scaler_that_forgets_its_medians(engine):
    edit_source(
        engine,
        "checkpoint.py",
        'RobustScaler(tuple(meta["scaler"]["median"]), ',
        'RobustScaler(tuple(meta["scaler"].get("median", [0.0] * meta["input_dim"])), ',
    )
    edit_source(engine, "checkpoint.py", '== len(scaler["median"])\n        == len(', "== len(")
    with mutant(engine) as subject:
        found = assert_fails(run_check("CHK103", subject), key="/scaler/median")
    assert found.location.pointer == "/scaler/median"


def test_predictions_that_never_move_tell_nothing(tmp_path):
    result = answered(tmp_path, "mean, spread, decimals = 0.0, 1e9, 0")
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "the same on every row" in result.reason
