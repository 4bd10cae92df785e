"""Safetensors: a JSON header and raw tensors.

Source: the format description of the safetensors project: eight bytes of length, a JSON object
of name to dtype, shape and data offsets, then one buffer without holes.
"""

import math
from collections.abc import Mapping

from audit_lib.subject.artifacts.artifact import ArrayInfo, Format, Json
from audit_lib.subject.artifacts.draft import Draft, Undecodable
from audit_lib.subject.artifacts.formats.metadata import parse_json
from audit_lib.subject.artifacts.source import Source

_LONGEST_HEADER = 100_000_000  # the limit of the reference reader
_BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, "F16": 2,
    "BF16": 2, "I32": 4, "U32": 4, "F32": 4, "F64": 8, "I64": 8, "U64": 8, "C64": 8,
}  # fmt: skip
_NUMPY = {
    "BOOL": "|b1", "U8": "|u1", "I8": "|i1", "I16": "<i2", "U16": "<u2", "F16": "<f2",
    "I32": "<i4", "U32": "<u4", "F32": "<f4", "F64": "<f8", "I64": "<i8", "U64": "<u8",
    "C64": "<c8",
}  # fmt: skip


def read_safetensors(source: Source, draft: Draft) -> None:
    """Read the header and check it against the size of the file.

    Raises:
        Undecodable: the header is no JSON object.
    """
    draft.format = Format.SAFETENSORS
    source.handle.seek(0)
    length = int.from_bytes(source.handle.read(8), "little")
    if length > _LONGEST_HEADER:
        raise Undecodable(f"a header of {length} bytes, more than readers accept")
    header = parse_json(source.handle.read(length), draft)
    if not isinstance(header, Mapping):
        raise Undecodable("a header that is no JSON object")
    draft.document = header
    spans = []
    for name, entry in header.items():
        if name != "__metadata__":
            spans.append(_tensor(name, entry, draft))
    _check_spans(sorted(spans), source.size - 8 - length, draft)


def _tensor(name: str, entry: Json, draft: Draft) -> tuple[int, int]:
    try:
        kind, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        numbers = [*shape, begin, end]
    except (KeyError, TypeError, ValueError):
        raise Undecodable(f"tensor {name!r} lacks dtype, shape or offsets") from None
    if not all(type(n) is int and 0 <= n < 1 << 62 for n in numbers) or not isinstance(kind, str):
        raise Undecodable(f"tensor {name!r} has a shape or offsets that are no lengths")
    draft.arrays.append(ArrayInfo(name, _NUMPY.get(kind, kind), tuple(shape)))
    if kind in _BYTES and math.prod(shape) * _BYTES[kind] != end - begin:
        draft.problem(f"tensor {name!r} takes {end - begin} bytes, its shape needs another number")
    return begin, end


def _check_spans(spans: list[tuple[int, int]], size: int, draft: Draft) -> None:
    at = 0
    for begin, end in spans:
        if begin != at:
            draft.problem("tensors overlap, or leave holes between them")
            break
        at = end
    last = max((end for _, end in spans), default=0)
    if last > size:
        draft.problem(f"truncated: tensors need {last} bytes, there are {size}")
    elif last < size:
        draft.problem(f"{size - last} bytes follow the tensors")
