"""What processes of the host share: importing a file by its path, and flushing what is printed."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any


def load(name: str, path: str, package: str | None = None) -> Any:
    """Import the file at ``path`` under ``name``, without touching ``sys.path``."""
    folders = None if package is None else [package]
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folders)
    if spec is None or spec.loader is None:
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, module)
    return module


def flush() -> None:
    """Write out what Python keeps of printed text, whatever a hook has made of the streams."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:  # noqa: BLE001 - closed, or replaced
            continue
