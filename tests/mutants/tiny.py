"""Tiny made-up subjects: a parameters folder, a source file or two, hooks of a few lines.

Their hooks run in the process of the tests, which trusts them and is much faster; what the host
does is tested with the host.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from audit_lib import hooks
from audit_lib.host import Entries, HookError, HookRaised, HookRefused, Isolation
from audit_lib.host.child.derived import derived
from audit_lib.host.child.entering import entering
from audit_lib.host.child.opening import opening
from audit_lib.subject.subject import Subject, open_subject

MOVE = """
@surface("features")
def build(at, panel):
    return each(panel, move=lambda b: b["close"].pct_change(5, fill_method=None))

@surface("predictor")
def required(at):
    return ["move"]
"""
"""one feature of the market, and a model that requires it"""

MARKET = """
import numpy as np
import pandas as pd
from audit_lib.hooks import Context, Refusal, surface

BARS, ASSETS = 420, 3

def _market():
    rng = np.random.default_rng(5)
    dates = pd.date_range("2015-01-01", periods=BARS, freq="B", name="date")
    frames = {}
    for i in range(ASSETS):
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.015, BARS)))
        frames[f"S{i}"] = pd.DataFrame(
            {"close": close, "volume": rng.lognormal(12, 0.5, BARS)}, index=dates
        )
    return pd.concat(frames, names=["asset", "date"])

def each(panel, **columns):
    parts = {}
    for asset, part in panel.groupby(level=0):
        bars = part.droplevel(0)
        parts[asset] = pd.DataFrame(
            {n: pd.Series(np.asarray(f(bars)), index=bars.index) for n, f in columns.items()}
        )
    return pd.concat(parts, names=["asset", "date"])

def returns(bars):
    return bars["close"].pct_change(fill_method=None)

@surface("features")
def panel(at):
    return _market()
"""


class LocalHost:
    """Calls hooks in this process, and answers as the host would."""

    isolation = Isolation.BUBBLEWRAP  # what these hooks do is known

    def __init__(self, file: Path, root: Path) -> None:
        self.root = root
        hooks._registered.clear()
        exec(compile(file.read_text(), file.name, "exec"), {"__name__": "tiny_hooks"})
        self.functions = derived(hooks.registered())
        self.modules: dict[str, ModuleType] = {}
        self.kept = tempfile.TemporaryDirectory()
        self.scratch = Path(self.kept.name)
        self.entries = Entries()

    def folder(self, name: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=name, dir=self.scratch))

    def scratch_copy(self, path: Path) -> Path:
        return Path(shutil.copytree(path, self.folder("copy") / path.name))

    @contextmanager
    def _own_modules(self) -> Iterator[None]:
        """The source's own package for imports; other hosts have other packages of that name."""
        name, path = self.root.name, list(sys.path)
        if _importing.get(name) is not self:
            if name in _importing:
                _importing[name]._take_back()
            sys.modules.update(self.modules)
            _importing[name] = self
        try:
            yield
        finally:
            sys.path[:] = path

    def _take_back(self) -> None:
        """Leave the name of the source's package to others."""
        name = self.root.name
        for module in [m for m in sys.modules if m == name or m.startswith(f"{name}.")]:
            self.modules[module] = sys.modules.pop(module)
        del _importing[name]

    @contextmanager
    def _folder_of_call(self) -> Iterator[Path]:
        """An empty folder; what a call leaves there goes with it."""
        folder = self.scratch / "call"
        folder.mkdir(exist_ok=True)
        try:
            yield folder
        finally:
            if os.listdir(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def call(
        self,
        name: str,
        *args: Any,
        store: Path,
        version: str,
        scratch: Path | None = None,
        key: Any = None,
    ) -> Any:
        with self._folder_of_call() as folder, self._own_modules():
            at = hooks.Context(self.root, store, version, scratch or folder, key or {})
            try:
                return self._followed(name, at, copy.deepcopy(args))
            except hooks.Refusal as refusal:
                raise HookRefused(name, str(refusal)) from None
            except Exception as error:  # noqa: BLE001 - as the host: any failure is the answer
                raise HookRaised(name, type(error).__name__, str(error)) from None

    def _followed(self, name: str, at: hooks.Context, args: tuple[Any, ...]) -> Any:
        if not self.entries.wanted(name):
            return self.functions[name](at, *args)
        header: dict[str, Any] = {}
        try:
            root, scratch = str(self.root), str(at.scratch)
            with (
                opening(root, scratch) as header["opened"],
                entering(root, args) as header["entered"],
            ):
                answer = self.functions[name](at, *args)
            header["ok"] = True
            return answer
        finally:
            self.entries.take(name, header)

    def call_many(
        self,
        name: str,
        calls: Sequence[tuple[Any, ...]],
        **where: Any,
    ) -> list[Any]:
        found: list[Any] = []
        for call in calls:
            try:
                found.append(self.call(name, *call, **where))
            except HookError as error:
                found.append(error)
        return found

    def close(self) -> None:
        """Nothing runs elsewhere."""
        if _importing.get(self.root.name) is self:
            self._take_back()
        self.kept.cleanup()


#: name of a package -> the host whose modules of that name are imported
_importing: dict[str, LocalHost] = {}


def drive_here(subject: Subject) -> None:
    """Have the hooks of a subject run in this process."""
    file = subject.folder / subject.parameters.hooks
    subject.inquiry.hosts[None] = LocalHost(file, subject.root)  # type: ignore[assignment]
    subject.inquiry.others |= {(seed, None): subject.inquiry.hosts[None] for seed in (1, 2)}


@contextmanager
def tiny(
    folder: Path,
    text: str = "",
    *,
    source: dict[str, str] | None = None,
    meta: dict[str, Any] | None = None,
    arrays: dict[str, Any] | None = None,
    parameters: str = "",
) -> Iterator[Subject]:
    """A subject with hooks of this text (after :data:`MARKET`), source files and metadata.

    Args:
        folder: an empty folder.
        text: text of hooks, appended to the market.
        source: path to text of source files.
        meta: metadata of version ``v1``.
        arrays: file name to mapping of arrays, saved as npz beside the metadata.
        parameters: further lines of ``subject.yaml``.
    """
    import numpy as np

    root, own = folder / "engine", folder / "parameters" / "tiny"
    own.mkdir(parents=True)
    for path, content in {"__init__.py": "", **(source or {})}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(textwrap.dedent(content))
    lines = ["subject: tiny", "source: {root: ../../engine}", textwrap.dedent(parameters)]
    if meta is not None:
        (root / "store" / "v1").mkdir(parents=True, exist_ok=True)
        (root / "store" / "v1" / "meta.json").write_text(json.dumps(meta))
        for name, array in (arrays or {}).items():
            np.savez(root / "store" / "v1" / name, **array)
        lines.append("artifacts: {store: store, registry: null}")
    (own / "subject.yaml").write_text("\n".join(lines) + "\n")
    (own / "hooks.py").write_text(MARKET + textwrap.dedent(text))
    subject = open_subject(f"{own}/", workspace=folder, root=root)
    drive_here(subject)
    try:
        yield subject.at("v1")
    finally:
        subject.close()
