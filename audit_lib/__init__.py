"""Executable audits of quantitative trading models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audit_lib.api import Audit, audit

__version__ = "0.1.0"
__all__ = ["Audit", "__version__", "audit"]


def __getattr__(name: str) -> Any:
    # Loaded when it is asked for: `import audit_lib` alone stays as fast as it is small.
    if name in ("Audit", "audit"):
        from audit_lib import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
