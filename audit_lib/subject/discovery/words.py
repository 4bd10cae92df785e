"""The words of the field that speak for a hook, and those that speak against it."""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from audit_lib.files import read_words


@dataclass(frozen=True)
class Words:
    """Words that speak for a hook.

    Attributes:
        name: names of functions that say it by themselves, as a regular expression.
        vague: names that say nothing alone (``predict``, ``save``): one of ``around`` must too.
        typed: vaguer still (``update``): a parameter must tell besides.
        around: words in class, module or folder names that speak for it.
        takes: parameters, each as a regular expression, that together tell it whatever its name is,
            where it gives what it should or its name is one of ``vague``.
        parameters: words in parameter names that speak for it.
        never: words in the function's name that rule it out.
        against: words in class, module or folder names that speak against it.
        kept: words in parameter names of functions that look up what others made.
        gives: what the function returns, as annotated; ``yields`` for a generator.
        calls: what its body calls, as a regular expression over names.
        works: what its body calls that tells, with what it gives, as much as ``around``.
        caller: files or functions that call it; without such a caller ``vague`` says nothing.
    """

    name: str = ""
    vague: str = ""
    typed: str = ""
    around: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    gives: str = ""
    calls: str = ""
    works: str = ""
    caller: str = ""


def _words() -> dict[str, Words]:
    """The table of ``words.toml``, its expressions put together."""
    table = tomllib.loads(read_words(Path(__file__).with_name("words.toml")))
    fragments = {f"<{name}>": "|".join(parts) for name, parts in table.pop("fragments").items()}
    lists = {field.name for field in fields(Words) if field.default == ()}
    by_hook = {}
    for hook, given in table.items():
        words: dict[str, Any] = {
            key: tuple(parts) if key in lists else "|".join(parts) for key, parts in given.items()
        }
        for fragment, text in fragments.items():
            words |= {k: v.replace(fragment, text) for k, v in words.items() if isinstance(v, str)}
        by_hook[hook] = Words(**words)
    return by_hook


WORDS = _words()
