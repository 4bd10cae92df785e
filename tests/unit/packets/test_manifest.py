from __future__ import annotations

import json
import shutil
from pathlib import Path

import made_up
import pytest

from audit_lib.errors import RunError
from audit_lib.model import Verdict
from audit_lib.packets.assembly import Baseline, assemble
from audit_lib.packets.manifest import NAME, manifest_schema, read_manifest, verify, write_manifest
from audit_lib.packets.packet import build
from audit_lib.packets.run import read_run

SCHEMA = Path(__file__).parents[3] / "docs/schema/run_manifest.schema.json"
FORMS = {
    "packet.html", "packet.pdf", "findings.sarif", "findings.csv", "junit.xml", "closure.json",
    "closure.csv",
}  # fmt: skip


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    tasks = made_up.tasks()
    folder = made_up.lay(tmp_path_factory.mktemp("run"), tasks)
    (folder / "notebooks").mkdir()
    (folder / "notebooks/T1.ipynb").write_text("{}")
    assemble(folder, provenance=made_up.provenance(tasks))
    return folder


@pytest.fixture
def run(published, tmp_path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "run"))


def edit(run: Path, **changes) -> None:
    file = run / NAME
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_assemble_writes_every_form_and_the_manifest_holds(published):
    assert {p.name for p in published.iterdir() if p.is_file()} == FORMS | {NAME}
    assert verify(published) == []
    manifest = read_manifest(published)
    listed = {e.path for e in manifest.files}
    assert listed >= FORMS | {"results/T1.json", "sentinels/T6.json", "notebooks/T1.ipynb"}
    assert manifest.verdict is Verdict.BROKEN
    assert manifest.findings == {"critical": 2, "high": 1, "medium": 14, "low": 1, "info": 1}
    assert manifest.exempted == 1
    assert manifest.tasks["T4"] is Verdict.INCONCLUSIVE
    assert manifest.packages["typst"]


def test_it_names_no_machine(published):
    text = (published / NAME).read_text()
    assert str(Path.home()) not in text
    assert str(published) not in text
    assert str(Path(__file__).parents[3]) not in text


def test_assembling_again_gives_the_same_bytes(run):
    before = {n: (run / n).read_bytes() for n in FORMS | {NAME}}
    assemble(run, provenance=made_up.provenance(made_up.tasks()))
    assert {n: (run / n).read_bytes() for n in before} == before


def test_csv_opens_in_spreadsheets_as_utf8(published):
    assert (published / "findings.csv").read_bytes().startswith(b"\xef\xbb\xbfsubject,")


def _link(run):
    (run / "junit.xml").unlink()
    (run / "junit.xml").symlink_to(run / "packet.html")


def _twice(run):
    text = (run / NAME).read_text().rstrip().removesuffix("}")
    (run / NAME).write_text(text + ', "verdict": "kept"}')


def _grow(run):
    with (run / "results/T1.json").open("a") as file:
        file.write(" ")


@pytest.mark.parametrize(
    ("spoil", "path", "says"),
    [
        (lambda r: (r / "packet.pdf").unlink(), "packet.pdf", "is missing"),
        (lambda r: (r / "junit.xml").write_text("x"), "junit.xml", "was changed after the run"),
        (lambda r: (r / "new.txt").write_text("x"), "new.txt", "was added after the run"),
        (lambda r: (r / ".hidden").write_text("x"), ".hidden", "was added after the run"),
        (_link, "junit.xml", "is a link, not a file of its own"),
        (_grow, "results/T1.json", "was changed after the run"),
        (_grow, "results/T1.json", "its sentinel holds results_sha256"),
        (lambda r: (r / NAME).unlink(), NAME, "there is no manifest"),
        (lambda r: (r / NAME).write_text("{"), NAME, "Invalid JSON"),
        (lambda r: edit(r, surprise=1), NAME, "key 'surprise'"),
        (_twice, NAME, "gives verdict twice"),
        (lambda r: edit(r, isolation="none"), NAME, "another isolation"),
        (lambda r: edit(r, format="run-manifest/9"), NAME, "key 'format'"),
        (lambda r: edit(r, verdict="kept"), NAME, "says kept, but the results come to broken"),
        (lambda r: edit(r, verdict="inconclusive"), NAME, "says inconclusive, but"),
        (lambda r: edit(r, run_id="other"), "results/T1.json", "is of run"),
        (
            lambda r: edit(r, subject_digest={"before": "a", "after": "b"}),
            "",
            "the subject changed while it was audited",
        ),
        (
            lambda r: edit(r, files=[{"path": "../x", "size": 0, "sha256": "0" * 64}]),
            "../x",
            "lies outside",
        ),
    ],
)
def test_whatever_departs_from_the_manifest_is_a_problem(run, spoil, path, says):
    spoil(run)
    assert any(p.path == path and says in p.message for p in verify(run)), verify(run)


def test_a_link_cannot_be_published(run):
    _link(run)
    packet = build(read_run(run), made_up.provenance(made_up.tasks()))
    with pytest.raises(RunError, match="must stand on its own"):
        write_manifest(run, packet)


def test_a_run_that_is_not_whole_verifies_as_what_it_is(tmp_path):
    tasks = made_up.clean_tasks()
    folder = made_up.lay(tmp_path, tasks[:3])
    packet = assemble(folder, provenance=made_up.provenance(tasks))
    assert packet.verdict is Verdict.INCONCLUSIVE
    assert verify(folder) == []
    edit(folder, verdict="kept")
    assert [str(p) for p in verify(folder)] == [
        f"{NAME}: says kept, but the results come to inconclusive"
    ]


def test_baselines_that_hold_nothing_are_left_out(tmp_path, published):
    tasks = made_up.tasks()
    folder = made_up.lay(tmp_path / "run", tasks)
    packet = assemble(
        folder,
        provenance=made_up.provenance(tasks),
        baselines=[
            Baseline("gone", tmp_path / "no"),
            Baseline("half", made_up.lay(tmp_path / "half", tasks[:3])),
            Baseline("previous run", published),
        ],
    )
    assert [c.label for c in packet.comparisons] == ["previous run"]
    assert {f.state for f in packet.open} == {"persisting"}
    assert {f.state for f in packet.notes} == {""}


def test_published_schema_is_fresh(golden):
    golden(SCHEMA, manifest_schema())
