"""Findings about behaviour stand at the functions of the subject that hooks enter."""

import json
import textwrap
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from audit_lib.host import HookError
from audit_lib.model import Location
from audit_lib.reporters import to_sarif
from audit_lib.reporters.report import Report
from audit_lib.subject.places import first_entered, placed
from audit_lib.testing import run_check
from tests.made_repo import subject
from tests.mutants.tiny import MARKET, tiny

PRICER = """
    import functools

    def settings():
        return {"floor": 0.0}

    class Pricer:
        def __init__(self):
            self.floor = settings()["floor"]

        def price(self, spots):
            return [max(s - 1.0, self.floor) for s in spots]

    def kept(function):
        @functools.wraps(function)
        def inner(*args):
            return function(*args)
        return inner

    @kept
    def decorated(spots):
        return spots
"""
HOOKS = """
import sys
import numpy as np
from audit_lib.hooks import surface

@surface("drift.psi")
def through_an_object(at, reference, current):
    sys.path.insert(0, str(at.root))
    from core.pricing import Pricer
    return Pricer().price(current)[0]

@surface("drift.cusum")
def of_the_hook_alone(at, series, target, sigma):
    return {"alarm": False, "at": None}

@surface("governance.promote")
def by_another_file(at, old, new):
    sys.path.insert(0, str(at.root))
    from archive.gate import promote
    return promote(new)

@surface("governance.admits")
def loads_first(at, metrics):
    sys.path.insert(0, str(at.root))
    from archive.gate import load
    from core.gate import judge
    load()
    return judge(metrics)

@surface("retrain.decide")
def fails(at, state):
    sys.path.insert(0, str(at.root))
    from core.gate import crash
    return crash(state)
"""
GATE = """
    def load():
        return 1

    def promote(new):
        return False
"""
CORE_GATE = """
    def first():
        return 1

    def judge(metrics):
        return {"admitted": True, "reasons": []}

    def crash(state):
        raise ValueError("no")
"""


@pytest.fixture
def made(tmp_path):
    files = {
        "core/__init__.py": "",
        "core/pricing.py": PRICER,
        "core/gate.py": CORE_GATE,
        "archive/__init__.py": "",
        "archive/gate.py": GATE,
    }
    files = {path: textwrap.dedent(text) for path, text in files.items()}
    found = subject(
        tmp_path,
        files,
        own={"hooks.py": HOOKS},
        source={"subsystem": {"files": ["core/**"]}},
        version="v",
    )
    yield found
    found.close()


def asked(made, hook, *args):
    with suppress(HookError):
        made.hook(hook)(*args)
    place = first_entered(made, hook)
    return place and (place.path, place.symbol, place.line)


def test_the_method_and_not_the_constructor_or_what_it_calls(made):
    spots = [1.0, 2.0]
    assert asked(made, "drift.psi", spots, spots) == ("core/pricing.py", "Pricer.price", 11)


def test_a_hook_that_enters_nothing_stays_the_place(made):
    assert asked(made, "drift.cusum", [0.0], 0.0, 1.0) is None


def test_a_file_outside_the_subsystem_where_nothing_under_audit_is_entered(made):
    assert asked(made, "governance.promote", {}, {}) == ("archive/gate.py", "promote", 5)


def test_a_file_under_audit_goes_before_another_that_is_entered_first(made):
    assert asked(made, "governance.admits", {"a": 1.0}) == ("core/gate.py", "judge", 5)


def test_a_function_that_raises_is_known_too(made):
    assert asked(made, "retrain.decide", {"psi": 0.1}) == ("core/gate.py", "crash", 8)


def test_the_hook_is_the_second_place_and_the_identity(made):
    result = run_check("DRF001", made)
    finding = result.findings[0]
    assert (finding.location.path, finding.location.symbol) == ("core/pricing.py", "Pricer.price")
    assert (finding.related.path, finding.related.symbol) == ("hooks.py", "drift.psi")
    unplaced = replace(finding, location=finding.related, related=None)
    assert unplaced.fingerprint == finding.fingerprint
    assert placed(made, unplaced) == finding
    log = json.loads(to_sarif(Report("made", "v", "", (result,))))
    shown = log["runs"][0]["results"][0]
    assert shown["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "Pricer.price"
    second = shown["relatedLocations"][0]
    assert second["logicalLocations"][0]["fullyQualifiedName"] == "drift.psi"
    assert second["message"]["text"].endswith("The hook through which it was seen.")


COLUMNS = {
    "assigned": (
        """
        def make(bars):
            bars = bars[["close"]].copy()
            bars["tomorrow"] = bars["close"].shift(-1)
            return bars[["tomorrow"]]
        """,
        (4, "make"),
    ),
    "by a pattern": (
        """
        def make(bars):
            made = bars[["close"]].copy()
            for name in ("row",):
                made[f"tomor{name}"] = made["close"].shift(-1)
            return made[["tomorrow"]]
        """,
        (5, "make"),
    ),
    "in a table of functions": (
        """
        def after(bars):
            return bars["close"].shift(-1)

        ALL = {"tomorrow": after}

        def make(bars):
            return bars.assign(**{name: f(bars) for name, f in ALL.items()})[list(ALL)]
        """,
        (2, "after"),
    ),
    "not by name": (
        """
        def make(bars):
            return bars[["close"]].shift(-1).set_axis(["tomor" + "row"], axis=1)
        """,
        (2, "make"),
    ),
}
NOT_RUN = """
def never(bars):
    bars["tomorrow"] = bars["close"]
"""
BUILD = """
@surface("features")
def build(at, panel):
    import runpy
    make = runpy.run_path(str(at.root / "features.py"))["make"]
    parts = {a: make(p.droplevel(0)) for a, p in panel.groupby(level=0)}
    return pd.concat(parts, names=["asset", "date"])
"""


@pytest.mark.parametrize("form", COLUMNS)
def test_a_column_stands_where_it_is_made_and_was_executed(form, tmp_path):
    text, (line, symbol) = COLUMNS[form]
    source = {"features.py": text, "archive.py": NOT_RUN, "a_copy.py": NOT_RUN}
    with tiny(tmp_path, BUILD, source=source) as subject:
        (finding,) = run_check("FEA101", subject).findings
    assert finding.location == Location("features.py", line=line, symbol=symbol)
    assert finding.related.symbol == "features.build"


def test_a_column_that_only_dead_code_names_stands_at_its_hook(tmp_path):
    text = """
    @surface("features")
    def build(at, panel):
        return each(panel, tomorrow=lambda b: b["close"].shift(-1))
    """
    with tiny(tmp_path, text, source={"archive.py": NOT_RUN}) as subject:
        (finding,) = run_check("FEA101", subject).findings
    assert (finding.location.path, finding.related) == ("hooks.py", None)


NAMED_BY_HOOK = """
@surface("targets")
def build(at, panel):
    import runpy
    forward = runpy.run_path(str(at.root / "labels.py"))["forward"]
    return each(panel, target_5d=lambda b: forward(b["close"]))

@surface("targets")
def declared(at):
    return {"target_5d": {"horizon": 3, "kind": "log_return"}}
"""


@pytest.mark.parametrize("code", ["TGT001", "TGT004"])
def test_what_a_hook_declares_of_a_label_stands_where_the_label_is_made(code, tmp_path):
    source = {"labels.py": "\ndef forward(close):\n    return close.shift(-5) / close - 1\n"}
    with tiny(tmp_path, NAMED_BY_HOOK, source=source) as subject:
        (finding,) = run_check(code, subject).findings
    assert finding.location == Location("labels.py", line=2, symbol="forward")
    assert finding.related.symbol == "targets.declared"


DETECTOR = """
class Regimes:
    def describe(self, bars):
        made = bars[["close"]].copy()
        made["calm"] = self.fitted(bars)
        for name in ("low", "high"):
            made[f"regime_{name}"] = self.fitted(bars) * 2
        return made.drop(columns="close")

    def fitted(self, bars):
        return (bars["close"] - bars["close"].mean()) / bars["close"].std()
"""
BY_DETECTOR = """
import sys

@surface("features")
def build(at, panel):
    sys.path.insert(0, str(at.root))
    from detector import Regimes
    from models import features
    made = each(panel, last=lambda b: features(b)["last"])
    calm = {a: Regimes().describe(b.droplevel("asset")) for a, b in panel.groupby(level="asset")}
    return made.join(pd.concat(calm, names=["asset", "date"]))
"""
MODEL = """
def features(bars):
    made = bars[["close"]].copy()
    made["last"] = bars["close"]
    return made
"""


def test_columns_of_a_class_outside_the_audited_files_that_was_entered(tmp_path):
    """They read the whole sample for one cause, and stand there, not at what was entered first."""
    audited = {"subsystem": {"files": ["models.py"]}}
    files = {"models.py": MODEL, "detector.py": DETECTOR}
    hooks = {"hooks.py": MARKET + BY_DETECTOR}
    with closing(subject(tmp_path, files, own=hooks, source=audited)) as detecting:
        (finding,) = run_check("FEA101", detecting).findings
    assert (finding.location.path, finding.location.line) == ("detector.py", 5)
    assert finding.message.endswith("(and 2 more of the same cause: regime_high, regime_low)")
