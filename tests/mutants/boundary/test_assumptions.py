"""Consumers that choose a version otherwise than the registry, and those that ask it."""

import pytest

from audit_lib.model import Outcome, Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.made_repo import subject

CORE = """
def load(version): ...
class Registry:
    latest_version_id = champion_id = "v2"
    def resolve(self, version): ...
"""
LAYOUT = {
    "store": "store",
    "metadata": "meta.json",
    "registry": {"file": "registry.json", "versions": "/versions", "id": "id", "latest": "/latest"},
}


def answered(folder, body, *, latest="v2", ids=("v1", "v2"), audited="pkg/**", **more):
    text = "import json\nfrom pathlib import Path\nfrom pkg.core import Registry, load\n" + body
    registry = {"versions": [{"id": v} for v in ids], "latest": latest}
    files = {
        "pkg/__init__.py": "",
        "pkg/core.py": CORE,
        "app/__init__.py": "",
        "app/serve.py": text,
    }
    files |= {"store/registry.json": registry, "store/v1/meta.json": {}, "store/v2/meta.json": {}}
    source = {"subsystem": {"files": [audited]}}
    made = subject(folder, files | more, source=source, artifacts=LAYOUT)
    return run_check("BND021", made.at("v2"))


ROWS = """
def age(store):
    versions = json.loads((store / "registry.json").read_text()).get("versions", [])
    latest = versions[PLACE]
    return latest["trained"]
"""
WRONG = {
    "latest where the champion is gone": (
        "def serve(version):\n    try:\n        return load(version)\n"
        "    except FileNotFoundError:\n        return load('latest')\n",
        "fall-back serve",
        Severity.MEDIUM,
    ),
    "or": (
        "def serve(registry):\n    return load(registry.champion_id or 'latest')\n",
        "fall-back serve",
        Severity.MEDIUM,
    ),
    "an attribute in the handler": (
        "def serve(registry, version):\n    try:\n        return load(version)\n"
        "    except KeyError:\n        return load(registry.latest_version_id)\n",
        "fall-back serve",
        Severity.MEDIUM,
    ),
    "the first row": (ROWS.replace("PLACE", "0"), "by place age", Severity.HIGH),
    "the newest folder": (
        "def serve(model_version_dir):\n"
        "    return load(sorted(model_version_dir.glob('*'))[-1].name)\n",
        "on disk serve",
        Severity.MEDIUM,
    ),
}
DISK = {
    "sorted": "sorted(STORE.iterdir())[-1]",
    "names": "sorted(p.name for p in STORE.glob('v*'))[-1]",
    "reversed": "sorted(STORE.glob('*'), reverse=True)[0]",
    "greatest": "max(p for p in registry.root.glob('v*') if p.is_dir())",
    "newest": "max(Path('store').iterdir(), key=lambda p: p.stat().st_mtime)",
    "os": "max(os.listdir(STORE))",
    "by its metadata": "sorted(ROOT.glob('*/meta.json'))[-1]",
    "popped": "sorted(STORE.iterdir()).pop()",
    "next": "next(iter(sorted(STORE.iterdir(), reverse=True)))",
}
WRONG |= {
    f"disk: {name}": (
        f"def serve(registry):\n    return load({body})\n",
        "on disk serve",
        Severity.MEDIUM,
    )
    for name, body in DISK.items()
}
WRONG["disk: by steps"] = (
    "def serve():\n    folders = [p for p in STORE.iterdir() if p.is_dir()]\n    folders.sort()\n"
    "    newest = folders[-1]\n    return load(newest.name)\n",
    "on disk serve",
    Severity.MEDIUM,
)


@pytest.mark.fails("BND021")
@pytest.mark.parametrize("name", WRONG)
def test_an_assumption_that_does_not_hold(tmp_path, name):
    body, key, severity = WRONG[name]
    found = assert_fails(answered(tmp_path, body), key=key, path="app/serve.py")
    assert found.severity is severity


@pytest.mark.fails("BND021")
def test_the_last_row_after_a_roll_back(tmp_path):
    result = answered(tmp_path, ROWS.replace("PLACE", "-1"), latest="v1")
    found = assert_fails(result, key="by place age", severity=Severity.HIGH)
    assert "the last row is v2, and the registry's latest is v1" in found.message


RIGHT = {
    "the last row is latest": ROWS.replace("PLACE", "-1"),
    "rows that are sorted first": ROWS.replace("PLACE", "0").replace(
        "    latest",
        "    versions = sorted(versions, key=lambda v: v['id'], reverse=True)\n    latest",
    ),
    "a default": "def serve(version='latest'):\n    return load(version)\n",
    "an error": "def serve(version):\n    try:\n        return load(version)\n"
    "    except FileNotFoundError as error:\n        raise LookupError(version) from error\n",
    "the registry is asked": "def serve(registry):\n    return load(registry.latest_version_id)\n",
    "results, not versions": "def show(results):\n    return results.get_latest_trades()[-1]\n",
    "the newest of other files": "def show(logs):\n    return sorted(logs.glob('*.log'))[-1]\n",
    "the newest of data": "def show():\n    return max(DATA.glob('2024*'))\n",
    "a log in the store": "def show():\n    return sorted(STORE.glob('*.log'))[-1]\n",
    "how old it is": "def age():\n    return max(p.stat().st_mtime for p in STORE.iterdir())\n",
    "all of them": "def show():\n    return [load(p.name) for p in sorted(STORE.iterdir())]\n",
    "other words": "def serve(order='latest', sort='champion'):\n    return load(order)\n",
    "a handler of something else": "def show(feed):\n    try:\n        return feed.read()\n"
    "    except OSError:\n        return feed.latest_version\n",
}


@pytest.mark.passes("BND021")
@pytest.mark.parametrize("name", RIGHT)
def test_choices_that_hold(tmp_path, name):
    result = answered(tmp_path, RIGHT[name])
    assert_passes(result)
    assert result.findings == ()


def test_two_defaults_are_a_note_and_each_place_is_shown(tmp_path):
    body = "def serve(version='champion'): ...\ndef show(version='latest'): ...\n"
    result = answered(tmp_path, body)
    assert_passes(result)
    assert [(f.key, f.severity) for f in result.findings] == [("defaults", Severity.INFO)]
    rows = [row[:3] for row in result.evidence[0].rows]
    assert rows == [
        ("app/serve.py:4", "default", "champion"),
        ("app/serve.py:5", "default", "latest"),
    ]


@pytest.mark.fails("BND021")
def test_where_all_is_under_audit_what_nobody_imports_is_a_consumer(tmp_path):
    body = "def serve():\n    return load(sorted(STORE.iterdir())[-1])\n"
    found = assert_fails(answered(tmp_path, body, audited="**/*.py"), path="app/serve.py")
    assert found.key == "on disk serve"


def test_where_nothing_uses_the_engine_it_does_not_apply(tmp_path):
    source = {"subsystem": {"files": ["**/*.py"]}}
    made = subject(tmp_path, {"core.py": CORE, "store/v1/meta.json": {}}, source=source)
    assert run_check("BND021", made).outcome is Outcome.NOT_APPLICABLE
