"""Checks from elsewhere: files in a subject's parameters folder, and installed packages.

They are imported into the process that judges and run with its rights, which hooks never do.
"""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard

from audit_lib.checks.base import Check, Reads
from audit_lib.errors import ParameterError
from audit_lib.hooks import HOOKS
from audit_lib.model import Contract, Severity, Task
from audit_lib.plugins import announced, from_folder

#: folder of a subject's own checks, and the end of the group under which packages announce some
KIND = "checks"
_CODE = re.compile(r"[A-Z]{3,8}[0-9]{3}")
_KINDS = {"contract": Contract, "task": Task, "severity": Severity, "reads": Reads}


def of_folder(folder: Path) -> tuple[type[Check], ...]:
    """The checks in ``checks/*.py`` of a parameters folder.

    Raises:
        ParameterError: a file cannot be imported, holds no check, or one is not in form.
    """
    checks: list[type[Check]] = []
    for file in from_folder(folder, KIND):
        assert isinstance(file.value, ModuleType)
        held = list(_classes(file.value))
        if not held:
            raise ParameterError(
                "holds no check",
                where=file.where,
                mend="define a subclass of Check, or call the file "
                f"_{file.name}.py if it only helps",
            )
        checks += [_marked(check, file.origin) for check in held]
    return tuple(checks)


@cache
def of_packages() -> tuple[type[Check], ...]:
    """The checks that installed packages announce.

    Raises:
        ParameterError: one cannot be imported, is no check, or is not in form.
    """
    checks: list[type[Check]] = []
    for entry in announced(KIND):
        value = entry.value
        for check in _classes(value) if isinstance(value, ModuleType) else [value]:
            if not _is_check(check):
                raise ParameterError(
                    f"{type(check).__name__} is no check",
                    where=entry.origin,
                    mend="name a subclass of Check, or a module that holds some",
                )
            checks.append(_marked(check, entry.origin))
    return tuple(dict.fromkeys(checks))


def _classes(module: ModuleType) -> Iterator[type[Check]]:
    """Checks that a module defines itself, in the order in which it does."""
    for value in vars(module).values():
        if _is_check(value) and value.__module__ == module.__name__:
            yield value


def _is_check(value: Any) -> TypeGuard[type[Check]]:
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
