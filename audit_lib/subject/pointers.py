"""JSON pointers (RFC 6901): where a value stands in a document."""

from __future__ import annotations


def pointer_to(*keys: str) -> str:
    """The pointer that leads through those keys; '' for none, which is the whole document."""
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


def keys_of(pointer: str) -> list[str]:
    """The keys that a pointer leads through."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
