"""Reporters from elsewhere: files in a subject's parameters folder, and installed packages.

A reporter is a function that takes reports, one a version, and answers text: the function
``report`` of ``reporters/NAME.py`` beside ``subject.yaml``, or what a package announces under the
entry point ``audit_lib.reporters``.  It runs with the rights of the process that judges.
"""

from collections.abc import Iterator
from functools import wraps
from pathlib import Path
from types import ModuleType

from audit_lib.errors import ParameterError
from audit_lib.plugins import Plugin, announced, from_folder, line_of, said
from audit_lib.reporters import REPORTERS, Report, Reporter

KIND = "reporters"


def reporter_of(name: str, folder: Path | None = None) -> Reporter:
    """The reporter of that name: ours, a subject's own, or a package's.

    Args:
        name: as ``--format`` names it.
        folder: the subject's parameters; None where no subject is known.

    Raises:
        ParameterError: there is none, or it does not fit; the message names file and mend.
    """
    if name in REPORTERS:
        return REPORTERS[name]
    others = dict(_elsewhere(folder))
    if name not in others:
        raise ParameterError(
            f"no format is called {name!r}",
            where="--format",
            mend=f"use one of: {', '.join([*REPORTERS, *others])}",
        )
    return others[name]


def _elsewhere(folder: Path | None) -> Iterator[tuple[str, Reporter]]:
    taken = dict.fromkeys(REPORTERS, "the workbook")
    for plugin in [*announced(KIND), *(from_folder(folder, KIND) if folder else [])]:
        if plugin.name in taken:
            raise ParameterError(
                f"the name {plugin.name} is taken by {taken[plugin.name]}",
                where=plugin.where,
                mend="give the file, or the entry point, a name of its own",
            )
        taken[plugin.name] = plugin.origin
        yield plugin.name, _guarded(plugin)


def _guarded(plugin: Plugin) -> Reporter:
    """Its function, whose mistakes are told as those of its author."""
    module = plugin.value if isinstance(plugin.value, ModuleType) else None
    function = getattr(module, "report", None) if module else plugin.value
    if not callable(function):
        raise ParameterError(
            "holds no function `report`" if module else f"{type(function).__name__} is no function",
            where=plugin.where,
            mend="define report(*reports) that answers text; docs/guide/own_formats.md shows one",
        )

    @wraps(function)
    def report(*reports: Report) -> str:
        try:
            text = function(*reports)
        except Exception as error:  # noqa: BLE001 - the function may raise anything
            line = line_of(error, Path(plugin.where).parent)
            raise _wrong(f"this reporter failed: {said(error)}", line or plugin.where) from None
        if not isinstance(text, str):
            raise _wrong(f"this reporter answered {type(text).__name__}, not text", plugin.where)
        return text if text.endswith("\n") or not text else f"{text}\n"

    return report


def _wrong(message: str, where: str) -> ParameterError:
    return ParameterError(message, where=where, mend="correct it, or ask for another --format")
