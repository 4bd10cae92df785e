"""A notebook as it is stored: read whole and held against its format, or refused in words."""

import warnings
from pathlib import Path
from typing import Any

import nbformat

from audit_lib.errors import RunError
from audit_lib.files import read_words, write_whole

_TELLING = (OSError, ValueError, nbformat.ValidationError)


def write_notebook(file: Path, document: Any) -> None:
    """Write an executed notebook without what papermill noted of this machine's folders.

    Raises:
        OSError: it cannot be written.
    """
    noted = document.metadata.get("papermill", {})
    noted.update({k: Path(noted[k]).name for k in ("input_path", "output_path") if noted.get(k)})
    write_whole(file, nbformat.writes(document).encode())  # type: ignore[no-untyped-call]


def read_notebook(file: Path) -> Any:
    """The notebook of a file, in format 4.

    Raises:
        RunError: it is no regular file, no JSON, or not of the form that notebooks have.
    """
    try:
        text = read_words(file)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without an id get one
            document: Any = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
            nbformat.validate(document, relax_add_props=True)
        nbformat.writes(document).encode()  # type: ignore[no-untyped-call]  # lone surrogates
    except Exception as error:  # noqa: BLE001 - nbformat raises whatever it stumbles over
        reason = str(error) if isinstance(error, _TELLING) else ""
        lines = reason.strip().splitlines() or ["it is not of the form that notebooks have"]
        raise RunError(
            f"cannot be read as a notebook: {lines[0][:200]}",
            where=str(file),
            mend="restore it from the distribution, or save it anew in JupyterLab",
        ) from None
    return document
