"""How much a text of YAML becomes once its aliases and merges are copied out."""

from collections.abc import Callable

import yaml

MOST_VALUES = 500_000
DEEPEST = 100
#: The parser written in C where PyYAML was built with it: ten times as fast, equally safe.
FAST_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def too_much(
    text: str,
    loader: type,
    *,
    values: int = MOST_VALUES,
    depth: int = DEEPEST,
    seen: Callable[[yaml.Event], None] | None = None,
) -> bool:
    """True for a text that holds more values, or nests deeper, than is constructed.

    A few hundred bytes of aliases of aliases, or of merges of merges, can be billions of values.

    Args:
        text: one or more documents.
        loader: which parser of the library to ask.
        values: aliases counted as often as they are copied.
        depth: of nesting.
        seen: is given every event up to the end, or to the limit.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    anchored: dict[str, int] = {}
    open_nodes: list[tuple[str | None, int]] = []  # anchor, values before it
    count = 0
    for event in yaml.parse(text, Loader=loader):
        if seen is not None:
            seen(event)
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.AliasEvent):
            count += anchored.get(anchor or "", 1)
        elif isinstance(event, yaml.CollectionEndEvent):
            opened, before = open_nodes.pop()
            if opened:
                anchored[opened] = count - before
        elif isinstance(event, yaml.NodeEvent):
            if isinstance(event, yaml.CollectionStartEvent):
                open_nodes.append((anchor, count))
            count += 1
        if count > values or len(open_nodes) > depth:
            return True
    return False
