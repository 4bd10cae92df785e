"""What runs in some loader is refused, however it is spelled and whatever the file is called."""

from __future__ import annotations

from pathlib import Path

import pytest
from executing import YAMLS, looked_up, pickles
from streams_of_opcodes import recorded
from watched import SMALL, read_bytes

from audit_lib.subject.artifacts import Safety

PICKLES = pickles()


def test_the_corpora_are_large() -> None:
    assert len(PICKLES) + len(YAMLS) >= 100


@pytest.mark.parametrize("name", PICKLES)
def test_executing_pickle_is_refused(name: str, tmp_path: Path) -> None:
    assert recorded(PICKLES[name]), "the case executes nothing"
    artifact = read_bytes(tmp_path, PICKLES[name], budget=SMALL)
    assert artifact.safety is Safety.UNSAFE, [str(reason) for reason in artifact.reasons]


@pytest.mark.parametrize("name", YAMLS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_executing_yaml_is_refused(name: str, encoding: str, tmp_path: Path) -> None:
    assert looked_up(YAMLS[name]), "the case executes nothing"
    artifact = read_bytes(tmp_path, YAMLS[name].encode(encoding), "notes.txt")
    assert artifact.safety is Safety.UNSAFE, [str(reason) for reason in artifact.reasons]


def test_a_line_that_cannot_be_read_is_not_clean(tmp_path: Path) -> None:
    content = b"V" + b"x" * ((1 << 24) + 1) + b"\n0cos\nsystem\n(S'x'\ntR."
    assert read_bytes(tmp_path, content).safety.refused


@pytest.mark.parametrize(
    "text",
    [
        "Important! See `a: b` !note\n- one\n",
        "warning: !important\n",
        "Introduction\nto models!\n",
        "Fine words\nVery\n",
        "category\nvalue\n1\n",
        "Ideas: 1!\n",
        "a,b!\n1,2\n",
        "a: !!set {x}\nb: !!python/tuple [1]\n",
    ],
)
def test_honest_text_is_left_alone(text: str, tmp_path: Path) -> None:
    found = read_bytes(tmp_path, text.encode(), "README.md")
    assert found.safety is not Safety.UNSAFE, [str(reason) for reason in found.reasons]
    assert "pickle" not in found.format.value
