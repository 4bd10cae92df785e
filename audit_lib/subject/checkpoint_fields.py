"""What a version's files say, found through the references of ``artifacts.fields``."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audit_lib.model import Location
from audit_lib.subject.artifacts import Artifact, Format, walk
from audit_lib.subject.pointers import pointer_to
from audit_lib.subject.subject import Subject


@dataclass(frozen=True)
class Field:
    """One declared field.

    Attributes:
        name: as in ``artifacts.fields``.
        pointer: reference to where it is looked for; '' where the subject says it keeps none.
        value: what is there; None where nothing is.
        present: True where the metadata holds the pointer.
        location: where a finding about it stands.
    """

    name: str
    pointer: str
    value: Any
    present: bool
    location: Location

    @property
    def empty(self) -> bool:
        """True where nothing useful is there: absent, null, or of no length."""
        blank = self.value is None or (
            isinstance(self.value, (str, list, dict)) and not len(self.value)
        )
        return not self.present or blank


def field(subject: Subject, name: str) -> Field:
    """The field of that name in the version's metadata.

    Raises:
        NotAssessed: there is no metadata.
    """
    metadata = subject.metadata
    pointer: str | None = getattr(subject.layout.fields, name)
    present, value = metadata.has(pointer), metadata.get(pointer)
    where = metadata.location(pointer)
    texts = metadata.opened(pointer or "")[0].texts
    if name == "input_dim" and texts and isinstance(value, str) and value.isdigit():
        value = int(value)
    return Field(name, pointer or "", value, present, where)


def names_in(value: Any) -> list[str] | None:
    """The strings of a list, or None where it is not a list of strings."""
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return value
    return None


def numbers_in(value: Any) -> dict[str, float] | None:
    """Numbers of a list (by position) or mapping (by key); None where it is neither."""
    if isinstance(value, Mapping):
        items = [(str(k), v) for k, v in value.items()]
    elif isinstance(value, list):
        items = [(str(i), v) for i, v in enumerate(value)]
    else:
        return None
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for _, v in items):
        return None
    return {k: float(v) for k, v in items}


@dataclass(frozen=True)
class Statistics:
    """Statistics by which inputs are scaled.

    Attributes:
        source: ``metadata`` or the artifact's path.
        center, scale: by column or position; None where not kept.
        location: where they stand.
    """

    source: str
    center: dict[str, float] | None
    scale: dict[str, float] | None
    location: Location
    unreadable: str = ""


#: Attributes under which scalers keep what they subtract and divide by.
_CENTERS = ("center_", "mean_", "data_min_", "min_")
_SCALES = ("scale_",)
#: ... and what files of data call it.
CENTER_WORDS = r"median|mean|cent(er|re)s?|loc(ation)?$"
SCALE_WORDS = r"(^|_)mad|std|scales?|sigma|iqr|spread|deviation|sd$"


def scaling(subject: Subject) -> Iterator[Statistics]:
    """Scaling statistics of the version: in its metadata, and in scaler objects of its files.

    Raises:
        NotAssessed: there is no metadata.
    """
    center, scale = field(subject, "scaler_center"), field(subject, "scaler_scale")
    if center.present or scale.present:
        bad = [f.name for f in (center, scale) if f.present and numbers_in(f.value) is None]
        yield Statistics(
            "metadata",
            numbers_in(center.value),
            numbers_in(scale.value),
            scale.location if scale.present else center.location,
            f"{', '.join(bad)} holds no numbers" if bad else "",
        )
    for artifact in subject.version_artifacts:
        if artifact.path != subject.metadata.path or artifact.format is not Format.JSON:
            yield from _in_artifact(artifact)


def scaler_references(subject: Subject, columns: list[str]) -> tuple[str | None, str | None]:
    """References to centres and scales, a number a feature: as declared, or as they are found.

    Where nothing stands at the declared ones, the metadata and data files of the version are looked
    through for one place that holds both: two lists or mappings, or a mapping of each feature.
    """
    fields, document = subject.layout.fields, subject.metadata
    declared = fields.scaler_center, fields.scaler_scale
    if None in declared or document.has(declared[0]) or document.has(declared[1]):
        return declared
    folder = subject.version_folder.relative_to(subject.store).as_posix()
    files = {
        a.path.removeprefix(f"{folder}/") + "#": a.document
        for a in subject.version_artifacts
        if a.format is Format.JSON and a.path != document.path
    }
    pairs = [
        (f"{file}{pointer}/{centre}", f"{file}{pointer}/{scale}")
        for file, whole in {"": document.data, **files}.items()
        for pointer, value in walk(whole)
        if isinstance(value, Mapping)
        for centre, scale in _named_pair(value, columns)
    ]
    return pairs[0] if len(pairs) == 1 else declared


def _named_pair(value: Mapping[str, Any], columns: list[str]) -> Iterator[tuple[str, str]]:
    """Names of a centre and a scale, with a number for each of the columns behind both."""
    inner = [value[c] for c in columns if isinstance(value.get(c), Mapping)]
    if inner and len(inner) == len(columns):
        names, each, star = [*inner[0]], inner, "*/"
    else:
        names, each, star = [*value], [], ""

    def whole(name: str) -> bool:
        if each:
            return numbers_in([one.get(name) for one in each]) is not None
        numbers = numbers_in(value[name])
        return numbers is not None and len(numbers) == len(columns) > 1

    centres, scales = (
        [star + pointer_to(n)[1:] for n in names if re.search(words, str(n), re.I) and whole(n)]
        for words in (CENTER_WORDS, SCALE_WORDS)
    )
    if len(centres) == len(scales) == 1:
        yield centres[0], scales[0]


def _in_artifact(artifact: Artifact) -> Iterator[Statistics]:
    for pointer, value in walk(artifact.document):
        if not isinstance(value, Mapping):
            continue
        if "Scaler" in str(value.get("__class__", "")):
            centers, scales = _array(value, _CENTERS), _array(value, _SCALES)
        elif artifact.format is Format.JSON:
            centers, scales = (_named(value, words) for words in (CENTER_WORDS, SCALE_WORDS))
            if centers is None or scales is None or centers.keys() != scales.keys():
                continue
        else:
            continue
        if centers is None and scales is None:
            continue
        yield Statistics(
            artifact.path,
            centers,
            scales,
            Location(artifact.path, base="artifacts", pointer=pointer),
        )


def _named(value: Mapping[str, Any], words: str) -> dict[str, float] | None:
    """Several numbers under a key that is named like such statistics."""
    named = (v for k, v in value.items() if re.search(words, str(k), re.IGNORECASE))
    return next((n for v in named if (n := numbers_in(v)) is not None and len(n) > 1), None)


def _array(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, float] | None:
    arrays = (array for name in names if isinstance(array := value.get(name), Mapping))
    return next((n for a in arrays if (n := numbers_in(a.get("values"))) is not None), None)


Recipe = Callable[[list[str]], str]
_JOINS: dict[str, Recipe] = {
    "lines": "\n".join,
    "commas": ",".join,
    "bars": "|".join,
    "nothing between": "".join,
    "JSON": json.dumps,
    "compact JSON": lambda names: json.dumps(names, separators=(",", ":")),
    "Python list": repr,
    "Python tuple": lambda names: repr(tuple(names)),
}


def hash_recipe(names: list[str], digest: str) -> str:
    """How a digest is made from the ordered names ("SHA-256 of lines"); '' where unknown.

    A digest of eight or more hex digits may be the beginning of a longer one.
    """
    plain = digest.lower().rpartition(":")[2]
    if len(plain) < 8:
        return ""
    for algorithm in ("sha256", "sha1", "md5", "sha512", "blake2b"):
        for how, join in _JOINS.items():
            full = hashlib.new(algorithm, join(names).encode(), usedforsecurity=False).hexdigest()
            if full.startswith(plain):
                return f"{algorithm} of {how}"
    return ""
