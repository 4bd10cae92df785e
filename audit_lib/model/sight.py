"""What the checks of a run could look at: whether a finding that is not there is gone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from audit_lib.model.results import CheckResult, TaskResult
from audit_lib.model.vocabulary import Outcome

NOT_RUN = "it did not run"


@dataclass(frozen=True)
class Sight:
    """What one check could look at.

    Attributes:
        blind: why it told nothing at all; '' where it looked.
        gaps: parts that it could not look at, with the reason.
    """

    blind: str
    gaps: Mapping[str, str]


def sights(tasks: Iterable[TaskResult]) -> dict[str, Sight]:
    """Sight of every check of a run, by code."""
    return {r.code: _sight(r) for t in tasks for r in t.results}


def unseen(code: str, here: Mapping[str, Sight], there: Mapping[str, Sight]) -> str:
    """Why a check of one run did not look at all that it looked at in another; '' where it did.

    A part that it could look at in neither run changes nothing between them.
    """
    sight = here.get(code)
    if sight is None:
        return NOT_RUN
    if sight.blind:
        return sight.blind
    earlier = there[code].gaps if code in there else {}
    return "; ".join(f"{what}: {why}" for what, why in sight.gaps.items() if what not in earlier)


def _sight(result: CheckResult) -> Sight:
    gaps = {gap.what: gap.why for gap in result.gaps}
    if result.outcome in (Outcome.PASS, Outcome.FAIL):
        return Sight("", gaps)
    # A check that found nothing and left gaps is not assessed for the gaps alone.
    looked = result.outcome is Outcome.NOT_ASSESSED and gaps
    if looked and result.reason == "; ".join(f"{g.what}: {g.why}" for g in result.gaps):
        return Sight("", gaps)
    return Sight(result.reason or result.outcome.value.replace("_", " "), gaps)
