from __future__ import annotations

from dataclasses import replace

import made_up
import pytest

from audit_lib.model import (
    Contract,
    Exercised,
    FileReview,
    Outcome,
    Review,
    Severity,
    Task,
    Verdict,
)
from audit_lib.packets.acceptance import answers
from audit_lib.reporters.report import severities


def told(packet):
    return {a.text: a.verdict for a in answers(packet)}


def test_contracts_answer_their_criteria(packet_of):
    made = told(packet_of(made_up.tasks()))
    assert made["Checkpoint metadata is present and consistent"] is Verdict.KEPT
    assert made["Feature contracts of trainer and predictor are validated"] is Verdict.BROKEN
    assert made["Labels and folds leak nothing from the future"] is Verdict.BROKEN
    assert made["Retraining answers drift"] is Verdict.INCONCLUSIVE


def test_a_contract_that_nobody_looked_at_is_not_validated(packet_of):
    made = {a.text: a for a in answers(packet_of(made_up.clean_tasks()))}
    both = made["Outputs are named, and backtest and live agree"]
    assert both.verdict is Verdict.INCONCLUSIVE
    assert both.rests_on == "kept: HED001; interpretation: nothing applies"


@pytest.mark.parametrize(
    ("tasks", "verdict"),
    [(made_up.tasks(), Verdict.KEPT), (made_up.tasks()[:5], Verdict.INCONCLUSIVE)],
)
def test_high_risk_boundaries_need_a_pass_or_fail(packet_of, tasks, verdict):
    text = "Every high-risk boundary has an explicit pass or fail"
    assert told(packet_of(tasks))[text] is verdict


def test_an_undecided_high_risk_boundary_is_not_accepted(packet_of):
    tasks = made_up.tasks()
    undecided = replace(tasks[5].boundaries[1], verdict=Verdict.INCONCLUSIVE)
    tasks[5] = replace(tasks[5], boundaries=(undecided,))
    found = {a.text: a for a in answers(packet_of(tasks))}
    answer = found["Every high-risk boundary has an explicit pass or fail"]
    assert (answer.verdict, answer.rests_on) == (Verdict.BROKEN, "undecided: models_to_config_17")


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [(Outcome.PASS, Verdict.KEPT), (Outcome.NOT_ASSESSED, Verdict.INCONCLUSIVE)],
)
def test_the_must_not_is_the_closing_check(packet_of, outcome, verdict):
    tasks = made_up.clean_tasks()
    closing = made_up.result("LED901", outcome, contract=Contract.LEDGER, task=Task.T6)
    tasks[5] = replace(tasks[5], results=(closing,))
    assert told(packet_of(tasks))["No serious finding stands open in a high-risk file"] is verdict


@pytest.mark.parametrize(
    ("digests", "verdict"),
    [
        (("a", "a"), Verdict.KEPT),
        (("a", "b"), Verdict.BROKEN),
        (("", ""), Verdict.INCONCLUSIVE),
    ],
)
def test_an_untouched_subject_is_shown_by_its_digest(packet_of, digests, verdict):
    packet = packet_of(made_up.clean_tasks(), subject_before=digests[0], subject_after=digests[1])
    text = "The audit retrained, replaced and wrote nothing of the subject"
    assert told(packet)[text] is verdict


TEXT = "Every line of the subsystem is exercised by a probe"
FILES = (
    FileReview("a.py", lines=9, scanned=9, executable=6, loading=2),
    FileReview("b.py", lines=1, scanned=1, executable=1, loading=1),
)
HALF = Review(FILES, (Exercised("drift.psi", "a.py", "2-3", "1"),), calls=1)
REST = Review(
    FILES,
    (Exercised("drift.cusum", "a.py", "3,7-8", "6"), Exercised("drift.cusum", "b.py", "", "1")),
)


@pytest.mark.parametrize(
    ("reviews", "verdict", "said"),
    [
        ((), Verdict.INCONCLUSIVE, "no task has taken stock of the lines"),
        ((Review(FILES, unmeasured="no hook was called"),), Verdict.INCONCLUSIVE,
         "not measured: no hook was called"),
        ((HALF,), Verdict.BROKEN,
         "3 of 7 statements: 1 hook executed them, 1 when a module was loaded"),
        ((HALF, REST), Verdict.KEPT,
         "7 of 7 statements: 2 hooks executed them, 3 when a module was loaded"),
        ((replace(HALF, missing=("2 calls of drift.psi were lost with their process",)),),
         Verdict.BROKEN, "3 of 7 statements: 1 hook executed them, 1 when a module was loaded; "
         "2 calls of drift.psi were lost with their process"),
    ],
)  # fmt: skip
def test_exercised_is_answered_over_all_tasks_that_measured(packet_of, reviews, verdict, said):
    tasks = made_up.clean_tasks()
    for position, review in enumerate(reviews):
        tasks[position] = replace(tasks[position], review=review)
    answer = next(a for a in answers(packet_of(tasks)) if a.text == TEXT)
    assert (answer.verdict, answer.rests_on) == (verdict, said)


# --- what answers rest on ---------------------------------------------------------------------
FORMAT = "No artifact's format changed without its version"
HIGH_RISK = "No serious finding stands open in a high-risk file"
LINES = "Every line of the subsystem is accounted for and scanned"
CERTIFIED = "Every line is certified by a person"


def by_text(packet):
    return {a.text: a for a in answers(packet)}


def with_t1(*results):
    tasks = made_up.clean_tasks()
    tasks[0] = replace(tasks[0], results=results)
    return tasks


def test_lines_are_answered_by_kind_of_review(packet_of):
    checks = [made_up.result(code) for code in ("LED001", "LED002")]
    blind = made_up.result("LED004", Outcome.NOT_ASSESSED)
    made = by_text(packet_of(with_t1(*checks, blind)))
    assert (made[LINES].word, made[LINES].rests_on) == (
        "met",
        "kept: LED001, LED002; 12 columns",
    )
    assert (made[CERTIFIED].word, made[CERTIFIED].rests_on) == (
        "not answered",
        "no task has taken stock of the lines; not told: LED004",
    )


@pytest.mark.parametrize(
    ("certified", "outcome", "word", "said"),
    [
        ({"read": 0}, Outcome.PASS, "not met", "0 of 10 lines: read; the policy: kept: LED004"),
        ({"read": 9}, Outcome.PASS, "met", "10 of 10 lines: read; the policy: kept: LED004"),
        ({"read": 9}, Outcome.NOT_ASSESSED, "not answered", "10 of 10 lines: read"),
        ({}, Outcome.NOT_ASSESSED, "not met", "0 of 10 lines: the ledger defines no criterion"),
        (
            {"read": 0},
            Outcome.NOT_APPLICABLE,
            "not met",
            "0 of 10 lines: read; the policy: none asks for it",
        ),
    ],
)
def test_lines_are_certified_by_signatures_and_not_by_a_policy_that_asks_little(
    packet_of, certified, outcome, word, said
):
    one = dict.fromkeys(certified, 1) if any(certified.values()) else certified
    files = (replace(FILES[0], certified=certified), replace(FILES[1], certified=one))
    tasks = with_t1(made_up.result("LED004", outcome))
    tasks[0] = replace(tasks[0], review=Review(files))
    answer = by_text(packet_of(tasks))[CERTIFIED]
    assert (answer.word, answer.rests_on[: len(said)]) == (word, said)


def test_a_low_finding_about_foreign_files_leaves_the_lines_accounted_for(packet_of):
    foreign = made_up.finding("LED001", severity=Severity.LOW, key="unowned elsewhere")
    low = made_up.result("LED001", Outcome.FAIL, findings=(foreign,))
    answer = by_text(packet_of(with_t1(low, made_up.result("LED002"))))[LINES]
    assert answer.word == "met"
    assert "LED001: 1 low, not about this" in answer.rests_on
    lost = made_up.finding("LED001", key="lines")
    torn = made_up.result("LED001", Outcome.FAIL, findings=(foreign, lost))
    assert by_text(packet_of(with_t1(torn, made_up.result("LED002"))))[LINES].word == "not met"


def test_a_hash_that_is_missing_shows_no_change_of_format_and_hides_one(packet_of):
    gone = made_up.finding("CHK001", severity=Severity.MEDIUM, key="schema_hash")
    lacking = made_up.result("CHK001", Outcome.FAIL, findings=(gone,))
    answer = by_text(packet_of(with_t1(lacking, made_up.result("CHK004"))))[FORMAT]
    assert answer.word == "not answered"
    assert "what is recorded: broken: CHK001 (1 medium)" in answer.rests_on


def test_one_page_has_one_count(packet_of):
    tasks = made_up.tasks()
    twice = tasks[1].results[1]
    packet = packet_of([*tasks[:5], replace(tasks[5], results=(twice,))])
    ranks = [row for row in packet.closing if row.rank is not None]
    assert len(packet.open) == len(ranks)
    assert severities(f.finding for f in packet.open) in packet.headline


def test_a_wrong_number_in_a_document_does_not_unread_a_line(packet_of):
    checks = [made_up.result(code) for code in ("LED001", "LED002")]
    declared = made_up.finding("LED003")
    wrong = made_up.result("LED003", Outcome.FAIL, findings=(declared,))
    assert by_text(packet_of(with_t1(*checks, wrong)))[LINES].word == "met"
    torn = made_up.result("LED002", Outcome.FAIL, findings=(made_up.finding("LED002"),))
    answer = by_text(packet_of(with_t1(checks[0], torn)))[LINES]
    assert (answer.word, answer.rests_on.split(";")[0]) == ("not met", "broken: LED002 (1 high)")


def test_a_check_that_did_not_run_leaves_a_criterion_unanswered(packet_of):
    answer = by_text(packet_of(with_t1(made_up.result("LED001"))))[LINES]
    assert (answer.word, answer.rests_on) == (
        "not answered",
        "not run: LED002; kept: LED001; 12 columns",
    )


@pytest.mark.parametrize(
    ("outcome", "digest", "word"),
    [
        (Outcome.PASS, "ab" * 32, "met"),
        (Outcome.FAIL, "ab" * 32, "not met"),
        (Outcome.PASS, "00" * 32, "not met"),
        (Outcome.NOT_ASSESSED, "ab" * 32, "not answered"),
    ],
)
def test_formats_rest_on_the_digest_and_on_what_is_stored(packet_of, outcome, digest, word):
    tasks = made_up.clean_tasks()
    found = (made_up.finding("CHK004"),) if outcome is Outcome.FAIL else ()
    stored = made_up.result("CHK004", outcome, findings=found)
    tasks[0] = replace(tasks[0], results=(made_up.result("CHK001"), stored))
    answer = by_text(packet_of(tasks, subject_after=digest))[FORMAT]
    assert (answer.word, answer.must_not) == (word, True)


def test_a_serious_finding_in_a_high_risk_file_breaks_the_packet_and_says_where(packet_of):
    tasks = made_up.tasks()
    again = made_up.finding("LED901", key="open")
    closing = made_up.result(
        "LED901", Outcome.FAIL, findings=(again,), contract=Contract.LEDGER, task=Task.T6
    )
    tasks[5] = replace(tasks[5], results=(closing,))
    packet = packet_of(tasks)
    answer = by_text(packet)[HIGH_RISK]
    assert packet.verdict is Verdict.BROKEN
    assert (answer.word, answer.rests_on) == (
        "not met",
        f"check LED901: {again.message}",
    )


def test_must_nots_come_after_what_must_be(packet_of):
    kinds = [a.must_not for a in answers(packet_of(made_up.tasks()))]
    assert kinds == sorted(kinds)
    assert sum(kinds) == 3
