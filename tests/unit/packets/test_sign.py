from __future__ import annotations

import json
import stat

import made_up
import pytest

from audit_lib.errors import AuditError
from audit_lib.packets import build, read_run, verify
from audit_lib.packets.manifest import NAME, SIGNATURE, write_manifest
from audit_lib.packets.sign import new_key, sign, verify_signature


@pytest.fixture
def run(tmp_path):
    tasks = made_up.clean_tasks()
    folder = made_up.lay(tmp_path / "run", tasks)
    write_manifest(folder, build(read_run(folder), made_up.provenance(tasks)))
    return folder


@pytest.fixture
def key(tmp_path):
    file = tmp_path / "key.pem"
    return file, new_key(file)


def test_a_signed_run_holds_and_still_verifies(run, key):
    file, public = key
    assert sign(run, file) == public
    assert verify_signature(run) == []
    assert verify_signature(run, public) == []
    assert verify(run) == []


def test_a_key_is_its_owners_alone_and_never_overwritten(key):
    file, _ = key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(AuditError, match="exists already"):
        new_key(file)


def _edit(run, name, **changes):
    file = run / name
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda r: _edit(r, NAME, role="champion"), "does not fit the manifest"),
        (lambda r: _edit(r, SIGNATURE, signature="AAAA"), "does not fit the manifest"),
        (lambda r: _edit(r, SIGNATURE, public_key="AAAA"), "does not fit the manifest"),
        (lambda r: _edit(r, SIGNATURE, signature="#"), "is no signature"),
        (lambda r: _edit(r, SIGNATURE, algorithm="none"), "unknown format"),
        (lambda r: (r / SIGNATURE).write_text("[]"), "is no signature"),
        (lambda r: (r / SIGNATURE).unlink(), "is not signed"),
        (lambda r: (r / NAME).unlink(), "cannot be read"),
    ],
)
def test_whatever_was_changed_is_noticed(run, key, spoil, says):
    sign(run, key[0])
    spoil(run)
    (problem,) = verify_signature(run)
    assert says in problem.message


def test_another_key_is_not_the_trusted_one(run, key, tmp_path):
    other = new_key(tmp_path / "other.pem")
    sign(run, key[0])
    (problem,) = verify_signature(run, other)
    assert "another key" in problem.message


@pytest.mark.parametrize("content", ["", "not a key"])
def test_what_is_no_key_is_one_message(run, tmp_path, content):
    file = tmp_path / "bad.pem"
    file.write_text(content)
    with pytest.raises(AuditError, match="is no unencrypted private key"):
        sign(run, file)
    with pytest.raises(AuditError, match="cannot be read"):
        sign(run, tmp_path / "none.pem")


def test_an_unfinished_run_is_not_signed(tmp_path, key):
    with pytest.raises(AuditError, match="cannot be read"):
        sign(tmp_path, key[0])
