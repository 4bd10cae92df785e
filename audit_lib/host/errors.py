"""What can go wrong between an audit and the code it calls.

Every failure of a hook is a :class:`HookError`: it costs the check that made the call and
nothing else.  The two ``…Unavailable`` errors mean that no call was made at all.
"""

# ruff: noqa: N818 - the names say what happened; "Error" would add nothing

import signal as signals

from audit_lib.errors import AuditError


class HostUnavailable(AuditError):
    """The host cannot start; the message names what is missing and the mend."""


class IsolationUnavailable(AuditError):
    """This machine cannot contain what was asked to run; the message names the option."""


class HookError(Exception):
    """A call of a hook that gave no usable answer.

    Attributes:
        hook: full name of the hook (``drift.psi``), or ``hooks.py`` when the file itself failed.
        detail: what happened, in one sentence without the hook's name.
        output: the end of what the child printed meanwhile (standard output, then standard error).
    """

    def __init__(self, hook: str, detail: str, *, output: bytes = b"") -> None:
        super().__init__(f"{hook}: {detail}")
        self.hook = hook
        self.detail = detail
        self.output = output


class HookMissing(HookError):
    """The subject's ``hooks.py`` registers no such hook."""


class HookRaised(HookError):
    """The hook raised an exception.

    Attributes:
        type_name: qualified name of the exception's class, in the child.
        message: its text.
        traceback: its trimmed traceback, frames of the host left out.
    """

    def __init__(
        self, hook: str, type_name: str, message: str, traceback: str = "", *, output: bytes = b""
    ) -> None:
        said = f": {message}" if message else ""
        super().__init__(hook, f"raised {type_name}{said}", output=output)
        self.type_name = type_name
        self.message = message
        self.traceback = traceback


class HookRefused(HookError):
    """The hook raised :class:`audit_lib.hooks.Refusal`: the subject declined by design.

    Attributes:
        reason: why, in the subject's words.
    """

    def __init__(self, hook: str, reason: str, *, output: bytes = b"") -> None:
        super().__init__(hook, f"refused: {reason}" if reason else "refused", output=output)
        self.reason = reason


class HookTimedOut(HookError):
    """The hook did not answer in time and was killed.

    Attributes:
        limit: the limit, in seconds.
    """

    def __init__(self, hook: str, limit: float, *, output: bytes = b"", detail: str = "") -> None:
        super().__init__(hook, detail or f"no answer within {limit:g} s; killed", output=output)
        self.limit = limit


class HookOutOfMemory(HookError):
    """The hook asked for more memory than its limit.

    Attributes:
        limit_mb: the limit, in mebibytes.
    """

    def __init__(self, hook: str, limit_mb: int, detail: str = "", *, output: bytes = b"") -> None:
        said = f" ({detail})" if detail else ""
        super().__init__(hook, f"ran out of its {limit_mb} MiB of memory{said}", output=output)
        self.limit_mb = limit_mb


class HookDied(HookError):
    """The process of the hook ended without an answer.

    Attributes:
        signal: the signal that killed it, or None.
        exit_code: the code it left with, or None.
    """

    def __init__(
        self,
        hook: str,
        *,
        signal: int | None = None,
        exit_code: int | None = None,
        detail: str = "",
        output: bytes = b"",
    ) -> None:
        if signal is not None:
            said = f"its process was killed by {signal_name(signal)}"
        elif exit_code is not None:
            said = f"its process left with exit code {exit_code} instead of answering"
        else:
            said = "its process ended without an answer"
        super().__init__(hook, f"{said} ({detail})" if detail else said, output=output)
        self.signal = signal
        self.exit_code = exit_code


class HookBadAnswer(HookError):
    """The answer is not data that may cross: wrong kind, too large, or garbage on the wire."""


def signal_name(number: int) -> str:
    """``SIGSEGV`` for 11; ``signal 99`` for one without a name."""
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"
