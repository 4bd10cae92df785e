"""Recognise how a subject hashes its feature schema, by trying the forms people use.

A hash is only worth what it is computed from.  Each form is a serialisation of the ordered column
names and a hash function; stored hashes may be cut short.
"""

import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

MINIMUM = 6
"""fewest characters of a stored hash that identify a form"""

_Serialise = Callable[[Any], str]
_TYPES = ("float64", "float32", "float", "double", "f8", "f4", "<f8", "<f4")
_EACH: dict[str, Callable[[str, str], Any]] = {
    "pairs": lambda name, kind: [name, kind],
    "tuples": lambda name, kind: (name, kind),
    "records": lambda name, kind: {"name": name, "dtype": kind},
    **{f"name{sign}type": f"{{}}{sign}{{}}".format for sign in (":", "=", ",", "|", " ", ": ")},
}
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
_SIZED: dict[str, Callable[[int, bytes], str]] = {
    "blake2b": lambda size, b: hashlib.blake2b(b, digest_size=size).hexdigest(),
    "blake2s": lambda size, b: hashlib.blake2s(b, digest_size=size).hexdigest(),
}
_HASHES: dict[str, Callable[[bytes], str]] = {
    "sha256": lambda b: hashlib.sha256(b).hexdigest(),
    "sha1": lambda b: hashlib.sha1(b, usedforsecurity=False).hexdigest(),
    "md5": lambda b: hashlib.md5(b, usedforsecurity=False).hexdigest(),
    "sha224": lambda b: hashlib.sha224(b).hexdigest(),
    "sha384": lambda b: hashlib.sha384(b).hexdigest(),
    "sha512": lambda b: hashlib.sha512(b).hexdigest(),
    "blake2b": lambda b: hashlib.blake2b(b).hexdigest(),
    "sha3_256": lambda b: hashlib.sha3_256(b).hexdigest(),
    "crc32": lambda b: f"{zlib.crc32(b):08x}",
}


def forms(columns: Sequence[str], length: int) -> Iterator[tuple[str, str]]:
    """Every form of hash there is for these columns: its name, and the full digest.

    Args:
        length: characters of the stored hash; digests of a size of their own are as long.
    """
    sized = {f"{name}-{length // 2}": partial(made, length // 2) for name, made in _SIZED.items()}
    hashes = _HASHES | (sized if 4 <= length // 2 <= 32 else {})
    for text_name, text in _texts(list(columns)):
        data = text.encode()
        for hash_name, function in hashes.items():
            yield f"{hash_name} of {text_name}", function(data)


def _texts(columns: list[str]) -> Iterator[tuple[str, str]]:
    """The columns as text: alone, and each with its type."""
    yield from ((name, serialise(columns)) for name, serialise in _TEXTS.items())
    for kind in _TYPES:
        made = {told: [each(name, kind) for name in columns] for told, each in _EACH.items()}
        for told, items in {**made, "a mapping": dict.fromkeys(columns, kind)}.items():
            for name, serialise in _TEXTS.items():
                if "JSON" in name or "repr" in name or told.startswith("name"):
                    yield f"{told} ({kind}), {name}", serialise(items)


def recognise(stored: str, columns: Sequence[str]) -> str | None:
    """Name of the form in which ``stored`` is the hash of ``columns``, or None."""
    wanted = stored.strip().lower().rpartition(":")[2]
    if len(wanted) < MINIMUM:
        return None
    return next(
        (name for name, digest in forms(columns, len(wanted)) if digest.startswith(wanted)), None
    )
