"""Where the workspace is: the folder with ``parameters/``, ``notebooks/`` and ``reports/``."""

import os
from pathlib import Path

from audit_lib.errors import AuditError
from audit_lib.model import Task

VARIABLE = "AUDIT_WORKSPACE"
#: the file that makes a folder a workspace, whatever else it holds
MARKER = ".workbook"
#: what tells the notebooks of a run where things are: parameters stay in an executed notebook,
#: the environment does not, and a packet holds no machine's paths
PLACES = {"subject": "AUDIT_RUN_SUBJECT", "root": "AUDIT_RUN_ROOT", "reports": "AUDIT_RUN_REPORTS"}
_PACKAGE = Path(__file__).resolve().parent


def find_workspace(start: Path | None = None) -> Path:
    """The workspace at or above a folder.

    A workspace holds the marker that ``workbook init`` leaves, or ``parameters/`` with
    ``notebooks/`` beside it or at least one ``subject.yaml`` below it (notebooks that it lacks come
    from the installed package).  Without ``start``, the environment variable ``AUDIT_WORKSPACE``,
    the notebook that a Jupyter server is running, and the working directory are tried in turn;
    never the place of this package, where nobody asked for anything to be written.

    Raises:
        AuditError: there is none; the message says where it was looked for.
    """
    if start is not None:
        return _required(start)
    named = os.environ.get(VARIABLE)
    if named:
        return _required(Path(named), where=VARIABLE)
    # Jupyter servers tell a kernel which notebook it serves, whatever its working directory is.
    served = Path(os.environ.get("JPY_SESSION_NAME", ""))
    starts = [served.parent] if served.is_absolute() else []
    for folder in (*starts, Path.cwd()):
        workspace = _above(folder)
        if workspace:
            return workspace
    raise _missing(Path.cwd())


def notebook_path(task: Task, workspace: Path | None = None) -> Path:
    """The notebook of a task: the workspace's own, else the one that the package ships.

    Raises:
        AuditError: there is none, or more than one in one place.
    """
    folders = [_PACKAGE / "_notebooks", _PACKAGE.parent / "notebooks"]
    if workspace is not None:
        folders.insert(0, workspace / "notebooks")
    for folder in folders:
        notebooks = sorted(folder.glob(f"{task.value}_*.ipynb"))
        if len(notebooks) > 1:
            raise AuditError(
                f"two notebooks for {task.value}: {', '.join(f.name for f in notebooks)}",
                where=str(folder),
                mend="keep one",
            )
        if notebooks:
            return notebooks[0]
    raise AuditError(
        f"no notebook {task.value}_*.ipynb",
        where=str(folders[0]),
        mend="restore it from the distribution",
    )


def _required(start: Path, where: str = "") -> Path:
    workspace = _above(start)
    if workspace is None:
        raise _missing(start, where)
    return workspace


def _above(start: Path) -> Path | None:
    folder = Path(os.path.abspath(start))
    return next((f for f in (folder, *folder.parents) if is_workspace(f)), None)


def is_workspace(folder: Path) -> bool:
    """True for a folder that is a workspace itself."""
    if (folder / MARKER).is_file():
        return True
    parameters = folder / "parameters"
    if not parameters.is_dir():
        return False
    return (folder / "notebooks").is_dir() or any(parameters.glob("*/subject.yaml"))


def _missing(start: Path, where: str = "") -> AuditError:
    return AuditError(
        f"no workspace at or above {start}",
        where=where,
        mend=f"`workbook init` makes one here; or name one as --workspace, or in {VARIABLE}",
    )
