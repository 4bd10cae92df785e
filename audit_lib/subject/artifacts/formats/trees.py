"""Trees of models that a parser in C++ takes on trust: places outside them end the process."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

_ROOT = (-1, 2147483647)  # how XGBoost spells "no parent"


def children_wrong(
    left: Sequence[int], right: Sequence[int], *, nodes: int, leaves: int | None = None
) -> str:
    """What is wrong with the children of a tree, or ``""``.

    Args:
        left: left child of each node.
        right: right child of each node.
        nodes: how many nodes there are.
        leaves: how many leaves there are where a negative child is one (``~leaf``); without it
            a node whose left child is -1 is a leaf.
    """
    seen = bytearray(nodes)
    waiting = [0] if nodes else []
    while waiting:
        node = waiting.pop()
        if seen[node]:
            return f"reaches node {node} twice, so it has a cycle"
        seen[node] = 1
        pair = (left[node], right[node])
        if leaves is None and pair[0] == -1:
            continue  # a leaf, whatever is said of its right child
        for child in pair:
            if not -(leaves or 0) <= child < nodes:
                return f"node {node} has the child {child}, of {nodes} nodes"
            if child >= 0:
                waiting.append(child)
    return ""


def _whole(values: Any) -> list[int] | None:
    """Whole numbers as a list; None where they are something else."""
    if isinstance(values, np.ndarray):
        return [int(v) for v in values.tolist()] if values.dtype.kind in "iu" else None
    numbers = isinstance(values, list) and all(isinstance(v, (bool, int)) for v in values)
    return [int(v) for v in values] if numbers else None


def xgboost_wrong(document: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the trees of an XGBoost model, one sentence a tree."""
    learner = part(document.get("Model", document), "learner")
    columns = _number(part(learner, "learner_model_param").get("num_feature"))
    booster = part(learner, "gradient_booster")
    booster = part(booster, "gbtree") or booster  # within a dart
    trees = part(booster, "model").get("trees")
    for number, tree in enumerate(trees if isinstance(trees, list) else []):
        wrong = _tree_wrong(tree, columns) if isinstance(tree, Mapping) else "no tree"
        if wrong:
            yield f"tree {number}: {wrong}"


def part(value: Any, key: str) -> Mapping[str, Any]:
    """The mapping under a key of a mapping; an empty one where there is none."""
    inner = value.get(key) if isinstance(value, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


def _number(value: Any) -> int | None:
    return int(value) if isinstance(value, str) and value.isdecimal() else None


def _tree_wrong(tree: Mapping[str, Any], columns: int | None) -> str:
    if "left_children" not in tree:
        return ""  # no nodes; the parser says so itself
    names = ("left_children", "right_children", "split_indices")
    left, right, splits = (_whole(tree.get(name)) for name in names)
    if left is None or right is None or splits is None:
        return "children or split indices that are no whole numbers"
    announced = _number(part(tree, "tree_param").get("num_nodes"))
    nodes = len(left)
    lengths = {len(tree[key]) for key in _PER_NODE if _sized(tree.get(key))}
    if lengths - {nodes} or announced not in (None, nodes):
        return f"lists of {sorted(lengths)} nodes where {announced} are announced"
    wrong = children_wrong(left, right, nodes=nodes)
    if wrong:
        return wrong
    for node, column in enumerate(splits):
        if left[node] >= 0 and (column < 0 or (columns is not None and column >= columns)):
            return f"node {node} splits on column {column}, of {columns}"
    vector = _number(part(tree, "tree_param").get("size_leaf_vector")) or 1
    held = len(tree["leaf_weights"]) // vector if _sized(tree.get("leaf_weights")) else None
    if held is not None and any(
        left[node] == -1 and not 0 <= right[node] < held for node in range(nodes)
    ):
        return f"a leaf whose values lie outside the {held} that it holds"
    parents = _whole(tree.get("parents", []))
    if parents is None or any(p not in _ROOT and not 0 <= p < nodes for p in parents):
        return "a parent outside the tree"
    return _categories_wrong(tree, nodes)


_PER_NODE = ("left_children", "right_children", "split_indices", "parents", "split_conditions")


def _sized(value: Any) -> bool:
    return isinstance(value, (list, np.ndarray))


def _categories_wrong(tree: Mapping[str, Any], nodes: int) -> str:
    keys = ("categories_nodes", "categories_segments", "categories_sizes", "categories")
    lists = [_whole(tree.get(key, [])) for key in keys]
    if None in lists:
        return "categories that are no whole numbers"
    of_nodes, segments, sizes, held = (numbers or [] for numbers in lists)
    if not len(of_nodes) == len(segments) == len(sizes):
        return "categories of another number of nodes than it announces"
    for node, begin, size in zip(of_nodes, segments, sizes, strict=True):
        if not 0 <= node < nodes or begin < 0 or size < 0 or begin + size > len(held):
            return f"categories of node {node} reach outside their list"
    return ""
