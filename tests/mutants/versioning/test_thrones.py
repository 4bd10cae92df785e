"""A champion whose pointer is cut, in each form in which a store may keep it."""

import sqlite3

import pytest

from audit_lib.probes.lifecycle.registry_history.throne import snapshot, unseated
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

PARAMETERS = """artifacts: {store: store, registry: null}
options: {VER005: {histories: 3, length: 5, seconds: 60}}
"""
ENGINE = """
import json, shutil, sqlite3

def opened(at):
    base = sqlite3.connect(at.store / "shelf.db", isolation_level=None)
    base.execute("create table if not exists shelf (id text, champion integer default 0)")
    base.execute("create table if not exists reigns (n integer primary key, id text, at text)")
    base.execute("create table if not exists state (key text primary key, value text)")
    if not base.execute("select count(*) from shelf").fetchone()[0]:
        base.execute("insert into shelf (id) values ('v1')")
    return base

@surface("registry")
def versions(at):
    with opened(at) as base:
        return [row[0] for row in base.execute("select id from shelf order by rowid")]

@surface("registry")
def register(at, version, metrics):
    shutil.copytree(at.store / "v1", at.store / version)
    with opened(at) as base:
        base.execute("insert into shelf (id) values (?)", (version,))

@surface("registry")
def promote(at, version):
    if version not in versions(at):
        raise Refusal("no such version")
    seat(at, version)
    return True

@surface("registry")
def resolve(at, request):
    version = request if request is not None else champion(at)
    if request is None and version not in versions(at):
        version = FALLBACK
    if version not in versions(at):
        raise Refusal("no such version")
    files = [f"{version}/{p.name}" for p in sorted((at.store / version).iterdir())]
    return {"version": version, "files": files}
"""
FORMS = {
    "a log in a database": """
def seat(at, version):
    opened(at).execute("insert into reigns (id, at) values (?, '2024-01-01')", (version,))

def champion(at):
    row = opened(at).execute("select id from reigns order by n desc limit 1").fetchone()
    return row[0] if row else None
""",
    "a cell of a database": """
def seat(at, version):
    opened(at).execute("insert or replace into state values ('champion', ?)", (version,))

def champion(at):
    row = opened(at).execute("select value from state where key = 'champion'").fetchone()
    return row[0] if row else None
""",
    "a flag in a database": """
def seat(at, version):
    opened(at).execute("update shelf set champion = (id = ?)", (version,))

def champion(at):
    row = opened(at).execute("select id from shelf where champion").fetchone()
    return row[0] if row else None
""",
    "lines": """
def seat(at, version):
    with (at.store / "log.jsonl").open("a") as file:
        file.write(json.dumps({"did": "seated", "id": version}) + "\\n")
        file.write(json.dumps({"did": "told", "id": version, "whom": "desk"}) + "\\n")

def champion(at):
    path = at.store / "log.jsonl"
    said = [json.loads(x) for x in path.read_text().splitlines()] if path.exists() else []
    return next((e["id"] for e in reversed(said) if e.get("did") == "seated"), None)
""",
    "a word": """
def seat(at, version):
    (at.store / "CURRENT").write_text(version)

def champion(at):
    path = at.store / "CURRENT"
    return path.read_text().strip() if path.exists() else None
""",
    "a document": """
def seat(at, version):
    reigns = json.loads((at.store / "who.json").read_text()) if champion(at) else {"old": []}
    told = {"now": {"id": version}, "old": [*reigns["old"], {"id": version}]}
    (at.store / "who.json").write_text(json.dumps(told))

def champion(at):
    path = at.store / "who.json"
    return json.loads(path.read_text()).get("now", {}).get("id") if path.exists() else None
""",
}


def served(folder, form, fallback):
    text = ENGINE.replace("FALLBACK", fallback) + FORMS[form]
    source = {"store/v1/model.bin": "weights"}
    with tiny(folder, text, source=source, parameters=PARAMETERS) as subject:
        return run_check("VER005", subject)


@pytest.mark.fails("VER005")
@pytest.mark.parametrize("form", FORMS)
def test_somebody_is_served_in_the_place_of_a_champion(tmp_path, form):
    found = assert_fails(
        served(tmp_path, form, "versions(at)[-1]"), key="somebody is served in the champion's place"
    )
    assert "with the champion's pointer" in found.message


@pytest.mark.passes("VER005")
@pytest.mark.parametrize("form", FORMS)
def test_nobody_is(tmp_path, form):
    assert_passes(served(tmp_path, form, "None"))


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_a_database_is_read_with_its_log_beside_it(tmp_path, journal):
    base = sqlite3.connect(tmp_path / "x.db", isolation_level=None)
    base.execute(f"pragma journal_mode={journal}")
    base.execute("create table state (key text primary key, value text)")
    base.execute("create table plain (a text primary key) without rowid")
    base.execute("insert into state values ('champion', 'v1')")
    before = snapshot(tmp_path, [])
    base.execute("update state set value = 'v2'")
    base.close()
    for how, left in {"removed": [], "emptied": [("",)], "set to null": [(None,)]}.items():
        ((_, content),) = unseated(before, tmp_path, "v2", ["v1", "v2"], how)
        (tmp_path / "cut.db").write_bytes(content)
        with sqlite3.connect(tmp_path / "cut.db") as cut:
            assert cut.execute("select value from state").fetchall() == left
        (tmp_path / "cut.db").unlink()
