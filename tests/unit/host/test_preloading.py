"""What a worker says it imported is imported into the template only where it was installed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from audit_lib.host.child import main


@pytest.mark.parametrize(
    "name", ["json", "json.decoder", "numpy", "numpy.linalg", "sys", "pandas.core.frame"]
)
def test_the_installation_is_preloaded(name: str) -> None:
    assert main.of_the_installation(name)


@pytest.mark.parametrize(
    "name", ["engine", "engine.models", "shadow", "gone", "os;x", "", "a..b", "../x", "spread"]
)
def test_nothing_of_the_subject_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "__init__.py").write_text("raise SystemExit(3)")
    (tmp_path / "shadow.py").write_text("raise SystemExit(3)")
    (tmp_path / "spread").mkdir()  # a package without a file of its own
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert not main.of_the_installation(name)
    main.warm([name])
    assert name not in sys.modules


def test_a_link_into_the_installation_does_not_help(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "__init__.py").write_text("raise SystemExit(3)")
    monkeypatch.delitem(sys.modules, "json")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert not main.of_the_installation("json")
