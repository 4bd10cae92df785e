from __future__ import annotations

from pathlib import Path

import pytest
import toy_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return toy_workspace.make(tmp_path)
