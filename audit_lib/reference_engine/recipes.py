"""How each version was made: recipes are data, and so are the mistakes of the candidate.

A recipe with the defaults is how a version should be made.  The fields under "can be got wrong"
are the places where trainers and exporters of real engines slip; the release candidate slips in
all of them (``README.md`` lists what follows from each), and the released versions in none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import Refused
from .features import RELEASED
from .governance import CANDIDATE_STAGE, RELEASED_STAGE
from .splits import WalkForward
from .targets import HORIZON


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a version is.

    Attributes:
        version: its id.
        start: first date of the training data, ISO format.
        end: last date of the training data; nothing later is read.
        stage: ``released`` or ``candidate``.
        features: input columns, in the order the models are trained on.
        splits: the walk-forward plan; its last fold is the holdout.
        seed: of everything random.
        scaler_rows: ``train`` or, got wrong, ``all``: the holdout's rows too.
        calibrator_rows: ``before_holdout`` or, got wrong, ``all``: the rows it is judged on too.
        column_order: ``trained`` or, got wrong, ``sorted``: ``feature_cols`` exported by name.
        heads: head name to the output it names, where that is not the output of the same name.
        unlisted: files written without a checksum.
        live_overrides: decision numbers that live trading uses instead of the shared ones.
    """

    version: str
    start: str
    end: str
    stage: str = RELEASED_STAGE
    features: tuple[str, ...] = RELEASED
    splits: WalkForward = field(
        default_factory=lambda: WalkForward(folds=8, opening=0.25, purge=HORIZON, embargo=HORIZON)
    )
    seed: int = 20100104
    # what can be got wrong
    scaler_rows: str = "train"
    calibrator_rows: str = "before_holdout"
    column_order: str = "trained"
    heads: tuple[tuple[str, str], ...] = ()
    unlisted: tuple[str, ...] = ()
    live_overrides: tuple[tuple[str, float], ...] = ()


#: A purge that forgets that a label ends bars after the decision: two bars for a horizon of six.
SHORT_PURGE = WalkForward(folds=8, opening=0.25, purge=2, embargo=HORIZON)

RECIPES: tuple[Recipe, ...] = (
    Recipe("2018-12", start="2011-01-03", end="2018-12-31"),
    Recipe("2020-03", start="2012-04-02", end="2020-03-31"),
    Recipe("2020-12", start="2013-01-02", end="2020-12-31"),
    Recipe("2021-12", start="2014-01-02", end="2021-12-31"),
    Recipe(
        "2022-03rc",
        start="2014-04-01",
        end="2022-03-31",
        stage=CANDIDATE_STAGE,
        features=(*RELEASED, "trend_centred_21"),
        splits=SHORT_PURGE,
        scaler_rows="all",
        calibrator_rows="all",
        column_order="sorted",
        heads=(("direction", "volatility"), ("volatility", "direction")),
        unlisted=("conformal.npz",),
        live_overrides=(("max_return_short", 0.15),),
    ),
)


def recipe(version: str) -> Recipe:
    """The recipe of a version.

    Raises:
        Refused: no recipe has this id.
    """
    for known in RECIPES:
        if known.version == version:
            return known
    raise Refused(f"no recipe is called {version!r}; known: {[r.version for r in RECIPES]}")
