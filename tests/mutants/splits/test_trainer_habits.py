"""Habits of trainers, right and wrong, as they are met in real repositories."""

import textwrap

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

CODES = ("SPL021", "FEA121", "FEA122", "CAL011", "RET011")
HEAD = """
import json

HORIZON = 5

@surface("splits")
def declared(at):
    return {"horizon": HORIZON}

@surface("retrain")
def train(at, features, labels):
    table = features.join(labels).swaplevel().sort_index()
    days = table.index.get_level_values("date")
    known = days.unique()
    n = len(known)
    fitted = np.asarray(days < known[int(n * 0.8) - HORIZON])
    later = np.asarray(days >= known[int(n * 0.8)])
    X, y = table[features.columns].to_numpy(), table["label"].to_numpy()
    place = np.asarray(known.get_indexer(days))
"""
TWO_LABELS = """
@surface("targets")
def declared(at):
    return {"label": {"horizon": 1, "kind": "return"}, "label5": {"horizon": 5, "kind": "return"}}
"""


def trainer(body):
    return HEAD + textwrap.indent(textwrap.dedent(body), "    ") + TWO_LABELS * ("# two" in body)


RIGHT = {
    "float32": """
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import Ridge

X = X.astype(np.float32)
sc = StandardScaler().fit(X[fitted])
m = Ridge().fit(sc.transform(X[fitted]), y[fitted])
m.predict(sc.transform(X[later]))
""",
    "float32_lgbm": """
import lightgbm as lgb

X = X.astype(np.float32)
m = lgb.LGBMRegressor(n_estimators=10, verbose=-1).fit(X[fitted], y[fitted])
m.predict(X[later])
""",
    "gridsearch_gap": """
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import Ridge

X1, y1, p1 = X[fitted], y[fitted], place[fitted]


def cv():
    for a in (0.4, 0.6, 0.8):
        u = int(p1.max() * a)
        yield np.flatnonzero(p1 < u - HORIZON), np.flatnonzero((p1 >= u) & (p1 < u + 60))


g = GridSearchCV(
    make_pipeline(StandardScaler(), Ridge()),
    {"ridge__alpha": [0.1, 1]},
    cv=list(cv()),
    return_train_score=True,
).fit(X1, y1)
g.predict(X[later])
""",
    "proba_metrics": """
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeClassifier
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.calibration import calibration_curve

m = DecisionTreeClassifier(max_depth=12).fit(X[fitted], y[fitted] > 0)
p = m.predict_proba(X[later])[:, 1]
print(p.max())
brier_score_loss(y[later] > 0, p)
log_loss(y[later] > 0, p)
calibration_curve(y[later] > 0, p)
""",
    "refit_all_store_medians": """
from sklearn.linear_model import Ridge

m = Ridge().fit(X[fitted], y[fitted])
m.predict(X[later])
final = Ridge().fit(X, y)
f = at.store / "v2"
f.mkdir()
(f / "meta.json").write_text(
    json.dumps({"medians": dict(zip(features.columns, np.median(X, axis=0)))})
)
return "v2"
""",
    "monitor_all_predictions": """
from sklearn.linear_model import Ridge

m = Ridge().fit(X[fitted], y[fitted])
s = m.predict(X[later])
hist = m.predict(X)  # score history, stored for drift monitoring
""",
    "partial_fit": """
from sklearn.linear_model import SGDRegressor

m = SGDRegressor(random_state=0)
rows = np.flatnonzero(fitted)
for part in np.array_split(rows, 8):
    m.partial_fit(X[part], y[part])
m.predict(X[rows])
m.predict(X[later])
""",
    "oof_calibrator_shallow_tree": """
from sklearn.tree import DecisionTreeRegressor
from sklearn.isotonic import IsotonicRegression

S, Y = [], []
for a in (0.4, 0.6, 0.8):
    u = int(n * a)
    tr = place < u - HORIZON
    te = (place >= u) & (place < u + 60)
    m = DecisionTreeRegressor(max_depth=2).fit(X[tr], y[tr])
    S.append(m.predict(X[te]))
    Y.append(y[te])
    train_score = np.corrcoef(m.predict(X[tr]), y[tr])
IsotonicRegression().fit(np.concatenate(S), np.concatenate(Y) > 0)
""",
    "abs_calibrator_after_train_score": """
from sklearn.linear_model import Ridge
from sklearn.isotonic import IsotonicRegression

m = Ridge().fit(X[fitted], y[fitted])
s = m.predict(X[later])
train_score = np.corrcoef(m.predict(X[fitted]), y[fitted])
IsotonicRegression().fit(np.abs(s), (np.sign(s) == np.sign(y[later])))
""",
    "unused_full_imputer": """
from sklearn.linear_model import Ridge
from sklearn.impute import SimpleImputer

reference = SimpleImputer().fit_transform(X)  # drift reference only
m = Ridge().fit(X[fitted], y[fitted])
s = m.predict(X[later])
""",
    "calibrated_cv_ts": """
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import TimeSeriesSplit

c = CalibratedClassifierCV(LogisticRegression(), cv=TimeSeriesSplit(3, gap=12 * 5)).fit(
    X[fitted], y[fitted] > 0
)
c.predict_proba(X[later])
""",
    "rf_threads": """
from sklearn.ensemble import RandomForestRegressor

c = RandomForestRegressor(10, n_jobs=2, max_depth=4).fit(X[fitted], y[fitted])
c.predict(X[later])
""",
    "rolling_retrain": """
from sklearn.linear_model import Ridge

m = Ridge()
for u in range(200, n, 20):
    tr = (place <= u - HORIZON) & (place > u - 200)
    te = (place >= u) & (place < u + 20)
    m.fit(X[tr], y[tr])
    m.predict(X[te])
""",
    "function_transformer_full": """
from sklearn.preprocessing import FunctionTransformer
from sklearn.linear_model import Ridge

Z = FunctionTransformer(np.tanh).fit_transform(X)
m = Ridge().fit(Z[fitted], y[fitted])
m.predict(Z[later])
""",
    "polynomial_full": """
from sklearn.preprocessing import PolynomialFeatures
from sklearn.linear_model import Ridge

Z = PolynomialFeatures(2).fit_transform(X)
m = Ridge().fit(Z[fitted], y[fitted])
m.predict(Z[later])
""",
    "normalizer_full": """
from sklearn.preprocessing import Normalizer
from sklearn.linear_model import Ridge

Z = Normalizer().fit_transform(X)
m = Ridge().fit(Z[fitted], y[fitted])
m.predict(Z[later])
""",
    "multi_horizon": """
# two labels of other horizons
from sklearn.linear_model import Ridge

f1 = place < int(n * 0.8) - 1
m = Ridge().fit(X[f1], y[f1])
m.predict(X[later])
""",
    "warm_start": """
from sklearn.ensemble import GradientBoostingRegressor

m = GradientBoostingRegressor(n_estimators=5, warm_start=True).fit(X[fitted], y[fitted])
m.set_params(n_estimators=10).fit(X[fitted], y[fitted])
m.predict(X[later])
list(m.staged_predict(X[later]))
""",
    "serve_today": """
from sklearn.linear_model import Ridge

m = Ridge().fit(X[fitted], y[fitted])
m.predict(X[later])
final = Ridge().fit(X[place < n - 1], y[place < n - 1])
today = final.predict(X[place == n - 1])  # live signal of the newest bar
""",
    "median_in_ensemble_avg": """
from sklearn.linear_model import Ridge
from sklearn.isotonic import IsotonicRegression
from sklearn.tree import DecisionTreeRegressor

a = Ridge().fit(X[fitted], y[fitted])
b = DecisionTreeRegressor(max_depth=3).fit(X[fitted], y[fitted])
cal = np.asarray(later) & (place < int(n * 0.9))
test = place >= int(n * 0.9) + HORIZON
s = (a.predict(X[cal]) + b.predict(X[cal])) / 2
IsotonicRegression().fit(s, y[cal] > 0)
a.predict(X[test])
b.predict(X[test])
""",
    "univariate_vol_fit": """
from sklearn.linear_model import Ridge
from sklearn.mixture import GaussianMixture

m = Ridge().fit(X[fitted], y[fitted])
m.predict(X[later])
m.predict(X[fitted])
vol = pd.Series(X[fitted][:, 0]).rolling(20).std().fillna(1).to_numpy()[:, None]
GaussianMixture(2).fit(vol)
""",
}
WRONG = {
    "partial_fit_scaler": """
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import Ridge

sc = StandardScaler()
for part in np.array_split(np.arange(len(X))[::-1], 8):
    sc.partial_fit(X[part])
m = Ridge().fit(sc.transform(X[fitted]), y[fitted])
m.predict(sc.transform(X[later]))
""",
    "lgb_evalset": """
import lightgbm as lgb

X1, y1, p1 = X[fitted], y[fitted], place[fitted]
cut = int(p1.max() * 0.8)
tr = p1 < cut
va = p1 >= cut  # no purge
m = lgb.LGBMRegressor(n_estimators=30, verbose=-1).fit(
    X1[tr],
    y1[tr],
    eval_set=[(X1[va], y1[va])],
    callbacks=[lgb.early_stopping(5, verbose=False)],
)
m.predict(X[later])
""",
    "lgb_train_valid": """
import lightgbm as lgb

cut = int(n * 0.6)
tr = place < cut
va = (place >= cut) & fitted
d = lgb.Dataset(X[tr], y[tr])
v = lgb.Dataset(X[va], y[va], reference=d)
m = lgb.train(
    {"verbose": -1}, d, 30, valid_sets=[v], callbacks=[lgb.early_stopping(5, verbose=False)]
)
m.predict(X[later])
""",
    "columntransformer_passthrough_first": """
from sklearn.linear_model import Ridge
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import StandardScaler

ct = ColumnTransformer(
    [("p", "passthrough", [0, 1, 2, 3]), ("s", StandardScaler(), [4, 5, 6, 7, 8, 9, 10, 11])]
).fit(X)
m = Ridge().fit(ct.transform(X[fitted]), y[fitted])
m.predict(ct.transform(X[later]))
""",
    "columns_second_leaks": """
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler, RobustScaler

a = StandardScaler().fit(X[fitted][:, :6])
b = RobustScaler().fit(X[:, 6:])
T = lambda r: np.hstack([a.transform(X[r][:, :6]), b.transform(X[r][:, 6:])])
m = Ridge().fit(T(fitted), y[fitted])
m.predict(T(later))
""",
    "columns_raw_first": """
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

b = StandardScaler().fit(X[:, 6:])
T = lambda r: np.hstack([X[r][:, :6], b.transform(X[r][:, 6:])])
m = Ridge().fit(T(fitted), y[fitted])
m.predict(T(later))
""",
    "gridsearch_njobs": """
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.linear_model import Ridge

g = GridSearchCV(Ridge(), {"alpha": [0.1, 1]}, cv=KFold(4, shuffle=True), n_jobs=2).fit(
    X[fitted], y[fitted]
)
g.predict(X[later])
""",
    "calibrated_prefit_on_train": """
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge

m = LogisticRegression().fit(X[fitted], y[fitted] > 0)
c = CalibratedClassifierCV(FrozenEstimator(m)).fit(X[fitted], y[fitted] > 0)
c.predict_proba(X[later])
r = Ridge().fit(X[fitted], y[fitted])
h = r.predict(X[later])
IsotonicRegression().fit(h, y[later] > 0)
""",
    "stack_beside_ok_calibrator": """
from sklearn.linear_model import Ridge, LinearRegression
from sklearn.isotonic import IsotonicRegression
from sklearn.tree import DecisionTreeRegressor

a = Ridge().fit(X[fitted], y[fitted])
b = DecisionTreeRegressor(max_depth=6).fit(X[fitted], y[fitted])
P = lambda r: np.column_stack([a.predict(X[r]), b.predict(X[r])])
meta = LinearRegression().fit(P(fitted), y[fitted])
s = meta.predict(P(later))
r = Ridge().fit(X[fitted], y[fitted])
h = r.predict(X[later])
IsotonicRegression().fit(h, y[later] > 0)
""",
}
FOUND = {
    "partial_fit_scaler": ("FEA121", "StandardScaler before Ridge"),
    "lgb_evalset": ("SPL021", "LGBMRegressor"),
    "lgb_train_valid": ("SPL021", "Booster"),
    "columntransformer_passthrough_first": ("FEA121", "StandardScaler before Ridge"),
    "columns_second_leaks": ("FEA121", "RobustScaler before Ridge"),
    "columns_raw_first": ("FEA121", "StandardScaler before Ridge"),
    "gridsearch_njobs": ("SPL021", "Ridge"),
    "calibrated_prefit_on_train": ("CAL011", "CalibratedClassifierCV"),
    "stack_beside_ok_calibrator": ("CAL011", "LinearRegression"),
}
UNTOLD = {
    "lgb_cv": """
import lightgbm as lgb
from sklearn.linear_model import Ridge

Ridge().fit(X[fitted], y[fitted]).predict(X[later])
r = lgb.cv(
    {"verbose": -1, "objective": "l2"},
    lgb.Dataset(X[fitted], y[fitted]),
    10,
    nfold=3,
    stratified=False,
    shuffle=True,
)
""",
    "manual_scaled_second_model": """
from sklearn.linear_model import Ridge, LinearRegression

m = Ridge().fit(X[fitted], y[fitted])
s = m.predict(X[later])
Z = (X - X.mean(0)) / X.std(0)
tr = place < int(n * 0.8)
m2 = LinearRegression().fit(Z[tr], y[tr])
m2.predict(Z[later])
""",
}
STRAYS = {
    "write_outside_raises": """
from sklearn.linear_model import Ridge

m = Ridge().fit(X[fitted], y[fitted])
m.predict(X[later])
(at.root / "model.json").write_text("{}")
return "v2"
""",
    "rename_outside": """
from sklearn.linear_model import Ridge
import os, subprocess, sqlite3

m = Ridge().fit(X[fitted], y[fitted])
m.predict(X[later])
p = at.store / "x.json"
p.write_text("{}")
for f in (
    lambda: os.replace(p, at.root / "registry.json"),
    lambda: os.remove(at.root / "__init__.py"),
    lambda: os.makedirs(at.root / "models" / "v2"),
    lambda: sqlite3.connect(str(at.root / "reg.db")).execute("create table t(a)"),
):
    try:
        f()
    except Exception as e:
        print(type(e), e)
return "v2"
""",
}
WRITTEN = {
    "write_outside_raises": {"model.json"},
    "rename_outside": {"models", "models/v2", "registry.json", "__init__.py", "reg.db"},
}


@pytest.mark.parametrize("habit", RIGHT)
def test_right_habits_are_not_accused(tmp_path, habit):
    with tiny(tmp_path, trainer(RIGHT[habit])) as subject:
        results = [run_check(code, subject) for code in CODES]
    assert {r.code: [f.message for f in r.findings] for r in results if r.findings} == {}
    assert results[0].outcome is Outcome.PASS


@pytest.mark.parametrize("habit", WRONG)
def test_wrong_habits_are_named(tmp_path, habit):
    code, key = FOUND[habit]
    with tiny(tmp_path, trainer(WRONG[habit])) as subject:
        assert_fails(run_check(code, subject), key=key)


@pytest.mark.parametrize(
    ("habit", "code"), [("lgb_cv", "SPL021"), ("manual_scaled_second_model", "FEA121")]
)
def test_what_cannot_be_followed_is_no_pass(tmp_path, habit, code):
    with tiny(tmp_path, trainer(UNTOLD[habit])) as subject:
        result = run_check(code, subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "could not be traced" in result.reason


@pytest.mark.parametrize("habit", STRAYS)
def test_every_way_to_write_elsewhere_is_seen(tmp_path, habit):
    with tiny(tmp_path, trainer(STRAYS[habit])) as subject:
        result = run_check("RET011", subject)
    assert {f.key for f in result.findings} == WRITTEN[habit]


CHOSEN = """
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import Ridge
kept = SelectKBest(f_regression, k=4).fit(X[ROWS], y[ROWS]).get_support()
Ridge().fit(X[fitted][:, kept], y[fitted]).predict(X[later][:, kept])
"""
OTHER = """
SelectKBest(f_regression, k=3).fit(X, y).transform(X)
"""


@pytest.mark.fails("FEA121")
def test_columns_chosen_on_all_rows_without_a_transform(tmp_path):
    with tiny(tmp_path, trainer(CHOSEN.replace("ROWS", ":"))) as subject:
        found = assert_fails(run_check("FEA121", subject), key="SelectKBest before Ridge")
    assert found.measured == "1200 of 1200 judged rows"


@pytest.mark.passes("FEA121")
@pytest.mark.parametrize("more", ["", OTHER])
def test_columns_chosen_on_the_train_rows(tmp_path, more):
    text = CHOSEN.replace("ROWS", "fitted").replace("kept =", more + "kept =", 1)
    with tiny(tmp_path, trainer(text)) as subject:
        assert_passes(run_check("FEA121", subject))


STOPPED = """
import lightgbm as lgb

tr, va = place < int(n * 0.6), (place >= int(n * 0.62)) & fitted
m = lgb.LGBMRegressor(n_estimators=30, verbose=-1).fit(
    X[tr], y[tr], eval_set=[(X[STOP], y[STOP])], callbacks=[CALLS])
m.predict(X[JUDGE])
"""
EARLY = "lgb.early_stopping(5, verbose=False)"


@pytest.mark.fails("SPL021")
@pytest.mark.passes("SPL021")
def test_rows_that_chose_the_rounds_judge_no_model(tmp_path):
    """Unless others judge it too, or nothing stopped it."""
    cases = {"same": ("va", "va", EARLY), "others": ("va", "later", EARLY)}
    cases["watched"] = ("va", "va", "lgb.log_evaluation(0)")
    keys = {}
    for name, given in cases.items():
        text = STOPPED
        for word, value in zip(("STOP", "JUDGE", "CALLS"), given, strict=True):
            text = text.replace(word, value)
        with tiny(tmp_path / name, trainer(text)) as subject:
            keys[name] = [f.key for f in run_check("SPL021", subject).findings]
    assert keys == {"same": ["LGBMRegressor stopped"], "others": [], "watched": []}


BY_HAND = """
from sklearn.linear_model import Ridge
scaled = HOW
Ridge().fit(scaled[fitted], y[fitted]).predict(scaled[later])
"""
KNOWN = "X[np.asarray(days < known[int(n * 0.8)])]"


@pytest.mark.fails("FEA121")
@pytest.mark.parametrize(
    "how",
    [
        "(X - X.mean(axis=0)) / X.std(axis=0)",
        "np.tanh(X / np.quantile(np.abs(X), 0.9, axis=0))",
        "X @ np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2].T[:, :5]",
    ],
)
def test_scales_by_hand_that_move_with_much_later_rows(tmp_path, how):
    with tiny(tmp_path, trainer(BY_HAND.replace("HOW", how))) as subject:
        assert_fails(run_check("FEA121", subject), key="later rows before Ridge")


@pytest.mark.parametrize(
    "how",
    [
        f"(X - {KNOWN}.mean(axis=0)) / {KNOWN}.std(axis=0)",  # rows that the purge leaves out
        "X - pd.DataFrame(X).groupby(place).transform('mean').to_numpy()",
    ],
)
def test_scales_by_hand_of_earlier_rows_or_of_one_date_are_not_accused(tmp_path, how):
    with tiny(tmp_path, trainer(BY_HAND.replace("HOW", how))) as subject:
        result = run_check("FEA121", subject)
    assert not result.findings
    assert not any("only its labels" in gap.why for gap in result.gaps)
