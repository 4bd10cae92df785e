"""Honest files are read in full and not refused."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from benign import FRAME, NAMES, cases, estimators
from watched import read_bytes

from audit_lib.subject.artifacts import Safety, read_artifact, resolve

FILES = cases()


class Ensemble:
    """A class of a project's own."""

    def __init__(self) -> None:
        self.features = NAMES
        self.weights = [0.5, 0.5]


def test_the_corpus_is_large() -> None:
    assert len({name.rpartition(" of ")[2] for name in FILES}) >= 40


@pytest.mark.parametrize("name", FILES)
def test_is_safe(name: str, tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, FILES[name])
    assert artifact.safety is Safety.SAFE, [str(reason) for reason in artifact.reasons]
    assert artifact.problems == ()
    shown = str(artifact.document).replace("'__opaque__': 'a method of a distribution'", "")
    assert "__opaque__" not in shown


@pytest.mark.parametrize("protocol", range(6))
def test_class_of_its_own_is_unknown_until_vouched_for(protocol: int, tmp_path: Path) -> None:
    content = pickle.dumps(Ensemble(), protocol)
    own = f"{Ensemble.__module__}.Ensemble"
    artifact = read_bytes(tmp_path, content)
    assert artifact.safety is Safety.UNKNOWN
    assert {reason.global_name for reason in artifact.reasons} == {own}
    assert own in artifact.globals
    assert resolve(artifact.document, "/weights") == [0.5, 0.5]
    assert artifact.feature_names == tuple(NAMES)
    assert read_bytes(tmp_path, content, trusted=[own]).safety is Safety.SAFE


def test_vouching_for_a_class_covers_nothing_else(tmp_path: Path) -> None:
    content = pickle.dumps([Ensemble(), print])
    own = f"{Ensemble.__module__}.Ensemble"
    artifact = read_bytes(tmp_path, content, trusted=[own])
    assert [reason.global_name for reason in artifact.reasons] == ["builtins.print"]


def test_nobody_can_vouch_for_what_is_harmful(tmp_path: Path) -> None:
    content = pickle.dumps(print)
    assert read_bytes(tmp_path, content, trusted=["builtins.print"]).safety is Safety.UNSAFE


def test_scaler_statistics_are_those_of_the_scaler(tmp_path: Path) -> None:
    scaler = estimators()["scaler"]
    path = tmp_path / "scaler.pkl"
    path.write_bytes(pickle.dumps(scaler))
    artifact = read_artifact(path)
    assert resolve(artifact.document, "/center_/values") == scaler.center_.tolist()
    assert resolve(artifact.document, "/scale_/values") == scaler.scale_.tolist()
    assert resolve(artifact.document, "/n_features_in_") == FRAME.shape[1]
    assert artifact.feature_names == tuple(NAMES)
    assert artifact.parameters["quantile_range"] == [25.0, 75.0]
