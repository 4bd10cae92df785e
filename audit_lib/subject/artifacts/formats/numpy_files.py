"""NumPy's own files: ``.npy``, alone or as the members of an ``.npz``.

Source: the format description in ``numpy.lib.format`` (versions 1.0 to 3.0).
"""

import ast
from typing import Any

import numpy as np
from numpy.lib import format as npy_format

from audit_lib.subject.artifacts.artifact import ArrayInfo, Format, Json
from audit_lib.subject.artifacts.draft import Draft, Undecodable
from audit_lib.subject.artifacts.formats.members import Members
from audit_lib.subject.artifacts.formats.pickles import nested_pickles, unreadable
from audit_lib.subject.artifacts.judge import numpy_values
from audit_lib.subject.artifacts.judge.machine import Machine, Scan
from audit_lib.subject.artifacts.judge.values import Array, Call, Tuple
from audit_lib.subject.artifacts.judge.view import ValueView, spelled
from audit_lib.subject.artifacts.source import Source
from audit_lib.subject.artifacts.streams import Stream

MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 16


def read_npy(source: Source, draft: Draft) -> None:
    """Read an ``.npy`` file; arrays appended to it are read as well."""
    draft.format = Format.NPY
    source.handle.seek(0)
    stream = Stream(source.handle, source.size)
    shown = [read_array(stream, draft, "")]
    while not stream.ended():
        begin = stream.tell()
        following = source.handle.read(len(MAGIC))
        source.handle.seek(begin)
        if following != MAGIC:
            draft.problem(f"{source.size - begin} bytes follow the array")
            break
        shown.append(read_array(stream, draft, f"array {len(shown) + 1}"))
    draft.document = shown[0] if len(shown) == 1 else shown


def read_array(stream: Stream, draft: Draft, where: str) -> Json:
    """Read one array with its header; arrays of references are pickles, which are judged.

    Args:
        stream: at the magic number.
        draft: what is found.
        where: name of the member, or ``""``.

    Raises:
        Undecodable: there is no such array, or it is cut short.
    """
    header = _header(stream)
    kind, shape, fortran = _described(header)
    array = Array(kind, shape, fortran, stream.tell())
    draft.arrays.append(ArrayInfo(where, spelled(kind), shape, fortran))
    if not kind.hasobject:
        size = array.count * kind.itemsize
        if array.count <= draft.budget.array_values and size <= 1 << 20:
            array.data = stream.take(size)
        else:
            stream.skip(size)
        return ValueView(draft).draw(array)
    return _objects(stream, draft, where)


def read_member(members: Members, name: str, draft: Draft, where: str) -> Json:
    """Read the array that is a member of an archive; None, and refused, where that fails."""
    try:
        return read_array(members.stream(name), draft, where)
    except Undecodable as error:
        draft.problem(f"{where}: {error}")
        draft.refuse(f"cannot be read: {error}", where=where)
        return None


def _objects(stream: Stream, draft: Draft, where: str) -> Json:
    draft.executable = True
    scan = Scan(draft, where=where, kept=draft.budget.kept_bytes)
    machine = Machine(stream, scan, joblib=False)
    try:
        value = machine.run()
    except Undecodable as error:
        unreadable(error, scan)
        raise
    if not isinstance(value, Call) or value.array is None:
        scan.refuse("an array of references that holds something else", stream.tell())
    nested_pickles(scan)
    return ValueView(draft).draw(value)


def _header(stream: Stream) -> dict[str, Any]:
    magic = stream.take(8)
    if not magic.startswith(MAGIC) or magic[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
        raise Undecodable("not an array file of NumPy, or of an unknown version")
    length = int.from_bytes(stream.take(2 if magic[6] == 1 else 4), "little")
    if length > _LONGEST_HEADER:
        raise Undecodable(f"an array header of {length} bytes")
    text = stream.take(length).decode("utf-8" if magic[6] == 3 else "latin-1", "replace")
    try:
        header = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        raise Undecodable("an array header that is no literal") from None
    if not isinstance(header, dict) or not {"descr", "fortran_order", "shape"} <= header.keys():
        raise Undecodable("an array header without dtype, order or shape")
    return header


def _described(header: dict[str, Any]) -> tuple[np.dtype[Any], tuple[int, ...], bool]:
    try:
        kind = npy_format.descr_to_dtype(header["descr"])
        shape = header["shape"]
        if not isinstance(shape, tuple):
            raise numpy_values.Doubtful("a shape that is no tuple")
        lengths = numpy_values.shape_of(Tuple(list(shape)))
    except (TypeError, ValueError, OverflowError, SyntaxError) as error:
        raise Undecodable(f"an array header that does not add up: {error}") from None
    return kind, lengths, header["fortran_order"] is True
