"""The files of a zip: their names are judged, and what they unpack to is counted."""

import io
import stat
import struct
import tarfile
import zipfile
import zlib
from pathlib import PurePosixPath
from typing import Any

from audit_lib.subject.artifacts.draft import Draft, OverBudget, Undecodable
from audit_lib.subject.artifacts.source import Source
from audit_lib.subject.artifacts.streams import Stream

#: What the libraries raise for a damaged archive.
DAMAGE = (
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


class Members:
    """The files of a zip.

    Raises:
        Undecodable: it is damaged.
    """

    def __init__(self, source: Source, draft: Draft) -> None:
        self._draft = draft
        try:
            source.handle.seek(0)
            self._zip = zipfile.ZipFile(source.handle)
        except DAMAGE as error:
            raise Undecodable(f"damaged zip: {error}") from None
        infos = self._zip.infolist()
        if len(infos) > draft.budget.members:
            raise OverBudget(f"more than the budget of {draft.budget.members} members")
        self._infos = {info.filename: info for info in infos if not info.is_dir()}
        judge_names([info.filename for info in infos], draft)
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
        except DAMAGE as error:
            raise Undecodable(f"damaged member {name!r}: {error}") from None
        self._draft.count_unpacked(len(data))
        return data

    def stream(self, name: str) -> Stream:
        """A stream over a member, which is unpacked as it is read.

        Raises:
            Undecodable: it cannot be opened.
        """
        try:
            member = self._zip.open(self._infos[name])
        except DAMAGE as error:
            raise Undecodable(f"damaged member {name!r}: {error}") from None
        return Stream(io.BufferedReader(_Counted(member, self._draft)))

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

    def __init__(self, member: Any, draft: Draft) -> None:
        super().__init__()
        self._member = member
        self._draft = draft
        self._position = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._member.read(len(buffer))
        except DAMAGE as error:
            raise Undecodable(f"damaged member: {error}") from None
        self._draft.count_unpacked(len(data))
        self._position += len(data)
        buffer[: len(data)] = data
        return len(data)


def judge_names(names: list[str], draft: Draft) -> None:
    """Refuse names that lead out of the folder, or come twice."""
    seen: set[str] = set()
    for name in names:
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1]):
            draft.refuse(f"member {name!r} would unpack outside its folder")
        if name in seen:
            draft.refuse(f"two members are called {name!r}, and readers differ in which they take")
        seen.add(name)
