"""Tiny made-up subjects: a parameters folder, a source file or two, hooks of a few lines."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from audit_lib.subject.subject import Subject, open_subject

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


@contextmanager
def tiny(
    folder: Path,
    hooks: str = "",
    *,
    source: dict[str, str] | None = None,
    meta: dict[str, Any] | None = None,
    arrays: dict[str, Any] | None = None,
    parameters: str = "",
) -> Iterator[Subject]:
    """A subject with these hooks (after the market of :data:`MARKET`), source files and metadata.

    Args:
        folder: an empty folder.
        hooks: text of hooks, appended to the market.
        source: path to text of source files.
        meta: metadata of version ``v1``.
        arrays: file name to mapping of arrays, saved as npz beside the metadata.
        parameters: further lines of ``subject.yaml``.
    """
    import numpy as np

    root, own = folder / "engine", folder / "parameters" / "tiny"
    own.mkdir(parents=True)
    for path, text in {"__init__.py": "", **(source or {})}.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(textwrap.dedent(text))
    lines = ["subject: tiny", "source: {root: ../../engine}", textwrap.dedent(parameters)]
    if meta is not None:
        (root / "store" / "v1").mkdir(parents=True)
        (root / "store" / "v1" / "meta.json").write_text(json.dumps(meta))
        for name, content in (arrays or {}).items():
            np.savez(root / "store" / "v1" / name, **content)
        lines.append("artifacts: {store: store, registry: null}")
    (own / "subject.yaml").write_text("\n".join(lines) + "\n")
    (own / "hooks.py").write_text(MARKET + textwrap.dedent(hooks))
    subject = open_subject(f"{own}/", workspace=folder, root=root)
    try:
        yield subject.at("v1")
    finally:
        subject.close()
