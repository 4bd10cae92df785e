"""All checks that may be asked of a subject: the catalogue's, and those from elsewhere."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from audit_lib.checks.base import Check
from audit_lib.checks.catalogue import BY_TASK, CATALOGUE, check_class
from audit_lib.errors import AuditError, ParameterError
from audit_lib.model import Task
from audit_lib.selection.foreign import of_folder, of_packages
from audit_lib.subject.subject import Subject


@dataclass(frozen=True)
class Roster:
    """Checks by code.  Those of the catalogue are imported when they are asked for.

    Attributes:
        foreign: checks that are not of the catalogue, by code.
    """

    foreign: Mapping[str, type[Check]]

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code: the catalogue's in its order, then the others."""
        return (*CATALOGUE, *self.foreign)

    def get(self, code: str) -> type[Check]:
        """The check of that code.

        Raises:
            AuditError: no such code; the message names the nearest ones.
        """
        if code in self.foreign:
            return self.foreign[code]
        if code not in CATALOGUE and self.foreign:
            near = difflib.get_close_matches(code.upper(), self.codes, n=3) or list(self.foreign)
            raise AuditError(
                f"no check is called {code!r}",
                where="check code",
                mend=f"did you mean {', '.join(near[:3])}?",
            )
        return check_class(code)

    def of(self, task: Task) -> tuple[type[Check], ...]:
        """The checks of one task, in order; no other of the catalogue is imported."""
        ours = tuple(check_class(code) for code in BY_TASK.get(task, {}))
        return (*ours, *(check for check in self.foreign.values() if check.task is task))

    def joining(self, gate: str) -> tuple[str, ...]:
        """Codes of the foreign checks that join a gate."""
        return tuple(code for code, check in self.foreign.items() if gate in check.gates)


def roster_of(subject: Subject | None = None) -> Roster:
    """The checks that may be asked of a subject; without one, of any subject.

    Raises:
        ParameterError: a check from elsewhere cannot be imported, is not in form, or has the code
            of another one.
    """
    foreign = list(of_packages())
    if subject is not None:
        foreign += of_folder(subject.folder)
    return Roster(_by_code(foreign))


def _by_code(checks: Iterable[type[Check]]) -> dict[str, type[Check]]:
    by_code: dict[str, type[Check]] = {}
    for check in checks:
        other = "the workbook" if check.code in CATALOGUE else ""
        if check.code in by_code:
            other = by_code[check.code].origin
        if other:
            raise ParameterError(
                f"the code {check.code} of {check.__name__} is taken by {other}",
                where=check.origin,
                mend="choose three letters of your own, such as ACM001",
            )
        by_code[check.code] = check
    return dict(sorted(by_code.items()))
