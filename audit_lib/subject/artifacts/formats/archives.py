"""Archives: which format a zip is by its members, and what is in any other zip or tar."""

import io
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePosixPath
from typing import Any

from audit_lib.subject.artifacts.artifact import ArrayInfo, Format, Json, SafetyReason
from audit_lib.subject.artifacts.draft import Draft, OverBudget, Undecodable
from audit_lib.subject.artifacts.formats import keras, numpy_files, skops, torch
from audit_lib.subject.artifacts.formats.members import Members
from audit_lib.subject.artifacts.formats.metadata import FEATURE_KEYS
from audit_lib.subject.artifacts.source import Source, in_memory
from audit_lib.subject.artifacts.streams import Stream

_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    KeyError,
)
#: How members, entries of a directory and its end begin.
_MARKS = (b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06")
_LONGEST_GAP = 64 << 20
#: Reads a file that stands within an archive.
ReadMember = Callable[[Source, Draft], None]


class ZipMembers(Members):
    """Members of a zip.

    Raises:
        Undecodable: it is damaged.
    """

    def __init__(self, source: Source, draft: Draft) -> None:
        self._draft = draft
        try:
            source.handle.seek(0)
            self._zip = zipfile.ZipFile(source.handle)
        except _DAMAGE as error:
            raise Undecodable(f"damaged zip: {error}") from None
        infos = self._zip.infolist()
        if len(infos) > draft.budget.members:
            raise OverBudget(f"more than the budget of {draft.budget.members} members")
        self._infos = {info.filename: info for info in infos if not info.is_dir()}
        _judge_names([info.filename for info in infos], draft)
        for info in infos:
            self._judge(info, source)
        self._judge_rest(infos, source)

    def names(self) -> list[str]:
        """Names of the files, in the order of the directory."""
        return list(self._infos)

    def size(self, name: str) -> int:
        """Unpacked bytes of a member, as the directory says."""
        return self._infos[name].file_size

    def read(self, name: str, most: int | None = None) -> bytes:
        """The bytes of a member, or the first of them.

        Raises:
            Undecodable: it is damaged.
            OverBudget: it unpacks to more than the budget allows.
        """
        left = self._draft.budget.unpacked_bytes - self._draft.unpacked
        wanted = left + 1 if most is None else min(most, left + 1)
        try:
            with self._zip.open(self._infos[name]) as member:
                data = member.read(wanted)
        except _DAMAGE as error:
            raise Undecodable(f"damaged member {name!r}: {error}") from None
        self._count(len(data))
        return data

    def stream(self, name: str) -> Stream:
        """A stream over a member, which is unpacked as it is read.

        Raises:
            Undecodable: it cannot be opened.
        """
        try:
            member = self._zip.open(self._infos[name])
        except _DAMAGE as error:
            raise Undecodable(f"damaged member {name!r}: {error}") from None
        return Stream(io.BufferedReader(_Counted(member, self._count)))

    def _count(self, size: int) -> None:
        self._draft.unpacked += size
        if self._draft.unpacked > self._draft.budget.unpacked_bytes:
            raise OverBudget(
                f"unpacks to more than the budget of {self._draft.budget.unpacked_bytes} bytes"
            )

    def _judge(self, info: zipfile.ZipInfo, source: Source) -> None:
        """Readers go by the directory or by the header before each file: both must agree."""
        if stat.S_ISLNK(info.external_attr >> 16):
            self._draft.refuse(f"member {info.filename!r} is a link", offset=info.header_offset)
        if info.flag_bits & 1:
            self._draft.refuse(f"member {info.filename!r} is encrypted", offset=info.header_offset)
        header = b""
        if 0 <= info.header_offset < source.size:
            source.handle.seek(info.header_offset)
            header = source.handle.read(30)
        if len(header) != 30 or header[:4] != b"PK\x03\x04":
            self._draft.refuse(f"member {info.filename!r} has no header", offset=info.header_offset)
            return
        local = source.handle.read(int.from_bytes(header[26:28], "little"))
        if local != (info.orig_filename.encode("utf-8", "surrogateescape")) and local != (
            info.orig_filename.encode("cp437", "replace")
        ):
            self._draft.refuse(
                f"member {info.filename!r} has another name in its header",
                offset=info.header_offset,
            )

    def _judge_rest(self, infos: list[zipfile.ZipInfo], source: Source) -> None:
        """Members that the directory does not list: readers that go from the front find them."""
        if any(mark in self._zip.comment for mark in _MARKS):
            self._draft.refuse("its comment holds another archive")
        at = 0
        for info in sorted(infos, key=lambda info: info.header_offset):
            self._judge_gap(at, info.header_offset, source)
            if not 0 <= info.header_offset <= source.size - 30:
                return
            source.handle.seek(info.header_offset + 26)
            lengths = source.handle.read(4)
            own = 30 + int.from_bytes(lengths[:2], "little") + int.from_bytes(lengths[2:], "little")
            if info.header_offset < at:
                self._draft.refuse(f"member {info.filename!r} begins within another")
            at = info.header_offset + own + info.compress_size
        self._judge_gap(at, self._zip.start_dir, source)

    def _judge_gap(self, begin: int, end: int, source: Source) -> None:
        source.handle.seek(begin)
        if begin < end and _MARKS[0] in source.handle.read(min(end - begin, _LONGEST_GAP)):
            self._draft.refuse("holds members that its directory does not list", offset=begin)


class _Counted(io.RawIOBase):
    """A member that counts what it yields against the budget, and reports damage as such."""

    def __init__(self, member: Any, count: Callable[[int], None]) -> None:
        super().__init__()
        self._member = member
        self._count = count
        self._position = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._member.read(len(buffer))
        except _DAMAGE as error:
            raise Undecodable(f"damaged member: {error}") from None
        self._count(len(data))
        self._position += len(data)
        buffer[: len(data)] = data
        return len(data)


def _judge_names(names: list[str], draft: Draft) -> None:
    seen: set[str] = set()
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]):
            draft.refuse(f"member {name!r} would unpack outside its folder")
        if name in seen:
            draft.refuse(f"two members are called {name!r}, and readers differ in which they take")
        seen.add(name)


def read_zip(read_member: ReadMember) -> ReadMember:
    """A reader of zips, given the reader of what they hold."""

    def read(source: Source, draft: Draft) -> None:
        draft.format = Format.ZIP
        members = ZipMembers(source, draft)
        names = members.names()
        kinds = _kinds(names)
        if len(kinds) > 1:
            both = " and ".join(kind.value for kind in kinds)
            draft.refuse(f"one zip is {both} at once, so it means what its reader takes it for")
        rest: list[str] = names
        for kind, fits, reader in _KINDS:
            if fits(names):
                reader(members, draft)
                draft.format = draft.format if len(kinds) == 1 else Format.ZIP
                rest = [name for name in rest if not _belongs(kind, name)]
        if not kinds and names and all(members.read(n, 6) == numpy_files.MAGIC for n in names):
            _read_npz(members, draft)
        else:
            _read_others(rest, members, draft, read_member)

    return read


def zip_format(names: list[str]) -> Format:
    """What a zip with these members seems to be, going by their names alone."""
    kinds = _kinds(names)
    if len(kinds) == 1:
        return kinds[0]
    arrays = names and not kinds and all(name.endswith(".npy") for name in names)
    return Format.NPZ if arrays else Format.ZIP


def _kinds(names: list[str]) -> list[Format]:
    return [kind for kind, fits, _ in _KINDS if fits(names)]


def _is_skops(names: list[str]) -> bool:
    return "schema.json" in names


_Kind = tuple[Format, Callable[[list[str]], bool], Callable[[Members, Draft], None]]
_KINDS: tuple[_Kind, ...] = (
    (Format.SKOPS, _is_skops, skops.read_skops),
    (Format.TORCH, torch.is_torch, torch.read_torch),
    (Format.KERAS, keras.is_keras, keras.read_keras),
)
#: Members that the reader of a format has read, or that hold numbers only.
_BELONGING = {
    Format.SKOPS: re.compile(r"schema\.json|.*\.npy"),
    Format.TORCH: re.compile(
        r"[^/]+/(?:.*\.pkl|data/\d+|tensors/\d+|constants/\d+|version|byteorder"
        r"|\.format_version|\.storage_alignment|\.data/serialization_id)"
    ),
    Format.KERAS: re.compile(r"config\.json|metadata\.json|model\.weights\.h5"),
}


def _belongs(kind: Format, name: str) -> bool:
    return bool(_BELONGING[kind].fullmatch(name))


def _read_npz(members: Members, draft: Draft) -> None:
    draft.format = Format.NPZ
    draft.document = {}
    for name in members.names():
        key = name.removesuffix(".npy")
        try:
            shown = numpy_files.read_array(members.stream(name), draft, key)
        except Undecodable as error:
            draft.problem(f"{key}: {error}")
            draft.refuse(f"cannot be read: {error}", where=key)
            continue
        draft.document[key] = shown
        values = shown.get("values") if isinstance(shown, dict) else None
        if (
            key in FEATURE_KEYS
            and isinstance(values, list)
            and all(isinstance(v, str) for v in values)
        ):
            draft.features(f"/{key}", values)


def _read_others(names: list[str], members: Members, draft: Draft, read_member: ReadMember) -> None:
    """Members that no format claims: each is read as a file of its own."""
    listed: dict[str, Json] = {}
    for name in names:
        try:
            content = members.read(name, draft.budget.text_bytes + 1)
            if len(content) > draft.budget.text_bytes:
                raise OverBudget(f"member {name!r} is larger than the budget allows")
        except OverBudget:
            raise
        except Undecodable as error:
            draft.problem(str(error))
            draft.refuse(f"cannot be read: {error}", where=name)
            continue
        listed[name] = _take_over(name, content, draft, read_member)
    if draft.document is None:
        draft.document = listed


def _take_over(name: str, content: bytes, draft: Draft, read_member: ReadMember) -> Json:
    """Read a member, add what is found to the archive's draft, and say what it is."""
    if draft.nested >= 4:
        draft.refuse("archives within archives, too deep to follow", where=name)
        return None
    inner = Draft(
        draft.budget,
        draft.trusted,
        unpacked=draft.unpacked,
        opcodes=draft.opcodes,
        nested=draft.nested + 1,
    )
    read_member(in_memory(content, name), inner)
    draft.unpacked, draft.opcodes = inner.unpacked, inner.opcodes
    draft.executable |= inner.executable
    draft.globals |= inner.globals
    for reason in inner.reasons:
        where = f"{name} {reason.where}".rstrip()
        moved = SafetyReason(reason.global_name, reason.offset, reason.why, reason.safety, where)
        draft.reasons.setdefault(moved)
    for problem in inner.problems:
        draft.problem(f"{name}: {problem}")
    for note in inner.notes:
        draft.note(f"{name}: {note}")
    for library, versions in inner.written_by.items():
        draft.written_by.setdefault(library, set()).update(versions)
    draft.arrays.extend(
        ArrayInfo(f"{name}:{a.name}", a.dtype, a.shape, a.fortran_order) for a in inner.arrays
    )
    return {"format": inner.format.value, "size": len(content)}


def read_tar(read_member: ReadMember) -> ReadMember:
    """A reader of tars, given the reader of what they hold."""

    def read(source: Source, draft: Draft) -> None:
        draft.format = Format.TAR
        draft.document = {}
        source.handle.seek(0)
        try:
            with tarfile.open(fileobj=source.handle, mode="r:") as archive:
                _judge_names([m.name for m in _tar_members(archive, draft)], draft)
                for member in _tar_members(archive, draft):
                    _read_tar_member(archive, member, draft, read_member)
        except _DAMAGE as error:
            raise Undecodable(f"damaged tar: {error}") from None

    return read


def _tar_members(archive: tarfile.TarFile, draft: Draft) -> Iterator[tarfile.TarInfo]:
    for number, member in enumerate(archive):
        if number >= draft.budget.members:
            raise OverBudget(f"more than the budget of {draft.budget.members} members")
        yield member


def _read_tar_member(
    archive: tarfile.TarFile, member: tarfile.TarInfo, draft: Draft, read_member: ReadMember
) -> None:
    if member.issym() or member.islnk():
        draft.refuse(f"member {member.name!r} is a link to {member.linkname!r}")
    elif member.isreg():
        file = archive.extractfile(member)
        left = draft.budget.unpacked_bytes - draft.unpacked
        # A sparse file may claim any size; its holes are made up while reading.
        content = file.read(min(left, draft.budget.text_bytes) + 1) if file is not None else b""
        if len(content) != member.size:
            raise OverBudget(f"member {member.name!r} is larger than the budget allows")
        draft.unpacked += len(content)
        draft.document[member.name] = _take_over(member.name, content, draft, read_member)
    elif not member.isdir():
        draft.refuse(f"member {member.name!r} is no regular file")
