"""``workbook contract``: what is derived, what a check of it says, and its exit codes."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from audit_lib.cli.contract import contract
from audit_lib.contract import as_markdown, derive, differences
from audit_lib.contract.derivation import digest
from audit_lib.subject.subject import Subject
from audit_lib.testing import audited
from tests.mutants.mutate import PARAMETERS, built_store


@pytest.fixture(scope="module")
def reference() -> Iterator[Subject]:
    built_store()
    with audited(PARAMETERS, version="2020-12") as subject:
        yield subject


@pytest.fixture(scope="module")
def derived(reference: Subject) -> dict[str, Any]:
    return derive(reference)


def test_every_part_that_the_plan_names_is_derived_with_its_origin(derived):
    assert derived["features"]["order"][0] == "change_1"
    assert derived["features"]["schema_hash"].startswith("50229f63")
    assert derived["targets"]["direction"] == {
        "horizon": 6,
        "kind": "direction",
        "thresholds": [0.01],
    }
    assert derived["normalisation"] == {"statistics": ["center", "scale"], "columns": 14}
    assert derived["heads"]["direction"]["output"] == 1
    assert derived["splits"]["purge"] == 6
    assert "SPL001" in derived["tests"]["train"]
    assert derived["model"] == {"version": "2020-12", "latest": "2021-12", "champion": "2020-12"}
    assert derived["not_derived"] == {}
    assert derived["sources"]["/splits"] == "hook splits.declared"
    assert derived["sources"]["/registry/retention"] == "registry.py KEPT"


def test_the_contract_has_a_version_of_its_own(derived, reference):
    other = derive(reference.at("2021-12"))
    assert other["model"]["version"] != derived["model"]["version"]
    assert other["contract"]["digest"] == derived["contract"]["digest"]


def test_a_release_that_keeps_every_promise_agrees(derived, reference):
    assert differences(derived, derive(reference.at("2021-12"))) == []


def test_a_candidate_that_departs_is_told_statement_by_statement(derived, reference):
    found = {d.pointer: str(d) for d in differences(derived, derive(reference.at("2022-03rc")))}
    assert 'new: "trend_centred_21"' in found["/features/order"]
    assert "documented 6, derived 2" in found["/splits/purge"]
    assert "documented 1, derived 2" in found["/heads/direction/output"]


def changed(data: dict[str, Any], *keys: Any, value: Any) -> dict[str, Any]:
    new = copy.deepcopy(data)
    inner = new
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = value
    return new


def test_an_order_of_the_same_columns_is_told_as_such(derived):
    order = derived["features"]["order"]
    swapped = [order[1], order[0], *order[2:]]
    (found,) = differences(changed(derived, "features", "order", value=swapped), derived)
    assert "same entries in another order, from position 0" in str(found)


@pytest.mark.parametrize("value", [True, "6", 7, None])
def test_another_value_or_type_of_a_number_is_a_difference(derived, value):
    found = differences(changed(derived, "splits", "purge", value=value), derived)
    assert [d.pointer for d in found] == ["/splits/purge"]


def test_a_statement_that_is_gone_and_one_that_is_new_are_told(derived):
    less = copy.deepcopy(derived)
    del less["splits"]["embargo"]
    assert "does not state it" in str(differences(less, derived)[0])
    assert "nothing like it is derived" in str(differences(derived, less)[0])


def test_the_digest_follows_the_promises_and_nothing_else():
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_the_page_holds_every_statement_and_breaks_no_table(derived):
    odd = changed(derived, "heads", "direction", "unit", value="a|b <i>")
    page = as_markdown(odd)
    assert "| direction / unit | a\\|b &lt;i> |" in page
    assert all(f"{name}" in page for name in derived["features"]["order"])


def invoke(*words: object):
    return CliRunner().invoke(contract, [str(w) for w in words])


def test_export_then_check_then_drift(tmp_path: Path):
    done = invoke("export", "reference_engine", "--version", "2020-12", "--to", tmp_path)
    assert done.exit_code == 0, done.output
    file = tmp_path / "PIPELINE_CONTRACT.json"
    assert (tmp_path / "PIPELINE_CONTRACT.md").is_file()
    kept = invoke("check", "reference_engine", file, "--version", "2021-12")
    assert (kept.exit_code, "agrees with" in kept.output) == (0, True), kept.output
    broken = invoke("check", "reference_engine", file, "--version", "2022-03rc")
    assert (broken.exit_code, "/splits/purge" in broken.output) == (1, True), broken.output


def test_a_section_that_nobody_can_derive_today_is_not_a_pass(tmp_path: Path, monkeypatch):
    from audit_lib.contract import derivation as module
    from audit_lib.errors import NotAssessed

    invoke("export", "reference_engine", "--version", "2020-12", "--to", tmp_path)

    def gone(_: Subject):
        raise NotAssessed("the hook is gone")
        yield

    monkeypatch.setitem(module.SECTIONS, "splits", gone)
    file = tmp_path / "PIPELINE_CONTRACT.json"
    done = invoke("check", "reference_engine", file, "--version", "2020-12")
    assert done.exit_code == 2
    assert "could not tell: splits: the hook is gone" in done.output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no contract"),
        ("{", "not JSON"),
        ("[]", "no contract of format 1"),
        (json.dumps({"contract": {"format": 9}}), "no contract of format 1"),
    ],
)
def test_what_is_no_exported_contract_is_one_message(tmp_path: Path, content, said):
    file = tmp_path / "c.json"
    if content is not None:
        file.write_text(content)
    done = invoke("check", "reference_engine", file)
    assert said in str(done.exception), done.output
