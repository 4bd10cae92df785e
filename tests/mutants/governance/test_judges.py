"""Rules of promotion as people write them: honest ones stay unaccused, dishonest ones do not."""

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, run_check
from tests.mutants.tiny import tiny

CODES = ("GOV001", "GOV002", "GOV003", "GOV004")

HEAD = """
import math

WAYS = {"sharpe": "higher", "drawdown": "lower", "hit_rate": "higher"}

@surface("governance")
def metrics(at):
    return WAYS

def known(m):
    return all(math.isfinite(m.get(n, math.nan)) for n in WAYS)

def gains(old, new):
    return {n: (new[n] - old[n]) * (1 if w == "higher" else -1) for n, w in WAYS.items()}

@surface("governance")
def promote(at, champion, challenger):
"""

HONEST = {
    "a margin on one metric, guards on the others": """
    if not known(challenger) or champion is None:
        return known(challenger)
    g = gains(champion, challenger)
    return g["sharpe"] > 0.01 and min(g.values()) >= 0
""",
    "one metric decides, others are for the record": """
    if not math.isfinite(challenger.get("sharpe", math.nan)):
        return False
    return champion is None or challenger["sharpe"] > champion["sharpe"] + 1e-6
""",
    "an order of metrics: the second breaks ties": """
    if not known(challenger):
        return False
    if champion is None:
        return True
    g = gains(champion, challenger)
    return (g["sharpe"], g["drawdown"], g["hit_rate"]) > (0, 0, 0)
""",
    "a majority in which the unknown never wins": """
    if champion is None:
        return known(challenger)
    new = {n: challenger.get(n, math.nan) for n in WAYS}
    return sum(v > 0 for v in gains(champion, new).values()) >= 2
""",
    "a weighted sum of clipped metrics": """
    if not known(challenger):
        raise Refusal("a metric is unknown")
    if champion is None:
        return True
    score = lambda m: sum(
        w * max(-10, min(10, m[n])) for n, w in (("sharpe", 1), ("drawdown", -1), ("hit_rate", 0.1))
    )
    return score(challenger) > score(champion)
""",
    "what is too good is refused by value": """
    if not known(challenger):
        return False
    if challenger["sharpe"] > 5:
        raise Refusal("a Sharpe ratio above 5 is a bug until shown otherwise")
    return champion is None or challenger["sharpe"] > champion["sharpe"]
""",
    "what is too good is refused against the champion": """
    if not known(challenger):
        return False
    if champion is None:
        return True
    g = gains(champion, challenger)
    return 0 < g["sharpe"] <= 3 * abs(champion["sharpe"]) and g["drawdown"] >= 0
""",
    "the unknown raises an error of its own": """
    class Unknown(Exception):
        pass
    for n in WAYS:
        if not math.isfinite(challenger.get(n, math.nan)):
            raise Unknown(f"the metric {n} is unknown")
    return champion is None or challenger["sharpe"] > champion["sharpe"]
""",
    "the unknown raises a ValueError that names it": """
    for n in WAYS:
        if n not in challenger or not math.isfinite(challenger[n]):
            raise ValueError(f"{n} must be a finite number")
    return champion is None or challenger["drawdown"] < champion["drawdown"]
""",
    "the unknown counts as the worst": """
    worst = {"sharpe": -1e9, "drawdown": 1e9, "hit_rate": -1e9}
    def filled(m):
        return {n: m[n] if math.isfinite(m.get(n, math.nan)) else worst[n] for n in WAYS}
    if champion is None:
        return known(challenger)
    return min(gains(filled(champion), filled(challenger)).values()) > 0
""",
    "the first model takes the chair, whatever it is": """
    if champion is None:
        return True
    return known(challenger) and challenger["sharpe"] > champion["sharpe"]
""",
    "a significant difference": """
    if not known(challenger):
        return False
    if champion is None:
        return True
    error = math.sqrt((1 + challenger["sharpe"] ** 2 / 2) / 500)
    t = (challenger["sharpe"] - champion["sharpe"]) / error
    return t > 1.65 and challenger["drawdown"] <= champion["drawdown"]
""",
    "bounds that every champion must keep": """
    if not known(challenger) or challenger["hit_rate"] < -1e3 or challenger["drawdown"] > 1e3:
        return False
    return champion is None or challenger["sharpe"] > champion["sharpe"]
""",
    "better by a share of the champion's size": """
    if not known(challenger):
        return False
    if champion is None:
        return True
    return challenger["sharpe"] > champion["sharpe"] + 0.05 * abs(champion["sharpe"])
""",
    "metrics are rounded before they are compared": """
    if not known(challenger):
        return False
    return champion is None or round(challenger["sharpe"], 4) > round(champion["sharpe"], 4)
""",
}

DISHONEST = {
    "rejected if worse": (
        """
    if champion is None:
        return known(challenger)
    g = gains(champion, {n: challenger.get(n, math.nan) for n in WAYS})
    return not any(v < 0 for v in g.values()) and any(v > 0 or math.isnan(v) for v in g.values())
""",
        "sharpe NaN",
    ),
    "the unknown counts as zero": (
        """
    new = {n: challenger[n] if math.isfinite(challenger.get(n, math.nan)) else 0.0 for n in WAYS}
    if champion is None:
        return known(challenger)
    return min(gains(champion, new).values()) > 0
""",
        "drawdown NaN",
    ),
    "the mean of what is known": (
        """
    if champion is None:
        return known(challenger)
    g = gains(champion, {n: challenger.get(n, math.nan) for n in WAYS})
    seen = [v for v in g.values() if not math.isnan(v)]
    return bool(seen) and sum(seen) / len(seen) > 0
""",
        "sharpe NaN",
    ),
    "a majority in which the unknown is no loss": (
        """
    if champion is None:
        return known(challenger)
    g = gains(champion, {n: challenger.get(n, math.nan) for n in WAYS})
    return sum(not v <= 0 for v in g.values()) >= 2
""",
        "hit_rate NaN",
    ),
    "what is missing is taken from the champion": (
        """
    if champion is None:
        return known(challenger)
    g = gains(champion, {**champion, **challenger})
    return g["sharpe"] > 0 and g["drawdown"] >= 0
""",
        "drawdown missing",
    ),
    "a failed evaluation takes an empty chair": (
        """
    if champion is None:
        return not challenger.get("sharpe", -1) < 0
    return known(challenger) and challenger["sharpe"] > champion["sharpe"]
""",
        "every metric NaN (empty chair)",
    ),
}


@pytest.mark.parametrize("rule", HONEST)
def test_honest_rules_are_not_accused(tmp_path, rule):
    with tiny(tmp_path, HEAD + HONEST[rule]) as subject:
        results = {code: run_check(code, subject) for code in CODES}
    accused = [f for r in results.values() for f in r.findings if f.severity > Severity.INFO]
    assert not accused, [f.message for f in accused]
    assert results["GOV004"].outcome is Outcome.PASS, results["GOV004"].reason
    assert {c for c, r in results.items() if r.outcome is not Outcome.PASS} <= {"GOV001", "GOV003"}


@pytest.mark.fails("GOV004")
@pytest.mark.parametrize("rule", DISHONEST)
def test_dishonest_rules_are_found(tmp_path, rule):
    text, key = DISHONEST[rule]
    with tiny(tmp_path, HEAD + text) as subject:
        result = run_check("GOV004", subject)
    cases = {
        row[0]: row[1] for e in result.evidence for row in e.rows if e.name.startswith("alike")
    }
    cases |= {f.key: f.severity.label for f in result.findings}
    assert cases[key] == "high"
    assert all(f.anchor.symbol == "governance.promote" for f in result.findings)


def test_a_cap_is_noted_and_a_wrong_direction_is_no_cap(tmp_path):
    rule = "what is too good is refused against the champion"
    with tiny(tmp_path / "cap", HEAD + HONEST[rule]) as subject:
        result = run_check("GOV002", subject)
    assert [(f.key, f.severity) for f in result.findings] == [("sharpe capped", Severity.INFO)]
    wrong = HEAD.replace('1 if w == "higher" else -1', "1") + HONEST[next(iter(HONEST))]
    with tiny(tmp_path / "wrong", wrong) as subject:
        found = assert_fails(run_check("GOV002", subject), key="drawdown")
    assert found.severity is Severity.HIGH


FLOORS = """
    def sound(m):
        return known(m) and 0 <= m["drawdown"] < 0.5 and m["hit_rate"] >= 0.5 and m["sharpe"] > 0.01
    if champion is None or not sound(challenger) or not sound(champion):
        return sound(challenger) and champion is None
    return min(gains(champion, challenger).values()) >= 0
"""


@pytest.mark.fails("GOV001")
@pytest.mark.passes("GOV001", "GOV002")
def test_rules_that_take_metrics_within_their_bounds_only(tmp_path):
    """A draw is found where floors let both sides pass; a value that cannot be is no direction."""
    with tiny(tmp_path / "draw", HEAD + FLOORS) as subject:
        assert_fails(run_check("GOV001", subject), key="equal")
    better = FLOORS.replace("values()) >= 0", "values()) > 0")
    with tiny(tmp_path / "better", HEAD + better) as subject:
        results = [run_check(code, subject) for code in ("GOV001", "GOV002")]
    assert [f.key for r in results for f in r.findings if f.severity > Severity.INFO] == []


@pytest.mark.parametrize(("most", "outcome"), [(1.2, Outcome.NOT_ASSESSED), (1e9, Outcome.PASS)])
def test_a_metric_that_decides_one_or_two_duels_is_not_passed(tmp_path, most, outcome):
    rule = f"""
    if not known(challenger) or champion is None:
        return known(challenger)
    near = challenger["sharpe"] < {most} * champion["sharpe"] and 0.3 < champion["sharpe"] < 0.9
    near = near and not 0 <= min(champion.values()) <= max(champion.values()) <= 1
    return near and min(gains(champion, challenger).values()) > 0
"""
    with tiny(tmp_path, HEAD + rule) as subject:
        result = run_check("GOV004", subject)
    assert result.outcome is outcome
    if most < 2:
        assert "could have seen only what shows in more than 29% of the duels" in result.reason


def test_an_empty_chair_for_anyone_is_noted(tmp_path):
    rule = "the first model takes the chair, whatever it is"
    with tiny(tmp_path, HEAD + HONEST[rule]) as subject:
        result = run_check("GOV004", subject)
    (found,) = result.findings
    assert (found.key, found.severity) == ("empty chair", Severity.INFO)
