"""What is lost when a version is loaded and saved again, though its predictions stay."""

import pytest

from audit_lib.model import Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import MOVE, tiny

META = {
    "scale": 2.0,
    "intervals": {"q10": -0.1, "q90": 0.1},
    "significant": False,
    "notes": [],
    "parent": None,
    "name": "v1",
}
ROUND = (
    MOVE
    + """
import json

def predicted(folder, features):
    meta = json.loads((folder / "meta.json").read_text())
    return features[["move"]] * meta["scale"]

@surface("predictor")
def predict(at, features):
    return predicted(at.store / "v1", features)

@surface("checkpoint_io")
def round_trip(at, features):
    folder = at.store / "v1"
    meta = json.loads((folder / "meta.json").read_text())
    with np.load(folder / "bounds.npz") as stored:
        arrays = dict(stored)
    SAVE
    (at.scratch / "meta.json").write_text(json.dumps(meta, default=str))
    np.savez(at.scratch / "bounds.npz", **arrays)
    return predicted(at.scratch, features)
"""
)


def answered(folder, save):
    arrays = {"bounds.npz": {"low": [0.0], "high": [1.0]}}
    with tiny(folder, ROUND.replace("SAVE", save), meta=META, arrays=arrays) as subject:
        return run_check("CHK101", subject)


LOST = {
    "meta.pop('intervals')": ("meta.json /intervals", "is not saved again"),
    "meta['intervals'] = {}": ("meta.json /intervals", "was a mapping, and comes back empty"),
    "del meta['intervals']['q90']": ("meta.json /intervals/q90", "is not saved again"),
    "meta['significant'] = np.bool_(False)": (
        "meta.json /significant",
        "was true or false, and comes back as text",
    ),
    "meta['intervals']['q10'] = np.float32(0)": (
        "meta.json /intervals/q10",
        "was a number, and comes back as text",
    ),
    "arrays.pop('high')": ("bounds.npz high.npy", "is not saved again"),
}


@pytest.mark.fails("CHK101")
@pytest.mark.parametrize("save", LOST)
def test_parts_that_are_lost(tmp_path, save):
    result = answered(tmp_path, save)
    key, what = LOST[save]
    found = assert_fails(result, key=key, measured=what, severity=Severity.MEDIUM)
    assert found.location.symbol == "checkpoint_io.round_trip"


ODD = [
    "pass",
    "meta = dict(reversed(list(meta.items())), saved='now')",
    "meta.pop('notes')",
    "meta.pop('name')",
    "meta.pop('parent'); meta['significant'] = int(meta['significant'])",
    "meta['scale'] = 2",
    "arrays['middle'] = arrays['low']",
]


@pytest.mark.passes("CHK101")
@pytest.mark.parametrize("save", ODD)
def test_savings_that_lose_nothing(tmp_path, save):
    result = answered(tmp_path, save)
    assert_passes(result)
    assert result.examined[1].count == 2
    (margin,) = result.margins
    assert 0 <= margin.measured <= margin.allowed < 1e-11


@pytest.mark.fails("CHK101")
def test_the_reference_engine_losing_the_record_of_its_training(engine):
    edit_source(engine, "checkpoint.py", '"run": self.run,', '"run": {},')
    with mutant(engine) as subject:
        found = assert_fails(run_check("CHK101", subject), key="meta.json /run")
    assert found.measured == "was a mapping, and comes back empty"
