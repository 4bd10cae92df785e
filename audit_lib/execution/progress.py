"""What a run tells whoever watches it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from audit_lib.model import Task

#: MIME type under which a notebook's progress display carries (task, check, done, total, left)
MIME = "application/vnd.audit-workbook.progress+json"


class Stage(StrEnum):
    """How far a version, or one of its tasks, is."""

    STARTED = "started"
    """a task's notebook begins"""
    CHECK = "check"
    """a check begins or has answered"""
    FINISHED = "finished"
    """a task's notebook is complete"""
    ASSEMBLING = "assembling"
    """every task is complete and the packet is being made"""
    PUBLISHED = "published"
    """the run is in its final place"""
    FAILED = "failed"
    """the run ended without a packet"""


@dataclass(frozen=True)
class Event:
    """One thing that happened.

    Attributes:
        subject, version, run_id: the run it happened in.
        task: the task, where it is about one.
        check: code of the check, for ``CHECK``.
        done, total: checks of the task that have answered, and all of them.
        message: why, for ``FAILED``.
        left: seconds that the task's other checks took the last time, 0 where nobody knows.
    """

    subject: str
    version: str
    run_id: str
    stage: Stage
    task: Task | None = None
    check: str = ""
    done: int = 0
    total: int = 0
    message: str = ""
    left: int = 0


Watcher = Callable[[Event], None]
