"""What is planted is found, and what is not is not."""

import csv
import io
import json

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from audit_lib.explain.attribution import Setting
from audit_lib.explain.run import explain
from audit_lib.model import Outcome
from tests.mutants.tiny import tiny
from tests.unit.explain.planted import HOOKS


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    with tiny(tmp_path_factory.mktemp("planted"), HOOKS) as subject:
        yield explain(subject, Setting(rows=500))


def head(found, name):
    return next(h for h in found.summary.heads if h.name == name)


def sizes(found, name):
    return {f.factor: f.importance.value for f in head(found, name).factors}


def learned(found, name):
    return next(r for r in found.summary.learned if r.head == name)


def table(found, name):
    text = found.files[f"attribution_{name}.csv"].decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_factor_that_decides_has_everything_and_the_others_nothing(found):
    of = sizes(found, "one")
    assert of.pop("alone") == pytest.approx(0.79, abs=0.08)  # spread of tanh(2 z)
    assert set(of.values()) == {0.0}
    assert head(found, "one").method == "sampled"
    assert head(found, "one").pairs == ()


def test_an_interaction_is_told_and_split_evenly(found):
    of = sizes(found, "two")
    assert of["left"] == pytest.approx(of["right"], rel=0.25)
    assert [p.factors for p in head(found, "two").pairs] == [("left", "right")]
    assert head(found, "two").pairs[0].size.low > 0


def test_a_linear_head_is_explained_exactly(found):
    assert head(found, "sum").method == "linear"
    of = sizes(found, "sum")
    assert of["left"] == pytest.approx(0.5, rel=0.15)
    assert of["right"] == pytest.approx(0.25, rel=0.15)
    assert max(v for k, v in of.items() if k not in ("left", "right")) < 1e-9
    signs = {f.factor: f.direction.value for f in head(found, "sum").factors[:2]}
    assert signs["left"] > 0.99
    assert signs["right"] < -0.99


def test_a_factor_of_one_regime_acts_there_alone(found):
    by_regime = {
        row["slice"]: float(row["importance"])
        for row in table(found, "some")
        if row["scope"] == "regime" and row["factor"] == "in storm"
    }
    # In calm rows the walk still meets storms of the background: a part of the regime's own effect.
    assert by_regime["storm"] > 1.3 * by_regime["calm"]
    assert {"in storm", "storm"} in [set(p.factors) for p in head(found, "some").pairs]


def test_copies_are_grouped_with_a_caution(found):
    assert found.summary.together == (("alone", "twin"),)
    assert b"is arbitrary" in found.files["rules.md"]


def test_what_never_moves_is_not_said_to_be_learned(found):
    flat = learned(found, "none")
    assert not flat.learned
    assert flat.rules == ()
    assert "degenerate" in flat.why
    assert set(sizes(found, "none").values()) == {0.0}


def test_the_decision_is_found_as_a_rule_with_its_precision(found):
    rules = learned(found, "decision")
    best = next(r for r in rules.rules if r.event.value == 1.0)
    told = {c.factor: c for c in best.conditions}
    assert set(told) <= {"alone", "twin", "storm"}
    assert told["storm"].up_to is not None
    assert best.precision.value > 0.95
    assert best.stability > 0.8
    assert "When " in best.sentence
    assert rules.skill.low > 0.8


def test_regimes_periods_and_dates_of_any_name_are_understood(found):
    scopes = {row["scope"] for row in table(found, "one")}
    assert scopes == {"all", "regime", "period"}
    assert "regimes" not in found.summary.not_assessed
    inputs = json.loads(found.files["inputs_schema.json"])
    assert (inputs["first"][:10], inputs["rows"], inputs["of"]) == ("2019-01-01", 500, 1200)


def test_nothing_is_accused(found):
    assert {r.code: r.outcome for r in found.results} == {
        "EXP001": Outcome.PASS,
        "EXP002": Outcome.NOT_APPLICABLE,
        "EXP003": Outcome.NOT_APPLICABLE,
        "EXP004": Outcome.NOT_APPLICABLE,
    }


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("inputs_schema.json", "learned_inputs"),
        ("rules_decision.json", "learned_rules"),
        ("rules_none.json", "learned_rules"),
        ("summary.json", "learned_summary"),
    ],
)
def test_files_keep_their_published_schema(found, file, schema, pytestconfig):
    path = pytestconfig.rootpath / "docs" / "schema" / f"{schema}.schema.json"
    form = json.loads(path.read_text())
    Draft202012Validator.check_schema(form)
    Draft202012Validator(form).validate(json.loads(found.files[file]))


def test_the_same_is_found_again(found, tmp_path):
    with tiny(tmp_path, HOOKS) as subject:
        again = explain(subject, Setting(rows=500))
    assert {k: v for k, v in again.files.items() if k.endswith(".csv")} == {
        k: v for k, v in found.files.items() if k.endswith(".csv")
    }


def test_contributions_sum_to_the_answers(found):
    rows = [r for r in table(found, "two") if r["scope"] == "all"]
    assert np.isfinite([float(r["mean"]) for r in rows]).all()


def test_pictures_show_how_it_depends_and_under_which_conditions(found):
    drawn = {e.name: e for r in found.results for e in r.evidence}
    panels = {row[0] for row in drawn["dependence_position"].rows}
    assert panels <= {"alone, partner storm", "storm, partner alone"}
    rising = [r for r in drawn["dependence_position"].rows if r[0].startswith("alone")]
    assert np.mean([r[2] for r in rising if r[1] > 1]) > 0
    assert np.mean([r[2] for r in rising if r[1] < 0]) < 0
    said = [row[0] for row in drawn["rules_decision"].rows]
    assert any("`alone` is above" in s and "`storm` is at most" in s for s in said)
    counted = dict(drawn["gates"].rows)
    assert counted["rows"] == 500
    assert 0 < counted["orders"] < 500
