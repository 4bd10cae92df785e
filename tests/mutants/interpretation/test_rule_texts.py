"""INT011: rules that are kept as text."""

import pytest

from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

HOOKS = """
RULES = {
    "rise": ("long", "move > 0.02 and calm < 0.02"),
    "fall": ("short", "not (move >= -0.02)"),
    "quiet": ("", "calm < threshold"),
}

@surface("features")
def build(at, panel):
    return each(
        panel,
        move=lambda b: b["close"].pct_change(5, fill_method=None),
        calm=lambda b: returns(b).rolling(20).std(),
    )

@surface("decisions")
def rule_texts(at):
    return {n: {"side": s, "text": t} for n, (s, t) in RULES.items()}

def one(text, row):
    if any(v != v for v in row.values()):
        return False
    try:
        return bool(eval(text, {"__builtins__": {}, "threshold": 0.014}, dict(row)))
    except NameError as error:
        raise Refusal(str(error))

@surface("decisions")
def rule_fires(at, texts, features):
    rows = features.to_dict("records")
    return pd.DataFrame({n: [one(t, r) for r in rows] for n, t in texts.items()}, features.index)
"""
SILENT = ("raise Refusal(str(error))", "return False")
CASES = {
    "empty": ([('"calm < threshold"', '"  "')], "quiet empty"),
    "never": ([("calm < threshold", "calm > 1.4")], "quiet rate"),
    "always": ([("calm < threshold", "calm < 14 * threshold")], "quiet rate"),
    "one rule on both sides": ([("not (move >= -0.02)", "calm < 0.02 and move > 0.02")],
                               "rise fall"),
    "a name of nobody": ([SILENT, ("calm < threshold", "calm < treshold")], "quiet treshold"),
    "unknown names are false": ([SILENT], "unknown name"),
    "gaps fire": ([("return False\n    try", "return True\n    try")], "rise blank"),
}  # fmt: skip


def changed(changes):
    text = HOOKS
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


@pytest.mark.passes("INT011")
@pytest.mark.parametrize(
    "other", ["move > 0.02 and calm < 0.02", "0.02 < move and not calm >= 0.02"]
)
def test_rules_that_mean_what_they_say(tmp_path, other):
    with tiny(tmp_path, changed([("move > 0.02 and calm < 0.02", other)])) as subject:
        assert_passes(run_check("INT011", subject))
        assert {r.state for r in try_hooks(subject)} == {"good"}


@pytest.mark.fails("INT011")
@pytest.mark.parametrize("name", CASES)
def test_rules_that_do_not(tmp_path, name):
    changes, key = CASES[name]
    with tiny(tmp_path, changed(changes)) as subject:
        assert_fails(run_check("INT011", subject), key=key)


def test_an_engine_without_rules_as_text(tmp_path):
    with tiny(tmp_path) as subject:
        assert run_check("INT011", subject).outcome is Outcome.NOT_APPLICABLE
