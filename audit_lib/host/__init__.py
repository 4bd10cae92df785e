"""The host: a child process in which a subject's code runs, apart from the audit.

with Host(hooks_file, root=root) as host:
    host.call("drift.psi", reference, current, store=store, version="2024-03")
"""

from audit_lib.host.digest import TreeDigest, tree_digest
from audit_lib.host.entered import Entered, Entries, Rests
from audit_lib.host.errors import (
    HookBadAnswer,
    HookDied,
    HookError,
    HookMissing,
    HookOutOfMemory,
    HookRaised,
    HookRefused,
    HookTimedOut,
    HostUnavailable,
    IsolationUnavailable,
)
from audit_lib.host.exercise import ExercisedLines, Measure
from audit_lib.host.host import Host
from audit_lib.host.isolation import Isolation, Probe, probe
from audit_lib.host.limits import Allowance, Limits

__all__ = [
    "Allowance", "Entered", "Entries", "ExercisedLines", "HookBadAnswer", "HookDied", "HookError",
    "HookMissing", "HookOutOfMemory", "HookRaised", "HookRefused", "HookTimedOut", "Host",
    "HostUnavailable", "Isolation", "IsolationUnavailable", "Limits", "Measure", "Probe", "Rests",
    "TreeDigest", "probe", "tree_digest",
]  # fmt: skip
