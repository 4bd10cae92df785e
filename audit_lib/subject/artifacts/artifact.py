"""What an artifact says about itself, read without executing it.

:class:`Artifact` is the one answer of all readers in this package.  It is data only, frozen, and
the same for the same bytes: two reads of one file compare equal.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from audit_lib.subject.pointers import MISSING, keys_of, pointer_to, step

#: Anything :func:`json.dumps` takes: the type of documents and parameters.
Json = Any


class Format(Enum):
    """What the bytes are, by content; the file's extension is never asked."""

    PICKLE = "pickle"
    JOBLIB = "joblib"
    NPY = "npy"
    NPZ = "npz"
    TORCH = "torch"
    TORCH_LEGACY = "torch-legacy"
    TORCHSCRIPT = "torchscript"
    SKOPS = "skops"
    KERAS = "keras"
    SAFETENSORS = "safetensors"
    ONNX = "onnx"
    ONNX_VALUES = "onnx-values"
    CATBOOST = "catboost"
    LIGHTGBM = "lightgbm"
    XGBOOST_JSON = "xgboost-json"
    XGBOOST_UBJ = "xgboost-ubj"
    MLFLOW_MODEL = "mlflow-model"
    MLFLOW_RUN = "mlflow-run"
    JSON = "json"
    JSON_LINES = "json-lines"
    YAML = "yaml"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"
    HDF5 = "hdf5"
    SQLITE = "sqlite"
    ZIP = "zip"
    TAR = "tar"
    PROGRAM = "program"
    TEXT = "text"
    EMPTY = "empty"
    LINK = "link"
    SPECIAL = "special"
    UNREADABLE = "unreadable"
    OWN = "own"
    UNKNOWN = "unknown"


class Safety(Enum):
    """What loading the artifact could do, ordered from harmless to harmful.

    ``NOT_EXECUTABLE``: the format holds data only.  ``SAFE``: the format can carry code, and
    everything it names is on the allow-list.  ``UNKNOWN``: it could not be decided, which is a
    refusal.  ``UNSAFE``: it names or does something known to run code or reach outside.

    ``SAFE`` is about the code an artifact names.  A parser written in C may still be crashed by
    values it does not check, so loading belongs in a child process all the same.
    """

    NOT_EXECUTABLE = "not-executable"
    SAFE = "safe"
    UNKNOWN = "unknown"
    UNSAFE = "unsafe"

    @property
    def refused(self) -> bool:
        """True where the artifact must not be loaded by default."""
        return self in (Safety.UNKNOWN, Safety.UNSAFE)


@dataclass(frozen=True, order=True)
class SafetyReason:
    """Why an artifact is not ``SAFE``.

    Attributes:
        global_name: what it names, as ``module.name``; empty if the reason is another.
        offset: byte position of the opcode, in the unpacked stream it belongs to.
        why: one sentence for people.
        safety: ``UNKNOWN`` or ``UNSAFE``.
        where: the stream: empty for the file itself, else a member or ``"bytes at 120"``.
    """

    global_name: str
    offset: int
    why: str
    safety: Safety = field(default=Safety.UNKNOWN, compare=False)
    where: str = ""

    def __str__(self) -> str:
        place = f"{self.where} " if self.where else ""
        named = f"{self.global_name}: " if self.global_name else ""
        return f"{place}byte {self.offset}: {named}{self.why}"


@dataclass(frozen=True)
class ArrayInfo:
    """One array or tensor, without its values.

    Attributes:
        name: tensor or member name, or the JSON pointer of the array in the document.
        dtype: NumPy spelling (``"<f8"``, ``"|O"``) where there is one, else the format's own.
        shape: lengths per axis; -1 where the format leaves an axis open.
        fortran_order: True where the first axis varies fastest.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    fortran_order: bool = False


@dataclass(frozen=True)
class Budget:
    """How much one artifact may cost to read.  What exceeds it is said, never dropped silently.

    Attributes:
        unpacked_bytes: bytes that decompression may yield in total.
        opcodes: pickle opcodes to interpret in total.
        text_bytes: largest JSON, YAML or text model to parse.
        kept_bytes: bytes of strings and arrays to hold on to, for values and nested pickles.
        array_values: an array of at most so many elements is shown with its values.
        document_nodes: values in the document.
        depth: nesting of the document, and of pickles within pickles.
        members: members of one archive.
    """

    unpacked_bytes: int = 2 << 30
    opcodes: int = 10_000_000
    text_bytes: int = 256 << 20
    kept_bytes: int = 128 << 20
    array_values: int = 1024
    document_nodes: int = 500_000
    depth: int = 100
    members: int = 100_000


class PointerError(LookupError):
    """A JSON pointer that is malformed or points at nothing."""


@dataclass(frozen=True)
class Artifact:
    """One file of a store, as far as it can be read without executing it.

    Attributes:
        path: relative POSIX path.
        format: by content.
        size: bytes.
        sha256: hex digest of the bytes; empty where there are none to read (links, devices).
        safety: see :class:`Safety`; not ``SAFE`` means that ``reasons`` is not empty.
        reasons: why it is refused, in the order of the bytes.
        globals: classes and functions it refers to, as ``module.name``, sorted.
        written_by: what wrote it, by evidence in the bytes: library to version (or bound), and
            ``protocol`` of pickles.
        arrays: in the order of the bytes.
        feature_names: the columns its model reads, in order; None if it does not say, or says
            different things in different places (see ``feature_sets``).
        feature_sets: every list of feature names found, by JSON pointer into the document.
        parameters: hyper-parameters, nested ones as ``outer__inner``.
        document: parsed metadata, or a data-only view of the content; see :func:`resolve`.
            An object is ``{"__class__": "module.Name", **attributes}``, an array
            ``{"__class__": "numpy.ndarray", "dtype", "shape"}`` with ``"values"`` when small,
            and a value seen before ``{"__same_as__": pointer}``.
        compression: of the whole file: ``""``, ``"zlib"``, ``"gzip"``, ``"bz2"``, ``"xz"``, ...
        problems: what is wrong with it: truncated, over budget, not decodable, ...
        notes: what a person should know though nothing is wrong: parsers in native code, values
            in another file, more values than are shown, ...
        reader: name of the format, where a reader of one's own read it.
    """

    path: str
    format: Format
    size: int
    sha256: str
    safety: Safety = Safety.NOT_EXECUTABLE
    reasons: tuple[SafetyReason, ...] = ()
    globals: tuple[str, ...] = ()
    written_by: Mapping[str, str] = field(default_factory=dict)
    arrays: tuple[ArrayInfo, ...] = ()
    feature_names: tuple[str, ...] | None = None
    feature_sets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # Left out of comparisons, since NaN within would make one read unequal to the next.
    parameters: Mapping[str, Json] = field(default_factory=dict, compare=False)
    document: Json = field(default=None, compare=False)
    compression: str = ""
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reader: str = ""

    @property
    def kind(self) -> str:
        """Name of the format, as people are told it."""
        return self.reader or self.format.value

    def __hash__(self) -> int:
        return hash((self.path, self.sha256))


def resolve(document: Json, pointer: str) -> Json:
    """Follow a JSON pointer (RFC 6901); references to values seen before are followed too.

    Raises:
        PointerError: the pointer is malformed or points at nothing.
    """
    if pointer and not pointer.startswith("/"):
        raise PointerError(f"a JSON pointer is empty or starts with '/': {pointer!r}")
    value = _followed(document, document)
    for key in keys_of(pointer):
        value = _followed(document, step(value, key))
    if value is MISSING:
        raise PointerError(f"nothing at {pointer!r}")
    return value


def _followed(document: Json, value: Json) -> Json:
    """The value that was seen before, where this is a reference to one."""
    target = value.get("__same_as__") if isinstance(value, Mapping) and len(value) == 1 else None
    if isinstance(target, str):
        value = document
        for key in keys_of(target):  # written out there, so that one reference is enough
            value = step(value, key)
    return value


def walk(document: Json) -> Iterator[tuple[str, Json]]:
    """Every value of a document with its pointer, depth first, parents before children."""
    waiting: list[tuple[str, Json]] = [("", document)]
    while waiting:
        pointer, value = waiting.pop()
        yield pointer, value
        if isinstance(value, Mapping):
            inner = [(pointer + pointer_to(str(key)), item) for key, item in value.items()]
        elif isinstance(value, (list, tuple)):
            inner = [(f"{pointer}/{index}", item) for index, item in enumerate(value)]
        else:
            continue
        waiting.extend(reversed(inner))


def printable(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates are written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def summary(artifact: Artifact) -> dict[str, Json]:
    """The artifact without its document, for ``workbook artifacts PATH --format json``.

    Numbers that JSON cannot hold become the strings ``"NaN"``, ``"Infinity"``, ``"-Infinity"``.
    """
    return {
        "path": artifact.path,
        "format": artifact.kind,
        "compression": artifact.compression,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "safety": artifact.safety.value,
        "reasons": [
            {
                "global": reason.global_name,
                "where": reason.where,
                "offset": reason.offset,
                "why": reason.why,
                "safety": reason.safety.value,
            }
            for reason in artifact.reasons
        ],
        "globals": list(artifact.globals),
        "written_by": dict(artifact.written_by),
        "arrays": [asdict(array) for array in artifact.arrays],
        "feature_names": artifact.feature_names and list(artifact.feature_names),
        "feature_sets": {key: list(names) for key, names in artifact.feature_sets.items()},
        "parameters": json_ready(artifact.parameters),
        "problems": list(artifact.problems),
        "notes": list(artifact.notes),
    }


def json_ready(value: Json) -> Json:
    """A copy with plain dicts and lists, string keys, and no NaN or infinity."""
    if isinstance(value, Mapping):
        return {str(key): json_ready(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_ready(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(value)
