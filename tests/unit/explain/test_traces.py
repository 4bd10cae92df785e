"""Traces replay exactly, and each kind of tampering is told where it was done."""

import json
from dataclasses import replace

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from audit_lib.engine import run_check
from audit_lib.explain import trace_checks
from audit_lib.explain.rows import inputs_of
from audit_lib.explain.trace_checks import CHECKS
from audit_lib.explain.traces import exported, inputs_digest, read
from audit_lib.model import Outcome
from tests.mutants.tiny import tiny
from tests.unit.explain.planted import HOOKS

STAGES = """
@surface("explain.stages")
def stages(at, features):
    gates = [
        {"row": i, "gate": "storm", "value": v, "threshold": 0.5, "passed": bool(v < 0.5)}
        for i, v in enumerate(features["storm"])
    ]
    return {"scaled": features / 2.0, "raw": _heads(features) * 3.0, "gates": pd.DataFrame(gates)}
"""


@pytest.fixture(scope="module")
def subject(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traced")
    with tiny(folder, HOOKS + STAGES, meta={"version": "v1"}) as bound:
        yield bound


@pytest.fixture(scope="module")
def lines(subject):
    return [
        json.loads(t.model_dump_json()) for t in exported(subject, inputs_of(subject).latest(60))
    ]


def judged(subject, folder, lines):
    file = folder / "traces.jsonl"
    file.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines) + "\n")
    seen = read(subject, file)
    return {c.code: run_check(c(seen=seen), subject) for c in CHECKS}


def found(results):
    return {code: [f.message for f in r.findings] for code, r in results.items() if r.findings}


def copied(lines):
    return json.loads(json.dumps(lines))


def test_what_was_exported_is_kept_and_replays(subject, lines, tmp_path):
    results = judged(subject, tmp_path, lines)
    assert {c: r.outcome for c, r in results.items()} == dict.fromkeys(results, Outcome.PASS)
    assert lines[0]["scaled"]["left"] == lines[0]["inputs"]["values"]["left"] / 2


def test_lines_keep_the_published_schema(lines, pytestconfig):
    file = pytestconfig.rootpath / "docs" / "schema" / "decision_trace.schema.json"
    form = json.loads(file.read_text())
    assert form["$schema"].endswith("2020-12/schema")
    for line in lines:
        Draft202012Validator(form).validate(line)


def ordered(lines):
    return next(i for i, x in enumerate(lines) if x["action"]["side"] and 5 < i < len(lines) - 6)


def value(lines, at):
    values = lines[at]["inputs"]["values"]
    values["left"] += 0.5
    lines[at]["inputs"]["sha256"] = inputs_digest(values)


def swapped(lines, at):
    values = lines[at]["inputs"]["values"]
    values["alone"], values["idle"] = values["idle"], values["alone"]


TAMPERED = {
    "value": (value, "TRC006", "departs at scaled"),
    "value, told by the rows": (value, "TRC003", "left is a value that the version never had"),
    "order of values": (swapped, "TRC006", "departs at inputs"),
    "scaled": (lambda x, i: x[i]["scaled"].update(left=9.0), "TRC006", "departs at scaled"),
    "raw": (lambda x, i: x[i]["raw"].update(two=9.0), "TRC006", "departs at raw"),
    "head": (lambda x, i: x[i]["heads"].update(two=9.0), "TRC006", "departs at heads"),
    "name of a head": (
        lambda x, i: x[i]["heads"].update(due=x[i]["heads"].pop("two")),
        "TRC006",
        "departs at heads",
    ),
    "gate": (lambda x, i: x[i]["gates"][0].update(passed=False), "TRC006", "departs at gates"),
    "threshold": (
        lambda x, i: x[i]["gates"][0].update(threshold=0.9),
        "TRC006",
        "departs at gates",
    ),
    "side": (lambda x, i: x[i]["action"].update(side=-1.0), "TRC006", "departs at action"),
    "size": (lambda x, i: x[i]["action"].update(size=0.9), "TRC006", "departs at action"),
    "version": (lambda x, i: x[i].update(version="v9"), "TRC004", "v9, which is not served"),
    "version, in replay": (lambda x, i: x[i].update(version="v9"), "TRC006", "cannot be replayed"),
    "files of the model": (
        lambda x, i: x[i]["versions"].update(model="0" * 64),
        "TRC004",
        "decided by other files",
    ),
    "missing line": (lambda x, i: x.pop(i), "TRC002", "between others of it"),
    "missing order": (lambda x, i: x.pop(i), "TRC005", "has no trace"),
    "line twice": (lambda x, i: x.insert(i, x[i]), "TRC002", "is there 2 times"),
    "order of lines": (lambda x, i: x.append(x.pop(0)), "TRC002", "goes back in time"),
    "heads by index": (
        lambda x, i: x[i].update(heads={"0": 1.0, "1": 2.0}),
        "TRC001",
        "heads by index",
    ),
    "a list of heads": (lambda x, i: x[i].update(heads=[1.0, 2.0]), "TRC001", "heads by index"),
    "no JSON": (lambda x, i: x.__setitem__(i, "{"), "TRC001", "no JSON"),
    "unknown key": (lambda x, i: x[i].update(extra=1), "TRC001", "'extra'"),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_tampering_is_told_at_its_stage(subject, lines, tmp_path, kind):
    change, code, said = TAMPERED[kind]
    changed = copied(lines)
    change(changed, ordered(changed))
    told = found(judged(subject, tmp_path, changed))
    assert any(said in message for message in told.get(code, [])), told
    assert all(len(messages) <= 2 for messages in told.values()), told


def test_words_where_the_row_holds_nothing_are_told(subject, lines, tmp_path, monkeypatch):
    rows, changed = inputs_of(subject), copied(lines)
    gaps = replace(rows, table=rows.table.assign(left=np.nan))
    monkeypatch.setattr(trace_checks, "inputs_of", lambda _: gaps)
    for line in changed:
        line["inputs"]["values"]["left"] = "n/a"
        line["inputs"]["sha256"] = inputs_digest(line["inputs"]["values"])
    (told,) = found(judged(subject, tmp_path, changed))["TRC003"]
    assert "left is a value that the version never had" in told


def test_traces_of_the_subjects_own_are_read_through_its_mapping(lines, tmp_path):
    fields = {
        "version": "/v",
        "time": "/ts",
        "asset": "/symbol",
        "inputs/values": "/x",
        "heads": "/pred",
        "action/side": "/order/s",
        "action/size": "/order/q",
    }
    mapping = ", ".join(f"{k}: {v}" for k, v in fields.items())
    own = [
        {
            "v": x["version"],
            "ts": x["time"],
            "symbol": x["asset"],
            "x": x["inputs"]["values"],
            "pred": x["heads"],
            "order": {"s": x["action"]["side"], "q": x["action"]["size"]},
        }
        for x in copied(lines)
    ]
    own[7]["pred"]["two"] = 5.0
    with tiny(
        tmp_path,
        HOOKS,
        meta={"version": "v1"},
        parameters=f"explain: {{traces: log/t.jsonl, trace_fields: {{{mapping}}}}}",
    ) as subject:
        file = subject.root / "log" / "t.jsonl"
        file.parent.mkdir()
        file.write_text("\n".join(map(json.dumps, own)))
        seen = read(subject, None)
        results = {c.code: run_check(c(seen=seen), subject) for c in CHECKS}
    assert found(results) == {"TRC006": ["line 8 departs at heads: 'two' differs"]}
    assert results["TRC006"].findings[0].location.path == "log/t.jsonl"
