"""The subject's source tree, read as text and syntax trees, never imported."""

import ast
import gc
import io
import os
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from audit_lib.errors import NotAssessed, ParameterError
from audit_lib.files import MOST_TEXT, read_whole
from audit_lib.model import Location
from audit_lib.subject.documents import read_document
from audit_lib.subject.parameters import SourceParameters

SKIPPED_FOLDERS = frozenset(
    {".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".mypy_cache"}
)


def _copied(folder: Path) -> bool:
    """True for ``build/lib``, into which setuptools copies the packages that stand beside it."""
    parent = folder.parent
    return (
        parent.name == "build"
        and folder.name.startswith("lib")
        and any((parent.parent / p.name).is_dir() for p in folder.iterdir() if p.is_dir())
    )


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector off while trees are built: they hold no cycles.

    Without this, two thirds of the time to parse a repository go into looking for some.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        # What was built counts as old at once; else the next allocation looks through all of it.
        if not _anything_frozen():  # not in a fork, which shares what its parent froze
            gc.freeze()
            gc.unfreeze()
        gc.enable()


_frozen = False


def _anything_frozen() -> bool:
    """True in a process that froze objects; they are counted one by one, so but once."""
    global _frozen  # noqa: PLW0603 - a fact of the process, like what it tells of
    _frozen = _frozen or gc.get_freeze_count() > 0
    return _frozen


@dataclass(frozen=True)
class SourceFile:
    """One Python file of the subject.

    Attributes:
        path: POSIX path relative to the root.
        file: where it is on this machine.
    """

    path: str
    file: Path

    @cached_property
    def _read(self) -> tuple[bytes, str]:
        """The bytes of the file, and why it cannot be read."""
        root = self.file.parents[self.path.count("/")]
        if self.file.is_symlink() and not self.file.resolve().is_relative_to(root.resolve()):
            return b"", "a link that leaves the tree"
        try:
            return read_whole(self.file, most=MOST_TEXT), ""
        except OSError as error:
            return b"", str(error.strerror)

    @property
    def content(self) -> bytes:
        """The bytes of the file; none where it cannot be read."""
        return self._read[0]

    @property
    def unreadable(self) -> str:
        """Why the file cannot be read; '' where it can."""
        return f"cannot be read: {self._read[1]}" if self._read[1] else ""

    @cached_property
    def encoding(self) -> str:
        """Encoding as Python would find it (BOM, coding line); UTF-8 where that fails."""
        try:
            return tokenize.detect_encoding(io.BytesIO(self.content).readline)[0]
        except (SyntaxError, LookupError):
            return "utf-8"

    @cached_property
    def text(self) -> str:
        """Text, decoded as Python would; undecodable bytes are replaced."""
        try:
            return self.content.decode(self.encoding, "replace")
        except LookupError:  # the coding line names a codec that is not for text
            return self.content.decode("utf-8", "replace")

    @cached_property
    def parsed(self) -> ast.Module | SyntaxError:
        """Syntax tree, or the error that reading or parsing gave."""
        if self.unreadable:
            return SyntaxError(self.unreadable)
        try:
            with warnings.catch_warnings(), uncollected():
                warnings.simplefilter("ignore")  # of invalid escapes: not ours to print
                return ast.parse(self.content, filename=self.path)
        except SyntaxError as error:
            return error
        except (ValueError, LookupError, RecursionError, MemoryError) as error:
            return SyntaxError(f"{type(error).__name__}: {error}")

    @property
    def tree(self) -> ast.Module | None:
        """Syntax tree; None where the file does not parse."""
        return self.parsed if isinstance(self.parsed, ast.Module) else None

    def location(self, node: ast.AST | int | None = None, symbol: str = "") -> Location:
        """Where a finding about a node, or a line, stands."""
        if isinstance(node, int):
            return Location(self.path, line=node, symbol=symbol)
        line = getattr(node, "lineno", 1)
        return Location(
            self.path, line=line, end_line=getattr(node, "end_lineno", None), symbol=symbol
        )


class SourceTree:
    """The Python files below the root, and which of them are the subsystem under audit.

    Attributes:
        root: the checkout.
        parameters: what of it is audited.
        but: folders of files that are not the subject's, such as its own hooks.
    """

    def __init__(self, root: Path, source: SourceParameters, *, but: Iterable[Path] = ()) -> None:
        self.root = root
        self.parameters = source
        self.but = frozenset(map(os.path.realpath, but))
        self.code: object = None

    @cached_property
    def files(self) -> tuple[SourceFile, ...]:
        """Every Python file of the repository, sorted by path."""
        files = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [
                f for f in folders if f not in SKIPPED_FOLDERS and not _copied(Path(folder) / f)
            ]
            if self.but:
                here = os.path.realpath(folder)
                folders[:] = [f for f in folders if os.path.join(here, f) not in self.but]
            for name in names:
                file = Path(folder) / name
                # A pipe or device of that name would never end; a broken link is told as such.
                if name.endswith((".py", ".pyi")) and (file.is_file() or file.is_symlink()):
                    path = file.relative_to(self.root).as_posix()
                    if not any(matches(path, glob) for glob in self.parameters.exclude):
                        files.append(SourceFile(path, file))
        return tuple(sorted(files, key=lambda f: f.path))

    @cached_property
    def by_path(self) -> dict[str, SourceFile]:
        """Files by their path relative to the root."""
        return {f.path: f for f in self.files}

    @cached_property
    def subsystem(self) -> tuple[SourceFile, ...]:
        """The files under audit.

        Raises:
            ParameterError: the subsystem map lacks the id, or nothing matches.
        """
        wanted = self._declared_paths()
        if wanted is None:
            globs = self.parameters.subsystem.files
            chosen = tuple(f for f in self.files if any(matches(f.path, g) for g in globs))
        else:
            chosen = tuple(f for f in self.files if f.path in wanted)
        if not chosen:
            raise ParameterError(
                "no file of the source belongs to the subsystem",
                where="subject.yaml: source.subsystem",
                mend=f"name globs that match files below {self.root}",
            )
        return chosen

    def is_high_risk(self, path: str) -> bool:
        """True for files that the parameters call high-risk."""
        return any(matches(path, glob) for glob in self.parameters.high_risk)

    def _declared_paths(self) -> frozenset[str] | None:
        subsystem = self.parameters.subsystem
        if not subsystem.map:
            return None
        try:
            path = self.root / subsystem.map
            document = read_document(path, path=subsystem.map, base="documents")
        except NotAssessed as error:
            raise ParameterError(
                f"the subsystem map cannot be read: {error}",
                where="subject.yaml: source.subsystem.map",
                mend=f"name a JSON or YAML file below {self.root}",
            ) from None
        files = document.get(f"/subsystems/{subsystem.id}/files")
        if not isinstance(files, list):
            known = document.get("/subsystems", {})
            raise ParameterError(
                f"the subsystem map has no files for {subsystem.id!r}",
                where="subject.yaml: source.subsystem.id",
                mend=f"use one of: {', '.join(known) if isinstance(known, dict) else 'none'}",
            )
        return frozenset(str(f) for f in files)


def matches(path: str, glob: str) -> bool:
    """True where a POSIX path matches a glob.

    As in a shell: ``*``, ``?`` and ``[...]`` stay within one folder; a part ``**`` stands for any
    number of folders, none among them, and at the end for everything below.
    """
    return _compiled(glob).fullmatch(path) is not None


@lru_cache(maxsize=1024)
def _compiled(glob: str) -> re.Pattern[str]:
    *folders, last = glob.split("/")
    text = "".join("(?:[^/]+/)*" if part == "**" else _part(part) + "/" for part in folders)
    try:
        return re.compile(text + (".+" if last == "**" else _part(last)), re.DOTALL)
    except re.error:  # brackets that hold no set, such as [!] or [z-a]
        return re.compile(re.escape(glob))


def _part(glob: str) -> str:
    """One part of a glob as a regular expression that does not cross a slash."""
    pieces = re.split(r"(\*+|\?|\[!?\]?[^\]]*\])", glob)
    return "".join(map(_piece, pieces))


def _piece(piece: str) -> str:
    if piece[:1] == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if piece[:1] == "[" and piece[-1:] == "]" and piece[1:-1].strip("!"):
        inside = re.sub(r"[\\[]|^\^", r"\\\g<0>", piece[1:-1])
        return f"(?!/)[{'^' + inside[1:] if inside[0] == '!' else inside}]"
    return re.escape(piece)
