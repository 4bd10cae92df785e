"""Monitors of many features: those that overlook the one, and right ones written oddly."""

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

MONITOR = """
from scipy import stats

def index(reference, current):
    edges = np.quantile(reference, np.linspace(0, 1, 11)[1:-1])
    p = np.bincount(np.searchsorted(edges, reference), minlength=10) / len(reference) + 1e-4
    q = np.bincount(np.searchsorted(edges, current), minlength=10) / len(current) + 1e-4
    return float(np.sum((q - p) * np.log(q / p)))

@surface("drift")
def shifted(at, reference, current):
    GUARD
    found = {c: index(reference[c].to_numpy(), current[c].to_numpy()) for c in reference.columns}
    high = [c for c, v in found.items() if v > 0.35]
    return {"shifted": ANSWER, "features": high}
"""
GUARD = """if reference is None or reference.empty or current.empty:
        raise Refusal("nothing to compare")
    if not set(reference) <= set(current) or current[list(reference)].isna().all().any():
        return {"shifted": None}"""


def answered(folder, *changes, answer="bool(high)", guard=GUARD):
    text = MONITOR.replace("GUARD", guard).replace("ANSWER", answer)
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    with tiny(folder, text) as subject:
        return run_check("DRF005", subject)


@pytest.mark.fails("DRF005")
@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("float(np.mean(list(found.values()))) > 0.35", "one shifted"),
        ("float(np.median(list(found.values()))) > 0.2", "one turned over"),
        ("len(high) > len(found) // 10", "one shifted"),
    ],
)
def test_monitors_of_the_whole(tmp_path, answer, key):
    found = assert_fails(answered(tmp_path, answer=answer), key=key)
    assert found.measured.startswith("is found in 0 of 12 runs")


@pytest.mark.fails("DRF005")
@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("v > 0.35", "v > 0.02", "calm"),
        ("current[c].to_numpy())", "current.to_numpy()[:, list(reference).index(c)])",
         "other order"),
        ("v > 0.35", "abs(reference[c].mean() - current[c].mean()) > 2000", "other unit"),
        ('"features": high', '"features": ["x00"] if high else []', "one shifted, named"),
    ],
)  # fmt: skip
def test_monitors_that_are_wrong_otherwise(tmp_path, old, new, key):
    result = answered(tmp_path, (old, new))
    assert key in {f.key for f in result.findings}


QUIET = {
    "no reference": GUARD.replace(
        "if reference is None or",
        'if reference is None:\n        return {"shifted": False}\n    if',
    ),
    "no current rows": GUARD.replace(
        "if reference is None or reference.empty or current.empty",
        'if len(current) == 0:\n        return {"shifted": False}\n'
        "    if reference is None or reference.empty",
    ),
    "a column gone": GUARD + "\n    reference = reference[[c for c in reference if c in current]]",
}


@pytest.mark.fails("DRF005")
@pytest.mark.parametrize("key", list(QUIET)[:2])
def test_what_is_unknown_is_called_unchanged(tmp_path, key):
    found = assert_fails(answered(tmp_path, guard=QUIET[key]), key=key)
    assert found.measured == "is answered as no shift"


@pytest.mark.fails("DRF005")
def test_only_what_both_have_is_compared(tmp_path):
    guard = GUARD.partition("    if not set")[0] + (
        "    reference = reference[[c for c in reference if c in current]]\n"
        "    current = current.fillna(reference.median())"
    )
    result = answered(tmp_path, guard=guard)
    assert "a column gone" in {f.key for f in result.findings}


@pytest.mark.passes("DRF005")
@pytest.mark.parametrize(
    "changes",
    [
        (),
        (("v > 0.35", "stats.ks_2samp(reference[c], current[c]).pvalue < 0.01 / len(found)"),),
        (('"features": high', '"features": [][:len(high)]'),),
        (("return {\"shifted\": None}", "raise ValueError('columns differ')"),),
    ],
)  # fmt: skip
def test_monitors_of_each(tmp_path, changes):
    assert_passes(answered(tmp_path, *changes))


def test_a_monitor_that_never_answers_is_not_assessed(tmp_path):
    result = answered(tmp_path, guard='raise Refusal("switched off")')
    assert result.outcome is Outcome.NOT_ASSESSED
