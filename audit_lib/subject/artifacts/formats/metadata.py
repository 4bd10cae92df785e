"""JSON, JSON lines and YAML: metadata beside the models."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import yaml

from audit_lib.subject.artifacts.artifact import Format, Json, walk
from audit_lib.subject.artifacts.draft import Draft, OverBudget, Undecodable
from audit_lib.subject.artifacts.formats.yaml_tags import judge_tag
from audit_lib.subject.artifacts.source import Source
from audit_lib.subject.pointers import pointer_to
from audit_lib.subject.yaml_size import FAST_LOADER, too_much

#: Keys under which projects keep the columns of a model, and its hyper-parameters.
FEATURE_KEYS = frozenset({
    "feature_names", "features", "feature_cols", "feature_columns", "feature_list",
    "selected_features", "feature_names_in_", "input_features",
})  # fmt: skip
PARAMETER_KEYS = (
    "hyperparameters", "hyper_parameters", "hparams", "params", "parameters", "best_params",
    "model_params",
)  # fmt: skip
#: what is said of keys that a mapping gives more than once
TWICE = "keys given twice"


def decoded(content: bytes) -> str:
    """Text of a metadata file: UTF-8, or UTF-16/32 with a byte order mark.

    Raises:
        Undecodable: neither.
    """
    encoding = "utf-8-sig"
    if content.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        encoding = "utf-32"
    elif content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        raise Undecodable(f"not {encoding} at byte {error.start}") from None


def parse_json(content: bytes, draft: Draft) -> Json:
    """Parse JSON; departures from RFC 8259 are noted as problems.

    Raises:
        Undecodable: not JSON, or nested too deep.
    """

    def constant(name: str) -> float:
        draft.problem(f"holds {name}, which is not JSON")
        return float(name)

    def pairs(items: list[tuple[str, Json]]) -> dict[str, Json]:
        mapping = dict(items)
        if len(mapping) != len(items):
            keys = [key for key, _ in items]
            twice = sorted({key for key in keys if keys.count(key) > 1})[:5]
            draft.problem(f"{TWICE}, of which the last counts: {', '.join(twice)}")
        return mapping

    text = decoded(content)
    try:
        value = json.loads(text, parse_constant=constant, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise Undecodable(f"not JSON at line {error.lineno}: {error.msg}") from None
    except ValueError as error:  # an integer with more digits than Python converts
        raise Undecodable(f"not JSON: {error}") from None
    except RecursionError:
        raise Undecodable("nested too deep to parse") from None
    level = [value]
    for _ in range(draft.budget.depth):
        level = [
            inner
            for item in level
            if isinstance(item, (dict, list))
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return value
    raise OverBudget(f"nested deeper than {draft.budget.depth} levels")


def read_json_lines(source: Source, draft: Draft) -> None:
    """Read one JSON document a line."""
    draft.format = Format.JSON_LINES
    within_budget(source, draft)
    rows = []
    for number, line in enumerate(source.everything().splitlines(), start=1):
        if line.strip():
            try:
                rows.append(parse_json(line, draft))
            except Undecodable as error:
                raise Undecodable(f"line {number}: {error}") from None
    draft.document = rows


class _Telling(FAST_LOADER):  # type: ignore[misc, valid-type]  # one of two classes
    """Remembers keys that a mapping gives twice."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.twice: set[str] = set()

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> Any:
        keys = [k for k, _ in node.value if k.tag != "tag:yaml.org,2002:merge"]
        counts = Counter((k.tag, k.value) for k in keys if isinstance(k, yaml.ScalarNode))
        self.twice |= {key for (_, key), times in counts.items() if times > 1}
        return super().construct_mapping(node, deep)


def parse_yaml(content: bytes, draft: Draft) -> Json:
    """Parse YAML with the safe loader; tags that other loaders would execute are reasons.

    Raises:
        Undecodable: not YAML.
        OverBudget: nested too deep, or aliases multiply it past the budget.
    """
    text = decoded(content)
    try:
        # Judge tags, and what aliases amount to, before anything is constructed.
        large = too_much(
            text,
            FAST_LOADER,
            values=draft.budget.document_nodes,
            depth=draft.budget.depth,
            seen=lambda event: judge_tag(event, draft),
        )
        if large:
            raise OverBudget("larger or deeper than the budget allows")
        loader = _Telling(text)
        try:
            value = loader.get_single_data()
        finally:
            loader.dispose()
        if loader.twice:
            named = ", ".join(sorted(loader.twice)[:5])
            draft.problem(f"{TWICE}, of which the last counts: {named}")
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Undecodable(f"not YAML at line {line}: {error.problem}") from None
    except yaml.YAMLError as error:
        raise Undecodable(f"not YAML: {error}") from None
    except (ValueError, RecursionError) as error:
        raise Undecodable(f"not YAML: {error or 'nested too deep'}") from None
    return plain(value, draft)


def plain(value: Any, draft: Draft) -> Json:
    """YAML data as JSON data: text keys, ISO dates; aliases are copied within the budget.

    Raises:
        OverBudget: it grows too large or too deep.
    """
    left = [draft.budget.document_nodes]

    def convert(item: Any, depth: int) -> Json:
        left[0] -= 1
        if left[0] < 0 or depth > draft.budget.depth:
            raise OverBudget("larger or deeper than the budget allows")
        if isinstance(item, dict):
            return {str(key): convert(inner, depth + 1) for key, inner in item.items()}
        if isinstance(item, (list, tuple, set)):
            return [convert(inner, depth + 1) for inner in item]
        if item is None or isinstance(item, (bool, int, float, str)):
            return item
        return item.isoformat() if hasattr(item, "isoformat") else str(item)

    return convert(value, 0)


_LARGEST_YAML = 8 << 20  # its parser takes seconds for as much; metadata is smaller
#: reads like a mapping, a sequence or a document mark
_YAML_LINE = re.compile(rb"^(---|%YAML|- |[\w\"'.\-/ ]+:(\s|$))", re.MULTILINE)


def try_yaml(source: Source, draft: Draft) -> bool:
    """Read one YAML document; False if the text is no mapping or sequence of YAML.

    Raises:
        OverBudget: it is larger or deeper than the budget allows.
    """
    if not _YAML_LINE.search(source.head):
        return False
    if source.size > _LARGEST_YAML:
        draft.note("too large to be tried as YAML")
        return False
    within_budget(source, draft)
    try:
        document = parse_yaml(source.everything(), draft)
    except OverBudget:
        draft.format = Format.YAML
        raise
    except Undecodable as error:
        if not draft.reasons:
            return False
        draft.problem(str(error))
        document = None
    if not isinstance(document, (dict, list)) and not draft.reasons:
        return False
    draft.format = Format.YAML
    draft.document = document
    describe(draft)
    return True


def within_budget(source: Source, draft: Draft) -> None:
    """Check the size of a text before it is parsed.

    Raises:
        OverBudget: it is larger than the budget allows.
    """
    if source.size > draft.budget.text_bytes:
        raise OverBudget(
            f"{source.size} bytes are more than the budget of {draft.budget.text_bytes}"
        )


def describe(draft: Draft) -> None:
    """Find feature names, hyper-parameters and library versions in a parsed document."""
    for pointer, value in walk(draft.document):
        if not isinstance(value, Mapping):
            continue
        for key, inner in value.items():
            if key in FEATURE_KEYS or (isinstance(key, str) and key.endswith("_features")):
                names = inner
                if isinstance(names, list) and names and all(isinstance(n, str) for n in names):
                    draft.features(pointer + pointer_to(key), names)
    if isinstance(draft.document, Mapping):
        _describe_top(draft.document, draft)


def _describe_top(document: Mapping[str, Json], draft: Draft) -> None:
    for key in PARAMETER_KEYS:
        if isinstance(document.get(key), Mapping):
            draft.parameters.update(document[key])
            break
    for library in ("sklearn", "scikit_learn", "lightgbm", "xgboost", "torch", "numpy", "pandas"):
        version = document.get(f"{library}_version")
        if isinstance(version, str):
            draft.wrote(library.replace("scikit_learn", "sklearn"), version)
    top = [p for p in draft.feature_sets if p.count("/") == 1 and p[1:] in FEATURE_KEYS]
    if len({draft.feature_sets[p] for p in top}) == 1:
        draft.feature_names = draft.feature_sets[top[0]]
