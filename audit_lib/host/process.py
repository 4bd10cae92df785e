"""Starts the warden and the root of a child, and gives the warden its orders."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_lib.host import launch
from audit_lib.host.channels import PROMPT, Forker, Lost
from audit_lib.host.errors import HostUnavailable
from audit_lib.host.limits import Limits
from audit_lib.host.printed import Printed

#: How long an interpreter may take to start and to import NumPy and pandas, in seconds.
START = 120.0


@dataclass(frozen=True)
class Launch:
    """All that is needed to start a child, as often as it takes."""

    hooks: Path
    root: Path
    scratch: Path
    interpreter: Path | None
    limits: Limits
    isolation: str
    seccomp: bool
    landlock: bool
    environment: dict[str, str]
    readable: list[str]
    """files and folders that hooks may read; see :mod:`.readable`"""
    coverage: str | None = None
    """folder of our ``coverage`` package ('' where we have none); None: lines are not measured"""

    @property
    def python(self) -> str:
        """Path of the interpreter."""
        return str(self.interpreter or sys.executable)


class Process:
    """The warden and the root; the template and the workers come from the root."""

    def __init__(self, plan: Launch) -> None:
        """Start them.

        Raises:
            HostUnavailable: the interpreter, its libraries or the isolation do not work.
        """
        self._plan = plan
        self.versions: dict[str, str] = {}
        self.measured: dict[str, Any] = {}
        ours, orders = socket.socketpair()
        channel, far = socket.socketpair()
        printed = Printed(plan.limits.printed_kb << 10)
        self._orders = ours
        self.root = Forker(channel, printed)
        out, err = printed.writers
        config = self._warden_config(orders.fileno(), far.fileno())
        self._warden = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("warden.py")), config],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            pass_fds=(orders.fileno(), far.fileno()),
            start_new_session=True,
            cwd="/",
        )
        orders.close()
        far.close()
        printed.handed_over()
        try:
            self._greet()
        except BaseException:
            self.close()
            raise

    def _warden_config(self, orders: int, far: int) -> str:
        plan, limits = self._plan, self._plan.limits
        child = {
            "isolation": plan.isolation,
            "seccomp": plan.seccomp,
            "landlock": plan.landlock,
            "scratch": str(plan.scratch),
            "root": str(plan.root),
            "library": str(launch.LIBRARY),
            "control": far,
            "coverage": plan.coverage,
            "memory_mb": limits.memory_mb,
            "file_mb": limits.file_mb,
            "output_mb": limits.output_mb,
            "protected": launch.protected(),
            "readable": plan.readable,
        }
        return json.dumps(
            {
                "argv": launch.command(plan.isolation, plan.python, "main", child),
                "environment": plan.environment,
                "kept": far,
                "orders": orders,
                "judge": os.getpid(),
                "processes": limits.processes,
                "memory_mb": limits.memory_mb,
                "scratch": str(plan.scratch),
                "scratch_mb": limits.scratch_mb,
            }
        )

    def _greet(self) -> None:
        """Wait until the root is ready."""
        python = self._plan.python
        try:
            hello = self.root.answer(START)
        except Lost:
            printed = self.root.printed.text().decode("utf-8", "replace").strip()
            why = printed.splitlines()[-1] if printed else f"not ready within {START:g} s"
            raise HostUnavailable(f"cannot start for hooks: {why}", where=python) from None
        if "missing" in hello:
            mend = f"hooks need NumPy and pandas: {python} -m pip install numpy pandas"
            raise HostUnavailable(str(hello["failed"]), where=python, mend=mend)
        if "failed" in hello:
            raise HostUnavailable(f"cannot enter {hello['failed']}", where=python)
        self.versions = {str(k): str(v) for k, v in hello["versions"].items()}
        self.measured = dict(hello["measured"])
        self._say("mark")

    def _say(self, order: str, *, wait: bool = True) -> str | None:
        try:
            self._orders.settimeout(2 * PROMPT)
            self._orders.sendall(json.dumps(order).encode() + b"\n")
            if not wait:
                return None
            line = b""
            while not line.endswith(b"\n"):
                got = self._orders.recv(1 << 12)
                if not got:
                    raise Lost("the warden is gone")
                line += got
            passed = json.loads(line)["passed"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Lost(f"the warden: {error}") from None
        return None if passed is None else str(passed)

    def mark(self) -> None:
        """What runs now belongs to the host."""
        self._say("mark")

    def watch(self) -> None:
        """A hook runs from now on."""
        self._say("watch", wait=False)

    def sweep(self) -> str | None:
        """Kill what was not marked; the limit that was passed meanwhile, if any."""
        return self._say("sweep")

    def strip(self) -> str | None:
        """Kill all but the root; the limit that was passed meanwhile, if any."""
        return self._say("strip")

    def close(self) -> None:
        """Kill everything."""
        with contextlib.suppress(Lost):
            self._say("end")
        self._orders.close()
        self.root.close()
        try:
            self._warden.wait(PROMPT)
        except subprocess.TimeoutExpired:
            self._warden.kill()
            self._warden.wait()
