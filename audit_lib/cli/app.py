"""The command group, and how errors reach a person: one message, an exit code, no traceback."""

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module

import click

from audit_lib import __version__
from audit_lib.cli.codes import FAULT, INTERRUPTED, PIPE, USAGE
from audit_lib.cli.output import echo, prepare_streams
from audit_lib.errors import AuditError, NotApplicable, NotAssessed
from audit_lib.model import Verdict
from audit_lib.reporters.screen import Screen

#: command name -> ("module:function", what it does); imported only when used, since `--help` and
#: `list` should not wait for pandas
COMMANDS = {
    "run": ("run:run", "Audit versions through the six notebooks, into packets."),
    "gate": ("gate:gate", "Run a fast set of checks with an exit code."),
    "check": ("gate:check", "Run checks by their codes."),
    "smoke": ("gate:smoke", "Run one of the seven smoke checks, or all."),
    "merge": ("spread:merge", "Make the packets of a run that was asked in shards."),
    "assemble": ("assemble:assemble", "Make the packet of notebooks that a scheduler ran."),
    "list": ("read:list_", "List subjects, versions, checks, gates or hooks."),
    "show": ("packets:show", "Show the findings of a published packet."),
    "open": ("packets:open_", "Open a packet in the browser."),
    "explain": ("read:explain", "Say what a check or a hook is about."),
    "verify": ("sign:verify", "Prove that a packet is whole, and who signed it."),
    "sign": ("sign:sign", "Sign a packet that you have read."),
    "compare": ("packets:compare", "Compare the findings of two runs."),
    "init": ("init:init", "Make a workspace: parameters, a place for reports."),
    "lab": ("lab:lab", "Open JupyterLab on copies of the notebooks."),
    "new-subject": ("new_subject:new_subject", "Look at a repository; write its parameters."),
    "hooks": ("hooks:hooks", "Help with writing a subject's hooks."),
    "new-check": ("new_check:new_check", "Begin a check of the catalogue, in a checkout."),
    "baseline": ("baseline:baseline", "Accept today's findings; fail on new ones alone."),
    "explain-model": ("explain_model:explain_model", "Say what a version learned, and why."),
    "why": ("why:why", "Say what made one decision, and what would have turned it."),
    "trace": ("trace:trace", "Export, check and replay decision traces."),
    "prove": ("prove:prove", "Plant faults: what would this audit have seen?"),
    "ledger": ("ledger:ledger", "Keep the review ledger: status, suggest, certify."),
    "contract": ("contract:contract", "Derive the pipeline contract; check a written one."),
    "mcp": ("mcp_server:mcp", "Serve assistants over stdio (Model Context Protocol)."),
    "artifacts": ("scripts:artifacts", "Inventory files without executing any."),
    "pull": ("pull:pull", "Copy the versions of a model from an MLflow server."),
    "edges": ("scripts:edges", "List import edges of a subject."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names, in the order a newcomer needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None with click's own message."""
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(f"audit_lib.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> object:
        """As its parent; click itself would end with 1, "broken", where nobody reads any more."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise click.exceptions.Exit(_nobody_reads()) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in ``--help``, without importing any command."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


#: what options were once called; they still work
RENAMED = {"output-format": "format"}


def _current(name: str) -> str:
    if name in RENAMED:
        _say_renamed(name)
    return RENAMED.get(name, name)


@cache  # once is enough
def _say_renamed(name: str) -> None:
    echo(f"note: --{name} is now --{RENAMED[name]}", err=True)


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": _current},
)
@click.version_option(__version__, prog_name="workbook")
def cli() -> None:
    """Audit a quantitative trading model: contract checks, notebooks, packets, gates.

    Exit codes: 0 kept, 1 broken, 2 could not tell, 3 the workbook itself failed, 4 bad usage.
    """


def main(arguments: list[str] | None = None) -> None:
    """Entry point of the ``workbook`` command."""
    prepare_streams()
    with _ending_well():
        code = _guarded(
            lambda: cli.main(args=arguments, prog_name="workbook", standalone_mode=False)
        )
    sys.exit(code)


class _Stopped(KeyboardInterrupt):
    """A signal that asks to end, taken as the keyboard's is: everything started is ended."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


@contextlib.contextmanager
def _ending_well() -> Iterator[None]:
    """Clean up when a scheduler or a closed terminal ends the command."""

    def stop(number: int, frame: object) -> None:
        raise _Stopped(number)

    changed = []
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            # What is ignored stays so: `nohup`.
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, stop)
                changed.append(number)
    yield
    for number in changed:
        signal.signal(number, signal.SIG_DFL)


def _guarded(call: Callable[[], object]) -> int:
    try:
        code = call()
        sys.stdout.flush()  # so that a reader who went away is noticed here
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return USAGE
    except (click.Abort, KeyboardInterrupt) as stop:
        _say("interrupted; nothing was published")
        stopped = next((e for e in (stop, stop.__cause__) if isinstance(e, _Stopped)), None)
        return stopped.code if stopped else INTERRUPTED
    except AuditError as error:
        _say(str(error))
        return USAGE
    except (NotAssessed, NotApplicable) as error:
        _say(str(error))
        return Verdict.INCONCLUSIVE.exit_code
    except BrokenPipeError:
        return _nobody_reads()
    except Exception:  # noqa: BLE001 - Python's own exit code 1 would say "broken"
        traceback.print_exc()
        _say("the workbook itself failed; this is a defect of it, not of the subject")
        return FAULT


def _nobody_reads() -> int:
    # Python flushes once more on its way out, and would complain.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE


def _say(message: str) -> None:
    console = Screen(stderr=True, highlight=False, soft_wrap=True)
    console.print("[bold red]error:[/]", end=" ")
    console.print(message, markup=False)
