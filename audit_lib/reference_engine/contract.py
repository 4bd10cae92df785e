"""The pipeline contract, derived from the code: ``PIPELINE_CONTRACT.json`` must equal it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import drift, governance, registry, retrain
from .checkpoint import META, MISSING, SCHEMA_VERSION
from .features import RELEASED, lookup, schema_hash
from .files import from_json, to_json, write_atomically
from .heads import LABELS, head_map
from .recipes import Recipe
from .risk_gates import GATES
from .rules import DecisionConfig
from .scaling import FACTOR, FLOOR
from .targets import ENTRY, HOLDING, HORIZON, TARGETS

FILE = Path(__file__).resolve().parent / "PIPELINE_CONTRACT.json"


def derive() -> dict[str, Any]:
    """The contract of every released version, as JSON data."""
    plan = Recipe("any", "", "").splits
    return {
        "schema_version": 1,
        "features": {
            "order": list(RELEASED),
            "schema_hash": schema_hash(RELEASED),
            "policy": {f.name: f.policy for f in lookup(RELEASED)},
            "reads_bars": {f.name: [f.first, f.last] for f in lookup(RELEASED)},
            "missing": MISSING,
        },
        "targets": {
            name: {
                "kind": target.kind,
                "unit": target.unit,
                "horizon": HORIZON,
                "entry": ENTRY,
                "holding": HOLDING,
                "thresholds": list(target.thresholds),
            }
            for name, target in TARGETS.items()
        },
        "splits": {
            "kind": "purged walk-forward over dates",
            "folds": plan.folds,
            "opening": plan.opening,
            "purge": plan.purge,
            "embargo": plan.embargo,
            "holdout": "last fold",
        },
        "scaler": {"kind": "median/MAD", "factor": FACTOR, "floor": FLOOR, "rows": "train"},
        "heads": {n: head.as_data() for n, head in head_map(tuple(LABELS), {}).items()},
        "checkpoint": {
            "metadata": META,
            "schema_version": SCHEMA_VERSION,
            "fields": [
                "schema_version", "version", "created", "input_dim", "feature_cols",
                "feature_policy", "schema_hash", "missing", "scaler", "outputs", "heads", "models",
                "targets", "splits", "folds", "metrics", "run", "checksums",
            ],
            "checksums": "SHA-256 of every other file of the version",
        },
        "decisions": {"backtest": DecisionConfig().as_data(), "live": DecisionConfig().as_data()},
        "gates": list(GATES),
        "registry": {
            "file": registry.FILE,
            "default": "champion",
            "explicit_request": "that version or a refusal",
            "retention": registry.KEPT,
            "stages": [governance.RELEASED_STAGE, governance.CANDIDATE_STAGE],
        },
        "governance": {
            "metrics": governance.METRICS,
            "ranking": governance.RANKING,
            "margin": governance.MARGIN,
        },
        "retrain": {
            "max_age_days": retrain.MAX_AGE_DAYS,
            "max_psi": retrain.MAX_PSI,
            "max_decay": retrain.MAX_DECAY,
            "cusum": {"slack": drift.SLACK, "limit": drift.LIMIT},
        },
    }  # fmt: skip


def differences(documented: Any, derived: Any, pointer: str = "") -> list[str]:
    """JSON pointers at which two documents differ, with both values."""
    if isinstance(documented, dict) and isinstance(derived, dict):
        found = []
        for key in dict.fromkeys([*documented, *derived]):
            path = f"{pointer}/{key}"
            if key not in documented or key not in derived:
                found.append(f"{path}: only in {'document' if key in documented else 'code'}")
            else:
                found += differences(documented[key], derived[key], path)
        return found
    return [] if documented == derived else [f"{pointer}: {documented!r} but code has {derived!r}"]


def write() -> None:
    """Write the document from the code."""
    write_atomically(FILE, to_json(derive()))


def drifted() -> list[str]:
    """Where the document and the code differ; empty while the contract is kept."""
    return differences(from_json(FILE.name, FILE.read_bytes()), derive())
