"""PRC005, PRC006 and CNF004: Greeks, quotes that may be refused, intervals with a scale."""

import re
from pathlib import Path

import pytest

from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/pricing.md").read_text()
GREEKS, FIT, _, INTERVAL, FUTURES = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
ALL = GREEKS + FIT + INTERVAL


@pytest.mark.passes("PRC005", "PRC006", "CNF004")
def test_the_examples_of_the_guide(tmp_path):
    with tiny(tmp_path, ALL) as subject:
        for code in ("PRC005", "PRC006", "CNF004", "CNF001"):
            result = run_check(code, subject)
            assert_passes(result)
            if code == "PRC005":
                assert 0 < held(result, "Greeks against differences", 0.02).measured < 0.01
            if code == "CNF004":
                assert "calibration sets" in {e.what for e in result.examined}
        assert [r for r in try_hooks(subject) if r.state != "good"] == []
    with tiny(tmp_path / "futures", FUTURES) as subject:
        for code in ("PRC001", "PRC002"):
            assert_passes(run_check(code, subject))


def test_an_interval_that_is_made_of_a_scaled_one_is_not_tried_again(tmp_path):
    text = "from audit_lib.hooks import Context, Refusal\nfrom scipy.special import ndtr\n"
    with tiny(tmp_path, text + INTERVAL) as subject:
        assert [(r.hook, r.state) for r in try_hooks(subject) if "conformal" in r.hook] == [
            ("conformal.scaled_interval", "good")
        ]


@pytest.mark.fails("PRC005")
@pytest.mark.parametrize(
    ("old", "new", "key", "said"),
    [
        ("decay + carry,", "-(decay + carry),", "theta", "theta is -1 times the derivative"),
        ('"delta": kind * np.exp(-q * t) * ndtr(kind * d)', '"delta": np.exp(-q * t) * ndtr(d)',
         "delta", "delta is not the derivative"),
        ("spot * density / (s**2 *", "spot * density / (s *", "gamma", "gamma is not"),
        ('"vega": spot *', '"vega": 2 * spot *', "vega", "vega is 2 times"),
        ("kind * strike * t", "strike * t", "rho", "rho is not the derivative"),
        ('"gamma": spot *', '"gamma": np.where(kind > 0, 1, 0.99) * spot *',
         "gamma a call's and its put's differ from what parity says", "gamma: a call's"),
        ('"delta": kind * np.exp(-q * t) * ndtr(kind * d)',
         '"delta": np.clip(kind * np.exp(-q * t) * ndtr(kind * d), -0.98, 0.98)',
         "delta is not its limit", "delta: is not its limit"),
    ],
)  # fmt: skip
def test_greeks_that_are_wrong(tmp_path, old, new, key, said):
    assert old in GREEKS
    with tiny(tmp_path, GREEKS.replace(old, new)) as subject:
        found = assert_fails(run_check("PRC005", subject), key=key)
    assert said in found.message


@pytest.mark.fails("PRC005")
def test_greeks_of_another_price_are_one_finding(tmp_path):
    old = "kind * (s * np.exp(-q * t) * ndtr"
    assert old in GREEKS
    with tiny(tmp_path, GREEKS.replace(old, "kind * (s * ndtr")) as subject:
        (found,) = run_check("PRC005", subject).findings
    assert found.key == "the price"
    assert found.message.startswith("delta, gamma, vega, theta, rho are none of them derivatives")


def test_usual_units_are_to_be_declared(tmp_path):
    text = GREEKS.replace("spot * density * np.sqrt(t)", "0.01 * spot * density * np.sqrt(t)")
    with tiny(tmp_path / "a", text) as subject:
        result = run_check("PRC005", subject)
        assert (result.outcome, "declare `units`" in result.reason) == (Outcome.NOT_ASSESSED, True)
    declared = "options: {PRC005: {units: {vega: 0.01}}}"
    with tiny(tmp_path / "b", text, parameters=declared) as subject:
        assert_passes(run_check("PRC005", subject))
    with tiny(tmp_path / "c", FIT + "pd.NA\nfrom audit_lib.hooks import Refusal\n") as subject:
        assert run_check("PRC005", subject).outcome is Outcome.NOT_APPLICABLE  # no Greeks


@pytest.mark.fails("PRC006")
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("(np.diff(w, axis=0) < 0).any()", "False", "variance that falls with maturity"),
        ("(density < 0).any()", "False", "a peak at the money"),
        ("not (w > 0).all()", "False", "a negative variance"),
        ("len(quotes) < 5", "False", "a single quote"),
        ('return quotes["total', 'return 2 * quotes["total', "sound quotes"),
    ],
)  # fmt: skip
def test_surfaces_that_take_everything(tmp_path, old, new, key):
    assert old in FIT
    text = (GREEKS + FIT).replace(old, new)
    if key == "a negative variance":
        text = text.replace("(density < 0).any()", "False").replace(
            "np.diff(w, axis=0) < 0", "w < -9"
        )
    if key == "a single quote":
        text = text.replace(
            "k = table", "if len(quotes) == 1:\n        return w.ravel()\n    k = table"
        )
    with tiny(tmp_path, text) as subject:
        result = run_check("PRC006", subject)
    assert result.outcome is Outcome.FAIL, result.reason
    assert key in {f.key for f in result.findings}, [f.message for f in result.findings]


@pytest.mark.fails("PRC006")
@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("np.roll(quotes['total_variance'].to_numpy(), 1)", "in another order"),
        ("(w := quotes['total_variance'].to_numpy()) * (1 + 0.03 * (w * 1e5 % 2 < 1))",
         "moved by a tick"),
    ],
)  # fmt: skip
def test_a_surface_that_hangs_on_the_order_or_the_last_digit_of_quotes(tmp_path, answer, key):
    text = FIT.replace('return quotes["total_variance"].to_numpy()', f"return {answer}")
    assert text != FIT
    with tiny(tmp_path, text) as subject:
        assert_fails(run_check("PRC006", subject), key=key)


@pytest.mark.passes("PRC006")
def test_a_surface_that_repairs(tmp_path):
    text = (GREEKS + FIT).replace(
        '        raise Refusal("total variance falls with maturity")',
        "        return np.maximum.accumulate(w, axis=0).ravel()",
    )
    with tiny(tmp_path, text) as subject:
        assert_passes(run_check("PRC006", subject))


@pytest.mark.fails("CNF004")
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("* predicted_scales\n", "* predicted_scales.mean()\n", "width"),
        ("np.abs(residuals) / scales", "np.abs(residuals)", "a common factor of all scales"),
        ("/ scales)", "/ np.sort(scales))", "calibration rows in another order"),
        ("* predicted_scales\n", "* np.sort(predicted_scales)\n", "predictions in another order"),
        ("    rank = int(", "    scores = scores / 1.5\n    rank = int(", "calm coverage"),
        ("    if not (np.all(scales > 0) and np.all(predicted_scales > 0)):\n"
         '        raise Refusal("scales must be positive")\n', "", "scale zero"),
    ],
)  # fmt: skip
def test_intervals_that_do_not_follow(tmp_path, old, new, key):
    assert old in INTERVAL
    text = GREEKS + INTERVAL.replace(old, new)
    with tiny(tmp_path, text) as subject:
        result = run_check("CNF004", subject)
    assert result.outcome is Outcome.FAIL, result.reason
    assert key in {f.key for f in result.findings}, [f.message for f in result.findings]
