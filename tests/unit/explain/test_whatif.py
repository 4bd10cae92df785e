"""One decision taken apart: what made it is found, and the least that turns it."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from audit_lib.cli.why import why
from audit_lib.errors import ParameterError
from audit_lib.explain.rows import inputs_of
from audit_lib.explain.whatif import what_if
from tests.mutants.tiny import tiny
from tests.unit.explain.planted import HOOKS

TOGETHER = HOOKS.replace(
    '    go = (features["alone"] > 0.5) & (features["storm"] < 0.5)\n',
    '    go = features["alone"].groupby(level=0).rank() >= 5\n',
)


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    with tiny(tmp_path_factory.mktemp("whatif"), HOOKS) as made:
        yield made


def where(subject, fits):
    """Asset and date of the first row that fits."""
    rows = inputs_of(subject)
    at = int(np.flatnonzero(fits(rows.table).to_numpy())[0])
    return str(rows.assets[at]), str(rows.dates[at])[:10], rows.table.iloc[at]


def test_the_least_change_of_one_factor_that_turns_it(subject):
    asset, date, row = where(subject, lambda x: (x["storm"] < 0.5) & x["alone"].between(0.1, 0.3))
    told = what_if(subject, asset=asset, date=date)
    assert (told.asset, told.date, told.decision) == (asset, date, 0.0)
    nearest = told.opposite[0]
    assert list(nearest.factors) == ["alone"]
    before, after = nearest.factors["alone"]
    assert before == pytest.approx(row["alone"])
    assert after == pytest.approx(0.5, abs=2e-3)
    assert nearest.decision == 1.0
    assert not [c for c in told.opposite if "idle" in c.factors]


def test_what_two_conditions_forbid_takes_two_changes(subject):
    asset, date, _ = where(subject, lambda x: (x["storm"] > 0.5) & (x["alone"] < 0))
    told = what_if(subject, asset=asset, date=date)
    assert told.opposite
    assert {frozenset(c.factors) for c in told.opposite} == {frozenset(["alone", "storm"])}


def test_contributions_are_those_that_were_planted_and_sum_to_the_answer(subject):
    asset, date, _ = where(subject, lambda x: (x["storm"] < 0.5) & (x["alone"] > 1))
    told = what_if(subject, asset=asset, date=date)
    parts = {c.factor: c.contribution for c in told.contributions}
    assert told.of == "position"
    assert sum(parts.values()) + told.base == pytest.approx(told.answers["position"])
    assert parts.pop("alone") > 0.03
    assert parts.pop("storm") > 0.01
    assert set(parts.values()) == {0.0}
    assert "`alone` is above" in told.rule
    assert told.waterfall.rows[1][0].startswith("alone = ")


def test_a_row_that_is_decided_with_others_is_changed_among_them(tmp_path):
    with tiny(tmp_path, TOGETHER) as subject:
        rows = inputs_of(subject)
        day = rows.table["alone"].groupby(level=0).rank()
        asset, date, row = where(subject, lambda _: day == 4)
        told = what_if(subject, asset=asset, date=date)
        same = rows.table.xs(row.name[0], level=0)["alone"]
    assert told.decision == 0.0
    after = told.opposite[0].factors["alone"][1]
    assert after == pytest.approx(np.sort(same)[-1], abs=0.02)


@pytest.mark.parametrize(
    ("asked", "said", "mend"),
    [
        ({"asset": "ZZ"}, "no row is of asset 'ZZ'", "A0, A1, A2"),
        ({"date": "2031-01-01"}, "no row is at 2031-01-01", "2019-08-28"),
        ({"date": "soon"}, "'soon' is no date", "2015-03-16"),
    ],
)
def test_a_row_that_is_not_there_is_one_message(subject, asked, said, mend):
    with pytest.raises(ParameterError, match=said) as caught:
        what_if(subject, **asked)
    assert mend in str(caught.value)


def test_the_command_says_it_in_words_and_as_json():
    asked = ["reference_engine", "--version", "2020-12", "--asset", "AAPL", "--date", "2015-03-16"]
    said = CliRunner().invoke(why, asked)
    assert said.exit_code == 0, said.output
    assert "nearest other decisions" in said.output
    told = json.loads(CliRunner().invoke(why, [*asked, "--format", "json"]).output)
    assert told["version"] == "2020-12"
    assert told["opposite"][0]["distance"] > 0
