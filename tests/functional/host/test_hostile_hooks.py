"""However a hook misbehaves, it costs its own call, and the subject stays as it was.

Every behaviour runs at every isolation level this machine offers.  At levels that do not promise
to stop an attack the test asserts that it *succeeds* and that the digest tells: so each attack is
real, and each gap is the one that ``Isolation.describe`` admits.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from audit_lib.host import (
    HookBadAnswer,
    HookDied,
    HookError,
    HookOutOfMemory,
    HookRaised,
    HookRefused,
    HookTimedOut,
    Host,
    Isolation,
    tree_digest,
)

Hosts = Callable[[Isolation], Host]
LEVELS = sorted(Isolation, reverse=True)
ISOLATED = LEVELS[:-1]
FULL = {Isolation.BUBBLEWRAP, Isolation.LANDLOCK_SECCOMP}
PYTHON = {*FULL, Isolation.LANDLOCK, Isolation.AUDIT_HOOK}
NATIVE = {*FULL, Isolation.LANDLOCK}
PYTHON_METADATA = {*FULL, Isolation.AUDIT_HOOK}

#: Attack: the levels that stop it.
WRITES = {
    **dict.fromkeys(
        [
            "overwrite",
            "append",
            "update_in_place",
            "truncate",
            "truncate_while_reading",
            "remove",
            "rename",
            "move_to_scratch",
            "replace_by_own",
            "remove_tree",
            "make_folder",
            "make_link",
            "write_through_symlink",
            "write_through_hard_link",
            "write_through_folder_descriptor",
            "write_through_proc",
            "write_from_its_folder",
            "write_from_thread",
            "write_from_fork",
            "write_from_subprocess",
            "write_from_spawned",
            "write_later_from_daemon",
            "write_bytecode",
            "temporary_file",
            "numpy_tofile",
            "numpy_memmap",
            "pandas_to_csv",
            "sqlite_create",
        ],
        PYTHON,
    ),
    **dict.fromkeys(
        [
            "native_append",
            "native_truncate",
            "native_create",
            "native_rename",
            "native_remove",
            "native_hard_link",
            "native_pipe_file",
            "native_system",
            "sqlite_attach",
            "lightgbm_save",
            "native_remount",
        ],
        NATIVE,
    ),
    **dict.fromkeys(["change_mode", "change_times", "change_times_of_folder"], PYTHON_METADATA),
    **dict.fromkeys(
        [
            "native_mode",
            "native_mode_by_descriptor",
            "native_times",
            "native_times_by_descriptor",
        ],
        FULL,
    ),
}

#: Attempt to reach out: what must be stopped for it to fail, by the words of the probe.
REACHES = {
    "connect": PYTHON,
    "native_connect": NATIVE,
    "connect_from_subprocess": PYTHON,
    "native_datagram": FULL,
    "native_local_socket": {Isolation.LANDLOCK_SECCOMP, Isolation.BUBBLEWRAP},
    "signal_the_judge": FULL,
}

NO_TIME = 0.4
OUT_OF_MEMORY = (HookOutOfMemory, "512 MiB")
TOO_LATE = (HookTimedOut, f"no answer within {NO_TIME} s; killed")
#: Misbehaviour: the error it must cost, and what the message must name.
FAILURES: dict[str, tuple[type[HookError], str]] = {
    "divide_by_zero": (HookRaised, "raised ZeroDivisionError: division by zero"),
    "refuse": (HookRefused, "refused: no such version"),
    "raise_the_unspeakable": (HookRaised, r"Unspeakable: <str\(\) raised RuntimeError>"),
    "raise_escape_codes": (HookRaised, r"raised ValueError: \[2J\[31mall green$"),
    "raise_endlessly_long": (HookRaised, r"raised ValueError: x{4000}$"),
    "interrupt": (HookRaised, "raised KeyboardInterrupt"),
    "recurse": (HookRaised, "raised RecursionError"),
    "open_too_many_files": (HookRaised, "raised OSError: .*Too many open files"),
    "write_too_large_a_file": (HookRaised, "raised OSError: .*File too large"),
    "exit_politely": (HookDied, r"exit code 3 .*\(sys.exit\)"),
    "exit_with_words": (HookDied, "exit code 1"),
    "exit_abruptly": (HookDied, "exit code 0 instead of answering"),
    "segfault": (HookDied, "killed by SIGSEGV"),
    "abort": (HookDied, "killed by SIGABRT"),
    "kill_itself": (HookDied, "killed by SIGKILL"),
    "overflow_the_stack": (HookDied, "killed by SIGSEGV"),
    "kill_its_parent": (HookDied, "ended the host's own processes|killed by SIGKILL"),
    "stop_its_parent": (HookDied, "ended the host's own processes"),
    "kill_its_group": (HookDied, "killed by SIGKILL"),
    "loop": TOO_LATE,
    "loop_in_compiled_code": TOO_LATE,
    "loop_deaf_to_signals": TOO_LATE,
    "swallow_everything": TOO_LATE,
    "stop_itself": TOO_LATE,
    "join_a_thread_forever": TOO_LATE,
    "flood_and_loop": TOO_LATE,
    "announce_and_stall": TOO_LATE,
    "eat_memory": OUT_OF_MEMORY,
    "eat_memory_with_numpy": OUT_OF_MEMORY,
    "eat_memory_and_hold_it": TOO_LATE,
    "eat_memory_and_abort": (HookOutOfMemory, "SIGABRT"),
    "eat_memory_together": (HookOutOfMemory, "all its processes together"),
    "fill_the_disk": (HookDied, "more than 128 MiB of files"),
    "fork_bomb": (HookDied, "more than 16 processes at once"),
    "fork_bomb_of_orphans": (HookDied, "more than 16 processes at once"),
    "answer_an_object": (HookBadAnswer, "answer is a audit_lib.hooks.Context"),
    "answer_a_function_deep_inside": (HookBadAnswer, r"answer\['heads'\]\[0\]\['predict'\]"),
    "answer_a_liar": (HookBadAnswer, "SystemExit"),
    "answer_itself": (HookBadAnswer, "contains itself"),
    "answer_too_deep": (HookBadAnswer, "nested too deeply"),
    "answer_too_much": (HookBadAnswer, "the limit is 64 MiB"),
    "answer_too_much_text": (HookBadAnswer, "MiB of plain values"),
    "answer_with_objects": (HookBadAnswer, "array of Python objects"),
    "close_everything": (HookBadAnswer, "closed the wire"),
    "close_everything_and_return": (HookDied, "exit code"),
    "write_garbage_on_the_wire": (HookBadAnswer, "not the start of a frame"),
    "announce_a_terabyte": (HookBadAnswer, "the limit is 64 MiB"),
    "send_a_pickle": (HookBadAnswer, "unknown kind 'pickle'"),
    "send_deep_json": (HookBadAnswer, "not JSON"),
    "patch_what_the_worker_uses": (HookDied, "exit code 70"),
    "leave_an_orphan_on_the_wire": (HookDied, "exit code 0"),
}
HURRIED = {name for name, expected in FAILURES.items() if expected is TOO_LATE}
#: Misbehaviour that still answers; it must not reach the next call.
ANSWERS = {
    "wait_for_input": "",
    "print_a_lot": "printed",
    "fill_scratch_with_traps": "filled",
    "patch_numpy": "patched",
    "leave_a_thread": "left",
    "leave_children": "left",
    "unregister_the_hooks": "cleared",
    "close_the_printed": "closed",
    "replace_the_handlers": "armed",
}


def behaves(host: Host) -> bool:
    """Whether the next call gets its answer."""
    return bool(host.call("drift.psi", np.ones(2), np.ones(3)) == 5.0)


def running() -> int:
    """Processes below this one; the warden adopts orphans, so all of them are seen."""
    found = psutil.Process().children(recursive=True)
    return sum(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in found)


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
@pytest.mark.parametrize("attack", WRITES)
def test_writes(hosts: Hosts, subject: Path, attack: str, level: Isolation) -> None:
    host = hosts(level)
    before = tree_digest(subject)
    try:
        host.call("online.run", attack, seconds=30)
    except HookRaised as error:
        if error.type_name == "ModuleNotFoundError":
            pytest.skip(error.message)
    except HookError:
        pass
    changes = before.changes(tree_digest(subject))
    if level in WRITES[attack]:
        assert changes == []
        assert tree_digest(subject) == before
    else:
        assert changes != [], "this attack does nothing, so that nothing was tested"
    assert behaves(host)


class Listener:
    """Everything a hook might try to reach."""

    def __init__(self, folder: Path) -> None:
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.local = socket.socket(socket.AF_UNIX)
        self.local.bind(str(folder / "s"))
        self.local.listen()
        self.signals: list[int] = []
        self.aims = {
            "tcp": self.tcp.getsockname()[1],
            "udp": self.udp.getsockname()[1],
            "local": str(folder / "s"),
            "judge": os.getpid(),
        }

    def reached(self) -> bool:
        for listener in (self.tcp, self.local, self.udp):
            listener.setblocking(False)
            with suppress(BlockingIOError):
                listener.recv(1) if listener is self.udp else listener.accept()[0].close()
                return True
        return bool(self.signals)

    def close(self) -> None:
        for listener in (self.tcp, self.local, self.udp):
            listener.close()


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    listening = Listener(tmp_path)
    before = signal.signal(signal.SIGUSR1, lambda number, _: listening.signals.append(number))
    yield listening
    signal.signal(signal.SIGUSR1, before)
    listening.close()


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
@pytest.mark.parametrize("attempt", REACHES)
def test_reaching_out(hosts: Hosts, listener: Listener, attempt: str, level: Isolation) -> None:
    host = hosts(level)
    with suppress(HookError):
        host.call("online.run", attempt, listener.aims)
    stopped = level in REACHES[attempt]
    if attempt == "signal_the_judge" and "signals" in host.probed.stopped:
        stopped = True  # newer versions of Landlock stop more than the level promises
    assert listener.reached() is not stopped
    assert behaves(host)


@pytest.mark.parametrize("level", sorted(FULL), ids=lambda level: level.label)
@pytest.mark.parametrize(
    "attempt",
    ["memory_of_parents", "settings_of_the_kernel", "new_user_namespace"],
)
def test_what_mounts_alone_leave_open(hosts: Hosts, attempt: str, level: Isolation) -> None:
    host = hosts(level)
    answer = "refused"
    with suppress(HookError):
        answer = host.call("online.run", attempt)
    assert answer in ("refused", "declined")
    assert behaves(host)


@pytest.mark.parametrize("level", sorted(FULL), ids=lambda level: level.label)
def test_the_judge_keeps_its_limits(hosts: Hosts, level: Isolation) -> None:
    before = resource.prlimit(os.getpid(), resource.RLIMIT_AS)
    assert hosts(level).call("online.run", "limit_the_judge", {"judge": os.getpid()}) == "declined"
    assert resource.prlimit(os.getpid(), resource.RLIMIT_AS) == before


@pytest.mark.parametrize("level", sorted(FULL), ids=lambda level: level.label)
def test_pipes_outside_scratch_are_closed(hosts: Hosts, tmp_path: Path, level: Isolation) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        with suppress(HookError):
            hosts(level).call("online.run", "native_pipe_outside", {"pipe": str(tmp_path / "pipe")})
        with suppress(BlockingIOError):
            assert os.read(reader, 16) == b""
    finally:
        os.close(reader)


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
@pytest.mark.parametrize("failure", FAILURES)
def test_failures(hosts: Hosts, subject: Path, failure: str, level: Isolation) -> None:
    host = hosts(level)
    before = tree_digest(subject)
    kind, message = FAILURES[failure]
    with pytest.raises(kind, match=message) as caught:
        host.call("online.run", failure, seconds=NO_TIME if failure in HURRIED else None)
    assert type(caught.value) is kind
    assert caught.value.hook == "online.run"
    assert tree_digest(subject) == before
    assert behaves(host)


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
@pytest.mark.parametrize("behaviour", ANSWERS)
def test_answers(hosts: Hosts, subject: Path, behaviour: str, level: Isolation) -> None:
    host = hosts(level)
    assert behaves(host)
    before, alive, scratch = tree_digest(subject), running(), set(host.scratch.iterdir())
    assert host.call("online.run", behaviour) == ANSWERS[behaviour]
    assert tree_digest(subject) == before
    assert behaves(host)
    assert running() == alive
    assert set(host.scratch.iterdir()) == scratch


@pytest.mark.parametrize("level", ISOLATED, ids=lambda level: level.label)
@pytest.mark.parametrize("murder", ["kill_everyone", "kill_all_its_ancestors"])
def test_murder_stays_inside(hosts: Hosts, murder: str, level: Isolation) -> None:
    host = hosts(level)
    if "signals" not in host.probed.stopped:
        pytest.skip("signals are not contained at this level: this test would kill its machine")
    with pytest.raises(HookError, match=r"host's own processes|SIGKILL|Operation not permitted"):
        host.call("online.run", murder)
    assert behaves(host)


@pytest.mark.parametrize("level", [*FULL, Isolation.LANDLOCK], ids=lambda level: level.label)
def test_shared_memory_carries_nothing_to_the_next_call(hosts: Hosts, level: Isolation) -> None:
    host = hosts(level)
    assert [host.call("online.run", "keep_in_shared_memory") for _ in range(2)] == [False] * 2
    assert not Path("/dev/shm/kept-by-a-hook").exists()


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
def test_two_answers_to_one_call(hosts: Hosts, level: Isolation) -> None:
    host = hosts(level)
    answers = host.call_many("online.run", [("fork_and_return_twice",)] * 5)
    assert all(isinstance(answer, int) for answer in answers)
    assert behaves(host)


@pytest.mark.parametrize("level", LEVELS, ids=lambda level: level.label)
def test_a_batch_charges_each_failure_to_its_own_call(hosts: Hosts, level: Isolation) -> None:
    host = hosts(level)
    names = ["close_the_printed", "segfault", "patch_numpy", "divide_by_zero", "leave_a_thread"]
    names += ["unregister_the_hooks", "exit_abruptly", "close_the_printed"]
    answers: list[Any] = host.call_many("online.run", [(name,) for name in names])
    told = [type(a).__name__ if isinstance(a, HookError) else a for a in answers]
    assert told[:2] == ["closed", "HookDied"]
    assert told[2:5] == ["patched", "HookRaised", "left"]
    assert told[6:] == ["HookDied", "closed"]
    assert behaves(host)


def test_the_suite_is_as_large_as_it_says() -> None:
    source = (Path(__file__).parent / "hostile_hooks.py").read_text()
    written = source.count("\n@behaviour\n")
    tested = {*WRITES, *REACHES, *FAILURES, *ANSWERS, "kill_everyone", "kill_all_its_ancestors"}
    tested |= {"fork_and_return_twice", "keep_in_shared_memory", "limit_the_judge"}
    tested |= {"memory_of_parents", "native_pipe_outside", "new_user_namespace"}
    assert len(tested | {"settings_of_the_kernel"}) == written
    assert written >= 25
