"""What a run holds beside its results: what the version learned, and what its audit can see."""

import json
from pathlib import Path
from typing import Any

from audit_lib.faults.sensitivity import NAME, Sensitivity, read
from audit_lib.files import read_whole

#: heads, and factors of each, that page one names
_HEADS, _FACTORS = 3, 2


def learned_lines(run_dir: Path) -> tuple[str, str]:
    """What decides, and what changed since the champion; '' for what the run does not hold."""
    folder = run_dir / "learned_conditions"
    summary, changes = _read(folder / "summary.json"), _read(folder / "between.json")
    heads = [h for h in _listed(summary, "heads") if isinstance(h, dict)]
    # The decision first: it is what trades.
    heads.sort(key=lambda h: h.get("name") != "position")
    decides = "; ".join(filter(None, map(_head, heads[:_HEADS])))
    kinds = [str(c.get("kind")) for c in _listed(changes, "changes") if isinstance(c, dict)]
    if not changes:
        return decides, ""
    counted = ", ".join(f"{kinds.count(k)} × {k}" for k in dict.fromkeys(kinds))
    return decides, f"since {changes.get('before')}: {counted or 'nothing beyond its interval'}"


def proved(run_dir: Path, subject: str, version: str) -> Sensitivity | None:
    """What the run holds of a proof of that version."""
    sensitivity = read(run_dir / NAME)
    return (
        sensitivity
        if sensitivity and (sensitivity.subject, sensitivity.version) == (subject, version)
        else None
    )


def _head(head: dict[str, Any]) -> str:
    shares = []
    for factor in _listed(head, "factors")[:_FACTORS]:
        share = factor.get("share") if isinstance(factor, dict) else None
        if isinstance(share, (int, float)):
            shares.append(f"{factor.get('factor')} {share:.0%}")
    return f"{head.get('name')}: {', '.join(shares)}" if shares else ""


def _listed(data: dict[str, Any], key: str) -> list[Any]:
    items = data.get(key)
    return items if isinstance(items, list) else []


def _read(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(read_whole(file))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
