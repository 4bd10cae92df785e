"""Options, schema hashes, panels, registries and state: what the probes are made of."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest

from audit_lib.checks.pricing.surface import durrleman
from audit_lib.probes.lifecycle import retraining
from audit_lib.probes.lifecycle.registries import Resolution, odd_ids, resolution
from audit_lib.probes.lifecycle.schema_hash import recognise
from audit_lib.probes.lifecycle.state import changed, tree_digest
from audit_lib.probes.market import markets
from audit_lib.probes.prediction import options
from audit_lib.probes.questions.samples import spread, whole_dates

COLUMNS = ["b", "a", "c"]


def panel(bars=60, assets=("A", "B")):
    dates = pd.date_range("2020-01-01", periods=bars, freq="B")
    index = pd.MultiIndex.from_product([list(assets), dates], names=["asset", "date"])
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(index))))
    return pd.DataFrame({"close": close, "volume": 1e6}, index=index)


@pytest.mark.parametrize(
    ("text", "function"),
    [
        (json.dumps(COLUMNS), "sha256"),
        (json.dumps(COLUMNS, separators=(",", ":")), "md5"),
        ("\n".join(COLUMNS), "sha1"),
        (str(COLUMNS), "blake2b"),
    ],
)
def test_a_schema_hash_is_recognised(text, function):
    digest = hashlib.new(function, text.encode()).hexdigest()
    assert recognise(digest, COLUMNS)
    assert recognise(f"{function}:{digest[:12]}", COLUMNS)
    assert recognise(digest, sorted(COLUMNS)) is None
    assert recognise(digest[:4], COLUMNS) is None


def test_bounds_of_options_are_those_of_arbitrage():
    table = options.terms(moneyness=(0.5, 2.0), maturities=(1.0,), rates=(0.05,), dividends=(0.0,))
    low, high = options.floor(table), options.ceiling(table)
    assert (low <= high).all()
    call = (table["kind"] == options.CALL) & (table["strike"] == 50)
    assert low[call] == pytest.approx(100 - 50 * np.exp(-0.05))
    assert high[call] == pytest.approx(100)


def test_durrlemans_function_of_a_flat_smile_is_one():
    k, flat = np.linspace(-1, 1, 5), np.full((2, 5), 0.04)
    assert durrleman(k, flat, flat * 0, flat * 0) == pytest.approx(np.ones((2, 5)))


def test_spoilt_panels_differ_from_the_panel_and_leave_it_alone():
    whole = panel()
    before = whole.copy()
    made = dict(markets.spoilt(whole))
    assert whole.equals(before)
    assert len(made) == 7
    assert made["a gap of NaN"].isna().any(axis=None)
    assert made["days without volume"]["volume"].min() == 0
    assert made["an asset whose price never moves"].loc["A", "close"].nunique() == 1
    assert made["an asset whose price never moves"].loc["B"].equals(whole.loc["B"])
    assert len(made["three bars"]) == 6


def test_units_are_changed_where_there_are_such_fields():
    told = markets.rescaled(panel(), markets.PRICES, 16.0)
    assert (told["close"] == panel()["close"] * 16).all()
    assert (told["volume"] == panel()["volume"]).all()
    assert markets.rescaled(panel()[["close"]], markets.VOLUMES, 16.0) is None


def test_whole_dates_keep_every_asset():
    chosen = whole_dates(panel(), 10)
    counts = chosen.groupby(level="date").size()
    assert list(counts) == [2] * 5
    assert len(spread(panel(), 10)) == 10


def test_states_get_worse_along_their_ladders():
    base = retraining.healthy(-0.05)
    ways = {way.name: way for way in retraining.ways(base)}
    scores = [state["live_score"] for state in ways["live score"].states]
    assert scores[0] == -0.05
    assert scores == sorted(scores, reverse=True)
    assert np.mean(ways["errors shift up"].states[-1]["errors"]) > 0
    assert retraining.disastrous(base)["psi"] == 5.0
    assert base["psi"] == 0.0


def test_odd_ids_are_ids_that_nobody_registered():
    odd = list(odd_ids("2020-12", ["2020-12", "2020-1"]))
    assert "2020-12" not in odd
    assert "2020-1" not in odd
    assert {"", "..", "../../etc", "2020-12 ", "no-such-version"} <= set(odd)


def test_files_of_a_resolution_are_looked_at(tmp_path):
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "meta.json").write_text("{}")
    found = resolution({"version": "v1", "files": ["v1/meta.json", "v1/gone", "../other"]})
    assert found == Resolution("v1", ("v1/meta.json", "v1/gone", "../other"))
    assert found.escapes(tmp_path) == ["../other"]
    assert found.missing(tmp_path) == ["v1/gone", "../other"]
    with pytest.raises(ValueError, match="wanted"):
        resolution("v1")


def test_digests_of_a_folder_tell_what_changed(tmp_path):
    (tmp_path / "a").write_text("1")
    before = tree_digest(tmp_path)
    (tmp_path / "a").write_text("2")
    (tmp_path / "b").symlink_to("a")
    assert changed(before, tree_digest(tmp_path)) == ["a", "b"]


def test_the_newest_bars_of_the_first_assets():
    dates = pd.date_range("2024-01-01", periods=5, name="date")
    bars = pd.DataFrame({"close": np.arange(5.0)}, index=dates)
    panel = pd.concat({"a": bars, "b": bars, "c": bars}, names=["asset", "date"])
    cut = markets.short(panel, assets=2, bars=3)
    assert list(cut.index) == [(a, d) for a in "ab" for d in dates[2:]]
    assert list(markets.short(bars, assets=2, bars=3).index) == list(dates[2:])
