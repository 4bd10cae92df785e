"""Registries whose process dies half-way: wrong orders of steps, and right ones written oddly."""

import json

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny
from tests.mutants.versioning.test_histories import PARAMETERS, READ, REGISTRY, STORED, WRITE

COPY = "    shutil.copytree(at.store / ids(held)[-1], at.store / version)\n"
ADD = COPY + '    held["versions"].append({"version_id": version})\n    held["latest"] = version\n'
ADD += "    write(at, held)"
SEATED = '        held["champion"] = version\n        write(at, held)'
IN_PLACE = (WRITE, "    file(at).write_text(json.dumps(held))")


def answered(folder, *changes, text=REGISTRY, default="champion", stored=STORED, points=12):
    """What VER006 says of the registry with these passages replaced."""
    text = text.replace("DEFAULT", default)
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    source = {"store/registry.json": json.dumps(stored), "store/v1/model.bin": "weights"}
    options = f"options: {{VER006: {{points: {points}}}}}\n"
    with tiny(folder, text, source=source, parameters=PARAMETERS + options) as subject:
        return run_check("VER006", subject)


WRONG = {
    "written in place": ([IN_PLACE], "in place: the registry cannot be read"),
    "removed before the new one is there": (
        [(WRITE, "    file(at).unlink()\n" + WRITE)],
        "registry.create: the registry cannot be read",
    ),
    "moved away before the new one is there": (
        [(WRITE, '    file(at).rename(at.store / "registry.bak")\n' + WRITE)],
        "registry.prune: the registry cannot be read",
    ),
    "half of a file is an empty registry": (
        [
            IN_PLACE,
            (READ, READ.replace("return ", "text = ").replace("json.loads(", "").rstrip(")") + ")"
             "\n    return json.loads(text) if text else "
             '{"versions": [], "latest": None, "champion": None}'),
        ],
        "in place: versions are lost",
    ),
    "listed before it is there": (
        [(ADD, ADD.replace(COPY, "    source = ids(held)[-1]\n") + "\n"
          + COPY.replace("ids(held)[-1]", "source").rstrip("\n"))],
        "registry.register: a listed version does not load",
    ),
    "listed before it is whole": (
        [(COPY, COPY + '    (at.store / version / "late.bin").write_text("x")\n'),
         (ADD.rpartition("\n")[2], '    write(at, held)\n'
          '    (at.store / version / "late.bin").write_text("calibrator")')],
        "registry.register: a listed version does not load",
    ),
    "files go before the list": (
        [("    write(at, held)\n    for version in leave:\n"
          "        shutil.rmtree(at.store / version)",
          "    for version in leave:\n        shutil.rmtree(at.store / version)\n"
          "    write(at, held)")],
        "registry.prune: a listed version does not load",
    ),
    "the chair is emptied first": (
        [(SEATED, '        held["champion"] = None\n        write(at, held)\n' + SEATED)],
        "registry.promote: nobody is served by default",
    ),
    "a caretaker sits in between": (
        [(SEATED, '        held["champion"] = ids(held)[-2]\n        write(at, held)\n' + SEATED),
         ('def ids(held):', 'def unused():\n    pass\n\ndef ids(held):')],
        "registry.promote: another version is served",
    ),
    "every version's file is written anew": (
        [(COPY, COPY + '    for known in ids(held):\n'
          '        kept = (at.store / known / "model.bin").read_text()\n'
          '        (at.store / known / "model.bin").write_text(kept)\n')],
        "registry.register: a listed version does not load",
    ),
}  # fmt: skip


@pytest.mark.fails("VER006")
@pytest.mark.parametrize("name", WRONG)
def test_what_a_death_leaves(tmp_path, name):
    changes, key = WRONG[name]
    stored = STORED
    if name == "a caretaker sits in between":
        stored = {**STORED, "versions": [{"version_id": "v0"}, {"version_id": "v1"}]}
        changes = [(a, b.replace("ids(held)[-2]", '"v0"')) for a, b in changes]
        (tmp_path / "engine" / "store" / "v0").mkdir(parents=True)
        (tmp_path / "engine" / "store" / "v0" / "model.bin").write_text("old")
    result = answered(tmp_path, *changes, stored=stored)
    found = assert_fails(result, key=key)
    assert found.measured.endswith(" places")
    relation = key.partition(": ")[2]
    assert {f.key.partition(": ")[2] for f in result.findings} == {relation}
    if key.startswith("in place"):
        assert len(result.findings) == 1
    else:
        assert found.location.symbol == key.partition(":")[0]


def test_severities_follow_what_is_served(tmp_path):
    changes, key = WRONG["the chair is emptied first"]
    result = answered(tmp_path, *changes)
    assert_fails(result, key=key, severity=Severity.MEDIUM)


LOG = """
import json, shutil

def rows(at):
    found = []
    for line in (at.store / "log.jsonl").read_text().split("\\n"):
        try:
            found.append(json.loads(line))
        except ValueError:
            pass  # the last line of a writer that died
    return found

@surface("registry")
def versions(at):
    return [row["id"] for row in rows(at)]

@surface("registry")
def resolve(at, request):
    known = versions(at)
    version = request or known[-1]
    if version not in known:
        raise Refusal("no such version")
    folder = at.store / version
    return {"version": version, "files": [f"{version}/{p.name}" for p in folder.iterdir()]}

@surface("registry")
def register(at, version, metrics):
    shutil.copytree(at.store / "v1", at.store / version)
    with open(at.store / "log.jsonl", "a") as log:
        log.write("\\n" + json.dumps({"id": version}))
"""

ODD = {
    "as it is": [],
    "staged in a folder of its own": [
        (COPY, '    shutil.copytree(at.store / ids(held)[-1], at.store / ".staged")\n'
         '    (at.store / ".staged").rename(at.store / version)\n'),
    ],
    "the last good one is read instead": [
        (WRITE, '    os.replace(file(at), at.store / "good.json")\n' + WRITE),
        (READ, '    path = file(at) if file(at).exists() else at.store / "good.json"\n'
         "    return json.loads(path.read_text())"),
    ],
    "written twice, and a lock that stays": [
        (WRITE, WRITE + "\n    made.write_text(json.dumps(held))\n" + WRITE),
        ("def write(at, held):", 'def write(at, held):\n    lock = at.store / "lock"\n'
         '    lock.write_text("")\n    lock.unlink()'),
    ],
    "a link to the newest registry": [
        ("    made.write_text(json.dumps(held))\n" + WRITE,
         '    name = f"registry-{time.time_ns()}.json"\n'
         "    (at.store / name).write_text(json.dumps(held))\n"
         "    made.unlink(missing_ok=True)\n    made.symlink_to(name)\n" + WRITE),
    ],
}  # fmt: skip


@pytest.mark.passes("VER006")
@pytest.mark.parametrize("name", ODD)
def test_right_orders_that_are_written_oddly(tmp_path, name):
    result = answered(tmp_path, *ODD[name], points=6)
    assert_passes(result)
    assert {row[0] for row in result.evidence[0].rows} == {
        f"registry.{name}" for name in ("register", "create", "promote", "rollback", "prune")
    }


@pytest.mark.passes("VER006")
def test_a_log_whose_last_line_may_be_cut(tmp_path):
    source = {"store/log.jsonl": '{"id": "v1"}', "store/v1/model.bin": "weights"}
    with tiny(tmp_path, LOG, source=source, parameters=PARAMETERS) as subject:
        assert_passes(run_check("VER006", subject))


def test_what_compiled_code_writes_is_a_gap(tmp_path):
    text = """
    import sqlite3

    def ids(at):
        with sqlite3.connect(at.store / "registry.db") as db:
            db.execute("create table if not exists v (id text)")
            return [row[0] for row in db.execute("select id from v order by rowid")]

    @surface("registry")
    def versions(at): return ids(at)

    @surface("registry")
    def resolve(at, request):
        if request not in ids(at):
            raise Refusal("no such version")
        return {"version": request, "files": []}

    @surface("registry")
    def register(at, version, metrics):
        with sqlite3.connect(at.store / "registry.db") as db:
            db.execute("insert into v values (?)", (version,))
    """
    import sqlite3

    (tmp_path / "engine" / "store").mkdir(parents=True)
    with sqlite3.connect(tmp_path / "engine" / "store" / "registry.db") as db:
        db.execute("create table v (id text)")
    with tiny(tmp_path, text, source={"store/x": ""}, parameters=PARAMETERS) as subject:
        result = run_check("VER006", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "compiled code" in result.gaps[0].why


@pytest.mark.slow
@pytest.mark.fails("VER006")
def test_the_reference_engine_writing_in_place(engine):
    edit_source(engine, "files.py", "    staged.replace(path)", "    path.write_bytes(content)")
    with mutant(engine) as subject:
        subject.parameters.options["VER006"] = {"points": 6, "seconds": 1}
        result = run_check("VER006", subject)
    assert_fails(
        result,
        key="in place: the registry cannot be read",
        path="registry.py",
    )


def test_what_is_written_in_place_is_said_once(tmp_path):
    text = REGISTRY.replace("DEFAULT", "champion").replace(*IN_PLACE)
    options = "options: {VER005: {histories: 3, length: 3}, VER006: {points: 6}}\n"
    source = {"store/registry.json": json.dumps(STORED), "store/v1/model.bin": "weights"}
    with tiny(tmp_path, text, source=source, parameters=PARAMETERS + options) as subject:
        subject.inquiry.so_far = (earlier := run_check("VER005", subject),)
        assert {f.key for f in earlier.findings} == {"the registry file is written in place"}
        assert run_check("VER006", subject).findings == ()


def test_versions_that_never_load_are_a_gap(tmp_path):
    old = "    if version not in ids(held):\n        raise Refusal("
    new = "    raise ImportError('a library is missing')\n" + old
    head, resolve, rest = REGISTRY.partition("def resolve(at, request):")
    result = answered(tmp_path, text=head + resolve + rest.replace(old, new, 1), points=6)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.findings == ()
    assert "a library is missing" in result.gaps[0].why
