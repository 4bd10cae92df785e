"""Every fault there is: importing the files registers what they hold."""

from audit_lib.faults import decisions, features, files, life, numbers, predictor, targets
from audit_lib.faults.base import FAULTS, Fault

_HOLD = (features, targets, predictor, decisions, numbers, life, files)


def all_faults() -> tuple[Fault, ...]:
    """All faults, by contract and name."""
    return tuple(sorted(FAULTS.values(), key=lambda f: (f.contract.value, f.name)))
