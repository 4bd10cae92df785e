"""A detached signature over a run's manifest (Ed25519, RFC 8032).

The manifest proves a packet whole; the signature says who vouches for the manifest.  It needs the
``cryptography`` package (extra ``sign``); packets are made and verified without it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit_lib.errors import AuditError
from audit_lib.files import write_whole
from audit_lib.packets.manifest import NAME, SIGNATURE, Problem

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORMAT = "manifest-signature/1"


def new_key(file: Path) -> str:
    """Write a new private key, readable by its owner only.

    Returns:
        the public key to hand to reviewers, as base64 text.

    Raises:
        AuditError: the file exists already.
    """
    serialization = _library("serialization")
    key = _library("asymmetric.ed25519").Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise AuditError(
            "the file exists already", where=str(file), mend="choose another name for the key"
        ) from None
    with os.fdopen(handle, "wb") as out:
        out.write(text)
    return _public(key)


def sign(run_dir: Path, key_file: Path) -> str:
    """Sign the manifest of a run, beside it.

    Returns:
        the public key, as base64 text.

    Raises:
        AuditError: there is no manifest, or the key cannot be read as an Ed25519 private key.
    """
    key = _private(key_file)
    try:
        manifest = (run_dir / NAME).read_bytes()
    except OSError as error:
        raise AuditError(
            f"cannot be read: {error.strerror}", where=f"{run_dir.name}/{NAME}",
            mend="sign a complete run",
        ) from None  # fmt: skip
    record = {
        "format": FORMAT,
        "algorithm": "ed25519",
        "public_key": _public(key),
        "signature": base64.b64encode(key.sign(manifest)).decode(),
    }
    write_whole(run_dir / SIGNATURE, json.dumps(record, indent=1).encode() + b"\n")
    return record["public_key"]


def verify_signature(run_dir: Path, trusted: str = "") -> list[Problem]:
    """What keeps the manifest's signature from holding; empty where it does.

    Args:
        run_dir: the run's folder.
        trusted: public key that must have signed, as base64 text; without one, any signature that
            fits its own key holds, which says nothing about who made it.
    """
    try:
        record = json.loads((run_dir / SIGNATURE).read_bytes())
        signed_by = base64.b64decode(record["public_key"], validate=True)
        signature = base64.b64decode(record["signature"], validate=True)
        if record["format"] != FORMAT or record["algorithm"] != "ed25519":
            return [Problem(SIGNATURE, "is of an unknown format")]
    except FileNotFoundError:
        return [Problem(SIGNATURE, "is missing: the manifest is not signed")]
    except (OSError, ValueError, KeyError, TypeError, binascii.Error):
        return [Problem(SIGNATURE, "is no signature")]
    if trusted and record["public_key"] != trusted.strip():
        return [Problem(SIGNATURE, f"was made with another key: {record['public_key']}")]
    ed25519 = _library("asymmetric.ed25519")
    try:
        manifest = (run_dir / NAME).read_bytes()
        ed25519.Ed25519PublicKey.from_public_bytes(signed_by).verify(signature, manifest)
    except OSError:
        return [Problem(NAME, "cannot be read")]
    except (_invalid(), ValueError):
        return [Problem(SIGNATURE, "does not fit the manifest: one of the two was changed")]
    return []


def _private(file: Path) -> Ed25519PrivateKey:
    ed25519, serialization = _library("asymmetric.ed25519"), _library("serialization")
    mend = "give the file that new_key wrote"
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise AuditError(f"cannot be read: {error.strerror}", where=str(file), mend=mend) from None
    except (ValueError, TypeError):
        raise AuditError("is no unencrypted private key", where=str(file), mend=mend) from None
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise AuditError("is no Ed25519 key", where=str(file), mend=mend)
    found: Ed25519PrivateKey = key
    return found


def _public(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def _library(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(f"cryptography.hazmat.primitives.{name}")
    except ImportError:
        raise AuditError(
            "signatures need the cryptography package",
            where="signing",
            mend="pip install 'model-audit-workbook[sign]'",
        ) from None


def _invalid() -> type[Exception]:
    from cryptography.exceptions import InvalidSignature

    return InvalidSignature
