"""VER003 and VER002 on registries of a few lines: each way in which registering goes wrong."""

import json
import re

import pytest

from audit_lib.model import Severity
from audit_lib.testing import assert_fails, assert_passes, run_check
from tests.mutants.tiny import tiny
from tests.mutants.versioning.test_histories import PARAMETERS, REGISTRY

ROWS = [{"version_id": v, "metrics": {"sharpe": 1.0}} for v in ("v1", "v2")]
TWO = {"versions": ROWS, "latest": "v2", "champion": "v1"}
TAKEN = '    if version in ids(held):\n        raise Refusal("taken")\n'
GUARD = '    if not version.replace("-", "").isalnum():\n        raise Refusal("odd")\n' + TAKEN
GONE = " or not (at.store / version).is_dir()"
KNOWN = (
    f"    if version not in ids(held){GONE}:\n"
    '        raise Refusal("no such version")\n    return {'
)
ODD = (
    '    if not version or ".." in version or version.startswith("/"):\n        raise Refusal(1)\n'
)


def asked(folder, code, *changes, default="champion"):
    text = REGISTRY.replace(TAKEN, GUARD).replace("DEFAULT", default)
    text = text.replace(KNOWN.replace(GONE, ""), KNOWN)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    text = text.replace('@surface("registry")\ndef create', "def create")
    store = {f"store/{v}/model.bin": "weights" for v in ("v1", "v2")}
    source = {"store/registry.json": json.dumps(TWO), **store}
    with tiny(folder, text, source=source, parameters=PARAMETERS) as subject:
        return run_check(code, subject)


@pytest.mark.parametrize(
    "code", [pytest.param(c, marks=pytest.mark.passes(c)) for c in ("VER002", "VER003")]
)
def test_a_registry_that_keeps_its_word(tmp_path, code):
    assert_passes(asked(tmp_path, code))


@pytest.mark.passes("VER003")
def test_a_champion_that_was_displaced_may_go(tmp_path):
    """Whoever is registered reigns, and the last five are kept."""
    reigns = (
        "    add(at, held, version)\n\n@",
        '    held["champion"] = version\n    add(at, held, version)\n'
        '    held["versions"] = held["versions"][-5:]\n    write(at, held)\n\n@',
    )
    assert_passes(asked(tmp_path, "VER003", reigns))


WRONG = {
    "registering writes outside the store: log": (
        (TAKEN, TAKEN + '    (at.store.parent / "log").write_text(version)\n'),
        "writes",
        Severity.CRITICAL,
    ),
    "registering reorders the versions before it": (
        ("    add(at, held, version)\n\n@", '    held["versions"].reverse()\n'
         "    add(at, held, version)\n\n@"),
        "order",
        Severity.HIGH,
    ),
    "a second registration of audit-0000 with other metrics replaces the first": (
        (
            TAKEN,
            "    if version in ids(held):\n"
            '        held["versions"][ids(held).index(version)].update(metrics)\n'
            "        return write(at, held)\n",
        ),
        "duplicate",
        Severity.HIGH,
    ),
    "after 24 registrations the default is 'v2', neither champion nor newest": (
        ('request or held["champion"]', 'request or ids(held)[1]'),
        "default",
        Severity.HIGH,
    ),
    "audit-0005 is listed, but refused: no such version": (
        (KNOWN, KNOWN.replace("ids(held) or", 'ids(held) or version == "audit-0005" or')),
        "listed and unresolved",
        Severity.HIGH,
    ),
    "audit-0005 is answered with version 'audit-0006'": (
        ('    return {"version": version', '    return {"version": version.replace("5", "6")'),
        "substituted",
        Severity.CRITICAL,
    ),
    "the id 'a/b' is registered": ((GUARD, ODD + TAKEN), "id 'a/b'", Severity.HIGH),
    "a declined registration drops audit-0022": (
        ('        raise Refusal("odd")', '        held["versions"].pop()\n        write(at, held)\n'
         '        raise Refusal("odd")'),
        "declined",
        Severity.HIGH,
    ),
}  # fmt: skip


def numberless(text):
    """Without what the check draws."""
    return re.sub(r"\d+", "N", text)


@pytest.mark.fails("VER003")
@pytest.mark.parametrize("said", WRONG, ids=numberless)
def test_a_registry_that_does_not(tmp_path, said):
    change, key, severity = WRONG[said]
    result = asked(tmp_path, "VER003", change)
    found = assert_fails(result, key=key, severity=severity)
    assert numberless(found.message).startswith(numberless(said))


@pytest.mark.fails("VER003")
def test_an_answer_that_is_kept_beyond_a_registration(tmp_path):
    keeps = (
        '@surface("registry")\ndef resolve',
        "def kept(at, held):\n    file = at.store / 'kept'\n    if not file.exists():\n"
        "        file.write_text(ids(held)[-1])\n    return file.read_text()\n\n"
        '@surface("registry")\ndef resolve',
    )
    result = asked(
        tmp_path, "VER003", keeps, ('request or held["champion"]', "request or kept(at, held)")
    )
    found = assert_fails(result, key="default")
    assert "registrations the default is 'v2', neither champion nor newest" in found.message


@pytest.mark.fails("VER002")
@pytest.mark.parametrize(
    ("default", "severity"), [("ids(held)[0][::-1]", Severity.LOW), ("'v3'", Severity.HIGH)]
)
def test_a_request_without_a_version_goes_nowhere(tmp_path, default, severity):
    """One crashes; the other is served what no pointer names."""
    lookup = 'request or held["champion"]'
    change = (lookup, f"request or {default}")
    if severity is Severity.LOW:
        change = (lookup, "request or held[0]")
    guard = (KNOWN, KNOWN.replace("version not in ids(held) or", "version != 'v3' and"))
    files = ('"files": files(at, version)', '"files": []')
    result = asked(tmp_path, "VER002", change, guard, files)
    assert_fails(result, key="a request without a version", severity=severity)
