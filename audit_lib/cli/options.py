"""Options that several commands share."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from audit_lib.budget import seconds_of
from audit_lib.cli.completion import subjects, versions
from audit_lib.cli.output import Output
from audit_lib.errors import ParameterError
from audit_lib.model import Task
from audit_lib.reporters import REPORTERS
from audit_lib.selection import listed
from audit_lib.subject.subject import Subject, open_subject, parameters_folder
from audit_lib.workspace import find_workspace

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
#: names of formats, those of one's own too
_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

workspace_option: Decorator = click.option(
    "--workspace",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder that holds parameters/ and notebooks/.  [default: found upwards from here]",
)

root_option: Decorator = click.option(
    "--root",
    type=click.Path(path_type=Path),
    help="The subject's checkout, where the parameters do not hold it.",
)


def version_option(text: str = "An id, latest or champion.") -> Decorator:
    """``--version``, the latest one where it is left out."""
    return click.option(
        "--version", shell_complete=versions, default="latest", show_default=True, help=text
    )


reports_option: Decorator = click.option(
    "--reports",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where packets are kept.  [default: reports/ of the workspace]",
)


def subject_options(*, version: bool = False, place: bool = False) -> Decorator:
    """``SUBJECT``, ``--root`` and ``--workspace``; the subject is open until the command ends.

    Args:
        version: with ``--version``; the command is given ``subject`` bound to that one.
        place: the command is given ``place`` too, the workspace.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def on_subject(
            *arguments: Any, subject: str, root: Path | None, workspace: Path | None, **options: Any
        ) -> Any:
            audited, folder = opened(subject, workspace=workspace, root=root)
            if place:
                options["place"] = folder
            with closing(audited):
                if version:
                    audited = audited.at(audited.select(options.pop("version"))[0])
                return command(*arguments, subject=audited, **options)

        own = [version_option()] if version else []
        name: Decorator = click.argument("subject", shell_complete=subjects)
        decorated: Callable[..., Any] = on_subject
        for option in (workspace_option, root_option, *own, name):
            decorated = option(decorated)
        return decorated

    return decorate


def format_of(*forms: str, text: str = "What goes to standard output.") -> Decorator:
    """``--format`` with these choices, the first of which is the default."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(forms),
        default=forms[0],
        show_default=True,
        help=text,
    )


json_option: Decorator = format_of("console", "json")

inconclusive_option: Decorator = click.option(
    "--allow-inconclusive",
    is_flag=True,
    help="End with 0 where nothing is broken and something could not be told.",
)


budget_option: Decorator = click.option(
    "--budget",
    callback=lambda _ctx, _param, value: None if value is None else seconds_of(value),
    metavar="TIME",
    help="How long checks may ask, such as 60s or 5m: the gravest first; what is left is not "
    "assessed.  [default: no limit]",
)

# click 8.4 made its types generic; at run time older ones cannot be subscripted.
if TYPE_CHECKING:
    _Outputs = click.ParamType[Output]
    _Tasks = click.ParamType[tuple[Task, ...]]
    _Codes = click.ParamType[tuple[str, ...]]
else:
    _Outputs = _Tasks = _Codes = click.ParamType


class Forms(_Outputs):
    """``sarif=FILE`` as an output: a format, and the file that it goes to."""

    name = "format"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Output:
        """A format alone goes to standard output."""
        if isinstance(value, Output):
            return value
        form, equals, file = str(value).partition("=")
        if equals and not file:
            self.fail(f"{value!r} names no file; write {form or 'json'}=FILE", param, ctx)
        if not _FORM.fullmatch(form):
            self.fail(f"{form!r} is no format; use one of {', '.join(REPORTERS)}", param, ctx)
        return Output(form, Path(file) if file else None)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The formats of the workbook."""
        return [CompletionItem(name) for name in REPORTERS if name.startswith(incomplete)]


def _outputs(
    ctx: click.Context, param: click.Parameter, value: tuple[Output, ...]
) -> tuple[Output, ...]:
    """What was asked for; people read the console beside files."""
    shown = [output.form for output in value if output.file is None]
    if len(shown) > 1:
        raise click.BadParameter(
            f"{' and '.join(shown)} cannot share standard output; write {shown[-1]}=FILE",
            ctx=ctx,
            param=param,
        )
    files = [output.file.absolute() for output in value if output.file]
    if len(set(files)) < len(files):
        raise click.BadParameter("two formats name the same file", ctx=ctx, param=param)
    return value if shown else (Output("console", None), *value)


format_option: Decorator = click.option(
    "--format",
    "outputs",
    type=Forms(),
    multiple=True,
    callback=_outputs,
    metavar="FORM[=FILE]",
    help=f"{', '.join(REPORTERS)}, or one of your own.  FORM=FILE writes a file, and may be given "
    "several times; a FORM alone goes to standard output.  [default: console]",
)


class SelectorList(_Codes):
    """``CHK,FEA101`` as selectors of checks."""

    name = "codes"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Selectors named in a comma-separated list."""
        selectors = value if isinstance(value, tuple) else listed(str(value))
        if not selectors:
            self.fail("names no check; write codes or beginnings of codes, CHK,FEA101", param, ctx)
        return selectors


def _flat(
    ctx: click.Context, param: click.Parameter, value: tuple[tuple[str, ...], ...]
) -> tuple[str, ...]:
    return tuple(dict.fromkeys(selector for part in value for selector in part))


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--select`` and ``--ignore``."""
    for name, text in (
        ("--select", "Ask these checks only: codes or beginnings of codes, CHK,FEA101."),
        ("--ignore", "Do not ask these; they count as not assessed."),
    ):
        decorate = click.option(
            name, type=SelectorList(), multiple=True, callback=_flat, metavar="CODES", help=text
        )
        command = decorate(command)
    return command


class TaskList(_Tasks):
    """``T1,T6`` as tasks."""

    name = "tasks"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Task, ...]:
        """Tasks named in a comma-separated list, in task order."""
        if isinstance(value, tuple):
            return value
        wanted = {part.strip().upper() for part in str(value).split(",") if part.strip()}
        unknown = sorted(wanted - set(Task))
        if unknown or not wanted:
            self.fail(
                f"no task is called {', '.join(unknown) or value!r}; use T1 to T6", param, ctx
            )
        return tuple(task for task in Task if task.value in wanted)


def opened(subject: str, *, workspace: Path | None, root: Path | None) -> tuple[Subject, Path]:
    """The subject, and the workspace it was found in."""
    place = find_workspace(workspace)
    return open_subject(subject, workspace=place, root=root), place


def folder_of(subject: str, workspace: Path) -> Path | None:
    """The subject's parameters folder; None where packets outlived it."""
    try:
        return parameters_folder(subject, workspace)
    except ParameterError:
        return None
