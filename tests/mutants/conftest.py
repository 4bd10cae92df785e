"""The reference engine, clean and to be changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from audit_lib.subject.subject import Subject
from audit_lib.testing import audited
from tests.mutants.mutate import PARAMETERS, Engine, built_store, copy_engine


@pytest.fixture(scope="session")
def reference() -> Iterator[Subject]:
    """A clean version of the unchanged reference engine."""
    built_store()
    with audited(PARAMETERS, version="2020-12") as subject:
        yield subject


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    """A private copy of the reference engine, to be changed in one place."""
    return copy_engine(tmp_path)
