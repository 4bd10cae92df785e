"""Where hostile code would not be contained, artifacts that can run code are not loaded."""

import json
import pickle

import pytest

from audit_lib.errors import NotAssessed
from audit_lib.subject.subject import open_subject

HOOKS = """\
from audit_lib.hooks import surface

@surface("predictor.required")
def required(at):
    return ["a"]

@surface("drift.psi")
def psi(at, reference, current):
    return 0.5
"""


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A subject on a machine without bubblewrap, Landlock and seccomp."""
    monkeypatch.setenv("WORKBOOK_WITHOUT", "bubblewrap,landlock,seccomp")

    def make(artifact: bytes, policy: str = ""):
        folder = tmp_path / "parameters" / "weak"
        store = tmp_path / "engine" / "store" / "v1"
        for place in (folder, store):
            place.mkdir(parents=True)
        (tmp_path / "engine" / "a.py").write_text("x = 1\n")
        (store / "model.bin").write_bytes(artifact)
        (folder / "hooks.py").write_text(HOOKS)
        (folder / "subject.yaml").write_text(
            "subject: weak\nsource: {root: ../../engine}\n"
            "artifacts: {store: store, registry: null}\n" + policy
        )
        return open_subject("weak", workspace=tmp_path).at("v1")

    return make


def test_a_pickle_is_not_loaded_and_the_option_is_named(made):
    subject = made(pickle.dumps({"w": 1}))
    with pytest.raises(NotAssessed, match=r"policy\.allow_unisolated: true"):
        subject.hook("predictor.required")
    assert subject.hook("drift.psi")([1.0], [2.0]) == 0.5
    subject.close()


def test_it_is_where_the_owner_allows_it(made):
    subject = made(pickle.dumps({"w": 1}), "policy: {allow_unisolated: true}\n")
    assert subject.hook("predictor.required")() == ["a"]
    subject.close()


def test_plain_data_needs_no_containment(made):
    subject = made(json.dumps({"w": 1}).encode())
    assert subject.hook("predictor.required")() == ["a"]
    subject.close()
