import pickle

import numpy as np
import pytest

from audit_lib.model import Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import STORE, good_store, subject

SYSTEM = b"cos\nsystem\n(S'true'\ntR."
OWN = b"ccopy_reg\n_reconstructor\n(cengine.models\nEnsemble\nc__builtin__\nobject\nNtR."


def check(tmp_path, files, **parameters):
    made = subject(tmp_path, {**good_store(), **files}, version="v1", artifacts=STORE, **parameters)
    return run_check("SEC001", made)


@pytest.mark.passes("SEC001")
def test_data_and_allowed_pickles(tmp_path):
    result = check(tmp_path, {"store/v1/a.pkl": pickle.dumps({"x": np.arange(3)})})
    assert_passes(result)
    assert result.examined[0].count == 4


@pytest.mark.fails("SEC001")
def test_a_pickle_that_runs_a_command(tmp_path):
    result = check(tmp_path, {"store/v1/a.pkl": SYSTEM})
    finding = assert_fails(result, path="v1/a.pkl", key="unsafe")
    assert (finding.severity, finding.measured) == (Severity.CRITICAL, "unsafe")
    assert "os.system" in finding.message
    assert len(result.findings) == 1


@pytest.mark.fails("SEC001")
@pytest.mark.parametrize("content", [OWN, b"\x80\x04\x95", SYSTEM[:-1] + b"garbage"])
def test_what_cannot_be_decided_is_refused(tmp_path, content):
    finding = assert_fails(check(tmp_path, {"store/v1/a.pkl": content}), path="v1/a.pkl")
    assert finding.severity >= Severity.MEDIUM


@pytest.mark.fails("SEC001")
def test_files_that_name_the_same_unknown_class_are_one_finding(tmp_path):
    files = {f"store/v1/{n}.pkl": OWN for n in "abcde"}
    other = OWN.replace(b"Ensemble", b"Scaler")
    result = check(tmp_path, {**files, "store/v1/s.pkl": other, "store/v1/t.pkl": SYSTEM})
    found = {f.location.path: f for f in result.findings}
    assert set(found) == {"v1/a.pkl", "v1/s.pkl", "v1/t.pkl"}
    assert found["v1/a.pkl"].message.startswith(
        "5 files, v1/a.pkl (pickle), v1/b.pkl, v1/c.pkl, …, cannot be called safe: "
    )
    assert found["v1/t.pkl"].severity is Severity.CRITICAL


@pytest.mark.fails("SEC001")
def test_source_beside_a_model_that_a_package_carries(tmp_path):
    files = {"store/v1/layers.py": "import os\n"}
    assert_passes(check(tmp_path / "a", {**files, "__init__.py": ""}))
    found = assert_fails(check(tmp_path / "b", files), path="v1/layers.py")
    assert "source code, which runs" in found.message


@pytest.mark.passes("SEC001")
def test_own_classes_that_the_owners_vouch_for(tmp_path):
    options = {"SEC001": {"trusted": ["engine.models.*"]}}
    result = check(tmp_path, {"store/v1/a.pkl": OWN}, options=options)
    assert_passes(result)
    assert ("v1/a.pkl", "own or vouched for") in [(r[0], r[3]) for r in result.evidence[0].rows]


@pytest.mark.fails("SEC001")
def test_nobody_can_vouch_for_what_is_known_to_be_harmful(tmp_path):
    options = {"SEC001": {"trusted": ["*"]}}
    result = check(tmp_path, {"store/v1/a.pkl": SYSTEM}, options=options)
    assert assert_fails(result, path="v1/a.pkl").severity is Severity.CRITICAL


CALLED = b"cengine.models\nEnsemble\n(I1\ntR."
STATE = OWN[:-1] + b"(dS'__class__'\ncengine.models\nOther\nsb."
OTHER = OWN[:-1] + b"0" + OWN.replace(b"engine.models", b"vendor.stuff")


@pytest.mark.fails("SEC001")
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (CALLED, "engine.models.Ensemble: "),
        (STATE, "sets __class__"),
        (OTHER, "vendor.stuff.Ensemble: "),
    ],
    ids=["called", "state", "other"],
)
def test_a_trusted_class_is_forgiven_its_name_and_nothing_else(tmp_path, content, says):
    options = {"SEC001": {"trusted": ["engine.models.*"]}}
    result = check(tmp_path, {"store/v1/a.pkl": content}, options=options)
    finding = assert_fails(result, path="v1/a.pkl")
    assert says in finding.message
    assert "nobody vouched" not in finding.message.split("vendor")[0]


@pytest.mark.parametrize("pattern", ["engine.models.ensemble", "Ensemble"])
def test_names_are_matched_whole_and_with_their_case(tmp_path, pattern):
    options = {"SEC001": {"trusted": [pattern]}}
    result = check(tmp_path, {"store/v1/a.pkl": OWN}, options=options)
    assert_fails(result, path="v1/a.pkl", key="unknown")


#: sources that define ``engine.models.Ensemble``; rebuilding it runs nothing of them
PLAIN = {
    "a class": {"engine/models.py": "class Ensemble:\n    def fit(self): ...\n"},
    "a data class": {
        "engine/models.py": "import dataclasses\n@dataclasses.dataclass\nclass Ensemble: ...\n"
    },
    "below src": {"src/engine/models.py": "class Ensemble:\n    pass\n"},
    "a base elsewhere": {
        "engine/base.py": "from abc import ABC\nclass Model(ABC):\n    pass\n",
        "engine/models.py": "from .base import Model\nclass Ensemble(Model):\n    pass\n",
    },
}
NOT_PLAIN = {
    "a state that runs": {
        "engine/models.py": "class Ensemble:\n    def __setstate__(self, s): ...\n"
    },
    "a base that runs": {
        "engine/models.py": "class B:\n    def __new__(cls): ...\nclass Ensemble(B):\n    pass\n"
    },
    "a base of a library": {
        "engine/models.py": "from lib import Model\nclass Ensemble(Model):\n    pass\n"
    },
    "a metaclass": {"engine/models.py": "class Ensemble(metaclass=M):\n    pass\n"},
    "a decorator": {"engine/models.py": "@other\nclass Ensemble: ...\n"},
    "a function": {"engine/models.py": "def Ensemble(): ...\n"},
    "two of that name": {
        "engine/models.py": "class Ensemble: ...\n",
        "src/engine/models.py": "class Ensemble: ...\n",
    },
    "another module": {"engine/model.py": "class Ensemble: ...\n"},
}


@pytest.mark.passes("SEC001")
@pytest.mark.parametrize("name", PLAIN)
def test_classes_of_the_audited_source_may_be_rebuilt(tmp_path, name):
    result = check(tmp_path, {"store/v1/a.pkl": OWN, **PLAIN[name]})
    assert_passes(result)
    assert ("v1/a.pkl", "own or vouched for") in [(r[0], r[3]) for r in result.evidence[0].rows]


@pytest.mark.fails("SEC001")
@pytest.mark.parametrize("name", NOT_PLAIN)
def test_classes_that_run_something_when_rebuilt_stay_in_doubt(tmp_path, name):
    result = check(tmp_path, {"store/v1/a.pkl": OWN, **NOT_PLAIN[name]})
    assert_fails(result, path="v1/a.pkl", key="unknown")


@pytest.mark.fails("SEC001")
@pytest.mark.parametrize("content", [CALLED, STATE, OTHER], ids=["called", "state", "other"])
def test_an_own_class_is_forgiven_its_name_and_nothing_else(tmp_path, content):
    result = check(tmp_path, {"store/v1/a.pkl": content, **PLAIN["a class"]})
    assert_fails(result, path="v1/a.pkl")
