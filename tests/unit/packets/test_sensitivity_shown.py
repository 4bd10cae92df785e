"""A packet says what its audit would have seen, where that was proved of the same state."""

from __future__ import annotations

from dataclasses import replace

import made_up
import pytest

from audit_lib.faults import kept
from audit_lib.faults.sensitivity import Planting, Sensitivity, State, from_data
from audit_lib.model import Contract
from audit_lib.packets import page_one
from audit_lib.packets.document import document
from audit_lib.packets.html import render_html
from audit_lib.packets.index import update_index
from audit_lib.packets.learned import proved
from audit_lib.packets.pdf import render_pdf
from audit_lib.packets.sections import Style


def planting(fault: str, state: State, why: str = "SPL001 passes, 5 folds examined") -> Planting:
    told = f"{fault.replace('_', ' ')}."
    return Planting(fault, Contract.SPLITS, "", told, "one bar", state, "SPL001", why, 1, 1)


PROOF = Sensitivity(
    made_up.clean_tasks()[0].subject,
    made_up.clean_tasks()[0].version,
    0,
    (
        planting("purge_is_a_bar_short", State.SEEN),
        planting("a_fold_is_lost", State.UNSEEN, made_up.HOSTILE[0]),
        planting("nothing_to_spoil", State.SPARED),
    ),
    quiet=("splits.folds in another form",),
    cases=3,
    state="ab",
)


def test_a_contract_says_how_many_planted_faults_were_seen(packet_of):
    packet = replace(packet_of(made_up.clean_tasks()), sensitivity=PROOF)
    told = document(packet, Style(lambda _: None))
    assert {c["name"]: c["sensitivity"] for c in told["contracts"]}["Splits"] == "1 of 2"
    assert [u["fault"] for u in told["sensitivity"]["unseen"]] == ["a fold is lost."]
    line = next(x for x in page_one.strip(packet) if x["label"] == "sensitivity")
    assert line["text"] == ("2 faults planted, 1 seen (50%); 0 of 1 harmless changes accused")
    assert line["rest"] == "unseen: Splits"
    page = render_html(packet)
    assert "1 of 2" in page
    assert 'id="sensitivity"' in page
    assert "<script>alert" not in page
    assert render_pdf(packet).startswith(b"%PDF")


def test_without_a_proof_nothing_is_said_of_it(packet_of):
    packet = packet_of(made_up.clean_tasks())
    assert "sensitivity" not in render_html(packet)
    assert "sensitivity" not in [x["label"] for x in page_one.strip(packet)]


def test_a_run_holds_the_proof_of_its_own_version_only(tmp_path):
    kept.write(tmp_path / kept.NAME, PROOF)
    assert proved(tmp_path, PROOF.subject, "another") is None
    found = proved(tmp_path, PROOF.subject, PROOF.version)
    assert found is not None
    assert found.plantings == PROOF.plantings
    assert found.left > 100, "all faults that there are, but these"


@pytest.mark.parametrize("text", ["", "[]", '{"format": "sensitivity/1"}', '{"format": 3}'])
def test_a_file_of_another_form_is_no_proof(tmp_path, text):
    (tmp_path / kept.NAME).write_text(text)
    assert kept.read(tmp_path / kept.NAME) is None


def test_what_was_measured_otherwise_settles_nothing():
    assert PROOF.settled(from_data(PROOF.as_data()))
    for change in ({"state": "cd"}, {"seed": 1}, {"cases": 1}, {"version": "v9"}):
        assert not PROOF.settled(replace(PROOF, **change))
    blank = replace(PROOF, state="")
    assert not blank.settled(blank), "a subject too large to be hashed settles nothing"


def test_the_index_says_it_of_every_run(tmp_path):
    from audit_lib.packets.manifest import write_manifest
    from audit_lib.packets.packet import build
    from audit_lib.packets.run import read_run

    tasks = made_up.clean_tasks()
    first = tasks[0]
    folder = made_up.lay(tmp_path / first.subject / first.version / first.run_id, tasks)
    kept.write(folder / kept.NAME, PROOF)
    write_manifest(folder, build(read_run(folder), made_up.provenance(tasks)))
    text = update_index(tmp_path, first.subject).read_text()
    assert "1 of 2 planted faults seen" in text
