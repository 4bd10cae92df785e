"""Calibration, intervals, prices, drift and networks whose numbers are a little wrong."""

from typing import Any

import numpy as np
import pandas as pd

from audit_lib.faults.base import Call, fault
from audit_lib.model import Contract

CALIBRATION, CONFORMAL, PRICING = Contract.CALIBRATION, Contract.CONFORMAL, Contract.PRICING
DRIFT, NEURAL, ONLINE = Contract.DRIFT, Contract.NEURAL, Contract.ONLINE
FIT, INTERVAL, PRICE = "calibration.fit_apply", "conformal.interval", "pricing.price"


def _array(call: Call) -> Any:
    return None if call.failed else np.asarray(call.answer, dtype=float)


# --- calibration ------------------------------------------------------------------------------
@fault(CALIBRATION, "CAL005", least="nothing learnt", hooks=FIT)
def calibrator_learns_nothing(call: Call) -> Any:
    """The calibrator gives raw scores back, cut to 0 and 1."""
    return np.clip(np.asarray(call.args[2], dtype=float), 0, 1)


@fault(CALIBRATION, "CAL004", "CAL005", least="the direction", hooks=FIT)
def calibrator_is_upside_down(call: Call) -> Any:
    """The calibrator gives one minus the probability."""
    return 1 - _array(call)


@fault(CALIBRATION, "CAL004", "CAL005", least="a tenth beyond one", hooks=FIT)
def probabilities_leave_their_range(call: Call) -> Any:
    """Calibrated probabilities reach beyond one."""
    return _array(call) * 1.1 + 0.05


@fault(CALIBRATION, "CAL005", least="a tenth", hooks=FIT)
def probabilities_are_too_high(call: Call) -> Any:
    """Calibrated probabilities are a tenth too high."""
    return np.clip(_array(call) + 0.1, 0, 1)


@fault(CALIBRATION, "CAL002", least="all rows", hooks="calibration.sample")
def calibrator_is_judged_on_its_own_rows(call: Call) -> Any:
    """The sample that judges the calibrator is the one that it was fitted on."""
    return {**call.answer, "fitted": np.ones(len(call.answer["scores"]), dtype=bool)}


@fault(CALIBRATION, "CAL003", least="another scale", hooks="calibration.sample")
def served_scores_are_of_another_scale(call: Call) -> Any:
    """The version is served scores on a scale that the calibrator never saw."""
    scores = np.asarray(call.answer["scores"], dtype=float)
    fitted = np.asarray(call.answer["fitted"], dtype=bool)
    span = float(np.ptp(scores)) or 1.0
    return {**call.answer, "scores": np.where(fitted, scores, scores * 3 + 2 * span)}


@fault(CALIBRATION, "CAL001", least="a tenth", hooks="calibration.served")
def served_probabilities_are_too_sure(call: Call) -> Any:
    """Served probabilities are further from one half by a tenth."""
    away = _array(call) - 0.5
    return np.clip(0.5 + away + 0.1 * np.sign(away), 0, 1)


@fault(CALIBRATION, "CAL004", least="the direction", hooks="calibration.served")
def served_map_turns_back(call: Call) -> Any:
    """Higher scores have lower served probabilities."""
    return 1 - _array(call)


# --- conformal --------------------------------------------------------------------------------
@fault(CONFORMAL, "CNF002", least="10 per cent of the width", hooks=INTERVAL)
def intervals_are_narrow(call: Call) -> Any:
    """Intervals are 10 per cent narrower."""
    intervals = _array(call)
    middle = intervals.mean(axis=1, keepdims=True)
    return middle + 0.9 * (intervals - middle)


@fault(CONFORMAL, "CNF002", least="twice the miscoverage", hooks=INTERVAL)
def intervals_are_of_twice_the_level(call: Call) -> Any:
    """Intervals are those of twice the miscoverage that was asked for."""
    residuals, predictions, alpha = call.args[:3]
    return call.ask(residuals, predictions, min(0.99, 2 * float(alpha)))


@fault(CONFORMAL, "CNF002", least="one rank", hooks=INTERVAL)
def intervals_leave_out_the_largest_residual(call: Call) -> Any:
    """Intervals are made without the largest residual."""
    residuals = np.asarray(call.args[0], dtype=float)
    if residuals.size < 3:
        return call.answer
    rest = np.delete(residuals, int(np.argmax(np.abs(residuals))))
    return call.ask(rest, *call.args[1:])


@fault(CONFORMAL, "CNF001", least="one row", hooks=INTERVAL)
def bounds_are_exchanged(call: Call) -> Any:
    """The lower bound stands where the upper one belongs."""
    return _array(call)[:, ::-1].copy()


@fault(CONFORMAL, "CNF003", least="no residual", hooks=INTERVAL, failures=True)
def no_residuals_make_an_interval_of_no_width(call: Call) -> Any:
    """Without residuals, the interval is the prediction itself."""
    if np.asarray(call.args[0]).size:
        return call.answer
    predictions = np.asarray(call.args[1], dtype=float)
    return np.column_stack([predictions, predictions])


# --- pricing ----------------------------------------------------------------------------------
def _repriced(call: Call, **changes: Any) -> Any:
    terms = call.args[0]
    if call.failed or not isinstance(terms, pd.DataFrame) or not set(changes) <= set(terms.columns):
        return call.answer
    return call.ask(terms.assign(**{k: change(terms) for k, change in changes.items()}))


@fault(PRICING, "PRC001", "PRC002", least="√(252/365)", hooks=PRICE)
def volatility_is_per_calendar_day(call: Call) -> Any:
    """Volatility per 252 days is used per 365."""
    return _repriced(call, volatility=lambda t: t["volatility"] * np.sqrt(252 / 365))


@fault(PRICING, "PRC001", "PRC002", least="the rate", hooks=PRICE)
def prices_are_not_discounted(call: Call) -> Any:
    """Prices are those at expiry, not discounted."""
    terms = call.args[0]
    if not isinstance(terms, pd.DataFrame):
        return call.answer
    return _array(call) * np.exp(terms["rate"].to_numpy() * terms["maturity"].to_numpy())


@fault(PRICING, "PRC001", "PRC002", least="the dividend", hooks=PRICE)
def dividends_are_forgotten(call: Call) -> Any:
    """Prices are those without a dividend."""
    return _repriced(call, dividend=lambda t: 0.0 * t["dividend"])


@fault(PRICING, "PRC001", "PRC002", least="one per cent of the put", hooks=PRICE)
def puts_are_dear(call: Call) -> Any:
    """Puts are one per cent dearer."""
    terms = call.args[0]
    if not isinstance(terms, pd.DataFrame):
        return call.answer
    return np.where(terms["kind"].to_numpy() < 0, 1.01, 1.0) * _array(call)


@fault(PRICING, "PRC003", least="one per cent", hooks="pricing.implied_volatility")
def implied_volatility_is_high(call: Call) -> Any:
    """Implied volatility is one per cent too high."""
    return _array(call) * 1.01


@fault(PRICING, "PRC004", least="one maturity", hooks="pricing.total_variance")
def total_variance_falls_with_maturity(call: Call) -> Any:
    """Total variance falls with maturity, which is calendar arbitrage."""
    points = call.args[0]
    if not isinstance(points, pd.DataFrame):
        return call.answer
    return _array(call) / (1 + points["maturity"].to_numpy()) ** 2


@fault(PRICING, "PRC004", least="the wings", hooks="pricing.total_variance")
def wings_are_steep(call: Call) -> Any:
    """Total variance rises faster in the wings than Lee's bound allows."""
    points = call.args[0]
    if not isinstance(points, pd.DataFrame):
        return call.answer
    return _array(call) + 3 * np.maximum(np.abs(points["log_moneyness"].to_numpy()) - 0.3, 0)


# --- drift ------------------------------------------------------------------------------------
@fault(DRIFT, "DRF001", least="half", hooks="drift.psi")
def psi_is_halved(call: Call) -> Any:
    """PSI is half of what it is."""
    return call.answer / 2


@fault(DRIFT, "DRF001", least="log10 for ln", hooks="drift.psi")
def psi_takes_another_logarithm(call: Call) -> Any:
    """PSI is made with the logarithm to base 10."""
    return call.answer / np.log(10)


@fault(DRIFT, "DRF001", least="all", hooks="drift.psi")
def psi_is_zero(call: Call) -> Any:
    """PSI is zero, whatever drifted."""
    return 0.0


@fault(DRIFT, "DRF003", "DRF001", least="the new mass", hooks="drift.psi")
def psi_drops_what_is_outside(call: Call) -> Any:
    """PSI leaves out values beyond the reference."""
    reference, current = (np.asarray(a, dtype=float) for a in call.args[:2])
    if not reference.size or not np.isfinite(reference).any():
        return call.answer
    inside = current[(current >= np.nanmin(reference)) & (current <= np.nanmax(reference))]
    return call.ask(reference, inside) if inside.size else 0.0


@fault(DRIFT, "DRF003", least="half of the sample", hooks="drift.psi", failures=True)
def psi_ignores_blanks(call: Call) -> Any:
    """PSI leaves out blanks, however many came."""
    current = np.asarray(call.args[1], dtype=float)
    finite = current[np.isfinite(current)]
    if finite.size == current.size:
        return call.answer
    return call.ask(call.args[0], finite) if finite.size else 0.0


@fault(DRIFT, "DRF002", least="all", hooks="drift.cusum")
def cusum_never_fires(call: Call) -> Any:
    """CUSUM never fires."""
    return {"alarm": False, "at": None}


@fault(DRIFT, "DRF002", least="quiet series", hooks="drift.cusum")
def cusum_always_fires(call: Call) -> Any:
    """CUSUM fires at the start of any series."""
    return {"alarm": True, "at": 0}


@fault(DRIFT, "DRF002", least="one side", hooks="drift.cusum")
def cusum_sees_one_side(call: Call) -> Any:
    """CUSUM sees shifts upwards alone."""
    series, target, sigma = call.args[:3]
    values = np.asarray(series, dtype=float)
    return call.ask(np.maximum(values, float(target)), target, sigma)


@fault(DRIFT, "DRF004", least="one blank", hooks="drift.cusum", failures=True)
def cusum_dies_of_a_blank(call: Call) -> Any:
    """After a blank, CUSUM never fires again."""
    bad = ~np.isfinite(np.asarray(call.args[0], dtype=float)).all()
    return {"alarm": False, "at": None} if bad else call.answer


# --- networks and online learners -------------------------------------------------------------
@fault(NEURAL, "NEU001", least="a hundredth of the batch's mean", hooks="neural.forward")
def network_depends_on_the_batch(call: Call) -> Any:
    """Each output is moved by the mean of the batch."""
    return _array(call) + 0.01 * np.tanh(np.nanmean(np.asarray(call.args[0], dtype=float)))


@fault(NEURAL, "NEU002", least="one blank", hooks="neural.forward", failures=True)
def network_reads_blanks_as_zero(call: Call) -> Any:
    """The network reads a blank as zero."""
    inputs = np.asarray(call.args[0], dtype=float)
    bad = ~np.isfinite(inputs).all()
    return call.ask(np.nan_to_num(inputs, posinf=0, neginf=0)) if bad else call.answer


@fault(ONLINE, "ONL001", least="what came before the restart", hooks="online.run", failures=True)
def restart_forgets(call: Call) -> Any:
    """After a restart, the learner has forgotten what it learnt before."""
    batches, probe, restart = call.args[:3]
    if restart is None or restart + 1 >= len(batches):
        return call.answer
    return call.ask(list(batches)[restart + 1 :], probe, None)


@fault(ONLINE, "ONL002", least="one row", hooks="online.run", failures=True)
def a_bad_row_poisons(call: Call) -> Any:
    """After a row that is no number, every prediction is no number."""
    frames = [b for b in call.args[0] if isinstance(b, pd.DataFrame)]
    bad = any(not np.isfinite(b.to_numpy(dtype=float)).all() for b in frames)
    return np.full(len(call.args[1]), np.nan) if bad else call.answer
