"""Who becomes champion: rules over the metrics of the holdout.

A challenger takes the chair only if it is strictly better on the ranking metric, by at least the
margin, and not worse on any guard.  So nothing displaces itself or its equal, no two versions can
displace each other, and improving a metric never costs a promotion.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .errors import Refused

RELEASED_STAGE, CANDIDATE_STAGE = "released", "candidate"  # only the former can be champion

METRICS: dict[str, str] = {
    "rank_correlation": "higher",  # of the predicted and the earned return
    "auc": "higher",  # of the direction score
    "calibration_error": "lower",  # expected calibration error of the probability
}
RANKING = "rank_correlation"
MARGIN = 0.005  # absolute, in the unit of the ranking metric


def should_promote(champion: Mapping[str, float] | None, challenger: Mapping[str, float]) -> bool:
    """Whether the challenger takes the champion's place.

    Args:
        champion: the champion's metrics; None if the chair is empty.
        challenger: the challenger's metrics.

    Returns:
        False for a challenger with a metric that is not finite; True for any other one if the
        chair is empty.

    Raises:
        Refused: a governed metric is missing on either side, or the champion's is not finite.
    """
    _demand(challenger, "challenger")
    if not all(math.isfinite(challenger[name]) for name in METRICS):
        return False
    if champion is None:
        return True
    _demand(champion, "champion")
    if not all(math.isfinite(champion[name]) for name in METRICS):
        raise Refused("the champion's recorded metrics are not finite: governance cannot compare")
    gains = {name: gain(name, champion[name], challenger[name]) for name in METRICS}
    return gains[RANKING] >= MARGIN and all(value >= 0 for value in gains.values())


def gain(metric: str, before: float, after: float) -> float:
    """How much better ``after`` is, in the unit of the metric; negative if worse."""
    return after - before if METRICS[metric] == "higher" else before - after


def _demand(metrics: Mapping[str, float], who: str) -> None:
    missing = [name for name in METRICS if name not in metrics]
    if missing:
        raise Refused(f"the {who} does not report {missing}; governance ranks by {list(METRICS)}")
