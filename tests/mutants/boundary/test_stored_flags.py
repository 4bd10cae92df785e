"""Flags that JSON keeps as text, and those that stay flags."""

import pytest

from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

TRADES = """\
import json


class Trades:
    def __init__(self, path):
        self.path = path
        self.held = self.read()

    def read(self):
        with open(self.path) as file:
            return json.load(file)

    def write(self):
        with open(self.path, "w") as file:
            json.dump(self.held, file, default=str)

    def add(self, won: bool, gain: float, cost: float):
        net = gain - cost
        self.held.setdefault("trades", [])
        self.held["trades"].append({"won": won, "gain": gain})
        self.write()

    def rate(self, days):
        recent = self.held.get("trades", [])[-days:]
        return sum(1 for trade in recent if trade["won"]) / len(recent)
"""
CALL = """\
from pkg.m import Trades


def close(trade, path):
    Trades(path).add(trade.is_winner, trade.gain, 0.1)
"""


def answered(folder, *changes, call=CALL):
    text = TRADES
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    files = {"pkg/__init__.py": "", "pkg/m.py": text, "pkg/n.py": call}
    return run_check("BND020", subject(folder, files, source={"subsystem": {"files": ["pkg/**"]}}))


WRONG = {
    "an argument": (),
    "a comparison": (('"won": won', '"won": net > 0'),),
    "a comparison by a name": (
        ("net = gain - cost", "better = gain > cost"),
        ('"won": won', '"won": better'),
    ),
    "all of an array": (('"won": won', '"won": (gain > cost).all()'),),
    "one of two": (('"won": won', '"won": gain is not None and gain > cost'),),
    "a lambda": (("default=str", "default=lambda value: str(value)"),),
    "tested with not": (('if trade["won"])', 'if not trade["won"])'),),
    "tested by a conditional": (('1 for trade in recent if trade["won"]',
                                 '(1 if trade["won"] else 0) for trade in recent'),),
    "tested by bool": (('1 for trade in recent if trade["won"]',
                        'bool(trade["won"]) for trade in recent'),),
    "read with a default": (('if trade["won"])', 'if trade.get("won", False))'),),
}  # fmt: skip


@pytest.mark.fails("BND020")
@pytest.mark.parametrize("name", WRONG)
def test_flags_that_come_back_as_text(tmp_path, name):
    found = assert_fails(answered(tmp_path, *WRONG[name]), path="pkg/m.py", symbol="Trades.rate")
    assert found.message.startswith("tests /trades/*/won of what pkg/m.py stores for truth")


ODD = {
    "stored as a flag": (('"won": won', '"won": bool(won)'),),
    "made a flag before": (('"won": won', '"won": net'), ("gain - cost", "bool(gain > cost)")),
    "the writer fails": ((", default=str", ""),),
    "the writer knows numbers of NumPy": (("default=str", "default=lambda value: value.item()"),),
    "compared with what stands there": (('if trade["won"])', 'if str(trade["won"]) == "True")'),),
    "a text is there or not": (('"won": won', '"won": str(won) if won else ""'),),
    "of lengths": (('"won": won', '"won": len(self.held) > 3'),),
    "whether it is known": (('"won": won', '"won": gain is not None'),),
    "another key": (('if trade["won"])', 'if trade["gain"])'),),
}  # fmt: skip


@pytest.mark.passes("BND020")
@pytest.mark.parametrize("name", ODD)
def test_flags_that_stay_flags(tmp_path, name):
    assert_passes(answered(tmp_path, *ODD[name]))


@pytest.mark.passes("BND020")
@pytest.mark.parametrize("given", ["True", "len(path) > 3", "isinstance(path, str)", "not path"])
def test_arguments_that_every_caller_gives_as_plain_flags(tmp_path, given):
    assert_passes(answered(tmp_path, call=CALL.replace("trade.is_winner", given)))


@pytest.mark.passes("BND020")
def test_the_reference_engine_stores_no_flag_as_text(reference):
    result = run_check("BND020", reference)
    assert result.findings == ()
    assert_passes(result) if result.examined[0].count else None
