"""Programs that leak, and twins that do not, drawn from spellings and shapes and judged by running.

    python benchmarks/leak_programs.py [--seed 1] [--count 400]

A program builds one served column.  A *spelling* says what it computes (a later bar, a fill, a
window on both sides, a statistic of the whole sample; in pandas, NumPy, SciPy and scikit-learn), a
*shape* how the value gets to the column (a helper, classes, a field, a lambda, a loop, ``assign``,
``pipe``).  Whether it leaks is not declared but measured: its rows are built from the whole history
and from a part of it, and compared.  Counts what the checks that read say, and ends with an error
where a leak goes unseen or a clean program is accused.
"""

from __future__ import annotations

import argparse
import random
import sys
import warnings
from collections import defaultdict
from itertools import product

import numpy as np
import pandas as pd
from leaks import workspace_of

from audit_lib.subject.subject import open_subject
from audit_lib.testing import run_check

READING = ("FEA111", "FEA112", "FEA113", "FEA114", "FEA115")
HEAD = "import numpy as np\nimport pandas as pd\n"

#: Expressions, one a line, of a series ``{c}``, one with gaps ``{g}``, a number of bars ``{k}`` and
#: a width ``{w}``; what begins with ``~`` answers with an array.
LATER = """
{c}.shift(-{k})
{c}.shift(periods=-{k})
{c}.shift(-1 * {k})
{c}.shift({k} * -1)
{c}.shift(0 - {k})
{c}.diff(-{k})
{c}.pct_change(-{k})
{c}.pct_change(periods=-{k})
{c}.iloc[::-1].shift({k}).iloc[::-1]
{c}[::-1].diff({k})[::-1]
~np.roll({c}, -{k})
~np.roll({c}.values, shift=-{k})
~np.append({c}.values[{k}:], [np.nan] * {k})
~np.concatenate([{c}.to_numpy()[{k}:], np.full({k}, np.nan)])
~np.r_[{c}.values[{k}:], np.full({k}, np.nan)]
~np.pad({c}.values[{k}:], (0, {k}), constant_values=np.nan)
~np.diff({c}.values, append=np.nan)
~np.ediff1d({c}.values, to_end=np.nan)
{c}.rolling({w}).mean().shift(-{w})
{c}.rolling({w}).max().shift(1 - {w})
{c}.to_frame('x').shift(-{k})['x']
{c}.groupby({c}.index.year).shift(-{k})
{c}.groupby({c}.index.year).transform(lambda s: s.shift(-{k}))
{c}.to_frame('x').groupby({c}.index.year)['x'].diff(-{k})
{c}.shift({k}, freq='-1D').reindex({c}.index)
{c}.shift(-{k}, freq='D').reindex({c}.index)
~[{c}.iloc[i + {k}] if i + {k} < len({c}) else np.nan for i in range(len({c}))]
"""
FILLS = """
{g}.bfill()
{g}.bfill(limit={w})
{g}.interpolate()
{g}.interpolate('time')
{g}.interpolate(limit_direction='both')
{g}.interpolate(limit_direction='forward')
{g}.reindex({g}.index[::2]).reindex({g}.index, method='bfill')
{g}.dropna().reindex({g}.index, method='nearest')
{g}.dropna().reindex({g}.index, method='backfill')
{g}[::-1].ffill()[::-1]
{g}.iloc[::-1].ffill().iloc[::-1]
{g}.sort_index(ascending=False).ffill().sort_index()
~np.interp(np.arange(len({g})), np.flatnonzero({g}.notna()), {g}.dropna())
{g}.fillna({g}.mean())
{g}.fillna({g}.median())
{g}.fillna(np.nanmean({g}))
{g}.combine_first({g}.bfill())
{g}.where({g}.notna(), {g}.bfill())
{c}.resample('W', label='left').last().reindex({c}.index, method='ffill')
{c}.resample('7D').last().reindex({c}.index).ffill()
~pd.merge_asof({c}.to_frame(), {g}.dropna().rename('y'), on='date', direction='forward')['y'].values
~pd.merge_asof({c}.to_frame(), {g}.dropna().rename('y'), on='date', direction='nearest')['y'].values
"""
WINDOWS = """
{c}.rolling({w}, center=True).mean()
{c}.rolling(window={w}, center=True).std()
{c}[::-1].rolling({w}).mean()[::-1]
{c}.iloc[::-1].ewm(span={w}).mean().iloc[::-1]
{c}[::-1].cummax()[::-1]
{c}.iloc[::-1].cummin().iloc[::-1]
{c}[::-1].expanding().mean()[::-1]
~np.maximum.accumulate({c}.values[::-1])[::-1]
~np.cumsum({c}.values[::-1])[::-1]
{c}.rolling(pd.api.indexers.FixedForwardWindowIndexer(window_size={w})).max()
~np.convolve({c}, np.ones({w}) / {w}, mode='same')
~np.convolve({c}, np.ones({w}) / {w}, 'same')
~np.gradient({c})
~signal.savgol_filter({c}, 7, 2)
~signal.filtfilt(*signal.butter(2, 0.1), {c})
~signal.detrend({c})
~signal.medfilt({c}, 5)
~ndimage.gaussian_filter1d({c}, 2.0)
~ndimage.uniform_filter1d({c}, 5)
~ndimage.convolve1d({c}.values, np.ones(5) / 5)
~signal.convolve({c}, np.ones(5) / 5, mode='same')
~signal.wiener({c}.values, 5)
~np.abs(signal.hilbert({c}))
~np.fft.irfft(np.fft.rfft({c})[:20], len({c}))
~np.polyval(np.polyfit(np.arange(len({c})), {c}, 2), np.arange(len({c})))
~interpolate.UnivariateSpline(np.arange(len({c})), {c})(np.arange(len({c})))
~np.correlate({c}, np.ones(5), 'same')
"""
WHOLE = """
({c} - {c}.mean()) / {c}.std()
({c} - np.mean({c})) / np.std({c})
{c}.sub({c}.mean()).div({c}.std())
({c} - {c}.min()) / ({c}.max() - {c}.min())
{c} - {c}.mean()
{c} / {c}.max()
{c} / {c}.std()
{c}.rank(pct=True)
{c}.rank(pct=True, method='first')
pd.qcut({c}, {w}, labels=False)
pd.cut({c}, {w}, labels=False)
{c}.clip({c}.quantile(0.05), {c}.quantile(0.95))
{c}.clip(upper=np.percentile({c}, 95))
({c} > {c}.quantile(0.9)).astype(float)
({c} > {c}.median()).astype(float)
~stats.zscore({c})
~np.asarray(mstats.winsorize({c}.values, (0.05, 0.05)))
~preprocessing.StandardScaler().fit_transform({c}.to_frame())[:, 0]
~preprocessing.MinMaxScaler().fit_transform({c}.to_frame())[:, 0]
~preprocessing.RobustScaler().fit({c}.to_frame()).transform({c}.to_frame())[:, 0]
~preprocessing.scale({c})
~preprocessing.minmax_scale({c})
~preprocessing.robust_scale({c})
~preprocessing.QuantileTransformer(n_quantiles=50).fit_transform({c}.to_frame())[:, 0]
~preprocessing.KBinsDiscretizer(4, encode='ordinal').fit_transform({c}.to_frame())[:, 0]
~decomposition.PCA(1).fit_transform(np.c_[{c}, {c}.shift(1).bfill()])[:, 0]
~cluster.KMeans(2, n_init=1, random_state=0).fit_predict({c}.to_frame())
~mixture.GaussianMixture(2, random_state=0).fit({c}.to_frame()).predict({c}.to_frame())
~make_pipeline(StandardScaler(), PCA(1)).fit_transform({c}.to_frame())[:, 0]
{c}.groupby({c}.index.dayofweek).transform('mean')
{c} / {c}.groupby({c}.index.dayofweek).transform('mean')
{c}.groupby({c}.index.month).transform(lambda s: (s - s.mean()) / s.std())
{c} - {c}.expanding().mean().iloc[-1]
{c}.map({c}.groupby({c}.round(1)).mean().to_dict()).fillna({c})
{c} / {c}.iloc[-1]
"""
#: Right ones that stand near: the same words, and only bars that are known.
CLEAN = """
{c}.shift({k})
{c}.diff({k})
{c}.pct_change({k})
{c}.shift(abs(-{k}))
{c}.rolling({w}).mean()
{c}.rolling({w}, center=False).mean()
{c}.ewm(span={w}).mean()
{g}.ffill()
{g}.fillna(0.0)
({c} - {c}.rolling({w}).mean()) / {c}.rolling({w}).std()
({c} - {c}.expanding().mean()) / {c}.expanding().std()
{c}.rolling({w}).rank(pct=True)
{c}.expanding().rank(pct=True)
{c} / {c}.cummax()
{c} / {c}.iloc[0]
{c}.clip({c}.expanding().quantile(0.05), {c}.expanding().quantile(0.95))
{c}[::-1][::-1].rolling({w}).mean()
~np.r_[np.full({k}, np.nan), {c}.values[:-{k}]]
~np.diff({c}.values, prepend=np.nan)
~np.concatenate([np.full({k}, np.nan), {c}.values[:-{k}]])
~np.ediff1d({c}.values, to_begin=np.nan)
~np.convolve({c}, np.ones({w}) / {w})[:len({c})]
~signal.lfilter([0.1], [1, -0.9], {c})
{c}.resample('W', label='right').last().reindex({c}.index, method='ffill')
{c}.resample('W').last().shift(1).reindex({c}.index, method='ffill')
{c}.groupby({c}.index.year).shift({k})
{c}.groupby({c}.index.year).cumsum()
{c}.groupby({c}.index.dayofweek).transform(lambda s: s.shift(1).expanding().mean())
{c}.rolling({w}).apply(lambda x: (x[-1] - x.mean()) / x.std(), raw=True)
~preprocessing.StandardScaler().fit({c}.iloc[:40].to_frame()).transform({c}.to_frame())[:, 0]
~pd.merge_asof({c}.to_frame(), {g}.dropna().rename('y'), on='date')['y'].values
{c}.rolling({w}).quantile(0.9)
({c} > {c}.rolling({w}).median()).astype(float)
{g}.ffill(limit={w})
pd.cut({c}, [0, 50, 100, 1000], labels=False)
{c}.sort_index(ascending=False).sort_index().diff({k})
~np.maximum.accumulate({c}.values)
{c}.rolling({w}).max().shift({w} - 1)
~[{c}.iloc[i - {k}] if i >= {k} else np.nan for i in range(len({c}))]
{c}.mask({c} < 0).ffill()
{c}.rolling({w}).apply(lambda x: np.polyfit(range(len(x)), x, 1)[0])
"""
SPELLINGS = {
    kind: spelt.strip().splitlines()
    for kind, spelt in {
        "later": LATER, "fill": FILLS, "window": WINDOWS, "whole": WHOLE, "clean": CLEAN
    }.items()
}  # fmt: skip
BRINGS = {
    "signal.": "from scipy import signal",
    "ndimage.": "from scipy import ndimage",
    "interpolate.Un": "from scipy import interpolate",
    "stats.z": "from scipy import stats",
    "mstats": "from scipy.stats import mstats",
    "make_pipeline": "from sklearn.decomposition import PCA\n"
    "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler",
    **{
        f"{m}.": f"from sklearn import {m}"
        for m in ("preprocessing", "decomposition", "cluster", "mixture")
    },
}

#: How the value gets to the column: ``{e}`` is the expression of the series ``x`` (gaps: ``y``).
SHAPES = {
    "in place": """
def add_features(bars):
    x, y = bars['close'], bars['gappy']
    bars['gap'] = {e}
    return bars
""",
    "helper": """
def _strength(x, y):
    return {e}


def add_features(bars):
    bars['gap'] = _strength(bars['close'], bars['gappy'])
    return bars
""",
    "assign": """
def add_features(bars):
    return bars.assign(gap=lambda d: _of(d['close'], d['gappy']))


def _of(x, y):
    value = {e}
    return value
""",
    "class": """
class Features:
    def __init__(self, bars):
        self.bars = bars

    def _gap(self):
        x, y = self.bars['close'], self.bars['gappy']
        return {e}

    def build(self):
        return self.bars.assign(gap=self._gap())


def add_features(bars):
    return Features(bars).build()
""",
    "apart": """
class Maker:
    def __init__(self, close, gappy):
        self.close, self.gappy = close, gappy

    def value(self):
        x, y = self.close, self.gappy
        return {e}


class Table:
    def fill(self, bars):
        maker = Maker(bars['close'], bars['gappy'])
        bars.loc[:, 'gap'] = maker.value()
        return bars


def add_features(bars):
    return Table().fill(bars)
""",
    "table": """
FEATURES = {{'gap': lambda x, y: {e}}}


def add_features(bars):
    for name, make in FEATURES.items():
        bars[name] = make(bars['close'], bars['gappy'])
    return bars
""",
    "frame": """
def add_features(bars):
    x, y = bars['close'], bars['gappy']
    made = {{}}
    made['gap'] = np.log1p(np.abs({e}))
    return pd.DataFrame(made, bars.index)
""",
    "pipe": """
def _smooth(x, y):
    out = {e}
    return out


def _put(bars):
    bars = bars.copy()
    bars['gap'] = bars['close'].pipe(_smooth, bars['gappy'])
    return bars


def add_features(bars):
    return bars.pipe(_put)
""",
}
#: Where the number of bars stands: (before the functions, the expression's own text).
NUMBERS = {"written": ("", "{k}"), "constant": ("BARS = {k}\n\n\n", "BARS")}


def market(seed: int, rows: int = 160) -> pd.DataFrame:
    """Bars of one asset, with a column that has gaps."""
    rng = np.random.default_rng(seed)
    index = pd.date_range("2020-01-01", periods=rows, name="date")
    close = pd.Series(100 * np.exp(rng.normal(0, 0.03, rows).cumsum()), index, name="close")
    return pd.DataFrame({"close": close, "gappy": close.where(rng.uniform(size=rows) > 0.3)})


def leaks(text: str) -> bool:
    """True where rows of the past differ once later bars are known."""
    names: dict[str, object] = {}
    exec(text, names)  # a text of this benchmark's own
    build = names["add_features"]
    assert callable(build)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for bars, cut in product(map(market, (7, 8, 9)), (60, 97, *range(110, 136, 3))):
            whole = build(bars.copy())["gap"].to_numpy(float)
            part = build(bars.iloc[:cut].copy())["gap"].to_numpy(float)
            if not np.allclose(whole[:cut], part, rtol=1e-9, equal_nan=True):
                return True
    return False


def accused(text: str) -> list[str]:
    """What the checks that read say of a program, one line a finding."""
    with workspace_of(text) as folder:
        subject = open_subject("read", workspace=folder)
        return [f"{f.code} {f.message}" for c in READING for f in run_check(c, subject).findings]


def program(spelling: str, rng: random.Random) -> tuple[str, str]:
    """(shape, text) of a program that computes a spelling."""
    shape, number = rng.choice(sorted(SHAPES)), rng.choice(sorted(NUMBERS))
    head, spelt = NUMBERS[number]
    k, w = rng.choice((1, 2, 3, 5)), rng.choice((5, 7, 9))
    if spelling.startswith("~"):
        spelling = f"pd.Series({spelling[1:]}, {{c}}.index)"
    plain = spelling.format(c="x", g="y", k=spelt.format(k=k), w=w)
    brought = "".join(f"{line}\n" for word, line in BRINGS.items() if word in plain)
    before = head.format(k=k) if "{k}" in spelling else ""
    return f"{shape}, {number}", HEAD + brought + before + SHAPES[shape].format(e=plain)


def main() -> int:
    """Draw programs, and print what was missed and what was accused."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=400)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    drawn = [(kind, s) for kind, known in SPELLINGS.items() for s in known]
    rng.shuffle(drawn)
    counts: dict[tuple[str, bool], list[int]] = defaultdict(lambda: [0, 0])
    wrong = 0
    for number in range(options.count):
        kind, spelling = drawn[number % len(drawn)]
        shape, text = program(spelling, rng)
        truth, said = leaks(text), accused(text)
        counts[kind, truth][0] += bool(said)
        counts[kind, truth][1] += 1
        if bool(said) is not truth:
            wrong += 1
            print(f"{'MISSED' if truth else 'ACCUSED'} {kind} ({shape}): {spelling}")
            print("".join(f"    {line}\n" for line in said), end="")
    for (kind, truth), (told, of) in sorted(counts.items()):
        print(f"{kind:8} {'leaks' if truth else 'clean'}: told of {told} of {of}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
