"""Who vouches for a packet: signatures over the digest of its manifest.

A signature is a DSSE envelope around an in-toto statement that names the manifest by its SHA-256
and says who decided what, when.  Each reviewer adds one, as a line of a file beside the manifest.
Sources: DSSE protocol 1.0.2; in-toto attestation framework, statement v1 and bundle.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from audit_lib.errors import RunError, refused
from audit_lib.files import digest_of, read_whole, write_whole
from audit_lib.model import Verdict
from audit_lib.packets.keys import PublicKey, parse_public, private_key, public_of
from audit_lib.packets.manifest import NAME, SIGNATURES, read_manifest
from audit_lib.reporters.text import one_line

DECISIONS = ("release", "conditions", "reject")
PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "sign-off/1"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Signature(_Part):
    keyid: str = ""
    sig: str


class _Envelope(_Part):
    payloadType: str  # noqa: N815 - the names are DSSE's and in-toto's
    payload: str
    signatures: tuple[_Signature, ...] = Field(min_length=1, max_length=1)


class _Subject(_Part):
    name: str
    digest: dict[str, str]


class _SignOff(_Part):
    name: str
    public_key: str
    decision: str
    remarks: str = ""
    override: str = ""
    at: str
    run: str = ""


class _Statement(_Part):
    subject: tuple[_Subject, ...] = Field(min_length=1, max_length=1)
    predicateType: str  # noqa: N815
    predicate: _SignOff


@dataclass(frozen=True)
class Signed:
    """One signature, as it was found.

    Attributes:
        name: who signed, in his own words.
        key: the key it was made with; None where the signature cannot be read.
        decision: ``release``, ``conditions`` or ``reject``.
        override: why a broken packet is released all the same; '' elsewhere.
        at: ISO 8601, UTC; the signer's own clock.
        problem: why it does not hold; '' where it does.
        trusted_as: the name under which the key is trusted; None where it is not, or nobody said.
    """

    name: str = ""
    key: PublicKey | None = None
    decision: str = ""
    remarks: str = ""
    override: str = ""
    at: str = ""
    problem: str = ""
    trusted_as: str | None = None

    @property
    def holds(self) -> bool:
        """True where its own key made it over this manifest."""
        return not self.problem


def sign(
    run_dir: Path,
    key_file: Path,
    *,
    name: str,
    decision: str,
    remarks: str = "",
    override: str = "",
    ask: Callable[[], str] | None = None,
) -> PublicKey:
    """Add a signature to a run, beside its manifest; others' signatures stay.

    Args:
        key_file: an Ed25519 private key.
        decision: one of ``DECISIONS``.
        remarks: conditions, or what else a reader should know.
        override: why a broken packet is released all the same.
        ask: called for the passphrase of an encrypted key.

    Raises:
        AuditError: there is no manifest, the key cannot be used, or nothing can be written.
    """
    why = refusal(run_dir, decision, override)
    if why:
        mend = "decide `conditions` or `reject`, or mend what the packet says"
        raise RunError(why, where=run_dir.name, mend=mend)
    key = private_key(key_file, ask)
    public = public_of(key)
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": NAME, "digest": {"sha256": _manifest_digest(run_dir)}}],
        "predicateType": PREDICATE,
        "predicate": {
            "name": one_line(name),
            "public_key": public.text,
            "decision": decision,
            "remarks": remarks,
            **({"override": one_line(override)} if override else {}),
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "run": read_manifest(run_dir).run_id,
        },
    }
    payload = json.dumps(statement, ensure_ascii=False).encode("utf-8", "replace")
    envelope = {
        "payloadType": PAYLOAD,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [
            {"keyid": public.id, "sig": base64.b64encode(key.sign(_encoded(payload))).decode()}
        ],
    }
    file = run_dir / SIGNATURES
    before = read_whole(file) if file.is_file() else b""
    if before and not before.endswith(b"\n"):
        before += b"\n"
    where, mend = f"{run_dir.name}/{SIGNATURES}", "sign a copy of the packet in a folder of yours"
    with refused(RunError, "cannot be written", where=where, mend=mend):
        write_whole(file, before + json.dumps(envelope).encode() + b"\n")
    return public


def refusal(run_dir: Path, decision: str, override: str = "") -> str:
    """Why a run cannot carry a decision; '' where it can.

    A partial run releases nothing, and a broken one only for a reason that is given.
    """
    if decision != "release":
        return ""
    manifest = read_manifest(run_dir)
    if manifest.not_run:
        missing = ", ".join(manifest.not_run)
        return f"the run is PARTIAL ({missing} not run), and a partial run releases nothing"
    if manifest.verdict is Verdict.BROKEN and not override.strip():
        return "the packet is BROKEN, and releasing it asks for `--override REASON`"
    return ""


def signatures(run_dir: Path, trusted: Mapping[PublicKey, str] | None = None) -> list[Signed]:
    """Every signature of a run, in the order they were added; those that do not hold say why.

    Args:
        trusted: keys that are trusted, and the name of each.
    """
    try:
        lines = read_whole(run_dir / SIGNATURES).splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        return [Signed(problem=f"cannot be read: {error.strerror}")]
    digest = _manifest_digest(run_dir)
    signed = [_checked(line, digest, trusted or {}) for line in lines if line.strip()]
    # Whatever signed it: a release of a run that left tasks out vouches for what nobody saw.
    judged = [(s, refusal(run_dir, s.decision, s.override) if s.holds else "") for s in signed]
    return [replace(s, problem=why, trusted_as=None) if why else s for s, why in judged]


def last_decisions(signed: Sequence[Signed]) -> list[Signed]:
    """The last signature of each key that holds: what its owner decided in the end."""
    last = {s.key.id: s for s in signed if s.holds and s.key is not None}
    return list(last.values())


def _checked(line: bytes, digest: str, trusted: Mapping[PublicKey, str]) -> Signed:
    try:
        envelope = _Envelope.model_validate_json(line)
        payload = base64.b64decode(envelope.payload, validate=True)
        signature = base64.b64decode(envelope.signatures[0].sig, validate=True)
        statement = _Statement.model_validate_json(payload)
    except (ValidationError, ValueError):
        return Signed(problem="is no signature that can be read")
    sign_off = statement.predicate
    key = parse_public(sign_off.public_key)
    fields: dict[str, Any] = {
        "name": one_line(sign_off.name, 200),
        "key": key,
        "decision": one_line(sign_off.decision, 40),
        "remarks": one_line(sign_off.remarks),
        "override": one_line(sign_off.override),
        "at": one_line(sign_off.at, 40),
    }
    if (envelope.payloadType, statement.predicateType) != (PAYLOAD, PREDICATE) or key is None:
        return Signed(**fields, problem="is of an unknown kind")
    if not key.fits(signature, _encoded(payload)):
        return Signed(**fields, problem="was not made with the key it names, or was changed since")
    signed = statement.subject[0]
    if signed.name != NAME or signed.digest.get("sha256") != digest:
        return Signed(
            **fields, problem=f"is for another {NAME}: this one was changed since, or swapped"
        )
    return Signed(**fields, trusted_as=trusted.get(key))


def _encoded(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    kind = PAYLOAD.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _manifest_digest(run_dir: Path) -> str:
    where = f"{run_dir.name}/{NAME}"
    with refused(RunError, "cannot be read", where=where, mend="name a complete run"):
        return digest_of(run_dir / NAME)
