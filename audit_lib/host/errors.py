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
    """

    def __init__(self, hook: str, type_name: str, message: str, *, output: bytes = b"") -> None:
        text = f": {message}" if message else ""
        super().__init__(hook, f"raised {type_name}{text}", output=output)
        self.type_name = type_name
        self.message = message


class HookRefused(HookError):
    """The hook raised :class:`audit_lib.hooks.Refusal`: the subject declined by design.

    Attributes:
        reason: why, in the subject's words.
    """

    def __init__(self, hook: str, reason: str, *, output: bytes = b"") -> None:
        super().__init__(hook, f"refused: {reason}" if reason else "refused", output=output)
        self.reason = reason


class HookTimedOut(HookError):
    """The hook did not answer in time and was killed."""

    def __init__(self, hook: str, limit: float, *, output: bytes = b"", detail: str = "") -> None:
        super().__init__(hook, detail or f"no answer within {limit:g} s; killed", output=output)


class HookOutOfMemory(HookError):
    """The hook asked for more memory than its limit."""

    def __init__(self, hook: str, limit_mb: int, detail: str, *, output: bytes) -> None:
        more = f" ({detail})" if detail else ""
        super().__init__(hook, f"ran out of its {limit_mb} MiB of memory{more}", output=output)


class HookDied(HookError):
    """The process of the hook ended without an answer."""

    def __init__(
        self,
        hook: str,
        *,
        signal: int | None = None,
        exit_code: int | None = None,
        detail: str = "",
        output: bytes,
    ) -> None:
        if signal is not None:
            ending = f"its process was killed by {signal_name(signal)}"
        elif exit_code is not None:
            ending = f"its process left with exit code {exit_code} instead of answering"
        else:
            ending = "its process ended without an answer"
        super().__init__(hook, f"{ending} ({detail})" if detail else ending, output=output)


class HookBadAnswer(HookError):
    """The answer is not data that may cross: wrong kind, too large, or garbage on the wire."""


def signal_name(number: int) -> str:
    """``SIGSEGV`` for 11; ``signal 99`` for one without a name."""
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"
