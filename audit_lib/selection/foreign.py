"""Checks from elsewhere: files in a subject's parameters folder, and installed packages.

They are imported into the process that judges and run with its rights, which hooks never do.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from audit_lib.checks.base import Check, Reads
from audit_lib.errors import ParameterError
from audit_lib.hooks import HOOKS
from audit_lib.model import Contract, Severity, Task

#: group under which a package announces a check, or a module that holds some
GROUP = "audit_lib.checks"
#: folder of a subject's own checks, beside its subject.yaml
FOLDER = "checks"
_CODE = re.compile(r"[A-Z]{3,8}[0-9]{3}")
_KINDS = {"contract": Contract, "task": Task, "severity": Severity, "reads": Reads}


def own_files(folder: Path) -> list[Path]:
    """Python files of a subject's own checks; those that begin with ``_`` are their helpers."""
    return sorted((folder / FOLDER).glob("*.py"))


def from_folder(folder: Path) -> tuple[type[Check], ...]:
    """The checks in ``checks/*.py`` of a parameters folder.

    Raises:
        ParameterError: a file cannot be imported, holds no check, or one is not in form.
    """
    files = own_files(folder)
    if not files:
        return ()
    package = _package(folder / FOLDER, files)
    found: list[type[Check]] = []
    for file in files:
        if file.stem.startswith("_"):
            continue
        where = f"parameters/{folder.name}/{FOLDER}/{file.name}"
        module = _imported(f"{package}.{file.stem}", str(file), folder / FOLDER)
        held = list(_classes(module))
        if not held:
            raise ParameterError(
                "holds no check",
                where=str(file),
                mend=f"define a subclass of Check, or call the file _{file.name} if it only helps",
            )
        found += [_marked(check, where) for check in held]
    return tuple(found)


@cache
def from_packages() -> tuple[type[Check], ...]:
    """The checks that installed packages announce.

    Raises:
        ParameterError: one cannot be imported, is no check, or is not in form.
    """
    found: list[type[Check]] = []
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.value, e.name)):
        origin = _named(entry)
        try:
            loaded = entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the package may raise anything
            raise _crashed(error, origin, "correct or uninstall the package") from None
        held = list(_classes(loaded)) if isinstance(loaded, ModuleType) else [loaded]
        for check in held:
            if not _is_check(check):
                raise ParameterError(
                    f"{entry.value} is {type(check).__name__}, not a check",
                    where=origin,
                    mend="name a subclass of Check, or a module that holds some",
                )
            found.append(_marked(check, origin))
    return tuple(dict.fromkeys(found))


def _package(folder: Path, files: list[Path]) -> str:
    """A package of that folder, named by what is in it, so that an edited file is read anew."""
    digest = hashlib.sha256(str(folder).encode("utf-8", "surrogateescape"))
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    name = f"audit_own_checks_{digest.hexdigest()[:16]}"
    if name not in sys.modules:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = [str(folder)]
        sys.modules[name] = importlib.util.module_from_spec(spec)
    return name


def _imported(name: str, where: str, folder: Path) -> ModuleType:
    kept, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # nothing of ours in the folder
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the file may raise anything
        mend = f"correct it, or move it out of {FOLDER}/"
        raise _crashed(error, _line(error, folder) or where, mend) from None
    finally:
        sys.dont_write_bytecode = kept


def _line(error: BaseException, folder: Path) -> str:
    """The innermost line of the folder's own files that an error passed; '' where none."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    inside = [f for f in frames if Path(f.filename).is_relative_to(folder)]
    return f"{inside[-1].filename}:{inside[-1].lineno}" if inside else ""


def _crashed(error: BaseException, where: str, mend: str) -> ParameterError:
    said = error.msg if isinstance(error, SyntaxError) else str(error).split("\n", maxsplit=1)[0]
    kind = type(error).__name__
    return ParameterError(
        f"this check cannot be imported: {kind}{f': {said}' if said else ''}",
        where=where,
        mend=mend,
    )


def _named(entry: EntryPoint) -> str:
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "a package"
    return f"{package} ({entry.value})"


def _classes(module: ModuleType) -> Iterator[type[Check]]:
    """Checks that a module defines itself, in the order in which it does."""
    for value in vars(module).values():
        if _is_check(value) and value.__module__ == module.__name__:
            yield value


def _is_check(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Check) and not inspect.isabstract(value)


def _marked(check: type[Check], origin: str) -> type[Check]:
    """The check, once it is in form, with the place that it came from."""
    problems = list(_problems(check))
    if problems:
        raise ParameterError(
            f"{check.__name__}: {'; '.join(problems)}",
            where=origin,
            mend="docs/guide/own_checks.md shows the form of a check",
        )
    check.origin = origin
    return check


def _problems(check: type[Check]) -> Iterator[str]:
    code = getattr(check, "code", None)
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        yield f"code is {code!r}, not capital letters and three digits, such as 'ACM001'"
    for name, kind in _KINDS.items():
        value = getattr(check, name, None)
        if not isinstance(value, kind):
            yield f"{name} is {value!r}, not a {kind.__name__}"
    unknown = [hook for hook in check.needs if hook not in HOOKS]
    if unknown:
        yield f"needs names no hook: {', '.join(unknown)}"
    if not check.__doc__ or check.__doc__ == Check.__doc__:
        yield "it has no docstring that says the property"
