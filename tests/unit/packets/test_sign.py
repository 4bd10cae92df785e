from __future__ import annotations

import base64
import json
import stat

import made_up
import pytest

from audit_lib.errors import AuditError
from audit_lib.packets.keys import new_key, parse_public, trusted_keys
from audit_lib.packets.manifest import NAME, SIGNATURES, verify, write_manifest
from audit_lib.packets.packet import build
from audit_lib.packets.run import read_run
from audit_lib.packets.sign import sign, signatures

JANE = {"name": "risk desk", "decision": "release"}


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


def test_a_signed_run_holds_says_who_decided_what_and_still_verifies(run, key):
    file, public = key
    assert sign(run, file, name="risk desk", decision="conditions", remarks="watch T3") == public
    (found,) = signatures(run, {public: "desk of risk"})
    assert (found.name, found.decision, found.remarks) == ("risk desk", "conditions", "watch T3")
    assert (found.key, found.trusted_as, found.problem) == (public, "desk of risk", "")
    assert found.at.endswith("+00:00")
    assert verify(run) == []


def test_a_second_reviewer_leaves_the_first_ones_signature(run, key, tmp_path):
    other = new_key(tmp_path / "other.pem")
    sign(run, key[0], **JANE)
    sign(run, tmp_path / "other.pem", name="Joe", decision="reject")
    first, second = signatures(run, {other: ""})
    assert (first.name, first.trusted_as, first.holds) == ("risk desk", None, True)
    assert (second.decision, second.trusted_as, second.holds) == ("reject", "", True)


def test_it_is_a_dsse_envelope_around_an_in_toto_statement(run, key):
    sign(run, key[0], **JANE)
    envelope = json.loads((run / SIGNATURES).read_text())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert envelope["payloadType"] == "application/vnd.in-toto+json"
    assert envelope["signatures"][0]["keyid"] == key[1].id
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["subject"][0]["name"] == NAME
    # DSSE, section "Signature definition": PAE(type, body) = "DSSEv1" LEN type LEN body
    body = base64.b64decode(envelope["payload"])
    said = b"DSSEv1 28 application/vnd.in-toto+json " + str(len(body)).encode() + b" " + body
    assert key[1].fits(base64.b64decode(envelope["signatures"][0]["sig"]), said)


def _statement(run, **changes):
    envelope = json.loads((run / SIGNATURES).read_text())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["predicate"] |= changes
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    (run / SIGNATURES).write_text(json.dumps(envelope))


def _envelope(run, **changes):
    file = run / SIGNATURES
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def _manifest(run):
    file = run / NAME
    file.write_text(json.dumps({**json.loads(file.read_text()), "role": "champion"}))


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_manifest, "is for another run_manifest.json"),
        (lambda r: _statement(r, decision="reject"), "was not made with the key"),
        (lambda r: _statement(r, name="Joe"), "was not made with the key"),
        (lambda r: _statement(r, public_key=base64.b64encode(b"a" * 32).decode()), "not made with"),
        (lambda r: _statement(r, public_key="AAAA"), "unknown kind"),
        (lambda r: _envelope(r, payloadType="text/plain"), "unknown kind"),
        (lambda r: _envelope(r, signatures=[{"sig": "AAAA"}]), "was not made with the key"),
        (lambda r: _envelope(r, signatures=[{"sig": "#"}]), "is no signature that can be read"),
        (lambda r: _envelope(r, signatures=[]), "is no signature that can be read"),
        (lambda r: _envelope(r, payload="e30="), "is no signature that can be read"),
        (lambda r: (r / SIGNATURES).write_text("[]"), "is no signature that can be read"),
        (lambda r: (r / SIGNATURES).write_bytes(b"\xff\n"), "is no signature that can be read"),
    ],
)
def test_whatever_was_changed_is_noticed(run, key, spoil, says):
    sign(run, key[0], **JANE)
    spoil(run)
    (found,) = signatures(run, {key[1]: "desk"})
    assert says in found.problem
    assert found.trusted_as is None


def test_a_run_that_nobody_signed_has_no_signature(run):
    assert signatures(run) == []


# --- keys -------------------------------------------------------------------------------------
def test_a_key_is_its_owners_alone_and_never_overwritten(key):
    file, _ = key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(AuditError, match="exists already"):
        new_key(file)


def test_an_encrypted_key_wants_its_passphrase(run, tmp_path):
    file = tmp_path / "key.pem"
    public = new_key(file, "horse")
    assert sign(run, file, **JANE, ask=lambda: "horse") == public
    with pytest.raises(AuditError, match="the passphrase does not open it"):
        sign(run, file, **JANE, ask=lambda: "donkey")
    with pytest.raises(AuditError, match="is encrypted"):
        sign(run, file, **JANE)


@pytest.mark.parametrize("content", ["", "not a key"])
def test_what_is_no_key_is_one_message(run, tmp_path, content):
    file = tmp_path / "bad.pem"
    file.write_text(content)
    with pytest.raises(AuditError, match="is no private key"):
        sign(run, file, **JANE)


def test_a_missing_key_or_manifest_is_one_message(run, key, tmp_path):
    with pytest.raises(AuditError, match="cannot be read: No such file"):
        sign(run, tmp_path / "gone.pem", **JANE)
    (run / NAME).unlink()
    with pytest.raises(AuditError, match="there is no manifest"):
        sign(run, key[0], **JANE)


def test_a_line_made_for_others_is_read_by_them(key, tmp_path):
    file = tmp_path / "trusted"
    file.write_text(f"# reviewers\n\n{key[1].line('risk desk, risk')}\n")
    assert trusted_keys(file) == {key[1]: "risk desk, risk"}


@pytest.mark.parametrize("content", ["", "# none", "ed25519 AAAA desk", "rsa x", "ed25519"])
def test_a_file_without_keys_trusts_nobody_silently(tmp_path, content):
    file = tmp_path / "trusted"
    file.write_text(content)
    with pytest.raises(AuditError, match="holds no key"):
        trusted_keys(file)


@pytest.mark.parametrize("text", ["", "#", "AAAA", None, 7])
def test_what_is_no_public_key_is_none(text):
    assert parse_public(text) is None
