"""INT005 and INT006: the account as an argument of decisions, and paths that know single rows."""

import re
from pathlib import Path

import pandas as pd
import pytest

from audit_lib.model import Outcome
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.testing import assert_passes, run_check
from tests.mutants.held import held
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

GUIDE = (Path(__file__).parents[3] / "docs/guide/account.md").read_text()
(YAML,) = re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL)
(HOOKS,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
FEW = "options: {INT005: {rows: 3, draws: 5}, INT006: {rows: 3, states: 3}}\n"
YAML += FEW
LIVE = "def live(at: Context, account):\n"


def live(account):
    """The example with another account on the live path alone."""
    return HOOKS.replace(LIVE, f"{LIVE}    account = {{**account, {account}}}\n")


@pytest.mark.passes("INT005", "INT006", "INT001")
def test_the_example_of_the_guide(tmp_path):
    with tiny(tmp_path, HOOKS, parameters=YAML) as subject:
        for code in ("INT006", "INT001", "INT002"):
            assert_passes(run_check(code, subject))
        result = run_check("INT005", subject)
        assert (
            held(result, "way beyond its limit at which drawdown binds", 6.006e-6).measured < 6e-6
        )
        assert held(result, "way between drawdown that binds in each", 6.006e-6).measured == 0
        assert [r for r in try_hooks(subject) if r.state != "good"] == []


@pytest.mark.fails("INT005")
@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (
            live("'exposure': 0"),
            "exposure never binds",
            "live: no limit on exposure binds: at 2 all orders are as at rest",
        ),
        (
            HOOKS.replace('account["drawdown"] >= 0.2', '100 * account["drawdown"] >= 200'),
            "drawdown never binds",
            "no limit on drawdown binds",
        ),
        (
            HOOKS.replace('account["drawdown"] >= 0.2', 'account["drawdown"] >= 0.25'),
            "drawdown limit",
            "the limit on drawdown is 0.2, and orders are as at rest up to 0.25",
        ),
        (
            HOOKS.replace('account["open_positions"] >= 8', 'account["open_positions"] > 8'),
            "open_positions limit",
            "up to 9",
        ),
        (
            live("'drawdown': account['drawdown'] * 1.5"),
            "drawdown apart",
            "binds from 0.2 in backtest, from 0.13333",
        ),
        (
            HOOKS.replace(
                '"size": 0.1 * abs(side)', '"size": abs(side) * (0.1 + account["drawdown"] / 10)'
            ),
            "drawdown grows",
            "some orders are larger than at 0",
        ),
        (HOOKS.replace('return "drawdown"', 'return "risk"'), "drawdown gate", "name gate 'risk'"),
    ],
)
def test_limits_that_are_wrong(tmp_path, text, key, said):
    with tiny(tmp_path, text, parameters=YAML) as subject:
        result = run_check("INT005", subject)
    assert result.outcome is Outcome.FAIL, result.reason
    found = [f for f in result.findings if f.key == key]
    assert {f.key for f in result.findings} == {key}
    assert any(said in f.message for f in found), [f.message for f in result.findings]


def test_limits_that_shrink_orders_are_right(tmp_path):
    soft = HOOKS.replace(
        '"size": 0.1 * abs(side)', '"size": abs(side) * 0.1 * (1 - account["drawdown"])'
    )
    with tiny(tmp_path, soft, parameters=YAML) as subject:
        assert_passes(run_check("INT005", subject))


COUNTS_FIRST = HOOKS.replace(
    '    gate = refused_by(account, 0.1) if side else ""\n',
    '    after = dict(account)\n    after["open_positions"] += 1\n'
    '    gate = refused_by(account, 0.1) if side else ""\n',
).replace('    after = dict(account)\n    if side:', "    if side and not gate:").replace(
    '        after["open_positions"] += 1\n        after["exposure"]', '        after["exposure"]'
)  # fmt: skip
FORGETS = HOOKS.replace('        after["open_positions"] += 1\n', "").replace(
    'after["exposure"] += 0.1', "pass"
)
ELSEWHERE = HOOKS.replace(
    "def refused_by(account, size):\n",
    "SEEN = []\n\n\ndef refused_by(account, size):\n    SEEN.append(1)\n"
    "    if len(SEEN) > 392 and len(SEEN) // 5 % 7 == 3:\n        return 'budget'\n",
)


@pytest.mark.fails("INT006")
@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        (COUNTS_FIRST, "refused open_positions", "refusals change open_positions"),
        (FORGETS, "placed", "orders changes the account"),
        (ELSEWHERE, "again", "decided otherwise after other decisions"),
    ],
)
def test_state_that_is_kept_badly(tmp_path, text, key, said):
    with tiny(tmp_path, text, parameters=YAML) as subject:
        result = run_check("INT006", subject)
    assert result.outcome is Outcome.FAIL, result.reason
    assert {f.key for f in result.findings} == {key}
    assert any(said in f.message for f in result.findings), [f.message for f in result.findings]


def test_what_is_missing_is_said(tmp_path):
    with tiny(tmp_path / "a", HOOKS) as subject:
        assert "say in subject.yaml" in run_check("INT005", subject).reason
    with tiny(tmp_path / "b", HOOKS, parameters="account: {margin: {worst: 1}}") as subject:
        assert "answers no 'margin'" in run_check("INT006", subject).reason
        (report,) = [r for r in try_hooks(subject) if r.hook == "decisions.account"]
        assert report.state == "wrong"
    plain = HOOKS.replace('@surface("decisions.account")', "")
    with tiny(tmp_path / "c", plain) as subject:
        assert run_check("INT005", subject).outcome is Outcome.NOT_APPLICABLE
    blind = HOOKS.replace(
        "def backtest(at: Context, features, account):", "def backtest(at, features):"
    )
    blind = blind.replace("decide(row, account)[0]", "decide(row, account(at))[0]")
    with tiny(tmp_path / "d", blind, parameters=YAML) as subject:
        assert "decisions.backtest takes no account" in run_check("INT005", subject).reason


ALONE = """
@surface("predictor.predict", each="row")
def predict(at, sides=None):
    MADE.append(1)
    return lambda row: {"score": row["drift"].iloc[0]}

MADE = []
"""


def test_predictors_of_one_row_answer_tables(tmp_path):
    with tiny(tmp_path, HOOKS + ALONE, parameters=YAML) as subject:
        given = pd.DataFrame({"drift": range(500)}, index=pd.RangeIndex(500, name="row"))
        made = subject.hook("predictor.predict")(given)
        assert made["score"].tolist() == list(range(500))
        assert made.index.equals(given.index)
        assert_passes(run_check("FEA004", subject))
    wrong = ALONE.replace('{"score": row["drift"].iloc[0]}', "1.0")
    with tiny(tmp_path / "b", HOOKS + wrong, parameters=YAML) as subject:
        (report,) = [r for r in try_hooks(subject) if r.hook == "predictor.predict"]
        assert (report.state, "a row is answered as" in report.got) == ("failed", True)


def test_hooks_that_take_no_rows_cannot_answer_them():
    from audit_lib.hooks import surface

    with pytest.raises(ValueError, match=r"'row' is for predictor"):
        surface("features.build", each="row")(lambda at: None)


@pytest.mark.passes("INT005", "INT006")
def test_the_reference_engine(reference):
    for code in ("INT005", "INT006"):
        assert_passes(run_check(code, reference))


@pytest.mark.fails("INT005")
def test_the_engine_with_a_limit_of_another_unit(engine):
    call = "pass_gate(side, size, prediction, config, drawdown"
    edit_source(engine, "live.py", f"{call})", f"{call} / 100)")
    with mutant(engine) as subject:
        result = run_check("INT005", subject)
    assert {f.key for f in result.findings} == {"drawdown never binds"}
    assert all("live: no limit on drawdown binds" in f.message for f in result.findings)
