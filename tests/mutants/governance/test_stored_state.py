"""Governance over a file: what it stores, and what it makes of it in the next process."""

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

STORED = """
import json

@surface("governance")
def metrics(at):
    return {"ic": "higher", "drawdown": "lower"}

def wins(old, new):
    return old is None or (new["ic"] > old["ic"] + 0.001 and new["drawdown"] <= old["drawdown"])

@surface("governance")
def promote(at, champion, challenger):
    return wins(champion, challenger)

@surface("governance")
def enter(at, version, metrics):
    file = at.store / "champion.json"
    held = json.loads(file.read_text()) if file.exists() else {"history": [], "champion": None}
    READ
    seated = wins(old, metrics)
    held["history"].append({"version": version, "metrics": metrics, "seated": np.bool_(seated)})
    if seated:
        held["champion"] = {"version": version, "metrics": KEPT}
    file.write_text(json.dumps(held, default=str))
    return seated
"""
READ = 'old = held["champion"] and held["champion"]["metrics"]'


def answered(folder, read=READ, kept="metrics"):
    text = STORED.replace("READ", read).replace("KEPT", kept)
    layout = "artifacts: {store: store, registry: null}\n"
    with tiny(folder, text, source={"store/x": ""}, parameters=layout) as subject:
        return run_check("GOV006", subject)


LAST = "next((h for h in reversed(held['history']) if h['seated']), None)"
WRONG = {
    "a flag that is text": (f"old = {LAST}\n    old = old and old['metrics']", "metrics"),
    "the first one": (
        "old = held['history'][0]['metrics'] if held['history'] else None",
        "metrics",
    ),
    "rounded": (READ, "{k: round(v, 1) for k, v in metrics.items()}"),
    "a metric is lost": (
        READ + "\n    old = old and {'drawdown': 1e9, **old}",
        "{k: v for k, v in metrics.items() if k == 'ic'}",
    ),
    "sorted as text": (
        READ + "\n    old = old and {**old, 'ic': sorted([str(old['ic']), '9'])[-1]}\n"
        "    old = old and {**old, 'ic': float(old['ic'])}",
        "metrics",
    ),
}  # fmt: skip


@pytest.mark.fails("GOV006")
@pytest.mark.parametrize("name", WRONG)
def test_what_is_stored_decides_otherwise(tmp_path, name):
    found = assert_fails(answered(tmp_path, *WRONG[name]), key="stored", hook="governance.enter")
    assert found.measured.endswith(" differ")


ODD = {
    "as it is": (READ, "metrics"),
    "from the history": (
        "old = next((h['metrics'] for h in reversed(held['history'])"
        " if h['seated'] in (True, 'True')), None)",
        "metrics",
    ),
    "as text": (
        READ + "\n    old = old and {k: float(v) for k, v in old.items()}",
        "{k: repr(v) for k, v in metrics.items()}",
    ),
    "a short history": (READ + "\n    held['history'] = held['history'][-2:]", "metrics"),
    "rounded finely": (READ, "{k: round(v, 9) for k, v in metrics.items()}"),
}


@pytest.mark.passes("GOV006")
@pytest.mark.parametrize("name", ODD)
def test_what_is_stored_decides_alike(tmp_path, name):
    result = answered(tmp_path, *ODD[name])
    assert_passes(result)
    assert result.examined[0].count == 17


def test_a_chair_that_nobody_takes_is_a_gap(tmp_path):
    result = answered(tmp_path, READ + "\n    old = {'ic': 9e9, 'drawdown': 0.0}")
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.gaps[0].why == "no version was ever seated"


def test_flags_that_are_kept_as_text_are_a_note(tmp_path):
    found = answered(tmp_path, *ODD["from the history"]).findings
    assert ("flag champion.json#/history seated", Severity.INFO) in [
        (f.key, f.severity) for f in found
    ]


@pytest.mark.passes("GOV006")
def test_who_reigned_before_is_beaten_at_last(tmp_path):
    high = "old = held['champion'] and held['champion']['metrics']\n"
    high += "    old = old or {'ic': 3.0, 'drawdown': 9.0}"
    assert_passes(answered(tmp_path, high))


@pytest.mark.fails("GOV006")
def test_the_reference_engine_comparing_with_the_newest(engine):
    edit_source(
        engine,
        "registry.py",
        'held = None if champion is None else _row(data, champion)["metrics"]',
        'held = None if champion is None else data["versions"][-2]["metrics"]',
    )
    with mutant(engine) as subject:
        subject.parameters.options["GOV006"] = {"entries": 8}
        assert_fails(run_check("GOV006", subject), key="stored")


@pytest.mark.passes("GOV006")
def test_the_reference_engine_decides_alike(reference):
    reference.parameters.options["GOV006"] = {"entries": 8}
    assert_passes(run_check("GOV006", reference))


KEEPING = (
    STORED.replace("READ", READ).replace("KEPT", "metrics").replace("np.bool_(seated)", "seated")
)
APPEND = """    held["history"].append({"version": version, "metrics": metrics, "seated": seated})
"""
FALSE = {
    "every other one": APPEND.replace("    held", '    if version[-1] in "02468": held', 1),
    "whoever was declined is forgotten": APPEND.replace("    held", "    if seated or old: held")
    + '    kept = [h for h in held["history"] if h["seated"] or version == h["version"]]\n'
    '    held["history"] = kept\n',
    "the numbers of the champion": APPEND.replace(": metrics", ": old or metrics"),
    "rounded": APPEND.replace(": metrics", ": {k: round(v, 1) for k, v in metrics.items()}"),
    "the first few": APPEND + '    held["history"] = held["history"][:40]\n',
    "shuffled": APPEND + '    held["history"].sort(key=lambda h: h["metrics"]["ic"])\n',
}


def keeps(folder, append):
    assert APPEND in KEEPING
    layout = "artifacts: {store: store, registry: null}\n"
    text = KEEPING.replace(APPEND, append)
    with tiny(folder, text, source={"store/x": ""}, parameters=layout) as subject:
        return run_check("GOV006", subject)


@pytest.mark.fails("GOV006")
@pytest.mark.parametrize("name", FALSE)
def test_a_history_that_is_not_what_happened(tmp_path, name):
    found = assert_fails(keeps(tmp_path, FALSE[name]), key="history champion.json#/history")
    assert found.severity is Severity.MEDIUM


TRUE = {
    "all of it": APPEND,
    "the newest": APPEND + '    held["history"] = held["history"][-7:]\n',
    "newest first": APPEND.replace(".append(", ".insert(0, "),
    "those who were seated": APPEND.replace("    held", "    if seated: held"),
    "who reigned before": APPEND.replace("    held", "    if seated and old: held").replace(
        '"version": version', '"version": held["champion"]["version"]'
    ),
    "two lines each": APPEND + APPEND,
    "ids alone": '    held["history"].append(version)\n',
    "in lines": '    with (at.store / "log.jsonl").open("a") as log:\n'
    '        log.write(json.dumps({"version": version, "metrics": metrics}) + "\\n")\n',
}


@pytest.mark.passes("GOV006")
@pytest.mark.parametrize("name", TRUE)
def test_histories_that_are_what_happened(tmp_path, name):
    result = keeps(tmp_path, TRUE[name])
    assert_passes(result)
    told = next(e for e in result.evidence if e.name == "histories")
    assert [row[0].partition("#")[0] for row in told.rows] == [
        "log.jsonl" if name == "in lines" else "champion.json"
    ]
    noted = {f.key for f in result.findings}
    bounded = name in ("the newest", "in lines")
    assert noted == (set() if bounded else {"unbounded champion.json#/history"})
