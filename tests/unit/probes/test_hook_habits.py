"""Questions to the author of hooks, and none to those of a right hook."""

from pathlib import Path

import pytest

from audit_lib.probes.tryouts.hook_habits import habits
from audit_lib.subject.subject import open_subject
from tests.made_repo import subject

HOUSE = Path(__file__).parents[3]
HEAD = """
import importlib
import numpy as np
from audit_lib.hooks import surface

def engine(at, name):
    return importlib.import_module(f"{at.root.name}.{name}")
"""
ASKED = {
    "two checks joined": (
        """
@surface("retrain.decide")
def decide(at, state):
    trigger = engine(at, "retrain").Trigger(path=at.scratch)
    trigger.metadata["score"] = state["psi"]
    fires, reasons = trigger.check()
    shifted, more = trigger.check_shift(state["errors"])
    return {"retrain": bool(fires or shifted), "reasons": reasons}
""",
        "check() and check_shift()",
    ),
    "joined as lists": (
        """
@surface("governance", variant="strict")
def admits(at, metrics):
    gate = engine(at, "gates")
    return {"admitted": True, "reasons": [*gate.risk(metrics), *gate.fit(metrics)]}
""",
        "fit() and risk()",
    ),
    "an input that is dropped": (
        """
@surface("drift.cusum")
def cusum(at, series, target, sigma):
    return engine(at, "drift").cusum(series, target)
""",
        "'sigma' never reaches",
    ),
    "an id that the subject gives itself": (
        """
@surface("registry")
def register(at, version, metrics):
    engine(at, "registry").Registry(at.store).register(at.store / at.version, metrics)
""",
        "write `registry.create` in place of this hook",
    ),
    "a constant of the subject": (
        """
PSI_LIMIT = 0.25

@surface("drift.psi")
def psi(at, reference, current):
    return engine(at, "drift").psi(reference, current, PSI_LIMIT)
""",
        "PSI_LIMIT repeats LIMIT_PSI of drift.py",
    ),
}
RIGHT = {
    "one call after another": """
@surface("calibration.fit_apply")
def fit_apply(at, scores, outcomes, served):
    made = engine(at, "calibration").Calibrator()
    made.fit(scores, outcomes)
    return np.asarray(made.apply(served) if made else None)
""",
    "two attributes of one answer": """
@surface("drift.cusum")
def cusum(at, series, target, sigma):
    found = engine(at, "drift").cusum(series, target, sigma)
    return {"alarm": bool(found.up or found.down), "at": found.at}
""",
    "what one call gives to the next": """
@surface("retrain.decide")
def decide(at, state):
    live = engine(at, "live").read(state)
    answer = engine(at, "retrain").decide(live)
    return {"retrain": answer.retrain, "reasons": list(answer.reasons or [])}
""",
    "tables that are the same beside all panels": """
@surface("features.sides")
def sides(at, panel):
    return {"macro": engine(at, "macro").table()}
""",
    "constants of its own": """
BARS = 430
PSI_LIMIT = 0.3

@surface("drift.psi")
def psi(at, reference, current):
    return engine(at, "drift").psi(reference, current) * BARS
""",
}
SOURCE = {"drift.py": "LIMIT_PSI = 0.25\nBARS_OF_A_YEAR = 252\n"}


def said(folder, text):
    return habits(subject(folder, SOURCE, own={"hooks.py": HEAD + text}))


@pytest.mark.parametrize("form", ASKED)
def test_what_is_asked(form, tmp_path):
    text, words = ASKED[form]
    (habit,) = said(tmp_path, text)
    assert words in habit.said


@pytest.mark.parametrize("form", RIGHT)
def test_what_is_not(form, tmp_path):
    assert said(tmp_path, RIGHT[form]) == ()


def test_a_variant_is_named(tmp_path):
    (habit,) = said(tmp_path, ASKED["joined as lists"][0])
    assert habit.hook == "governance.admits[strict]"


def test_the_hooks_of_the_reference_engine_are_asked_nothing():
    assert habits(open_subject("reference_engine", workspace=HOUSE)) == ()


def test_a_file_that_does_not_parse_is_asked_nothing(tmp_path):
    assert said(tmp_path, "def (") == ()
