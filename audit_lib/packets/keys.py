"""Keys that sign packets: Ed25519 (RFC 8032), private ones as PEM, trusted ones as lines of text.

The ``cryptography`` package (extra ``sign``) is needed to make, use and check signatures; packets
are made, and their files verified, without it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit_lib.errors import AuditError, refused
from audit_lib.files import read_whole, read_words
from audit_lib.reporters.text import one_line

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM = "ed25519"
_BYTES = 32


@dataclass(frozen=True)
class PublicKey:
    """A key that signatures are checked with.

    Attributes:
        text: its 32 bytes, as base64.
    """

    text: str

    @property
    def id(self) -> str:
        """SHA-256 of the key's bytes, as hexadecimal digits."""
        return hashlib.sha256(base64.b64decode(self.text)).hexdigest()

    def line(self, name: str) -> str:
        """The key as a line of a file of trusted keys."""
        return f"{ALGORITHM} {self.text} {one_line(name)}".rstrip()

    def fits(self, signature: bytes, message: bytes) -> bool:
        """True where this key made that signature of that message."""
        from cryptography.exceptions import InvalidSignature

        public = library("asymmetric.ed25519").Ed25519PublicKey
        try:
            public.from_public_bytes(base64.b64decode(self.text)).verify(signature, message)
        except (InvalidSignature, ValueError):
            return False
        return True


def parse_public(text: object) -> PublicKey | None:
    """A public key from its base64 text; None for what is none."""
    try:
        raw = base64.b64decode(str(text), validate=True)
    except (ValueError, binascii.Error):
        return None
    return PublicKey(str(text)) if len(raw) == _BYTES else None


def new_key(file: Path, passphrase: str = "") -> PublicKey:
    """Write a new private key, readable by its owner only.

    Args:
        file: where to; nothing is overwritten.
        passphrase: what the file is encrypted with; '' leaves it in clear.

    Raises:
        AuditError: the file exists already, or cannot be written.
    """
    serialization = library("serialization")
    key = library("asymmetric.ed25519").Ed25519PrivateKey.generate()
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode())
        if passphrase
        else serialization.NoEncryption(),
    )
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise AuditError(
            "the file exists already", where=str(file), mend="choose another name for the key"
        ) from None
    except OSError as error:
        raise AuditError(
            f"cannot be written: {error.strerror}", where=str(file), mend="choose another place"
        ) from None
    with os.fdopen(handle, "wb") as out:
        out.write(text)
    return public_of(key)


def private_key(file: Path, ask: Callable[[], str] | None = None) -> Ed25519PrivateKey:
    """The private key in a PEM file.

    Args:
        ask: called for the passphrase of an encrypted file; None refuses such files.

    Raises:
        AuditError: it cannot be read as an Ed25519 private key.
    """
    mend = "give the file that `workbook sign --new-key` wrote"
    with refused(AuditError, "cannot be read", where=file, mend=mend):
        content = read_whole(file)
    key = _loaded(content, file, mend, ask)
    if not isinstance(key, library("asymmetric.ed25519").Ed25519PrivateKey):
        raise AuditError("is no Ed25519 key", where=str(file), mend=mend)
    private: Ed25519PrivateKey = key
    return private


def _loaded(content: bytes, file: Path, mend: str, ask: Callable[[], str] | None) -> Any:
    load = library("serialization").load_pem_private_key
    try:
        return load(content, password=None)
    except ValueError:
        raise AuditError("is no private key", where=str(file), mend=mend) from None
    except TypeError:  # it is encrypted
        if ask is None:
            raise AuditError("is encrypted", where=str(file), mend="give its passphrase") from None
    try:
        return load(content, password=ask().encode())
    except (ValueError, TypeError):
        raise AuditError(
            "the passphrase does not open it", where=str(file), mend="try again"
        ) from None


def public_of(key: Ed25519PrivateKey) -> PublicKey:
    """The public half of a private key."""
    return PublicKey(base64.b64encode(key.public_key().public_bytes_raw()).decode())


def trusted_keys(file: Path) -> dict[PublicKey, str]:
    """Keys that a file trusts, with the name it knows each one by.

    One key a line: ``ed25519``, the key as base64, the name.  Empty lines and those that start
    with ``#`` are comments.

    Raises:
        AuditError: the file cannot be read, a line holds no key, or there is none at all.
    """
    mend = "name a file with one trusted key a line"
    try:
        with refused(AuditError, "cannot be read", where=file, mend=mend):
            lines = read_words(file).splitlines()
    except UnicodeDecodeError:
        raise AuditError("is no text", where=str(file), mend=_FORM) from None
    keys: dict[PublicKey, str] = {}
    for number, line in enumerate(lines, start=1):
        words = line.split(maxsplit=2)
        if not words or words[0].startswith("#"):
            continue
        key = parse_public(words[1]) if len(words) > 1 and words[0] == ALGORITHM else None
        if key is None:
            raise AuditError("holds no key", where=f"{file}:{number}", mend=_FORM)
        keys[key] = one_line(words[2]) if len(words) > 2 else ""
    if not keys:
        raise AuditError("holds no key", where=str(file), mend=_FORM)
    return keys


_FORM = "write one key a line: `ed25519 KEY NAME`, as `workbook sign` prints it"


def library(name: str) -> Any:
    """A module of the cryptography package.

    Raises:
        AuditError: it is not installed.
    """
    from importlib import import_module

    try:
        return import_module(f"cryptography.hazmat.primitives.{name}")
    except ImportError:
        raise AuditError(
            "signatures need the cryptography package",
            where="signing",
            mend="pip install 'model-audit-workbook[sign]'",
        ) from None
