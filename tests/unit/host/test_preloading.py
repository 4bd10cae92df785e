"""What a worker says it imported is imported into the template only where it was installed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from audit_lib.host.child import compiled, main


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
    main.warm([name], str(tmp_path / "source"))
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


def test_source_is_compiled_ahead_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "_HELD", {})
    (tmp_path / "source").mkdir()
    inside, broken = tmp_path / "source/made_ahead.py", tmp_path / "source/broken.py"
    beside, linked = tmp_path / "beside.py", tmp_path / "source/linked.py"
    inside.write_text("import sys\nwhere = sys._getframe().f_code\nvalue = 1\n")
    broken.write_text("def (")
    beside.write_text("value = 3\n")
    linked.symlink_to(beside)
    files = [str(f) for f in (inside, broken, beside, linked, tmp_path / "source/gone.py")]
    main.warm(files, str(tmp_path / "source"))
    assert list(compiled._HELD) == [str(inside)]
    held = compiled._HELD[str(inside)][1]

    monkeypatch.syspath_prepend(str(tmp_path / "source"))
    module = importlib.import_module("made_ahead")
    monkeypatch.delitem(sys.modules, "made_ahead")
    assert (module.value, module.where is held) == (1, True)
    assert module.where.co_filename == str(inside)

    inside.write_text("value = 2\n")  # what was compiled of other bytes is not taken
    assert importlib.import_module("made_ahead").value == 2
    monkeypatch.delitem(sys.modules, "made_ahead")
