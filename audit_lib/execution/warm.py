"""Chooses the kernels of a run."""

from __future__ import annotations

from pathlib import Path

from audit_lib.execution.kernels import Kernels


def open_kernels(workspace: Path, *, jobs: int, warm: bool) -> Kernels:
    """Kernels for a run; close them after it."""
    return Kernels(workspace, jobs=jobs)
