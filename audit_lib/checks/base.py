"""What a check is.

A check states one property that any subject must have.  It is a small pydantic model: class
variables say what it is, annotated fields are its options (settable under ``options.<code>`` in
``subject.yaml``), the docstring is its documentation page, and :meth:`Check.run` yields what it
saw::

    class NothingBeatsItself(Check):
        \"\"\"A challenger equal to the champion must not be promoted.

        What it checks
            ...
        Why it matters
            ...
        How
            ...
        Limitations
            ...
        Remediation
            ...
        Sources
            ...
        \"\"\"

        code = "GOV002"
        severity = Severity.HIGH
        needs = ("governance.promote",)

        def run(self, subject: Subject) -> Answers: ...
"""

import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from audit_lib.checks.catalogue import TASK_OF
from audit_lib.model import (
    CheckResult,
    Contract,
    Evidence,
    Examined,
    Finding,
    Gap,
    Location,
    Margin,
    Outcome,
    Severity,
    Task,
)
from audit_lib.subject.places import OF_A_HOOK
from audit_lib.subject.subject import Subject

__all__ = ["SECTIONS", "Answer", "Answers", "Check", "Reads", "Subject", "show"]

Answer = Finding | Evidence | Examined | Gap | Margin
Answers = Iterator[Answer]

SECTIONS = ("What it checks", "Why it matters", "How", "Limitations", "Remediation", "Sources")


class Reads(StrEnum):
    """The way in which a check knows."""

    CODE = "code"
    ARTIFACTS = "artifacts"
    BEHAVIOUR = "behaviour"


class Check(BaseModel, ABC):
    """One testable statement under a contract.

    Class attributes:
        code: stable id, three letters for the contract and three digits.
        contract: the promise that it is about; of a check of the catalogue, its folder.
        task: where it is asked; of a check of the catalogue, the one that lists it there.
        severity: how bad a finding is by default.
        reads: code or artifacts, where it does not probe the behaviour.
        needs: hooks without which it is not assessed.
        offered: hooks of a form that engines may have or not; where none of them is written, nor
            declared absent, the check does not apply.
        pure: its answer rests on nothing but the subject's files, parameters and its options: on no
            hook, date, environment or other result.  Such answers are kept from run to run.
        gates: gates that it joins, where it is not of the catalogue.
        origin: where it came from, where it is not of the catalogue.
        about: the hook whose behaviour its findings are about; by default the first that it needs
            or offers to judge.
        cites: tables that its findings rest on, where they name no others.
        expects: what its findings expected, where they say nothing else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    code: ClassVar[str]
    contract: ClassVar[Contract]
    task: ClassVar[Task]
    severity: ClassVar[Severity]
    reads: ClassVar[Reads] = Reads.BEHAVIOUR
    needs: ClassVar[tuple[str, ...]] = ()
    offered: ClassVar[tuple[str, ...]] = ()
    pure: ClassVar[bool] = False
    gates: ClassVar[tuple[str, ...]] = ()
    origin: ClassVar[str] = ""
    about: ClassVar[str] = ""
    cites: ClassVar[tuple[str, ...]] = ()
    expects: ClassVar[str] = ""

    @abstractmethod
    def run(self, subject: Subject) -> Answers:
        """Yield findings, evidence, gaps, what was examined, and how far a promise was kept.

        A check that yields no finding and no ``Examined`` above zero has not assessed anything,
        and a ``Gap`` keeps it from passing.

        Raises:
            NotAssessed, NotApplicable: there is nothing to tell from; the message says what is
                missing.
        """

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        """A check of the catalogue is about the contract whose folder holds it."""
        match cls.__module__.split("."):
            case ["audit_lib", "checks", folder, _]:
                cls.contract = Contract(folder)
                if hasattr(cls, "code"):  # a frame of several has none
                    cls.task = TASK_OF[cls.code]

    # --- what it says of itself ---------------------------------------------------------------
    @classmethod
    def title(cls) -> str:
        """The property, in a sentence: the first line of the docstring."""
        return (inspect.getdoc(cls) or "").split("\n")[0]

    @classmethod
    def sections(cls) -> dict[str, str]:
        """Docstring sections by heading, dedented; what a frame says for all its checks, too."""
        frame, lines = cls.__base__, dict[str, list[str]]()
        shared = frame.sections() if frame and issubclass(frame, Check) and frame != Check else {}
        current: list[str] | None = None
        for line in (inspect.getdoc(cls) or "").split("\n")[1:]:
            if line.strip() in SECTIONS and not line.startswith(" "):
                current = lines.setdefault(line.strip(), [])
            elif current is not None:
                current.append(line)
        own = {head: inspect.cleandoc("\n".join(["", *body])) for head, body in lines.items()}
        return {head: (shared | own)[head] for head in SECTIONS if head in shared | own}

    @classmethod
    def result(cls, outcome: Outcome, reason: str = "", **parts: Any) -> CheckResult:
        """What it answered, with what it is."""
        own: dict[str, Any] = {
            "code": cls.code,
            "name": cls.__name__,
            "title": cls.title(),
            "contract": cls.contract,
            "task": cls.task,
            "severity": cls.severity,
            "origin": cls.origin,
            "about": cls.sections() if cls.origin else {},
        }
        return CheckResult(outcome=outcome, reason=reason, **(own | parts))

    # --- for run() ----------------------------------------------------------------------------
    def finding(
        self,
        location: Location,
        message: str,
        *,
        measured: object = "",
        expected: object = "",
        key: str = "",
        severity: Severity | None = None,
        evidence: Sequence[str] | None = None,
        related: Location | None = None,
        cause: str = "",
    ) -> Finding:
        """A finding of this check, at a place of the source, an artifact or a document.

        Args:
            key: what tells it from others at the same place.
            evidence, expected: by default what all findings of the check rest on and expect.
            related: the hook of a behaviour that ``location`` traces to a definition; one that
                stands at a hook is placed by the engine.
            cause: what it shares with other cases of the check: the engine makes one finding of
                those, with a table (:mod:`audit_lib.model.causes`).  It names no case.
        """
        return Finding(
            code=self.code,
            contract=self.contract,
            task=self.task,
            severity=self.severity if severity is None else severity,
            location=location,
            message=message,
            measured=show(measured),
            expected=show(expected) or self.expects,
            remediation=_first_sentence(self.sections().get("Remediation", "")),
            key=key,
            evidence=tuple(self.cites if evidence is None else evidence),
            related=None if related == location else related,
            cause=cause,
        )

    def departs(self, message: str, *, hook: str = "", **said: Any) -> Finding:
        """A finding about what a hook does: the engine places it where the subject does it.

        Args:
            hook: by default the one that the check is :attr:`about`.
            said: what :meth:`finding` takes; where nothing else is measured, the message says it.
        """
        hook = hook or self.about or (*self.needs, *self.offered)[0]
        place = Location("", base=OF_A_HOOK, symbol=hook)
        return self.finding(place, message, **{"measured": message, **said})


def show(value: object) -> str:
    """A measured or expected value as short text; floats with six significant digits."""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 300 else text[:297] + "..."


def _first_sentence(text: str) -> str:
    flat = re.sub(r"\s+", " ", text).strip()
    match = re.match(r"(.+?\.)(\s|$)", flat)
    return match.group(1) if match else flat
