import numpy as np
import pytest

from audit_lib.checks.splits.overfit_gap import SkillSurvivesOutOfSample
from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
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
        assert_passes(run_check("SPL006", subject))


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


def test_worthless_trials_of_which_none_reverses_only_inform(tmp_path):
    """PBO of noise lies around one half: an accusation would be a coin toss."""
    with tiny(tmp_path, meta=trials(12, 0.4)) as subject:
        result = run_check("SPL007", subject)
    assert result.outcome is Outcome.PASS
    assert {f.severity for f in result.findings} == {Severity.INFO}
    assert "not significant alone" in result.findings[0].message


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
    assert "4 trials, 1000 observations, 924 splits: too few to tell from chance" in result.reason


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
