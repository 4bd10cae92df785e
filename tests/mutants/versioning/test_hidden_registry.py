"""A registry in a database, which hooks alone can read (VER003)."""

import pytest

from audit_lib.model import Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny

HOOKS = """
import re, shutil, sqlite3

def _db(at):
    db = sqlite3.connect(at.store / "book.db", isolation_level=None)
    db.execute("create table if not exists book (id text primary key, score real, seat integer)")
    db.execute("insert or ignore into book values ('v1', 0.5, 0)")
    return db

def _newest(db):
    order = "{order}"
    row = db.execute(f"select id from book order by {{order}} limit 1").fetchone()
    return row[0]

@surface("registry.versions")
def versions(at):
    return [r[0] for r in _db(at).execute("select id from book order by rowid")]

@surface("registry.register")
def register(at, version, metrics):
    if not re.fullmatch(r"[a-z0-9-]+", version) or version in versions(at):
        raise Refusal(f"{{version!r}} is taken, or no id")
    shutil.copytree(at.store / at.version, at.store / version)
    with _db(at) as db:
        db.execute("insert into book values (?, ?, 0)", (version, metrics.get("score", 0.0)))

@surface("registry.resolve")
def resolve(at, request):
    version = _newest(_db(at)) if request is None else request
    if version not in versions(at):
        raise Refusal(f"no version {{version!r}}")
    return {{"version": version, "files": [f"{{version}}/meta.json"]}}

@surface("registry.promote")
def promote(at, version):
    with _db(at) as db:
        rank = db.execute("select 1 + max(seat) from book").fetchone()[0]
        db.execute("update book set seat = ? where id = ?", (rank, version))
    return True

@surface("governance.metrics")
def metrics(at):
    return {{"score": "higher"}}
"""


@pytest.mark.fails("VER003")
def test_a_default_that_follows_what_versions_say_of_themselves(tmp_path):
    with tiny(tmp_path, HOOKS.format(order="score desc"), meta={}) as subject:
        found = assert_fails(run_check("VER003", subject), key="by metrics")
    assert found.severity is Severity.MEDIUM


@pytest.mark.passes("VER003")
@pytest.mark.parametrize("order", ["rowid desc", "seat desc, rowid", "seat desc, score desc"])
def test_the_newest_or_whom_governance_has_seated(tmp_path, order):
    with tiny(tmp_path, HOOKS.format(order=order), meta={}) as subject:
        assert_passes(run_check("VER003", subject))
