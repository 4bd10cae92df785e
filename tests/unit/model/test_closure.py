"""What becomes of findings: every fate, moves, the closing list, and relations that must hold."""

from __future__ import annotations

from dataclasses import replace

import made_up
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_lib.model import Exempted, Gap, Location, Outcome, Severity, Task
from audit_lib.model.closure import CAME, Fate, closing_list, compare
from audit_lib.model.merging import merged

UNTIL = "2026-12-31"


def spl(*keys, code="SPL001", outcome=None, exempt=(), lapsed=(), gaps=(), **changes):
    """A check's answer with a finding a key."""
    findings = tuple(made_up.finding(code, key=k, **changes) for k in keys)
    marks = {f.key: f.fingerprint for f in findings}
    return made_up.result(
        code,
        outcome or (Outcome.FAIL if keys else Outcome.PASS),
        findings=findings,
        exempted=tuple(Exempted(marks[k], "desk", "accepted", UNTIL) for k in exempt),
        lapsed=tuple(Exempted(marks[k], "desk", "accepted", "2026-01-01") for k in lapsed),
        gaps=gaps,
    )


def run(*results, version="v1", task=Task.T2, files=None):
    made = replace(made_up.tasks(version=version)[1], task=task, results=results, boundaries=())
    return [replace(made, dependents=dict(files or {}))]


def keys(comparison, *fates):
    return [c.matter.finding.key for c in comparison.of(*fates)]


def fates(comparison):
    return {c.matter.finding.key: c.fate.value for c in comparison.closed}


# --- fates ------------------------------------------------------------------------------------
def test_every_fate():
    before = run(
        spl("stays", "mended", "waived", "ended", exempt=("ended",)),
        spl("lost", code="CAL001"),
        spl("grows", "eases", code="CAL002", measured="0.12", expected="at most 0.05"),
    )
    after = run(
        spl("stays", "waived", "ended", "back", "fresh", exempt=("waived",)),
        spl(code="CAL001", outcome=Outcome.ERROR),
        spl("grows", code="CAL002", measured="0.2", expected="at most 0.05"),
        spl("eases", code="CAL002", measured="0.06", expected="at most 0.05"),
    )
    made = compare(before, after, earlier=[run(spl("back"))])
    assert fates(made) == {
        "stays": "persisting",
        "mended": "fixed",
        "waived": "exempted",
        "ended": "expired",
        "back": "regressed",
        "fresh": "new",
        "lost": "unknown",
        "grows": "worse",
        "eases": "better",
    }
    assert set(fates(made).values()) == {f.value for f in Fate}
    assert made.counts() == dict.fromkeys(Fate, 1)
    assert made.before == "made_up_engine v1 run 20261121T220000-7f3a"


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (spl(outcome=Outcome.ERROR), "no hook `online.run` is written"),
        (spl(outcome=Outcome.NOT_ASSESSED), "no hook `online.run` is written"),
        (spl(outcome=Outcome.NOT_APPLICABLE), "no hook `online.run` is written"),
        (spl(gaps=(Gap("fold 1", "no data"),)), "fold 1: no data"),
        (spl("b", gaps=(Gap("fold 1", "no data"),)), "fold 1: no data"),
        (spl("b", code="CAL001"), "it did not run"),
    ],
)
def test_nothing_is_fixed_by_a_check_that_did_not_answer(now, why):
    made = compare(run(spl("a")), run(now))
    assert fates(made)["a"] == "unknown"
    (untold,) = made.untold
    assert (untold.code, untold.why, untold.findings) == ("SPL001", why, 1)
    assert made.of(Fate.UNKNOWN)[0].why == why


@pytest.mark.parametrize("left", [("b",), ()], ids=["another stays", "none stays"])
def test_a_part_that_nobody_could_look_at_in_either_run_hides_no_mending(left):
    gap = (Gap("fold 1", "no data"),)
    outcome = Outcome.FAIL if left else Outcome.NOT_ASSESSED
    now = replace(spl(*left, outcome=outcome, gaps=gap), reason="" if left else "fold 1: no data")
    made = compare(run(spl("a", "b", gaps=gap)), run(now))
    assert fates(made)["a"] == "fixed"
    assert made.untold == ()


def test_a_check_that_gave_up_is_blind_whatever_gaps_it_left():
    gap = (Gap("fold 1", "no data"),)
    now = replace(spl(outcome=Outcome.NOT_ASSESSED, gaps=gap), reason="the hook hangs")
    made = compare(run(spl("a", gaps=gap)), run(now))
    assert (fates(made)["a"], made.untold[0].why) == ("unknown", "the hook hangs")


def test_a_check_that_tells_no_more_is_named_even_if_it_had_found_nothing():
    made = compare(run(spl()), run(spl(outcome=Outcome.ERROR)))
    assert [(u.code, u.findings) for u in made.untold] == [("SPL001", 0)]
    assert made.exit_code == 2


def test_a_check_that_never_told_is_not_named():
    blind = run(spl(outcome=Outcome.NOT_ASSESSED))
    assert compare(blind, blind).untold == ()


def test_a_surface_that_went_leaves_nothing_untold():
    made = compare(run(spl()), run(spl(outcome=Outcome.NOT_APPLICABLE)))
    assert (made.untold, made.exit_code) == ((), 0)


def test_what_is_new_because_its_check_never_told_before_says_so():
    made = compare(run(spl(outcome=Outcome.NOT_ASSESSED)), run(spl("a")))
    (new,) = made.of(Fate.NEW)
    assert new.why == "no hook `online.run` is written"
    assert made.exit_code == 1


def test_what_is_new_because_its_check_is_new_says_so():
    (new,) = compare(run(spl()), run(spl(), spl("a", code="CAL001"))).of(Fate.NEW)
    assert new.why == "it did not run"


def test_exit_codes():
    assert compare(run(spl("a")), run(spl("a"))).exit_code == 0
    assert compare(run(spl("a")), run(spl())).exit_code == 0
    assert compare(run(spl()), run(spl("a"))).exit_code == 1
    assert compare(run(spl("a", exempt=("a",))), run(spl("a"))).exit_code == 1
    assert compare(run(spl()), run(spl("a", exempt=("a",)))).exit_code == 0
    assert compare(run(spl()), run(spl("a", severity=Severity.INFO))).exit_code == 0
    assert compare([], []).exit_code == 0


def test_a_waived_finding_that_went_is_fixed():
    assert fates(compare(run(spl("a", exempt=("a",))), run(spl()))) == {"a": "fixed"}


def test_a_waiver_that_has_ended_in_both_runs_changes_nothing():
    both = run(spl("a", lapsed=("a",)))
    made = compare(both, both)
    assert fates(made) == {"a": "persisting"}
    assert made.closed[0].matter.waiver.expires == "2026-01-01"
    assert not made.closed[0].matter.waived


# --- identity ---------------------------------------------------------------------------------
def test_a_remeasured_finding_on_another_line_persists_and_shows_the_move():
    before = run(spl("a", location=Location("m.py", line=1, symbol="f"), measured="1"))
    after = run(spl("a", location=Location("m.py", line=99, symbol="f"), measured="2"))
    (only,) = compare(before, after).closed
    assert (only.fate, only.moved_from) == (Fate.PERSISTING, "m.py:1")


def test_a_finding_that_did_not_move_shows_none():
    (only,) = compare(run(spl("a")), run(spl("a"))).closed
    assert only.moved_from == ""


MOVED = (
    Location("old/m.py", line=3, symbol="f"),
    Location("new/m.py", line=5, symbol="f"),
)


def test_a_file_that_moved_takes_its_findings_along():
    before = run(spl("a", location=MOVED[0]), files={"old/m.py": 0})
    after = run(spl("a", location=MOVED[1]), files={"new/m.py": 2})
    (only,) = compare(before, after).closed
    assert (only.fate, only.moved_from, only.matter.blast) == (Fate.PERSISTING, "old/m.py:3", 2)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ({"old/m.py": 0}, {"old/m.py": 0, "new/m.py": 0}),
        ({"old/m.py": 0, "new/m.py": 0}, {"new/m.py": 0}),
        ({}, {"new/m.py": 0}),
        ({"old/m.py": 0}, {}),
    ],
    ids=["copied", "was there", "unknown before", "unknown now"],
)
def test_what_may_be_another_place_is_no_move(then, now):
    before = run(spl("a", location=MOVED[0]), files=then)
    after = run(spl("a", location=MOVED[1]), files=now)
    assert sorted(c.fate for c in compare(before, after).closed) == ["fixed", "new"]


def test_a_move_to_one_of_two_places_is_none():
    before = run(spl("a", location=MOVED[0]), files={"old/m.py": 0})
    twin = replace(MOVED[1], path="other/m.py")
    after = run(spl("a", location=MOVED[1]), spl("a", location=twin),
                files={"new/m.py": 0, "other/m.py": 0})  # fmt: skip
    assert sorted(c.fate for c in compare(before, after).closed) == ["fixed", "new", "new"]


def test_a_finding_in_the_versions_own_folder_persists_across_versions():
    runs = [
        run(
            spl(v, location=Location(f"{v}/meta.json", base="artifacts", pointer=f"/{v}")),
            version=v,
        )
        for v in ("2022-06", "2023-12rc")
    ]
    assert fates(compare(*runs)) == {"2023-12rc": "persisting"}


@pytest.mark.parametrize(
    "versions", [("a", "b"), ("1", "2"), ("v1", "v2"), ("2024-03", "2024-03rc")]
)
def test_an_id_inside_other_text_is_no_id(versions):
    places = [
        Location("data/a1v1.json", base="artifacts", pointer="/heads/1"),
        Location("engine/a.py", symbol="b.a1"),
    ]
    runs = [
        run(*(spl(str(i), location=p) for i, p in enumerate(places)), version=v) for v in versions
    ]
    assert fates(compare(*runs)) == {"0": "persisting", "1": "persisting"}


def test_a_numbered_folder_is_a_version():
    runs = [run(spl("k", location=Location(f"models/{v}/m.json")), version=v) for v in ("1", "2")]
    assert fates(compare(*runs)) == {"k": "persisting"}


# --- merging ----------------------------------------------------------------------------------
def test_one_matter_of_two_tasks_is_one_and_the_worst_stands():
    mild, worse = spl("a", severity=Severity.LOW), spl("a", severity=Severity.CRITICAL)
    (only,) = merged([*run(mild, task=Task.T1), *run(worse, task=Task.T3)])
    assert (only.finding, only.tasks) == (worse.findings[0], (Task.T1, Task.T3))


def test_one_that_stands_unwaived_in_one_task_stands():
    waived, bare = spl("a", exempt=("a",)), spl("a")
    assert not merged([*run(waived), *run(bare, task=Task.T3)])[0].waived
    assert merged(run(waived))[0].waived


def test_what_only_informs_is_not_closed():
    assert merged(run(spl("a", severity=Severity.INFO))) == ()


def test_only_places_in_the_source_have_a_blast_radius():
    inside, beside = Location("m.py"), Location("m.py", base="artifacts")
    made = merged(run(spl("a", location=inside), spl("b", location=beside), files={"m.py": 4}))
    assert {m.finding.key: m.blast for m in made} == {"a": 4, "b": None}
    assert merged(run(spl("a", location=inside)))[0].blast is None


# --- the closing list -------------------------------------------------------------------------
def test_the_list_is_by_standing_then_severity_then_blast_radius():
    files = {"wide.py": 9, "m.py": 2}
    now = run(
        spl("low", severity=Severity.LOW, location=Location("wide.py")),
        spl("narrow", location=Location("m.py")),
        spl("wide", "waived", location=Location("wide.py"), exempt=("waived",)),
        spl(code="CAL001", outcome=Outcome.ERROR),
        files=files,
    )
    before = run(spl("narrow", "gone", location=Location("m.py")), spl("lost", code="CAL001"),
                 files=files)  # fmt: skip
    champion = run(spl("wide", location=Location("wide.py")), version="v0")
    rows = closing_list(now, [compare(before, now), compare(champion, now)])
    assert [(r.rank, r.matter.finding.key, r.matter.blast, *r.fates) for r in rows] == [
        (1, "wide", 9, Fate.NEW, Fate.PERSISTING),
        (2, "narrow", 2, Fate.PERSISTING, Fate.NEW),
        (3, "low", 9, Fate.NEW, Fate.NEW),
        (None, "lost", None, Fate.UNKNOWN, None),
        (None, "waived", 9, Fate.EXEMPTED, Fate.EXEMPTED),
        (None, "gone", 2, Fate.FIXED, None),
    ]
    assert [r.here for r in rows] == [True, True, True, False, True, False]


def test_what_closes_a_run_comes_after_its_equals():
    files = {"src/features.py": 9}
    closes = spl("sum", code="LED901", severity=Severity.CRITICAL)
    first = spl(
        "a", code="SPL002", severity=Severity.CRITICAL, location=Location("z.md", base="documents")
    )
    ranked = [r.matter.finding.code for r in closing_list(
        run(closes, first, spl("b", severity=Severity.HIGH), files=files), ()
    )]  # fmt: skip
    assert ranked == ["SPL002", "LED901", "SPL001"]


def test_of_equal_weight_what_is_new_comes_first():
    before, now = run(spl("a", "c")), run(spl("a", "b", "c", "d"))
    rows = closing_list(now, [compare(before, now)])
    assert [r.matter.finding.key for r in rows] == ["b", "d", "a", "c"]


def test_without_another_run_there_are_no_fates():
    (row,) = closing_list(run(spl("a")), [])
    assert (row.rank, row.fates) == (1, ())


def test_every_matter_of_a_run_stands_in_it_once():
    tasks = made_up.tasks(version="b")
    rows = closing_list(tasks, [compare(made_up.tasks(version="a"), tasks)])
    assert len(rows) == len({r.matter.identity for r in rows}) == 19
    assert [r.rank for r in rows if r.rank] == list(range(1, 19))


# --- relations that must hold -----------------------------------------------------------------
CODES = ("SPL001", "CAL001", "FEA001")
ANSWERS = st.lists(
    st.tuples(
        st.sampled_from("abcdef"),
        st.sampled_from(sorted(Severity)),
        st.sampled_from(("", "exempt", "lapsed")),
        st.sampled_from(("m.py", "n.py")),
    ),
    max_size=5,
)


@st.composite
def runs(draw, silent=True):
    results = []
    for code in CODES:
        parts = [
            spl(
                key,
                code=code,
                severity=severity,
                location=Location(path),
                exempt=(key,) if state == "exempt" else (),
                lapsed=(key,) if state == "lapsed" else (),
            )
            for key, severity, state, path in draw(ANSWERS)
        ]
        outcome = Outcome.FAIL if parts else Outcome.PASS
        if silent and draw(st.booleans()):
            outcome = draw(st.sampled_from((Outcome.ERROR, Outcome.NOT_ASSESSED)))
        results.append(
            made_up.result(
                code,
                outcome,
                findings=tuple(f for p in parts for f in p.findings),
                exempted=tuple(e for p in parts for e in p.exempted),
                lapsed=tuple(e for p in parts for e in p.lapsed),
            )
        )
    kept = [r for r in results if not silent or draw(st.booleans())]
    return run(*kept, files={"m.py": 3, "n.py": 1})


def names(comparison, *fates):
    return {c.matter.identity for c in comparison.of(*fates)}


@settings(max_examples=60, deadline=None)
@given(runs())
def test_a_run_against_itself_only_persists(a):
    made = compare(a, a)
    assert {c.fate for c in made.closed} <= {Fate.PERSISTING, Fate.EXEMPTED}
    assert len(made.closed) == len(merged(a))
    assert (made.untold, made.exit_code) == ((), 0)
    assert all(c.moved_from == "" for c in made.closed)


@settings(max_examples=60, deadline=None)
@given(runs(), runs())
def test_every_matter_meets_one_fate(a, b):
    made = compare(a, b)
    both = {m.identity for m in (*merged(a), *merged(b))}
    assert sorted(c.matter.identity for c in made.closed) == sorted(both)
    assert made == compare(a, b)


@settings(max_examples=60, deadline=None)
@given(runs(), runs())
def test_swapping_the_sides_swaps_what_came_and_what_went(a, b):
    there, back = compare(a, b), compare(b, a)
    gone = {c.matter.identity for c in back.of(Fate.FIXED, Fate.UNKNOWN)}
    came = {m.identity for m in merged(b)} - {m.identity for m in merged(a)}
    assert gone == came
    assert names(there, Fate.NEW) == {i for i in gone if not _waived(b)[i]}


@settings(max_examples=60, deadline=None)
@given(runs(silent=False), runs(silent=False))
def test_where_every_check_tells_swapping_swaps_new_and_fixed(a, b):
    there, back = compare(a, b), compare(b, a)
    waived = {i for i, w in (_waived(a) | _waived(b)).items() if w}
    assert names(there, Fate.NEW) - waived == names(back, Fate.FIXED) - waived
    assert names(there, Fate.UNKNOWN) == set()


@settings(max_examples=60, deadline=None)
@given(runs(), runs(), runs())
def test_the_list_holds_every_matter_once_and_ranks_the_open(a, b, c):
    comparisons = [compare(a, c), compare(b, c)]
    rows = closing_list(c, comparisons)
    every = {m.identity for side in (a, b, c) for m in merged(side)}
    assert sorted(r.matter.identity for r in rows) == sorted(every)
    ranked = [r for r in rows if r.rank]
    assert [r.rank for r in ranked] == list(range(1, len(ranked) + 1))
    assert rows[: len(ranked)] == tuple(ranked)
    weights = [r.matter.weight[:3] for r in ranked]
    assert weights == sorted(weights)
    assert {r.matter.identity for r in ranked} == {m.identity for m in merged(c) if not m.waived}
    for position, comparison in enumerate(comparisons):
        came = {r.matter.identity for r in rows if r.fates[position] in CAME}
        assert came == names(comparison, *CAME)


def _waived(tasks):
    return {m.identity: m.waived for m in merged(tasks)}


@pytest.mark.parametrize(
    ("then", "now", "expected", "fate"),
    [
        ("0.12", "0.2", "at most 0.05", Fate.WORSE),
        ("0.12", "0.13", "at most 0.05", Fate.PERSISTING),  # a re-measurement
        ("0.8", "0.6", "at least 0.9", Fate.WORSE),
        ("0.6", "0.8", "at least 0.9", Fate.BETTER),
        ("12 promoted", "40 promoted", "0 promoted", Fate.WORSE),
        ("gap 3 bars", "gap 0 bars", "gap of at least 4 bars", Fate.WORSE),
        ("look-ahead 5 bars", "look-ahead 1 bars", "look-ahead 0 bars", Fate.BETTER),
        ("-0.3", "-0.9", "not negative", Fate.WORSE),
        ("0.1200 (0.1 to 0.15)", "0.2000 (0.16 to 0.24)", "at most 0.05", Fate.WORSE),
        ("3 of 40 rows", "30 of 40 rows", "the same decision", Fate.WORSE),
        ("30 of 40", "3 of 40", "the same decision", Fate.BETTER),
        ("3 of 40 rows", "30 of 400 rows", "0", Fate.PERSISTING),  # as many of them
        ("0 of 40 rows known", "0 of 90 rows known", "known values", Fate.PERSISTING),
        ("0 of 0 rows", "3 of 9 rows", "0 rows", Fate.WORSE),
        ("2019-06", "2020-06", "a refusal", Fate.PERSISTING),  # no amounts
        ("v7", "v70", "v1", Fate.PERSISTING),
        ("3 days", "300 bars", "0 days", Fate.PERSISTING),  # of two kinds
    ],
)
def test_the_size_of_a_departure_decides_its_fate(then, now, expected, fate):
    before = run(spl("a", measured=then, expected=expected))
    after = run(spl("a", measured=now, expected=expected))
    (closed,) = compare(before, after).closed
    assert closed.fate is fate


def test_a_more_severe_finding_is_worse_and_alarms():
    before = run(spl("a", severity=Severity.MEDIUM))
    after = run(spl("a", severity=Severity.CRITICAL))
    assert (compare(before, after).exit_code, compare(after, before).exit_code) == (1, 0)
    assert keys(compare(before, after), Fate.WORSE) == keys(compare(after, before), Fate.BETTER)
