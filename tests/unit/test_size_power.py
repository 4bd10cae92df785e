"""Rates that checks state are those that are measured, by a few runs of the benchmark."""

import pytest

from audit_lib.checks.catalogue import all_checks
from audit_lib.checks.size_power import Clean, Faulty, Measured, measured
from benchmarks.size_power import RATED, contradicted

TABLE = [m for rows in measured().values() for m in rows]
#: runs on each of the first worlds that take a second or two
RUNS = {"FEA101": 2, "CAL001": 4, "CAL005": 1, "CNF002": 2, "DRF001": 4, "DRF002": 4, "SPL007": 3}
RUNS |= {"GOV004": 8, "INT004": 12}


@pytest.mark.parametrize("found", TABLE, ids=lambda m: f"{m.code} {m.fault[:20]}")
def test_the_table_keeps_what_is_stated(found):
    assert contradicted(found) == []
    assert sorted(f.size for f in found.faulty) == [f.size for f in found.faulty]
    assert found.faulty[-1].seen / found.faulty[-1].runs > 0.5


def test_what_is_rated_stands_in_the_table_as_it_is_stated():
    assert {(r.code, r.fault, r.stated) for r in RATED} == {
        (m.code, m.fault, m.stated) for m in TABLE
    }
    assert set(measured()) <= {check.code for check in all_checks()}


@pytest.mark.parametrize("rated", RATED, ids=lambda r: f"{r.code} {r.fault[:20]}")
def test_a_few_runs_contradict_no_rate(rated):
    runs = RUNS.get(rated.code, 20)
    clean = [rated.clean(world, runs) for world in rated.worlds[:3]]
    seen = rated.seen(rated.sizes[-1], max(1, runs // 2))
    found = Measured(rated.code, rated.fault, rated.stated, tuple(clean), (), None)
    assert contradicted(found) == []
    assert seen >= max(1, runs // 4)


def test_more_alarms_than_stated_are_told():
    clean = (Clean("calm", 1000, 1, 0, 0.01), Clean("wild", 1000, 40, 0, 0.06))
    found = Measured("SPL006", "skill {} below", 0.01, clean, (Faulty(1.0, 100, 95),), 0.5)
    (said,) = contradicted(found)
    assert said == "SPL006, wild: 40 of 1000 accused, 1.00% is stated"
    assert found.words == (
        "41 of 2,000 runs on clean data accused, most 4.0% (wild); nine of ten see skill 0.5 below"
    )
    blind = Clean("wild", 1000, 0, 0, 0.01, missed=80, planted=100)
    found = Measured("SPL006", "skill {} below", 0.01, (blind,), (), None, 0.5)
    assert contradicted(found) == ["SPL006, wild: 80 of 100 pass with skill 0.5 below"]
    never = (Clean("calm", 1000, 0, 901, 0.01), Clean("wild", 1000, 0, 1000, 0.01))
    found = Measured("SPL006", "skill {} below", 0.01, never, (), None, 0.5)
    assert contradicted(found) == ["SPL006 hardly ever passes what is right, in any world"]
    some = Measured("SPL006", "skill {} below", 0.01, (never[1], blind), (), None, 0.5)
    assert len(contradicted(some)) == 1
