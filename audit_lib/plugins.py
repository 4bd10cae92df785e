"""Code from elsewhere that the workbook loads: files beside ``subject.yaml``, installed packages.

It is imported into the process that judges and runs with its rights, which hooks never do.
"""

import hashlib
import importlib
import importlib.util
import sys
import traceback
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from audit_lib.errors import ParameterError
from audit_lib.files import read_whole

#: folders of a subject's own code beside its subject.yaml, and what one file of each holds
KINDS = {"checks": "check", "readers": "reader of artifacts", "reporters": "reporter"}


@dataclass(frozen=True)
class Plugin:
    """Something that was loaded.

    Attributes:
        name: of the file, without its ending, or of the entry point.
        origin: where it came from, for people.
        where: the file, or the origin again, for messages.
        value: the module, or what the entry point names.
    """

    name: str
    origin: str
    where: str
    value: object


def own_files(folder: Path, kind: str = "") -> list[Path]:
    """Python files of a subject's own code; those that begin with ``_`` help the others.

    Args:
        folder: the subject's parameters.
        kind: one of :data:`KINDS`; '' for all.
    """
    return sorted(file for k in ([kind] if kind else KINDS) for file in (folder / k).glob("*.py"))


def from_folder(folder: Path, kind: str) -> list[Plugin]:
    """The modules of one kind in a parameters folder, imported.

    Raises:
        ParameterError: one cannot be imported; the message names its file and line.
    """
    files = own_files(folder, kind)
    if not files:
        return []
    place = folder / kind
    package = _package(place, files)
    return [
        Plugin(
            file.stem,
            f"parameters/{folder.name}/{kind}/{file.name}",
            str(file),
            _imported(f"{package}.{file.stem}", file, kind),
        )
        for file in files
        if not file.stem.startswith("_")
    ]


def announced(kind: str) -> list[Plugin]:
    """What installed packages announce under the entry points ``audit_lib.<kind>``.

    Raises:
        ParameterError: one cannot be imported.
    """
    plugins = []
    for entry in sorted(entry_points(group=f"audit_lib.{kind}"), key=lambda e: (e.value, e.name)):
        origin = _named(entry)
        try:
            loaded = entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the package may raise anything
            raise _crashed(error, kind, origin, "correct or uninstall the package") from None
        plugins.append(Plugin(entry.name, origin, origin, loaded))
    return plugins


def line_of(error: BaseException, folder: Path) -> str:
    """The innermost line of a folder's own files that an error passed; '' where none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if Path(f.filename).is_relative_to(folder)]
    return f"{inside[-1].filename}:{inside[-1].lineno}" if inside else ""


def said(error: BaseException) -> str:
    """An error of foreign code in one line: its kind and the first line of its message."""
    text = error.msg if isinstance(error, SyntaxError) else str(error).split("\n", maxsplit=1)[0]
    kind = type(error).__name__
    return f"{kind}: {text}" if text else kind


def _package(folder: Path, files: list[Path]) -> str:
    """A package of that folder, named by what is in it, so that an edited file is read anew."""
    digest = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape"))
    for file in files:
        digest.update(file.name.encode() + b"\0" + read_whole(file))
    name = f"audit_own_{folder.name}_{digest.hexdigest()[:16]}"
    if name not in sys.modules:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[name] = importlib.util.module_from_spec(spec)
    return name


def _imported(name: str, file: Path, kind: str) -> ModuleType:
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # nothing of ours in the folder
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the file may raise anything
        mend = f"correct it, or move it out of {kind}/"
        raise _crashed(error, kind, line_of(error, file.parent) or str(file), mend) from None
    finally:
        sys.dont_write_bytecode = before


def _crashed(error: BaseException, kind: str, where: str, mend: str) -> ParameterError:
    return ParameterError(
        f"this {KINDS[kind]} cannot be imported: {said(error)}", where=where, mend=mend
    )


def _named(entry: EntryPoint) -> str:
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "a package"
    return f"{package} ({entry.value})"
