from __future__ import annotations

from pathlib import Path

import pytest
import toy_workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = toy_workspace.make(tmp_path)
    monkeypatch.setenv("AUDIT_WORKSPACE", str(made))
    return made
