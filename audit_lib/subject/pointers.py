"""JSON pointers (RFC 6901), and references: which file a pointer leads into."""

from collections.abc import Mapping
from typing import Any

#: what stands where nothing does; a file that is not there holds it too
MISSING = object()


def pointer_to(*keys: str) -> str:
    """The pointer that leads through those keys; '' for none, which is the whole document."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def keys_of(pointer: str) -> list[str]:
    """The keys that a pointer leads through."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def step(value: Any, key: str) -> Any:
    """What stands under one key of a mapping, or at one place of a list; else ``MISSING``."""
    if isinstance(value, Mapping):
        return value.get(key, MISSING)
    if isinstance(value, (list, tuple)) and key.isascii() and key.isdigit():
        # No leading zeros; and Python converts no number of thousands of digits.
        short = len(key) <= len(str(len(value))) and (key == "0" or key[0] != "0")
        return value[int(key)] if short and int(key) < len(value) else MISSING
    return MISSING


def split_reference(reference: str) -> tuple[str, str]:
    """File and pointer of a reference.

    >>> split_reference("/scaler/mad"), split_reference("scaler.json#/mad")
    (('', '/scaler/mad'), ('scaler.json', '/mad'))
    >>> split_reference("splits.json")
    ('splits.json', '')
    """
    if reference.startswith("/"):
        return "", reference
    file, _, pointer = reference.partition("#")
    return file, pointer
