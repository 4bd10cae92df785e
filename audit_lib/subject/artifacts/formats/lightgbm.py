"""LightGBM's text models: on their own, and as text within a pickled ``Booster``."""

import re
from itertools import pairwise

from audit_lib.subject.artifacts.artifact import Format, Json
from audit_lib.subject.artifacts.draft import Draft, Undecodable
from audit_lib.subject.artifacts.formats.metadata import within_budget
from audit_lib.subject.artifacts.formats.trees import children_wrong
from audit_lib.subject.artifacts.source import Source

_PARAMETER = re.compile(r"^\[([^:\]]+): ?(.*)\]$", re.MULTILINE)
#: Per node of a tree: as many values as there are splits (leaves less one).
_PER_SPLIT = ("split_feature", "threshold", "decision_type", "left_child", "right_child")


def read_lightgbm(source: Source, draft: Draft) -> None:
    """Read a text model file."""
    draft.format = Format.LIGHTGBM
    within_budget(source, draft)
    text = source.everything().decode("utf-8", "replace")
    if "\ufffd" in text:
        draft.problem("holds bytes that are not UTF-8")
    draft.document, problems = parse_model(text)
    for problem in problems:
        draft.problem(problem)
        draft.refuse(f"loading it may crash the process: {problem}")
    draft.note("LightGBM's parser aborts the process on a damaged model; load it in a child")
    draft.parameters.update(draft.document["parameters"])
    draft.wrote("lightgbm", f"model format {draft.document['header'].get('version', '?')}")
    if draft.document["feature_names"]:
        draft.features("/feature_names", draft.document["feature_names"])


def parse_model(text: str) -> tuple[dict[str, Json], list[str]]:
    """Header, feature names and parameters of a text model, and what does not add up in it.

    Raises:
        Undecodable: it does not begin like a model.
    """
    head, *trees = re.split(r"^Tree=", text, flags=re.MULTILINE)
    header: dict[str, str] = {}
    lines = head.lstrip().splitlines()
    if not lines or lines[0].strip() != "tree":
        raise Undecodable("does not begin like a LightGBM model")
    for line in lines[1:]:
        key, equals, value = line.partition("=")
        header[key.strip()] = value if equals else ""
    names = header.pop("feature_names", "").split()
    sizes = header.pop("tree_sizes", "").split()
    header.pop("", None)
    _, _, tail = text.partition("\nparameters:")
    parameters = dict(_PARAMETER.findall(tail.partition("end of parameters")[0]))
    model: dict[str, Json] = {
        "header": header,
        "feature_names": names,
        "trees": len(trees),
        "parameters": parameters,
    }
    return model, list(_departures(header, names, sizes, trees, text))


def _departures(
    header: dict[str, str], names: list[str], sizes: list[str], trees: list[str], text: str
) -> list[str]:
    flaws = []
    last = header.get("max_feature_idx", "")
    if not last.isdigit() or int(last) + 1 != len(names):
        flaws.append(f"names {len(names)} features and uses indices up to {last or '?'}")
    if len(sizes) != len(trees):
        flaws.append(f"announces {len(sizes)} trees and holds {len(trees)}")
    elif sizes != _sizes(trees):
        flaws.append(f"says that its trees have {' '.join(sizes[:3])} … bytes, which they have not")
    if "end of trees" not in text:
        flaws.append("truncated: the line 'end of trees' is missing")
    for number, tree in enumerate(trees):
        wrong = _damage(tree, len(names))
        if wrong:
            flaws.append(f"tree {number}: {wrong}")
            break
    return flaws


def _sizes(trees: list[str]) -> list[str]:
    """Bytes of each tree, from its ``Tree=`` to the next; the parser cuts the text by them."""
    ends = [*trees[:-1], *(tree.partition("end of trees")[0] for tree in trees[-1:])]
    return [str(len(f"Tree={tree}".encode())) for tree in ends]


def _damage(tree: str, features: int) -> str:
    fields = dict(
        line.split("=", 1) for line in tree.split("\n\n", 1)[0].splitlines() if "=" in line
    )
    leaves = fields.get("num_leaves", "")
    if not leaves.isdigit():
        return "does not say how many leaves it has"
    splits = int(leaves) - 1
    for key in _PER_SPLIT if splits > 0 else ():
        if len(fields.get(key, "").split()) != splits:
            return f"{key} has not {splits} values"
    if splits > 0:
        for feature in fields["split_feature"].split():
            if not feature.isdigit() or int(feature) >= features:
                return f"splits on feature {feature}, of {features}"
        left, right = (_numbers(fields[f"{side}_child"]) for side in ("left", "right"))
        if left is None or right is None:
            return "children that are no whole numbers"
        wrong = children_wrong(left, right, nodes=splits, leaves=splits + 1)
        if wrong:
            return wrong
    return _categories_wrong(fields)


def _numbers(text: str) -> list[int] | None:
    try:
        return [int(part) for part in text.split()]
    except ValueError:
        return None


def _categories_wrong(fields: dict[str, str]) -> str:
    """A split on categories holds the place of its bounds where others hold a threshold."""
    kinds = _numbers(fields.get("decision_type", "")) or []
    places = [
        threshold
        for kind, threshold in zip(kinds, fields.get("threshold", "").split(), strict=False)
        if kind & 1
    ]
    bounds = _numbers(fields.get("cat_boundaries", "")) or [0]
    held = len(fields.get("cat_threshold", "").split())
    if any(not place.isdigit() or int(place) >= len(bounds) - 1 for place in places):
        return "a split on categories that it does not hold"
    ascending = all(a <= b for a, b in pairwise(bounds))
    return "" if ascending and bounds[0] == 0 and bounds[-1] <= held else "bounds of categories"
