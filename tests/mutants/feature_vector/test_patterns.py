import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

CODES = ["FEA111", "FEA112", "FEA113", "FEA114", "FEA115"]
INNOCENT = '''
import numpy as np
from sklearn.model_selection import TimeSeriesSplit, train_test_split


def make_target(close, horizon):
    return close.shift(-horizon) / close - 1


def standard(x):
    return (x - x.mean()) / x.std()


def features(close, frame, names):
    """A docstring may say x.shift(-1) or bfill."""
    frame["lag"] = close.shift(1)
    frame["fwd_return"] = close.shift(-5) / close - 1
    frame["zero"] = close.shift(-0)
    frame["smooth"] = close.rolling(5, center=False).mean().ffill()
    frame["z"] = (close - close.rolling(60).mean()) / close.rolling(60).std()
    frame["xs"] = (frame - frame.mean(axis=1)) / frame.std(axis=1)
    frame["cs"] = frame.groupby("date").apply(lambda day: (day - day.mean()) / day.std())
    frame["cs2"] = frame.groupby(level="datetime")["close"].transform(standard)
    frame["cs3"] = frame.apply(lambda row: (row - row.mean()) / row.std(), axis=1)
    frame["line"] = close.interpolate("pad")
    frame["ratio"] = (close - close.rolling(9).mean()) / frame.high.std()
    frame["cs_rank"] = frame.groupby("date")["close"].rank(pct=True)
    frame["cs_rank2"] = frame.rank(axis=1, pct=True)
    frame["cs_rank3"] = frame.groupby(level=1)["close"].rank(pct=True)
    frame["agreement"] = close.rank().corr(frame.high.rank())
    frame["ts_rank"] = close.rolling(60).rank(pct=True)
    frame["capped"] = close.clip(0, 10)
    frame["high"] = close > close.rolling(60).quantile(0.9)
    frame["deciles"] = frame.groupby("date")["close"].transform(lambda x: pd.qcut(x, 10))
    frame["day_mean"] = frame.groupby("date")["close"].transform("mean")
    frame["hourly"] = close.resample("1h", label="right").last().reindex(days, method="ffill")
    frame["earlier"] = close.resample("1h").last().shift(1).reindex(days, method="ffill")
    frame["weekly"] = close.resample("W").last().reindex(days).ffill()
    frame["moved"] = close.shift(1, freq="D")
    frame["turned"] = close[::-1].shift(-1)[::-1]
    frame["twice"] = close[::-1][::-1].rolling(5).mean()
    frame["sorted"] = close.sort_index(ascending=False).sort_index().ffill()
    frame["first"] = close / close.iloc[0]
    frame["drawdown"] = close / close.cummax() - 1
    frame["in_window"] = close.rolling(60).apply(lambda x: (x - x.mean())[-1] / x.std())
    frame["edges"] = pd.cut(close, [0, 10, 100])
    frame["back"] = np.r_[np.nan, close[:-1]]
    frame["step"] = np.diff(close, prepend=np.nan)
    frame["bands"] = frame.groupby(["date", "sector"])["close"].transform("mean")
    frame["fitted"] = StandardScaler().fit(x_train).transform(close)
    centred = close - close.mean()
    weights = centred / centred.std()
    buffer[:-1] = buffer[1:]
    for i in range(len(close) - 1):
        option[i] = 0.5 * (option[i] + option[i + 1])
    frame["polars"] = pl.col("close").shift(1).rolling_mean(5).forward_fill()
    frame["tail"] = np.concatenate([[np.nan], close[:-1]])
    changes[1:] = close[1:] / close[:-1] - 1
    slope = model.gradient(close)
    values, axes = np.linalg.eigh(frame)
    parts = PCA(3).fit_transform(frame[:split].loc[past])
    left, right = names.split(",")
    return np.roll(close, 1), left, right


def train(x, scaler):
    for train_rows, test_rows in TimeSeriesSplit().split(x):
        scaler.fit(x[train_rows])
    head, tail = train_test_split(x, shuffle=False)
    scaler.fit_transform(head)
    return tail
'''
GUILTY = {
    "FEA111": [
        ("close.shift(-1)", "`shift` by -1"),
        ("close.pct_change(periods=-horizon)", "`pct_change` by -horizon"),
        ("np.roll(close, -2)", "`roll` by -2"),
        ('pl.col("close").shift(n=-1)', "`shift` by -1"),
        ("close.diff(-1)", "`diff` by -1"),
        (
            "np.append(close[1:], np.nan)",
            "`append` of close[1:], which moves later rows up",
        ),
        (
            "np.concatenate([close.values[h:], np.zeros(h)])",
            "`concatenate` of close.values[h:], which moves later rows up",
        ),
        ("np.pad(close[1:], (0, 1))", "`pad` of close[1:], which moves later rows up"),
        ("np.r_[close[1:], np.nan]", "`r_` of close[1:], which moves later rows up"),
        ("close.shift(-1 * h)", "`shift` by -1 * h"),
        ("close.shift(0 - h)", "`shift` by 0 - h"),
        ("close.rolling(5).max().shift(1 - 5)", "`shift` by 1 - 5"),
        ("close.shift(-1, freq='D')", "`shift` by -1"),
        ("close.shift(2, freq='-1D')", "`shift` by 2"),
        ("close[::-1].diff()[::-1]", "`diff` on rows that `[::-1]` turns around"),
        ("close.iloc[::-1].shift(3).iloc[::-1]", "`shift` on rows that `[::-1]` turns around"),
        ("np.diff(close, append=np.nan)", "`diff(append=...)`, which takes each row from the next"),
        (
            "np.ediff1d(close, to_end=0.0)",
            "`ediff1d(to_end=...)`, which takes each row from the next",
        ),
        (
            "[close[i + 1] if i + 1 < n else nan for i in range(n)]",
            "close[i + 1] on earlier rows",
        ),
    ],
    "FEA112": [
        ("close.bfill()", "`bfill`"),
        ('close.fillna(method="backfill")', '`fillna(method="backfill")`'),
        ('close.reindex(days, method="nearest")', '`reindex(method="nearest")`'),
        (
            'close.interpolate(limit_direction="forward")',
            "`interpolate`, which draws a line to the next known bar",
        ),
        ("close.interpolate()", "`interpolate`, which draws a line to the next known bar"),
        ('pd.merge_asof(a, b, direction="forward")', '`merge_asof(direction="forward")`'),
        ('a.join_asof(b, strategy="nearest")', '`join_asof(strategy="nearest")`'),
        ('pl.col("close").fill_null(strategy="backward")', '`fill_null(strategy="backward")`'),
        ("pl.all().backward_fill()", "`backward_fill`"),
        ("close[::-1].ffill()[::-1]", "`ffill` on rows that `[::-1]` turns around"),
        (
            "np.interp(range(n), np.flatnonzero(close.notna()), close.dropna())",
            "`interp`, which draws a line to the next known bar",
        ),
        (
            'close.resample("1h").last().reindex(days, method="ffill")',
            '`resample("1h")` labelled at its beginning',
        ),
        (
            'close.resample("W", label="left").max().reindex(days).ffill()',
            '`resample("W")` labelled at its beginning',
        ),
    ],
    "FEA113": [
        ("close.rolling(3, center=True).mean()", "`rolling(center=True)`"),
        ("savgol_filter(close, 7, 2)", "`savgol_filter`, which reads both sides of a bar"),
        ('np.convolve(close, kernel, mode="same")', '`convolve(mode="same")`'),
        ('pl.col("c").rolling_mean(9, center=True)', "`rolling_mean(center=True)`"),
        ("close[::-1].rolling(5).mean()[::-1]", "`rolling` on rows that `[::-1]` turns around"),
        ("close.iloc[::-1].ewm(5).mean()", "`ewm` on rows that `[::-1]` turns around"),
        (
            "close.sort_index(ascending=False).rolling(3).sum()",
            "`rolling` on rows that `sort_index` turns around",
        ),
        ("np.gradient(close)", "`gradient`, which reads both sides of a bar"),
        ("close[::-1].cummax()[::-1]", "`cummax` on rows that `[::-1]` turns around"),
        ("np.cumsum(close[::-1])[::-1]", "`cumsum` on rows that `[::-1]` turns around"),
        (
            "np.maximum.accumulate(close[::-1])[::-1]",
            "`accumulate` on rows that `[::-1]` turns around",
        ),
        ("np.correlate(close, kernel, 'same')", '`correlate(mode="same")`'),
        ("np.fft.irfft(np.fft.rfft(close)[:20], n)", "`irfft`, which reads both sides of a bar"),
        ("ndimage.convolve1d(close, kernel)", "`convolve1d`, which reads both sides of a bar"),
        ("np.polyval(np.polyfit(t, close, 2), t)", "`polyfit` through all bars"),
        (
            "close.rolling(FixedForwardWindowIndexer(window_size=3)).max()",
            "`FixedForwardWindowIndexer`, which reads both sides of a bar",
        ),
    ],
    "FEA114": [
        ("(close - close.mean()) / close.std()", "`(close - close.mean()) / close.std()`"),
        ("(x - np.mean(x)) / (np.std(x) + 1e-9)", "`(x - np.mean(x)) / np.std(x)`"),
        ("(x - x.min()) / (x.max() - x.min())", "`(x - x.min()) / x.max()`"),
        (
            "frame.groupby('asset').apply(lambda x: (x - x.mean()) / x.std())",
            "`(x - x.mean()) / x.std()`",
        ),
        (
            "bars.groupby(bars.index.date).apply(lambda x: (x - x.mean()) / x.std())",
            "`(x - x.mean()) / x.std()`",
        ),
        ("stats.zscore(close)", "`zscore` over the whole sample"),
        ("close - close.mean()", "`close.mean()` of the whole sample"),
        ("close.div(close.std())", "`close.std()` of the whole sample"),
        ("close > np.median(close)", "`np.median(close)` of the whole sample"),
        ("close.fillna(close.mean())", "`close.mean()` of the whole sample"),
        ("close / close.iloc[-1]", "`close.iloc[-1]` of the whole sample"),
        (
            "pl.col('c') - pl.col('c').mean().over('asset')",
            "`pl.col('c').mean().over('asset')` of the whole sample",
        ),
        (
            "StandardScaler().fit_transform(close)",
            "`StandardScaler().fit_transform` on the whole sample",
        ),
        (
            "GaussianMixture(2).fit(close).predict(close)",
            "`predict` of the rows that it was fitted on",
        ),
        ("preprocessing.scale(close)", "`scale` of the whole sample"),
        ("minmax_scale(close)", "`minmax_scale` of the whole sample"),
        ("pd.cut(close, 5)", "`cut`, whose edges are those of the whole sample"),
        (
            "close.groupby(close.index.dayofweek).transform('mean')",
            '`groupby(...).transform("mean")` over all rows',
        ),
        ("close.rank(pct=True)", "`rank` over time"),
        ("frame.groupby('asset')['close'].rank(pct=True)", "`rank` over time"),
        ("frame.groupby(level=0)['close'].rank(pct=True)", "`rank` over time"),
        ("pd.qcut(close, 10)", "`qcut`, whose edges are quantiles of the whole sample"),
        ("mstats.winsorize(close, 0.01)", "`winsorize` by quantiles of the whole sample"),
        (
            "close.clip(close.quantile(0.01), close.quantile(0.99))",
            "`clip` at quantiles of the whole sample",
        ),
        (
            "close > np.nanquantile(close, 0.9)",
            "a comparison with a quantile of the whole sample",
        ),
        ("PCA(3).fit_transform(close)", "`PCA(3).fit_transform` on the whole sample"),
        ("np.linalg.svd(close)", "`svd` of the whole sample"),
        (
            "frame.groupby('asset')['close'].transform('mean')",
            '`groupby(...).transform("mean")` over all rows',
        ),
        ("np.linalg.eigh(close.cov())", "`eigh` of the covariance of the whole sample"),
    ],
}
CLEAN_BUILD = """
@surface("features")
def build(at, panel):
    return each(panel, r=returns)
"""
LEAKY_BUILD = CLEAN_BUILD.replace("r=returns", "r=lambda b: returns(b).shift(-1)")
TWO_BUILD = LEAKY_BUILD.replace("r=lambda", "m=returns, r=lambda")


def engine(expression, column="m"):
    """A function of features; ``m`` is no column that the builders of these tests answer."""
    return {"features.py": f"def momentum(close):\n    frame['{column}'] = {expression}\n"}


@pytest.mark.passes("FEA111", "FEA112", "FEA113", "FEA114", "FEA115")
def test_code_that_only_looks_like_a_leak(tmp_path):
    source = {"features.py": INNOCENT, "tests/test_features.py": "frame.shift(-1).bfill()\n"}
    with tiny(tmp_path, source=source) as subject:
        for code in CODES:
            assert_passes(run_check(code, subject))


@pytest.mark.fails("FEA111", "FEA112", "FEA113", "FEA114")
def test_patterns_that_the_probe_confirms(tmp_path):
    for code, cases in GUILTY.items():
        expression, what = cases[0]
        with tiny(tmp_path / code, LEAKY_BUILD, source=engine(expression, "r")) as subject:
            result = run_check(code, subject)
        found = assert_fails(result, path="features.py", line=2, symbol="momentum", key=what)
        assert found.severity is Severity.HIGH
        assert found.message.endswith("the probe finds columns that read ahead: r")
        assert [row[:3] for row in result.evidence[0].rows] == [
            (str(found.location), what, "confirmed")
        ]


@pytest.mark.parametrize(
    ("code", "expression", "what"),
    [(code, *case) for code, cases in GUILTY.items() for case in cases],
)
def test_patterns_are_named_where_they_stand_and_not_judged_by_text(
    tmp_path, code, expression, what
):
    with tiny(tmp_path, source=engine(expression)) as subject:
        results = {c: run_check(c, subject) for c in CODES}
    result = results[code]
    assert result.outcome is Outcome.NOT_ASSESSED
    (found,) = result.findings
    assert (found.location.path, found.location.line, found.key) == ("features.py", 2, what)
    assert found.severity is Severity.INFO
    assert (result.gaps, "no hook features.build" in result.reason) == ((), True)
    assert what in found.message
    assert all(not r.findings for c, r in results.items() if c != code)


@pytest.mark.parametrize(
    ("hooks", "severity", "outcome", "said"),
    [
        (
            CLEAN_BUILD,
            Severity.INFO,
            Outcome.PASS,
            "no column it is put into (r) reads ahead",
        ),
        (LEAKY_BUILD, Severity.HIGH, Outcome.FAIL, "columns that read ahead: r"),
    ],
)
def test_the_probe_clears_or_confirms_a_pattern(tmp_path, hooks, severity, outcome, said):
    source = {"features.py": "def momentum(close):\n    return {'r': close.shift(-1)}\n"}
    with tiny(tmp_path, hooks, source=source) as subject:
        result = run_check("FEA111", subject)
    assert result.outcome is outcome
    assert [f.severity for f in result.findings] == [severity]
    assert said in result.findings[0].message


@pytest.mark.parametrize(
    ("column", "verdict", "said"),
    [
        ("m", "cleared", "the probe does not confirm it: no column it is put into (m) reads ahead"),
        ("r", "confirmed", "the probe finds columns that read ahead: r"),
    ],
)
def test_the_columns_that_the_statement_assigns_decide(tmp_path, column, verdict, said):
    source = {"features.py": f"def momentum(x):\n    frame['{column}'] = x.bfill()\n"}
    with tiny(tmp_path, TWO_BUILD, source=source) as subject:
        result = run_check("FEA112", subject)
    assert result.findings[0].message == f"momentum uses `bfill`; {said}"
    assert result.evidence[0].rows[0][2] == verdict


@pytest.mark.passes("FEA111")
def test_a_leak_that_the_definition_does_not_name_is_not_laid_to_it(tmp_path):
    with tiny(tmp_path, LEAKY_BUILD, source=engine("close.shift(-1)")) as subject:
        result = run_check("FEA111", subject)
    assert_passes(result)
    assert result.findings[0].message.endswith(
        "momentum names none of the columns that read ahead (r)"
    )


def test_a_column_for_research_only_clears_a_pattern(tmp_path):
    policy = '@surface("features")\ndef policy(at):\n    return {"r": "research_only"}\n'
    source = engine("close.shift(-1)", "r")
    with tiny(tmp_path, LEAKY_BUILD + policy, source=source) as subject:
        result = run_check("FEA111", subject)
    assert result.outcome is Outcome.PASS
    assert result.findings[0].message.endswith("the probe finds columns for research only: r")


def test_a_pattern_twice_in_a_definition_is_two_findings(tmp_path):
    source = {"features.py": "def momentum(x):\n    a = x.bfill()\n    return a.bfill()\n"}
    with tiny(tmp_path, source=source) as subject:
        findings = run_check("FEA112", subject).findings
    assert [(f.location.line, f.key) for f in findings] == [(2, "`bfill`"), (3, "`bfill` no. 2")]
    assert len({f.fingerprint for f in findings}) == 2


@pytest.mark.fails("FEA115")
def test_a_scaler_fitted_before_the_split(tmp_path):
    source = """
    def prepare(x, y):
        scaled = StandardScaler().fit_transform(x)
        selector.fit(scaled, y)
        return train_test_split(scaled, y, shuffle=False)
    """
    with tiny(tmp_path, source={"trainer.py": source}) as subject:
        result = run_check("FEA115", subject)
    assert {f.key for f in result.findings} == {"StandardScaler().fit_transform", "selector.fit"}
    assert assert_fails(result, key="selector.fit", symbol="prepare").location.line == 4


def test_a_file_that_does_not_parse_ends_nothing(tmp_path):
    source = {"features.py": "def broken(:\n", **{"more.py": "x.shift(-1)\n"}}
    with tiny(tmp_path, source=source) as subject:
        result = run_check("FEA111", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.findings[0].message.startswith("module level")
    assert [g.what for g in result.gaps] == ["features.py"]
