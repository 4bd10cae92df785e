"""Broken inputs of every kind: each check that only reads comes to an end, and never crashes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from audit_lib.checks.catalogue import all_checks
from audit_lib.engine import run_check
from audit_lib.errors import AuditError, NotAssessed
from audit_lib.model import Outcome
from audit_lib.subject.subject import Subject, open_subject
from tests.made_repo import STORE, good_store, subject

SECONDS = 30
Spoil = Callable[[Path], object]
#: Checks that read a subject's files; those of one import graph, or of mypy, take seconds each.
READING = [
    check for check in all_checks() if check.pure and check.code.startswith(("CHK", "LED", "SEC"))
]


@contextmanager
def limited() -> Iterator[None]:
    """End what hangs."""

    def ended(*_: object) -> None:
        raise TimeoutError(f"no end within {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, ended)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _text(path: str, content: str | bytes) -> Spoil:
    def spoil(root: Path) -> None:
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))

    return spoil


def _link(path: str, target: str) -> Spoil:
    def spoil(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).unlink(missing_ok=True)
        (root / path).symlink_to(target)

    return spoil


def _pipe(path: str) -> Spoil:
    def spoil(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).unlink(missing_ok=True)
        os.mkfifo(root / path)

    return spoil


def _meta(**changes: Any) -> Spoil:
    def spoil(root: Path) -> None:
        file = root / "store/v1/meta.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return spoil


def _registry(**changes: Any) -> Spoil:
    def spoil(root: Path) -> None:
        file = root / "store/registry.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return spoil


def _bytes_name(root: Path) -> None:
    (Path(os.fsdecode(os.fsencode(root) + b"/m\xff\xfe.py"))).write_text("x = 1\n")
    (Path(os.fsdecode(os.fsencode(root) + b"/store/v1/\xff.pkl"))).write_bytes(b"N.")


def _sparse(root: Path) -> None:
    with (root / "store/v1/large.bin").open("wb") as file:
        file.truncate(1 << 33)


def _loop(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    (root / "c").symlink_to(".")
    (root / "store/v1/up").symlink_to("..")


def _names_that_print(root: Path) -> None:
    for name in ("x\n1 critical.py", "y\x1b[2J.py", "z\u202egpj.py", "w\u200b.py"):
        (root / name).write_text("x = 1\n")
        (root / "store/v1" / name).write_bytes(b"N.")


ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {k: 1}\n" + "".join(
    f"{b}: &{b} {{<<: [{','.join([f'*{a}'] * 20)}]}}\n"
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
VERSION = {"version_id": "v1", "horizon": 5, "n_features": 3}
CASES: dict[str, Spoil] = {
    **{f"{p} never ends": _link(p, "/dev/zero") for p in (
        "zero.py", "m.py", "store/v1/zero.pkl", "store/v1/meta.json", "store/registry.json",
        "pyproject.toml", "requirements.txt", "README.md")},
    **{f"{p} waits": _pipe(p) for p in (
        "wait.py", "m.py", "store/v1/wait.pkl", "store/v1/meta.json", "store/registry.json",
        "pyproject.toml", "requirements.txt")},
    **{f"{p} leaves the tree": _link(p, "/etc/passwd") for p in (
        "out.py", "store/v1/out.json", "store/v1/meta.json", "store/registry.json")},
    **{f"{p} leads nowhere": _link(p, "nothing") for p in (
        "gone.py", "store/v1/gone.pkl", "store/v1/meta.json")},
    "links in circles": _loop,
    "names that are no text": _bytes_name,
    "names that print": _names_that_print,
    "a file of 8 GB": _sparse,
    "a line of 2 MB": _text("long.py", "x = [" + "1, " * 700_000 + "]\n"),
    "a string of 2 MB": _text("long.py", "x = '" + "a" * 2_000_000 + "'\n"),
    "an expression of 2,000 sums": _text("deep.py", "x = " + "1 + " * 2000 + "1\n"),
    "nested 90 deep": _text("deep.py", "x = " + "[" * 90 + "]" * 90 + "\n"),
    "nested too deep": _text("deep.py", "x = " + "(" * 5000 + ")" * 5000 + "\n"),
    "NUL in source": _text("nul.py", b"x = 1\0\n"),
    "no UTF-8 in source": _text("latin.py", b"x = '\xe9'\n"),
    "a coding line of nothing": _text("coding.py", b"# coding: no-such\nx = 1\n"),
    "UTF-16 source": _text("wide.py", "x = 1\n".encode("utf-16")),
    "bidirectional source": _text("bidi.py", "x = 1 # \u202e \u2066 if admin:\n"),
    "a lone surrogate": _text("store/v1/meta.json", b'{"run": {"\\ud800": "\\udfff"}}'),
    "metadata that is a list": _text("store/v1/meta.json", "[1, 2]"),
    "metadata that is null": _text("store/v1/meta.json", "null"),
    "metadata that is empty": _text("store/v1/meta.json", ""),
    "metadata cut short": _text("store/v1/meta.json", '{"version": "v1", "feature_cols": ["a'),
    "keys given twice": _text("store/v1/meta.json", '{"version": "v1", "version": "v2"}'),
    "NaN and infinity": _text("store/v1/meta.json", '{"version": NaN, "horizon": Infinity}'),
    "nested metadata": _text("store/v1/meta.json", "[" * 100_000 + "]" * 100_000),
    "numbers of many digits": _text("store/v1/meta.json", '{"horizon": ' + "9" * 10_000 + "}"),
    "impossible dates": _meta(trained="2024-02-31", created="0000-00-00", until="99999-01-01"),
    "columns of other kinds": _meta(feature_cols=[1, None, {"a": 1}, ["b"]]),
    "columns that are text": _meta(feature_cols="abc", input_dim="three"),
    "columns that are null": _meta(feature_cols=None, input_dim=None, heads=None, scaler=None),
    "a scaler of other lengths": _meta(scaler={"median": [0.0], "mad": ["x", None, []]}),
    "checksums of other kinds": _meta(checksums={"model.txt": 5, "../../x": "x", "": None}),
    "checksums that are a list": _meta(checksums=["a"]),
    "text that is hostile": _meta(version="\x1b[2J\u202ev1\u200b", note="a" + "\u0301" * 5000),
    "a registry that is a list": _text("store/registry.json", "[]"),
    "a registry that is text": _text("store/registry.json", '"x"'),
    "a registry that is cut": _text("store/registry.json", '{"versions": [{"version'),
    "no versions": _registry(versions=[]),
    "versions of other kinds": _registry(versions=[1, None, "v1", [], VERSION]),
    "versions as a mapping": _registry(versions={"v1": None, "v2": 5}),
    "one version twice": _registry(versions=[VERSION, VERSION]),
    "ids that leave the store": _registry(versions=[VERSION, {"version_id": "../../etc"}]),
    "ids of other kinds": _registry(versions=[VERSION, {"version_id": 5}, {"version_id": None}]),
    "ancestors in circles": _registry(
        versions=[{**VERSION, "parent": "v2"}, {"version_id": "v2", "parent": "v1"}]
    ),
    "pointers to nothing": _registry(latest="v9", champion=None),
    "pointers of other kinds": _registry(latest=["v1"], champion={"id": "v1"}),
    "aliases of aliases": _text("store/v1/more.yaml", ALIASES),
    "merges of merges": _text("store/v1/more.yaml", MERGES),
    "YAML that is cut": _text("store/v1/more.yaml", "a: [1, {b: 'c"),
    "an empty model": _text("store/v1/model.txt", ""),
    "a model cut short": _text("store/v1/model.txt", "tree\nversion=v4\n"),
    "a pickle cut short": _text("store/v1/m.pkl", b"\x80\x04\x95\xff\xff\xff\xff"),
    "a zip of nothing": _text("store/v1/m.npz", b"PK\x05\x06" + bytes(18)),
    "a bomb": _text("store/v1/m.pkl", b"\x80\x02" + b"]q\x00" + b"h\x00a" * 10_000 + b"."),
    "a project that is no TOML": _text("pyproject.toml", "[project\nname = "),
    "requirements that are none": _text("requirements.txt", "-r requirements.txt\n@@@\n\x00\n"),
}  # fmt: skip


def test_the_corpus_is_large() -> None:
    assert len(CASES) >= 60


def _made(tmp_path: Path, spoil: Spoil) -> Subject | None:
    files = {**good_store(), "engine/__init__.py": "", "engine/a.py": "def f(x):\n    return x\n"}
    subject(tmp_path, files, artifacts=STORE)
    spoil(tmp_path / "repo")
    try:
        return open_subject("made", workspace=tmp_path, root=tmp_path / "repo").at("v1")
    except (AuditError, NotAssessed):
        return None  # said in one message, which other tests hold


LARGE = "a file of 8 GB"  # a sparse one, which is read all the same


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n == LARGE else n for n in CASES]
)
def test_what_is_broken_is_told_and_ends_nothing(name: str, tmp_path: Path) -> None:
    with limited():
        made = _made(tmp_path, CASES[name])
        if made is None:
            return
        results = [run_check(check(), made) for check in READING]
        crashed = [(r.code, r.reason) for r in results if r.outcome is Outcome.ERROR]
        assert not crashed, crashed
