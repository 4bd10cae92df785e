from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import made_up
import pytest

from audit_lib.model import Task, TaskResult
from audit_lib.packets.packet import Packet, build
from audit_lib.packets.run import read_run


@pytest.fixture
def packet_of(tmp_path: Path) -> Callable[..., Packet]:
    """Lay tasks out as a run and build its packet."""

    def make(made: list[TaskResult], *, keep: int = 6, comparisons=(), **said) -> Packet:
        folder = made_up.lay(tmp_path / made[0].run_id, made[:keep])
        run = read_run(folder, said.get("tasks", tuple(Task)))
        return build(run, made_up.provenance(made, **said), comparisons)

    return make
