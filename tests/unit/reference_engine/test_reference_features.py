import numpy as np
import pandas as pd
import pytest

from audit_lib.reference_engine.errors import Refused
from audit_lib.reference_engine.feature_builders import (
    LiveBuilder,
    build_backtest,
    build_live,
    build_training,
)
from audit_lib.reference_engine.features import (
    CATALOGUE,
    RELEASED,
    RESEARCH_ONLY,
    percentile_rank,
    policy,
    schema_hash,
)
from audit_lib.reference_engine.panel import load_panel

BUILDERS = (build_training, build_backtest, build_live)


def ragged(panel: pd.DataFrame) -> pd.DataFrame:
    """A late listing, a delisting, a missing bar and a bar without a price."""
    dates = panel.index.get_level_values("date")
    assets = panel.index.get_level_values("asset")
    gone = ((assets == "KO") & (dates < "2019-06-03")) | (
        (assets == "XOM") & (dates > "2020-06-30")
    )
    gone |= (assets == "AAPL") & (dates == "2019-09-03")
    kept = panel[~gone].copy()
    kept.loc[("AAPL", pd.Timestamp("2020-03-02")), "close"] = np.nan
    return kept


@pytest.mark.parametrize("shape", [lambda p: p, ragged], ids=["whole", "ragged"])
def test_the_three_builders_agree_on_every_released_feature(short_panel, shape):
    panel = shape(short_panel)
    training, *others = (build(panel, RELEASED) for build in BUILDERS)
    assert training.notna().all(axis=1).sum() > 500
    for other in others:
        pd.testing.assert_frame_equal(training, other, rtol=1e-12)


def test_only_training_knows_a_research_feature(short_panel):
    training, backtest, live = (build(short_panel, ["trend_centred_21"]) for build in BUILDERS)
    assert training.notna().sum().item() == len(short_panel) - 3 * 20
    assert live.isna().all(axis=None)
    known = backtest.notna().to_numpy()
    assert 0 < known.sum() < training.notna().sum().item()
    assert (backtest[known] == training[known]).all(axis=None)


@pytest.mark.parametrize("build", BUILDERS)
def test_rows_follow_their_labels(short_panel, build):
    built = build(short_panel, RELEASED)
    shuffled = short_panel.sample(frac=1.0, random_state=3)
    pd.testing.assert_frame_equal(build(shuffled, RELEASED), built.reindex(shuffled.index))


@pytest.mark.parametrize("name", RELEASED)
def test_a_feature_reads_exactly_its_declared_bars(short_panel, name):
    feature = CATALOGUE[name]
    panel = short_panel.loc[["KO"]]
    at, before = 300, build_training(panel, [name]) if not feature.ranked else None
    if before is None:
        panel = short_panel
        before = build_training(panel, [name])
    moved = panel.copy()
    bar = moved.index.get_level_values("date")[at]
    moved.loc[("KO", bar), "close"] *= 3.0
    after = build_training(moved, [name])
    ko = ((before != after) & before.notna()).loc["KO"][name].to_numpy()
    touched = np.flatnonzero(ko) - at
    assert touched.min() >= -feature.last
    assert touched.max() <= -feature.first
    assert policy([name])[name] == ("END_OF_DAY" if feature.last == 0 else "CAUSAL")


def test_features_have_no_unit_of_price(short_panel):
    doubled = build_training(short_panel * 7.0, RELEASED)
    pd.testing.assert_frame_equal(doubled, build_training(short_panel, RELEASED), atol=1e-9)


def test_a_live_builder_answers_the_assets_it_is_given():
    builder = LiveBuilder(RELEASED)
    answer = builder.on_bar({"B": 10.0, "A": 20.0})
    assert list(answer.index) == ["B", "A"]
    assert answer.isna().all(axis=None)
    assert builder.on_bar({}).shape == (0, len(RELEASED))


def test_percentile_rank_is_that_of_pandas():
    values = np.array([3.0, 1.0, np.nan, 3.0, 2.0, -np.inf])
    expected = (pd.Series(values).rank() - 0.5) / 5
    np.testing.assert_allclose(percentile_rank(values), expected)


def test_no_released_feature_is_for_research():
    assert RESEARCH_ONLY not in policy(RELEASED).values()
    assert policy(["trend_centred_21"]) == {"trend_centred_21": RESEARCH_ONLY}


def test_the_schema_hash_knows_order():
    assert schema_hash(RELEASED) != schema_hash(RELEASED[::-1])
    assert schema_hash(RELEASED) == schema_hash(list(RELEASED))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.reset_index(), "indexed by"),
        (lambda p: p.rename(columns={"close": "last"}), "column 'close'"),
        (lambda p: p.astype(str), "must be numeric"),
        (lambda p: pd.concat([p, p.iloc[:1]]), "occurs twice"),
    ],
)
@pytest.mark.parametrize("build", BUILDERS)
def test_an_unacceptable_panel_is_refused(short_panel, build, change, message):
    with pytest.raises(Refused, match=message):
        build(change(short_panel), RELEASED)


def test_unknown_names_are_refused(short_panel):
    with pytest.raises(Refused, match="moon_phase"):
        build_training(short_panel, ["moon_phase"])
    with pytest.raises(Refused, match="TSLA"):
        load_panel(["TSLA"])


@pytest.mark.parametrize("build", BUILDERS)
def test_an_empty_panel_gives_an_empty_frame(short_panel, build):
    assert build(short_panel.iloc[:0], RELEASED).shape == (0, len(RELEASED))


def test_shipped_closes_are_whole():
    panel = load_panel()
    assert panel.shape == (3270 * 12, 1)
    assert (panel["close"] > 0).all()
