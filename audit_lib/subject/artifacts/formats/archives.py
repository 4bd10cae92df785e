"""Archives: which format a zip is by its members, and what is in any other zip or tar."""

import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace

from audit_lib.subject.artifacts.artifact import Format, Json
from audit_lib.subject.artifacts.draft import Draft, OverBudget, Undecodable
from audit_lib.subject.artifacts.formats import keras, numpy_files, skops, torch
from audit_lib.subject.artifacts.formats.members import DAMAGE, Members, judge_names
from audit_lib.subject.artifacts.formats.metadata import FEATURE_KEYS
from audit_lib.subject.artifacts.source import Source, in_memory

#: Reads a file that stands within an archive.
ReadMember = Callable[[Source, Draft], None]
MembersReader = Callable[[Members, Draft], None]


def read_zip(read_member: ReadMember, source: Source, draft: Draft) -> None:
    """Read a zip, given the reader of what it holds."""
    draft.format = Format.ZIP
    members = Members(source, draft)
    names = members.names()
    kinds = _kinds(names)
    if len(kinds) > 1:
        both = " and ".join(kind.value for kind in kinds)
        draft.refuse(f"one zip is {both} at once, so it means what its reader takes it for")
    rest = names
    for kind in kinds:
        _, reader, belonging = _KINDS[kind]
        reader(members, draft)
        draft.format = draft.format if len(kinds) == 1 else Format.ZIP
        rest = [name for name in rest if not belonging.fullmatch(name)]
    if not kinds and names and all(members.read(n, 6) == numpy_files.MAGIC for n in names):
        _read_npz(members, draft)
    else:
        _read_others(rest, members, draft, read_member)


def zip_format(names: list[str]) -> Format:
    """What a zip with these members seems to be, going by their names alone."""
    kinds = _kinds(names)
    if len(kinds) == 1:
        return kinds[0]
    arrays = names and not kinds and all(name.endswith(".npy") for name in names)
    return Format.NPZ if arrays else Format.ZIP


def _kinds(names: list[str]) -> list[Format]:
    return [kind for kind, (fits, _, _) in _KINDS.items() if fits(names)]


#: Formats to what tells them by the names of members, their reader, and the members that it has
#: read, or that hold numbers only.
_KINDS: dict[Format, tuple[Callable[[list[str]], bool], MembersReader, re.Pattern[str]]] = {
    Format.SKOPS: (
        lambda names: "schema.json" in names,
        skops.read_skops,
        re.compile(r"schema\.json|.*\.npy"),
    ),
    Format.TORCH: (
        torch.is_torch,
        torch.read_torch,
        re.compile(
            r"[^/]+/(?:.*\.pkl|data/\d+|tensors/\d+|constants/\d+|version|byteorder"
            r"|\.format_version|\.storage_alignment|\.data/serialization_id)"
        ),
    ),
    Format.KERAS: (
        lambda names: "config.json" in names and "metadata.json" in names,
        keras.read_keras,
        re.compile(r"config\.json|metadata\.json|model\.weights\.h5"),
    ),
}


def _read_npz(members: Members, draft: Draft) -> None:
    draft.format = Format.NPZ
    draft.document = {}
    for name in members.names():
        key = name.removesuffix(".npy")
        shown = numpy_files.read_member(members, name, draft, key)
        if shown is None:
            continue
        draft.document[key] = shown
        values: Json = shown.get("values") if isinstance(shown, dict) else None
        strings = isinstance(values, list) and all(isinstance(v, str) for v in values)
        if key in FEATURE_KEYS and strings:
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
        draft.reasons.setdefault(replace(reason, where=f"{name} {reason.where}".rstrip()))
    for problem in inner.problems:
        draft.problem(f"{name}: {problem}")
    for note in inner.notes:
        draft.note(f"{name}: {note}")
    for library, versions in inner.written_by.items():
        draft.written_by.setdefault(library, set()).update(versions)
    draft.arrays.extend(replace(a, name=f"{name}:{a.name}") for a in inner.arrays)
    return {"format": inner.format.value, "size": len(content)}


def read_tar(read_member: ReadMember, source: Source, draft: Draft) -> None:
    """Read a tar, given the reader of what it holds."""
    draft.format = Format.TAR
    draft.document = {}
    source.handle.seek(0)
    try:
        with tarfile.open(fileobj=source.handle, mode="r:") as archive:
            judge_names([m.name for m in _tar_members(archive, draft)], draft)
            for member in _tar_members(archive, draft):
                _read_tar_member(archive, member, draft, read_member)
    except DAMAGE as error:
        raise Undecodable(f"damaged tar: {error}") from None


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
