"""A notebook's parameters, taken from its namespace and checked.

papermill injects whatever name it is given and only warns about unknown ones, so a misspelt
``verison`` would audit the default version.  Here it is an error.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from audit_lib.errors import ParameterError
from audit_lib.workspace import PLACES

_OPENED = "_audit_opened"
_IPYTHON = frozenset({"In", "Out", "exit", "quit", "open", "get_ipython"})
_PLAIN = (str, int, float, complex, bytes, type(None), list, tuple, dict, set, frozenset)


class NotebookParameters(BaseModel):
    """What the parameters cell of every notebook may set; all of it text.

    Attributes:
        subject: name of a subject, or path of its parameters folder.
        version: a version id, ``latest`` or ``champion``.
        root: the subject's checkout, where its parameters do not hold it.
        reports: where runs are kept; empty for ``reports/`` of the workspace.
        run_id: the run this notebook belongs to; empty for one of its own.
        select: codes of the checks to ask, or beginnings of codes; empty for all.
        ignore: codes of checks that are not asked.
        fail_on: on which verdict the last cell raises, once everything is saved: ``never``,
            ``broken``, or ``inconclusive``, which includes broken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    subject: str
    version: str = "latest"
    root: str = ""
    reports: str = ""
    run_id: str = ""
    select: str = ""
    ignore: str = ""
    fail_on: str = "never"

    @property
    def reference(self) -> str:
        """How the subject is opened: as the run's environment says, else by ``subject``."""
        return os.environ.get(PLACES["subject"]) or self.subject

    def path(self, name: str) -> Path | None:
        """The path that a parameter holds, else the run's environment; None where neither does."""
        text: str = getattr(self, name) or os.environ.get(PLACES[name], "")
        return Path(text).expanduser().absolute() if text else None


FAIL_ON = ("never", "broken", "inconclusive")
KNOWN = tuple(NotebookParameters.model_fields)


def from_namespace(namespace: dict[str, Any], notebook: str) -> NotebookParameters:
    """The parameters that a notebook's namespace holds.

    On the first call in a kernel every plain value of the namespace must be a known parameter.
    Later calls (a person runs the cell again, after work of their own) only reject near misses.

    Args:
        namespace: the notebook's ``globals()``.
        notebook: name of the notebook, for messages.

    Raises:
        ParameterError: an unknown name, a missing one, or a value that is not text.
    """
    _reject_unknown(namespace, notebook, strict=not namespace.get(_OPENED))
    values = {name: namespace[name] for name in KNOWN if name in namespace}
    for name, value in values.items():
        if isinstance(value, Path):
            values[name] = str(value)
        elif not isinstance(value, str):
            raise ParameterError(
                f"parameter {name!r} is {value!r}, not text",
                where=notebook,
                mend=f"quote it; with papermill, `-r {name} …` (raw) keeps text as it is",
            )
    if not values.get("subject"):
        raise ParameterError(
            "parameter 'subject' is missing",
            where=notebook,
            mend="run the cell tagged `parameters` first",
        )
    if values.get("fail_on", "never") not in FAIL_ON:
        raise ParameterError(
            f"parameter 'fail_on' is {values['fail_on']!r}",
            where=notebook,
            mend=f"use one of: {', '.join(FAIL_ON)}",
        )
    namespace[_OPENED] = True
    return NotebookParameters(**values)


def _reject_unknown(namespace: Mapping[str, Any], notebook: str, *, strict: bool) -> None:
    for name, value in namespace.items():
        injected = name.startswith(("_", "PAPERMILL_")) or name in _IPYTHON or name in KNOWN
        if injected or not isinstance(value, _PLAIN):
            continue
        near = difflib.get_close_matches(name, KNOWN, n=1)
        if strict or near:
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ParameterError(
                f"unknown parameter {name!r}",
                where=notebook,
                mend=f"{hint}known parameters: {', '.join(KNOWN)}",
            )
