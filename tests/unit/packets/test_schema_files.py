"""The form of a version's files, as a file of the run and between two runs."""

import json

import pytest

from audit_lib.errors import RunError
from audit_lib.model import Evidence
from audit_lib.packets.schema import form_differences, schema_files
from tests import made_up


def results(stated="format 2", **places):
    form = Evidence(
        "schema",
        "Form",
        ("place", "kind"),
        tuple(places.items()),
        note=f"format id: {hash(tuple(places)):x}; stated: {stated}",
    )
    columns = ("what", "name", "kind", "shape", "unit")
    contents = Evidence("contents", "Held", columns, (("head", "up", "real", "", "fraction"),))
    return [made_up.result("CHK010", evidence=(form, contents))]


def written(folder, *given, **places):
    for name, content in schema_files(results(*given, **places), "v1").items():
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_run_holds_the_form_of_its_version(tmp_path):
    written(tmp_path / "a", limit="number")
    held = json.loads((tmp_path / "a/schema/v1.json").read_text())
    assert held["format"] == "schema/1"
    assert (held["version"], held["stated"]) == ("v1", "format 2")
    assert held["places"] == {"limit": "number"}
    assert held["contents"][0]["unit"] == "fraction"
    assert schema_files([made_up.result("CHK001")], "v1") == {}


def test_two_runs_are_told_apart_by_the_forms_they_saw(tmp_path):
    before = written(tmp_path / "a", limit="number", name="text")
    assert form_differences(before, written(tmp_path / "b", limit="number", name="text")) == []
    said = form_differences(before, written(tmp_path / "c", bound="number", name="text"))
    assert said[0].startswith("the form of the stored files differs in 2 places (format id ")
    assert said[0].endswith("the format version that they state does not: format 2")
    assert said[1:] == ["bound (absent, then number)", "limit (number, then absent)"]
    raised = written(tmp_path / "d", "format 3", bound="number")
    assert form_differences(before, raised)[0].endswith("too: format 2, format 3")
    assert form_differences(before, tmp_path) == []


def test_a_broken_file_is_named(tmp_path):
    before, after = written(tmp_path / "a", x="text"), written(tmp_path / "b", y="text")
    (after / "schema/v1.json").write_text("{")
    with pytest.raises(RunError, match="cannot be read"):
        form_differences(before, after)
