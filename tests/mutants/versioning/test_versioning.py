import json
import sqlite3
from contextlib import closing

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.mutate import edit_json, edit_source, mutant
from tests.mutants.tiny import tiny

LOOKUP = "        row = _row(data, str(version))\n        folder"


def fallback(choice: str) -> str:
    """A lookup that answers another row where there is none."""
    return (
        "        try:\n"
        "            row = _row(data, str(version))\n"
        "        except RegistryRefused:\n"
        f"            row = {choice}\n"
        "        folder"
    )


@pytest.mark.passes("VER001", "VER002", "VER003")
def test_the_reference_engines_registry_passes(reference):
    for code in ("VER001", "VER002", "VER003"):
        assert_passes(run_check(code, reference))


@pytest.mark.fails("VER001")
def test_an_unknown_id_gets_the_newest_version(engine):
    edit_source(engine, "registry.py", LOOKUP, fallback('dict(data["versions"][-1])'))
    with mutant(engine) as subject:
        result = run_check("VER001", subject)
    found = assert_fails(result, cause="falls back on another version")
    assert found.severity is Severity.CRITICAL
    assert found.expected == "a refusal"
    assert found.anchor.symbol == "registry.resolve"
    table = next(e for e in result.evidence if e.name in found.evidence and e.name != "requests")
    assert {"request ''", "request 'no-such-version'"} <= {row[0] for row in table.rows}


@pytest.mark.fails("VER001")
def test_a_version_whose_folder_is_gone_is_replaced_by_its_neighbour(engine):
    edit_source(
        engine,
        "registry.py",
        LOOKUP,
        "        row = _row(data, str(version))\n"
        '        if not (self.store / row["version_id"]).is_dir():\n'
        '            row = dict(data["versions"][0])\n'
        "        folder",
    )
    with mutant(engine) as subject:
        result = run_check("VER001", subject)
        assert_fails(run_check("VER002", subject))
    assert len(result.findings) == 1
    found = assert_fails(result, key="the version's folder gone")
    assert found.measured == subject.versions()[0] != "2020-12"


@pytest.mark.fails("VER001")
def test_ids_are_matched_by_their_beginning(engine):
    edit_source(
        engine,
        "registry.py",
        'if row["version_id"] == version:\n            return dict(row)',
        'if row["version_id"].startswith(version[:5]):\n            return dict(row)',
    )
    with mutant(engine) as subject:
        result = run_check("VER001", subject)
    assert_fails(result, cause="falls back on another version", severity=Severity.CRITICAL)


@pytest.mark.fails("VER001")
def test_ids_that_are_taken_for_paths(tmp_path):
    registry = {"versions": [{"version_id": "v1"}], "latest": "v1"}
    resolve = """
@surface("registry")
def resolve(at, request):
    folder = at.store / ("v1" if request is None else request)
    if not folder.is_dir():
        raise Refusal("no such version")
    return {"version": folder.relative_to(at.store).as_posix(), "files": []}
"""
    with tiny(
        tmp_path,
        resolve,
        source={"store/registry.json": json.dumps(registry), "store/v1/meta.json": "{}"},
        parameters="artifacts: {store: store, registry: {file: registry.json}}",
    ) as subject:
        result = run_check("VER001", subject)
    found = assert_fails(result, cause="ids are taken for paths")
    cases = {row[0]: row for e in result.evidence if e.name != "requests" for row in e.rows}
    assert (found.key, found.severity) == ("ids are taken for paths", Severity.CRITICAL)
    spelled = cases["request './v1'"]
    assert spelled[1:3] == ("medium", "the id './v1' is taken for a path, and leads to 'v1'")
    assert cases["request 'v1/../v1'"][1] == "medium"
    assert {cases[f"request {name!r}"][1] for name in ("", ".", "..")} == {"critical"}


#: a registry whose listed versions answer with files that a rule names
NAMED_FILES = """
@surface("registry")
def resolve(at, request):
    request = "v2" if request is None else request
    if request not in ("v1", "v2"):
        raise Refusal("no such version")
    {rule}
    return {{"version": request, "files": files}}
"""


def two_versions(tmp_path, rule):
    rows = [{"version_id": "v1"}, {"version_id": "v2"}]
    registry = {"versions": rows, "latest": "v2"}
    files = {f"store/{v}/meta.json": "{}" for v in ("v1", "v2")}
    return tiny(
        tmp_path,
        NAMED_FILES.format(rule=rule),
        source={"store/registry.json": json.dumps(registry), **files},
        parameters="artifacts: {store: store, registry: {file: registry.json}}",
    )


@pytest.mark.fails("VER001")
@pytest.mark.parametrize(
    ("rule", "what", "first"),
    [
        ("files = ['v1/meta.json']", "files belong to another version", "v1/meta.json"),
        ("files = ['v2/meta.json']", "files belong to another version", "v2/meta.json"),
        ("files = [f'{request}/gone.json']", "files are not there", "v1/gone.json"),
        ("files = ['../a.json']", "files lie outside the store", "../a.json"),
    ],
)
def test_a_version_that_answers_with_files_that_are_not_its_own(tmp_path, rule, what, first):
    with two_versions(tmp_path, rule) as subject:
        result = run_check("VER001", subject)
    found = assert_fails(result, cause=what)
    assert found.measured == first


@pytest.mark.fails("VER001")
def test_a_version_without_files_still_resolves_or_crashes(tmp_path):
    with two_versions(tmp_path, "files = []") as subject:
        result = run_check("VER001", subject)
    (found,) = result.findings
    assert (found.key, found.severity) == ("the version's folder gone", Severity.MEDIUM)
    opens = "files = [f'{request}/meta.json']; (at.store / files[0]).read_text()"
    with two_versions(tmp_path / "b", opens) as subject:
        found = assert_fails(run_check("VER001", subject), cause="a request ends in a crash")
    assert found.severity is Severity.LOW


#: a registry that answers whatever it is asked, before a predictor that reads the files or does not
ANY_ID = """
@surface("registry")
def resolve(at, request):
    return {"version": request or "v1", "files": []}

@surface("features")
def build(at, panel):
    return each(panel, move=lambda b: b["close"].pct_change(5, fill_method=None))

@surface("predictor")
def required(at):
    return ["move"]

@surface("predictor")
def predict(at, features):
    {load}
    return features * 2.0
"""


#: three versions, each with a weight in a file of its own
THREE = """
import json

@surface("registry")
def resolve(at, request):
    try:
        listed = json.loads((at.store / "registry.json").read_text())["versions"]
        (at.store / str(request) / "meta.json").read_text()
    except (OSError, ValueError) as error:
        raise Refusal(str(error)) from error
    if request not in listed:
        raise Refusal("not listed")
    return {"version": request, "files": [f"{request}/meta.json"]}

@surface("features")
def build(at, panel):
    return each(panel, move=lambda b: b["close"].pct_change(5, fill_method=None))

def weight(at):
    return json.loads((at.store / at.version / "meta.json").read_text())["weight"]

@surface("predictor")
def required(at):
    weight(at)
    return ["move"]

@surface("predictor")
def predict(at, features):
    return features * weight(at)
"""


def three(folder, **texts):
    metas = {f"v{i}": '{"weight": 2.0}' for i in (1, 2, 3)} | texts
    registry = {"versions": {v: {} for v in metas}, "latest": "v3"}
    return tiny(
        folder,
        THREE,
        source={"store/registry.json": json.dumps(registry)}
        | {f"store/{v}/meta.json": text for v, text in metas.items()},
        parameters="artifacts: {store: store, registry: {file: registry.json, "
        "versions: /versions, latest: /latest}}",
    )


@pytest.mark.fails("VER001")
@pytest.mark.parametrize(
    ("version", "text", "severity"),
    [
        ("v2", '{"weights": 2.0}', Severity.HIGH),
        ("v2", "cut off", Severity.MEDIUM),
        ("v3", "{}", Severity.CRITICAL),
    ],
)
def test_a_listed_version_that_cannot_be_loaded(tmp_path, version, text, severity):
    with three(tmp_path, **{version: text}) as subject:
        result = run_check("VER001", subject.at("v1"))
    found = assert_fails(result, cause="a listed version cannot be loaded", severity=severity)
    assert f"version {version!r} is listed and resolves, and cannot be loaded" in found.message


@pytest.mark.passes("VER001")
def test_listed_versions_that_all_load(tmp_path):
    with three(tmp_path) as subject:
        result = run_check("VER001", subject.at("v1"))
    assert not any("loaded" in f.message for f in result.findings)
    assert ("store as it is", "v2, loaded", "predicts") in result.evidence[0].rows


@pytest.mark.fails("VER001")
@pytest.mark.parametrize(
    ("load", "severity"),
    [
        ("pass", Severity.CRITICAL),
        (
            "if not (at.store / at.version / 'meta.json').is_file(): raise Refusal('no files')",
            Severity.MEDIUM,
        ),
    ],
)
def test_what_is_refused_at_load_is_ranked_below_what_loads(tmp_path, load, severity):
    registry = {"versions": [{"version_id": "v1"}], "latest": "v1"}
    with tiny(
        tmp_path,
        ANY_ID.replace("{load}", load),
        source={"store/registry.json": json.dumps(registry), "store/v1/meta.json": "{}"},
        parameters="artifacts: {store: store, registry: {file: registry.json}}",
    ) as subject:
        result = run_check("VER001", subject)
    ranks = {f.severity for f in result.findings if "which nobody registered" in f.message}
    assert max(ranks) is severity
    assert any("no files" in f.message for f in result.findings) == (severity is Severity.MEDIUM)


@pytest.mark.fails("VER002")
def test_a_champion_that_nobody_registered(engine):
    edit_json(engine, "registry.json", lambda r: r.update(champion="2019-06"), seal=False)
    with mutant(engine, "2020-12") as subject:
        result = run_check("VER002", subject)
    found = assert_fails(result, pointer="/champion")
    assert found.location.path == "registry.json"
    assert found.measured == "2019-06"


@pytest.mark.fails("VER002")
def test_a_default_that_slides_to_what_is_there(engine):
    edit_source(
        engine,
        "registry.py",
        LOOKUP,
        "        row = _row(data, str(version))\n"
        '        if request is None and not (self.store / row["version_id"]).is_dir():\n'
        '            row = dict(data["versions"][0])\n'
        "        folder",
    )
    with mutant(engine) as subject:
        assert_passes(run_check("VER001", subject))
        result = run_check("VER002", subject)
    assert len(result.findings) == 1
    found = assert_fails(result, severity=Severity.HIGH)
    assert subject.versions()[0] in found.measured
    assert found.expected == "a refusal"


@pytest.mark.fails("VER003")
def test_retention_that_forgets_the_champion(engine):
    edit_source(engine, "registry.py", '- {data["champion"], data["latest"]}', '- {data["latest"]}')
    with mutant(engine) as subject:
        result = run_check("VER003", subject)
    found = assert_fails(result, key="retention the champion")
    assert found.severity is Severity.CRITICAL


def test_a_registration_that_fails_is_not_called_forgotten(engine):
    edit_source(
        engine,
        "registry.py",
        'if any(row["version_id"] == version for row in data["versions"]):',
        'if version == "audit-0023":\n                raise OSError("disk full")\n'
        '            if any(row["version_id"] == version for row in data["versions"]):',
    )
    with mutant(engine) as subject:
        result = run_check("VER003", subject)
    assert not result.findings
    assert ("1 of 24 registrations", True) in [(g.what, "disk full" in g.why) for g in result.gaps]


@pytest.mark.fails("VER003")
def test_the_newest_is_the_last_as_text(engine):
    edit_source(
        engine,
        "registry.py",
        'data["latest"] = version',
        'data["latest"] = max(row["version_id"] for row in data["versions"])',
    )
    with mutant(engine) as subject:
        found = assert_fails(run_check("VER003", subject), key="latest")
    assert "ids go as text" in found.message


@pytest.mark.fails("VER003")
def test_an_id_that_can_be_registered_twice(engine):
    edit_source(
        engine,
        "registry.py",
        'if any(row["version_id"] == version for row in data["versions"]):',
        "if False:",
    )
    with mutant(engine) as subject:
        result = run_check("VER003", subject)
    found = assert_fails(result, key="duplicate")
    assert found.message == "audit-0000 is listed 2 times"


@pytest.mark.fails("VER003")
def test_an_id_that_is_a_path(engine):
    edit_source(
        engine,
        "registry.py",
        'if not VERSION_ID.fullmatch(version) or ".." in version or version in RESERVED:',
        "if False:",
    )
    with mutant(engine) as subject:
        result = run_check("VER003", subject)
    assert_fails(result, key="writes", severity=Severity.CRITICAL)


def test_a_store_too_large_to_copy_is_not_assessed(engine):
    (engine.store / "2020-12" / "huge.bin").write_bytes(b"0" * (2 << 20))
    with mutant(engine) as subject:
        options = {"VER003": {"store_mb": 1}}
        subject.parameters = subject.parameters.model_copy(update={"options": options})
        result = run_check("VER003", subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert "store_mb" in result.reason


@pytest.mark.parametrize("code", ["VER001", "VER002"])
@pytest.mark.parametrize("body", ['raise RuntimeError("broken hook")', "return 7"])
def test_a_hook_that_always_fails_is_not_blamed_on_the_engine(tmp_path, code, body):
    registry = {"versions": [{"version_id": "v1"}], "latest": "v1", "champion": "v1"}
    with tiny(
        tmp_path,
        f'@surface("registry")\ndef resolve(at, request):\n    {body}\n',
        source={"store/registry.json": json.dumps(registry), "store/v1/meta.json": "{}"},
        parameters="artifacts: {store: store, registry: {file: registry.json}}",
    ) as subject:
        result = run_check(code, subject)
    assert result.outcome is Outcome.NOT_ASSESSED
    assert result.reason.startswith("registry.resolve fails on ordinary input too: ")
    assert not result.findings


#: a registry in a database, which hooks alone speak for
DATABASE = """
import sqlite3
from contextlib import closing

@surface("features")
def build(at, panel):
    return each(panel, move=returns)

@surface("predictor")
def required(at):
    return ["move"]

@surface("predictor")
def predict(at, features):
    return (features["move"] * len(at.version)).to_frame("up")

@surface("registry")
def resolve(at, request):
    with closing(sqlite3.connect(f"file:{at.store / 'versions.db'}?mode=ro", uri=True)) as base:
        known = [row[0] for row in base.execute("select id from versions order by id")]
    if request not in known:
        ELSE
    if not (at.store / request / "meta.json").exists():
        raise Refusal("its files are gone")
    return {"version": request, "files": [f"{request}/meta.json"]}
"""


@pytest.mark.fails("VER001")
@pytest.mark.passes("VER001")
def test_a_registry_in_a_database_is_asked_as_well(tmp_path):
    for name, otherwise in (
        ("right", 'raise Refusal("unknown")'),
        ("wrong", "request = known[-1]"),
    ):
        store = tmp_path / name / "engine" / "store"
        for version in ("v1", "v2"):
            (store / version).mkdir(parents=True)
            (store / version / "meta.json").write_text("{}")
        with closing(sqlite3.connect(store / "versions.db")) as base:
            base.execute("create table versions (id text)")
            base.executemany("insert into versions values (?)", [("v1",), ("v2",)])
            base.commit()
        parameters = "artifacts: {store: store, registry: null}\n"
        text = DATABASE.replace("ELSE", otherwise)
        with tiny(tmp_path / name, text, parameters=parameters) as subject:
            result = run_check("VER001", subject)
        if name == "right":
            assert_passes(result)
        else:
            assert_fails(result, cause="falls back on another version")
