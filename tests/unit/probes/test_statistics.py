import numpy as np
import pytest
from scipy import stats

from audit_lib.probes.statistics.inference import (
    backtest_overfitting,
    calibration_error,
    clopper_pearson,
    deflated_sharpe,
    mean_interval,
    reliability,
)


def test_exact_interval_of_a_share():
    low, high = clopper_pearson(8, 10)
    assert (low, high) == pytest.approx((0.44390, 0.97479), abs=1e-5)
    assert clopper_pearson(0, 10)[0] == 0.0
    assert clopper_pearson(10, 10)[1] == 1.0


def test_exact_interval_covers():
    rng = np.random.default_rng(0)
    hits = rng.binomial(40, 0.3, 2000)
    covered = [a <= 0.3 <= b for a, b in (clopper_pearson(int(h), 40) for h in hits)]
    assert np.mean(covered) >= 0.94


def test_calibration_error_of_a_known_map():
    rng = np.random.default_rng(1)
    p = np.full(100_000, 0.7)
    y = rng.random(100_000) < 0.5
    found = calibration_error(p, y, rng, draws=199, level=0.99)
    assert found.error == pytest.approx(0.2, abs=0.005)
    assert found.low < 0.2 < found.high
    assert found.low > 0.19


def test_error_does_not_depend_on_the_order_of_equal_probabilities():
    rng = np.random.default_rng(2)
    p = np.repeat([0.2, 0.8], 500)
    y = np.concatenate([np.arange(500) < 100, np.arange(500) < 400])
    forward = calibration_error(p, y, rng, draws=19).error
    assert forward == pytest.approx(0.0)
    assert calibration_error(p[::-1], y[::-1], rng, draws=19).error == pytest.approx(0.0)


def test_a_clean_map_stays_silent_at_the_stated_rate_over_1000_seeds():
    """P(lower end > 0) is at most 1 - level; here 1 %, so 1,000 runs show 25 at most (p 1e-5)."""
    accused = 0
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        p = rng.beta(2, 2, 300)
        found = calibration_error(p, rng.random(300) < p, rng, level=0.99, draws=199)
        accused += found.low > 0
    assert accused <= stats.binom.isf(1e-5, 1000, 0.0125)


def test_rows_of_one_date_that_move_together_are_not_counted_as_independent():
    """20 assets share one outcome a date: by rows a clean map is accused, by dates it is not."""
    by_row = by_date = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        dates = np.repeat(np.arange(60), 20)
        p = np.repeat(rng.beta(5, 5, 60), 20)
        y = np.repeat(rng.random(60) < p[::20], 20)
        by_row += calibration_error(p, y, rng, level=0.99, draws=199).low > 0
        found = calibration_error(p, y, rng, groups=dates, level=0.99, draws=199)
        by_date += found.low > 0
        assert found.groups == 60
    assert by_row > 60
    assert by_date <= 8


def test_power_grows_with_the_sample():
    bands = []
    for count in (100, 1000, 10_000):
        rng = np.random.default_rng(3)
        p = rng.random(count)
        bands.append(calibration_error(p, rng.random(count) < p, rng, draws=199).band)
    assert bands[0] > 2.5 * bands[1] > 6 * bands[2]


def test_reliability_curve():
    rng = np.random.default_rng(4)
    p = rng.random(5000)
    curve = reliability(p, rng.random(5000) < p)
    assert len(curve) == 10
    assert sum(b.count for b in curve) == 5000
    assert sum(b.low <= b.predicted <= b.high for b in curve) >= 8
    assert len(reliability(np.full(50, 0.4), np.zeros(50))) == 1


def test_mean_interval_widens_with_dependence():
    rng = np.random.default_rng(5)
    values = np.repeat(rng.normal(size=50), 20)
    rows = mean_interval(values, None)
    groups = mean_interval(values, np.repeat(np.arange(50), 20))
    assert groups[3] == 50
    assert groups[2] - groups[1] > 3 * (rows[2] - rows[1])


def test_deflated_sharpe_of_the_paper():
    """The worked example of Bailey and Lopez de Prado (2014): 0.9004 for 100 trials."""
    found = deflated_sharpe(
        2.5 / np.sqrt(250), 1250, 100, np.sqrt(0.5 / 250), skew=-3.0, kurtosis=10.0
    )
    assert found == pytest.approx(0.9004, abs=5e-4)


def test_deflated_sharpe_falls_with_trials():
    values = [deflated_sharpe(0.1, 500, n, 0.05) for n in (1, 10, 100, 1000)]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.98


def test_overfitting_of_noise_and_of_skill():
    rng = np.random.default_rng(6)
    noise = rng.normal(size=(1200, 30))
    skill = noise + 0.3 * (np.arange(30) == 7)
    found = backtest_overfitting(noise, rng)
    assert found.probability > 0.25
    assert 0.01 < found.p_value <= 1
    assert found.power > 0.9
    assert (backtest_overfitting(skill, rng).probability, found.splits) == (0.0, 924)


def test_overfitting_that_reverses_is_beyond_chance():
    """Each trial wins in one half of the time what it loses in the other."""
    rng = np.random.default_rng(9)
    pattern = np.repeat([1.0, -1.0], 300)[:, None] * np.array([1, -1, 2, -2, 3, -3])
    found = backtest_overfitting(0.1 * pattern + rng.normal(0, 0.01, (600, 6)), rng)
    assert found.probability > 0.8
    assert found.p_value <= 0.05


def test_a_permutation_test_keeps_its_level_over_200_seeds():
    accused = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found = backtest_overfitting(rng.normal(size=(120, 5)), rng, blocks=8, draws=99)
        accused += found.p_value <= 0.05
    assert accused <= stats.binom.isf(1e-4, 200, 0.05)
