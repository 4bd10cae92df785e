"""Tests on a real ray cluster; `make ray` sets up an environment."""

from importlib.util import find_spec
from pathlib import Path

import pytest

# Elsewhere nothing of this folder is collected, since none of it could be imported.
collect_ignore_glob = [] if find_spec("ray") else ["test_*.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker("ray")
