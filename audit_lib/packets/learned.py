"""What a run holds beside its results: what the version learned, and what its audit can see."""

from collections import Counter
from pathlib import Path
from typing import TypeVar

from audit_lib.explain.between import Between
from audit_lib.explain.records import Head, Record, Summary
from audit_lib.faults.sensitivity import NAME, Sensitivity, read
from audit_lib.files import read_whole

R = TypeVar("R", bound=Record)
#: heads, and factors of each, that page one names
_HEADS, _FACTORS = 3, 2


def learned_lines(run_dir: Path) -> tuple[str, str]:
    """What decides, and what changed since the champion; '' for what the run does not hold."""
    folder = run_dir / "learned_conditions"
    summary = _read(folder / "summary.json", Summary)
    changes = _read(folder / "between.json", Between)
    # The decision first: it is what trades.
    heads = sorted(summary.heads if summary else (), key=lambda h: h.name != "position")
    decides = "; ".join(filter(None, map(_factors, heads[:_HEADS])))
    if changes is None:
        return decides, ""
    kinds = Counter(c.kind for c in changes.changes)
    counted = ", ".join(f"{number} × {kind}" for kind, number in kinds.items())
    return decides, f"since {changes.before}: {counted or 'nothing beyond its interval'}"


def proved(run_dir: Path, subject: str, version: str) -> Sensitivity | None:
    """What the run holds of a proof of that version."""
    proof = read(run_dir / NAME)
    return proof if proof and (proof.subject, proof.version) == (subject, version) else None


def _factors(head: Head) -> str:
    shares = [f"{f.factor} {f.share:.0%}" for f in head.factors[:_FACTORS] if f.share is not None]
    return f"{head.name}: {', '.join(shares)}" if shares else ""


def _read(file: Path, form: type[R]) -> R | None:
    try:
        return form.model_validate_json(read_whole(file))
    except (OSError, ValueError):
        return None
