"""Each statement of this room: broken by the planted fault, and silent on its clean twin."""

import json

import numpy as np
import pytest

from audit_lib.engine import run_check
from audit_lib.explain.attribution import Setting
from audit_lib.explain.looking import look
from audit_lib.explain.run import explain
from audit_lib.explain.verdicts import CHECKS
from audit_lib.model import Outcome
from tests.mutants.tiny import tiny
from tests.unit.explain.planted import HOOKS

SMALL = Setting(rows=200, budget=4000)
TRUE = {
    "alone": 0.8,
    "idle": 0.0,
    "left": 0.1,
    "right": 0.05,
    "in storm": 0.02,
    "twin": 0.0,
    "storm": 0.01,
}


@pytest.fixture(scope="module")
def seen(tmp_path_factory):
    """What is seen of the planted version: the same for all, who differ in what they hold it to."""
    with tiny(tmp_path_factory.mktemp("seen"), HOOKS) as subject:
        return look(subject, SMALL)[0]


def asked(seen, folder, code, *, parameters="", meta=None, files=None):
    check = next(c for c in CHECKS if c.code == code)
    with tiny(folder, HOOKS, meta=meta, parameters=parameters) as subject:
        for name, content in (files or {}).items():
            path = subject.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return run_check(check(seen=seen), subject)


def messages(result):
    return [f.message for f in result.findings]


def test_answers_that_change_do_not_sum(seen, tmp_path):
    noisy = HOOKS.replace(
        "    return _heads(features)",
        "    return _heads(features) + np.random.default_rng().normal(size=(len(features), 1))",
    )
    with tiny(tmp_path, noisy) as subject:
        result = run_check(CHECKS[0](seen=look(subject, SMALL)[0]), subject)
    assert result.outcome is Outcome.FAIL
    assert "do not sum" in messages(result)[0]


IMPORTANCES = "explain: {importances: /importances}"


def test_true_importances_pass(seen, tmp_path):
    meta = {"importances": {"one": TRUE}}
    result = asked(seen, tmp_path, "EXP002", meta=meta, parameters=IMPORTANCES)
    assert result.outcome is Outcome.PASS, result


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"one": {**TRUE, "ghost": 1.0}}, "'ghost', which the model does not read"),
        ({"one": {**TRUE, "idle": 0.9}}, "'idle' contributes nothing to any head"),
        ({"one": TRUE, "two": {k: 1e4 * v for k, v in TRUE.items()}}, "different units"),
    ],
)
def test_false_importances_are_told(seen, tmp_path, told, said):
    result = asked(seen, tmp_path, "EXP002", meta={"importances": told}, parameters=IMPORTANCES)
    assert result.outcome is Outcome.FAIL
    assert any(said in m for m in messages(result)), messages(result)


def test_importances_in_the_wrong_order_are_told(seen, tmp_path):
    many = """
WEIGHTS = np.linspace(0, 2, 20)

@surface("explain.inputs")
def inputs(at):
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(400, 20)), columns=[f"x{i}" for i in range(20)])

@surface("predictor.predict")
def predict(at, features):
    return pd.DataFrame({"head": features.to_numpy() @ WEIGHTS}, index=features.index)
"""
    right = {f"x{i}": float(w) for i, w in enumerate(np.linspace(0, 2, 20))}
    wrong = dict(zip(right, reversed(right.values()), strict=True))
    for number, (told, outcome) in enumerate([(right, Outcome.PASS), (wrong, Outcome.FAIL)]):
        meta = {"importances": told}
        with tiny(tmp_path / str(number), many, meta=meta, parameters=IMPORTANCES) as subject:
            result = run_check(CHECKS[1](seen=look(subject, SMALL)[0]), subject)
        assert result.outcome is outcome
    assert any("do not rank" in m for m in messages(result))


@pytest.mark.parametrize(
    ("prior", "outcome"),
    [
        ("sum/left: increasing", Outcome.PASS),
        ("sum/left: decreasing", Outcome.FAIL),
        ("sum/right: increasing", Outcome.FAIL),
        ("two/left: decreasing", Outcome.PASS),  # neither way
        ("nothing/left: increasing", Outcome.NOT_ASSESSED),
    ],
)
def test_priors(seen, tmp_path, prior, outcome):
    result = asked(seen, tmp_path, "EXP003", parameters=f"explain: {{priors: {{{prior}}}}}")
    assert result.outcome is outcome, result


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    with tiny(tmp_path_factory.mktemp("own"), HOOKS) as subject:
        return explain(subject, SMALL).files


def kept(files, change=None):
    made = {f"own/{k}": v for k, v in files.items()}
    for name, edit in (change or {}).items():
        data = json.loads(made[f"own/{name}"])
        edit(data)
        made[f"own/{name}"] = json.dumps(data).encode()
    return made


OWN = "explain: {learned_conditions: own}"


def test_its_own_folder_passes(seen, tmp_path, written):
    result = asked(seen, tmp_path, "EXP004", parameters=OWN, files=kept(written))
    assert not result.findings, (
        messages(result),
        [(f.measured, f.expected, f.key) for f in result.findings],
    )
    assert not result.findings


def first(data):
    return data["rules"][0]


def turned(event):
    """A condition under which the head is on the other side."""
    side = {"up_to": -0.5} if event == "above" else {"above": 0.5}
    return {"factor": "alone", **side}


@pytest.mark.parametrize(
    ("file", "edit", "said"),
    [
        ("inputs_schema.json", lambda d: d.update(version="v0"), "stale"),
        ("inputs_schema.json", lambda d: d["factors"].pop(), "other factors"),
        (
            "rules_one.json",
            lambda d: first(d)["conditions"][0].update(above=1e9, up_to=None),
            "never",
        ),
        (
            "rules_one.json",
            lambda d: first(d).update(conditions=[{"factor": "alone", "above": -1e9}]),
            "every row",
        ),
        ("rules_one.json", lambda d: first(d)["lift"].update(value=0.9), "vacuous"),
        (
            "rules_one.json",
            lambda d: first(d).update(conditions=[{"factor": "idle", "above": 0.0}]),
            "as often",
        ),
        (
            "rules_one.json",
            lambda d: first(d).update(conditions=[turned(first(d)["event"]["kind"])]),
            "vacuous",
        ),
        (
            "inputs_schema.json",
            lambda d: d["factors"][1].update(low=200.0, high=900.0),
            "other values",
        ),
        ("rules_one.json", lambda d: first(d)["precision"].update(value=0.2), "as often"),
        (
            "rules_one.json",
            lambda d: first(d)["conditions"][0].update(factor="ghost"),
            "'ghost', which the model does not read",
        ),
    ],
)
def test_a_folder_that_is_not_of_this_version(seen, tmp_path, written, file, edit, said):
    result = asked(seen, tmp_path, "EXP004", parameters=OWN, files=kept(written, {file: edit}))
    assert result.outcome is Outcome.FAIL
    assert any(said in m for m in messages(result)), messages(result)


def test_importance_without_support(seen, tmp_path, written):
    files = kept(written)
    table = files["own/attribution_one.csv"].decode()
    head, *rows = table.splitlines()
    at = head.split(",").index("importance")
    changed = []
    for row in rows:
        cells = row.split(",")
        if cells[1] == "all" and "idle" in cells:
            cells[at] = "0.9"
        changed.append(",".join(cells))
    files["own/attribution_one.csv"] = "\n".join([head, *changed]).encode()
    result = asked(seen, tmp_path, "EXP004", parameters=OWN, files=files)
    assert any("'idle' contributes nothing to one" in m for m in messages(result))


def test_importances_of_another_version_are_stale(seen, tmp_path, written):
    files = kept(written)
    head, *rows = files["own/attribution_two.csv"].decode().splitlines()
    at, factor = (head.split(",").index(c) for c in ("importance", "factor"))
    order = ["idle", "in storm", "storm", "alone", "twin", "right", "left"]
    changed = []
    for row in rows:
        cells = row.split(",")
        cells[at] = str(0.9 - 0.1 * order.index(cells[factor]))
        changed.append(",".join(cells))
    files["own/attribution_two.csv"] = "\n".join([head, *changed]).encode()
    result = asked(seen, tmp_path, "EXP004", parameters=OWN, files=files)
    assert any("factors of two do not rank as they contribute" in m for m in messages(result))
