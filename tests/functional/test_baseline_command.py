"""`workbook baseline`: what an old engine has is accepted, and new findings alone break."""

import re
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

import tests.made_repo as made
from audit_lib.cli.app import cli
from audit_lib.errors import ParameterError
from audit_lib.exemptions import apply, load_baseline, load_exemptions
from audit_lib.model import Outcome, Verdict, breaks, verdict_of
from audit_lib.subject.subject import open_subject
from audit_lib.workbook.accepting import OF_WAIVERS
from audit_lib.workbook.asking import ask_all

TODAY = datetime.now(UTC).date()
LATER = (TODAY + timedelta(days=30)).isoformat()
GIVEN = ("--owner", "research desk", "--reason", 'it is "old"', "--expires", LATER)
SELECT = ["CHK", "LED", "LED002", "SEC"]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A workspace with a subject that has findings of its artifacts and of its code."""
    files = made.good_store()
    del files["store/v1/meta.json"]["feature_cols"]
    files["m.py"] = "def f(:\n"
    made.subject(
        tmp_path, files, artifacts=made.STORE, select=SELECT, source={"root": "../../repo"}
    )
    return tmp_path


def baseline(place, *words):
    return CliRunner().invoke(cli, ["baseline", "made", "--workspace", str(place), *words])


def audited(place):
    subject = open_subject("made", workspace=place).at("v1")
    try:
        return [r for t in ask_all(subject, run_id="r") for r in t.results]
    finally:
        subject.close()


def open_now(place):
    return {f.code for r in audited(place) for f in r.open_findings if breaks(f)}


def entries(place):
    return load_baseline(place / "parameters/made")


def test_what_is_there_is_accepted_and_counts_no_more(place):
    before = open_now(place)
    assert {"CHK001", "LED002"} <= before
    done = baseline(place, *GIVEN)
    assert done.exit_code == 0, done.output
    assert f"{len(entries(place))} findings accepted" in done.output
    assert {e.code for e in entries(place)} == before - set(OF_WAIVERS)
    assert {(e.owner, e.reason, e.expires.isoformat()) for e in entries(place)} == {
        ("research desk", 'it is "old"', LATER)
    }
    assert open_now(place) == set()
    assert verdict_of(audited(place)) is Verdict.INCONCLUSIVE  # what was not selected


def test_a_new_finding_breaks_and_the_old_ones_do_not(place):
    baseline(place, *GIVEN)
    (place / "repo/n.py").write_text("def g(:\n")
    new = [f for r in audited(place) for f in r.open_findings if breaks(f)]
    assert [(f.code, f.location.path) for f in new if f.code == "LED002"] == [("LED002", "n.py")]
    gate = CliRunner().invoke(cli, ["gate", "train", "made", "--workspace", str(place)])
    assert gate.exit_code != 1, gate.output


def test_moved_lines_and_a_new_version_stay_accepted(place):
    baseline(place, *GIVEN)
    file = place / "repo/m.py"
    file.write_text("# a\n# b\n\n" + file.read_text())
    assert "LED002" not in open_now(place)


def test_one_file_says_each_thing_once(place):
    baseline(place, *GIVEN)
    text = (place / "parameters/made/baseline.toml").read_text()
    data = tomllib.loads(text)
    assert set(data) == {"owner", "reason", "expires", "accepted"}
    assert data["expires"] == date.fromisoformat(LATER)
    assert all({"fingerprint", "code", "path", "what", "seen"} == set(e) for e in data["accepted"])
    assert all(re.fullmatch("[0-9a-f]{20}", e["fingerprint"]) for e in data["accepted"])


def test_asked_again_it_keeps_what_was_decided_adds_what_is_new_and_drops_what_is_gone(place):
    baseline(place, *GIVEN)
    (place / "repo/m.py").write_text("x = 1\n")
    (place / "repo/n.py").write_text("def g(:\n")
    other = ("--owner", "b", "--reason", "c", "--expires", LATER)
    done = baseline(place, *other)
    assert "1 dropped" in done.output
    owners = {e.path: e.owner for e in entries(place) if e.code in ("CHK001", "LED002")}
    assert owners["n.py"] == "b"
    assert owners["v1/meta.json"] == "research desk"
    assert "m.py" not in owners


def test_pruning_drops_what_is_gone_and_accepts_nothing(place):
    baseline(place, *GIVEN)
    held = len(entries(place))
    (place / "repo/m.py").write_text("x = 1\n")
    (place / "repo/n.py").write_text("def g(:\n")
    done = baseline(place, "--prune")
    assert done.exit_code == 0, done.output
    assert len(entries(place)) == held - 1
    assert "LED002" in open_now(place)


# --- what is stale is a finding ---------------------------------------------------------------
def waivers(place):
    """LED902's answer, over the whole run."""
    return next(r for r in audited(place) if r.code == "LED902")


def test_gone_entries_are_one_finding_at_the_file(place):
    baseline(place, *GIVEN)
    assert waivers(place).outcome is Outcome.PASS
    (place / "repo/m.py").write_text("x = 1\n")
    (found,) = waivers(place).findings
    assert (found.location.base, found.location.path) == ("parameters", "baseline.toml")
    assert found.message.startswith("what the baseline accepts (1 of its entries: ")
    assert found.message.endswith("covers nothing")


def test_after_its_day_everything_counts_again_and_the_end_is_one_finding(place):
    before = open_now(place)
    baseline(place, *GIVEN)
    file = place / "parameters/made/baseline.toml"
    file.write_text(file.read_text().replace(LATER, "2020-01-31"))
    assert open_now(place) - {"LED902"} == before
    (found,) = waivers(place).findings
    assert "research desk ended on 2020-01-31" in found.message
    assert f"({len(entries(place))} of its entries" in found.message


def test_of_a_version_that_it_was_not_seen_in_nothing_is_missed(place):
    baseline(place, *GIVEN)
    subject = open_subject("made", workspace=place)
    applied = apply([], load_exemptions(subject.folder), version="v2", today=TODAY)
    assert (applied.unused, applied.expired) == ((), ())
    assert len(apply([], load_exemptions(subject.folder), version="v1", today=TODAY).unused) > 0


# --- what is refused --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "a baseline needs --owner, --reason and --expires"),
        (GIVEN[:4], "a baseline needs --owner"),
        ((*GIVEN[:4], "--expires", "soon"), "soon"),
    ],
)
def test_a_decision_without_an_owner_or_an_end_is_refused(place, words, said):
    done = baseline(place, *words)
    assert done.exit_code == 2
    assert said in done.output
    assert not (place / "parameters/made/baseline.toml").exists()


def test_a_day_in_the_past_is_refused(place):
    done = baseline(place, *GIVEN[:4], "--expires", "2020-01-01")
    assert isinstance(done.exception, ParameterError)
    assert "2020-01-01 is past" in str(done.exception)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[accepted]]\nfingerprint = 'abcdef'\n", "accepted 1, owner: Field required"),
        ("[[exemption]]\n", "key 'exemption' is not known"),
        ("owner = 3\n[[accepted]]\nfingerprint = 'abcdef'\n", "accepted 1, owner"),
        ("x = [", "not valid TOML"),
    ],
)
def test_a_file_that_does_not_fit_is_one_message(place, text, said):
    (place / "parameters/made/baseline.toml").write_text(text)
    with pytest.raises(ParameterError, match=re.escape(said)) as caught:
        load_exemptions(place / "parameters/made")
    assert "baseline.toml" in caught.value.where
