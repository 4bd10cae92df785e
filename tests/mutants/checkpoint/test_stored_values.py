"""Dates, spans, lineages and keys that cannot be."""

import json
import re

import pytest

from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

META = {
    "trained_at": "2024-02-29T10:00:00Z",
    "train_start": "2015-01-01",
    "train_end": "2023-12-31",
    "delivery_date": "2099-01-01",
    "valid_until": "9999-12-31",
    "label": "2024-99 model",
    "folds": [{"from": "2020-01-01", "to": "2020-06-30", "embargo": 5}],
}
ROWS = [{"id": "v1"}, {"id": "v2", "parent": "v1"}, {"id": "v3", "derived_from": "v2"}]
LAYOUT = {
    "store": "store",
    "metadata": "meta.json",
    "registry": {"file": "registry.json", "versions": "/versions", "id": "id"},
}


def answered(folder, *, meta=None, rows=ROWS, raw=None, more=None):
    files = {"pkg/m.py": "", "store/registry.json": {"versions": rows}, **(more or {})}
    for row in rows:
        files[f"store/{row['id']}/meta.json"] = {**META, **(meta or {})}
    if raw is not None:
        files["store/v3/meta.json"] = raw
    made = subject(folder, files, source={"subsystem": {"files": ["pkg/**"]}}, artifacts=LAYOUT)
    return run_check("CHK011", made.at("v3"))


IMPOSSIBLE = {
    "no such day": ({"trained_at": "2023-02-29"}, "2023-02-29, which does not exist"),
    "no such month": ({"embargo_date": "2023-13-01"}, "does not exist"),
    "no such hour": ({"trained_at": "2023-01-01T25:00:00"}, "does not exist"),
    "in a list": ({"folds": [{"at": "2021-04-31"}]}, "at is 2021-04-31, which does not exist"),
    "year nought": ({"asof": "0000-01-01"}, "does not exist"),
    "ahead": ({"trained_at": "2999-01-01"}, "lies ahead of this run"),
    "ahead, with a zone": ({"created_on": "2999-01-01T00:00:00+02:00"}, "lies ahead of this run"),
    "ends before it begins": (
        {"train_start": "2024-01-01", "train_end": "2020-01-01"},
        r"train_start \(2024-01-01\) comes after train_end \(2020-01-01\)",
    ),
    "a fold that ends first": (
        {"folds": [{"from": "2021-01-01", "to": "2020-06-30"}]},
        r"from \(2021-01-01\) comes after to",
    ),
}


@pytest.mark.fails("CHK011")
@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_moment_that_cannot_be(tmp_path, name):
    change, said = IMPOSSIBLE[name]
    found = assert_fails(answered(tmp_path, meta=change), path="v3/meta.json")
    assert re.search(said, found.message), found.message
    assert found.severity.name == "MEDIUM"


CIRCLES = {
    "itself": [{"id": "v3", "parent": "v3"}],
    "two": [{"id": "v1", "parent": "v3"}, {"id": "v3", "parent_version": "v1"}],
    "three": [
        {"id": "v1", "derived_from": "v3"},
        {"id": "v2", "parent": "v1"},
        {"id": "v3", "warm_start_from": "v2"},
    ],
    "beside an honest parent": [
        {"id": "v1"},
        {"id": "v2", "parent": "v1", "warm_start_from": "v3"},
        {"id": "v3", "parent": "v2"},
    ],
}


@pytest.mark.fails("CHK011")
@pytest.mark.parametrize("name", CIRCLES)
def test_a_lineage_that_comes_back_to_itself(tmp_path, name):
    result = answered(tmp_path, rows=CIRCLES[name])
    found = assert_fails(result, key="lineage", path="registry.json")
    assert "descends from itself" in found.message


@pytest.mark.fails("CHK011")
@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ('{"version": "v3", "version": "v2"}', "twice"),
        ('{"heads": {"up": 1, "up": 2}}', "twice"),
        ('{"sharpe": NaN}', "no number"),
        ('{"loss": [1, -Infinity]}', "no number"),
    ],
)
def test_a_file_that_reads_in_two_ways(tmp_path, raw, key):
    assert_fails(answered(tmp_path, raw=raw), key=key, path="v3/meta.json")


@pytest.mark.fails("CHK011")
@pytest.mark.parametrize(
    "text", ["a: 1\nb: 2\na: 3\n", "top:\n  x: 1\n  x: 2\n", '"a": 1\na: 2\n', "- {k: 1, k: 1}\n"]
)
def test_a_key_of_yaml_given_twice(tmp_path, text):
    found = assert_fails(answered(tmp_path, more={"store/v3/config.yaml": text}), key="twice")
    assert "keys given twice, of which the last counts" in found.message


@pytest.mark.passes("CHK011")
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"trained_at": None, "train_end": "", "note": "2024-02-30 was meant as a joke"},
        {"next_training": "2999-01-01", "id": "2024-13-99-x"},
        {"trained_at": "2024-01-05 10:00:00 UTC", "saved": "2024-01-05T10:00:00.123456789"},
        {"train_start": "2024-01-01", "train_end": "2024-01-01"},
        {"from": "model A", "to": "model B"},
    ],
)
def test_what_can_be(tmp_path, change):
    more = {
        "store/v3/config.yaml": "a: &x {b: 1}\nc:\n  <<: *x\n  b: 2\nd: {b: 3}\n1: x\n'1': y\n",
        "store/v2/old.json": json.dumps({"a": 1}),
    }
    assert_passes(answered(tmp_path, meta=change, more=more))


@pytest.mark.passes("CHK011")
def test_a_champion_that_came_back_is_no_lineage(tmp_path):
    rows = [{"id": "v2", "previous": "v3"}, {"id": "v3", "previous": "v2"}]
    assert_passes(answered(tmp_path, rows=rows))
