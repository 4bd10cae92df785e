"""PyTorch checkpoints: the zip of today, TorchScript, and the pickles of before 1.6.

Source: ``torch.serialization`` and its notes on the file format.  A checkpoint is a pickle in
which every tensor's storage is a persistent id ``("storage", type, key, location, count)``.
"""

from audit_lib.subject.artifacts.artifact import Format
from audit_lib.subject.artifacts.draft import Draft, Undecodable
from audit_lib.subject.artifacts.formats import estimators
from audit_lib.subject.artifacts.formats.members import Members
from audit_lib.subject.artifacts.formats.pickles import nested_pickles, unreadable
from audit_lib.subject.artifacts.judge.machine import Machine, Scan
from audit_lib.subject.artifacts.judge.torch_values import judge_storage
from audit_lib.subject.artifacts.judge.values import Array, Value
from audit_lib.subject.artifacts.judge.view import array_infos
from audit_lib.subject.artifacts.source import Source
from audit_lib.subject.artifacts.streams import Stream


def is_torch(names: list[str]) -> bool:
    """True for the members of a checkpoint: one folder with a ``data.pkl``."""
    return any(name.count("/") == 1 and name.endswith("/data.pkl") for name in names)


def read_torch(members: Members, draft: Draft) -> None:
    """Read a checkpoint; TorchScript is code by design, and refused."""
    draft.format, draft.executable = Format.TORCH, True
    folder = next(n for n in members.names() if n.endswith("/data.pkl")).partition("/")[0]
    scripted = [n for n in members.names() if n.startswith(f"{folder}/code/")]
    if scripted or f"{folder}/constants.pkl" in members.names():
        draft.format = Format.TORCHSCRIPT
        draft.refuse("TorchScript: code that the model runs when it is called")
    for name in members.names():
        if name.endswith(".pkl"):
            _read_data(members, name, folder, draft)
    if f"{folder}/version" in members.names():
        version = members.read(f"{folder}/version", 32).decode("ascii", "replace").strip()
        draft.wrote("torch", f"file format {version}")


def _read_data(members: Members, name: str, folder: str, draft: Draft) -> None:
    where = "" if name == f"{folder}/data.pkl" else name
    scan = Scan(draft, where=where, kept=draft.budget.kept_bytes, persistent=judge_storage)
    machine = Machine(members.stream(name), scan, joblib=False)
    try:
        value = machine.run()
    except Undecodable as error:
        unreadable(error, scan)
        value = machine.stack[-1] if machine.stack else None
    order = f"{folder}/byteorder"
    big = order in members.names() and members.read(order, 6) == b"big"
    for array in scan.arrays:
        _check_storage(array, members, folder, big, draft)
    if not where:
        estimators.take(draft, value)
    draft.arrays.extend(array_infos(scan.arrays))
    nested_pickles(scan)


def _check_storage(array: Array, members: Members, folder: str, big: bool, draft: Draft) -> None:
    """See that the storage of a tensor is there, and take the values of a small one."""
    if array.storage is None:
        return
    name = f"{folder}/data/{array.storage.key}"
    if name not in members.names():
        draft.problem(f"truncated: the storage {array.storage.key!r} of a tensor is missing")
        return
    kind = array.dtype
    if kind is None or array.count > draft.budget.array_values or not array.storage.contiguous:
        return
    begin = array.storage.offset * kind.itemsize
    end = begin + array.count * kind.itemsize
    if end > members.size(name):
        draft.problem(f"truncated: a tensor reaches past the end of storage {array.storage.key!r}")
    elif end <= 1 << 20:
        array.data = members.read(name, end)[begin:]
        array.dtype = kind.newbyteorder(">") if big else kind


def read_legacy(source: Source, draft: Draft) -> None:
    """Read a checkpoint of before 1.6.

    Five pickles follow one another: a magic number, protocol version, system, the object, the
    keys of its storages; then the storages, raw.
    """
    draft.format, draft.executable = Format.TORCH_LEGACY, True
    source.handle.seek(0)
    stream = Stream(source.handle, source.size)
    scan = Scan(draft, kept=draft.budget.kept_bytes, persistent=judge_storage)
    values: list[Value] = []
    for number in range(5):
        machine = Machine(stream, scan, joblib=False)
        try:
            values.append(machine.run())
        except Undecodable as error:
            unreadable(error, scan)
            values.append(machine.stack[-1] if number == 3 and machine.stack else None)
            break
    estimators.take(draft, values[3] if len(values) > 3 else None)
    draft.wrote("torch", "legacy format (before 1.6)")
    draft.arrays.extend(array_infos(scan.arrays))
    nested_pickles(scan)
