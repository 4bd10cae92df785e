"""Keys: what a subject keeps apart beside versions, such as horizons, instruments and regimes."""

import itertools
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from audit_lib.errors import NotAssessed
from audit_lib.subject.parameters import KeyedBy
from audit_lib.subject.pointers import pointer_to

Value = str | int | float
Key = Mapping[str, Value]


def combinations(keys: Mapping[str, KeyedBy]) -> list[dict[str, Value]]:
    """Every key there is: one value of each; a single empty one where nothing is declared."""
    values = itertools.product(*(by.values for by in keys.values()))
    return [dict(zip(keys, chosen, strict=True)) for chosen in values]


def text_of(key: Key) -> str:
    """A key as people read it: ``horizon=20, instrument=SPY``."""
    return ", ".join(f"{name}={value}" for name, value in key.items())


def own_key(
    keys: Mapping[str, KeyedBy], places: Iterable[Callable[[str], Any]]
) -> dict[str, Value]:
    """What a version says it is for, as far as it says so.

    Args:
        places: where it may say it, as functions of a JSON pointer; the first that answers counts.

    Returns:
        Values as they are declared, so that a stored ``"20"`` is the declared 20.
    """
    own: dict[str, Value] = {}
    for name, by in keys.items():
        declared = {str(value): value for value in by.values}
        for place in places:
            with suppress(NotAssessed):  # there is no registry, or no metadata
                stored = place(by.stored)
                if stored is not None:
                    own[name] = declared.get(str(stored), str(stored))
                    break
    return own


def driven(by: KeyedBy, hook: str) -> bool:
    """Whether a hook is driven for each value, by its own name or its surface's."""
    return hook in by.surfaces or hook.partition(".")[0] in by.surfaces


def given(
    keys: Mapping[str, KeyedBy], hook: str, asked: Key, own: Key, *, in_turn: bool = False
) -> dict[str, Value]:
    """The key with which a hook is driven.

    A surface, or hook, that is driven for each value gets the one that is asked for; the others,
    and a registry whose versions each serve one, get the version's own.

    Args:
        in_turn: leave out what is the version's own.
    """
    key: dict[str, Value] = {}
    for name, by in keys.items():
        surface = hook.partition(".")[0]
        for_each = driven(by, hook) and not (surface == "registry" and name in own)
        if for_each and name in asked:
            key[name] = asked[name]
        elif name in own and not in_turn:
            key[name] = own[name]
    return key


def filled(pointer: str, key: Key) -> str:
    """A JSON pointer with values in the places of their names: ``/latest/{horizon}``."""
    for name, value in key.items():
        pointer = pointer.replace(f"{{{name}}}", pointer_to(str(value))[1:])
    return pointer
