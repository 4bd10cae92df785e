"""Made-up repositories for static checks: files in a folder, a subject.yaml, nothing to run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from audit_lib.subject.parameters import SourceParameters, Subsystem
from audit_lib.subject.source import SourceFile, SourceTree
from audit_lib.subject.subject import Subject, open_subject


def write(root: Path, files: Mapping[str, str | bytes | Any]) -> Path:
    """Write files; text and bytes as they are, anything else as JSON."""
    for path, content in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(_bytes(content))
    return root


def _bytes(content: str | bytes | Any) -> bytes:
    if isinstance(content, bytes):
        return content
    return (content if isinstance(content, str) else json.dumps(content)).encode()


def tree(root: Path, files: Mapping[str, str | bytes], **source: Any) -> SourceTree:
    """A source tree of these files."""
    source.setdefault("subsystem", Subsystem(files=("**/*.py",)))
    return SourceTree(write(root, files), SourceParameters(**source))


def source_file(root: Path, content: str | bytes, path: str = "m.py") -> SourceFile:
    """One source file."""
    write(root, {path: content})
    return SourceFile(path, root / path)


def subject(
    folder: Path,
    files: Mapping[str, Any],
    *,
    version: str = "",
    own: Mapping[str, str] | None = None,
    **parameters: Any,
) -> Subject:
    """A subject whose checkout holds ``files`` and whose parameters are given by keyword.

    ``own`` are files beside subject.yaml.
    """
    root = write(folder / "repo", files)
    place = folder / "parameters" / "made"
    settings = {"subject": "made", **parameters}
    write(place, {"subject.yaml": yaml.safe_dump(settings), **(own or {})})
    found = open_subject("made", workspace=folder, root=root)
    return found.at(version) if version else found


STORE: dict[str, Any] = {"store": "store", "registry": {"file": "registry.json"}}


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def lightgbm_text(names: list[str]) -> bytes:
    """A LightGBM text model of one leaf that was fitted on these columns."""
    tree = (
        "Tree=0\nnum_leaves=1\nnum_cat=0\nsplit_feature=\nsplit_gain=\nthreshold=\n"
        "decision_type=\nleft_child=\nright_child=\nleaf_value=0.5\nleaf_weight=\nleaf_count=\n"
        "internal_value=\ninternal_weight=\ninternal_count=\nis_linear=0\nshrinkage=1\n\n\n"
    )
    return (
        "tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
        f"max_feature_idx={len(names) - 1}\nobjective=regression\nfeature_names={' '.join(names)}\n"
        f"feature_infos={' '.join('[0:1]' for _ in names)}\ntree_sizes={len(tree)}\n\n"
        f"{tree}end of trees\n\nfeature_importances:\n\nparameters:\n[boosting: gbdt]\n"
        "end of parameters\n\npandas_categorical:null\n"
    ).encode()


def good_store(columns: tuple[str, ...] = ("a", "b", "c")) -> dict[str, Any]:
    """Files of a store with one complete version ``v1``."""
    model = lightgbm_text(list(columns))
    meta = {
        "version": "v1",
        "feature_cols": list(columns),
        "input_dim": len(columns),
        "heads": {"return": 0, "direction": 1},
        "schema_hash": digest("\n".join(columns).encode()),
        "run": {"seed": 1, "data": "made up"},
        "scaler": {"median": [0.0] * len(columns), "mad": [1.0] * len(columns)},
        "checksums": {"model.txt": digest(model)},
        "horizon": 5,
    }
    registry = {
        "versions": [{"version_id": "v1", "horizon": 5, "n_features": len(columns)}],
        "latest": "v1",
        "champion": "v1",
    }
    return {
        "m.py": "x = 1\n",
        "store/v1/model.txt": model,
        "store/v1/meta.json": meta,
        "store/registry.json": registry,
    }
