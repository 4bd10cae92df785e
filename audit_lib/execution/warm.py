"""Warm kernels: forked ready from a process that has imported the libraries.

A fork is as isolated as a new interpreter (options, environment and patches of one notebook do
not reach another) and skips seconds of imports.  Where there is no fork to rely on, or anything
about it fails, stock kernels take over, and the results say which it was.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from audit_lib.execution.kernels import Kernels, OwnInterpreterManager

_MODULE = "audit_lib.execution.zygote"
_START_SECONDS = 120.0
_ANSWER_SECONDS = 20.0


def open_kernels(workspace: Path, *, jobs: int, warm: bool) -> Kernels:
    """Kernels for a run; close them after it."""
    if warm and sys.platform == "linux":
        return WarmKernels(workspace, jobs=jobs)
    return Kernels(workspace, jobs=jobs)


class Zygote:
    """The process that forks kernels, seen from the run.

    It is started at once and asked only when the first kernel is needed, so that its imports and
    ours go on side by side.  After its first failure it is not asked again.
    """

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.problem = ""
        self._lock = threading.Lock()
        self._ready = False
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._wire = ours
        command = [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno())]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command,
                env=environment,
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # an interrupt at the terminal is ours to handle
            )
        theirs.close()

    def ask(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a request; None where there is none, ever after, and ``problem`` why."""
        with self._lock:
            if self.problem:
                return None
            try:
                if not self._ready:
                    self._receive(_START_SECONDS)
                    self._ready = True
                self._wire.send(json.dumps(request).encode())
                return self._receive(_ANSWER_SECONDS)
            except (OSError, ValueError) as error:
                self.problem = str(error) or type(error).__name__
                return None

    def _receive(self, seconds: float) -> dict[str, Any]:
        self._wire.settimeout(seconds)
        content = self._wire.recv(1 << 20)
        if not content:
            raise OSError("the process that forks kernels has ended")
        answer: dict[str, Any] = json.loads(content)
        if "problem" in answer:
            raise OSError(answer["problem"])
        return answer

    def close(self) -> None:
        """End it; its kernels go with it."""
        self._wire.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class ForkedProcess:
    """A kernel's process, with the few methods of ``Popen`` that a provisioner uses."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, zygote: Zygote) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._zygote = zygote

    def poll(self) -> int | None:
        """Exit code, or None while it runs."""
        if self.returncode is None:
            answer = self._zygote.ask({"poll": self.pid})
            # Without the zygote there is no kernel either: it dies with its parent.
            self.returncode = -signal.SIGKILL if answer is None else answer["exit"]
        return self.returncode

    def wait(self) -> int | None:
        """Exit code of a process that has ended."""
        return self.poll()

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


class ForkProvisioner(LocalProvisioner):
    """Launches a kernel by asking the zygote; by a new interpreter where it gives no answer."""

    kernels: WarmKernels

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Launch a kernel; see the base class."""
        zygote = self.kernels.zygote
        answer = zygote.ask(
            {
                "connection_file": cmd[cmd.index("-f") + 1],
                "env": kwargs["env"],
                "cwd": kwargs["cwd"],
                "log": kwargs["stderr"].name,
            }
        )
        if answer is None:
            kwargs["env"] = {**kwargs["env"], "AUDIT_KERNEL": self.kernels.kind}
            return await super().launch_kernel(cmd, **kwargs)
        self.process = ForkedProcess(answer["pid"], zygote)  # type: ignore[assignment]
        self.pid = self.pgid = answer["pid"]
        self.cwd = kwargs["cwd"]
        return self.connection_info


class ForkManager(OwnInterpreterManager):
    """A kernel manager whose kernels are forked."""

    kernels: WarmKernels

    async def _async_pre_start_kernel(self, **options: Any) -> tuple[list[str], dict[str, Any]]:
        if self.provisioner is None:
            provisioner = ForkProvisioner(kernel_id="", kernel_spec=self.kernel_spec, parent=self)
            provisioner.kernels = self.kernels
            self.provisioner = provisioner
        return await super()._async_pre_start_kernel(**options)


class WarmKernels(Kernels):
    """Kernels forked from one zygote, which lives as long as the run."""

    manager_class = ForkManager

    def __init__(self, workspace: Path, *, jobs: int) -> None:
        super().__init__(workspace, jobs=jobs)
        self.zygote = Zygote(self._environment, self.scratch / "zygote.log")

    @property
    def kind(self) -> str:
        """``fork``, or ``stock`` and why."""
        return f"stock ({self.zygote.problem})" if self.zygote.problem else "fork"

    def close(self) -> None:
        """End the zygote and remove what the kernels left behind."""
        self.zygote.close()
        super().close()
