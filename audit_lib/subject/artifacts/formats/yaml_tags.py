"""Tags of YAML that an unsafe loader would construct, found wherever they stand in a text.

The scanner of the library resolves them (directives, verbatim tags, escapes), so spellings do not
matter. Two scanners are asked, the one in C and the one in Python, since they take different
texts and nobody knows which one will load the file.
"""

import yaml

from audit_lib.subject.artifacts.artifact import Safety
from audit_lib.subject.artifacts.draft import Draft
from audit_lib.subject.yaml_size import FAST_LOADER

CORE = "tag:yaml.org,2002:"
_PYTHON = CORE + "python/"
#: Tags of ``python/`` that make plain values, whatever they are given.
_PLAIN = frozenset([
    "none", "bool", "str", "unicode", "bytes", "int", "long", "float", "complex", "list", "tuple",
    "dict",
])  # fmt: skip
_MOST_EVENTS = 4_000_000
_MOST_OF_PYTHON = 1 << 20  # characters; its scanner takes seconds for as much
_MARKS = ("!!", "!<", "%TAG", "%YAML")


def judge_text(text: str, draft: Draft) -> None:
    """Refuse a text that an unsafe loader of YAML would execute, whatever else it is."""
    if "!" not in text:
        return  # no tag without it
    whole = _scan(text, FAST_LOADER, draft)
    if len(text) <= _MOST_OF_PYTHON:
        _scan(text, yaml.SafeLoader, draft)
    elif not whole and any(mark in text for mark in _MARKS):
        draft.refuse("too large to tell whether a loader of YAML would execute it")


def _scan(text: str, loader: type, draft: Draft) -> bool:
    """Judge the tags of as many nodes as there are; False where the text ends to be YAML."""
    try:
        for number, event in enumerate(yaml.parse(text, Loader=loader)):
            judge_tag(event, draft, only_python=True)
            if number > _MOST_EVENTS:
                draft.refuse("more YAML than the budget, so its tags cannot be judged")
                return False
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
    return True


def judge_tag(event: yaml.Event, draft: Draft, *, only_python: bool = False) -> None:
    """Refuse a node whose tag makes an unsafe loader call or build something.

    Args:
        event: of the node.
        draft: where the reason goes.
        only_python: leave tags alone that nobody but the application gives a meaning.
    """
    tag = getattr(event, "tag", None)
    if not tag or (tag.startswith(CORE) and not tag.startswith(_PYTHON)):
        return
    named = tag.removeprefix(_PYTHON) if tag.startswith(_PYTHON) else ""
    if only_python and not named:
        return
    harmful = bool(named) and named not in _PLAIN
    draft.refuse(
        f"YAML tag {tag!r} makes an unsafe loader construct it",
        offset=event.start_mark.index if event.start_mark else 0,
        global_name=named.partition(":")[2] if harmful else "",
        safety=Safety.UNSAFE if harmful else Safety.UNKNOWN,
    )
