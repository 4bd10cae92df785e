from __future__ import annotations

import re

import made_up
import pytest

from audit_lib.packets import index
from audit_lib.packets.index import update_index
from audit_lib.packets.manifest import write_manifest
from audit_lib.packets.packet import build
from audit_lib.packets.run import read_run


def publish(reports, tasks, **said):
    first = tasks[0]
    folder = made_up.lay(reports / first.subject / first.version / first.run_id, tasks)
    write_manifest(folder, build(read_run(folder), made_up.provenance(tasks, **said)))
    return folder


@pytest.fixture
def reports(tmp_path):
    publish(tmp_path, made_up.clean_tasks(version="v10", run_id="r1"), started="2026-01-01T00:00")
    publish(tmp_path, made_up.tasks(version="v10", run_id="r2"), started="2026-01-02T00:00")
    publish(tmp_path, made_up.clean_tasks(version="v9", run_id="r3"), role="champion")
    return tmp_path


def test_versions_stand_in_order_with_their_newest_packet(reports):
    text = update_index(reports, "made_up_engine").read_text()
    assert re.findall(r'<th scope="row"><a href="([^"]+)">([^<]+)', text) == [
        ("v9/r3/packet.html", "v9"),
        ("v10/r2/packet.html", "v10"),
    ]
    assert "champion" in text
    assert "v10/r1/packet.html" in text
    assert "1 earlier run" in text
    assert re.findall(r'aria-label="(\w+)"', text.partition("<h2>")[0])[6:] == [
        "broken", "broken", "broken", "inconclusive", "inconclusive", "broken",
    ]  # fmt: skip


def test_contracts_stand_beside_each_other_over_versions(reports):
    text = update_index(reports, "made_up_engine").read_text()
    matrix = text.partition("<h2>Contracts</h2>")[2]
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th>(.*?)</tr>', matrix))
    said = {name: re.findall(r'title="([^"]+)"', row) for name, row in rows.items()}
    assert said["Splits"] == ["v9: kept", "v10: broken"]
    assert all(len(each) == 2 for each in said.values())


def test_all_subjects_are_listed_with_their_worst_verdict(reports):
    publish(reports, made_up.clean_tasks(subject="other"))
    update_index(reports, "made_up_engine")
    update_index(reports, "other")
    text = (reports / "index.html").read_text()
    assert re.findall(r'href="([^"]+)">.*?✗ broken|✓ kept', text)
    rows = re.findall(r'<a href="(\w+/index.html)">.*?class="tag (\w+)"', text, re.S)
    assert rows == [("made_up_engine/index.html", "broken"), ("other/index.html", "kept")]


def test_what_is_no_packet_is_not_listed(reports):
    (reports / "made_up_engine/v9/r3/run_manifest.json").write_text("{")
    work = reports / "made_up_engine/v9/.work/r4"
    work.mkdir(parents=True)
    (work / "run_manifest.json").write_text("{}")
    (reports / "made_up_engine/v10/latest").symlink_to("r2")
    text = update_index(reports, "made_up_engine").read_text()
    assert "v9" not in text
    assert "latest/packet" not in text


def test_a_folder_without_packets_says_so(tmp_path):
    (tmp_path / "empty").mkdir()
    assert "No packet has been published yet." in update_index(tmp_path, "empty").read_text()


def test_it_is_written_whole(reports):
    update_index(reports, "made_up_engine")
    assert [p.name for p in reports.iterdir() if p.name.startswith(".")] == []


def test_many_versions_are_paged_and_their_runs_counted_by_month(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "VERSIONS_SHOWN", 2)
    monkeypatch.setattr(index, "RUNS_SHOWN", 1)
    for day in range(1, 6):
        tasks = made_up.clean_tasks(version=f"v{day}", run_id="r1")
        publish(tmp_path, tasks, started=f"2026-0{1 + day // 4}-0{day}T00:00")
    for run in ("r2", "r3"):
        tasks = made_up.clean_tasks(version="v5", run_id=run)
        publish(tmp_path, tasks, started=f"2026-03-0{run[1]}T00:00")
    file = update_index(tmp_path, "made_up_engine")
    pages = [p.read_text() for p in (file, *(file.with_name(f"index-{n}.html") for n in (2, 3)))]
    shown = [re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)', text) for text in pages]
    assert shown == [["v4", "v5"], ["v2", "v3"], ["v1"]]
    assert 'href="index-2.html"' in pages[0]
    assert "5 versions" in pages[2]
    months = dict(re.findall(r"<th scope=.row.>(2026-\d\d)</th><td>(\d)", pages[0]))
    assert months == {"2026-03": "2", "2026-02": "2", "2026-01": "3"}
    assert "Runs by month" not in pages[1]
    assert "and 1 older ones" in pages[0]
    monkeypatch.setattr(index, "VERSIONS_SHOWN", 60)
    update_index(tmp_path, "made_up_engine")
    assert not file.with_name("index-2.html").exists()
