"""The built store and its versions, once a session."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from audit_lib.reference_engine.panel import load_panel
from audit_lib.reference_engine.predictor import Predictor
from tests.mutants.mutate import CANDIDATE, CLEAN, built_store

VERSIONS = (*CLEAN, CANDIDATE)


@pytest.fixture(scope="session")
def store() -> Path:
    return built_store()


@pytest.fixture(scope="session")
def champion(store: Path) -> Predictor:
    return Predictor.load(store)


@pytest.fixture(scope="session")
def short_panel() -> pd.DataFrame:
    """Three assets over two years."""
    return load_panel(["AAPL", "KO", "XOM"], "2019-01-02", "2020-12-31")
