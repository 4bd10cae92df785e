"""Executable audits of quantitative trading models."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
_API = {"Audit": "audit_lib.api", "audit": "audit_lib.api", "console": "audit_lib.lab"}


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for: `import audit_lib` alone stays as fast as it is small.
    if name in _API:
        return getattr(import_module(_API[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_API])
