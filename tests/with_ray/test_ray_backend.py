"""A version whose checks are asked by workers of ray: the same answers as of this process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from audit_lib.cli.app import cli

ROOT = Path(__file__).parents[2]
SUBJECT, VERSION = "reference_engine", "2020-12"


@pytest.fixture(scope="module")
def head() -> Iterator[str]:
    """The address of a head of one worker.

    It gives its helpers 15 seconds to come up, whatever is asked for, which is too short on a very
    busy machine: three tries.
    """
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for _ in range(3):
        place = tempfile.mkdtemp(prefix="ray-")  # short, for the sake of sockets in it
        command = [
            str(Path(sys.executable).with_name("ray")), "start", "--head", "--block",
            "--node-ip-address", "127.0.0.1", "--port", str(port), "--temp-dir", place,
            "--num-cpus", "1", "--include-dashboard", "false", "--disable-usage-stats",
            "--object-store-memory", str(80 << 20),
        ]  # fmt: skip
        keeping = {name: v for name, v in os.environ.items() if name != "AUDIT_CACHE"}
        started = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=keeping
        )
        try:
            if any("Ray runtime started" in line for line in started.stdout or ()):
                yield f"127.0.0.1:{port}"
                return
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGTERM)
            started.wait(60)
            shutil.rmtree(place, ignore_errors=True)
    pytest.fail("ray's head does not come up")


def asked(
    place: Path, monkeypatch: pytest.MonkeyPatch, *how: str
) -> tuple[dict[str, Any], int, str]:
    """What checks say, by code, how many were answered before the notebook ran, what was shown."""
    monkeypatch.setenv("AUDIT_CACHE", str(place / "kept"))
    monkeypatch.setenv("AUDIT_WORKSPACE", str(ROOT))
    command = [
        "run", SUBJECT, "--version", VERSION, "--tasks", "T4", "--select", "DRF,GOV",
        "--reports", str(place), *how,
    ]  # fmt: skip
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert done.exit_code in (0, 1, 2), done.output
    (packet,) = place.glob(f"{SUBJECT}/{VERSION}/2*Z-*")
    told = json.loads((packet / "results/T4.json").read_text())
    kept = int(told["provenance"]["answers_kept"])
    return {r["code"]: {**r, "seconds": 0} for r in told["results"]}, kept, done.output


def test_workers_of_ray_answer_as_this_process(
    head: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    alone, none, _ = asked(tmp_path / "alone", monkeypatch)
    try:
        how = ("--backend", "ray", "--scheduler", head)
        spread, kept, shown = asked(tmp_path / "spread", monkeypatch, *how)
    finally:
        ray.shutdown()
    assert spread == alone
    assert none == 0
    assert kept >= 8, shown  # what the workers handed back
