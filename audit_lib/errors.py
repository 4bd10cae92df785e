"""Errors that are meant for people: where, what, and the mend, in one sentence each."""

from collections.abc import Iterator
from contextlib import contextmanager


class AuditError(Exception):
    """A user's mistake or a broken input; printed as one message with an exit code, no traceback.

    Attributes:
        message: what is wrong.
        where: file, and key or line within it, or the argument that was given.
        mend: what to do about it.
    """

    def __init__(self, message: str, *, where: str = "", mend: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.mend = mend

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\n  mend: {self.mend}" if self.mend else head


@contextmanager
def refused(
    kind: type[AuditError], message: str, *, where: object, mend: str = ""
) -> Iterator[None]:
    """What the system refuses within, as an error for people: ``message``, and the reason."""
    try:
        yield
    except OSError as error:
        raise kind(f"{message}: {error.strerror}", where=str(where), mend=mend) from None


class ParameterError(AuditError):
    """The subject's parameters are unusable."""


class VersionError(AuditError):
    """The version that was asked for does not exist, or its id is unsafe."""


class RunError(AuditError):
    """A run could not be executed or published whole.

    Attributes:
        fault: whether the workbook itself failed.
    """

    fault = False


class VerdictError(AuditError):
    """A task came to a verdict that its notebook was asked to fail on; everything is saved."""


class NotAssessed(Exception):  # noqa: N818 - an answer of a check, not a failure of it
    """Raised by a check, or by what it reads, when there is nothing to tell from."""


class NotApplicable(Exception):  # noqa: N818 - an answer of a check, not a failure of it
    """Raised by a check when the subject declares that it has no such surface."""


class NoRegistry(NotApplicable, NotAssessed):
    """The subject declares that its store has no registry.

    A check of the registry does not apply then; whoever can do without one takes it as not told.
    """

    def __init__(self) -> None:
        super().__init__("the store keeps no registry (artifacts.registry is null)")
