"""Recognise how a subject hashes its feature schema, by trying the forms people use.

A hash is only worth what it is computed from.  Each form is a serialisation of the ordered column
names and a hash function; stored hashes may be cut short.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence

MINIMUM = 6
"""fewest characters of a stored hash that identify a form"""

_Serialise = Callable[[list[str]], str]
_TEXTS: dict[str, _Serialise] = {
    "JSON": json.dumps,
    "compact JSON": lambda c: json.dumps(c, separators=(",", ":")),
    "unicode JSON": lambda c: json.dumps(c, ensure_ascii=False),
    "compact unicode JSON": lambda c: json.dumps(c, separators=(",", ":"), ensure_ascii=False),
    "list repr": repr,
    "tuple repr": lambda c: repr(tuple(c)),
    "newlines": "\n".join,
    "newlines, ended": lambda c: "".join(f"{name}\n" for name in c),
    "commas": ",".join,
    "comma and blank": ", ".join,
    "bars": "|".join,
    "semicolons": ";".join,
    "blanks": " ".join,
    "NUL": "\0".join,
    "nothing between": "".join,
}
_HASHES: dict[str, Callable[[bytes], str]] = {
    "sha256": lambda b: hashlib.sha256(b).hexdigest(),
    "sha1": lambda b: hashlib.sha1(b, usedforsecurity=False).hexdigest(),
    "md5": lambda b: hashlib.md5(b, usedforsecurity=False).hexdigest(),
    "sha512": lambda b: hashlib.sha512(b).hexdigest(),
    "blake2b": lambda b: hashlib.blake2b(b).hexdigest(),
    "blake2b-16": lambda b: hashlib.blake2b(b, digest_size=16).hexdigest(),
    "crc32": lambda b: f"{zlib.crc32(b):08x}",
}


def forms(columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Every form of hash there is for these columns: its name, and the full digest."""
    for text_name, serialise in _TEXTS.items():
        data = serialise(list(columns)).encode()
        for hash_name, function in _HASHES.items():
            yield f"{hash_name} of {text_name}", function(data)


def recognise(stored: str, columns: Sequence[str]) -> str | None:
    """Name of the form in which ``stored`` is the hash of ``columns``, or None."""
    wanted = stored.strip().lower().rpartition(":")[2]
    if len(wanted) < MINIMUM:
        return None
    return next((name for name, digest in forms(columns) if digest.startswith(wanted)), None)
