"""Walking a store: every file is listed, nothing is followed out of it, digests are the bytes'."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
from pathlib import Path

import pytest
from assembler import EVIL
from watched import read, watched

from audit_lib.errors import AuditError
from audit_lib.subject.artifacts import (
    Artifact,
    Format,
    PointerError,
    Safety,
    SafetyReason,
    inventory,
    json_ready,
    read_artifact,
    resolve,
    summary,
    walk,
)


def _store(folder: Path) -> Path:
    store = folder / "store"
    (store / "v1").mkdir(parents=True)
    (store / "v1" / "model.pkl").write_bytes(pickle.dumps({"weights": [1, 2]}))
    (store / "v1" / "meta.json").write_text('{"features": ["b", "a"]}')
    (store / "registry.json").write_text('{"latest": "v1"}')
    (store / ".hidden").write_bytes(EVIL)
    (store / "empty").write_bytes(b"")
    return store


def _by_path(artifacts: tuple[Artifact, ...]) -> dict[str, Artifact]:
    return {artifact.path: artifact for artifact in artifacts}


def test_every_file_is_listed_in_order_with_its_digest(tmp_path: Path) -> None:
    store = _store(tmp_path)
    with watched():
        found = inventory(store)
    assert [a.path for a in found] == [
        ".hidden", "empty", "registry.json", "v1/meta.json", "v1/model.pkl",
    ]  # fmt: skip
    for artifact in found:
        content = (store / artifact.path).read_bytes()
        assert artifact.sha256 == hashlib.sha256(content).hexdigest()
        assert artifact.size == len(content)
    assert found == inventory(store)


def test_format_is_told_by_content(tmp_path: Path) -> None:
    found = _by_path(inventory(_store(tmp_path)))
    assert found[".hidden"].safety is Safety.UNSAFE
    assert found["empty"].format is Format.EMPTY
    assert found["v1/meta.json"].feature_names == ("b", "a")
    assert found["v1/model.pkl"].document == {"weights": [1, 2]}


def test_a_single_file_is_an_inventory_of_one(tmp_path: Path) -> None:
    store = _store(tmp_path)
    (only,) = inventory(store / "registry.json")
    assert only.path == "registry.json"
    assert only.document == {"latest": "v1"}


def test_path_is_relative_to_what_is_asked(tmp_path: Path) -> None:
    store = _store(tmp_path)
    model = store / "v1" / "model.pkl"
    assert read_artifact(model).path == "model.pkl"
    assert read_artifact(model, relative_to=store).path == "v1/model.pkl"


def test_links_within_the_store_are_read_and_others_are_refused(tmp_path: Path) -> None:
    store = _store(tmp_path)
    outside = tmp_path / "secret"
    outside.write_bytes(b"{}")
    (store / "inside.json").symlink_to(store / "registry.json")
    (store / "outside.json").symlink_to(outside)
    (store / "folder").symlink_to(store / "v1")
    (store / "above").symlink_to(tmp_path)
    (store / "nowhere").symlink_to(store / "gone")
    found = _by_path(inventory(store))
    assert found["inside.json"].document == {"latest": "v1"}
    for name in ("outside.json", "above"):
        assert found[name].format is Format.LINK
        assert found[name].safety is Safety.UNKNOWN
        assert found[name].sha256 == ""
    for name in ("folder", "nowhere"):
        assert found[name].format is Format.LINK
        assert not found[name].safety.refused
        assert found[name].problems or found[name].notes
    assert not any(path.startswith(("above/", "folder/")) for path in found)


def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    store = _store(tmp_path)
    os.mkfifo(store / "pipe")
    found = _by_path(inventory(store))["pipe"]
    assert (found.format, found.safety) == (Format.SPECIAL, Safety.UNKNOWN)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_listed(tmp_path: Path) -> None:
    store = _store(tmp_path)
    (store / "registry.json").chmod(0)
    found = _by_path(inventory(store))["registry.json"]
    assert (found.format, found.safety) == (Format.UNREADABLE, Safety.UNKNOWN)


def test_names_that_are_no_text_are_shown(tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/bad\xff.json"
    try:
        Path(os.fsdecode(path)).write_text("{}")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    (found,) = inventory(tmp_path)
    assert json.dumps(found.path) == '"bad\\\\udcff.json"'


def test_mistakes_are_named(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="no such"):
        inventory(tmp_path / "gone")
    with pytest.raises(AuditError, match="no such"):
        read_artifact(tmp_path / "gone")
    with pytest.raises(AuditError, match="folder"):
        read_artifact(tmp_path)


def test_a_file_that_changes_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "meta.json"
    path.write_text("{}")
    monkeypatch.setattr("audit_lib.subject.artifacts.source.Source.changed", lambda self: True)
    assert read(path).safety is Safety.UNKNOWN


def test_a_defect_of_a_reader_is_refused_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    (tmp_path / "meta.json").write_text("{}")
    monkeypatch.setattr("audit_lib.subject.artifacts.readers.read", broken)
    (artifact,) = inventory(tmp_path)
    assert artifact.safety is Safety.UNKNOWN
    assert "ZeroDivisionError" in artifact.problems[0]


def test_a_change_is_noticed(tmp_path: Path) -> None:
    from audit_lib.subject.artifacts.source import opened

    path = tmp_path / "meta.json"
    path.write_text("{}")
    with opened(path, "meta.json") as source:
        assert not source.changed()
        with path.open("a") as file:
            file.write("more")
        assert source.changed()


def test_summary_is_json(tmp_path: Path) -> None:
    store = _store(tmp_path)
    (store / "odd.pkl").write_bytes(pickle.dumps({"x": float("nan"), "y": [float("-inf")]}))
    for artifact in inventory(store):
        text = json.dumps(summary(artifact), allow_nan=False)
        assert json.loads(text)["path"] == artifact.path
    hidden = summary(_by_path(inventory(store))[".hidden"])
    assert hidden["safety"] == "unsafe"
    assert hidden["reasons"][0]["global"] == "os.system"
    assert "document" not in hidden
    assert json_ready({1: float("inf")}) == {"1": "Infinity"}


def test_artifacts_can_be_compared_and_kept_in_sets(tmp_path: Path) -> None:
    path = tmp_path / "odd.pkl"
    path.write_bytes(pickle.dumps({"missing": float("nan")}))
    assert read_artifact(path) == read_artifact(path)
    assert len({read_artifact(path), read_artifact(path)}) == 1


def test_a_reason_reads_well() -> None:
    reason = SafetyReason("os.system", 12, "runs commands", Safety.UNSAFE, "pickle 2")
    assert str(reason) == "pickle 2 byte 12: os.system: runs commands"


# --- pointers -------------------------------------------------------------------------------------
DOCUMENT = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_examples_of_the_standard(pointer: str, value: object) -> None:
    assert resolve(DOCUMENT, pointer) == value


@pytest.mark.parametrize(
    "pointer", ["foo", "/gone", "/foo/2", "/foo/01", "/foo/-1", "/foo/-", "/foo/x", "/foo/0/a"]
)
def test_pointers_at_nothing(pointer: str) -> None:
    with pytest.raises(PointerError):
        resolve(DOCUMENT, pointer)


def test_walk_and_resolve_agree() -> None:
    for pointer, value in walk(DOCUMENT):
        assert resolve(DOCUMENT, pointer) == value


def test_null_is_not_nothing(tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    path.write_text('{"a": null}')
    artifact = read(path)
    assert resolve(artifact.document, "/a") is None
    with pytest.raises(PointerError):
        resolve(artifact.document, "/b")
