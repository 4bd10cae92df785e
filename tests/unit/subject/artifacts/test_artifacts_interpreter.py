"""The interpreter sees what the real unpickler does: compared on files that are safe to load."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.resources
import io
import pickle
import pickletools
import random
import struct
from pathlib import Path

import numpy as np
import pytest
from assembler import EVIL, items, named, number, pairs, pickle_of, proto, raw, text, wrapper
from benign import cases, numerical, plain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from malicious import CASES
from watched import SMALL, read, read_bytes

from audit_lib.subject.artifacts import Budget, Format, Safety, resolve
from audit_lib.subject.artifacts.judge.opcodes import HANDLERS

PICKLES = {name: data for name, data in cases().items() if name.startswith("pickle ")}
FUZZ = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Recorder(pickle.Unpickler):
    """Notes what a load looks up."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.names: set[str] = set()

    def find_class(self, module: str, name: str) -> object:
        found = super().find_class(module, name)
        # The lookup itself translates Python 2 names; apply the same translation.
        self.names.add(f"{module}.{name}")
        return found


def test_every_opcode_of_the_standard_library_is_known() -> None:
    assert {code for code in range(256) if HANDLERS[code]} == {
        ord(opcode.code) for opcode in pickletools.opcodes
    }


@pytest.mark.parametrize("name", [n for n in PICKLES if n.split()[1] in "345"])
def test_names_are_those_a_load_looks_up(name: str, tmp_path: Path) -> None:
    recorder = Recorder(PICKLES[name])
    recorder.load()
    assert set(read_bytes(tmp_path, PICKLES[name]).globals) == recorder.names


@pytest.mark.parametrize("protocol", range(6))
def test_values_are_those_a_load_gives(protocol: int, tmp_path: Path) -> None:
    content = {
        "none": None,
        "flags": [True, False],
        "whole": [0, 1, -1, 255, 256, 65536, -(2**31), 2**31, 2**63, -(2**80)],
        "real": [0.0, -1.5, 1e300],
        "text": ["", "a", "ü\n\\", "x" * 300, "\U0001f600"],
        "nested": [[[]], {"a": {"b": [1, {"c": 2}]}}],
        "tuple": [1, [2, [3]]],
    }
    artifact = read_bytes(tmp_path, pickle.dumps(content, protocol))
    assert artifact.document == pickle.loads(pickle.dumps(content, protocol))
    assert artifact.written_by["protocol"] == (str(protocol) if protocol > 1 else "0 or 1")


def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path) -> None:
    for name, content in numerical().items():
        if name in ("floats", "fortran", "big-endian", "texts", "references", "zero axes"):
            for protocol in range(6):
                artifact = read_bytes(tmp_path, pickle.dumps(content, protocol))
                (array,) = artifact.arrays
                assert (array.dtype, array.shape) == (content.dtype.str, content.shape), name
                assert resolve(artifact.document, "/values") == content.tolist(), (name, protocol)


def test_a_value_that_is_shared_is_shown_once(tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, pickle.dumps(plain()["shared"]))
    assert artifact.document == [
        [1, 2],
        {"__same_as__": "/0"},
        {"again": {"__same_as__": "/0"}},
    ]
    assert resolve(artifact.document, "/2/again/1") == 2


def test_a_value_that_holds_itself_ends(tmp_path: Path) -> None:
    loop: list[object] = []
    loop.append(loop)
    assert read_bytes(tmp_path, pickle.dumps(loop)).document == [{"__same_as__": ""}]


def test_sharing_does_not_multiply(tmp_path: Path) -> None:
    value: list[object] = [0]
    for _ in range(60):
        value = [value, value]
    artifact = read_bytes(tmp_path, pickle.dumps(value))
    assert artifact.safety is Safety.SAFE
    assert len(str(artifact.document)) < 100_000


def test_deep_nesting_is_cut_and_said(tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, pickle_of(b"N" + b"\x85" * 100_000))
    assert any("nested deeper" in problem for problem in artifact.problems)


def test_keys_that_would_read_as_one_are_shown_as_pairs(tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, pickle.dumps({1: "number", "1": "text"}))
    assert artifact.document == {"__items__": [["1", "number"], ["1", "text"]]}


def test_a_dict_cannot_pose_as_an_object(tmp_path: Path) -> None:
    content = {"__class__": "sklearn.preprocessing._data.StandardScaler", "mean_": 0}
    artifact = read_bytes(tmp_path, pickle.dumps(content))
    assert artifact.document == {"__items__": [["__class__", content["__class__"]], ["mean_", 0]]}


def test_joblib_arrays_before_and_after_alignment(tmp_path: Path) -> None:
    eight = struct.pack("<2d", 1.5, -2.5)
    for alignment, filling in ((None, b""), (16, b"\x03\xff\xff\xff")):
        body = b"](" + wrapper(2, alignment=alignment) + filling + eight + b"K\x05e"
        artifact = read_bytes(tmp_path, pickle_of(body))
        assert artifact.format is Format.JOBLIB
        assert artifact.document[1] == 5
        assert resolve(artifact.document, "/0/values") == [1.5, -2.5]


def test_text_that_is_none_is_not_shown(tmp_path: Path) -> None:
    content = pickle.dumps(np.array(["ab"]), 4).replace("ab".encode("utf-32-le"), b"\xff" * 8)
    assert "values" not in read_bytes(tmp_path, content).document


def _of_old_joblib() -> list[Path]:
    """Files that joblib itself keeps from its old versions, where it was installed with them."""
    try:
        folder = importlib.resources.files("joblib.test.data")
    except ModuleNotFoundError:
        return []
    return sorted(Path(str(folder)).glob("joblib_0.1*"))


@pytest.mark.parametrize("path", _of_old_joblib(), ids=lambda path: path.name)
def test_files_of_old_joblib(path: Path) -> None:
    artifact = read(path)
    assert (artifact.format, artifact.safety) == (Format.JOBLIB, Safety.SAFE)
    assert [array.shape for array in artifact.arrays] == [(5,), (5,), (3,), (1, 3)]
    assert resolve(artifact.document, "/0/values") == [0, 1, 2, 3, 4]


def test_budget_of_opcodes_covers_nested_pickles(tmp_path: Path) -> None:
    inner = pickle_of(b"N0" * 400 + b"N")
    body = b"](" + b"".join(raw(inner) for _ in range(20)) + b"e"
    artifact = read_bytes(tmp_path, pickle_of(body), budget=Budget(opcodes=5_000))
    assert artifact.safety is Safety.UNKNOWN
    assert any("budget" in str(reason) for reason in artifact.reasons)


def test_pickles_in_pickles_without_end_stop_at_the_budget(tmp_path: Path) -> None:
    content = EVIL
    for _ in range(40):
        content = pickle_of(raw(content))
    deep = Budget(depth=10)
    assert read_bytes(tmp_path, content, budget=deep).safety is Safety.UNKNOWN
    assert read_bytes(tmp_path, content).safety is Safety.UNSAFE


def test_reasons_are_few_and_the_worst_is_among_them(tmp_path: Path) -> None:
    many = b"".join(named("engine", f"part_{i}") + b"0" for i in range(1000))
    artifact = read_bytes(tmp_path, pickle_of(many + named("os", "system")))
    assert len(artifact.reasons) < 300
    assert artifact.safety is Safety.UNSAFE
    assert any("only the first" in note for note in artifact.notes)


@given(content=st.binary(max_size=400))
@FUZZ
def test_any_bytes_are_read_without_running(content: bytes, tmp_path: Path) -> None:
    # An audit hook fails the test if anything runs; and what names os.system is never safe.
    for written in (content, proto(4) + content):
        artifact = read_bytes(tmp_path, written, budget=SMALL)
        assert artifact.size == len(written)
        assert "os.system" not in artifact.globals or artifact.safety.refused


OPCODES = [bytes((code,)) for code in range(256) if HANDLERS[code]]
PARTS = st.sampled_from(
    [
        *OPCODES,
        text("os"),
        text("system"),
        named("numpy", "ndarray"),
        named("numpy", "dtype"),
        named("collections", "OrderedDict"),
        named("os", "system"),
        number(3),
        items(),
        pairs(a=b"N"),
        wrapper(1),
        EVIL,
    ]
)


@given(parts=st.lists(PARTS, max_size=40))
@FUZZ
def test_any_opcodes_are_read_without_running(parts: list[bytes], tmp_path: Path) -> None:
    artifact = read_bytes(tmp_path, proto(4) + b"".join(parts) + b".", budget=SMALL)
    assert "os.system" not in artifact.globals or artifact.safety.refused


@given(seed=st.integers(0, 2**32), name=st.sampled_from(sorted(cases())))
@FUZZ
def test_damaged_honest_files_are_read_without_running(
    seed: int, name: str, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    content = bytearray(cases_of(name))
    for _ in range(chance.randint(1, 8)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    if chance.random() < 0.3:
        del content[chance.randrange(len(content)) :]
    artifact = read_bytes(tmp_path, bytes(content), budget=SMALL)
    assert artifact.size == len(content)
    assert artifact.sha256 == hashlib.sha256(content).hexdigest()


@given(seed=st.integers(0, 2**32), name=st.sampled_from(sorted(CASES)))
@FUZZ
def test_what_a_damaged_hostile_file_calls_is_never_missed(
    seed: int, name: str, tmp_path: Path
) -> None:
    """Where the real unpickler would look a harmful name up, the reader has refused it."""
    chance = random.Random(seed)
    content = bytearray(CASES[name][0])
    for _ in range(chance.randint(0, 3)):
        content[chance.randrange(len(content))] = chance.randrange(256)
    looked_up = Lookups(bytes(content)).names()
    artifact = read_bytes(tmp_path, bytes(content), budget=SMALL)
    if looked_up & {"os.system", "posix.system", "builtins.eval"}:
        assert artifact.safety is Safety.UNSAFE, looked_up


class Lookups(pickle.Unpickler):
    """The real unpickler, stopped at its first lookup: nothing is ever found or called."""

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self._names: set[str] = set()

    def find_class(self, module: str, name: str) -> object:
        self._names.add(f"{module}.{name}")
        raise pickle.UnpicklingError("stopped")

    def names(self) -> set[str]:
        with contextlib.suppress(Exception):
            self.load()
        return self._names


ALL = cases()


def cases_of(name: str) -> bytes:
    return ALL[name]
