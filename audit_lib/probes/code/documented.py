"""Numbers that documents state of settings, and those that settings have."""

import ast
import math
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audit_lib.errors import NotAssessed
from audit_lib.files import MOST_TEXT, read_words
from audit_lib.model import Location
from audit_lib.probes.code.constants import class_defaults
from audit_lib.probes.code.settings import CONFIGURES, constants
from audit_lib.subject.code import Code
from audit_lib.subject.documents import read_document
from audit_lib.subject.source import SKIPPED_FOLDERS

_PROSE, _SETTINGS = (".md", ".markdown"), (".yaml", ".yml", ".toml", ".json")
#: folders and files that state what was, what was measured, or what others set
_ASIDE = re.compile(
    r"^(tests?|testdata|data|site|build|dist|reports?|results?|archive|\..*)$", re.I
)
_HISTORY = re.compile(r"^(change|release|history|news|package|tsconfig|poetry|uv)", re.I)
_MOST_FILES, _DEEPEST, _MOST_NUMBERS = 400, 5, 300
_SPACE = re.compile(r"\s+")
_ITEM = re.compile(r"\s*([-*+]|\d+[.)])\s")
_VALUE = re.compile(r"^(values?|defaults?|settings?|set to|limits?|thresholds?)\b", re.I)
_NAME = re.compile(r"`?(?:[A-Za-z_]\w*\.)*?(?:([A-Za-z_]\w*)\.)?([A-Za-z_]\w*)`?$")
_NUMBER = re.compile(
    r"`?([-+]?\d[\d,_]*(?:\.\d+)?(?:e[-+]?\d+)?)`?\s*(%|bps?\b|basis points)?", re.I
)
#: numbers in words, and what is said of a name in a sentence: `purge` is 20, a purge of twenty bars
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {w: float(i) for i, w in enumerate(_ONES.split()) if i > 2}  # "the one of two"
_WORDS |= {w: 10.0 * i for i, w in enumerate(_TENS.split(), 2)}
_TOLD = rf"(?P<n>\d+(?:\.\d+)?|{'|'.join(_WORDS)})(?![\w.]*\d)"
_PER = r"(?P<u>%|bps?\b|basis points|per ?cent)"
_UNIT = rf"(?:[- ]?{_PER})?"
_SAID = (
    re.compile(rf"`(?:\w+\.)*(?P<name>[A-Za-z_]\w*)`\s+(?:is|of|=|at)\s+{_TOLD}{_UNIT}", re.I),
    re.compile(rf"\b(?P<name>[a-z]{{5,}}) of {_TOLD}[- ]?(?:bars|days|dates|{_PER})", re.I),
    re.compile(r"\b(?P<name>[a-z]{4,}) of (?P<n>0?\.\d+)(?![\w.]*\d)(?P<u>)", re.I),
    re.compile(rf"\b{_TOLD}[- ](?:day|bar|date|month)s?[- ](?P<name>[a-z]{{5,}})\b(?P<u>)", re.I),
)
#: bounds of what a setting is named after: at most five contracts, positions are capped at 20 %
_LARGER = r"(?:larger|wider|higher|bigger|greater|more) than"
_MOST = rf"(?:at most|up to|(?:limited|restricted) to|capped at|a maximum of|{_LARGER})"
_LEAST = r"(?:at least|no (?:less|fewer) than|not (?:less|fewer) than|a minimum of)"
_BEHIND = r"(?!\w| (?:per|an?|each|every)\b)"
_BOUNDS = {
    bound: (
        re.compile(
            rf"{how} {_TOLD} (?:(?P<a>[a-z]{{4,}}) )?(?P<name>[a-z]{{4,}}){_BEHIND}(?P<u>)", re.I
        ),
        re.compile(
            rf"\b(?P<name>[a-z]{{4,}}) (?:(?:is|are|be|stays?) )?{how} {_TOLD}{_UNIT}(?P<a>)", re.I
        ),
    )
    for bound, how in (("most", _MOST), ("least", _LEAST))
}
_OF_BOUND = {
    "most": re.compile(r"(^|_)(max|maximum|most|limit|cap|largest|widest|highest)(?=_|$)"),
    "least": re.compile(r"(^|_)(min|minimum|least|fewest|smallest|lowest)(?=_|$)"),
}
#: when models are made anew, and the settings that say so
_ANEW = re.compile(
    r"\b(?:re-?(?:train|fit|learn)|(?:train|fit|learn)\w* (?:again|anew|afresh))", re.I
)
_WHEN = re.compile(
    rf"\b(?:after|every|older than) {_TOLD}[- ](?P<name>hour|day|week|month|bar)s?\b(?P<u>)", re.I
)
#: a name in words that ends at its number: wild from 0.16, halt after 3 days (not a max drawdown
#: of 12 %, which may be a result)
_IN_WORDS = re.compile(
    r"\b(?P<name>[a-z]{3,}(?:[ -][a-z]+){0,2}?"
    rf"[ -](?:below|above|from|until|under|over|beyond|after|within)) {_TOLD}{_UNIT}",
    re.I,
)
_AGE = re.compile(
    r"(^|_)(age|old|since|every|interval|cadence|re_?train|re_?fit|refresh)(?=_|$|ing|ed)"
)
#: words for a share of the account that one asset may have
AGAIN = "again"
_SHARES, _SHARE = ("position", "weight", "holding", "allocation"), "share of equity"
#: sentences of what was, or might be
_TALE = re.compile(r"\b(was|were|had|would|might|if|example|e\.g|measured|tested)\b", re.I)
_STORY = re.compile(rf"{_TALE.pattern}|\bthan\b", re.I)
_VAGUE = re.compile(
    r"(thresholds?|tolerance|values?|shares?|number|limits?|level|model|version)$", re.I
)
_GENERIC = re.compile(
    r"(^|_)(max|min|maximum|minimum|limit|largest|default|bars|days|pct|rate)(?=_|$)"
)
_PART = re.compile(r"_(pct|percent|share|size|fraction)$")
_SCALE = {
    "percent": 0.01,
    "per cent": 0.01,
    "%": 0.01,
    "bp": 1e-4,
    "bps": 1e-4,
    "basis points": 1e-4,
}


@dataclass(frozen=True)
class Stated:
    """A number that a document states of a name; ``scale`` is that of its unit.

    ``bound`` is ``most`` or ``least`` where the name is what such a limit is for, and ``AGAIN``
    where it is the unit in which it is said how old a model may get; ``above`` what the name
    stands under.
    """

    name: str
    shown: str
    value: float
    scale: float
    location: Location
    prose: bool = False
    bound: str = ""
    above: str = ""

    def fits(self, value: float) -> bool:
        """True where the setting is that number, as it stands or in its unit."""
        return any(
            math.isclose(value, self.value * scale, rel_tol=1e-6, abs_tol=1e-12)
            for scale in {1.0, self.scale}
        )


def stated(root: Path, but: tuple[Path, ...] = ()) -> Iterator[Stated]:
    """Rows of tables in Markdown: a name in the first column, a number in that of values.

    And sentences that say a number of a name.
    """
    for file in _files(root, _PROSE, but):
        with suppress(OSError, UnicodeDecodeError):
            yield from _tables(read_words(file, most=MOST_TEXT), file.relative_to(root).as_posix())


def docstrings(code: Code) -> Iterator[Stated]:
    """What docstrings say of names of several words."""
    for path in sorted(code.connected & set(code.files)):
        tree = code.files[path].file.tree
        for node in ast.walk(tree) if tree is not None else ():
            if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) or not node.body:
                continue
            text = ast.get_docstring(node, clean=False)
            found = _sentences(text, path, node.body[0].lineno) if text else ()
            yield from (s for s in found if "_" in s.name and not s.bound)


def settings(code: Code, but: tuple[Path, ...] = ()) -> dict[str, list[tuple[float, str]]]:
    """Numbers by name, each with its place: settings files, constants, defaults of fields."""
    values: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for name, places in constants(code).items():
        for place in places:
            if isinstance(place.value, int | float):
                values[_plain(name)].append((float(place.value), str(place.location)))
    for path in sorted(code.connected & set(code.files)):
        for name, value in class_defaults(code.index, path).items():
            if _is_number(value):
                values[_plain(name)].append((float(value), path))
    root = code.tree.root
    for file in _files(root, _SETTINGS, but):
        path = file.relative_to(root).as_posix()
        with suppress(NotAssessed):
            numbers = list(_leaves(read_document(file, path=path, base="source").data))
            few = len(numbers) <= _MOST_NUMBERS or CONFIGURES.search(path)
            for above, name, value in numbers if few else ():
                values[_plain(name)].append((value, path))
                values[_plain(f"{above}.{name}")].append((value, path))
    return values


def _tables(text: str, path: str) -> Iterator[Stated]:
    columns, above = list[int](), ""
    for number, lines in _paragraphs(text):
        yield from _sentences(lines, path, number)
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("|"):
            columns, above = [], ""
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        yield from _in_words(" ".join(cells), Location(path, line=number))
        if all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            heads = [cell.strip() for cell in above.strip().strip("|").split("|")]
            columns = [i for i, h in enumerate(heads) if i and _VALUE.match(h)]
        elif columns:
            named = [c for c in cells if "_" in c and _NAME.match(c)]  # else what comes first
            numbers = (_NUMBER.match(cells[i]) for i in columns if i < len(cells))
            name, value = _NAME.match((named or cells)[0]), next(filter(None, numbers), None)
            if name and value and len(name[2]) > 2:
                yield Stated(
                    name[2],
                    value[0].strip("` "),
                    float(value[1].replace(",", "").replace("_", "")),
                    _SCALE.get((value[2] or "").lower(), 1.0),
                    Location(path, line=number),
                    above=name[1] or "",
                )
        above = line


def _paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """Prose, each paragraph and item of a list, with the number of its first line."""
    held, first, code = "", 0, False
    for number, line in enumerate([*text.splitlines(), ""], 1):
        code ^= line.lstrip().startswith(("```", "~~~"))
        plain = not code and line.strip() and not line.lstrip().startswith(("|", "#", "```", "~~~"))
        if held and (not plain or _ITEM.match(line)):
            yield first, held
            held = ""
        if plain:
            held, first = (f"{held}\n{line}", first) if held else (line, number)


def _sentences(text: str, path: str, first: int) -> Iterator[Stated]:
    at = 0
    for sentence in re.split(r"(?<=[.;:])\s", text):
        where, part = (
            Location(path, line=first + text.count("\n", 0, at)),
            _SPACE.sub(" ", sentence),
        )
        at += len(sentence) + 1
        for match in (m for form in _SAID for m in form.finditer(part) if not _STORY.search(part)):
            if not _VAGUE.match(match["name"]) or "`" in match[0]:
                yield _told(match, match["name"], where)
        if not _STORY.search(part):
            yield from _in_words(part, where)
        anew = _WHEN.finditer(part) if _ANEW.search(part) and not _TALE.search(part) else ()
        for match in anew:
            yield _told(match, match["name"].lower(), where, AGAIN)
        for bound, forms in _BOUNDS.items() if not _TALE.search(part) else ():
            for match in (m for form in forms for m in form.finditer(part)):
                name = _single("_".join(filter(None, (match["a"], match["name"]))))
                name = _SHARE if match["u"] and name in _SHARES else name
                yield _told(match, name, where, bound)


def _told(match: re.Match[str], name: str, where: Location, bound: str = "") -> Stated:
    shown, unit = match["n"].lower(), (match["u"] or "").lower()
    value = _WORDS[shown] if shown in _WORDS else float(shown)
    return Stated(name, match[0], value, _SCALE.get(unit, 1.0), where, prose=True, bound=bound)


def _in_words(text: str, where: Location) -> Iterator[Stated]:
    """Numbers of what may be names of two and more words: the last two before it, three, four."""
    for match in _IN_WORDS.finditer(text):
        words = re.split("[ -]", match["name"].lower())
        for first in range(len(words) - 1):
            yield _told(match, "_".join(words[first:]), where)


def cores(values_by_name: dict[str, list[tuple[float, str]]]) -> dict[str, list[tuple[float, str]]]:
    """Settings by what is left of their names without words such as max, limit and days."""
    by_core: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for name, places in values_by_name.items():
        values = [(v, p) for v, p in places if v and not p.endswith(".json") and "test" not in p]
        by_core[_GENERIC.sub("", name).strip("_")] += values
    return by_core


def bounds(
    values_by_name: dict[str, list[tuple[float, str]]],
) -> dict[tuple[str, str], list[tuple[float, str]]]:
    """Settings by what they bound, and from which side: ``max_contracts`` is the most contracts.

    And, by unit, those that say when models are made anew.
    """
    by_bound: dict[tuple[str, str], list[tuple[float, str]]] = defaultdict(list)
    for name, places in values_by_name.items():
        for bound, words in _OF_BOUND.items():
            if not words.search(name):
                continue
            core = _single(_PART.sub("", words.sub("", name).strip("_")))
            shares = [p for p in places if core in _SHARES and p[0] <= 1]
            by_bound[bound, core] += [p for p in places if p not in shares]
            by_bound[bound, _SHARE] += shares
    for unit in ("hour", "day", "week", "month", "bar"):
        timed = [n for n in values_by_name if unit in map(_single, n.split("_"))]
        ages = [n for n in timed if _AGE.search(n) or _single(n) == unit]
        if ages:  # it is enough to be any number of that unit
            names = dict.fromkeys([*ages, *timed])
            by_bound[AGAIN, unit] = [place for name in names for place in values_by_name[name]]
    return by_bound


def _single(name: str) -> str:
    return re.sub(r"(?<=[a-z]{3})(?<!s)s$", "", name.lower())


def _leaves(data: Any, name: str = "", above: str = "") -> Iterator[tuple[str, str, float]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, str(key), name)
    elif name and _is_number(data):
        yield above, name, float(data)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _plain(name: str) -> str:
    return name.lower().replace("-", "_")


def _files(root: Path, endings: tuple[str, ...], but: tuple[Path, ...]) -> Iterator[Path]:
    left_out = {os.path.realpath(place) for place in but}
    count = 0
    for folder, folders, names in os.walk(root):
        depth = len(Path(folder).relative_to(root).parts)
        folders[:] = sorted(
            f
            for f in folders
            if depth < _DEEPEST
            and f not in SKIPPED_FOLDERS
            and not _ASIDE.match(f)
            and os.path.realpath(os.path.join(folder, f)) not in left_out
        )
        for name in sorted(names):
            if name.lower().endswith(endings) and not _HISTORY.match(name):
                count += 1
                if count > _MOST_FILES:
                    return
                yield Path(folder) / name
