"""Hooks that behave and tell where they run."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

import numpy as np

from audit_lib.hooks import Context, Refusal, surface

print("hooks.py was run")


@surface("drift")
def psi(at: Context, reference, current):
    return float(np.sum(reference) + np.sum(current))


@surface("governance")
def promote(at: Context, champion, challenger):
    if challenger is None:
        raise ValueError("nobody challenges")
    return champion is None or challenger["score"] > champion["score"]


@surface("features")
def build(at: Context, panel):
    return panel


@surface("registry")
def resolve(at: Context, request):
    raise Refusal(f"there is no {request}")


@surface("online")
def run(at: Context, what, *more):
    return globals()[what](at, *more)


def where(at):
    return {
        "root": str(at.root),
        "store": str(at.store),
        "version": at.version,
        "scratch": str(at.scratch),
        "inside": os.listdir(at.scratch),
        "current": os.getcwd(),
    }


def leave(at, name):
    (at.scratch / name).write_text(name)
    return sorted(os.listdir(at.scratch))


def write_to_store(at):
    (at.store / "written").write_text("by the hook")
    return sorted(os.listdir(at.store))


def surroundings(at):
    import audit_lib

    return {
        "path": sys.path,
        "prefix": sys.prefix,
        "python": list(sys.version_info[:2]),
        "environment": dict(os.environ),
        "library": audit_lib.__file__,
        "bytecode": sys.dont_write_bytecode,
        "threads": len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 1,
    }


def draw(at):
    return [random.random(), float(np.random.rand())]


def is_imported(at, name):
    was = name in sys.modules
    __import__(name)
    return was


def import_from_root(at):
    was = "package.module" in sys.modules
    sys.path.insert(0, str(at.root))
    import package.module

    return [was, package.module.VALUE]


def say(at):
    print("to standard output")
    print("to standard error", file=sys.stderr)
    raise RuntimeError("after printing")


def wait(at, seconds):
    time.sleep(seconds)
    return seconds


def wait_and_tell(at, file):
    Path(file).write_text("waiting")
    time.sleep(600)


def count(at, state=[]):  # noqa: B006 - it counts the calls of its process
    state.append(1)
    return len(state)
