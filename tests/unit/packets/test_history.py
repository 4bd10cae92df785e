from __future__ import annotations

import re
from dataclasses import replace

import made_up
import pytest

from audit_lib.model import Task
from audit_lib.packets import history
from audit_lib.packets.index import update_index
from audit_lib.packets.manifest import read_manifest, write_manifest
from audit_lib.packets.packet import build
from audit_lib.packets.run import read_run
from audit_lib.reporters.csv_report import to_csv


def only(code, number):
    """Tasks of which one check has that many findings and no other has any."""
    found = tuple(made_up.finding(code, key=f"fold {i}") for i in range(number))
    outcome = made_up.Outcome.FAIL if found else made_up.Outcome.PASS
    told = made_up.result(code, outcome, findings=found)
    return [
        replace(t, results=(*t.results, told) if t.task is told.task else t.results)
        for t in made_up.clean_tasks()
    ]


def publish(reports, made, run_id, day, *, version="v1", source="a", **said):
    tasks = [replace(t, version=version, run_id=run_id) for t in made]
    folder = made_up.lay(reports / "made_up_engine" / version / run_id, tasks)
    digest = f"source:{source * 64} artifacts:{'b' * 64}"
    said = made_up.provenance(
        tasks,
        started=f"2026-01-{day:02}T00:00",
        **{"subject_before": digest, "subject_after": digest, **said},
    )
    packet = build(read_run(folder), said)
    (folder / "findings.csv").write_text("\ufeff" + to_csv(packet.report))
    write_manifest(folder, packet)
    return folder


def test_a_trend_has_a_bar_for_each_run_the_oldest_first(tmp_path):
    runs = [publish(tmp_path, only("SPL001", n), f"r{n}", n + 1) for n in (4, 2, 0)]
    told = history.trend([read_manifest(run) for run in runs])
    assert [words for words, _ in told] == [
        "2026-01-01: none",
        "2026-01-03: 2 high",
        "2026-01-05: 4 high",
    ]
    assert [sum(bar.high for bar in bars) for _, bars in told] == [0, 12, 24]
    assert all(bar.top + bar.high == history.HIGH for _, bars in told for bar in bars)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((2, 2, 1), "1 of 2 open since 2026-01-01"),
        ((2, 0, 2), ""),
        ((1, 2, 0), "1 of 1 open since 2026-01-02"),
        ((0, 3, 3), ""),
        ((3,), ""),
    ],
)
def test_a_finding_is_as_old_as_the_runs_that_had_it_open_without_a_break(tmp_path, numbers, said):
    days = range(len(numbers), 0, -1)
    runs = [
        publish(tmp_path, only("SPL001", n), f"r{day}", day)
        for n, day in zip(numbers, days, strict=True)
    ]
    assert history.standing_since(runs, [f"2026-01-{day:02}" for day in days]) == said


def test_a_version_is_due_again_when_the_source_is_another(tmp_path):
    old = read_manifest(publish(tmp_path, only("SPL001", 0), "r1", 1, version="v1"))
    other = publish(tmp_path, only("SPL001", 0), "r2", 2, version="v2", source="c")
    newest = read_manifest(other)
    assert history.due(old, newest) == ["the source is another since 2026-01-02"]
    assert history.due(newest, newest) == []
    part = [t for t in only("SPL001", 0) if t.task is Task.T1]
    partial = publish(tmp_path, part, "r3", 3, version="v3", source="c", tasks=(Task.T1,))
    assert history.due(read_manifest(partial), newest) == ["T2, T3, T4, T5, T6 not run"]


def test_the_index_shows_what_happened_over_time(tmp_path):
    publish(tmp_path, only("SPL001", 1), "r1", 1)
    publish(tmp_path, only("SPL001", 2), "r2", 2)
    publish(tmp_path, only("SPL001", 0), "r3", 3, version="v2", source="c")
    text = update_index(tmp_path, "made_up_engine").read_text()
    (label,) = re.findall(r'<svg class="trend" role="img" aria-label="([^"]+)"', text)
    assert label == "Open findings of v1, run by run: 2026-01-01: 1 high; 2026-01-02: 2 high"
    assert "1 of 2 open since 2026-01-01" in text
    assert "due again: the source is another since 2026-01-03" in text


def test_what_cannot_be_read_says_nothing(tmp_path):
    (tmp_path / "closure.json").write_text('{"against": 3}')
    assert history.against(tmp_path) == []
    assert history.standing_since([tmp_path], ["2026-01-01"]) == ""
    (tmp_path / "closure.json").write_text(
        '{"against": [{"label": "champion 2020", "counts": {"new": 2, "fixed": 0}}]}'
    )
    assert history.against(tmp_path) == ["champion 2020: 2 new"]
