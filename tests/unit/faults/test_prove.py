"""Faults are planted in answers and copies, and judged by what is new."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from audit_lib.checks.catalogue import CATALOGUE
from audit_lib.faults.base import CASES, Call
from audit_lib.faults.catalogue import all_faults
from audit_lib.faults.harmless import (
    another_form,
    another_order,
    another_unit,
    harmless,
    last_bit,
)
from audit_lib.faults.kept import state_of
from audit_lib.faults.prove import prove
from audit_lib.faults.sensitivity import Sensitivity, State, from_data
from audit_lib.hooks import HOOKS
from audit_lib.subject.subject import Subject
from audit_lib.testing import run_check
from tests.mutants.tiny import tiny

PSI = """
@surface("drift.psi")
def psi(at, reference, current):
    reference, current = np.asarray(reference, float), np.asarray(current, float)
    if not (np.isfinite(reference).any() and np.isfinite(current).any()):
        raise Refusal("no numbers")
    edges = np.unique(np.nanquantile(reference, np.linspace(0, 1, 11)))
    edges[0], edges[-1] = -np.inf, np.inf
    def shares(x):
        counts = np.histogram(x[np.isfinite(x)], edges)[0]
        missing = (~np.isfinite(x)).sum()
        counts = np.append(counts, missing)
        return np.maximum(counts / counts.sum(), 1e-4)
    p, q = shares(reference), shares(current)
    return float(((q - p) * np.log(q / p)).sum())
"""
#: promotes whenever the challenger is not worse, so that an equal displaces already
EQUALS = """
@surface("governance.metrics")
def metrics(at):
    return {"score": "higher"}

@surface("governance.promote")
def promote(at, champion, challenger):
    if champion is None:
        return True
    return challenger["score"] >= champion["score"]
"""


def chosen(*names: str):
    return [f for f in all_faults() if f.name in names]


def states(result: Sensitivity) -> dict[str, State]:
    return {p.fault: p.state for p in result.plantings}


def test_every_fault_names_hooks_and_checks_that_exist_and_does_one_thing():
    for fault in all_faults():
        assert set(fault.hooks) <= set(HOOKS), fault.name
        assert fault.sees, fault.name
        assert set(fault.sees) <= set(CATALOGUE), fault.name
        assert fault.case in CASES, fault.name
        assert (fault.spoil is None) != (fault.edit is None), fault.name
        assert bool(fault.hooks) == (fault.spoil is not None), fault.name
        assert fault.told.endswith("."), fault.name
        assert fault.least, fault.name


def test_a_fault_is_seen_for_what_is_new(tmp_path: Path):
    with tiny(tmp_path, PSI) as subject:
        result = prove(subject, chosen("psi_is_zero", "psi_ignores_blanks"))
    assert states(result)["psi_is_zero"] is State.SEEN
    (zero,) = (p for p in result.plantings if p.fault == "psi_is_zero")
    assert (zero.by, zero.changed > 0) == ("DRF001", True)


def test_without_the_hook_a_fault_is_spared_and_not_counted(tmp_path: Path):
    with tiny(tmp_path, PSI) as subject:
        result = prove(subject, chosen("cusum_never_fires"))
    assert states(result) == {"cusum_never_fires": State.SPARED}
    assert result.of() == (0, 0)
    assert np.isnan(result.share)


def test_behind_a_finding_that_stands_a_fault_is_hidden(tmp_path: Path):
    with tiny(tmp_path, EQUALS) as subject:
        result = prove(subject, chosen("an_equal_displaces"))
    (planting,) = result.plantings
    # Equal scores displaced before, too: no answer changes, or what changes stands already.
    assert planting.state in (State.SPARED, State.HIDDEN)
    assert result.of()[1] == 0


def test_a_fault_that_no_check_notices_is_unseen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from audit_lib.checks.drift.psi_relations import PsiMeasuresDrift

    monkeypatch.setattr(PsiMeasuresDrift, "run", _asks_and_says_nothing)
    with tiny(tmp_path, PSI) as subject:
        result = prove(subject, chosen("psi_is_zero"))
    (planting,) = result.plantings
    assert planting.state is State.UNSEEN
    assert "DRF001 passes" in planting.why
    assert result.unseen == [planting]


def _asks_and_says_nothing(self, subject: Subject):
    from audit_lib.model import Examined

    rng = np.random.default_rng(0)
    subject.hook("drift.psi")(rng.normal(size=300), rng.normal(1, 1, size=300))
    yield Examined(1, "samples")


def test_what_the_budget_leaves_out_is_counted(tmp_path: Path):
    with tiny(tmp_path, PSI) as subject:
        result = prove(subject, chosen("psi_is_zero"), budget=-1)
    assert (result.left, result.plantings) == (1, ())


def test_a_harmless_change_is_not_accused(tmp_path: Path):
    with tiny(tmp_path, PSI) as subject:
        result = prove(subject, [], harmless=[h for h in harmless() if h.hooks == ("drift.psi",)])
    assert result.harmless >= 1
    assert result.accused == ()


@pytest.mark.parametrize("form", ["keys", "variants"])
def test_each_fault_of_keyed_hooks_is_planted_by_itself(tmp_path: Path, form: str):
    """No binding of one planting serves the clean subject, or the next planting."""
    text, parameters = PSI, "keys: {horizon: {values: [5, 20], surfaces: [drift]}}\n"
    if form == "variants":
        named = '@surface("drift.psi", variant="NAME")\ndef psi_NAME('
        one = PSI.replace('@surface("drift.psi")\ndef psi(', named)
        text, parameters = one.replace("NAME", "a") + one.replace("NAME", "b"), ""
    with tiny(tmp_path, text, parameters=parameters) as subject:
        clean = run_check("DRF001", subject)
        result = prove(subject, chosen("psi_is_zero", "psi_is_halved"))
        assert run_check("DRF001", subject).findings == clean.findings
    assert set(states(result).values()) == {State.SEEN}, states(result)


def test_what_is_settled_is_not_planted_again(tmp_path: Path):
    with tiny(tmp_path, PSI) as subject:
        state = state_of(subject)
        kept: list[Sensitivity] = []
        again = {"harmless": [h for h in harmless() if h.hooks == ("drift.psi",)], "state": state}
        first = prove(subject, chosen("psi_is_zero"), keep=kept.append, **again)
        assert kept[-1] == first
        assert first.quiet
        both = chosen("psi_is_zero", "psi_is_halved")
        told: list[str] = []
        second = prove(
            subject, both, known=first, told=lambda p: told.append(p.fault), budget=-1, **again
        )
        assert second == replace(first, left=1)
        third = prove(subject, both, known=first, told=lambda p: told.append(p.fault), **again)
        assert told == ["psi_is_halved"]
        assert set(states(third)) == {"psi_is_zero", "psi_is_halved"}
        (subject.root / "new.py").write_text("x = 1\n")
        assert state_of(subject) not in ("", state)


def test_a_part_leaves_what_was_settled_of_the_rest(tmp_path: Path):
    with tiny(tmp_path, PSI) as subject:
        kept: list[Sensitivity] = []
        first = prove(subject, chosen("psi_is_zero"), state="s")
        prove(subject, chosen("psi_is_halved"), state="s", known=first, keep=kept.append)
    assert set(states(kept[-1])) == {"psi_is_zero", "psi_is_halved"}


def test_results_survive_being_written(tmp_path: Path):
    with tiny(tmp_path, PSI) as subject:
        result = prove(subject, chosen("psi_is_zero", "cusum_never_fires"))
    assert from_data(json.loads(json.dumps(result.as_data()))) == result


@pytest.mark.parametrize("change", [last_bit, another_form])
def test_harmless_changes_keep_values_and_names(change):
    rng = np.random.default_rng(3)
    index = pd.RangeIndex(50)
    frame = pd.DataFrame({"a": rng.normal(size=50), "side": rng.integers(-1, 2, 50)}, index=index)
    frame.loc[3, "a"] = np.nan
    changed = change(frame)
    assert list(changed.columns) == ["a", "side"]
    assert (changed["side"] == frame["side"]).all()
    np.testing.assert_allclose(changed["a"], frame["a"], rtol=1e-15)
    assert np.isnan(changed.loc[3, "a"])
    pd.testing.assert_frame_equal(change(frame), change(frame))


def test_names_and_dates_are_the_same_in_another_order_and_unit():
    dates = pd.date_range("2020-01-01", periods=4, freq="D", name="date")
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [5.0, 6.0, 7.0, 8.0]}, index=dates)
    turned = another_order(frame)
    assert list(turned.columns) == ["b", "a"]
    pd.testing.assert_frame_equal(turned[["a", "b"]], frame)
    assert list(another_order({"x": 1, "y": 2})) == ["y", "x"]
    counted = another_unit(frame)
    assert counted.index.unit != dates.unit
    assert (counted.index == dates).all()
    both = pd.concat({"S": frame}, names=["asset", "date"])
    again = another_unit(both).index.levels[1]
    assert (again.unit, list(again)) == (counted.index.unit, list(dates))
    assert another_unit(another_order("text")) == "text"


def test_the_last_bit_moves_numbers_and_leaves_exact_ones():
    values = np.array([0.1, 0.7, 1.0, 0.0, -1.0, np.inf])
    moved = last_bit(values)
    assert (moved[:2] != values[:2]).all()
    assert (moved[2:] == values[2:]).all()


def test_operators_leave_what_failed_as_it_is():
    failed = ValueError("no")
    for fault in all_faults():
        if fault.spoil is None or fault.name in ("unknown_version_falls_back",):
            continue
        args = (pd.DataFrame({"close": [1.0]}), np.array([1.0]), np.array([1.0]), 0.1)
        if fault.hooks[0].startswith(("governance", "retrain")):
            args = ({"score": 1.0}, {"score": 2.0})
        if fault.hooks[0] == "online.run":
            args = ([], np.array([1.0]), None)
        call = Call(fault.hooks[0], args, failed, lambda *_: failed, "close", 0)
        assert fault.spoil(call) is failed, fault.name
