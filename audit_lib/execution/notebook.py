"""One notebook, executed headlessly, and whether it was executed whole.

papermill's own record is not relied on: a killed kernel, ``sys.exit`` in a cell and an unknown
parameter all leave a notebook that it calls completed.  A notebook is complete when every code
cell was executed without an error and the last one left a sentinel that fits the results.
"""

import errno
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import papermill
from jupyter_core.utils import run_sync
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillException, PapermillExecutionError

from audit_lib import errors
from audit_lib.errors import AuditError, RunError
from audit_lib.execution.kernels import Kernels
from audit_lib.execution.layout import RunFolder
from audit_lib.execution.progress import MIME
from audit_lib.execution.stored import read_notebook, write_notebook
from audit_lib.files import read_words
from audit_lib.model import Task

ENGINE = "audit-workbook"
_SILENT = logging.getLogger("audit_lib.notebook")  # what goes wrong is said once, in our words
_SILENT.addHandler(logging.NullHandler())
_SILENT.propagate = False
_KERNEL_SECONDS = 120  # to become ready, on a machine that is busy
Tell = Callable[[dict[str, Any]], None]


@dataclass
class Errand:
    """One notebook to execute.

    Attributes:
        notebook: the notebook, which stays as it is.
        parameters: what to set in it.
        environment: what its kernel is told beside them, and the packet is not.
        kernels: where its kernel comes from.
        timeout: seconds it may take; None for no limit.
        report: told the notebook's progress messages.
    """

    task: Task
    notebook: Path
    parameters: Mapping[str, str]
    folder: RunFolder
    kernels: Kernels
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    report: Tell = lambda message: None
    cell: str = field(default="", init=False)
    """where it is: id and position of the cell that runs"""

    @property
    def output(self) -> Path:
        """The executed notebook."""
        return self.folder.notebooks / self.notebook.name

    @property
    def log(self) -> Path:
        """What the kernel's process prints past the notebook."""
        return self.kernels.scratch / f"{self.folder.run_id}-{self.task.value}.log"

    def problem(self, message: str, mend: str) -> RunError:
        """An error of this notebook at the cell it has reached."""
        at = f", cell {self.cell}" if self.cell else ""
        return RunError(message, where=f"{self.task.value} ({self.notebook.name}{at})", mend=mend)


def execute(errand: Errand) -> None:
    """Execute a notebook and check that it is complete.

    Raises:
        RunError: it is not; the message names task, cell and mend.
    """
    check_parameters(errand.notebook, errand.parameters)
    try:
        done = papermill.execute_notebook(
            _escaped(errand.notebook),
            _escaped(errand.output),
            parameters=dict(errand.parameters),
            engine_name=ENGINE,
            kernel_name="python3",
            progress_bar=False,
            start_timeout=_KERNEL_SECONDS,
            errand=errand,
        )
    except DeadKernelError:
        raise errand.problem(f"the kernel died{_last_words(errand)}", _DEATH) from None
    except CellTimeoutError:
        late = "the kernel gave no word in time; is the machine overloaded?"
        message = late if errand.timeout is None else f"took longer than {errand.timeout:g} s"
        raise errand.problem(message, "raise --timeout, or mend what hangs") from None
    except PapermillExecutionError as error:
        raise _raised(errand, error) from None
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        mend = "free some space there" if full else "choose another --reports folder"
        raise errand.problem(f"cannot be written: {error.strerror or error}", mend) from None
    except RuntimeError as error:  # the kernel did not become ready
        raise errand.problem(f"{error}{_last_words(errand)}", _DEATH) from None
    finally:
        errand.log.unlink(missing_ok=True)
    _check_executed(errand, done)
    _forget_places(errand, done)


def check_parameters(notebook: Path, parameters: Iterable[str]) -> None:
    """Refuse parameters that a notebook does not declare.

    Raises:
        RunError: no cell is tagged ``parameters``, or it does not set one of the names.
    """
    document = read_notebook(notebook)
    if not any("parameters" in cell.metadata.get("tags", []) for cell in document.cells):
        raise RunError(
            "no cell is tagged 'parameters'",
            where=str(notebook),
            mend="tag the cell that sets subject, version and run_id as `parameters`",
        )
    try:
        declared = papermill.inspect_notebook(_escaped(notebook))
    except (ValueError, PapermillException) as error:
        raise RunError(
            f"names no Python kernel: {error}",
            where=str(notebook),
            mend="open it in JupyterLab, choose a Python kernel, and save it",
        ) from None
    unknown = [p for p in parameters if p not in declared]
    if unknown:
        raise RunError(
            f"its parameters cell does not set {', '.join(map(repr, unknown))}",
            where=str(notebook),
            mend=f"it sets: {', '.join(declared) or 'nothing'}; add the rest with defaults",
        )


class _Client(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client, which also knows where it is, how long it may take and who watches."""

    def __init__(self, nb_man: Any, errand: Errand, **options: Any) -> None:
        super().__init__(nb_man, **options)
        self.errand = errand
        self.force_raise_errors = True
        self.shutdown_kernel = "immediate"  # everything is saved; saves a second
        self._deadline: float | None = None
        if errand.timeout is not None:
            self.timeout_func = self._seconds_left

    def _seconds_left(self, _: Any) -> int:
        assert self.errand.timeout is not None
        if self._deadline is None:  # the first cell: the time a kernel takes to start is not its
            self._deadline = time.monotonic() + self.errand.timeout
        return max(1, round(self._deadline - time.monotonic()))

    def create_kernel_manager(self) -> Any:
        self.km = self.errand.kernels.manager()
        return self.km

    async def async_execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
        if cell.cell_type == "code":
            self.errand.cell = f"{cell.get('id', '?')!r}, {cell_index + 1} of {len(self.nb.cells)}"
        return await super().async_execute_cell(cell, cell_index, **options)

    # The synchronous form that papermill calls was bound to the parent's coroutine.
    execute_cell = run_sync(async_execute_cell)

    def process_message(self, msg: Any, *rest: Any) -> Any:
        data = msg["content"].get("data") if msg["msg_type"].endswith("display_data") else None
        if data and MIME in data:
            self.errand.report(data[MIME])
        return super().process_message(msg, *rest)


class _Engine(NBClientEngine):  # type: ignore[misc]
    """papermill's engine with our client and kernels."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, *, errand: Errand, start_timeout: int = 60, **_: Any
    ) -> Any:
        # What a cell shows may be late on a busy machine; four seconds are usual, and lose the run.
        client = _Client(
            nb_man,
            errand,
            startup_timeout=start_timeout,
            iopub_timeout=start_timeout,
            log=_SILENT,
        )
        with errand.log.open("wb") as log:
            return client.execute(
                env={**errand.kernels.environment(), **errand.environment},
                cwd=str(errand.notebook.parent),
                stdout=log,
                stderr=log,
            )


papermill_engines.register(ENGINE, _Engine)

_DEATH = (
    "the process was killed or crashed: look for the out-of-memory killer (fewer --jobs helps), "
    "or run the notebook by hand up to that cell"
)


def _check_executed(errand: Errand, done: Any) -> None:
    code = [c for c in done.cells if c.cell_type == "code" and c.source.strip()]
    for cell in code:
        failed = any(o.output_type == "error" for o in cell.get("outputs", []))
        if cell.execution_count is None or failed:
            errand.cell = repr(cell.get("id", "?"))
            raise errand.problem(
                "was not executed, though nothing raised" if not failed else "ended in an error",
                "take exit() out of the cells before it",
            )
    errand.cell = ""
    gap = errand.folder.check(errand.task)
    if gap:
        raise errand.problem(gap, "end the notebook with audit.close(), in a cell of its own")


def _forget_places(errand: Errand, done: Any) -> None:
    try:
        write_notebook(errand.output, done)
    except OSError as error:
        raise errand.problem(
            f"cannot be written: {error.strerror}", "free some space there"
        ) from None


def _raised(errand: Errand, error: PapermillExecutionError) -> RunError:
    kind = getattr(errors, error.ename, None)
    text = str(error.evalue)
    if isinstance(kind, type) and issubclass(kind, AuditError):
        message, _, mend = text.partition("\n  mend: ")
        return errand.problem(message, mend or f"see {errand.output}")
    if error.ename == "SystemExit":
        return errand.problem(f"a cell left with exit({text})", "take exit() out of the notebook")
    first = text.strip().splitlines()[0] if text.strip() else ""
    return errand.problem(f"{error.ename}: {first}", f"the traceback is in {errand.output}")


def _last_words(errand: Errand) -> str:
    try:
        lines = read_words(errand.log, errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f" ({lines[-1][:200]})" if lines else ""


def _escaped(path: Path) -> str:
    # papermill formats paths with the parameters; braces in a folder's name are not for it.
    return str(path).replace("{", "{{").replace("}", "}}")
