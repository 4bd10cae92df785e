"""Forms of files that change with and without their format version."""

import copy

import pytest

from audit_lib.model import Outcome
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject
from tests.mutants.mutate import edit_json, mutant

META = {
    "format_version": 2,
    "features": ["move", "gap"],
    "scale": {"move": 1.0, "gap": 2.0},
    "heads": {"up": {"kind": "probability", "position": 0}},
    "threshold": 0.5,
    "metrics": {"ic": 0.02},
    "notes": "",
}
LAYOUT = {
    "store": "store",
    "metadata": "meta.json",
    "registry": {"file": "registry.json", "versions": "/versions", "id": "id"},
}
IDS = ("v1", "v2", "v3", "v4")


def answered(folder, change, *, since=2, ids=IDS, text=""):
    """What CHK010 says of versions whose metadata ``change`` from the one of that index on."""
    files = {"pkg/m.py": text, "store/registry.json": {"versions": [{"id": v} for v in ids]}}
    for i, version in enumerate(ids):
        meta = copy.deepcopy(META)
        if i >= since:
            change(meta, i)
        files[f"store/{version}/meta.json"] = meta
    made = subject(folder, files, source={"subsystem": {"files": ["pkg/**"]}}, artifacts=LAYOUT)
    return run_check("CHK010", made.at(ids[-1]))


def rename(meta, _):
    meta["limit"] = meta.pop("threshold")


CHANGED = {
    "renamed": (rename, "meta.json#/limit (absent, then number)"),
    "another kind": (
        lambda meta, _: meta.update(threshold="0.5"),
        "meta.json#/threshold (number, then text)",
    ),
    "gone": (
        lambda meta, _: meta["heads"]["up"].pop("position"),
        "meta.json#/heads/up/position (number, then absent)",
    ),
    "a mapping instead of a list": (
        lambda meta, _: meta.update(features={"move": 1, "gap": 2}),
        "meta.json#/features (list of text, then mapping)",
    ),
}


@pytest.mark.fails("CHK010")
@pytest.mark.parametrize("name", CHANGED)
def test_a_form_that_changes_alone(tmp_path, name):
    change, place = CHANGED[name]
    found = assert_fails(answered(tmp_path, change), key="v3 form", path="v3/meta.json")
    assert f"first {place}, and format_version 2 is stated for both" in found.message


@pytest.mark.fails("CHK010")
def test_a_form_that_nobody_numbers(tmp_path):
    def change(meta, i):
        meta.pop("format_version")
        if i >= 1:
            rename(meta, i)

    found = assert_fails(answered(tmp_path, change, since=0), key="v2 form")
    assert found.measured == "2 places, none"


def test_who_names_what_changed_is_told(tmp_path):
    reader = 'def read(meta):\n    return meta.get("threshold", 0.5)\n'
    result = answered(tmp_path, rename, text=reader)
    rows = {row[1]: row[4] for row in next(e for e in result.evidence if e.name == "changes").rows}
    assert rows == {"meta.json#/limit": "", "meta.json#/threshold": "pkg/m.py"}


ODD = {
    "raised with it": lambda meta, _: (rename(meta, 0), meta.update(format_version=3)),
    "other features": lambda meta, _: meta.update(
        features=["move", "drift", "tide"], scale={"move": 1.0, "drift": 2.0, "tide": 3.0}
    ),
    "other values": lambda meta, i: meta.update(threshold=i, notes="spring"),
    "now and then": lambda meta, i: meta.update({"extra": 1}) if i == 2 else None,
    "empty": lambda meta, i: meta.update(notes="", threshold=None),
}


@pytest.mark.passes("CHK010")
@pytest.mark.parametrize("name", ODD)
def test_forms_that_stay_or_are_numbered(tmp_path, name):
    assert_passes(answered(tmp_path, ODD[name]))


def test_one_version_tells_nothing_but_its_form(tmp_path):
    result = answered(tmp_path, rename, ids=("v1",))
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "one version with metadata" in result.reason


@pytest.mark.passes("CHK010")
def test_the_reference_engine_keeps_its_form(reference):
    result = run_check("CHK010", reference)
    assert_passes(result)
    schema = next(e for e in result.evidence if e.name == "schema")
    assert ("neural.npz#/hidden_weights", "array of f8, 2 axes") in schema.rows


@pytest.mark.fails("CHK010")
def test_the_reference_engine_with_a_field_more(engine):
    for version in ("2021-12", "2022-03rc"):
        edit_json(engine, f"{version}/meta.json", lambda meta: meta.update(decay=0.5))
    with mutant(engine) as changed:
        found = assert_fails(run_check("CHK010", changed), key="2021-12 form")
    assert found.measured == "1 place, schema_version 1"


def test_the_snapshot_holds_arrays_columns_and_heads(reference):
    result = run_check("CHK010", reference)
    contents = next(e for e in result.evidence if e.name == "contents")
    rows = {(what, name.rpartition(" ")[2]): rest for what, name, *rest in contents.rows}
    assert rows["column", "change_1"] == ["", "column 0", ""]
    assert rows["head", "volatility"][0] == "positive"
    assert any(what == "array" and "x" in rest[1] for (what, _), rest in rows.items())
    form = next(e for e in result.evidence if e.name == "schema")
    assert form.note.startswith("format id: ")
    assert "; stated: " in form.note
