"""ONNX models, read from the protobuf wire format without running or importing anything.

Source: ``onnx.proto3`` of the ONNX project (field numbers) and the protobuf encoding guide.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath

from audit_lib.subject.artifacts.artifact import ArrayInfo, Format, Json
from audit_lib.subject.artifacts.draft import Draft, Undecodable
from audit_lib.subject.artifacts.formats.metadata import within_budget
from audit_lib.subject.artifacts.source import Source, opened

Field = int | bytes | memoryview
#: Operator sets that runtimes bring along; any other needs a native library to be loaded.
_KNOWN_DOMAINS = frozenset(
    ("", "ai.onnx", "ai.onnx.ml", "ai.onnx.training", "ai.onnx.preview.training", "com.microsoft")
)
_DTYPES = {
    1: "<f4", 2: "|u1", 3: "|i1", 4: "<u2", 5: "<i2", 6: "<i4", 7: "<i8", 8: "string", 9: "|b1",
    10: "<f2", 11: "<f8", 12: "<u4", 13: "<u8", 14: "<c8", 15: "<c16", 16: "bfloat16",
}  # fmt: skip
_MOST_NEIGHBOURS = 20
_LARGEST_NEIGHBOUR = 64 << 20
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def fields(data: memoryview) -> Iterator[tuple[int, Field]]:
    """Number and value of every field of a protobuf message.

    Raises:
        Undecodable: the bytes are no message.
    """
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            size = 8 if wire == _FIXED64 else 4
        else:
            raise Undecodable(f"no protobuf: wire type {wire}")
        if size > len(data) - at or not number:
            raise Undecodable("no protobuf, or cut short")
        yield number, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise Undecodable("no protobuf, or cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise Undecodable("no protobuf: a number of too many bytes")


def _text(value: Field) -> str:
    return bytes(value).decode("utf-8", "replace") if not isinstance(value, int) else ""


def _message(value: Field) -> memoryview:
    if isinstance(value, int):
        raise Undecodable("a number where ONNX has a message")
    return memoryview(value)


def read_onnx(source: Source, draft: Draft) -> None:
    """Read a model: producer, operator sets, inputs, outputs and initialisers.

    Raises:
        Undecodable: it is no ONNX model.
    """
    within_budget(source, draft)
    model: dict[str, Json] = {"opsets": {}, "metadata": {}}
    graph = None
    for number, value in fields(memoryview(source.everything())):
        if number in (1, 5) and isinstance(value, int):
            model["ir_version" if number == 1 else "model_version"] = value
        elif number in (2, 3, 4, 6):
            name = {2: "producer_name", 3: "producer_version", 4: "domain", 6: "doc_string"}[number]
            model[name] = _text(value)
        elif number == 7:
            graph = _message(value)
        elif number == 8:
            opset = _latest(value)
            version = opset.get(2, 0)
            model["opsets"][_text(opset.get(1, b""))] = version if isinstance(version, int) else 0
        elif number == 14:
            model["metadata"].update([_pair(value)])
    if graph is None or not model["opsets"]:
        raise Undecodable("protobuf, but no ONNX model")
    draft.format = Format.ONNX
    external: list[tuple[str, dict[str, str]]] = []
    model["graph"] = _graph(graph, draft, external)
    for name, place in external:
        _judge_external(name, place, source, draft)
    draft.document = model
    _take_over(model, draft)


def _take_over(model: dict[str, Json], draft: Draft) -> None:
    producer = model.get("producer_name")
    if producer:
        draft.wrote(producer, model.get("producer_version", "?"))
    draft.wrote("onnx", f"IR {model.get('ir_version', '?')}")
    for domain, version in model["opsets"].items():
        draft.wrote(f"opset {domain or 'ai.onnx'}", version)
    inputs = [entry["name"] for entry in model["graph"]["inputs"]]
    if len(inputs) > 1:
        draft.features("/graph/inputs", inputs)
    for domain in sorted(set(model["opsets"]) | set(model["graph"]["domains"])):
        if domain not in _KNOWN_DOMAINS:
            draft.refuse(f"uses operators of {domain!r}: native code the runtime must be given")


def _latest(value: Field) -> dict[int, Field]:
    """Fields of a message by number; of one that comes twice, the last counts."""
    return dict(fields(_message(value)))


def _pair(value: Field) -> tuple[str, str]:
    """Key and value of a ``StringStringEntryProto``."""
    entry = _latest(value)
    return _text(entry.get(1, b"")), _text(entry.get(2, b""))


def _graph(
    data: memoryview, draft: Draft, external: list[tuple[str, dict[str, str]]]
) -> dict[str, Json]:
    graph: dict[str, Json] = {"name": "", "inputs": [], "outputs": []}
    operators: Counter[str] = Counter()
    domains: set[str] = set()
    for number, value in fields(data):
        if number == 1:
            node = _latest(value)
            operators[_text(node.get(4, b""))] += 1
            domains.add(_text(node.get(7, b"")))
        elif number == 2:
            graph["name"] = _text(value)
        elif number == 5:
            _initialiser(_message(value), draft, external)
        elif number in (11, 12):
            graph["inputs" if number == 11 else "outputs"].append(_value_info(_message(value)))
    graph["operators"] = dict(sorted(operators.items()))
    graph["domains"] = sorted(domains)
    initialised = {array.name for array in draft.arrays}
    # Old models list their initialisers among the inputs.
    graph["inputs"] = [entry for entry in graph["inputs"] if entry["name"] not in initialised]
    return graph


def _initialiser(
    data: memoryview, draft: Draft, external: list[tuple[str, dict[str, str]]]
) -> None:
    name, kind, shape = "", 0, []
    place: dict[str, str] = {}
    for number, value in fields(data):
        if number == 1:
            shape += [value] if isinstance(value, int) else _packed(memoryview(value))
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 8:
            name = _text(value)
        elif number == 13:
            place.update([_pair(value)])
    if place:
        external.append((name, place))
    draft.arrays.append(ArrayInfo(name, _DTYPES.get(kind, f"type {kind}"), tuple(shape)))


def _judge_external(name: str, place: dict[str, str], source: Source, draft: Draft) -> None:
    """Values in a file beside the model: within its folder, and within that file."""
    location = place.get("location", "")
    path = PurePosixPath(location.replace("\\", "/"))
    if not location or path.is_absolute() or ".." in path.parts or ":" in location:
        draft.refuse(f"takes values from {location!r}, outside its folder")
        return
    draft.note(f"takes values from the file {location!r} beside it")
    spans = [place.get(key, "0") for key in ("offset", "length")]
    if not all(span.isdecimal() for span in spans):
        draft.refuse(f"takes {name!r} from a place that is no number: {', '.join(spans)}")
        return
    file = source.path.parent / path
    if not source.on_disk or file.is_symlink() or not file.is_file():
        if source.on_disk:
            draft.problem(f"the file {location!r} with its values is missing, or a link")
            draft.refuse(f"the file {location!r} with its values is missing, or a link")
        return
    end, size = sum(map(int, spans)), file.stat().st_size
    if end > size:
        draft.problem(f"takes {name!r} from beyond the end of {location!r}")
        draft.refuse(f"takes {name!r} up to byte {end} of {location!r}, which has {size}")


def holds_values_of(source: Source) -> str:
    """Name of the model beside a file whose values it holds, or ``""``."""
    if not source.on_disk:
        return ""
    needle = source.path.name.encode("utf-8", "surrogateescape")
    for model in sorted(source.path.parent.glob("*.onnx"))[:_MOST_NEIGHBOURS]:
        try:
            with opened(model, model.name) as beside:
                small = beside.size <= _LARGEST_NEIGHBOUR and not model.is_symlink()
                if small and needle in beside.everything():
                    return model.name
        except OSError:
            continue
    return ""


def _packed(data: memoryview) -> list[int]:
    values, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values


def _value_info(data: memoryview) -> dict[str, Json]:
    """Name, dtype and shape of an input or output; open axes by their name or as -1."""
    info: dict[str, Json] = {"name": "", "dtype": "?", "shape": []}
    for number, value in fields(data):
        if number == 1:
            info["name"] = _text(value)
        elif number == 2 and 1 in (kind := _latest(value)):
            tensor = _latest(kind[1])
            if isinstance(dtype := tensor.get(1), int):
                info["dtype"] = _DTYPES.get(dtype, f"type {dtype}")
            if 2 in tensor:
                axes = fields(_message(tensor[2]))
                info["shape"] = [_axis(_message(axis)) for key, axis in axes if key == 1]
    return info


def _axis(data: memoryview) -> int | str:
    for number, value in fields(data):
        if number == 1 and isinstance(value, int):
            return value
        if number == 2:
            return _text(value)
    return -1
