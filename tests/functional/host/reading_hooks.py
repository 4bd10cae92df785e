"""Hooks that read what is not theirs, each in another way; run by test_closed_files, in the child.

``online.run`` is given the name of a way and the path to read.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import shutil
import socket
import sqlite3
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from audit_lib.hooks import Context, surface


def libc():
    return ctypes.CDLL(None, use_errno=True)


def native(path):
    buffer = ctypes.create_string_buffer(64)
    count = libc().read(libc().open(os.fsencode(path), os.O_RDONLY), buffer, 64)
    return buffer.raw[: max(count, 0)].decode()


def mapped(path):
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        return held[:].decode()


def through_link(at, path, kind):
    getattr(os, kind)(path, at.scratch / kind)
    return (at.scratch / kind).read_text()


def from_folder(path):
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    with os.fdopen(os.open(os.path.basename(path), os.O_RDONLY, dir_fd=folder)) as file:
        return file.read()


def by_path_only(path):
    holder = os.open(path, os.O_PATH)
    return Path(f"/proc/self/fd/{holder}").read_text()


def forked(path):
    here, there = os.pipe()
    if os.fork() == 0:
        os.write(there, native(path).encode())
        os._exit(0)
    os.close(there)
    return os.read(here, 64).decode()


def of(program, *arguments):
    done = subprocess.run([program, *arguments], check=False, capture_output=True, text=True)
    return done.stdout


WAYS = {
    "open": lambda at, path: Path(path).read_text(),
    "os_open": lambda at, path: os.read(os.open(path, os.O_RDONLY), 64).decode(),
    "native": lambda at, path: native(path),
    "mapped": lambda at, path: mapped(path),
    "link": lambda at, path: through_link(at, path, "symlink"),
    "hard_link": lambda at, path: through_link(at, path, "link"),
    "rename": lambda at, path: through_link(at, path, "rename"),
    "copy": lambda at, path: Path(shutil.copy(path, at.scratch)).read_text(),
    "proc_root": lambda at, path: Path(f"/proc/self/root{path}").read_text(),
    "parents_root": lambda at, path: Path(f"/proc/{os.getppid()}/root{path}").read_text(),
    "dots": lambda at, path: Path(f"{at.root}/../../../../../../../..{path}").read_text(),
    "folder_descriptor": lambda at, path: from_folder(path),
    "by_path_only": lambda at, path: by_path_only(path),
    "fork": lambda at, path: forked(path),
    "cat": lambda at, path: of("cat", path),
    "shell": lambda at, path: of("sh", "-c", f"exec 3<{path}; cat <&3"),
    "spawned": lambda at, path: of(sys.executable, "-c", f"print(open({path!r}).read())"),
    "numpy": lambda at, path: bytes(np.fromfile(path, np.uint8)).decode(),
    "memmap": lambda at, path: bytes(np.memmap(path, np.uint8, "r")).decode(),
    "pandas": lambda at, path: "".join(pd.read_csv(path, header=None)[0]),
    "sqlite": lambda at, path: str(
        sqlite3.connect(f"file:{path}.db?mode=ro", uri=True)
        .execute("select word from words")
        .fetchone()[0]
    ),
    "names": lambda at, path: " ".join(os.listdir(os.path.dirname(path))),
    "import": lambda at, path: (
        sys.path.insert(0, os.path.dirname(path)) or __import__("secret_words").WORD
    ),
    "execute": lambda at, path: of(f"{path}.sh"),
    "environment_of_judge": lambda at, path: Path(
        f"/proc/{os.environ['JUDGE']}/environ"
    ).read_text(),
    "memory_of_judge": lambda at, path: str(
        os.open(f"/proc/{os.environ['JUDGE']}/mem", os.O_RDONLY)
    ),
    "swallowed": lambda at, path: swallowed(path),
}


def swallowed(path):
    try:
        return Path(path).read_text()
    except OSError:
        return "nothing, which I do not tell"


def forging(path):
    """Leave answers for the call that comes after this one."""
    for secret in (2, "2", None):
        text = json.dumps([[], {"id": secret, "ok": "forged"}]).encode()
        for name in os.listdir("/proc/self/fd"):
            try:
                wire = socket.socket(fileno=os.dup(int(name)))
                wire.sendall(struct.pack("<4sIQ", b"AWH1", len(text), 0) + text)
            except OSError:
                continue
    return "first"


OTHERS = {
    "forging": lambda at, path: forging(path),
    "own": lambda at, path: "own",
    "writing": lambda at, path: str(Path(path).write_text("mine")),
}


@surface("drift")
def psi(at: Context, reference, current):
    """A hook that behaves."""
    return float(np.sum(reference) + np.sum(current))


@surface("online")
def run(at: Context, way, path):
    return {**WAYS, **OTHERS}[way](at, path)
