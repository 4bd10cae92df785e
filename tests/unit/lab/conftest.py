from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import toy_workspace

from audit_lib.lab import disable


@pytest.fixture(autouse=True)
def _static_again() -> Iterator[None]:
    yield
    disable()


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = toy_workspace.make(tmp_path)
    monkeypatch.setenv("AUDIT_WORKSPACE", str(made))
    return made
