"""What a fault is: an operator that spoils a subject's answers, or copies of its files, in one way.

A fault of a hook is a function of one :class:`Call`: it gets the true answer, may ask the hook
again with other arguments, and gives the spoiled answer.  A fault of files edits a :class:`Copy` of
source and store.  Either names the contract that it breaks, the checks that ought to see it, and
the least size worth seeing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from audit_lib.model import Contract


class Spared(Exception):  # noqa: N818 - an answer of a fault, not a failure of it
    """This subject offers nothing that the fault could spoil; says what is missing."""


@dataclass(frozen=True)
class Call:
    """One call of a hook, answered.

    Attributes:
        hook: its name, without variant.
        args: what it was asked, after the context.
        answer: what it truly answered; an exception where it failed or refused.
        ask: the true hook, to be asked with other arguments.
        case: which of the fault's cases is planted, such as a column's name.
        seed: for what a fault draws; the same in every call of one planting.
    """

    hook: str
    args: tuple[Any, ...]
    answer: Any
    ask: Callable[..., Any]
    case: str
    seed: int

    @property
    def rng(self) -> np.random.Generator:
        """A generator that starts anew in every call."""
        return np.random.default_rng(self.seed)

    @property
    def failed(self) -> bool:
        """True where the hook refused or failed."""
        return isinstance(self.answer, Exception)


@dataclass(frozen=True)
class Copy:
    """Copies of a subject's files, to be edited.

    Attributes:
        root: copy of the source.
        store: copy of the artifact store.
        version: id of the version under audit.
        folder: the version's folder within the store.
        metadata: the version's metadata file.
        registry: the registry file; None where there is none.
    """

    root: Path
    store: Path | None
    version: str
    folder: Path
    metadata: Path
    registry: Path | None
    seed: int

    @property
    def rng(self) -> np.random.Generator:
        """A generator for what the fault draws."""
        return np.random.default_rng(self.seed)


Spoil = Callable[[Call], Any]
Operator = TypeVar("Operator", bound=Callable[..., Any])
Edit = Callable[[Copy], None]
#: kinds of cases that a fault is planted in, one at a time
CASES = ("", "served column", "head")


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: such as ``features_read_the_next_bar``.
        contract: the contract that it breaks.
        sees: codes of the checks of which one at least ought to see it.
        least: the least size worth seeing, which is what is planted.
        told: what it does, in a sentence.
        hooks: hooks whose answers it spoils, at once; none for a fault of files.
        case: what it is planted in, one at a time; see :data:`CASES`.
        spoil, edit: the operator itself; one of the two.
    """

    name: str
    contract: Contract
    sees: tuple[str, ...]
    least: str
    told: str
    hooks: tuple[str, ...] = ()
    case: str = ""
    spoil: Spoil | None = None
    edit: Edit | None = None


FAULTS: dict[str, Fault] = {}


def fault(
    contract: Contract,
    *sees: str,
    least: str,
    hooks: Sequence[str] | str,
    case: str = "",
    of: Callable[[Call], Any] | None = None,
    failures: bool = False,
) -> Callable[[Operator], Operator]:
    """Register a function as a fault of hooks; its first docstring line says what it does.

    Args:
        of: what of the answer the function spoils in place, such as its frame, which it is given
            beside the call; where there is none, the answer stays as it is.
        failures: whether it changes what refused or failed, too.
    """

    def register(function: Operator) -> Operator:
        def spoil(call: Call) -> Any:
            part = of(call) if of is not None else None
            if (call.failed and not failures) or (of is not None and part is None):
                return call.answer
            if of is None:
                return function(call)
            changed = function(call, part)
            return call.answer if changed is None else changed

        named = (hooks,) if isinstance(hooks, str) else tuple(hooks)
        _add(function, contract, sees, least, hooks=named, case=case, spoil=spoil)
        return function

    return register


def file_fault(contract: Contract, *sees: str, least: str) -> Callable[[Edit], Edit]:
    """Register a function as a fault of files."""

    def register(function: Edit) -> Edit:
        _add(function, contract, sees, least, edit=function)
        return function

    return register


def _add(
    function: Callable[..., Any],
    contract: Contract,
    sees: tuple[str, ...],
    least: str,
    **parts: Any,
) -> None:
    name = function.__name__
    if name in FAULTS:
        raise ValueError(f"two faults are called {name}")
    summary = (function.__doc__ or "").splitlines()[0]
    FAULTS[name] = Fault(name, contract, sees, least, summary, **parts)
