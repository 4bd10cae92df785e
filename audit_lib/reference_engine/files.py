"""Plain files in and out: JSON and npz to bytes and back, checksums, atomic writes.

The same content always gives the same bytes, so that building twice can be compared by checksum.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .errors import ArtifactRefused


def sha256(content: bytes) -> str:
    """SHA-256 of some bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    staged = path.with_name(f".{path.name}.{os.getpid()}")
    staged.write_bytes(content)
    staged.replace(path)


def read_verified(path: Path, expected: str | None) -> bytes:
    """Read a file and compare it with its checksum, if it has one.

    Raises:
        ArtifactRefused: it is not there or not what the checksum says.
    """
    try:
        content = path.read_bytes()
    except OSError:
        raise ArtifactRefused(f"{path.parent.name}/{path.name} cannot be read") from None
    if expected is not None and sha256(content) != expected:
        raise ArtifactRefused(f"{path.parent.name}/{path.name} is not what its checksum says")
    return content


def to_json(data: object) -> bytes:
    """JSON text, one value a line for short diffs, refusing NaN and infinity."""
    return (json.dumps(data, indent=1, allow_nan=False) + "\n").encode()


def from_json(name: str, content: bytes) -> Any:
    """The inverse of :func:`to_json`.

    Raises:
        ArtifactRefused: the content is not JSON.
    """
    try:
        return json.loads(content)
    except ValueError as error:
        raise ArtifactRefused(f"{name} is not JSON: {error}") from None


def to_npz(arrays: Mapping[str, Any]) -> bytes:
    """Arrays in NumPy's npz format; its time stamps are constant."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def from_npz(name: str, content: bytes) -> dict[str, Any]:
    """The inverse of :func:`to_npz`; nothing in the file is executed.

    Raises:
        ArtifactRefused: the content is not an npz file of plain arrays.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            return {key: stored[key] for key in stored.files}
    except (ValueError, OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ArtifactRefused(f"{name} is not an npz file of plain arrays: {error}") from None
