"""Cases of one cause become one finding."""

from dataclasses import replace

from audit_lib.model import Location, Severity
from audit_lib.model.causes import gathered
from tests import made_up

HERE = Location("hooks.py", base="parameters", line=3, symbol="splits.folds")


def case(key, cause="shared rows", **more):
    return replace(made_up.finding("SPL002", key=key), **{"location": HERE, "cause": cause, **more})


def test_cases_of_one_cause_are_one_finding_with_a_table():
    cases = [case(f"fold {n}", message=f"fold {n} shares rows", measured=str(n)) for n in range(13)]
    (found,), (table,) = gathered(cases)
    assert found.key == "shared rows"
    assert found.message == (
        "fold 0 shares rows (and 12 more of the same cause: fold 1, fold 2, fold 3, fold 4, …)"
    )
    assert found.evidence[-1] == table.name
    assert [row[0] for row in table.rows] == [f"fold {n}" for n in range(13)]


def test_how_many_there_are_is_no_part_of_the_identity():
    one = gathered([case("fold 1")])[0][0]
    many = gathered([case("fold 1"), case("fold 2")])[0][0]
    assert one.fingerprint == many.fingerprint
    assert (one.key, one.message) == ("fold 1", case("fold 1").message)


def test_what_only_a_line_tells_apart_is_one_finding():
    places = [replace(HERE, line=line) for line in (3, 9)]
    found, tables = gathered([case("same", cause="", location=place) for place in places])
    (one,) = found
    assert one.message.endswith("(and 1 more of the same cause: line 9)")
    assert one.fingerprint == case("same", cause="").fingerprint
    assert len(tables[0].rows) == 2
    other = case("same", cause="", location=replace(HERE, symbol="another"))
    assert len(gathered([case("same", cause=""), other])[0]) == 2


def test_the_worst_case_speaks():
    found = gathered([case("a", severity=Severity.LOW), case("b", severity=Severity.CRITICAL)])[0][
        0
    ]
    assert found.severity is Severity.CRITICAL


def test_other_causes_places_and_findings_without_a_cause_stay_apart():
    elsewhere = replace(case("fold 3"), location=replace(HERE, symbol="splits.other"))
    cases = [case("fold 1"), case("fold 2", cause="dates"), elsewhere, case("x", cause="")]
    found, tables = gathered([*cases, case("y", cause="")])
    assert [f.key for f in found] == ["fold 1", "fold 2", "fold 3", "x", "y"]
    assert tables == []


def test_two_hooks_that_enter_the_source_at_one_place_show_one_cause():
    place = Location("pipeline.py", line=9, symbol="compute")
    live, backtest = (
        replace(case(path), location=place, related=replace(HERE, symbol=path))
        for path in ("build_live", "build_backtest")
    )
    (found,), (table,) = gathered([live, backtest])
    assert (found.related, len(table.rows)) == (live.related, 2)
    apart = replace(backtest, location=replace(place, line=20))
    assert len(gathered([live, apart])[0]) == 2
