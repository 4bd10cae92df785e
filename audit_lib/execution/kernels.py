"""Kernels for the notebooks: where they come from and what they inherit."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from audit_lib.scratch import new_folder, remove_folder


class OwnInterpreterManager(AsyncKernelManager):
    """Starts kernels with the interpreter that runs the audit, whatever kernelspecs say."""

    kernels: Kernels

    @property
    def kernel_spec(self) -> KernelSpec:
        """The kernel of this interpreter."""
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(
            argv=argv, display_name="Python 3 (audit)", language="python", name="python3"
        )

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        await super()._async_launch_kernel(kernel_cmd, **options)
        # Looked at after its pid is known: a kernel that `kill` was too early to see ends here.
        if self.kernels.killed:
            await self._async_kill_kernel()
            raise RuntimeError("the run was interrupted")


class Kernels:
    """Stock kernels: a new interpreter for every notebook.

    Attributes:
        manager_class: what starts one.
        killed: True once the run was interrupted; a kernel that starts after that is ended.
    """

    manager_class: type[OwnInterpreterManager] = OwnInterpreterManager
    killed = False

    def __init__(self, workspace: Path, *, jobs: int) -> None:
        self.scratch = new_folder("kernels")
        self._managers: list[AsyncKernelManager] = []
        self._environment = _environment(workspace, self.scratch, jobs)

    @property
    def kind(self) -> str:
        """What results say about the kernel they were found with."""
        return "stock"

    def environment(self) -> dict[str, str]:
        """The environment of a kernel."""
        return {**self._environment, "AUDIT_KERNEL": self.kind}

    def manager(self) -> AsyncKernelManager:
        """A manager for one kernel, which :meth:`kill` knows of."""
        manager = self.manager_class(kernel_name="python3")
        manager.kernels = self
        self._managers.append(manager)
        return manager

    def kill(self) -> None:
        """Kill every kernel that runs or is about to, and what it started: an interruption."""
        self.killed = True
        for manager in self._managers:
            pid = getattr(manager.provisioner, "pid", None)
            if pid is not None and manager.has_kernel:
                _kill_tree(pid)

    def close(self) -> None:
        """Remove what the kernels left behind."""
        remove_folder(self.scratch)


def _kill_tree(pid: int) -> None:
    try:
        top = psutil.Process(pid)
        family = [*top.children(recursive=True), top]
    except psutil.Error:
        return
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.kill()


def _environment(workspace: Path, scratch: Path, jobs: int) -> dict[str, str]:
    inherited: Mapping[str, str] = os.environ
    threads = str(max(1, (os.cpu_count() or 1) // max(1, jobs)))
    own = {
        "AUDIT_HEADLESS": "1",
        "AUDIT_WORKSPACE": str(workspace),
        # A person's own start-up files and history must not reach an audit.
        "IPYTHONDIR": str(scratch / "ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**dict.fromkeys(pools, threads), **inherited, **own}
