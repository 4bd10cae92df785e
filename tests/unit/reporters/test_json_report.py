from __future__ import annotations

import json
import math
from pathlib import Path

import jsonschema
import made_up
import numpy as np
import pytest

from audit_lib.errors import RunError
from audit_lib.model import Evidence, Outcome
from audit_lib.reporters.json_report import dump_task, dumps, load_task, schema, to_json
from audit_lib.reporters.report import Report

SCHEMA = Path(__file__).parents[3] / "docs/schema/task_result.schema.json"


def one(*rows: tuple, columns: tuple[str, ...] = ("a",)):
    from dataclasses import replace

    table = Evidence("e", "E", columns, rows)
    task = made_up.tasks()[0]
    return replace(task, results=(made_up.result("CHK001", evidence=(table,)),))


@pytest.mark.parametrize("task", made_up.tasks()[1:], ids=lambda t: t.task)
def test_results_come_back_as_they_went(task):
    assert load_task(dump_task(task)) == task


def test_hostile_text_and_floats_come_back_as_they_went():
    task = made_up.tasks()[0]
    back = load_task(dump_task(task))
    assert repr(back) == repr(task)  # NaN is not equal to itself
    assert [f.fingerprint for r in back.results for f in r.findings] == [
        f.fingerprint for r in task.results for f in r.findings
    ]
    assert [e.digest for r in back.results for e in r.evidence] == [
        e.digest for r in task.results for e in r.evidence
    ]


def test_types_of_cells_survive():
    cells = (1, 1.0, True, None, "1", math.inf, -math.inf, 2**70)
    back = load_task(dump_task(one(cells, columns=tuple("abcdefgh"))))
    (row,) = back.results[0].evidence[0].rows
    assert row == cells
    assert [type(c) for c in row] == [type(c) for c in cells]


def test_numpy_scalars_become_pythons():
    cells = (np.int64(3), np.float32(0.5), np.bool_(True), np.float64("nan"), np.datetime64("2020"))
    text = dump_task(one(cells, columns=tuple("abcde")))
    (row,) = load_task(text).results[0].evidence[0].rows
    assert row[:3] == (3, 0.5, True)
    assert math.isnan(row[3])
    assert row[4] == "2020-01-01"


def test_derived_fields_are_written_for_other_readers():
    task = made_up.tasks()[1]
    (finding,) = [f for r in json.loads(dump_task(task))["results"] for f in r["findings"]]
    assert finding["severity"] == "critical"
    assert finding["fingerprint"] == task.results[1].findings[0].fingerprint


def test_text_is_strict_json_that_utf8_can_hold():
    text = dump_task(made_up.tasks()[0])
    read = json.loads(text.encode("utf-8"), parse_constant=pytest.fail)
    assert read["task"] == made_up.tasks()[0].task


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda raw: "{", "is not JSON"),
        (lambda raw: "[" * 100_000, "nested too deeply"),
        (lambda raw: "[]", "'format' is 'list'"),
        (lambda raw: json.dumps({**raw, "format": "task-result/9"}), "'task-result/9'"),
        (lambda raw: json.dumps({**raw, "task": "T7"}), "key 'task'"),
        (lambda raw: json.dumps({k: v for k, v in raw.items() if k != "version"}), "key 'version'"),
        (lambda raw: _deep(raw, "severity", "dire"), "key 'results.0.severity'"),
        (lambda raw: _deep(raw, "outcome", "fine"), "key 'results.0.outcome'"),
        (lambda raw: _deep(raw, "examined", 3), "key 'results.0.examined'"),
    ],
)
def test_what_no_run_wrote_is_one_clear_message(spoil, says):
    raw = json.loads(dump_task(made_up.tasks()[1]))
    with pytest.raises(RunError) as caught:
        load_task(spoil(raw), where="results/T2.json")
    assert says in str(caught.value)
    assert str(caught.value).startswith("results/T2.json: ")
    assert "mend: " in str(caught.value)


def _deep(raw, key, value):
    raw["results"][0][key] = value
    return json.dumps(raw)


@pytest.mark.parametrize("task", [*made_up.tasks(), *made_up.clean_tasks()], ids=lambda t: t.task)
def test_what_is_written_fits_the_schema(task):
    jsonschema.Draft202012Validator(schema()).validate(json.loads(dump_task(task)))


def test_schema_refuses_what_is_not_written():
    validator = jsonschema.Draft202012Validator(schema())
    raw = json.loads(dump_task(made_up.tasks()[1]))
    assert validator.is_valid(raw)
    assert not validator.is_valid({**raw, "extra": 1})
    raw["results"][0]["outcome"] = Outcome.PASS.upper()
    assert not validator.is_valid(raw)


def test_published_schema_is_fresh(golden):
    jsonschema.Draft202012Validator.check_schema(schema())
    golden(SCHEMA, dumps(schema()))


def test_a_report_holds_no_function() -> None:
    made = Report("toy", "v1", "gate live", (), locate=lambda base, path: path)

    (said,) = json.loads(to_json(made))["reports"]

    assert "function" not in json.dumps(said)
    assert {"locate", "snippet", "forced"}.isdisjoint(said)
