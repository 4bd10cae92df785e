"""Which reader reads which format."""

import io
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import PurePosixPath

from audit_lib.subject.artifacts.artifact import Format
from audit_lib.subject.artifacts.detect import compression, detect, is_text
from audit_lib.subject.artifacts.draft import Draft, OverBudget, Undecodable
from audit_lib.subject.artifacts.formats import (
    archives,
    lightgbm,
    metadata,
    mlflow,
    numpy_files,
    onnx,
    pickles,
    safetensors,
    tables,
    torch,
    xgboost,
    yaml_tags,
)
from audit_lib.subject.artifacts.own import ASKED, read_own, reader_for
from audit_lib.subject.artifacts.source import Source, in_memory
from audit_lib.subject.artifacts.streams import Stream, Unpacked

Reader = Callable[[Source, Draft], None]
_HEAD = 8192
#: Endings under which loaders expect a model in bytes of its own.
_MODEL_NAMES = frozenset([
    ".pkl", ".pickle", ".p", ".joblib", ".dill", ".pt", ".pth", ".ckpt", ".bin", ".onnx", ".ubj",
    ".bst", ".cbm", ".npy", ".npz", ".h5", ".hdf5", ".keras", ".safetensors", ".skops", ".parquet",
])  # fmt: skip
#: Endings that say a file is code to somebody, whatever its text looks like.
_CODE = frozenset([
    ".py", ".pyc", ".pyo", ".pyd", ".pyw", ".pth", ".so", ".dll", ".dylib", ".exe", ".sh", ".bat",
    ".ps1", ".js", ".jar", ".ipynb", ".r", ".jl",
])  # fmt: skip


def read(source: Source, draft: Draft) -> None:
    """Find out what a file is and read it into the draft; nothing is raised for bad bytes."""
    try:
        if draft.compression or not compression(source.head):
            _read_plain(source, draft)
        else:
            draft.compression = compression(source.head)
            _read_compressed(source, draft)
    except Undecodable as error:
        draft.problem(str(error))
        if draft.format in _GUESSED:
            draft.format = Format.UNKNOWN
        if draft.format not in _PLAIN_TEXT:
            draft.refuse(f"cannot be read: {error}")
    except (RecursionError, MemoryError) as error:
        draft.problem(f"too deep or too large to read ({type(error).__name__})")
        draft.refuse("cannot be read: too deep or too large")
    _judge_name(source, draft)


def _judge_name(source: Source, draft: Draft) -> None:
    """A file that is named like a model and is none: a failed download, say."""
    suffix = PurePosixPath(source.name).suffix.lower()
    if suffix not in _MODEL_NAMES or draft.nested:
        return
    head = source.head.lstrip().lower()
    if head.startswith(b"version https://git-lfs.github.com/spec"):
        what, mend = "a pointer of Git LFS", "run `git lfs pull`"
    elif head.startswith((b"<!doctype html", b"<html")):
        what, mend = "a page in HTML", "download the file again"
    elif draft.format is Format.EMPTY:
        what, mend = "empty", "restore the file"
    elif draft.format in (Format.TEXT, Format.CSV, Format.YAML, Format.JSON_LINES):
        what, mend = draft.format.value, "restore the file, or name it for what it is"
    else:
        return
    why = f"named like a model ({suffix}), and is {what}: {mend}"
    draft.problem(why)
    draft.refuse(why)


def _read_plain(source: Source, draft: Draft) -> None:
    draft.format = detect(source.head, source.size)
    reader = _READERS.get(draft.format)
    pickled = draft.format in (Format.PICKLE, Format.TORCH_LEGACY)
    if not pickled and pickles.looks_like_pickle(
        source, draft, magic=draft.format not in (Format.TEXT, Format.UNKNOWN)
    ):
        # One file can be two things: a tar, say, whose first name is a pickle.
        reader = pickles.read_pickle
    own = reader_for(draft.own, source, draft) if reader is None and draft.format in ASKED else None
    try:
        if own is not None:
            read_own(own, source, draft)
        elif reader is not None:
            reader(source, draft)
        elif draft.format is Format.TEXT:
            _read_text(source, draft)
        elif draft.format is not Format.EMPTY:
            _read_by_name(source, draft)
    finally:
        if draft.format in _LOADED_AS_YAML:
            _judge_yaml(source, draft)
    if PurePosixPath(source.name).suffix.lower() in _CODE and draft.format in _PLAIN_TEXT:
        draft.format = Format.PROGRAM
        draft.refuse("source code, which runs when it is imported or started")


def _judge_yaml(source: Source, draft: Draft) -> None:
    """Any text is YAML to the loader that is asked to load it."""
    if source.size > draft.budget.text_bytes:
        draft.refuse("too large to tell whether a loader of YAML would execute it")
        return
    refused = bool(draft.reasons)
    with suppress(Undecodable):
        yaml_tags.judge_text(metadata.decoded(source.everything()), draft)
    if draft.reasons and not refused and draft.format is Format.TEXT:
        draft.format = Format.YAML


def _read_by_name(source: Source, draft: Draft) -> None:
    """Bytes that are not read: data of known kinds, or refused."""
    if draft.format in (Format.ARROW, Format.CATBOOST):
        what = "CatBoost" if draft.format is Format.CATBOOST else "Arrow"
        if draft.format is Format.ARROW:
            tables.judge_extensions(source, draft)
        draft.note(f"{what}'s parser is native code; load an untrusted file in a child")
        return
    if draft.format is Format.UNKNOWN and (model := onnx.holds_values_of(source)):
        draft.format = Format.ONNX_VALUES
        draft.note(f"values of the model {model}")
        return
    why = {
        Format.PROGRAM: "a program",
        Format.HDF5: "HDF5, which may hold functions of Keras or pickled objects; it is not read",
    }.get(draft.format, "of a format that is not known, so what loading it does is not either")
    draft.refuse(why)


def _read_json(source: Source, draft: Draft) -> None:
    """Read JSON, or what only begins like it."""
    metadata.within_budget(source, draft)
    try:
        document = metadata.parse_json(source.everything(), draft)
    except OverBudget:
        raise
    except Undecodable as error:
        with suppress(Undecodable):
            metadata.read_json_lines(source, draft)
            return
        draft.format = Format.TEXT
        _read_text(source, draft)
        if draft.format is Format.TEXT:
            draft.format = Format.JSON
            raise error
        return
    if xgboost.is_model(document) and "learner" in document:
        draft.format = Format.XGBOOST_JSON
        xgboost.describe(document, draft)
        return
    draft.document = document
    metadata.describe(draft)


def _read_text(source: Source, draft: Draft) -> None:
    if mlflow.is_run_value(source):
        mlflow.read_run_value(source, draft)
    elif metadata.try_yaml(source, draft):
        mlflow.describe(draft)
    elif not tables.read_csv(source, draft):
        draft.format = Format.TEXT


def _read_compressed(source: Source, draft: Draft) -> None:
    def reopen() -> Stream:
        source.handle.seek(0)
        return Stream(io.BufferedReader(Unpacked(source.handle, draft.compression, draft), 1 << 20))

    head = reopen().handle.peek(_HEAD)[:_HEAD]
    draft.unpacked = 0
    if compression(head):
        raise Undecodable("compressed twice, which no reader undoes")
    inner = detect(head, 1 << 62)
    if inner is Format.PICKLE or (inner in (Format.TEXT, Format.UNKNOWN) and not is_text(head)):
        pickles.read_streams(reopen, draft)
        return
    content: bytes = reopen().read(draft.budget.text_bytes + 1)
    if len(content) > draft.budget.text_bytes:
        raise OverBudget(f"unpacks to more than the budget of {draft.budget.text_bytes} bytes")
    _read_plain(in_memory(content, source.name), draft)


#: Text that is no JSON, so that a loader of YAML may make something else of it.
_LOADED_AS_YAML = frozenset([
    Format.TEXT, Format.CSV, Format.YAML, Format.JSON, Format.LIGHTGBM, Format.MLFLOW_MODEL,
    Format.MLFLOW_RUN,
])  # fmt: skip
#: Text that no loader executes, whether or not it could be parsed.
_PLAIN_TEXT = _LOADED_AS_YAML | {Format.EMPTY, Format.JSON_LINES, Format.XGBOOST_JSON}
#: Formats that a few first bytes suggest, and only a successful reading confirms.
_GUESSED = frozenset({Format.ONNX, Format.XGBOOST_UBJ, Format.SAFETENSORS})
_READERS: dict[Format, Reader] = {
    Format.JSON: _read_json,
    Format.LIGHTGBM: lightgbm.read_lightgbm,
    Format.NPY: numpy_files.read_npy,
    Format.ONNX: onnx.read_onnx,
    Format.PARQUET: tables.read_parquet,
    Format.PICKLE: pickles.read_pickle,
    Format.SAFETENSORS: safetensors.read_safetensors,
    Format.SQLITE: lambda _, draft: draft.note(
        "a database: tables of values, which are not read here"
    ),
    Format.TAR: partial(archives.read_tar, read),
    Format.TORCH_LEGACY: torch.read_legacy,
    Format.XGBOOST_UBJ: xgboost.read_ubj,
    Format.ZIP: partial(archives.read_zip, read),
}
