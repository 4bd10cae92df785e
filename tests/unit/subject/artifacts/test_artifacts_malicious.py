"""Every hostile file is refused with its reason, and nothing of it runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from malicious import CASES
from watched import SMALL, read_bytes


def test_the_corpus_is_large() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("name", CASES)
def test_is_refused(name: str, tmp_path: Path) -> None:
    content, safety, words = CASES[name]
    artifact = read_bytes(tmp_path, content, budget=SMALL)
    assert artifact.safety is safety, [str(reason) for reason in artifact.reasons]
    assert any(words in str(reason) for reason in artifact.reasons), artifact.reasons
    assert sorted(tmp_path.iterdir()) == [tmp_path / "artifact"]


@pytest.mark.parametrize("name", CASES)
def test_name_of_the_file_changes_nothing(name: str, tmp_path: Path) -> None:
    content, safety, _ = CASES[name]
    assert read_bytes(tmp_path, content, "metadata.json", budget=SMALL).safety is safety
