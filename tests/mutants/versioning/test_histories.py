"""Registries of a few lines under drawn histories: wrong ones, and right ones written oddly."""

import ast
import json
import shutil
import subprocess
import sys
from contextlib import closing

import pytest

from audit_lib.model import Outcome
from audit_lib.subject.subject import open_subject
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import PARAMETERS as ENGINES
from tests.mutants.mutate import edit_source, mutant
from tests.mutants.tiny import tiny

REGISTRY = """
import hashlib, json, os, shutil, time

def file(at):
    return at.store / "registry.json"

def read(at):
    return json.loads(file(at).read_text())

def write(at, held):
    made = at.store / "made"
    made.write_text(json.dumps(held))
    made.replace(file(at))

def ids(held):
    return [row["version_id"] for row in held["versions"]]

def files(at, version):
    return [f"{version}/{p.name}" for p in sorted((at.store / version).iterdir())]

def add(at, held, version):
    shutil.copytree(at.store / ids(held)[-1], at.store / version)
    held["versions"].append({"version_id": version})
    held["latest"] = version
    write(at, held)

@surface("registry")
def resolve(at, request):
    held = read(at)
    version = request or held["DEFAULT"]
    if version not in ids(held):
        raise Refusal("no such version")
    return {"version": version, "files": files(at, version)}

@surface("registry")
def register(at, version, metrics):
    held = read(at)
    if version in ids(held):
        raise Refusal("taken")
    add(at, held, version)

@surface("registry")
def versions(at):
    return ids(read(at))

@surface("registry")
def create(at, metrics):
    held = read(at)
    held["issued"] = held.get("issued", 1) + 1
    add(at, held, f"v{held['issued']}")
    return ids(held)[-1]

@surface("registry")
def promote(at, version):
    held = read(at)
    if version not in ids(held):
        raise Refusal("no such version")
    if version != held["champion"]:
        held.setdefault("reigned", []).append(held["champion"])
        held["champion"] = version
        write(at, held)
    return True

@surface("registry")
def rollback(at):
    held = read(at)
    back = held.get("reigned", []).pop() if held.get("reigned") else None
    if back not in ids(held):
        raise Refusal("nobody reigned before")
    held["champion"] = back
    write(at, held)
    return back

@surface("registry")
def prune(at, keep):
    held = read(at)
    stay = {*ids(held)[-keep:], held["champion"], held["latest"]}
    leave = [v for v in ids(held) if v not in stay]
    held["versions"] = [r for r in held["versions"] if r["version_id"] in stay]
    write(at, held)
    for version in leave:
        shutil.rmtree(at.store / version)
"""
STORED = {"versions": [{"version_id": "v1"}], "latest": "v1", "champion": "v1"}
LAYOUT = "registry: {file: registry.json, champion: /champion, latest: /latest}"
PARAMETERS = f"artifacts: {{store: store, {LAYOUT}}}\n"
OPTIONS = "options: {VER005: {seconds: 90}}\n"


def answered(folder, *changes, default="champion", stored=STORED):
    """What VER005 says of the registry with these passages replaced."""
    text = REGISTRY.replace("DEFAULT", default)
    for old, new in changes:
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    source = {"store/registry.json": json.dumps(stored), "store/v1/model.bin": "weights"}
    with tiny(folder, text, source=source, parameters=PARAMETERS + OPTIONS) as subject:
        return run_check("VER005", subject)


GUARD = '    if version not in ids(held):\n        raise Refusal("no such version")\n'
READ, WRITE = "    return json.loads(file(at).read_text())", "    made.replace(file(at))"
WRONG = {
    "falls back on latest": (
        [('held["champion"]\n    if', 'held.get("champion") or held["latest"]\n    if')],
        "somebody is served in the champion's place",
    ),
    "a dangling champion is the newest": (
        [
            (
                GUARD + "    return {",
                "    if request is None and version not in ids(held):\n"
                '        version = held["latest"]\n' + GUARD + "    return {",
            )
        ],
        "somebody is served in the champion's place",
    ),
    "written in place": (
        [(WRITE, "    file(at).write_text(json.dumps(held))")],
        "the registry file is written in place",
    ),
    "copied over": (
        [(WRITE, "    shutil.copyfile(made, file(at))")],
        "the registry file is written in place",
    ),
    "damaged is empty": (
        [
            (
                READ,
                "    try:\n    " + READ + "\n    except ValueError:\n"
                '        return {"versions": [], "latest": None, "champion": None}',
            )
        ],
        "a damaged registry is taken for an empty one",
    ),
    "promoting writes nothing": (
        [
            (
                '        held["champion"] = version\n        write(at, held)',
                '        held["champion"] = version',
            )
        ],
        "another is champion than was seated",
    ),
    "the unknown reign": (
        [
            (
                GUARD + "    if version != ",
                "    if version != ",
            )
        ],
        "what is not listed is seated",
    ),
    "rolls back to the first": (
        [('held.get("reigned", []).pop()', 'held.get("reigned", [])[0]')],
        "rolling back seats another",
    ),
    "rolls back to what is gone": (
        [("    if back not in ids(held):", "    if back is None:")],
        "rolling back seats another",
    ),
    "prunes the champion": (
        [('held["champion"], held["latest"]}', 'held["latest"]}')],
        "pruning removes what must stay",
    ),
    "keeps the oldest": (
        [("*ids(held)[-keep:]", "*ids(held)[:keep]")],
        "pruning keeps more than it should",
    ),
    "prunes one too few": (
        [("*ids(held)[-keep:]", "*ids(held)[-keep - 1:]")],
        "pruning keeps more than it should",
    ),
    "prunes the list alone": (
        [("        shutil.rmtree(at.store / version)", "        pass")],
        "what left the registry stays on disk",
    ),
    "prunes the files alone": (
        [("    write(at, held)\n    for version", "    for version")],
        "pruning keeps more than it should",
    ),
    "ids of the count": (
        [
            (
                """held["issued"] = held.get("issued", 1) + 1
    add(at, held, f"v{held['issued']}")""",
                """new = f"v{len(ids(held)) + 1}"
    shutil.copytree(at.store / ids(held)[-1], at.store / new, dirs_exist_ok=True)
    held["versions"].append({"version_id": new})
    held["latest"] = new
    write(at, held)""",
            )
        ],
        "a new id was taken before",
    ),
    "ids of the second": (
        [
            (
                """held["issued"] = held.get("issued", 1) + 1
    add(at, held, f"v{held['issued']}")""",
                """held["latest"] = "v" + time.strftime("%Y%m%d%H%M")
    shutil.copytree(at.store / "v1", at.store / held["latest"], dirs_exist_ok=True)
    if held["latest"] not in ids(held):
        held["versions"].append({"version_id": held["latest"]})
    write(at, held)""",
            )
        ],
        "a new id was taken before",
    ),
    "ordered as text": (
        [("    return ids(read(at))", "    return sorted(ids(read(at)))")],
        "versions are not listed in order",
    ),
    "a cache that never looks again": (
        [
            (
                "def read(at):\n" + READ,
                "CACHE = {}\n\ndef read(at):\n    if at.store not in CACHE:\n"
                "        CACHE[at.store] = json.loads(file(at).read_text())\n"
                "    return CACHE[at.store]",
            )
        ],
        "a reader does not see what was written",
    ),
    "links to the version before": (
        [
            (
                "at.store / ids(held)[-1], at.store / version",
                "at.store / ids(held)[-1], at.store / version, copy_function=os.link",
            )
        ],
        "two versions share a file",
    ),
}


#: what else may show first where time for making histories smaller is short
ALSO = dict.fromkeys(
    ("ordered as text", "a cache that never looks again", "keeps the oldest"),
    ("pruning removes what must stay",),
) | {"prunes the files alone": ("files of another version are changed",)}


@pytest.mark.fails("VER005")
@pytest.mark.parametrize("name", WRONG)
def test_the_smallest_history_that_breaks(tmp_path, name):
    changes, relation = WRONG[name]
    result = answered(tmp_path, *changes)
    found = result.findings[0]
    assert {f.key for f in result.findings} <= {relation, *ALSO.get(name, ())}
    assert found.key in {relation, *ALSO.get(name, ())}
    table = next(e for e in result.evidence if e.name == found.evidence[0])
    assert f"after {len(table.rows)} steps" in found.message
    assert len(table.rows) <= 60


@pytest.mark.fails("VER005")
def test_latest_by_text_shows_where_ids_grow_a_digit(tmp_path):
    change = ('    held["latest"] = version', '    held["latest"] = max(ids(held))')
    result = answered(tmp_path, change, default="latest", stored={**STORED, "champion": None})
    found = assert_fails(result, key="the default is neither champion nor newest")
    assert found.measured == "a request without a version is answered with 'v9'"


@pytest.mark.fails("VER005")
def test_a_file_that_all_versions_share_is_written_over(tmp_path):
    result = answered(
        tmp_path,
        (
            '    held["versions"].append({"version_id": version})',
            '    (at.store / "current.bin").write_text(version)\n'
            '    held["versions"].append({"version_id": version})',
        ),
        (
            "    return [f",
            '    shared = ["current.bin"] if (at.store / "current.bin").exists() else []\n'
            "    return shared + [f",
        ),
    )
    found = assert_fails(result, key="files of another version are changed")
    assert found.measured.startswith("current.bin of version ")


ODD = {
    "as it is": [],
    "default is latest": [],
    "a copy of the last good file": [
        (WRITE, WRITE + '\n    shutil.copyfile(file(at), at.store / "good.json")'),
        (
            READ,
            "    try:\n    " + READ + "\n    except ValueError:\n"
            '        good = at.store / "good.json"\n        if not good.exists():\n'
            "            raise\n        return json.loads(good.read_text())",
        ),
    ],
    "pruning keeps whom a roll-back would seat": [
        (
            '    stay = {*ids(held)[-keep:], held["champion"], held["latest"]}',
            '    stay = {*ids(held)[-keep:], held["champion"], held["latest"]}\n'
            '    stay |= set(held.get("reigned", [])[-1:])',
        )
    ],
    "a cache that looks at the file": [
        (
            "def read(at):\n" + READ,
            "CACHE = {}\n\ndef read(at):\n    now = file(at).stat()\n"
            "    key = (file(at), now.st_ino, now.st_mtime_ns)\n    if key not in CACHE:\n"
            "        CACHE[key] = file(at).read_text()\n    return json.loads(CACHE[key])",
        )
    ],
    "links to files that nobody may write": [
        (
            "at.store / ids(held)[-1], at.store / version",
            "at.store / ids(held)[-1], at.store / version, copy_function=frozen",
        ),
        (
            "def file(at)",
            "def frozen(old, new):\n    os.chmod(old, 0o444), os.link(old, new)\n\ndef file(at)",
        ),
    ],
    "moved into place": [(WRITE, "    shutil.move(made, file(at))")],
    "ids drawn at random": [
        ("add(at, held, f\"v{held['issued']}\")", "add(at, held, os.urandom(8).hex())")
    ],
    "promoted anew counts as reigning": [("    if version != held", "    if True or held")],
    "candidates become latest when seated": [
        ('    held["latest"] = version\n', ""),
        (
            '        held["champion"] = version\n',
            '        held["champion"] = held["latest"] = version\n',
        ),
    ],
    "rows by id": [
        ('[row["version_id"] for row in held["versions"]]', 'list(held["versions"])'),
        ('held["versions"].append({"version_id": version})', 'held["versions"][version] = {}'),
        (
            '[r for r in held["versions"] if r["version_id"] in stay]',
            '{v: r for v, r in held["versions"].items() if v in stay}',
        ),
    ],
    "numbers in the ids order them": [
        (
            "    return ids(read(at))",
            '    return sorted(ids(read(at)), key=lambda v: ("-" in v, int(v.strip("audit-v"))))',
        ),
        (
            "add(at, held, f\"v{held['issued']}\")",
            "add(at, held, f\"audit-{held['issued'] + 900}\")",
        ),
    ],
    "blobs by what they hold": [
        (
            "    return [f",
            '    content = (at.store / version / "model.bin").read_bytes()\n'
            "    blob = hashlib.sha256(content).hexdigest()\n"
            "    (at.store / blob).write_bytes(content)\n"
            "    return [blob] + [f",
        )
    ],
}


@pytest.mark.passes("VER005")
@pytest.mark.parametrize("name", ODD)
def test_right_registries_that_are_written_oddly(tmp_path, name):
    stored = STORED if name != "rows by id" else {**STORED, "versions": {"v1": {}}}
    default = "latest" if name == "default is latest" else "champion"
    result = answered(tmp_path, *ODD[name], default=default, stored=stored)
    assert_passes(result)
    assert result.examined[0].what.endswith("in 12 histories (seed 0)")


@pytest.mark.passes("VER005")
def test_who_reigned_before_the_audit_came_is_spared_too(tmp_path):
    """A registry that no file tells of, as a database: its hooks alone speak for it."""
    rows = [{"version_id": "v1"}, {"version_id": "v2"}]
    stored = {"versions": rows, "latest": "v2", "champion": "v2", "reigned": ["v1"]}
    source = {f"store/{v}/model.bin": "weights" for v in ("v1", "v2")}
    spared = ODD["pruning keeps whom a roll-back would seat"]
    text = REGISTRY.replace("DEFAULT", "champion").replace(*spared[0])
    hidden = "artifacts: {store: store, registry: null}\n"
    source["store/registry.json"] = json.dumps(stored)
    with tiny(tmp_path, text, source=source, parameters=hidden + OPTIONS) as subject:
        assert_passes(run_check("VER005", subject))


def test_what_another_check_said_is_not_said_again(tmp_path):
    source = {"store/registry.json": json.dumps(STORED), "store/v1/model.bin": "weights"}
    text = REGISTRY.replace("DEFAULT", "champion").replace(*WRONG["ordered as text"][0][0])
    with tiny(tmp_path, text, source=source, parameters=PARAMETERS + OPTIONS) as subject:
        subject.inquiry.so_far = (earlier := run_check("VER003", subject),)
        assert earlier.outcome is Outcome.FAIL
        said = run_check("VER005", subject)
    assert "versions are not listed in order" not in [f.key for f in said.findings]


def test_time_that_is_up_is_a_gap(tmp_path):
    text = REGISTRY.replace("DEFAULT", "champion")
    source = {"store/registry.json": json.dumps(STORED), "store/v1/model.bin": "weights"}
    options = "options: {VER005: {seconds: 0.001}}\n"
    with tiny(tmp_path, text, source=source, parameters=PARAMETERS + options) as subject:
        result = run_check("VER005", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "0.001 s were up" in result.gaps[0].why


@pytest.mark.passes("VER005")
def test_the_reference_engines_registry_passes_any_history(reference):
    reference.parameters.options["VER005"] = {"histories": 3, "length": 4, "seconds": 60}
    assert_passes(run_check("VER005", reference))


@pytest.mark.fails("VER005")
def test_a_handle_that_keeps_what_it_read(tmp_path):
    kept = "KEPT = {}\n" + REGISTRY.replace("DEFAULT", "champion").replace(
        "def resolve(at, request):\n    held = read(at)",
        "def resolve(at, request):\n    held = KEPT.setdefault(at.store, read(at))",
    )
    source = {"store/registry.json": json.dumps(STORED), "store/v1/model.bin": "weights"}
    options = "options: {VER005: {histories: 3, seconds: 60}}\n"
    with tiny(tmp_path, kept, source=source, parameters=PARAMETERS + options) as subject:
        folder, root = subject.folder, subject.root
        with closing(open_subject(f"{folder}/", workspace=tmp_path, root=root)) as real:
            result = run_check("VER005", real.at("v1"))  # in processes of its own
    assert_fails(result, key="a process goes on with what it read before")


ROWS = 'held["versions"].append({"version_id": version})'
METRICS = "artifacts: {store: store, registry: {file: registry.json, champion: /champion, "
METRICS += "latest: /latest, metrics: metrics}}\n"
TYPES = {
    "numbers become text": "{k: str(v) for k, v in metrics.items()}",
    "a flag is made of them": "{k: v > 0 for k, v in metrics.items()}",
    "percent of a fraction": "{k: 100 * v for k, v in metrics.items()}",
    "rounded": "{k: round(v, 4) for k, v in metrics.items()}",
    "one of them alone": "{'ic': metrics['ic'], 'seed': 'x'}",
    "beside names": "{**metrics, 'stage': 'rc'}",
}


def recorded(folder, made):
    """What VER005 says of a registry that records metrics like that."""
    text = REGISTRY.replace("DEFAULT", "champion").replace("add(at, held", "add(at, metrics, held")
    text = text.replace("def add(at, held", "def add(at, metrics, held")
    text = text.replace(ROWS, ROWS.replace("})", f', "metrics": {made}}})'))
    row = {"version_id": "v1", "metrics": {"ic": 0.0312345, "sharpe": 1.5}}
    stored = {**STORED, "versions": [row]}
    source = {"store/registry.json": json.dumps(stored), "store/v1/model.bin": "weights"}
    options = "options: {VER005: {histories: 4, length: 3, seconds: 60}}\n"
    with tiny(folder, text, source=source, parameters=METRICS + options) as subject:
        return run_check("VER005", subject)


@pytest.mark.fails("VER005")
@pytest.mark.parametrize("name", list(TYPES)[:3])
def test_metrics_that_are_recorded_as_something_else(tmp_path, name):
    found = assert_fails(
        recorded(tmp_path, TYPES[name]), key="a metric is recorded as something else"
    )
    assert "registered as 0.0312345, is recorded as " in found.measured


@pytest.mark.passes("VER005")
@pytest.mark.parametrize("name", list(TYPES)[3:])
def test_metrics_that_are_rounded_or_among_others(tmp_path, name):
    assert_passes(recorded(tmp_path, TYPES[name]))


@pytest.mark.slow
def test_the_script_repeats_what_was_found(engine, tmp_path):
    edit_source(
        engine,
        "registry.py",
        'version = data[request or "champion"]',
        'version = data[request or "champion"] or data["latest"]',
    )
    with mutant(engine) as subject:
        subject.parameters.options["VER005"] = {"histories": 4, "length": 4}
        result = run_check("VER005", subject)
    found = assert_fails(result, key="somebody is served in the champion's place")
    shutil.copytree(ENGINES, tmp_path / "parameters" / "reference_engine")
    script = next(e for e in result.evidence if e.name == found.evidence[1])
    (tmp_path / "apart").mkdir()
    file = tmp_path / "apart" / "script.py"
    file.write_text("\n".join(str(line) for (line,) in script.rows))
    command = [sys.executable, str(file)]
    ran = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    answers = [line for line in ran.stdout.splitlines() if "'version'" in line]
    assert f"with {ast.literal_eval(answers[-1])['version']!r}" in found.message


@pytest.mark.fails("VER005")
def test_what_breaks_at_every_step_does_not_hide_what_breaks_later(tmp_path):
    in_place = (WRITE, "    file(at).write_text(json.dumps(held))\n    made.unlink()")
    by_text = ('request or held["latest"]', "request or max(ids(held))")  # v9 is behind v10
    result = answered(tmp_path, in_place, by_text, default="latest")
    found = {f.key for f in result.findings}
    assert "the registry file is written in place" in found
    assert "the default is neither champion nor newest" in found
