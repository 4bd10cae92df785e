import contextlib

import pandas as pd
import pytest

from audit_lib.host.child.opening import opening
from audit_lib.model import Outcome, Severity, View
from audit_lib.probes.tryouts.hook_habits import habits
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

CLEAN = """
@surface("features")
def build(at, panel):
    return each(
        panel,
        momentum=lambda b: b["close"].pct_change(20, fill_method=None),
        weekday=lambda b: b.index.day_of_week,
    )
"""
LEAKY = """
@surface("features")
def build(at, panel):
    return each(
        panel,
        momentum=returns,
        tomorrow=lambda b: returns(b).shift(-1),
        smooth=lambda b: b["close"].rolling(5, center=True).mean() / b["close"],
        filled=lambda b: np.log(b["close"].bfill()),
    )

@surface("features")
def policy(at):
    return {"momentum": "CAUSAL", "tomorrow": "END_OF_DAY", "smooth": "RESEARCH_ONLY"}
"""


@pytest.mark.fails("FEA101")
def test_columns_that_read_ahead_are_named_with_their_reach(tmp_path):
    with tiny(tmp_path, LEAKY) as subject:
        result = run_check("FEA101", subject)
    assert {f.key for f in result.findings} == {"tomorrow", "filled"}
    found = assert_fails(result, key="tomorrow", hook="features.build")
    assert found.measured == "look-ahead 1 bars"
    assert found.severity is Severity.CRITICAL
    assert "END_OF_DAY" in found.message
    assert "beside gaps only" in assert_fails(result, key="filled", base="parameters").message
    chart = next(e for e in result.evidence if e.view is View.INFLUENCE)
    assert ("smooth", 2, 2) in chart.rows
    assert ("momentum", 1, 0) in chart.rows


#: half-hours of six weeks in local time; a day is closed HOURS after it began
ZONED = """
@surface("features")
def panel(at):
    rng = np.random.default_rng(5)
    dates = pd.date_range("START", periods=42 * 48, freq="30min", tz="ZONE", name="date")
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.004, len(dates))))
    return pd.concat({"S0": pd.DataFrame({"close": close}, index=dates)}, names=["asset", "date"])

def since_day(bars):
    day = bars["close"].resample("1D").last()
    day.index = CLOSED
    return bars["close"] / day.reindex(bars.index, method="ffill") - 1

@surface("features")
def build(at, panel):
    return each(panel, since_day=since_day)
"""
BY_HOURS = '(day.index.tz_convert("UTC") + pd.Timedelta(hours=24)).tz_convert(bars.index.tz)'
AUTUMN = [("America/New_York", "2024-10-14"), ("Europe/Berlin", "2024-09-30")]


@pytest.mark.fails("FEA101")
@pytest.mark.parametrize(("zone", "start"), AUTUMN)
def test_a_day_whose_end_is_counted_in_hours_is_read_early_once_a_year(tmp_path, zone, start):
    text = ZONED.replace("ZONE", zone).replace("START", start).replace("CLOSED", BY_HOURS)
    with tiny(tmp_path, text) as subject:
        found = assert_fails(run_check("FEA101", subject), key="since_day")
    assert found.measured == "look-ahead 1 bars"


@pytest.mark.passes("FEA101")
@pytest.mark.parametrize(("zone", "start"), AUTUMN)
def test_a_day_that_ends_at_midnight_is_read_when_it_is_over(tmp_path, zone, start):
    text = ZONED.replace("ZONE", zone).replace("START", start)
    with tiny(tmp_path, text.replace("CLOSED", "day.index + pd.DateOffset(days=1)")) as subject:
        assert_passes(run_check("FEA101", subject))


GUARDED = """
@surface("features")
def build(at, panel):
    def flow(bars):
        volume = bars["volume"]
        size = GUARD
        return size - size.rolling(5).mean()
    return each(panel, flow=flow)
"""


@pytest.mark.fails("FEA101")
def test_one_bar_without_trades_that_changes_all_the_others(tmp_path):
    one_for_all = "np.log(volume) if volume.min() > 0 else np.log1p(volume)"
    with tiny(tmp_path, GUARDED.replace("GUARD", one_for_all)) as subject:
        assert_fails(run_check("FEA101", subject), key="flow")


@pytest.mark.passes("FEA101")
def test_a_guard_of_each_bar_alone_reads_no_other(tmp_path):
    with tiny(tmp_path, GUARDED.replace("GUARD", "np.log1p(volume)")) as subject:
        assert_passes(run_check("FEA101", subject))


@pytest.mark.passes("FEA101")
def test_a_builder_that_refuses_bars_without_volume_is_asked_without_them(tmp_path):
    refused = "np.log(volume) if volume.min() > 0 else 1 / 0"
    with tiny(tmp_path, GUARDED.replace("GUARD", refused)) as subject:
        assert_passes(run_check("FEA101", subject))


@pytest.mark.fails("FEA101")
def test_a_research_column_that_the_version_requires(tmp_path):
    required = '@surface("predictor")\ndef required(at):\n    return ["momentum", "smooth"]\n'
    with tiny(tmp_path, LEAKY + required) as subject:
        result = run_check("FEA101", subject)
    found = assert_fails(result, key="smooth")
    assert "the version requires it" in found.message
    assert found.measured == "look-ahead 2 bars"


@pytest.mark.passes("FEA101")
def test_causal_features_pass(tmp_path):
    with tiny(tmp_path, CLEAN) as subject:
        assert_passes(run_check("FEA101", subject))


FROM_A_FILE = """
@surface("features")
def build(at, panel):
    own = panel.index.get_level_values(0).str[:2].map({"S0": 0.1, "S1": 0.7, "S2": 1.3})
    day = panel.index.get_level_values(1).day_of_year
    moved = panel["close"].groupby(level=0).pct_change(3, fill_method=None)
    return pd.DataFrame({"from_a_file": np.sin(17.0 * day + own), "moved": moved}, panel.index)
"""


def test_what_nothing_moves_is_not_a_pass(tmp_path):
    with tiny(tmp_path, FROM_A_FILE) as subject:
        result = run_check("FEA101", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "from_a_file: nothing in the panel moves it" in result.reason


@pytest.mark.parametrize(("asked", "told"), [("moved", []), ("from_a_file", ["from_a_file"])])
def test_what_no_model_reads_leaves_no_gap(tmp_path, asked, told):
    required = f'@surface("predictor")\ndef required(at):\n    return ["{asked}"]\n'
    with tiny(tmp_path, FROM_A_FILE + required) as subject:
        result = run_check("FEA101", subject)
    assert [g.what for g in result.gaps] == told
    assert result.outcome is (Outcome.NOT_ASSESSED if told else Outcome.PASS)


def test_a_builder_that_raises_is_not_assessed(tmp_path):
    hooks = '@surface("features")\ndef build(at, panel):\n    raise KeyError("adj_close")\n'
    with tiny(tmp_path, hooks) as subject:
        result = run_check("FEA101", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "adj_close" in result.reason


READS = """
@surface("features")
def build(at, panel):
    told = pd.read_csv(at.root / "data" / "macro.csv", index_col=0, parse_dates=True)["rate"]
    (at.scratch / "cache.csv").write_text("kept")
    (at.scratch / "cache.csv").read_text()
    rate = told.reindex(panel.index.get_level_values("date")).to_numpy()
    return each(panel, momentum=returns).assign(carry=lambda x: x["momentum"] - rate)
"""


@pytest.mark.passes("FEA101")
def test_a_file_that_the_builder_reads_is_a_gap_until_it_is_declared(tmp_path):
    dates = pd.date_range("2015-01-01", periods=420, freq="B")
    text = pd.Series(0.01, index=dates, name="rate").to_csv()
    source = {"data/macro.csv": text}
    with tiny(tmp_path / "a", READS, source=source) as subject:
        result = run_check("FEA101", subject)
        assert result.outcome is Outcome.NOT_ASSESSED
        assert [gap.what for gap in result.gaps] == ["data/macro.csv"]
        (asked,) = habits(subject)
        assert asked.said.startswith("it reads data/macro.csv beside the panel")
    known = "files: {data/macro.csv: published at the close of its date}\n"
    with tiny(tmp_path / "b", READS, source=source, parameters=known) as subject:
        assert_passes(run_check("FEA101", subject))


@pytest.mark.passes("FEA101")
def test_a_file_that_a_table_beside_is_made_of_is_no_gap(tmp_path):
    text = READS.replace("def build(at, panel):", "def sides(at, panel):").split("    rate =")[0]
    text += """    return {"macro": told.to_frame()}

@surface("features")
def build(at, panel, sides):
    rate = sides["macro"]["rate"].reindex(panel.index.get_level_values("date")).to_numpy()
    return each(panel, momentum=returns).assign(carry=lambda x: x["momentum"] - rate)
"""
    dates = pd.date_range("2015-01-01", periods=420, freq="B")
    source = {"data/macro.csv": pd.Series(0.01, index=dates, name="rate").to_csv()}
    with tiny(tmp_path, text, source=source) as subject:
        assert_passes(run_check("FEA101", subject))
        assert habits(subject) == ()


@pytest.mark.passes("FEA101")
def test_artifacts_of_the_version_are_no_market_data(tmp_path):
    reads = READS.replace('at.root / "data" / "macro.csv"', 'at.store / "v1" / "names.csv"')
    reads = reads.replace('"rate"]', '"rate"].tail(0)').replace("- rate", "")
    meta = {"feature_cols": ["momentum"]}
    with tiny(tmp_path, reads, meta=meta) as subject:
        (subject.store / "v1" / "names.csv").write_text(",rate\n2015-01-01,1\n")
        assert_passes(run_check("FEA101", subject.at("v1")))


def test_files_are_noted_however_pandas_opens_them(tmp_path):
    inside, outside, scratch = (tmp_path / name for name in ("root", "elsewhere", "scratch"))
    for folder in (inside, outside, scratch):
        folder.mkdir()
        (folder / "settings.yaml").write_text("a: 1")
        (folder / "x.parquet").write_bytes(b"")
    with opening(str(inside), str(scratch)) as found:
        for folder in (inside, outside, scratch):
            with contextlib.suppress(ImportError, OSError, ValueError):  # no reader is installed
                pd.read_parquet(folder / "x.parquet")
            (folder / "settings.yaml").read_text()
        (inside / "written.csv").write_text("1")
    assert found == ["x.parquet", str(outside / "x.parquet")]
    with opening(str(inside), str(scratch)) as again:
        pass
    assert again == []
