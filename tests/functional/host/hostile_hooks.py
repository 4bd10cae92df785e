"""Hooks that misbehave in every way we could think of; run by the host's tests, in the child.

``online.run`` is given the name of a behaviour below and what it needs to aim.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import json
import os
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd

from audit_lib.hooks import Context, Refusal, surface

BEHAVIOURS = {}


def behaviour(function):
    BEHAVIOURS[function.__name__] = function
    return function


@surface("drift")
def psi(at: Context, reference, current):
    """A hook that behaves."""
    return float(np.sum(reference) + np.sum(current))


@surface("online")
def run(at: Context, name: str, *aims):
    return BEHAVIOURS[name](at, *aims)


def libc():
    return ctypes.CDLL(None, use_errno=True)


def native_write(path: Path, content: bytes = b"native") -> None:
    descriptor = libc().open(os.fsencode(path), os.O_WRONLY | os.O_APPEND)
    if libc().write(descriptor, content, len(content)) < 0:
        raise OSError(ctypes.get_errno(), "native write")


# --- writes from Python -----------------------------------------------------------------------
@behaviour
def overwrite(at):
    (at.root / "model.txt").write_text("overwritten")


@behaviour
def append(at):
    with open(at.root / "model.txt", "a") as file:
        file.write("appended")


@behaviour
def update_in_place(at):
    with open(at.root / "model.txt", "r+b", buffering=0) as file:
        file.write(b"X")


@behaviour
def truncate(at):
    os.truncate(at.root / "model.txt", 1)


@behaviour
def truncate_while_reading(at):
    os.close(os.open(at.root / "model.txt", os.O_RDONLY | os.O_TRUNC))


@behaviour
def remove(at):
    os.unlink(at.root / "model.txt")


@behaviour
def rename(at):
    os.rename(at.root / "model.txt", at.root / "renamed.txt")


@behaviour
def move_to_scratch(at):
    os.rename(at.root / "model.txt", at.scratch / "stolen.txt")


@behaviour
def replace_by_own(at):
    (at.scratch / "evil").write_text("evil")
    os.replace(at.scratch / "evil", at.root / "model.txt")


@behaviour
def remove_tree(at):
    shutil.rmtree(at.root / "package")


@behaviour
def make_folder(at):
    (at.root / "made").mkdir()


@behaviour
def make_link(at):
    (at.root / "made").symlink_to("/etc")


@behaviour
def write_through_symlink(at):
    (at.scratch / "link").symlink_to(at.root / "model.txt")
    (at.scratch / "link").write_text("through a link")


@behaviour
def write_through_hard_link(at):
    os.link(at.root / "model.txt", at.scratch / "hard")
    (at.scratch / "hard").write_text("through a link")


@behaviour
def write_through_folder_descriptor(at):
    folder = os.open(at.root, os.O_RDONLY | os.O_DIRECTORY)
    os.write(os.open("model.txt", os.O_WRONLY, dir_fd=folder), b"by dir_fd")


@behaviour
def write_through_proc(at):
    with open(f"/proc/self/root{at.root}/model.txt", "a") as file:
        file.write("by proc")


@behaviour
def write_from_its_folder(at):
    os.chdir(at.root)
    with open("model.txt", "a") as file:
        file.write("relative")


@behaviour
def write_from_thread(at):
    failed = []

    def write():
        try:
            overwrite(at)
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


@behaviour
def write_from_fork(at):
    pid = os.fork()
    if pid == 0:
        try:
            overwrite(at)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


@behaviour
def write_from_subprocess(at):
    subprocess.run(["/bin/sh", "-c", f"echo more >> {at.root}/model.txt"], check=True)


@behaviour
def write_from_spawned(at):
    arguments = ["/bin/sh", "-c", f"echo more >> {at.root}/model.txt"]
    os.waitpid(os.posix_spawn("/bin/sh", arguments, {}), 0)


@behaviour
def write_later_from_daemon(at):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            while os.getppid() == os.getsid(0):  # who made it is there yet
                time.sleep(0.001)
            try:
                overwrite(at)
            finally:
                os._exit(0)
        os._exit(0)
    os.close(writing)
    os.read(reading, 1)  # until nobody is left who could write


@behaviour
def write_bytecode(at):
    sys.dont_write_bytecode = False
    sys.path.insert(0, str(at.root))
    import package.module  # noqa: F401


@behaviour
def temporary_file(at):
    with tempfile.NamedTemporaryFile(dir=at.root, delete=False) as file:
        file.write(b"temporary")


@behaviour
def numpy_tofile(at):
    np.arange(3).tofile(at.root / "model.txt")


@behaviour
def numpy_memmap(at):
    np.memmap(at.root / "model.txt", np.uint8, "r+")[:] = 0


@behaviour
def pandas_to_csv(at):
    pd.DataFrame({"a": [1]}).to_csv(at.root / "model.txt")


@behaviour
def sqlite_create(at):
    sqlite3.connect(at.root / "new.db").execute("create table t (a)")


# --- writes past Python -----------------------------------------------------------------------
@behaviour
def native_append(at):
    native_write(at.root / "model.txt")


@behaviour
def native_truncate(at):
    libc().truncate(os.fsencode(at.root / "model.txt"), ctypes.c_long(1))


@behaviour
def native_create(at):
    libc().creat(os.fsencode(at.root / "created"), 0o644)


@behaviour
def native_rename(at):
    old, new = at.root / "model.txt", at.root / "renamed"
    libc().rename(os.fsencode(old), os.fsencode(new))


@behaviour
def native_remove(at):
    libc().unlink(os.fsencode(at.root / "model.txt"))


@behaviour
def native_hard_link(at):
    linked = at.scratch / "linked"
    if libc().link(os.fsencode(at.root / "model.txt"), os.fsencode(linked)) == 0:
        native_write(linked)


@behaviour
def native_pipe_file(at):
    libc().mkfifo(os.fsencode(at.root / "pipe"), 0o644)


@behaviour
def native_system(at):
    libc().system(os.fsencode(f"echo more >> {at.root}/model.txt"))


@behaviour
def sqlite_attach(at):
    connection = sqlite3.connect(":memory:")
    connection.execute("attach ? as other", (str(at.root / "attached.db"),))
    connection.execute("create table other.t (a)")
    connection.commit()


@behaviour
def lightgbm_save(at):
    # By the library's own C interface: importing the package takes a second at every level.
    spec = importlib.util.find_spec("lightgbm")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("lightgbm")
    (library,) = Path(spec.origin).parent.glob("lib/lib_lightgbm.*")
    c = ctypes.CDLL(str(library))
    rows = np.arange(200.0).reshape(100, 2)
    data, booster = ctypes.c_void_p(), ctypes.c_void_p()
    sizes = ctypes.c_int32(100), ctypes.c_int32(2)
    at_rows = ctypes.c_void_p(rows.ctypes.data)
    c.LGBM_DatasetCreateFromMat(at_rows, 1, *sizes, 1, b"", None, ctypes.byref(data))
    c.LGBM_BoosterCreate(data, b"verbose=-1 num_threads=1", ctypes.byref(booster))
    path = os.fsencode(at.root / "model.txt")
    if c.LGBM_BoosterSaveModel(booster, 0, -1, 0, path) != 0:
        raise OSError("LightGBM cannot write")


@behaviour
def native_remount(at):
    c = libc()
    c.unshare(0x10020000)  # CLONE_NEWUSER | CLONE_NEWNS
    c.mount(None, b"/", None, 4096 | 32, None)  # MS_BIND | MS_REMOUNT
    native_write(at.root / "model.txt")


# --- changes of metadata ----------------------------------------------------------------------
@behaviour
def change_mode(at):
    (at.root / "model.txt").chmod(0o777)


@behaviour
def change_times(at):
    os.utime(at.root / "model.txt", (1, 1))


@behaviour
def change_times_of_folder(at):
    os.utime(at.root / "package", (1, 1))


@behaviour
def native_mode(at):
    libc().chmod(os.fsencode(at.root / "model.txt"), 0o777)


@behaviour
def native_mode_by_descriptor(at):
    libc().fchmod(libc().open(os.fsencode(at.root / "model.txt"), os.O_RDONLY), 0o777)


@behaviour
def native_times(at):
    libc().utimes(os.fsencode(at.root / "model.txt"), None)


@behaviour
def native_times_by_descriptor(at):
    libc().futimens(libc().open(os.fsencode(at.root / "model.txt"), os.O_RDONLY), None)


# --- the network ------------------------------------------------------------------------------
@behaviour
def connect(at, aims):
    socket.create_connection(("127.0.0.1", aims["tcp"]), timeout=1).send(b"x")


@behaviour
def native_connect(at, aims):
    address = struct.pack("=H", 2) + struct.pack("!H4s8x", aims["tcp"], b"\x7f\0\0\x01")
    descriptor = libc().socket(2, 1, 0)
    libc().connect(descriptor, address, len(address))


@behaviour
def connect_from_subprocess(at, aims):
    code = f"import socket; socket.create_connection(('127.0.0.1', {aims['tcp']}), 1)"
    subprocess.run([sys.executable, "-S", "-c", code], check=True, capture_output=True)


@behaviour
def native_datagram(at, aims):
    address = struct.pack("=H", 2) + struct.pack("!H4s8x", aims["udp"], b"\x7f\0\0\x01")
    descriptor = libc().socket(2, 2, 0)
    libc().sendto(descriptor, b"x", 1, 0, address, len(address))


@behaviour
def native_local_socket(at, aims):
    address = struct.pack("=H", 1) + os.fsencode(aims["local"]) + b"\0"
    libc().connect(libc().socket(1, 1, 0), address, len(address))


@behaviour
def signal_the_judge(at, aims):
    libc().kill(aims["judge"], signal.SIGUSR1)


# --- failures that say what they are ----------------------------------------------------------
@behaviour
def divide_by_zero(at):
    return 1 / 0


@behaviour
def refuse(at):
    raise Refusal("no such version")


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no")


@behaviour
def raise_the_unspeakable(at):
    raise Unspeakable


@behaviour
def raise_escape_codes(at):
    raise ValueError("\x1b[2J\x1b[31mall green\x07")


@behaviour
def raise_endlessly_long(at):
    raise ValueError("x" * 50_000_000)


@behaviour
def interrupt(at):
    raise KeyboardInterrupt


@behaviour
def recurse(at):
    return recurse(at)


@behaviour
def open_too_many_files(at):
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    return [open(os.devnull) for _ in range(100)] and None


@behaviour
def write_too_large_a_file(at):
    with open(at.scratch / "large", "wb") as file:
        file.truncate(1 << 40)


# --- ends -------------------------------------------------------------------------------------
@behaviour
def exit_politely(at):
    sys.exit(3)


@behaviour
def exit_with_words(at):
    sys.exit("done for today")


@behaviour
def exit_abruptly(at):
    os._exit(0)


@behaviour
def segfault(at):
    ctypes.string_at(0)


@behaviour
def abort(at):
    os.abort()


@behaviour
def kill_itself(at):
    os.kill(os.getpid(), signal.SIGKILL)


@behaviour
def overflow_the_stack(at):
    nested = ()
    for _ in range(1_000_000):
        nested = (nested,)
    return hash(nested)


@behaviour
def kill_its_parent(at):
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)


@behaviour
def stop_its_parent(at):
    os.kill(os.getppid(), signal.SIGSTOP)
    os._exit(1)


@behaviour
def kill_its_group(at):
    os.killpg(0, signal.SIGKILL)


@behaviour
def kill_everyone(at):
    os.kill(-1, signal.SIGKILL)
    time.sleep(60)


@behaviour
def kill_all_its_ancestors(at):
    pid = os.getppid()
    while pid > 1:
        with open(f"/proc/{pid}/stat") as line:
            parent = int(line.read().rpartition(")")[2].split()[1])
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            break
        pid = parent
    time.sleep(60)


# --- no end -----------------------------------------------------------------------------------
@behaviour
def loop(at):
    while True:
        pass


@behaviour
def loop_in_compiled_code(at):
    libc().pause()


@behaviour
def loop_deaf_to_signals(at):
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
    time.sleep(60)


@behaviour
def swallow_everything(at):
    while True:
        try:
            time.sleep(60)
        except BaseException:  # noqa: BLE001
            continue


@behaviour
def stop_itself(at):
    os.kill(os.getpid(), signal.SIGSTOP)


@behaviour
def wait_for_input(at):
    return sys.stdin.read()


@behaviour
def join_a_thread_forever(at):
    thread = threading.Thread(target=time.sleep, args=(60,))
    thread.start()
    thread.join()


@behaviour
def flood_and_loop(at):
    while True:
        os.write(1, b"x" * 65536)


# --- too much ---------------------------------------------------------------------------------
@behaviour
def eat_memory(at):
    eaten = []
    while True:
        eaten.append(bytearray(1 << 24))


@behaviour
def eat_memory_with_numpy(at):
    return np.ones((1 << 20, 1 << 12))


@behaviour
def eat_memory_and_hold_it(at):
    eaten = []
    while True:
        try:
            while True:
                eaten.append(bytearray(1 << 20))
        except MemoryError:
            time.sleep(0.01)


@behaviour
def eat_memory_and_abort(at):
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


@behaviour
def eat_memory_together(at):
    for _ in range(6):
        if os.fork() == 0:
            kept = bytearray(b"x") * (200 << 20)
            time.sleep(60)
            os._exit(len(kept) & 1)
    time.sleep(60)


@behaviour
def fork_bomb(at):
    while True:
        os.fork()


@behaviour
def fork_bomb_of_orphans(at):
    while True:
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(30)
            os._exit(0)


@behaviour
def fill_the_disk(at):
    for i in range(1000):
        (at.scratch / str(i)).write_bytes(b"x" * (8 << 20))


@behaviour
def keep_in_shared_memory(at):
    path = Path("/dev/shm/kept-by-a-hook")
    try:
        was = path.exists()
        path.write_text("kept")
    except OSError:
        return False
    return was


@behaviour
def print_a_lot(at):
    for _ in range(400):
        os.write(1, b"\xff\x00" * 32768)
        os.write(2, b"\x1b[31m" * 8192)
    return "printed"


@behaviour
def fill_scratch_with_traps(at):
    here = at.scratch
    (here / "link").symlink_to(at.root)
    (here / "locked" / "inside").mkdir(parents=True)
    (here / "locked" / "inside" / "file").write_text("x")
    (here / "locked").chmod(0)
    os.chdir(here)
    for _ in range(1100):
        os.mkdir("d")
        os.chdir("d")
    return "filled"


# --- bad answers ------------------------------------------------------------------------------
@behaviour
def answer_an_object(at):
    return at


@behaviour
def answer_a_function_deep_inside(at):
    return {"heads": [{"predict": len}]}


class Liar(pd.DataFrame):
    @property
    def dtypes(self):
        raise SystemExit(0)


@behaviour
def answer_a_liar(at):
    return Liar({"a": [1.0]})


@behaviour
def answer_itself(at):
    answer = {}
    answer["self"] = answer
    return answer


@behaviour
def answer_too_deep(at):
    nested = []
    for _ in range(500_000):
        nested = [nested]
    return nested


@behaviour
def answer_too_much(at):
    return np.zeros((64 << 20) // 8 + 1)


@behaviour
def answer_too_much_text(at):
    return {str(i): "x" * 1000 for i in range(20_000)}


@behaviour
def answer_with_objects(at):
    return np.array([object()], dtype=object)


def sockets():
    """The wire, found as a hostile hook would find it."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                found.append(int(name))
        except OSError:
            continue
    return found


@behaviour
def close_everything(at):
    os.closerange(0, 1024)
    time.sleep(60)


@behaviour
def close_everything_and_return(at):
    os.closerange(0, 1024)


@behaviour
def write_garbage_on_the_wire(at):
    for descriptor in sockets():
        os.write(descriptor, b"Traceback (most recent call last): never mind\n" * 10)
    time.sleep(60)


@behaviour
def announce_a_terabyte(at):
    for descriptor in sockets():
        os.write(descriptor, struct.pack("<4sIQ", b"AWH1", 100, 1 << 40))
    time.sleep(60)


@behaviour
def announce_and_stall(at):
    for descriptor in sockets():
        os.write(descriptor, struct.pack("<4sIQ", b"AWH1", 100, 1 << 20) + b"[")
    time.sleep(60)


@behaviour
def send_a_pickle(at):
    frame = sys._getframe()
    while "request" not in frame.f_locals:
        frame = frame.f_back
    secret = frame.f_locals["request"]["id"]  # of this very call, which may answer for itself
    text = json.dumps([[64], {"id": secret, "ok": ["pickle", 0]}]).encode()
    for descriptor in sockets():
        os.write(descriptor, struct.pack("<4sIQ", b"AWH1", len(text), 64) + text + b"\x80" * 64)
    time.sleep(60)


@behaviour
def send_deep_json(at):
    text = b"[" * 100_000
    for descriptor in sockets():
        os.write(descriptor, struct.pack("<4sIQ", b"AWH1", len(text), 0) + text)
    time.sleep(60)


@behaviour
def patch_what_the_worker_uses(at):
    def broken(*_, **__):
        raise RuntimeError("patched")

    json.dumps = broken
    return 1


@behaviour
def fork_and_return_twice(at):
    os.fork()
    return os.getpid()


@behaviour
def leave_an_orphan_on_the_wire(at):
    if os.fork() == 0:
        time.sleep(60)
    os._exit(0)


# --- what must not reach the next call --------------------------------------------------------
@behaviour
def patch_numpy(at):
    np.sum = lambda *_: 0.0
    os.environ["OMP_NUM_THREADS"] = "64"
    gc.disable()
    return "patched"


@behaviour
def leave_a_thread(at):
    threading.Thread(target=lambda: (time.sleep(0.05), os._exit(9))).start()
    return "left"


@behaviour
def leave_children(at):
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
            os._exit(0)
    return "left"


@behaviour
def unregister_the_hooks(at):
    import audit_lib.hooks

    audit_lib.hooks._registered.clear()
    return "cleared"


@behaviour
def close_the_printed(at):
    sys.stdout.close()
    sys.stderr = None
    return "closed"


@behaviour
def replace_the_handlers(at):
    signal.signal(signal.SIGALRM, lambda *_: os._exit(5))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    return "armed"


# --- what mounts alone leave open ---------------------------------------------------------------
@behaviour
def native_pipe_outside(at, aims):
    descriptor = os.open(aims["pipe"], os.O_WRONLY | os.O_NONBLOCK)
    os.write(descriptor, b"canary")


@behaviour
def limit_the_judge(at, aims):
    """A limit of nothing on address space ends a process at its next allocation."""
    limits = (ctypes.c_uint64 * 2)(1 << 40, 1 << 40)
    if libc().prlimit(aims["judge"], 9, limits, None) == 0:
        (at.scratch / "limited").touch()
        return "limited"
    return "declined"


@behaviour
def memory_of_parents(at):
    pid = os.getppid()
    with open(f"/proc/{pid}/mem", "r+b", buffering=0):
        return "open"


@behaviour
def settings_of_the_kernel(at):
    with open("/proc/sys/kernel/core_pattern", "r+b", buffering=0):
        return "open"


@behaviour
def new_user_namespace(at):
    """By clone3, whose flags stand in memory; 435 on every architecture."""

    class Arguments(ctypes.Structure):
        _fields_ = [
            (name, ctypes.c_uint64) for name in ["flags", "pidfd", "child", "parent", "exit"]
        ] + [(f"rest{i}", ctypes.c_uint64) for i in range(3)]

    asked = Arguments(flags=0x10000000, exit=signal.SIGCHLD)
    pid = libc().syscall(435, ctypes.byref(asked), ctypes.sizeof(asked))
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
        return "made"
    return "declined"
