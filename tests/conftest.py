"""What all tests share: golden files, and no answers kept from another run."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

# Tests replace parts of the library in place, which no digest of its files can tell.
os.environ["AUDIT_CACHE"] = "off"

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files instead of comparing"
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Compare text with a file of ``tests/golden``; ``--update-golden`` writes it."""

    def compare(name: str | Path, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="")
            return
        assert path.is_file(), f"{path.name} is missing: run pytest --update-golden"
        with path.open(encoding="utf-8", newline="") as file:
            expected = file.read()
        assert text == expected, f"{path.name} differs: look, then run pytest --update-golden"

    return compare
