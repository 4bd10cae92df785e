"""Results without this machine's folders in them.

Code of the subject says in its errors where it looked; a packet travels, and where somebody keeps
his checkout is nobody else's business, nor the same on two machines.
"""

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from audit_lib.scratch import PREFIX

T = TypeVar("T")
#: folders that hooks are given to work in, one a run, and the copies of the store in them
SCRATCH = f"{PREFIX}host-"
_SCRATCH = re.compile(rf"(?<![\w.-])/(?:[^\s'\"]*/)?{SCRATCH}\w+(/copy-\w+)?")


def words_for(places: dict[str, Path | None]) -> list[tuple[str, str]]:
    """What to put in place of folders, inner folders first.

    Args:
        places: word to folder, such as ``source``; a folder may be named in two ways, as it is
            and with its links followed.
    """
    named = {
        str(form): f"<{word}>"
        for word, folder in places.items()
        if folder is not None
        for form in (folder.resolve(), folder.absolute())
        if len(form.parts) > 1  # the root of the file system is in every path
    }
    return sorted(named.items(), key=lambda pair: -len(pair[0]))


def nameless(value: T, words: Iterable[tuple[str, str]]) -> T:
    """A result with folders replaced by words, in every text it holds."""
    listed = list(words)
    return _without(value, listed) if listed else value


def _without(value: Any, words: list[tuple[str, str]]) -> Any:
    if type(value) is str:
        if SCRATCH in value:
            value = _SCRATCH.sub("<scratch>", value)
        for folder, word in words:
            if folder in value:
                value = re.sub(rf"(?<![\w.-]){re.escape(folder)}(?![\w-])", word, value)
        return value
    if isinstance(value, tuple):
        replaced = tuple(_without(v, words) for v in value)
        return value if all(a is b for a, b in zip(replaced, value, strict=True)) else replaced
    if isinstance(value, dict):
        renamed = {_without(k, words): _without(v, words) for k, v in value.items()}
        return renamed if renamed != value else value
    if is_dataclass(value) and not isinstance(value, type):
        changed = {
            f.name: replaced
            for f in fields(value)
            if (replaced := _without(old := getattr(value, f.name), words)) is not old
        }
        return replace(value, **changed) if changed else value
    return value
