import numpy as np
import pytest
from scipy import stats

from audit_lib.checks.splits.overfit_gap import SkillSurvivesOutOfSample
from audit_lib.model import Outcome, Severity
from audit_lib.probes.training.recorded_metrics import beside
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import tiny


def folds(inside, outside, count=5):
    rows = []
    for k in range(count):
        rows.append(
            {
                "train": ["2010-01-01", f"{2012 + k}-12-01"],
                "test": [f"{2013 + k}-01-05", f"{2013 + k}-12-20"],
                "in_sample": {"auc": inside + 0.004 * (k % 3), "brier": 0.2},
                "out_of_sample": {"auc": outside - 0.003 * (k % 2), "brier": 0.3},
            }
        )
    return {"folds": rows}


@pytest.mark.passes("SPL006")
@pytest.mark.parametrize(("inside", "outside"), [(0.62, 0.54), (0.8, 0.5), (0.55, 0.551)])
def test_a_gap_alone_is_no_departure(tmp_path, inside, outside):
    with tiny(tmp_path, meta=folds(inside, outside)) as subject:
        result = run_check("SPL006", subject)
    assert held(result, "p value of skill worse than guessing", 0.005, least=True).measured > 0.05
    assert held(result, "mean out of sample", 0.95).measured == pytest.approx(outside, abs=0.05)
    (gap,) = result.evidence
    assert {label.partition(",")[0] for label, *_ in gap.rows} == {"auc"}
    assert len(gap.rows) == 10


@pytest.mark.fails("SPL006")
def test_skill_that_reverses_or_improves_unseen(tmp_path):
    with tiny(tmp_path, meta=folds(0.6, 0.45)) as subject:
        result = run_check("SPL006", subject)
    found = assert_fails(result, key="auc worse than guessing out of sample", pointer="/folds/0")
    assert float(found.measured) == pytest.approx(-0.0512, abs=1e-4)
    with tiny(tmp_path / "other", meta=folds(0.6, 0.7)) as subject:
        result = run_check("SPL006", subject)
    assert_fails(result, key="auc better out of sample than in sample")
    assert len(result.findings) == 1


@pytest.mark.parametrize(("inside", "outside"), [(0.55, 0.5), (0.55, 0.48), (0.5, 0.501)])
def test_folds_that_could_hide_a_reversal_are_not_assessed(tmp_path, inside, outside):
    told = folds(inside, outside)
    for row, noise in zip(told["folds"], (0.06, -0.06, 0.02, -0.03, 0.01), strict=True):
        row["out_of_sample"]["auc"] += noise
    with tiny(tmp_path, meta=told) as subject:
        result = run_check("SPL006", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "auc: could have seen only a skill below -0.0" in result.reason


@pytest.mark.passes("SPL006")
def test_folds_that_are_evidently_above_a_reversal_pass_however_wild(tmp_path):
    told = folds(0.62, 0.58)
    for row, noise in zip(told["folds"], (0.06, -0.06, 0.02, -0.03, 0.01), strict=True):
        row["out_of_sample"]["auc"] += noise
    with tiny(tmp_path, meta=told) as subject:
        assert_passes(run_check("SPL006", subject))


def test_three_folds_are_too_few_to_tell(tmp_path):
    with tiny(tmp_path, meta=folds(0.6, 0.4, count=3)) as subject:
        assert run_check("SPL006", subject).outcome is Outcome.NOT_ASSESSED


def test_folds_of_noise_stay_silent_over_1000_seeds():
    """1 % family-wise: 1,000 runs of worthless models show 25 accusations at most (p 1e-5)."""
    check, accused = SkillSurvivesOutOfSample(), 0
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        values = np.column_stack([0.05 + rng.normal(0, 0.02, 5), rng.normal(0, 0.02, 5)])
        accused += bool(check.departures(values, bound=0.005))
    assert accused <= 25


def trials(count, chosen, skill=0.0):
    rng = np.random.default_rng(8)
    returns = rng.normal(0, 0.01, (count, 1000))
    returns[3] += skill * 0.01
    ratios = returns.mean(axis=1) / returns.std(axis=1) * np.sqrt(252)
    return {
        "run": {
            "trials": [
                {"sharpe": float(s), "returns": r.tolist()}
                for s, r in zip(ratios, returns, strict=True)
            ]
        },
        "metrics": {"sharpe": chosen, "observations": 1000},
    }


@pytest.mark.fails("SPL007")
def test_the_best_of_many_worthless_trials(tmp_path):
    with tiny(tmp_path, meta=trials(50, 1.3)) as subject:
        result = run_check("SPL007", subject)
    found = assert_fails(result, key="deflated", pointer="/metrics/sharpe")
    assert "best of 50 trials" in found.message
    assert float(found.measured) < 0.95


@pytest.mark.fails("SPL007")
def test_a_choice_that_reverses_in_the_other_half(tmp_path):
    told = trials(12, 0.1)
    pattern = np.repeat([1.0, -1.0], 500)
    rng = np.random.default_rng(0)
    told["run"]["trials"] = [
        {
            "sharpe": 0.1,
            "returns": (0.001 * sign * pattern * k + rng.normal(0, 1e-4, 1000)).tolist(),
        }
        for k in (1, 2, 3)
        for sign in (1, -1)
    ]
    with tiny(tmp_path, meta=told) as subject:
        result = run_check("SPL007", subject)
    found = assert_fails(result, key="overfitting", pointer="/run/trials")
    assert found.severity is Severity.MEDIUM
    assert float(found.measured) > 0.5


@pytest.mark.fails("SPL007")
def test_a_worse_ratio_is_not_judged_more_mildly(tmp_path):
    """PBO of noise lies around one half: an accusation of that would be a coin toss."""
    with tiny(tmp_path, meta=trials(12, 0.4)) as subject:
        result = run_check("SPL007", subject)
    found = assert_fails(result, key="deflated", severity=Severity.MEDIUM)
    assert "not significant alone" in found.message
    assert {f.severity for f in result.findings if f.key != "deflated"} <= {Severity.INFO}


@pytest.mark.fails("SPL007")
def test_a_ratio_earned_with_crash_risk_is_deflated_by_its_skew(tmp_path):
    """Sold insurance: small gains, and a few losses that a normal law does not know."""
    metrics = {"sharpe": 2.4, "observations": 250}
    bare = {"run": {"trials": [0.1, 0.2, 2.4]}, "metrics": metrics}
    with tiny(tmp_path / "normal", meta=bare) as subject:
        normal = run_check("SPL007", subject)
    crashes = bare | {"metrics": metrics | {"skew": -6.0, "kurtosis": 60.0}}
    with tiny(tmp_path / "skewed", meta=crashes) as subject:
        skewed = run_check("SPL007", subject)
    tables = [next(e for e in r.evidence if e.name == "deflated") for r in (normal, skewed)]
    assert tables[1].rows[1][2] < tables[0].rows[1][2] - 0.005
    assert_fails(skewed, key="deflated")


@pytest.mark.passes("SPL007")
def test_one_missing_return_does_not_decide(tmp_path):
    told = trials(20, 3.5, skill=0.25)
    told["run"]["trials"][5]["returns"][10] = None
    with tiny(tmp_path, meta=told) as subject:
        assert_passes(run_check("SPL007", subject))


def one_metric(name, inside, outside, **change):
    told = folds(0.6, 0.55)
    for k, row in enumerate(told["folds"]):
        row["in_sample"], row["out_of_sample"] = {name: inside + k / 500}, {name: outside + k / 500}
        row.update(change)
    return told


@pytest.mark.fails("SPL006")
@pytest.mark.parametrize(
    ("name", "value"), [("auc", 0.98), ("sharpe", 11.0), ("balanced_accuracy", 0.97)]
)
def test_what_is_too_good_to_be_true(tmp_path, name, value):
    with tiny(tmp_path, meta=one_metric(name, value, value)) as subject:
        assert_fails(run_check("SPL006", subject), key=f"{name} too good")


@pytest.mark.parametrize(
    ("name", "value"),
    [("accuracy", 0.42), ("hit_rate", 0.45), ("accuracy", 0.97), ("pr_auc", 0.3), ("aucpr", 0.12)],
)
def test_rates_whose_guess_is_not_known_are_not_accused(tmp_path, name, value):
    with tiny(tmp_path, meta=one_metric(name, value + 0.1, value)) as subject:
        assert run_check("SPL006", subject).outcome is Outcome.NOT_ASSESSED


@pytest.mark.parametrize(
    "test", [["2013-01-05", "2013-12-20"], ["2013-01-05", "2020-12-20"]], ids=["seeds", "paths"]
)
def test_seeds_and_paths_over_one_period_are_one_fold(tmp_path, test):
    with tiny(tmp_path, meta=one_metric("auc", 0.6, 0.44, test=test)) as subject:
        result = run_check("SPL006", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "1 such periods" in result.reason


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"metrics": {"sharpe": 3.0, "observations": 20}}, "20 observations; 30 are needed"),
        ({"metrics": {"sharpe": 3.0}}, "has no number at /metrics/observations"),
    ],
)
def test_too_few_observations_are_not_assessed(tmp_path, change, why):
    with tiny(tmp_path, meta=trials(20, 3.5, skill=0.25) | change) as subject:
        result = run_check("SPL007", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert why in result.reason


def test_trials_that_are_all_alike_cannot_tell_overfitting(tmp_path):
    told = trials(4, 3.5, skill=0.25)
    told["run"]["trials"] = [told["run"]["trials"][3]] * 4
    with tiny(tmp_path, meta=told) as subject:
        result = run_check("SPL007", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    seen = "could have seen only 0% of choices that give back all that they earned"
    assert f"{seen} (4 trials, 1000 observations, 924 splits)" in result.reason


@pytest.mark.parametrize("count", [2, 3])
def test_two_or_three_trials_rarely_show_that_they_reverse(tmp_path, count):
    told = trials(20, 3.5, skill=0.25)
    told["run"]["trials"] = told["run"]["trials"][3 : 3 + count]
    with tiny(tmp_path, meta=told) as subject:
        result = run_check("SPL007", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "probability of overfitting: could have seen only" in result.reason


def test_trials_that_mostly_show_that_they_reverse_are_told(tmp_path):
    """The power of four trials lies between a half and one: neither a gap nor an accusation."""
    returns = np.random.default_rng(2).normal(0.1, 1, (60, 4))
    with tiny(tmp_path, meta={"run": {"trials": [{"returns": list(r)} for r in returns.T]}}) as s:
        result = run_check("SPL007", s)
    assert [(f.key, f.severity) for f in result.findings] == [("overfitting", Severity.INFO)]
    assert not [g for g in result.gaps if g.what == "probability of overfitting"]


@pytest.mark.parametrize(("observations", "told"), [(60, False), (250, True)])
def test_a_short_sample_in_which_no_ratio_would_stand_accuses_nobody(tmp_path, observations, told):
    """Forty trials of so few returns spread so widely that luck reaches what no market allows."""
    rng = np.random.default_rng(5)
    ratios = (rng.normal(0, 1, 40) * np.sqrt(252 / observations)).tolist()
    metrics = {"sharpe": 2.0, "observations": observations}
    with tiny(tmp_path, meta={"run": {"trials": ratios}, "metrics": metrics}) as subject:
        result = run_check("SPL007", subject)
    if told:
        assert_fails(result, key="deflated")
        return
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "could have seen only a ratio above 6" in result.reason


@pytest.mark.passes("SPL007")
def test_a_choice_with_skill(tmp_path):
    with tiny(tmp_path, meta=trials(20, 3.5, skill=0.25)) as subject:
        result = run_check("SPL007", subject)
    assert_passes(result)
    assert {e.name for e in result.evidence} == {"deflated", "pbo"}


@pytest.mark.passes("SPL007")
def test_a_single_trial_has_nothing_to_be_deflated_by(tmp_path):
    with tiny(tmp_path, meta={"run": {"trials": 1}}) as subject:
        assert_passes(run_check("SPL007", subject))


@pytest.mark.parametrize("meta", [{}, {"run": {"trials": 40}}])
def test_trials_that_nobody_recorded_are_not_assessed(tmp_path, meta):
    with tiny(tmp_path, meta=meta) as subject:
        result = run_check("SPL007", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "no list of trials at /run/trials" in result.reason


def test_what_the_champion_scored_stands_beside_it(reference):
    candidate, champion = reference.at("2022-03rc"), reference.at("2020-12")
    (told,) = [e for e in run_check("SPL006", candidate).evidence if e.name == "champion"]
    assert [row[2] for row in told.rows[:2]] == ["2022-03rc", "champion 2020-12"]
    by_metric = {row[0]: row for row in told.rows if row[2] == "2022-03rc"}
    recorded = [fold["out_of_sample"]["auc"] for fold in candidate.metadata.get("/folds")]
    _, mean, _, low, high = by_metric["auc"]
    assert mean == pytest.approx(np.mean(recorded))
    assert (high - low) / 2 == pytest.approx(
        stats.t.ppf(0.975, len(recorded) - 1) * stats.sem(recorded)
    )
    assert "champion" not in [e.name for e in run_check("SPL006", champion).evidence]


def test_folds_that_share_their_periods_count_once_in_an_interval():
    def unseen(*values):
        return {"auc": np.array(values)}

    told = beside(unseen(0.5, 0.6, 0.7), {**unseen(0.6, 0.6), "other": np.zeros(3)}, ("a", "b"))
    assert [row[0] for row in told.rows] == ["auc", "auc"]
    mine, theirs = told.rows
    assert mine[1] == pytest.approx(0.6)
    assert mine[3] < 0.6 < mine[4]
    assert theirs[3:] == (None, None), "two periods tell no interval"
