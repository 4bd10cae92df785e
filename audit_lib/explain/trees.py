"""Boosted trees that stand in the store as LightGBM text, rebuilt as plain arrays.

Nothing of the subject is loaded: the text is read and every index in it checked, since the code
of shap that walks trees is compiled and trusts what it gets.  A model belongs to a head where that
head is a rising function of the model's sum on the very rows that are explained; else the head is
explained through its hook.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from audit_lib.arrays import Floats, Integers
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.explain.walks import Contributions
from audit_lib.files import read_words
from audit_lib.model import Location
from audit_lib.subject.artifacts import Format
from audit_lib.subject.checkpoint_fields import scaling
from audit_lib.subject.subject import Subject

#: of a median absolute deviation, to stand for a standard deviation
NORMAL = 1.4826
#: most nodes of all trees together, and most bytes of a text: beyond, walks through the hook do
MOST_NODES, MOST_BYTES = 400_000, 64 << 20
#: share of neighbouring rows in which a head may fall while the sum of its trees rises
DEPARTS = 0.002


@dataclass(frozen=True)
class Forest:
    """Trees of one output.

    Attributes:
        names: features, in the order in which the trees count them.
        trees: arrays of each, as shap takes them.
        offset: sum of the trees that do not split.
        splits: how often each feature splits.
    """

    names: tuple[str, ...]
    trees: tuple[dict[str, Any], ...]
    offset: float
    splits: dict[str, int]
    where: Location

    def explainer(self) -> Any:
        """Shap's explainer of these trees; path dependent."""
        import shap

        shapes = {"trees": [dict(t) for t in self.trees], "base_offset": self.offset}
        return shap.TreeExplainer(shapes, feature_perturbation="tree_path_dependent")

    def sums(self, rows: Floats) -> Floats:
        """The model's raw answer to rows of shape (n, d)."""
        total = np.full(len(rows), self.offset)
        for tree in self.trees:
            node = np.zeros(len(rows), dtype=np.int64)
            for _ in range(len(tree["features"])):
                feature = tree["features"][node]
                inner = feature >= 0
                if not inner.any():
                    break
                value = rows[np.arange(len(rows)), np.maximum(feature, 0)]
                left = np.where(
                    value <= tree["thresholds"][node],
                    tree["children_left"][node],
                    tree["children_right"][node],
                )
                chosen = np.where(np.isnan(value), tree["children_default"][node], left)
                node = np.where(inner, chosen, node)
            total += tree["values"][node, 0]
        return total


def available() -> bool:
    """True where shap is installed."""
    return find_spec("shap") is not None


def forests_of(subject: Subject) -> list[Forest]:
    """Every output of every tree model in the version's folder that can be rebuilt."""
    try:
        texts = [a for a in subject.version_artifacts if a.format is Format.LIGHTGBM]
        folder = subject.store
    except (NotAssessed, NotApplicable):
        return []
    forests: list[Forest] = []
    for artifact in texts:
        file = folder / artifact.path
        if artifact.problems or file.stat().st_size > MOST_BYTES:
            continue
        try:
            where = Location(artifact.path, base="artifacts")
            forests += forests_in(read_words(file), where)
        except (ValueError, KeyError, IndexError, OSError):
            continue  # of another kind, or damaged: other checks say so
    return forests


def forests_in(text: str, where: Location) -> list[Forest]:
    """The outputs of a model text.

    Raises:
        ValueError, KeyError, IndexError: damaged, or with splits that are not rebuilt here:
            categories, zero as missing, linear leaves, averaged trees.
    """
    head, *blocks = text.split("\nTree=")
    header = _section(head)
    if "average_output" in head.splitlines():
        raise ValueError("averaged")
    names = tuple(header["feature_names"].split())
    classes = int(header.get("num_tree_per_iteration", "1"))
    trees = [_tree(_section(b.split("\nend of trees")[0]), len(names)) for b in blocks]
    if sum(len(t["features"]) for t in trees) > MOST_NODES:
        raise ValueError("too large")
    forests = []
    for number in range(classes):
        own = trees[number::classes]
        split = [t for t in own if t["features"][0] >= 0]
        counted = np.concatenate([t["features"] for t in split] or [np.zeros(0, dtype=int)])
        forests.append(
            Forest(
                names,
                tuple(split),
                float(sum(t["values"][0, 0] for t in own if t["features"][0] < 0)),
                {n: int((counted == i).sum()) for i, n in enumerate(names)},
                where,
            )
        )
    return forests


def served_by(
    subject: Subject, table: pd.DataFrame, heads: dict[str, Floats]
) -> dict[str, tuple[Forest, Floats]]:
    """Head to the trees behind it, and the rows as the trees see them.

    Args:
        table: the rows that are explained.
        heads: what each head answered to them.
    """
    serving: dict[str, tuple[Forest, Floats]] = {}
    for forest in forests_of(subject):
        if not set(forest.names) <= set(map(str, table.columns)):
            continue
        raw = table.rename(columns=str).loc[:, list(forest.names)]
        if not all(pd.api.types.is_numeric_dtype(k) for k in raw.dtypes):
            continue
        for rows in _as_served(subject, raw, list(table.columns)):
            total = forest.sums(rows)
            for head, values in heads.items():
                if head not in serving and follows(values, total):
                    serving[head] = (forest, rows)
    return serving


def follows(head: Floats, total: Floats) -> bool:
    """True where a head is a rising function of a sum of trees on these rows."""
    finite = np.isfinite(head) & np.isfinite(total)
    if finite.sum() < 30:
        return False
    head, total = head[finite], total[finite]
    order = np.lexsort((head, total))
    step, rise = np.diff(head[order]), np.diff(total[order])
    slack = 1e-9 * float(np.ptp(head))
    if np.ptp(head) == 0 or len(np.unique(head)) < 5:
        return False
    falls = (step < -slack).mean()
    # Rows with the same sum get the same answer.
    tied = (rise == 0) & (step > slack)
    return bool(falls <= DEPARTS and tied.mean() <= DEPARTS)


def contributions(forest: Forest, rows: Floats, columns: list[str], head: str) -> Contributions:
    """What each factor adds to the sum of the trees, in the order of ``columns``."""
    explainer = forest.explainer()
    parts = np.asarray(explainer.shap_values(rows, check_additivity=False), dtype=np.float64)
    base = float(np.ravel(explainer.expected_value)[0])
    total = forest.sums(rows)
    scale = float(np.ptp(total)) or 1.0
    error = float(np.abs(parts.sum(axis=1) + base - total).max(initial=0.0)) / scale
    wide = np.zeros((len(rows), len(columns)))
    for number, name in enumerate(forest.names):
        wide[:, columns.index(name)] = parts[:, number]
    unit = f"sum of the trees of {forest.where.path}, which {head} rises with"
    return Contributions(wide[None], base, "tree", "path_dependent", unit, error)


def _as_served(subject: Subject, raw: pd.DataFrame, order: list[Any]) -> Iterator[Floats]:
    """The rows as they are, and scaled by each of the statistics that the version keeps."""
    rows = raw.to_numpy(dtype=np.float64, na_value=np.nan)
    yield rows
    try:
        scalings = list(scaling(subject))
    except (NotAssessed, NotApplicable):
        return
    positions = {str(name): str(i) for i, name in enumerate(order)}
    for statistics in scalings:
        center, scale = (
            _in_order(part, [str(c) for c in raw.columns], positions)
            for part in (statistics.center, statistics.scale)
        )
        if scale is None or (scale == 0).any():
            continue
        middle = np.zeros(rows.shape[1]) if center is None else center
        yield (rows - middle) / scale
        yield (rows - middle) / (NORMAL * scale)


def _in_order(
    part: dict[str, float] | None, names: list[str], positions: dict[str, str]
) -> Floats | None:
    if part is None:
        return None
    keys = [n if n in part else positions[n] for n in names]
    return np.array([part[k] for k in keys]) if all(k in part for k in keys) else None


def _tree(section: dict[str, str], width: int) -> dict[str, Any]:
    """One tree as arrays: inner nodes first, then leaves; -1 stands for a leaf's feature."""
    if section.get("num_cat", "0") != "0" or section.get("is_linear", "0") != "0":
        raise ValueError("categories or linear leaves")
    values = _floats(section["leaf_value"])
    leaves = len(values)
    if leaves < 2:
        return {"features": np.array([-1], dtype=np.int32), "values": values.reshape(1, 1)}
    inner = leaves - 1
    feature, kinds = _whole(section["split_feature"]), _whole(section["decision_type"])
    left, right = (_nodes(_whole(section[f"{s}_child"]), inner, leaves) for s in ("left", "right"))
    threshold = _floats(section["threshold"])
    sizes = [len(feature), len(kinds), len(left), len(right), len(threshold)]
    if sizes != [inner] * 5 or ((feature < 0) | (feature >= width)).any():
        raise ValueError("does not fit")
    missing = (kinds >> 2) & 3
    if (kinds & 1).any() or not np.isin(missing, (0, 2)).all():
        raise ValueError("categories, or zero as missing")
    # A missing value counts as zero where the model never saw one, else goes its own way.
    goes_left = np.where(missing == 2, (kinds & 2) > 0, threshold >= 0.0)
    default = np.where(goes_left, left, right)
    if sorted([*left, *right]) != list(range(1, inner + leaves)):
        raise ValueError("no tree: a node has two parents or none")
    ends = np.full(leaves, -1)
    counts = [*_floats(section["internal_count"]), *_floats(section["leaf_count"])]
    return {
        "children_left": np.concatenate([left, ends]).astype(np.int32),
        "children_right": np.concatenate([right, ends]).astype(np.int32),
        "children_default": np.concatenate([default, ends]).astype(np.int32),
        "features": np.concatenate([feature, ends]).astype(np.int32),
        "thresholds": np.concatenate([threshold, np.zeros(leaves)]),
        "values": np.concatenate([np.zeros(inner), values])[:, None],
        "node_sample_weight": np.asarray(counts, dtype=np.float64),
    }


def _nodes(children: Integers, inner: int, leaves: int) -> Integers:
    """Children as positions; LightGBM writes leaves as -1, -2, ..."""
    positions = np.where(children < 0, inner + ~children, children)
    if ((children < -leaves) | (children >= inner)).any():
        raise ValueError("a child outside its tree")
    return positions


def _section(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def _floats(text: str) -> Floats:
    return np.array(text.split(), dtype=np.float64)


def _whole(text: str) -> Integers:
    return np.array(text.split(), dtype=np.int64)
