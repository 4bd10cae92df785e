"""Boosted trees read from LightGBM's text format and evaluated with NumPy.

Training uses LightGBM; serving needs nothing but this file.  It keeps the predictor free of the
library's start-up time and threads, and a model file that is not what it should be ends in
:class:`~.errors.ArtifactRefused`, not in a crash of the process.  Only what the engine trains is
accepted: numerical splits, no categorical ones, no linear leaves.

Source: the format is the one ``lightgbm.Booster.model_to_string`` writes (version v4).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .errors import ArtifactRefused
from .panel import Floats

Integers = npt.NDArray[np.int64]

BLOCK = 1024  # rows evaluated together: small enough for the processor's cache


@dataclass(frozen=True)
class Forest:
    """Trees of one model as arrays, padded to the largest tree.

    Attributes:
        names: feature names, in the order the trees index them.
        feature: column read at each inner node, shape (trees, nodes).
        threshold: value at or below which a row goes left, same shape.
        children: left and right child, shape (2, trees, nodes); ~leaf for a leaf.
        values: leaf values, shape (trees, leaves).
    """

    names: tuple[str, ...]
    feature: Integers
    threshold: Floats
    children: Integers
    values: Floats

    @classmethod
    @lru_cache(maxsize=16)  # what is loaded is parsed to be checked, and again to serve
    def parse(cls, text: str) -> Forest:
        """Read a model in LightGBM's text format.

        Raises:
            ArtifactRefused: not such a model, or one with splits this reader does not know.
        """
        try:
            header, *blocks = text.split("\nTree=")
            names = tuple(_section(header)["feature_names"].split())
            trees = [_section(block.split("\nend of trees")[0]) for block in blocks]
            if any(tree["num_cat"] != "0" or tree.get("is_linear", "0") != "0" for tree in trees):
                raise ArtifactRefused("tree model: categorical splits and linear leaves unknown")
            forest = cls(
                names,
                _stack(trees, "split_feature", 0).astype(np.int64),
                _stack(trees, "threshold", 0.0),
                np.stack([_stack(trees, f"{side}_child", -1) for side in ("left", "right")]).astype(
                    np.int64
                ),
                _stack(trees, "leaf_value", 0.0),
            )
        except (KeyError, ValueError) as error:
            if isinstance(error, ArtifactRefused):
                raise
            raise ArtifactRefused(f"tree model: not LightGBM's text format ({error})") from None
        forest._check()
        return forest

    def _check(self) -> None:
        nodes, leaves = self.feature.shape[1], self.values.shape[1]
        sound = (
            len(self.values) > 0
            and self.feature.shape == self.threshold.shape == self.children.shape[1:]
            and self.feature.min(initial=0) >= 0
            and self.feature.max(initial=0) < len(self.names)
            and self.children.max(initial=-1) < nodes
            and (~self.children).max(initial=0) < leaves
        )
        if not sound:
            raise ArtifactRefused(
                "tree model: arrays do not fit, or an index points outside its tree"
            )

    def raw(self, rows: Floats) -> Floats:
        """Sum of the trees' leaf values for rows of shape (n, d) without NaN; shape (n,).

        Raises:
            ArtifactRefused: the rows do not have the trees' columns, or a path does not end.
        """
        if rows.shape[1] != len(self.names):
            raise ArtifactRefused(f"tree model: wants {len(self.names)} columns")
        parts = [self._descend(rows[i : i + BLOCK]) for i in range(0, len(rows), BLOCK)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def _descend(self, rows: Floats) -> Floats:
        """All trees for a block of rows at once; nodes are addressed in the flattened arrays."""
        trees, nodes = self.feature.shape
        first_node, first_leaf = np.arange(trees) * nodes, np.arange(trees) * self.values.shape[1]
        first_value = np.arange(len(rows))[:, None] * len(self.names)
        children = self.children.transpose(1, 2, 0).ravel()
        node = np.full((len(rows), trees), 0 if nodes else ~0)
        for _ in range(nodes):
            at = first_node + np.maximum(node, 0)
            value = np.ravel(rows).take(first_value + self.feature.ravel().take(at))
            right = value > self.threshold.ravel().take(at)
            node = np.where(node < 0, node, children.take(2 * at + right))
        if (node >= 0).any():
            raise ArtifactRefused("tree model: a path does not end")
        total: Floats = self.values.ravel().take(first_leaf + ~node).sum(axis=1)
        return total


def _section(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _stack(trees: list[dict[str, str]], key: str, fill: float) -> Floats:
    rows = [np.array(tree.get(key, "").split(), dtype="float64") for tree in trees]
    width = max((len(row) for row in rows), default=0)
    stacked = np.full((len(rows), width), fill, dtype="float64")
    for row, values in zip(stacked, rows, strict=True):
        row[: len(values)] = values
    return stacked
